/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Weight images of all the networks, with random weights, dense and sparse layers of both kinds;
 * knows layer names and shapes only. */
#ifndef NETWORK_IMAGES_H
#define NETWORK_IMAGES_H

#include "check.h"
#include "dred.h"
#include "image_builder.h"

enum { SPARSE_INT8 = LAYER_INT8 | LAYER_SPARSE };

static inline void image_conv2d(image_builder *image, const char *name, int in, int out) {
    image_add_floats(image, name, "_bias", (size_t)out, 0.0f, 0.1f);
    image_add_floats(image, name, "_weight_float", (size_t)(in * out * 9), 0.0f, 0.3f);
}

static inline void image_gru(image_builder *image, const char *name, int inputs, int units, int kind) {
    char part[80];
    snprintf(part, sizeof part, "%s_input", name);
    image_layer(image, part, inputs, 3 * units, kind);
    snprintf(part, sizeof part, "%s_recurrent", name);
    image_layer(image, part, units, 3 * units, LAYER_INT8);
}

static inline void image_pitch(image_builder *image) {
    image_layer(image, "dense_if_upsampler_1", 88, 64, LAYER_INT8);
    image_layer(image, "dense_if_upsampler_2", 64, 64, LAYER_INT8);
    image_layer(image, "dense_downsampler", 288, 64, LAYER_INT8);
    image_layer(image, "dense_final_upsampler", 64, 192, LAYER_INT8);
    image_gru(image, "gru_1", 64, 64, LAYER_INT8);
    image_conv2d(image, "conv2d_1", 1, 4);
    image_conv2d(image, "conv2d_2", 4, 1);
}

/* The stages that encoder and decoder have in common. */
static inline void image_stages(image_builder *image, const char *prefix, int before, int units, int conv) {
    char name[44];
    for (int i = 1; i <= 5; i++, before += units + conv) {
        snprintf(name, sizeof name, "%s_gru%d", prefix, i);
        image_gru(image, name, before, units, SPARSE_INT8);
        snprintf(name, sizeof name, "%s_conv_dense%d", prefix, i);
        image_layer(image, name, before + units, conv, SPARSE_INT8);
        snprintf(name, sizeof name, "%s_conv%d", prefix, i);
        image_layer(image, name, 2 * conv, conv, LAYER_INT8);
    }
}

static inline void image_encoder(image_builder *image) {
    image_layer(image, "enc_dense1", 40, 64, LAYER_DENSE);
    image_stages(image, "enc", 64, 32, 64);
    image_layer(image, "enc_zdense", 544, 32, LAYER_INT8);
    image_layer(image, "gdense1", 544, 128, LAYER_SPARSE);
    image_layer(image, "gdense2", 128, 56, LAYER_INT8);
}

static inline void image_decoder(image_builder *image) {
    char name[44];
    image_layer(image, "dec_hidden_init", 50, 128, LAYER_DENSE);
    image_layer(image, "dec_gru_init", 128, 320, SPARSE_INT8);
    image_layer(image, "dec_dense1", 26, 96, LAYER_DENSE);
    image_stages(image, "dec", 96, 64, 32);
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "dec_glu%d", i);
        image_layer(image, name, 64, 64, LAYER_INT8);
    }
    image_layer(image, "dec_output", 576, 80, SPARSE_INT8);
}

static inline void image_plc(image_builder *image) {
    image_layer(image, "plc_dense_in", 57, 128, LAYER_DENSE);
    image_gru(image, "plc_gru1", 128, 192, SPARSE_INT8);
    image_gru(image, "plc_gru2", 192, 192, LAYER_INT8);
    image_layer(image, "plc_dense_out", 192, 20, LAYER_DENSE);
}

static inline void image_fargan(image_builder *image) {
    static const int inputs[] = {272, 240, 208}, units[] = {160, 128, 128};
    char name[44];
    image_layer(image, "cond_net_pembed", 224, 12, LAYER_DENSE);
    image_layer(image, "cond_net_fdense1", 32, 64, LAYER_DENSE);
    image_layer(image, "cond_net_fconv1", 192, 128, LAYER_INT8);
    image_layer(image, "cond_net_fdense2", 128, 320, LAYER_INT8);
    image_layer(image, "sig_net_cond_gain_dense", 80, 1, LAYER_DENSE);
    image_layer(image, "sig_net_fwc0_conv", 328, 192, LAYER_INT8);
    image_layer(image, "sig_net_fwc0_glu_gate", 192, 192, LAYER_INT8);
    image_layer(image, "sig_net_gain_dense_out", 192, 4, LAYER_DENSE);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "sig_net_gru%d", i + 1);
        image_gru(image, name, inputs[i], units[i], LAYER_INT8);
        snprintf(name, sizeof name, "sig_net_gru%d_glu_gate", i + 1);
        image_layer(image, name, units[i], units[i], LAYER_INT8);
    }
    image_layer(image, "sig_net_skip_dense", 688, 128, LAYER_INT8);
    image_layer(image, "sig_net_skip_glu_gate", 128, 128, LAYER_INT8);
    image_layer(image, "sig_net_sig_dense_out", 128, 40, LAYER_INT8);
}

/* A profile of its own, with tables that any coder can use: a third of the dimensions is not coded. */
static inline void image_profile(image_builder *image, int version) {
    static const char *const names[2] = {"profile_latent", "profile_state"};
    static const size_t dimensions[2] = {DRED_LATENT_DIM, DRED_STATE_DIM};
    int32_t number = version;
    image_add(image, "profile_version", "", IMAGE_INT, &number, sizeof number);
    for (int kind = 0; kind < 2; kind++) {
        uint8_t tables[4 * DRED_LEVELS * DRED_STATE_DIM];
        size_t one = DRED_LEVELS * dimensions[kind], count = 4 * one;
        for (size_t i = 0; i < count; i++)
            tables[i] = (uint8_t)(1 + image_random(image) % 254);
        for (size_t i = 0; i < one; i += 3)
            tables[(i % 2 ? DRED_TABLE_DECAY : DRED_TABLE_P0) * one + i] = i % 2 ? 0 : 255;
        image_add(image, names[kind], "", IMAGE_INT8, tables, count);
    }
}

static inline dred_models *image_open(const image_builder *image, const char *cpu) {
    char message[200];
    int error = 1;
    dred_models *models =
        dred_models_create(image->bytes, image->size, cpu, &error, message, sizeof message);
    CHECK(models != NULL && error == DRED_OK && message[0] == '\0');
    if (models == NULL)
        fprintf(stderr, "%s\n", message);
    return models;
}

static inline void image_networks(image_builder *image) {
    image_pitch(image);
    image_encoder(image);
    image_decoder(image);
    image_plc(image);
    image_fargan(image);
}

#endif
