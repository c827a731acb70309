/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/if_match.h"

#include "core/base/number.h"

static cf_view trim(cf_view v)
{
    while (v.len > 0 && (v.data[0] == ' ' || v.data[0] == '\t')) {
        v = cf_view_sub(v, 1, v.len - 1);
    }
    while (v.len > 0 && (v.data[v.len - 1] == ' ' || v.data[v.len - 1] == '\t')) {
        v = cf_view_sub(v, 0, v.len - 1);
    }
    return v;
}

/* One tag up to the next comma outside quotes, taken off the list. */
static CF_MUST_USE cf_result next_tag(cf_view *list, cf_view *ret)
{
    bool quoted = false;
    size_t n = 0;
    while (n < list->len && (quoted || list->data[n] != ',')) {
        quoted ^= list->data[n] == '"';
        n++;
    }
    CF_REQUIRE(!quoted, MALFORMED);
    *ret = trim(cf_view_sub(*list, 0, n));
    *list = n < list->len ? cf_view_sub(*list, n + 1, list->len - n - 1) : CF_VIEW_EMPTY;
    return cf_ok();
}

/* The version that a tag names, or 0 for one that can match nothing. */
static CF_MUST_USE cf_result tag_version(cf_view tag, uint64_t *ret)
{
    bool weak = tag.len >= 2 && tag.data[0] == 'W' && tag.data[1] == '/';
    if (weak) {
        tag = cf_view_sub(tag, 2, tag.len - 2);
    }
    bool quoted = tag.len >= 2 && tag.data[0] == '"' && tag.data[tag.len - 1] == '"';
    if (quoted) {
        tag = cf_view_sub(tag, 1, tag.len - 2);
    }
    CF_REQUIRE(quoted || (!weak && tag.len > 0), MALFORMED);
    cf_result number = cf_parse_u64(tag, UINT64_MAX, ret);
    CF_REQUIRE(quoted || cf_is_ok(number), MALFORMED);
    if (weak || !cf_is_ok(number)) {
        *ret = 0;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_if_match_parse(cf_view header, cf_if_match *ret)
{
    *ret = (cf_if_match){.present = header.data != NULL};
    /* A header that names no version must not be taken for none: the change would be made without a condition. */
    CF_REQUIRE(!ret->present || trim(header).len > 0, MALFORMED);
    if (cf_view_eq(trim(header), CF_LIT("*"))) {
        ret->any = true;
        return cf_ok();
    }
    while (header.len > 0) {
        cf_view tag = CF_VIEW_EMPTY;
        CF_TRY(next_tag(&header, &tag));
        CF_REQUIRE(ret->n < CF_API_IF_MATCH_TAGS_MAX, SIZE);
        CF_TRY(tag_version(tag, &ret->versions[ret->n]));
        ret->n++;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_if_match_check(const cf_if_match *m, uint64_t version)
{
    bool met = !m->present || m->any;
    for (size_t i = 0; i < m->n; i++) {
        met = met || (version != 0 && m->versions[i] == version);
    }
    CF_REQUIRE(met, VERSION_MISMATCH);
    return cf_ok();
}
