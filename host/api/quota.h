/* SPDX-License-Identifier: Apache-2.0 */
/* How many audit entries about requests that its scopes forbid a token may cause in one second. */
#pragma once
#include <pthread.h>

#include "host/api/limits.h"

typedef struct {
    pthread_mutex_t lock;
    uint64_t second, unsaid;
    uint64_t told; /* the second in which unsaid was last told */
    size_t n;      /* tokens that were forbidden something in this second */
    struct {
        char id[sizeof((cf_token *)0)->id];
        unsigned entries;
    } tokens[CF_API_FORBIDDEN_TOKENS_MAX];
} cf_quota;

/** Of the zero state. */
void cf_quota_init(cf_quota *q);
void cf_quota_free(cf_quota *q);

/** True while the second has room for one more entry about this token: CF_API_FORBIDDEN_ENTRIES_MAX of each, of at most
 *  CF_API_FORBIDDEN_TOKENS_MAX tokens. *ret_unsaid: when it is time to tell it, how many have had none since that was last told, this
 *  one included; else 0. now_ms on the monotonic clock. For all threads. */
bool cf_quota_take(cf_quota *q, const char *id, uint64_t now_ms, uint64_t *ret_unsaid);
