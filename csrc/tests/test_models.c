/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The weight file reader against good and broken images, and every network on random weights:
 * kernel sets agree, and no input gives anything but finite numbers. */
#include "check.h"
#include "model/models.h"
#include "network_images.h"

/* ---- the reader ---- */

/* A broken image gives an error and a message with this text. */
static void expect_failure(const uint8_t *bytes, size_t size, const char *text) {
    char message[200] = "";
    int error = 0;
    /* A heap copy of the exact size lets the address sanitiser see every byte read too far. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    dred_models *models = dred_models_create(copy, size, NULL, &error, message, sizeof message);
    CHECK(models == NULL);
    CHECK(error == DRED_ERR_MODEL);
    CHECK(strstr(message, text) != NULL);
    if (strstr(message, text) == NULL)
        fprintf(stderr, "expected '%s', got '%s'\n", text, message);
    dred_models_destroy(models);
    free(copy);
}

static void check_broken(const image_builder *good) {
    enum { DATA = IMAGE_HEADER, VERSION = 4, TYPE = 8, SIZE = 12, BLOCK = 16, NAME = 20 };
    static const struct {
        const char *array;
        int offset; /* in the record */
        uint32_t value;
        const char *text;
    } cases[] = {
        {"plc_dense_in_bias", 0, 0x58585858, "magic"},
        {"plc_dense_in_bias", VERSION, 1, "plc_dense_in_bias: unknown record version"},
        {"plc_dense_in_bias", TYPE, 4, "plc_dense_in_bias: unknown data type"},
        {"plc_dense_in_bias", TYPE, 0xffffffff, "unknown data type"},
        {"plc_dense_in_bias", TYPE, IMAGE_INT, "plc_dense_in_bias: wrong data type"},
        {"plc_gru2_input_weights_int8", TYPE, IMAGE_FLOAT, "wrong data type"},
        {"plc_gru1_input_weights_idx", TYPE, IMAGE_FLOAT, "wrong data type"},
        {"plc_dense_in_bias", SIZE, 0, "impossible size"},
        {"plc_dense_in_bias", SIZE, 0xfffffffc, "impossible size"},
        {"plc_dense_in_bias", SIZE, 516, "impossible size"}, /* above the block size */
        {"plc_dense_in_bias", SIZE, 508, "plc_dense_in_bias: wrong size"},
        {"plc_gru2_input_weights_int8", SIZE, 576 * 192 - 1, "wrong size"},
        {"plc_dense_in_bias", BLOCK, 513, "impossible size"},
        {"plc_dense_in_bias", BLOCK, 0x7fffffc0, "the file ends"},
        {"plc_dense_in_bias", BLOCK, 576, "magic"},
        {"plc_dense_in_bias", NAME, 0, "malformed name"},
        {"plc_dense_in_bias", NAME, 0x1b5b1b5b, "malformed name"},
        {"plc_dense_in_weights_float", NAME, 0x78787878, "plc_dense_in: no weights"},
        {"plc_gru2_input_weights_int8", NAME, 0x78787878, "plc_gru2_input: no weights"},
        {"plc_gru2_input_scale", NAME, 0x78787878, "plc_gru2_input_scale: array missing"},
        {"plc_dense_in_bias", DATA, 0x7fc00000, "plc_dense_in_bias: value"},          /* NaN */
        {"plc_dense_out_weights_float", DATA + 8, 0x7f800000, "value not finite"},   /* inf */
        {"plc_dense_out_weights_float", DATA + 8, 0xff7fffff, "absurdly large"},
        {"plc_gru2_input_scale", DATA + 4, 0, "plc_gru2_input_scale: not positive"},
        {"plc_gru2_input_scale", DATA + 4, 0xbf800000, "not positive"},
        {"plc_gru1_input_weights_idx", DATA, 0xffffffff, "impossible block count"},
        {"plc_gru1_input_weights_idx", DATA, 33, "impossible block count"},
        {"plc_gru1_input_weights_idx", DATA, 0, "plc_gru1_input_weights_idx"},
        {"plc_gru1_input_weights_idx", DATA + 4, 0xfffffffc, "column out of range"},
        {"plc_gru1_input_weights_idx", DATA + 4, 2, "column out of range"},
        {"plc_gru1_input_weights_idx", DATA + 8, 128, "column out of range"},
        {"plc_gru1_input_weights_idx", DATA + 8, 0, "columns do not increase"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *copy = malloc(good->size);
        memcpy(copy, good->bytes, good->size);
        const uint8_t *record = image_find(good, cases[i].array);
        image_put32(copy + (record - good->bytes) + cases[i].offset, cases[i].value);
        expect_failure(copy, good->size, cases[i].text);
        free(copy);
    }
    /* Cut anywhere but between records. */
    for (size_t size = 1; size < good->size; size += 1 + good->size / 97)
        if (size % 64 != 0)
            expect_failure(good->bytes, size, "the file ends");
    expect_failure(good->bytes, 0, "empty");

    image_builder twice = {.seed = 1};
    image_plc(&twice);
    image_layer(&twice, "plc_dense_in", 57, 128, LAYER_DENSE);
    expect_failure(twice.bytes, twice.size, "name occurs twice");
    free(twice.bytes);

    /* An index with an entry too many, and with a group too few. */
    for (int extra = -1; extra <= 1; extra += 2) {
        image_builder image = {.seed = 3};
        int32_t index[73] = {0};
        image_add(&image, "plc_gru1_input", "_weights_idx", IMAGE_INT, index,
                  (size_t)(72 + extra) * 4);
        image_layer(&image, "plc_dense_in", 57, 128, LAYER_DENSE);
        expect_failure(image.bytes, image.size, extra < 0 ? "too few" : "left over");
        free(image.bytes);
    }

    image_builder unknown = {.seed = 1};
    image_layer(&unknown, "something_else", 8, 8, LAYER_INT8);
    expect_failure(unknown.bytes, unknown.size, "none of the known networks");
    free(unknown.bytes);
}

