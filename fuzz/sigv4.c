/* SPDX-License-Identifier: Apache-2.0 */
/* cf_sigv4_canonical: the input is a path, a query, a header's name and its value, parted by octets 0. What is canonical stays as it
 * is when it is made canonical again. */
#include "core/aws/sigv4.h"

#include "core/base/reader.h"
#include "fuzz/check.h"

static cf_view next_part(cf_reader *r)
{
    size_t n = 0;
    while (n < r->left && r->at[n] != 0) {
        n++;
    }
    cf_view part = cf_read(r, n);
    (void)cf_read(r, r->left > 0 ? 1 : 0);
    return part;
}

/* The n-th line of a canonical request, from 0. */
static cf_view line(const cf_buf *text, size_t n)
{
    size_t from = 0;
    for (; n > 0 && from < text->len; from++) {
        n -= text->data[from] == '\n';
    }
    size_t to = from;
    while (to < text->len && text->data[to] != '\n') {
        to++;
    }
    return cf_view_make(text->data + from, to - from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_reader r = cf_reader_of(cf_view_make(data, size));
    CF_BUF(first);
    CF_BUF(again);
    CF_BUF(names);
    cf_sigv4_request q = {.method = CF_LIT("GET"), .body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY)};
    cf_view path = next_part(&r);
    q.query = next_part(&r);
    cf_sigv4_header headers[2] = {{CF_LIT("host"), CF_LIT("h")}, {next_part(&r), CF_VIEW_EMPTY}};
    headers[1].value = next_part(&r);
    q.headers = headers;
    q.headers_n = headers[1].name.len > 0 ? 2 : 1;
    for (int as_is = 0; as_is < 2; as_is++) {
        q.path = path;
        q.path_as_is = as_is == 1;
        cf_buf_clear(&first);
        cf_result made = cf_sigv4_canonical(&q, &first, &names);
        fuzz_check(cf_is_ok(made) || made.code == CF_ERR_ARGUMENT || made.code == CF_ERR_SIZE ||
                   made.code == CF_ERR_MALFORMED);
        if (!cf_is_ok(made)) {
            fuzz_check(first.len == 0);
            return 0;
        }
        fuzz_check(line(&first, 1).len > 0);
        fuzz_check(as_is == 1 || line(&first, 1).data[0] == '/');
        /* a query that is canonical */
        cf_sigv4_request canonical = q;
        canonical.query = line(&first, 2);
        cf_buf_clear(&again);
        fuzz_ok(cf_sigv4_canonical(&canonical, &again, &names));
        fuzz_check(cf_view_eq(cf_buf_view(&first), cf_buf_view(&again)));
    }
    return 0;
}
