/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The list of readers, and the entry for libFuzzer:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Icsrc -Icsrc/include -DDRED_VERSION='"0"' \
 *       csrc/tests/fuzz/read*.c csrc/tests/fuzz/networks.c \
 *       $(find csrc -name '*.c' -not -path '*tests*' -not -path '*examples*') -lm */
#include "readers.h"

#include <math.h>
#include <string.h>

const reader readers[READERS] = {
    {"packet", read_packet, 4096},
    {"payload", read_payload, 4096},
    {"stream", read_stream, 4096},
    {"model", read_model, 1 << 20},
};

void run_reader(const reader *which, const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    REQUIRE(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    which->read(copy, size);
    free(copy);
}

void require_finite(const float *values, int count) {
    for (int i = 0; i < count; i++)
        REQUIRE(isfinite(values[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int i = 0; i < READERS; i++)
        run_reader(&readers[i], data, size);
    return 0;
}
