/* SPDX-License-Identifier: Apache-2.0 */
/* coffer attest inspect, verify, get: an attestation document read from a file and explained; or asked for. */
#include "host/cli/attest.h"

#include <stdio.h>
#include <string.h>

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/time/time.h"
#include "host/cli/pem.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"
#include "sys/linux/clock.h"

#define DOCUMENT_TEXT_BYTES_MAX ((size_t)1 << 20)
#define SECONDS_LIKE_MAX                                                                           \
    99999999999U /* a number up to here is of seconds (year 5138), above of ms (from 1973) */
#define AGE_SECONDS_MAX 3155760000U /* a hundred years */
#define NONCE_HEX_BYTES_MAX (2 * CF_ATTEST_DATA_BYTES_MAX)

static void cli_attest_free(cli_attest *a)
{
    cf_buf_free(&a->doc);
    cf_buf_free(&a->root);
    cf_buf_free(&a->nonce);
    cf_buf_free(&a->values);
}

static int wrong(const char *what)
{
    fprintf(stderr, "coffer: %s\n", what);
    return CLI_USAGE;
}

/* --- documents and roots as files have them --- */

/* The member of a service's answer. */
static CF_MUST_USE cf_result from_json(cf_view text, cf_buf *out)
{
    CF_JSON(j);
    CF_TRY(cf_json_parse(text, DOCUMENT_TEXT_BYTES_MAX, &j));
    const json_t *document = json_object_get(j, "document");
    CF_REQUIRE(json_is_string(document), MISSING);
    return cf_base64_decode(cf_view_str(json_string_value(document)), out);
}

/* A document begins with an array's head or a tag, which no text does; its text begins with "h" or "0" in base64, and with 8 or d in
 * hexadecimal. */
static CF_MUST_USE cf_result read_document(cf_view in, cf_buf *out)
{
    if (in.len == 0 || in.data[0] >= 0x80) {
        return cf_buf_append(out, in);
    }
    CF_BUF(text);
    CF_TRY(cli_without_blanks(in, &text));
    cf_view v = cf_buf_view(&text);
    if (v.len > 0 && v.data[0] == '{') {
        return from_json(in, out);
    }
    if (v.len > 0 && (v.data[0] == '8' || v.data[0] == 'd' || v.data[0] == 'D')) {
        return cf_hex_decode(v, out);
    }
    return cf_base64_decode(v, out);
}

static int load_document(const cli_args *args, cli_attest *a)
{
    CF_BUF(in);
    if (!cli_read_input(args->words[0], &in)) {
        return CLI_USAGE;
    }
    cf_result r = read_document(cf_buf_view(&in), &a->doc);
    if (!cf_is_ok(r)) {
        /* Octets that are text of no known form are judged as they are, and so refused with a reason. */
        cf_buf_clear(&a->doc);
        r = cf_buf_set(&a->doc, cf_buf_view(&in));
    }
    return cf_is_ok(r) ? CLI_OK : wrong("no memory");
}

static int load_root(const cli_args *args, cli_attest *a)
{
    const char *file = cli_get(args, "root");
    a->own_root = file != NULL;
    if (file == NULL) {
        a->policy.root = cf_attest_aws_root();
        return CLI_OK;
    }
    CF_BUF(in);
    cf_cert cert;
    if (!cli_read_input(file, &in)) {
        return CLI_USAGE;
    }
    cf_result r = cli_from_pem(cf_buf_view(&in), "CERTIFICATE", &a->root);
    if (!cf_is_ok(r) || !cf_is_ok(cf_cert_read(cf_buf_view(&a->root), &cert))) {
        return wrong("--root: no certificate that could be a root, in PEM or DER");
    }
    a->policy.root = cf_buf_view(&a->root);
    return CLI_OK;
}

/* --- the policy --- */

/* One N=HEX. */
static bool take_pcr(cli_attest *a, cf_view part)
{
    const uint8_t *equals = part.len > 0 ? memchr(part.data, '=', part.len) : NULL;
    if (equals == NULL || a->policy.pcrs_n == CF_ATTEST_ACCEPTED_MAX) {
        return false;
    }
    size_t at = (size_t)(equals - part.data);
    uint64_t index = 0;
    cf_view hex = cf_view_sub(part, at + 1, part.len - at - 1);
    bool good = cf_is_ok(cf_parse_u64(cf_view_sub(part, 0, at), CF_PCR_COUNT - 1, &index)) &&
                hex.len == 2 * CF_PCR_BYTES_SHA384 && cf_is_ok(cf_hex_decode(hex, &a->values));
    if (good) {
        a->accepted[a->policy.pcrs_n++].index = (uint8_t)index;
    }
    return good;
}

/* All --pcr, each of which may hold several with commas between them. */
static int load_pcrs(const cli_args *args, cli_attest *a)
{
    const char *text;
    for (size_t i = 0; (text = cli_get_nth(args, "pcr", i)) != NULL; i++) {
        for (const char *at = text; at != NULL;) {
            size_t len = strcspn(at, ",");
            if (!take_pcr(a, cf_view_make(at, len))) {
                return wrong(
                    "--pcr takes N=HEX, a register from 0 to 31 and its 96 digits; several with "
                    "commas, at most 256 in all");
            }
            at = at[len] == ',' ? at + len + 1 : NULL;
        }
    }
    for (size_t i = 0; i < a->policy.pcrs_n; i++) {
        a->accepted[i].value =
            cf_view_make(a->values.data + i * CF_PCR_BYTES_SHA384, CF_PCR_BYTES_SHA384);
    }
    a->policy.pcrs = a->accepted;
    return CLI_OK;
}

