/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/quota.h"

void cf_quota_init(cf_quota *q)
{
    (void)pthread_mutex_init(&q->lock, NULL);
    q->told = UINT64_MAX;
}

void cf_quota_free(cf_quota *q)
{
    (void)pthread_mutex_destroy(&q->lock);
}

/* The token's entries of this second, or NULL when too many tokens have some. */
static unsigned *entries_of(cf_quota *q, const char *id)
{
    cf_view want = cf_view_str(id);
    for (size_t i = 0; i < q->n; i++) {
        if (cf_view_eq(cf_view_str(q->tokens[i].id), want)) {
            return &q->tokens[i].entries;
        }
    }
    if (q->n == CF_API_FORBIDDEN_TOKENS_MAX || want.len >= sizeof q->tokens[0].id) {
        return NULL;
    }
    cf_copy(q->tokens[q->n].id, want.data, want.len);
    q->tokens[q->n].id[want.len] = '\0';
    q->tokens[q->n].entries = 0;
    return &q->tokens[q->n++].entries;
}

bool cf_quota_take(cf_quota *q, const char *id, uint64_t now_ms, uint64_t *ret_unsaid)
{
    *ret_unsaid = 0;
    (void)pthread_mutex_lock(&q->lock);
    if (q->second != now_ms / 1000) {
        q->second = now_ms / 1000;
        q->n = 0;
    }
    unsigned *entries = entries_of(q, id);
    bool room = entries != NULL && *entries < CF_API_FORBIDDEN_ENTRIES_MAX;
    if (room) {
        ++*entries;
    } else {
        q->unsaid++;
    }
    /* One line in a second, whoever asks how often. */
    if (!room && q->told != q->second) {
        q->told = q->second;
        *ret_unsaid = q->unsaid;
        q->unsaid = 0;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return room;
}
