/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The networks that streams are coded and concealed with. */
#include "networks.h"

#include "readers.h"
#include "tests/network_images.h"

enum { SPARSE = 16 }; /* one block in so many: what is read matters, not what it sounds like */

const dred_models *fuzz_networks(void) {
    static dred_models *models;
    if (models == NULL) {
        image_builder image = {.seed = 1, .one_in = SPARSE};
        image_networks(&image);
        models = dred_models_create(image.bytes, image.size, NULL, NULL, NULL, 0);
        REQUIRE(models != NULL);
        free(image.bytes);
    }
    return models;
}
