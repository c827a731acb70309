/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/kms/credentials.h"

#include <pthread.h>

#include "sys/linux/locked.h"

typedef struct {
    size_t len;
    uint8_t b[CF_SESSION_TOKEN_BYTES_MAX];
} stored_text;

/* What lies in locked pages. */
typedef struct {
    stored_text access_key_id, secret_key, session_token;
    uint64_t expires_ms;
} stored;

struct cf_credentials {
    pthread_mutex_t lock;
    stored *stored;
    uint64_t generation; /* of what is stored; 0: nothing */
};

_Static_assert(CF_ACCESS_KEY_ID_BYTES_MAX <= CF_SESSION_TOKEN_BYTES_MAX &&
                   CF_SECRET_KEY_BYTES_MAX <= CF_SESSION_TOKEN_BYTES_MAX,
               "every text has room");

CF_MUST_USE cf_result cf_credentials_new(cf_credentials **ret)
{
    bool locked;
    *ret = NULL;
    cf_credentials *c = cf_mem_new(1, sizeof *c);
    CF_REQUIRE(c != NULL, NO_MEMORY);
    c->stored = cf_locked_new(sizeof *c->stored, &locked);
    if (c->stored == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        cf_locked_free(c->stored, sizeof *c->stored);
        cf_mem_free(c);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    *ret = c;
    return cf_ok();
}

void cf_credentials_free(cf_credentials **credentials)
{
    cf_credentials *c = *credentials;
    if (c != NULL) {
        cf_locked_free(c->stored, sizeof *c->stored);
        (void)pthread_mutex_destroy(&c->lock);
        cf_mem_free(c);
        *credentials = NULL;
    }
}

static void store(stored_text *t, cf_view v)
{
    cf_copy(t->b, v.data, v.len);
    t->len = v.len;
}

void cf_credentials_set(cf_credentials *c, const cf_credentials_view *v)
{
    (void)pthread_mutex_lock(&c->lock);
    cf_wipe(c->stored, sizeof *c->stored);
    store(&c->stored->access_key_id, v->access_key_id);
    store(&c->stored->secret_key, v->secret_key);
    store(&c->stored->session_token, v->session_token);
    c->stored->expires_ms = v->expires_ms;
    c->generation++;
    (void)pthread_mutex_unlock(&c->lock);
}

static cf_view text_of(const stored_text *t)
{
    return cf_view_make(t->b, t->len);
}

/* Under the lock, so that they are of one set: what is used is never copied but for what is sent. */
CF_MUST_USE cf_result cf_credentials_sign(void *self, const cf_aws_request *q, cf_buf *scratch,
                                          cf_http1_field ret[static CF_AWS_FIELDS_MAX],
                                          size_t *ret_n, uint64_t *ret_generation)
{
    cf_credentials *c = self;
    *ret_n = 0;
    (void)pthread_mutex_lock(&c->lock);
    const cf_sigv4_credentials with = {text_of(&c->stored->access_key_id),
                                       text_of(&c->stored->secret_key),
                                       text_of(&c->stored->session_token)};
    *ret_generation = c->generation;
    cf_result r = cf_fail(CF_ERR_NOT_FOUND);
    if (c->generation > 0) {
        r = cf_aws_fields(q, &with, scratch, ret, ret_n);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}