static int load_nonce(const cli_args *args, cli_attest *a)
{
    const char *text = cli_get(args, "nonce");
    if (text == NULL) {
        return CLI_OK;
    }
    cf_view hex = cf_view_str(text);
    if (hex.len > NONCE_HEX_BYTES_MAX || !cf_is_ok(cf_hex_decode(hex, &a->nonce))) {
        return wrong("--nonce takes up to 1024 octets in hexadecimal");
    }
    a->policy.need_nonce = true;
    a->policy.nonce = cf_buf_view(&a->nonce);
    return CLI_OK;
}

/* RFC 3339, or seconds or milliseconds since 1970. */
static bool parse_time(cf_view text, uint64_t *ret_ms)
{
    cf_timestamp t;
    uint64_t n = 0;
    if (cf_is_ok(cf_parse_u64(text, INT64_MAX, &n))) {
        *ret_ms = n <= SECONDS_LIKE_MAX ? n * 1000 : n;
        return true;
    }
    if (!cf_is_ok(cf_timestamp_parse(text, &t)) || t.seconds < 0) {
        return false;
    }
    *ret_ms = (uint64_t)t.seconds * 1000 + t.nanos / 1000000;
    return true;
}

static int load_time(const cli_args *args, cli_attest *a)
{
    const char *at = cli_get(args, "at");
    a->policy.now_ms = cf_clock_wall_ms();
    a->at_document = at != NULL && strcmp(at, "document") == 0;
    a->policy.archived = a->at_document;
    bool now = at == NULL || strcmp(at, "now") == 0 || a->at_document;
    if (!now && !parse_time(cf_view_str(at), &a->policy.now_ms)) {
        return wrong(
            "--at takes `now`, `document`, a time like 2026-01-31T23:59:59Z, or seconds or "
            "milliseconds since 1970");
    }
    return CLI_OK;
}

static int load_age(const cli_args *args, cli_attest *a)
{
    const char *text = cli_get(args, "max-age");
    cf_duration d = 0;
    uint64_t seconds = CF_CLI_MAX_AGE_SECONDS;
    if (text != NULL && !cf_is_ok(cf_parse_u64(cf_view_str(text), AGE_SECONDS_MAX, &seconds))) {
        seconds = 0;
        if (cf_is_ok(cf_duration_parse(cf_view_str(text), &d)) && d > 0) {
            seconds = (uint64_t)(d / CF_NANOS_PER_SECOND);
        }
    }
    a->policy.age_max_ms = seconds * 1000;
    if (seconds == 0) {
        return wrong("--max-age takes seconds, or a duration like 10m or 36h, from one second on");
    }
    return CLI_OK;
}

/* --- the commands --- */

static int judge(const cli_args *args, cli_attest *a)
{
    int status = load_document(args, a);
    if (status != CLI_OK) {
        return status;
    }
    cf_result r = cf_attest_examine(cf_buf_view(&a->doc), &a->policy, &a->report);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: the document cannot be judged: %s (%s)\n", cf_err_text(r.code),
                cf_err_code(r.code));
        return CLI_FAILED;
    }
    a->json = cli_has(args, "json");
    (a->json ? cli_attest_print_json : cli_attest_print)(a);
    bool good = a->verify ? a->report.stage == CF_ATTEST_HOLDS : a->report.syntax == CF_OK;
    return good ? CLI_OK : CLI_FAILED;
}

int cli_attest_inspect(const cli_args *args)
{
    CF_AUTO(cli_attest_free) cli_attest a = {.verify = false};
    a.policy =
        (cf_attest_policy){.root = cf_attest_aws_root(), .archived = true, .allow_debug = true};
    return judge(args, &a);
}

int cli_attest_verify(const cli_args *args)
{
    static int (*const loads[])(const cli_args *, cli_attest *) = {load_root, load_pcrs, load_nonce,
                                                                   load_time, load_age};
    CF_AUTO(cli_attest_free) cli_attest a = {.verify = true};
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        int status = loads[i](args, &a);
        if (status != CLI_OK) {
            return status;
        }
    }
    a.policy.allow_debug = cli_has(args, "allow-debug");
    return judge(args, &a);
}

int cli_attest_get(const cli_args *args)
{
    CF_BUF(path);
    CF_BUF(octets);
    const char *nonce = cli_get(args, "nonce");
    if (nonce != NULL && !cf_is_ok(cf_hex_decode(cf_view_str(nonce), &octets))) {
        return wrong("--nonce takes octets in hexadecimal");
    }
    cf_view query = nonce != NULL ? CF_LIT("?nonce=") : CF_VIEW_EMPTY;
    if (!cf_is_ok(cf_buf_append(&path, CF_LIT("/v1/attestation"))) ||
        !cf_is_ok(cf_buf_append(&path, query)) ||
        !cf_is_ok(cli_put_encoded(&path, cf_view_str(nonce)))) {
        return wrong("no memory");
    }
    CLI_SESSION(session, args);
    CLI_ANSWER(answer);
    int status = session == NULL ? CLI_USAGE
                                 : cli_call(session, "GET", (const char *)path.data, CF_VIEW_EMPTY,
                                            NULL, &answer);
    status = status == CLI_OK ? cli_check(args, &answer) : status;
    if (status == CLI_OK) {
        cli_print_body(&answer);
    }
    return status;
}
