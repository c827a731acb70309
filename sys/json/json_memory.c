/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/json/json_memory.h"

#include <malloc.h>
#include <stdlib.h>

#include "core/codec/json.h"
#include "core/crypto/primitives.h"
#include "sys/linux/log.h"

static void *json_new(size_t len)
{
    void *p = malloc(len);
    if (p == NULL) {
        cf_log(CF_LOG_ERROR, "memory.none", "octets=%zu", len);
        exit(1);
    }
    return p;
}

static void json_release(void *p)
{
    if (p != NULL) {
        /* all the block, as a string may be shorter than the place it was given */
        cf_wipe(p, malloc_usable_size(p));
        free(p);
    }
}

CF_MUST_USE cf_result cf_json_prepare(void)
{
    size_t seed = 0;
    CF_TRY(cf_random((uint8_t *)&seed, sizeof seed));
    json_set_alloc_funcs(json_new, json_release);
    json_object_seed(seed | 1); /* zero would make jansson look for a seed by itself */
    return cf_ok();
}
