/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/profile.h"

static const char *const key_names[] = {
#define ROW(sym, name) [CF_PROFILE_##sym] = (name),
    CF_PROFILE_KEYS(ROW)
#undef ROW
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static cf_view trim(cf_view v)
{
    size_t from = 0, to = v.len;
    while (from < to && is_blank(v.data[from])) {
        from++;
    }
    while (to > from && is_blank(v.data[to - 1])) {
        to--;
    }
    return cf_view_sub(v, from, to - from);
}

/* ASCII, without regard to case on the left side. */
static bool is_key(cf_view v, cf_view lower)
{
    bool same = v.len == lower.len;
    for (size_t i = 0; same && i < v.len; i++) {
        uint8_t c = v.data[i];
        same = (c >= 'A' && c <= 'Z' ? c + 32 : c) == lower.data[i];
    }
    return same;
}

typedef struct {
    cf_view name;
    bool config;
    bool inside;     /* the profile that is looked for */
    bool any;        /* a section has begun */
    bool any_key;    /* and has had a key, which indented lines belong to */
    bool ours;       /* that key is in the table */
    cf_profile *ret; /* of the profile */
} reader;

/* What stands in the brackets, as the name of a profile; *ret_is false when it names something else, such as a service. */
static cf_view section_name(const reader *r, cf_view inner, bool *ret_is)
{
    static const cf_view word = CF_LIT_INIT("profile");
    bool prefixed = inner.len > word.len && cf_view_eq(cf_view_sub(inner, 0, word.len), word) &&
                    is_blank(inner.data[word.len]);
    *ret_is = !r->config || prefixed || cf_view_eq(inner, CF_LIT("default"));
    if (r->config && prefixed) {
        inner = trim(cf_view_sub(inner, word.len, inner.len - word.len));
    }
    bool quoted =
        inner.len >= 2 && inner.data[0] == '"' && inner.data[inner.len - 1] == '"' && prefixed;
    return quoted ? cf_view_sub(inner, 1, inner.len - 2) : inner;
}

static cf_result on_section(reader *r, cf_view line)
{
    bool is = false;
    size_t end = 1;
    while (end < line.len && line.data[end] != ']') {
        end++;
    }
    CF_REQUIRE(end < line.len, MALFORMED);
    cf_view rest = trim(cf_view_sub(line, end + 1, line.len - end - 1));
    CF_REQUIRE(rest.len == 0 || rest.data[0] == '#' || rest.data[0] == ';', MALFORMED);
    cf_view name = section_name(r, trim(cf_view_sub(line, 1, end - 1)), &is);
    CF_REQUIRE(name.len > 0, MALFORMED);
    r->any = true;
    r->any_key = false;
    r->inside = is && cf_view_eq(name, r->name);
    CF_REQUIRE(!r->inside || !r->ret->found, DUPLICATE);
    r->ret->found = r->ret->found || r->inside;
    return cf_ok();
}

static cf_result on_key(reader *r, cf_view line)
{
    size_t at = 0;
    while (at < line.len && line.data[at] != '=') {
        at++;
    }
    cf_view key = trim(cf_view_sub(line, 0, at));
    CF_REQUIRE(r->any && at < line.len && key.len > 0, MALFORMED);
    r->any_key = true;
    r->ours = false;
    for (size_t i = 0; r->inside && i < CF_PROFILE_KEY_COUNT; i++) {
        if (is_key(key, cf_view_str(key_names[i]))) {
            CF_REQUIRE(r->ret->values[i].data == NULL, DUPLICATE);
            r->ret->values[i] = trim(cf_view_sub(line, at + 1, line.len - at - 1));
            r->ours = true;
        }
    }
    return cf_ok();
}

static cf_result on_line(reader *r, cf_view line)
{
    CF_REQUIRE(line.len <= CF_CREDS_PROFILE_LINE_BYTES_MAX, SIZE);
    for (size_t i = 0; i < line.len; i++) {
        CF_REQUIRE(line.data[i] != '\0', MALFORMED);
    }
    cf_view text = trim(line);
    if (text.len == 0 || text.data[0] == '#' || text.data[0] == ';') {
        return cf_ok();
    }
    if (is_blank(line.data[0])) {
        CF_REQUIRE(r->any_key && !(r->inside && r->ours), MALFORMED);
        return cf_ok();
    }
    return text.data[0] == '[' ? on_section(r, text) : on_key(r, text);
}

cf_result cf_profile_read(cf_view text, cf_view name, bool config, cf_profile *ret)
{
    cf_profile profile = {0};
    reader r = {.name = name, .config = config, .ret = &profile};
    *ret = profile;
    CF_REQUIRE(text.len <= CF_CREDS_PROFILE_BYTES_MAX, SIZE);
    for (size_t from = 0, to = 0; from < text.len; from = to + 1) {
        for (to = from; to < text.len && text.data[to] != '\n';) {
            to++;
        }
        CF_TRY(on_line(&r, cf_view_sub(text, from, to - from)));
    }
    *ret = profile;
    return cf_ok();
}
