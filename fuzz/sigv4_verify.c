/* SPDX-License-Identifier: Apache-2.0 */
/* cf_sigv4_claim_read, cf_sigv4_verify: the input is a query, a value of Authorization, a path, a header's name and value, parted by
 * octets 0. No input is signed with the secret, so none is proven; what this side signs in either form always is. */
#include "core/aws/verify.h"

#include "core/base/reader.h"
#include "fuzz/check.h"

#define NOW 1440938160 /* 2015-08-30T12:36:00Z */
#define DATE "20150830T123600Z"

static const cf_sigv4_credentials who = {CF_LIT_INIT("AKID"), CF_LIT_INIT("secret"), {NULL, 0}};
static const cf_sigv4_scope scope = {NOW, CF_LIT_INIT("us-east-1"), CF_LIT_INIT("kms")};
static const cf_sigv4_expected expected = {CF_LIT_INIT("secret"), CF_LIT_INIT("us-east-1"),
                                           CF_LIT_INIT("kms"), NOW};

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

static cf_sigv4_verdict verdict_of(const cf_sigv4_request *q)
{
    CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c;
    cf_sigv4_verdict v = CF_SIGV4_VERDICT_COUNT;
    cf_result r = cf_sigv4_claim_read(q, &c, &v);
    if (cf_is_ok(r)) {
        fuzz_check(v == CF_SIGV4_HOLDS && c.signature.len == CF_SIGV4_HEX_BYTES);
        r = cf_sigv4_verify(&c, q, &expected, &v);
    }
    fuzz_check(cf_is_ok(r) == (v == CF_SIGV4_HOLDS) && v < CF_SIGV4_VERDICT_COUNT);
    fuzz_check(cf_is_ok(r) || r.code == CF_ERR_SIGNATURE);
    return v;
}

static bool holds(const cf_sigv4_request *q)
{
    return verdict_of(q) == CF_SIGV4_HOLDS;
}

/* Both forms of what this side signs; a request that it does not sign proves nothing. */
static void round_trip(cf_sigv4_request q, cf_sigv4_header *headers)
{
    CF_BUF(value);
    CF_BUF(query);
    CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c;
    cf_sigv4_verdict v;
    q.headers = headers;
    q.headers_n = 3;
    /* a query that claims a signature already is not one to sign */
    if (cf_sigv4_claim_read(&q, &c, &v).code != CF_ERR_SIGNATURE || v != CF_SIGV4_UNSIGNED) {
        return;
    }
    if (cf_is_ok(cf_sigv4_authorize(&who, &scope, &q, &value))) {
        headers[3] = (cf_sigv4_header){CF_LIT("authorization"), cf_buf_view(&value)};
        q.headers_n = 4;
        fuzz_check(holds(&q));
        q.body_sha256 = CF_LIT("00");
        fuzz_check(!holds(&q));
        q.body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY);
    }
    q.headers_n = 3;
    if (cf_is_ok(cf_sigv4_presign(&who, &scope, &q, 60, &query))) {
        q.query = cf_buf_view(&query);
        /* it may have had a parameter of the signature's, which then is there twice */
        cf_sigv4_verdict is = verdict_of(&q);
        fuzz_check(is == CF_SIGV4_HOLDS || is == CF_SIGV4_INCOMPLETE);
        q.method = CF_LIT("GET");
        fuzz_check(!holds(&q));
    }
}

static bool is_special(cf_view name)
{
    static const char *const names[] = {"host", "x-amz-date", "authorization",
                                        "x-amz-content-sha256", "x-amz-security-token"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cf_view n = cf_view_str(names[i]);
        bool same = n.len == name.len;
        for (size_t k = 0; same && k < n.len; k++) {
            same = (name.data[k] | 0x20) == (n.data[k] | 0x20);
        }
        if (same) {
            return true;
        }
    }
    return name.len == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_reader r = cf_reader_of(cf_view_make(data, size));
    cf_sigv4_request q = {.method = CF_LIT("POST"), .body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY)};
    q.query = next_part(&r);
    cf_view authorization = next_part(&r);
    q.path = next_part(&r);
    cf_view name = next_part(&r), value = next_part(&r);
    cf_sigv4_header headers[4] = {{CF_LIT("host"), CF_LIT("h")},
                                  {CF_LIT("x-amz-date"), CF_LIT(DATE)},
                                  {CF_LIT("authorization"), authorization},
                                  {name, value}};
    q.headers = headers;
    q.headers_n = 4;
    fuzz_check(!holds(&q));
    headers[2] = headers[3];
    q.headers_n = 3;
    fuzz_check(!holds(&q));
    if (!is_special(name)) {
        round_trip(q, headers);
    }
    return 0;
}
