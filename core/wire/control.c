/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of docs/formats/wire.md section 2 that carry no fields. */
#include "core/wire/wire_priv.h"

#define FIRST(n) ((UINT64_C(2) << (n)) - 2) /* keys 1 to n */

CF_MUST_USE cf_result cf_empty_encode(cf_buf *out)
{
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 0);
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_empty_decode(cf_view body)
{
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        cf_body_unknown(&b);
    }
    return cf_body_end(&b, 0);
}

CF_MUST_USE cf_result cf_hello_encode(const cf_hello *m, cf_buf *out)
{
    CF_REQUIRE(m->version_min >= 1 && m->version_min <= m->version_max, ARGUMENT);
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 2);
    cf_put_uint(&w, 1, m->version_min);
    cf_put_uint(&w, 2, m->version_max);
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_hello_decode(cf_view body, cf_hello *ret)
{
    *ret = (cf_hello){0};
    cf_hello m = {0};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        switch (b.key) {
        case 1:
            m.version_min = cf_body_uint(&b, 1, UINT64_MAX);
            break;
        case 2:
            m.version_max = cf_body_uint(&b, m.version_min, UINT64_MAX);
            break;
        default:
            cf_body_unknown(&b);
            break;
        }
    }
    CF_TRY(cf_body_end(&b, FIRST(2)));
    *ret = m;
    return cf_ok();
}

CF_MUST_USE cf_result cf_hello_answer_encode(const cf_hello_answer *m, cf_buf *out)
{
    CF_REQUIRE(m->boot_id.len == CF_BOOT_ID_BYTES && m->pcr0.len == CF_PCR_BYTES, ARGUMENT);
    CF_REQUIRE(m->module_id.len > 0, ARGUMENT);
    CF_REQUIRE(m->module_id.len <= CF_MODULE_ID_BYTES_MAX, SIZE);
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 6);
    cf_put_uint(&w, 1, m->version);
    cf_put_bytes(&w, 2, m->boot_id);
    cf_put_text(&w, 3, m->module_id);
    cf_put_bytes(&w, 4, m->pcr0);
    cf_put_uint(&w, 5, m->inflight_max);
    cf_put_uint(&w, 6, m->workers);
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_hello_answer_decode(cf_view body, cf_hello_answer *ret)
{
    *ret = (cf_hello_answer){0};
    cf_hello_answer m = {0};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        switch (b.key) {
        case 1:
            m.version = cf_body_uint(&b, 1, UINT64_MAX);
            break;
        case 2:
            m.boot_id = cf_body_bytes(&b, CF_BOOT_ID_BYTES, CF_BOOT_ID_BYTES);
            break;
        case 3:
            m.module_id = cf_body_text(&b, 1, CF_MODULE_ID_BYTES_MAX);
            break;
        case 4:
            m.pcr0 = cf_body_bytes(&b, CF_PCR_BYTES, CF_PCR_BYTES);
            break;
        case 5:
            m.inflight_max = cf_body_uint(&b, 1, UINT64_MAX);
            break;
        case 6:
            m.workers = cf_body_uint(&b, 1, UINT64_MAX);
            break;
        default:
            cf_body_unknown(&b);
            break;
        }
    }
    CF_TRY(cf_body_end(&b, FIRST(6)));
    *ret = m;
    return cf_ok();
}

CF_MUST_USE cf_result cf_health_encode(const cf_health *m, cf_buf *out)
{
    CF_REQUIRE(m->state.len > 0, ARGUMENT);
    CF_REQUIRE(m->state.len <= CF_WIRE_STATE_BYTES_MAX, SIZE);
    size_t before = out->len;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 6);
    cf_put_text(&w, 1, m->state);
    cf_put_uint(&w, 2, m->keys);
    cf_put_uint(&w, 3, m->answered);
    cf_put_uint(&w, 4, m->kms_calls);
    cf_put_uint(&w, 5, m->inflight);
    cf_put_uint(&w, 6, m->uptime_ms);
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_health_decode(cf_view body, cf_health *ret)
{
    *ret = (cf_health){0};
    cf_health m = {0};
    uint64_t *const counts[] = {&m.keys, &m.answered, &m.kms_calls, &m.inflight, &m.uptime_ms};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        if (b.key == 1) {
            m.state = cf_body_text(&b, 1, CF_WIRE_STATE_BYTES_MAX);
        } else if (b.key <= 6) {
            *counts[b.key - 2] = cf_cbor_uint(&b.c);
        } else {
            cf_body_unknown(&b);
        }
    }
    CF_TRY(cf_body_end(&b, FIRST(6)));
    *ret = m;
    return cf_ok();
}

static CF_MUST_USE cf_result credential_sizes(const cf_credentials_view *m)
{
    CF_REQUIRE(m->access_key_id.len > 0 && m->secret_key.len > 0, EMPTY);
    CF_REQUIRE(m->access_key_id.len <= CF_ACCESS_KEY_ID_BYTES_MAX, SIZE);
    CF_REQUIRE(m->secret_key.len <= CF_SECRET_KEY_BYTES_MAX, SIZE);
    CF_REQUIRE(m->session_token.len <= CF_SESSION_TOKEN_BYTES_MAX, SIZE);
    return cf_ok();
}

CF_MUST_USE cf_result cf_credentials_encode(const cf_credentials_view *m, cf_buf *out)
{
    CF_TRY(credential_sizes(m));
    size_t before = out->len;
    bool token = m->session_token.len > 0, expires = m->expires_ms > 0;
    cf_writer w = cf_body_writer(out);
    cf_cbor_put_map(&w, 2 + (size_t)token + (size_t)expires);
    cf_put_text(&w, 1, m->access_key_id);
    cf_put_text(&w, 2, m->secret_key);
    if (token) {
        cf_put_text(&w, 3, m->session_token);
    }
    if (expires) {
        cf_put_uint(&w, 4, m->expires_ms);
    }
    return cf_body_written(&w, before);
}

CF_MUST_USE cf_result cf_credentials_decode(cf_view body, cf_credentials_view *ret)
{
    *ret = (cf_credentials_view){0};
    cf_credentials_view m = {0};
    cf_body b = cf_body_of(body);
    while (cf_body_next(&b)) {
        switch (b.key) {
        case 1:
            m.access_key_id = cf_body_text(&b, 1, CF_ACCESS_KEY_ID_BYTES_MAX);
            break;
        case 2:
            m.secret_key = cf_body_text(&b, 1, CF_SECRET_KEY_BYTES_MAX);
            break;
        case 3:
            m.session_token = cf_body_text(&b, 1, CF_SESSION_TOKEN_BYTES_MAX);
            break;
        case 4:
            m.expires_ms = cf_body_uint(&b, 1, UINT64_MAX);
            break;
        default:
            cf_body_unknown(&b);
            break;
        }
    }
    CF_TRY(cf_body_end(&b, FIRST(2)));
    *ret = m;
    return cf_ok();
}
