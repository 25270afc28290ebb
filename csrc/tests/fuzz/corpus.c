/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keeps inputs in memory, and reads them from files. */
#define _DEFAULT_SOURCE
#include "corpus.h"

#include "readers.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_BYTES = 1 << 28, PATH_BYTES = 4096 };

void corpus_add(corpus *kept, const void *data, size_t size) {
    if (kept->bytes + size > MOST_BYTES)
        return;
    if (kept->count == kept->room) {
        kept->room = kept->room > 0 ? 2 * kept->room : 64;
        kept->inputs = realloc(kept->inputs, kept->room * sizeof *kept->inputs);
        REQUIRE(kept->inputs != NULL);
    }
    input *added = &kept->inputs[kept->count++];
    added->data = malloc(size > 0 ? size : 1);
    REQUIRE(added->data != NULL);
    if (size > 0)
        memcpy(added->data, data, size);
    added->size = size;
    kept->bytes += size;
}

int corpus_add_file(corpus *kept, const char *path, size_t largest) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    uint8_t *data = malloc(largest);
    REQUIRE(data != NULL);
    size_t size = fread(data, 1, largest, file);
    int whole = !ferror(file);
    fclose(file);
    if (whole)
        corpus_add(kept, data, size);
    free(data);
    return whole;
}

int corpus_add_folder(corpus *kept, const char *path, size_t largest) {
    DIR *folder = opendir(path);
    int files = 0;
    if (folder == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[PATH_BYTES];
        struct stat status;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &status) == 0 && S_ISREG(status.st_mode))
            files += corpus_add_file(kept, name, largest);
    }
    closedir(folder);
    return files;
}
