/* SPDX-License-Identifier: Apache-2.0 */
/* coffer attest --json: docs/cli.md says what its members are. */
#include <inttypes.h>
#include <stdio.h>

#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "host/cli/attest.h"

/* What cannot be had of memory leaves a null in its place. */
static json_t *hex(bool has, cf_view v)
{
    CF_BUF(text);
    json_t *j = has && cf_is_ok(cf_hex_encode(v, &text)) ? cf_json_str(cf_buf_view(&text)) : NULL;
    return j != NULL ? j : json_null();
}

static json_t *time_json(int64_t seconds, unsigned millis)
{
    char text[CLI_TIME_BYTES];
    cli_time_text(seconds, millis, text);
    return json_string(text);
}

static json_t *stages(const cli_attest *a)
{
    static const char *const marks[] = {[CF_ATTEST_UNASKED] = "not_asked",
                                        [CF_ATTEST_UNKNOWN] = "unknown",
                                        [CF_ATTEST_FAILED] = "failed",
                                        [CF_ATTEST_PASSED] = "passed"};
    json_t *all = json_array();
    for (unsigned s = CF_ATTEST_SYNTAX; s < CF_ATTEST_HOLDS; s++) {
        char text[CF_CLI_TEXT_BYTES];
        cli_attest_sentence(a, (cf_attest_stage)s, text);
        json_t *row = json_pack("{s:s,s:s,s:s}", "stage", cf_attest_stage_name((cf_attest_stage)s),
                                "outcome", marks[a->report.marks[s]], "text", text);
        (void)json_array_append_new(all, row);
    }
    return all;
}

static json_t *registers(const cf_attest_payload *p)
{
    json_t *all = json_object();
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "%zu", i);
        if (p->pcrs[i].len > 0) {
            (void)json_object_set_new(all, name, hex(true, p->pcrs[i]));
        }
    }
    return all;
}

static json_t *certificates(const cf_attest_payload *p)
{
    json_t *all = json_array();
    for (size_t i = 0; i <= p->cabundle_n; i++) {
        cf_cert c;
        bool read = cf_is_ok(cf_cert_read(i < p->cabundle_n ? p->cabundle[i] : p->certificate, &c));
        json_t *name = read && cf_utf8_ok(c.cn) ? cf_json_str(c.cn) : json_null();
        (void)json_array_append_new(
            all, json_pack("{s:o,s:o,s:o}", "name", name, "not_before",
                           read ? time_json(c.not_before_s, 0) : json_null(), "not_after",
                           read ? time_json(c.not_after_s, 0) : json_null()));
    }
    return all;
}

static json_t *identity(const cf_attest_payload *p)
{
    cf_attest_identity what;
    uint8_t suite[CF_HPKE_SUITE_BYTES];
    if (!p->has_user_data || !cf_is_ok(cf_attest_identity_get(p->user_data, &what))) {
        return json_null();
    }
    cf_hpke_suite_id(what.suite, suite);
    return json_pack("{s:o,s:o}", "boot_id", hex(true, what.boot_id), "suite",
                     hex(true, CF_VIEW_OF(suite)));
}

static json_t *document(const cli_attest *a)
{
    const cf_attest_payload *p = &a->report.payload;
    if (a->report.syntax != CF_OK) {
        return json_null();
    }
    const char *kind = p->has_public_key ? cli_key_kind(p->public_key) : "";
    return json_pack(
        "{s:o,s:I,s:o,s:b,s:o,s:o,s:o?,s:o,s:o,s:o,s:o}", "module_id", cf_json_str(p->module_id),
        "timestamp", (json_int_t)p->timestamp_ms, "time",
        time_json((int64_t)(p->timestamp_ms / 1000), (unsigned)(p->timestamp_ms % 1000)), "debug",
        (int)a->report.debug, "pcrs", registers(p), "public_key",
        hex(p->has_public_key, p->public_key), "key", kind[0] != '\0' ? json_string(kind) : NULL,
        "user_data", hex(p->has_user_data, p->user_data), "nonce", hex(p->has_nonce, p->nonce),
        "identity", identity(p), "certificates", certificates(p));
}

void cli_attest_print_json(const cli_attest *a)
{
    CF_JSON(all);
    CF_BUF(text);
    bool good = a->report.stage == CF_ATTEST_HOLDS;
    all = json_pack("{s:o,s:s,s:o,s:o}", "holds", a->verify ? json_boolean(good) : json_null(),
                    "stage", cf_attest_stage_name(a->report.stage), "stages", stages(a), "document",
                    document(a));
    if (all == NULL || !cf_is_ok(cf_json_dump(all, &text))) {
        fprintf(stderr, "coffer: no memory\n");
        return;
    }
    printf("%.*s\n", (int)text.len, (const char *)text.data);
}
