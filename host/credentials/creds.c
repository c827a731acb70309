/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/creds.h"

void cf_creds_free(cf_creds *c)
{
    cf_buf_free(&c->access_key_id);
    cf_buf_free(&c->secret_key);
    cf_buf_free(&c->session_token);
    c->expires_ms = 0;
}

static cf_result check(cf_view v, size_t max)
{
    CF_REQUIRE(v.len <= max, SIZE);
    for (size_t i = 0; i < v.len; i++) {
        CF_REQUIRE(v.data[i] > ' ' && v.data[i] <= '~', MALFORMED);
    }
    return cf_ok();
}

cf_result cf_creds_set(cf_creds *ret, cf_view access_key_id, cf_view secret_key,
                       cf_view session_token, uint64_t expires_ms)
{
    CF_CREDS(c);
    CF_REQUIRE(access_key_id.len > 0 && secret_key.len > 0, EMPTY);
    CF_TRY(check(access_key_id, CF_ACCESS_KEY_ID_BYTES_MAX));
    CF_TRY(check(secret_key, CF_SECRET_KEY_BYTES_MAX));
    CF_TRY(check(session_token, CF_SESSION_TOKEN_BYTES_MAX));
    CF_TRY(cf_buf_set(&c.access_key_id, access_key_id));
    CF_TRY(cf_buf_set(&c.secret_key, secret_key));
    CF_TRY(cf_buf_set(&c.session_token, session_token));
    c.expires_ms = expires_ms;
    cf_creds_free(ret);
    *ret = c;
    c = (cf_creds){{0}, {0}, {0}, 0};
    return cf_ok();
}

bool cf_creds_same(const cf_creds *a, const cf_creds *b)
{
    return cf_ct_eq(cf_buf_view(&a->access_key_id), cf_buf_view(&b->access_key_id)) &&
           cf_ct_eq(cf_buf_view(&a->secret_key), cf_buf_view(&b->secret_key)) &&
           cf_ct_eq(cf_buf_view(&a->session_token), cf_buf_view(&b->session_token)) &&
           a->expires_ms == b->expires_ms;
}

bool cf_creds_ended(const cf_creds *c, uint64_t now_ms)
{
    return c->expires_ms != 0 && c->expires_ms <= now_ms;
}

cf_result cf_creds_put(const cf_creds *c, cf_buf *out)
{
    const cf_credentials_view v = {cf_buf_view(&c->access_key_id), cf_buf_view(&c->secret_key),
                                   cf_buf_view(&c->session_token), c->expires_ms};
    return cf_credentials_encode(&v, out);
}

/* --- names --- */

static const char *const source_names[] = {
#define ROW(sym, name) [CF_CREDS_FROM_##sym] = (name),
    CF_CREDS_SOURCES(ROW)
#undef ROW
};

const char *cf_creds_source_name(cf_creds_source s)
{
    return (unsigned)s < CF_CREDS_SOURCE_COUNT ? source_names[s] : "none";
}

bool cf_creds_source_of(cf_view name, cf_creds_source *ret)
{
    for (*ret = 0; *ret < CF_CREDS_FROM_FILE; (*ret)++) {
        if (cf_view_eq(name, cf_view_str(source_names[*ret]))) {
            return true;
        }
    }
    *ret = CF_CREDS_SOURCE_COUNT;
    return false;
}

static const struct {
    const char *code, *text;
} faults[] = {
#define ROW(sym, c, t) [CF_CREDS_##sym] = {(c), (t)},
    CF_CREDS_FAULTS(ROW)
#undef ROW
};

const char *cf_creds_fault_code(cf_creds_fault f)
{
    return faults[(unsigned)f < CF_CREDS_FAULT_COUNT ? f : CF_CREDS_SYSTEM].code;
}

const char *cf_creds_fault_text(cf_creds_fault f)
{
    return faults[(unsigned)f < CF_CREDS_FAULT_COUNT ? f : CF_CREDS_SYSTEM].text;
}

cf_result cf_creds_blame(cf_result r, cf_creds_story *s, cf_creds_fault fault, const char *what)
{
    if (!cf_is_ok(r)) {
        s->fault = r.code == CF_ERR_NO_MEMORY ? CF_CREDS_SYSTEM : fault;
        s->cause = r.code;
        s->what = what;
    }
    return r;
}

cf_result cf_creds_need(bool cond, cf_creds_story *s, cf_creds_fault fault, cf_err cause,
                        const char *what)
{
    return cond ? cf_ok() : cf_creds_blame(cf_fail(cause), s, fault, what);
}
