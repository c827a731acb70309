/* SPDX-License-Identifier: Apache-2.0 */
/* Aliases: in memory in order of their names, and one file each in the state folder. Reading is safe from any thread; who changes
 * holds the service's change lock. */
#pragma once
#include "host/kmsd/state.h"

#define CF_ALIAS_BYTES_MAX 256

typedef struct {
    char name[CF_ALIAS_BYTES_MAX + 1]; /* "alias/..." */
    cf_uuid target;
    uint64_t created_ms, updated_ms;
} cf_alias;

typedef struct cf_aliases cf_aliases;

/** Reads all aliases. Files that do not open are logged and left alone: their names are free again. error IO, NO_MEMORY */
CF_MUST_USE cf_result cf_aliases_open(cf_kmsd_state *state, cf_aliases **ret);
void cf_aliases_free(cf_aliases **t);

/** An alias from the octets of its file. error parser codes, OPEN. */
CF_MUST_USE cf_result cf_alias_decode(const cf_secret *root, cf_view octets, cf_alias *ret);

bool cf_aliases_find(cf_aliases *t, cf_view name, cf_alias *ret);

/** Sets an alias, new or not; durable when it returns. error LIMIT over CF_KMSD_ALIASES_MAX; IO, NO_MEMORY, ... */
CF_MUST_USE cf_result cf_aliases_put(cf_aliases *t, const cf_alias *a);
/** error NOT_FOUND, IO */
CF_MUST_USE cf_result cf_aliases_remove(cf_aliases *t, cf_view name);

/** Up to max in order of their names, those of one key or (NULL) all, from the first behind the name after on (empty: all).
 *  *ret_more: others follow. */
size_t cf_aliases_list(cf_aliases *t, const cf_uuid *target, cf_view after, size_t max,
                       cf_alias *ret, bool *ret_more);
