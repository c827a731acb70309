/* SPDX-License-Identifier: Apache-2.0 */
/* RE2 as far as the differential test needs it, for C. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct re2_peer re2_peer;

/** Compiles with RE2's default options. NULL when RE2 refuses; *ret_size then says that only a size was too large. */
re2_peer *re2_peer_new(const char *pattern, size_t len, bool *ret_size);
void re2_peer_free(re2_peer *peer);
size_t re2_peer_groups(const re2_peer *peer);

/** The leftmost match from start on; spans[2 * i] and [2 * i + 1] are the ends of group i, SIZE_MAX when it took no part. groups 0 asks
 *  for the verdict alone. */
bool re2_peer_find(const re2_peer *peer, const char *text, size_t len, size_t start, size_t *spans,
                   size_t groups);

#ifdef __cplusplus
}
#endif