static void check_arguments(const image_builder *good) {
    char message[100];
    int error = 0;
    CHECK(dred_models_create(NULL, 10, NULL, &error, message, sizeof message) == NULL);
    CHECK(error == DRED_ERR_ARGUMENT);
    CHECK(dred_models_create(good->bytes, good->size, "z80", &error, NULL, 0) == NULL);
    CHECK(error == DRED_ERR_ARGUMENT);
    CHECK(dred_models_create(good->bytes, good->size - 1, NULL, NULL, NULL, 0) == NULL);
    dred_models_destroy(NULL);
    CHECK(dred_models_networks(NULL) == 0 && dred_models_size(NULL) == 0);
    int sets = 0;
    while (dred_cpu_name(sets) != NULL)
        sets++;
    CHECK(sets > 0 && strcmp(dred_cpu_name(0), "portable") == 0);
    CHECK(sets > 0 && strcmp(dred_cpu_name(sets - 1), dred_cpu()) == 0);
    CHECK(dred_cpu_name(-1) == NULL);
    CHECK(dred_exercise("portable", 64, 32, 100, 2) == 64 * 32);
    CHECK(dred_exercise(NULL, 64, 32, 50, 2) > 0 && dred_exercise(NULL, 64, 32, 50, 2) < 64 * 32);
    CHECK(dred_exercise("z80", 64, 32, 100, 1) == DRED_ERR_ARGUMENT);
    CHECK(dred_exercise(NULL, 62, 32, 100, 1) == DRED_ERR_ARGUMENT);
    CHECK(dred_exercise(NULL, 64, 32, 0, 1) == DRED_ERR_ARGUMENT);
}

/* ---- the networks ---- */

enum { TRACE = 4000 };

typedef struct trace {
    float value[TRACE];
    int count;
} trace;

static void keep(trace *t, const float *x, int n) {
    for (int i = 0; i < n && t->count < TRACE; i++)
        t->value[t->count++] = x[i];
}

