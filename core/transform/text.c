/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of case, encodings, and texts of which a part is hidden. */
#include "core/codec/base64.h"
#include "core/transform/transform_priv.h"
#include "core/unicode/unicode.h"

#define LAST_SHOWN 4

cf_result cf_fn_is_empty(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)run;
    (void)n;
    *ret = cf_cel_bool(args[0].len == 0);
    return cf_ok();
}

/* A field that is not set. */
cf_result cf_fn_is_empty_null(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                              cf_cel_value *ret)
{
    (void)run;
    (void)args;
    (void)n;
    *ret = cf_cel_bool(true);
    return cf_ok();
}

typedef cf_result case_to(cf_view text, uint8_t *to, size_t room, size_t *ret_len);

/* Two passes that look every code point up, so each step covers a few octets only. */
static cf_result change_case(cf_cel_run *run, const cf_cel_value *text, case_to *to,
                             cf_cel_value *ret)
{
    size_t len = 0;
    uint8_t *octets;
    CF_TRY(cf_cel_charge(run, 1 + text->len / 2));
    cf_result r = to(cf_cel_text(text), NULL, 0, &len);
    CF_REQUIRE(cf_is_ok(r) || r.code == CF_ERR_SIZE, CEL_ARGUMENT);
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, len, &octets, ret));
    return to(cf_cel_text(text), octets, len, &len);
}

cf_result cf_fn_lower(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    return change_case(run, &args[0], cf_unicode_lower_to, ret);
}

cf_result cf_fn_upper(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    return change_case(run, &args[0], cf_unicode_upper_to, ret);
}

/* ---- encodings ---- */

/* The codecs append to buffers; this one has all the room it needs in the arena, so it never moves. */
static CF_MUST_USE cf_result room_for(cf_cel_run *run, size_t len, cf_buf *ret_buf,
                                      cf_cel_value *ret)
{
    uint8_t *octets;
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, len, &octets, ret));
    *ret_buf = (cf_buf){octets, 0, len};
    return cf_ok();
}

cf_result cf_fn_base64_encode(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                              cf_cel_value *ret)
{
    (void)n;
    cf_buf to;
    CF_TRY(cf_cel_charge_text(run, args[0].len));
    CF_TRY(room_for(run, ((size_t)args[0].len + 2) / 3 * 4, &to, ret));
    ret->flags = CF_CEL_ASCII;
    return cf_base64_encode(cf_cel_text(&args[0]), &to);
}

CF_MUST_USE cf_result cf_transform_hex(cf_cel_run *run, cf_view octets, cf_cel_value *ret)
{
    cf_buf to;
    CF_TRY(cf_cel_charge_text(run, octets.len));
    CF_TRY(room_for(run, 2 * octets.len, &to, ret));
    ret->flags = CF_CEL_ASCII;
    return cf_hex_encode(octets, &to);
}

cf_result cf_fn_hex_encode(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    return cf_transform_hex(run, cf_cel_text(&args[0]), ret);
}

/* What was decoded is a string only if it is UTF-8; base64.decode gives octets. */
static CF_MUST_USE cf_result decoded(cf_result r, const cf_buf *octets, cf_cel_value *ret)
{
    CF_REQUIRE(cf_is_ok(r) && cf_utf8_ok(cf_buf_view(octets)), CEL_ARGUMENT);
    ret->len = (uint32_t)octets->len;
    return cf_ok();
}

cf_result cf_fn_base64_decode(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                              cf_cel_value *ret)
{
    (void)n;
    cf_buf to;
    CF_TRY(cf_cel_charge_text(run, args[0].len));
    CF_TRY(room_for(run, (size_t)args[0].len / 4 * 3, &to, ret));
    cf_result r = cf_base64_decode(cf_cel_text(&args[0]), &to);
    return decoded(r, &to, ret);
}

/* One text for one value: capitals are refused, as the AWS sample does. */
static bool has_capital(cf_view text)
{
    uint32_t capitals = 0;
    for (size_t i = 0; i < text.len; i++) {
        capitals |= (uint32_t)text.data[i] - 'A' < 26u;
    }
    return capitals != 0;
}

cf_result cf_fn_hex_decode(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_buf to;
    cf_view text = cf_cel_text(&args[0]);
    CF_TRY(cf_cel_charge_text(run, 2 * text.len));
    CF_REQUIRE(!has_capital(text), CEL_ARGUMENT);
    CF_TRY(room_for(run, text.len / 2, &to, ret));
    cf_result r = cf_hex_decode(text, &to);
    return decoded(r, &to, ret);
}

/* ---- hiding ---- */

/* The octet at which the last `keep` code points begin; 0 when there are not more than so many. */
static size_t tail_at(cf_view text, uint64_t keep)
{
    size_t at = text.len;
    while (keep > 0 && at > 0) {
        at--;
        keep -= (text.data[at] & 0xC0) != 0x80;
    }
    return at;
}

/* A text that is not longer than what would be shown of it is hidden as a whole: a short number must not be its own mask. */
cf_result cf_fn_mask(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_view text = cf_cel_text(&args[0]);
    uint8_t *octets;
    CF_TRY(cf_cel_charge_text(run, 2 * text.len));
    CF_REQUIRE(args[1].i >= 0, CEL_ARGUMENT);
    size_t tail = tail_at(text, (uint64_t)args[1].i);
    tail = tail == 0 ? text.len : tail;
    size_t stars = cf_utf8_len(cf_view_sub(text, 0, tail));
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, stars + text.len - tail, &octets, ret));
    for (size_t i = 0; i < stars; i++) {
        octets[i] = '*';
    }
    cf_copy(octets + stars, text.data + tail, text.len - tail);
    ret->flags = tail == text.len ? CF_CEL_ASCII : args[0].flags;
    return cf_ok();
}

cf_result cf_fn_last4(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_view text = cf_cel_text(&args[0]);
    CF_TRY(cf_cel_charge(run, TRANSFORM_SMALL_STEPS));
    size_t at = tail_at(text, LAST_SHOWN);
    CF_REQUIRE(cf_utf8_len(cf_view_sub(text, at, text.len - at)) == LAST_SHOWN, CEL_ARGUMENT);
    *ret = cf_cel_text_part(&args[0], at, text.len);
    return cf_ok();
}

/* "ada@example.org" becomes "a***@example.org"; of a local part of one character nothing is shown. */
cf_result cf_fn_redact_email(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                             cf_cel_value *ret)
{
    (void)n;
    static const cf_view stars = CF_LIT_INIT("***");
    cf_view text = cf_cel_text(&args[0]);
    uint8_t *octets;
    CF_TRY(cf_cel_charge_text(run, 2 * text.len));
    size_t at = text.len;
    while (at > 0 && text.data[at - 1] != '@') {
        at--;
    }
    /* at is behind the last @ */
    CF_REQUIRE(at > 1 && at < text.len, CEL_ARGUMENT);
    uint32_t c;
    size_t first = cf_utf8_get(text, 0, &c), local = at - 1;
    first = first < local ? first : 0;
    size_t rest = text.len - local;
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, first + stars.len + rest, &octets, ret));
    cf_copy(octets, text.data, first);
    cf_copy(octets + first, stars.data, stars.len);
    cf_copy(octets + first + stars.len, text.data + local, rest);
    ret->flags = args[0].flags;
    return cf_ok();
}
