/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/pem.h"

#include <stdio.h>
#include <string.h>

#include "core/codec/base64.h"

#define PEM_LINE_BYTES 64 /* of a line that begins or ends a block */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

CF_MUST_USE cf_result cli_without_blanks(cf_view text, cf_buf *out)
{
    CF_TRY(cf_buf_reserve(out, out->len + text.len));
    for (size_t i = 0; i < text.len; i++) {
        if (!is_blank(text.data[i])) {
            out->data[out->len++] = text.data[i];
        }
    }
    return cf_ok();
}

/* Where the line "-----WORD LABEL-----" stands; behind: what follows it, and else what stands before it. */
static bool split(cf_view text, const char *word, const char *label, bool behind, cf_view *ret)
{
    char line[PEM_LINE_BYTES];
    int n = snprintf(line, sizeof line, "-----%s %s-----", word, label);
    const uint8_t *at = n > 0 && (size_t)n < sizeof line && text.len > 0
                            ? memmem(text.data, text.len, line, (size_t)n)
                            : NULL;
    if (at == NULL) {
        return false;
    }
    size_t before = (size_t)(at - text.data), from = behind ? before + (size_t)n : 0;
    *ret = cf_view_sub(text, from, behind ? text.len - from : before);
    return true;
}

CF_MUST_USE cf_result cli_pem_blocks(cf_view file, const char *label, cf_buf *out)
{
    cf_view rest = file, body;
    while (split(rest, "BEGIN", label, true, &rest)) {
        char line[PEM_LINE_BYTES];
        CF_REQUIRE(split(rest, "END", label, false, &body), MALFORMED);
        int n = snprintf(line, sizeof line, "-----BEGIN %s-----", label);
        CF_TRY(cf_buf_append(out, cf_view_make(line, (size_t)n)));
        CF_TRY(cf_buf_append(out, body));
        n = snprintf(line, sizeof line, "-----END %s-----\n", label);
        CF_TRY(cf_buf_append(out, cf_view_make(line, (size_t)n)));
        rest = cf_view_sub(rest, body.len, rest.len - body.len);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cli_from_pem(cf_view file, const char *label, cf_buf *out)
{
    CF_BUF(text);
    cf_view body;
    if (!split(file, "BEGIN", label, true, &body)) {
        return cf_buf_append(out, file);
    }
    CF_REQUIRE(split(body, "END", label, false, &body), MALFORMED);
    CF_TRY(cli_without_blanks(body, &text));
    return cf_base64_decode(cf_buf_view(&text), out);
}
