/* SPDX-License-Identifier: Apache-2.0 */
/* Full upper and lower case of texts: the Unicode Standard, section 3.13. */
#include "core/unicode/tables_priv.h"

#define CAPITAL_SIGMA 0x3A3u
#define FINAL_SIGMA 0x3C2u

/* What the two directions differ in. */
typedef struct {
    const unicode_map *maps;
    const size_t *maps_n;
    const unicode_special *special;
    const size_t *special_n;
    uint8_t ascii_first; /* of the 26 letters that change */
    bool final_sigma;
} casing;

static const casing to_lower = {cf_unicode_lower_maps,
                                &cf_unicode_lower_maps_n,
                                cf_unicode_lower_special,
                                &cf_unicode_lower_special_n,
                                'A',
                                true};
static const casing to_upper = {cf_unicode_upper_maps,
                                &cf_unicode_upper_maps_n,
                                cf_unicode_upper_special,
                                &cf_unicode_upper_special_n,
                                'a',
                                false};

/* Counts on where the room ends, so that the caller learns what is needed. */
typedef struct {
    uint8_t *to;
    size_t room, len;
} sink;

static void put(sink *out, uint32_t c)
{
    uint8_t octets[CF_UTF8_BYTES_MAX];
    size_t n = cf_utf8_put(c, octets);
    if (out->len <= out->room && n <= out->room - out->len) {
        cf_copy(out->to + out->len, octets, n);
    }
    out->len += n;
}

static bool is_cased(uint32_t c)
{
    return cf_unicode_run_has(cf_unicode_cased, cf_unicode_cased_n, c);
}

static bool is_ignorable(uint32_t c)
{
    return cf_unicode_run_has(cf_unicode_case_ignorable, cf_unicode_case_ignorable_n, c);
}

/* Is the first code point that is not ignorable, from at on in one direction, cased? A long run of ignorable ones is passed only as
 * often as sigmas stand in it, and a sigma is not ignorable: linear. */
static bool cased_follows(cf_view text, size_t at)
{
    uint32_t c;
    for (size_t n = cf_utf8_get(text, at, &c); n > 0; n = cf_utf8_get(text, at, &c)) {
        if (!is_ignorable(c)) {
            return is_cased(c);
        }
        at += n;
    }
    return false;
}

static bool cased_precedes(cf_view text, size_t at)
{
    uint32_t c;
    for (size_t n = cf_utf8_get_before(text, at, &c); n > 0; n = cf_utf8_get_before(text, at, &c)) {
        if (!is_ignorable(c)) {
            return is_cased(c);
        }
        at -= n;
    }
    return false;
}

/* The code point of n octets at offset at. */
static void put_mapped(const casing *how, cf_view text, size_t at, size_t n, uint32_t c, sink *out)
{
    if (how->final_sigma && c == CAPITAL_SIGMA && cased_precedes(text, at) &&
        !cased_follows(text, at + n)) {
        put(out, FINAL_SIGMA);
        return;
    }
    size_t low = 0, high = *how->special_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (how->special[middle].from < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < *how->special_n && how->special[low].from == c) {
        const uint16_t *to = how->special[low].to;
        for (size_t i = 0; i < 3 && to[i] != 0; i++) {
            put(out, to[i]);
        }
        return;
    }
    size_t i = cf_unicode_map_find(how->maps, *how->maps_n, c);
    bool found = i < *how->maps_n && how->maps[i].lo <= c;
    put(out, found ? cf_unicode_map_apply(&how->maps[i], c) : c);
}

static cf_result map_to(const casing *how, cf_view text, uint8_t *to, size_t room, size_t *ret_len)
{
    sink out = {to, room, 0};
    *ret_len = 0;
    for (size_t at = 0; at < text.len;) {
        uint8_t octet = text.data[at];
        if (octet < 0x80) {
            bool changes = (uint8_t)(octet - how->ascii_first) < 26;
            if (out.len < room) {
                to[out.len] = changes ? octet ^ 0x20 : octet;
            }
            out.len++;
            at++;
            continue;
        }
        uint32_t c;
        size_t n = cf_utf8_get(text, at, &c);
        CF_REQUIRE(n > 0, UTF8);
        put_mapped(how, text, at, n, c, &out);
        at += n;
    }
    *ret_len = out.len;
    return cf_fail(out.len <= room ? CF_OK : CF_ERR_SIZE);
}

static cf_result map_in(const casing *how, cf_view text, size_t bytes_max, cf_arena *arena,
                        cf_view *ret)
{
    size_t len = 0;
    *ret = CF_VIEW_EMPTY;
    cf_result r = map_to(how, text, NULL, 0, &len);
    CF_REQUIRE(r.code != CF_ERR_UTF8, UTF8);
    CF_REQUIRE(len <= bytes_max && cf_arena_fits(arena, len), SIZE);
    uint8_t *to = cf_arena_new(arena, len, 1);
    CF_REQUIRE(to != NULL, NO_MEMORY);
    CF_TRY(map_to(how, text, to, len, &len));
    *ret = cf_view_make(to, len);
    return cf_ok();
}

CF_MUST_USE cf_result cf_unicode_lower(cf_view text, size_t bytes_max, cf_arena *arena,
                                       cf_view *ret)
{
    return map_in(&to_lower, text, bytes_max, arena, ret);
}

CF_MUST_USE cf_result cf_unicode_upper(cf_view text, size_t bytes_max, cf_arena *arena,
                                       cf_view *ret)
{
    return map_in(&to_upper, text, bytes_max, arena, ret);
}

CF_MUST_USE cf_result cf_unicode_lower_to(cf_view text, uint8_t *to, size_t room, size_t *ret_len)
{
    return map_to(&to_lower, text, to, room, ret_len);
}

CF_MUST_USE cf_result cf_unicode_upper_to(cf_view text, uint8_t *to, size_t room, size_t *ret_len)
{
    return map_to(&to_upper, text, to, room, ret_len);
}