/* Run every network a few steps. */
static void run_networks(const dred_models *models, trace *t, float bad) {
    image_builder random = {.seed = 11};
    pitch_net_state pitch = {.gru = {0}};
    rdovae_enc_state encoder = {.gru = {{0}}};
    rdovae_dec_state decoder;
    plc_net_state plc = {.gru = {{0}}};
    fargan_state vocoder;
    float in[400], out[160], more[50];
    for (int i = 0; i < 400; i++)
        in[i] = 0.5f * image_uniform(&random);
    rdovae_dec_init(&models->decoder, &decoder, in);
    for (int step = 0; step < 6; step++) {
        in[step] = step >= 2 ? bad : in[step];
        out[0] = pitch_net_step(&models->pitch, &pitch, in, in + 100);
        keep(t, out, 1);
        rdovae_enc_step(&models->encoder, &encoder, in, out, more);
        keep(t, out, RDOVAE_LATENT);
        keep(t, more, RDOVAE_STATE);
        rdovae_dec_run(&models->decoder, &decoder, in, 1, out);
        keep(t, out, RDOVAE_DEC_OUTPUT);
        plc_net_step(&models->plc, &plc, in, out);
        keep(t, out, PLC_NET_OUTPUT);
    }
    fargan_reset(&vocoder);
    for (int step = 0; step < 4; step++) {
        in[18] = step == 1 ? bad : (float)step - 2.0f; /* pitch, also out of range */
        if (step == 2)
            fargan_resume(&models->vocoder, &vocoder, in, in + 5);
        fargan_step(&models->vocoder, &vocoder, in, out);
        keep(t, out, FARGAN_FRAME);
    }
}

/* Many chunks at once give what one after the other gives, also where blocks are not filled. */
static void check_decoder_blocks(const dred_models *models) {
    enum { CHUNKS = 21, FIRST = 3 };
    image_builder random = {.seed = 12};
    static float latents[CHUNKS * RDOVAE_DEC_INPUT], once[CHUNKS * RDOVAE_DEC_OUTPUT];
    static float single[CHUNKS * RDOVAE_DEC_OUTPUT], start[RDOVAE_DEC_STATE];
    rdovae_dec_state a, b;
    for (int i = 0; i < CHUNKS * RDOVAE_DEC_INPUT; i++)
        latents[i] = 2.0f * image_uniform(&random);
    rdovae_dec_init(&models->decoder, &a, start);
    rdovae_dec_init(&models->decoder, &b, start);
    rdovae_dec_run(&models->decoder, &a, latents, FIRST, once);
    rdovae_dec_run(&models->decoder, &a, latents + FIRST * RDOVAE_DEC_INPUT, CHUNKS - FIRST,
                   once + FIRST * RDOVAE_DEC_OUTPUT);
    for (int i = 0; i < CHUNKS; i++)
        rdovae_dec_run(&models->decoder, &b, latents + i * RDOVAE_DEC_INPUT, 1,
                       single + i * RDOVAE_DEC_OUTPUT);
    CHECK(memcmp(once, single, sizeof once) == 0);
    CHECK(memcmp(&a, &b, sizeof a) == 0);
}

static void check_networks(void) {
    image_builder image = {.seed = 5};
    static trace portable, other;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -1e30f, 1e-42f};
    image_networks(&image);
    for (int level = 0; level <= (int)cpu_best_level(); level++) {
        const char *name = cpu_level_name((cpu_level)level);
        dred_models *models = image_open(&image, name);
        if (models == NULL)
            break;
        CHECK(dred_models_networks(models) == DRED_NET_ALL);
        CHECK(dred_models_size(models) > image.size / 2);
        CHECK(strcmp(dred_models_cpu(models), name) == 0);
        trace *t = level == 0 ? &portable : &other;
        t->count = 0;
        run_networks(models, t, 0.25f);
        /* Last digits decide some codes of 1/127: the sets agree as well as the format does. */
        for (int i = 0; i < t->count; i++)
            CHECK_NEAR(t->value[i], portable.value[i], 0.1);
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            other.count = 0;
            run_networks(models, &other, odd[k]);
            for (int i = 0; i < other.count; i++)
                CHECK(isfinite(other.value[i]));
        }
        check_decoder_blocks(models);
        dred_models_destroy(models);
    }
    free(image.bytes);
}

void test_models(void) {
    image_builder plc = {.seed = 2};
    image_plc(&plc);
    dred_models *models = image_open(&plc, NULL);
    CHECK(dred_models_networks(models) == DRED_NET_PLC);
    CHECK(models == NULL || strcmp(dred_models_cpu(models), dred_cpu()) == 0);
    dred_models_destroy(models);
    check_broken(&plc);
    check_arguments(&plc);
    free(plc.bytes);
    check_networks();
}
