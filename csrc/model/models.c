/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Creates the set of networks of a weight file; knows no audio and no packets. */
#include "model/models.h"

#include "base/aligned.h"
#include "base/cpu.h"
#include "nn/exercise.h"

#include <stdio.h>
#include <string.h>

const char *dred_cpu(void) { return cpu_level_name(cpu_best_level()); }

const char *dred_cpu_name(int index) {
    return index < 0 || index > (int)cpu_best_level() ? NULL : cpu_level_name((cpu_level)index);
}

/* Level of a name, the best for NULL, or -1 where this processor has none of that name. */
static int usable_level(const char *cpu) {
    cpu_level best = cpu_best_level();
    int level = cpu == NULL ? (int)best : cpu_level_parse(cpu);
    return level <= (int)best ? level : -1;
}

/* Which networks have any array in the image. */
static int networks_present(const weights_image *image) {
    return (pitch_net_present(image) ? DRED_NET_PITCH : 0) |
           (rdovae_enc_present(image) ? DRED_NET_ENCODER : 0) |
           (rdovae_dec_present(image) ? DRED_NET_DECODER : 0) |
           (plc_net_present(image) ? DRED_NET_PLC : 0) |
           (fargan_present(image) ? DRED_NET_FARGAN : 0);
}

static int load_networks(dred_models *models, const weights_image *image, arena *memory) {
    const kernel_table *kernels = models->kernels;
    int rc = profile_load(&models->profile, image);
    if (rc == DRED_OK && (models->networks & DRED_NET_PITCH))
        rc = pitch_net_load(&models->pitch, image, kernels, memory);
    if (rc == DRED_OK && (models->networks & DRED_NET_ENCODER))
        rc = rdovae_enc_load(&models->encoder, image, kernels, memory);
    if (rc == DRED_OK && (models->networks & DRED_NET_DECODER))
        rc = rdovae_dec_load(&models->decoder, image, kernels, memory);
    if (rc == DRED_OK && (models->networks & DRED_NET_PLC))
        rc = plc_net_load(&models->plc, image, kernels, memory);
    if (rc == DRED_OK && (models->networks & DRED_NET_FARGAN))
        rc = fargan_load(&models->vocoder, image, kernels, memory);
    return rc;
}

/* Load twice: first without memory, which checks everything and measures, then into one block
 * that begins with the struct itself. */
static int create(const weights_image *image, cpu_level level, dred_models **created) {
    dred_models probe = {.networks = networks_present(image), .kernels = kernels_for(level)};
    arena memory = {NULL, 0};
    if (probe.networks == 0)
        return weights_fail(image, "weight file", "", "holds none of the known networks");
    int rc = load_networks(&probe, image, &memory);
    if (rc != DRED_OK)
        return rc;
    size_t head = aligned_size(sizeof probe);
    size_t size = head + memory.used;
    dred_models *models = aligned_take(size);
    if (models == NULL)
        return DRED_ERR_MEMORY;
    *models = probe;
    models->size = size;
    memory.base = (uint8_t *)models + head;
    memory.used = 0;
    *created = models;
    return load_networks(models, image, &memory);
}

dred_models *dred_models_create(const void *image, size_t size, const char *cpu, int *error,
                                char *message, size_t capacity) {
    dred_models *models = NULL;
    weights_image records;
    int level = usable_level(cpu);
    int rc;
    if (message != NULL && capacity > 0)
        message[0] = '\0';
    if (image == NULL || level < 0) {
        if (message != NULL && capacity > 0)
            snprintf(message, capacity, "%s", image == NULL ? "no image"
                                                            : "no such kernels on this processor");
        rc = DRED_ERR_ARGUMENT;
    } else {
        rc = weights_open(&records, image, size, message, capacity);
        if (rc == DRED_OK) {
            rc = create(&records, (cpu_level)level, &models);
            weights_close(&records);
        }
    }
    if (error != NULL)
        *error = rc;
    return models;
}

void dred_models_destroy(dred_models *models) { aligned_give(models); }

int dred_models_networks(const dred_models *models) {
    return models == NULL ? 0 : models->networks;
}

int dred_profile_version(const dred_profile *profile) {
    return profile == NULL ? profile_opus.version : profile->version;
}

const dred_profile *dred_models_profile(const dred_models *models) {
    return models == NULL ? &profile_opus : &models->profile;
}

const char *dred_models_cpu(const dred_models *models) {
    return models == NULL ? "" : cpu_level_name(models->kernels->level);
}

int64_t dred_exercise(const char *cpu, int inputs, int outputs, int density, int repeat) {
    enum { LARGEST = 4096 };
    int level = usable_level(cpu);
    if (level < 0 || inputs < 1 || inputs > LARGEST || inputs % NN_COLS != 0 || outputs < 1 ||
        outputs > LARGEST || outputs % NN_ROWS != 0 || density < 1 || density > 100 || repeat < 0)
        return DRED_ERR_ARGUMENT;
    int64_t products = exercise_product((cpu_level)level, inputs, outputs, density, repeat);
    return products < 0 ? DRED_ERR_MEMORY : products;
}

size_t dred_models_size(const dred_models *models) { return models == NULL ? 0 : models->size; }
