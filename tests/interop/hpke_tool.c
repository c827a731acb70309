/* SPDX-License-Identifier: Apache-2.0 */
/* Base mode of core/crypto for test_hpke.py: one request per line on standard input, one answer per line on standard output. Words
 * are hexadecimal, "-" is the empty string, and suites are their ten octets. Keys appear in the clear: a tool for tests only.
 *
 *   key SUITE                            -> sk pk
 *   seal SUITE pk info aad pt            -> enc ct
 *   open SUITE sk enc info aad ct        -> pt
 *   export SUITE sk enc info context len -> value        (len: two octets)
 *
 * A failure is answered with "error CODE". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec/base64.h"
#include "core/crypto/hpke.h"

enum { WORDS_MAX = 8 };

typedef struct {
    const char *verb;
    cf_buf words[WORDS_MAX];
    size_t n;
    cf_hpke_suite suite;
} request;

static void request_clear(request *r)
{
    for (size_t i = 0; i < WORDS_MAX; i++) {
        cf_buf_free(&r->words[i]);
    }
}

static cf_view word(const request *r, size_t i)
{
    return cf_buf_view(&r->words[i]);
}

static cf_result parse(char *line, request *ret)
{
    char *state = NULL;
    ret->verb = strtok_r(line, " \n", &state);
    CF_REQUIRE(ret->verb != NULL, MALFORMED);
    for (const char *text; (text = strtok_r(NULL, " \n", &state)) != NULL; ret->n++) {
        CF_REQUIRE(ret->n < WORDS_MAX, SIZE);
        if (strcmp(text, "-") != 0) {
            CF_TRY(cf_hex_decode(cf_view_str(text), &ret->words[ret->n]));
        }
    }
    return cf_hpke_suite_from_id(word(ret, 0), &ret->suite);
}

static cf_result print_hex(cf_view v)
{
    CF_BUF(hex);
    CF_TRY(cf_hex_encode(v, &hex));
    printf("%.*s ", hex.len == 0 ? 1 : (int)hex.len, hex.len == 0 ? "-" : (const char *)hex.data);
    return cf_ok();
}

static cf_result do_key(const request *r)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_SECRET(sk);
    CF_TRY(cf_dh_generate(r->suite.kem, &k));
    CF_TRY(cf_dh_secret_of(k, &sk));
    CF_TRY(print_hex(cf_secret_view(&sk)));
    return print_hex(cf_dh_public_view(cf_dh_public_of(k)));
}

static cf_result do_seal(const request *r)
{
    cf_dh_public enc;
    CF_BUF(ct);
    CF_TRY(cf_hpke_seal_base(r->suite, word(r, 1), word(r, 2), word(r, 3), word(r, 4), &enc, &ct));
    CF_TRY(print_hex(cf_dh_public_view(&enc)));
    return print_hex(cf_buf_view(&ct));
}

static cf_result do_open(const request *r)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_BUF(pt);
    CF_TRY(cf_dh_from_secret(r->suite.kem, word(r, 1), CF_VIEW_EMPTY, &k));
    CF_TRY(cf_hpke_open_base(r->suite, k, word(r, 2), word(r, 3), word(r, 4), word(r, 5), &pt));
    return print_hex(cf_buf_view(&pt));
}

static cf_result do_export(const request *r)
{
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    CF_AUTO(cf_hpke_free) cf_hpke *c = NULL;
    CF_BUF(value);
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = word(r, 3)};
    CF_REQUIRE(r->words[5].len == 2, MALFORMED);
    size_t len = (size_t)r->words[5].data[0] << 8 | r->words[5].data[1];
    CF_TRY(cf_dh_from_secret(r->suite.kem, word(r, 1), CF_VIEW_EMPTY, &k));
    CF_TRY(cf_hpke_receiver(r->suite, &in, word(r, 2), k, CF_VIEW_EMPTY, &c));
    CF_TRY(cf_hpke_export(c, word(r, 4), len, &value));
    return print_hex(cf_buf_view(&value));
}

static const struct {
    const char *verb;
    size_t words;
    cf_result (*fn)(const request *r);
} verbs[] = {
    {"key", 1, do_key},
    {"seal", 5, do_seal},
    {"open", 6, do_open},
    {"export", 6, do_export},
};

static cf_result answer(char *line)
{
    CF_AUTO(request_clear) request r = {0};
    CF_TRY(parse(line, &r));
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(r.verb, verbs[i].verb) == 0) {
            CF_REQUIRE(r.n == verbs[i].words, MALFORMED);
            return verbs[i].fn(&r);
        }
    }
    return cf_fail(CF_ERR_UNSUPPORTED);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        cf_result r = answer(line);
        if (!cf_is_ok(r)) {
            printf("error %s", cf_err_code(r.code));
        }
        printf("\n");
        (void)fflush(stdout);
    }
    free(line);
    return 0;
}
