/* SPDX-License-Identifier: Apache-2.0 */
/* coffer audit verify: the whole log and every row against it, read from the store itself. */
#include <inttypes.h>
#include <stdio.h>

#include "core/codec/json.h"
#include "host/cli/local.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"
#include "host/store/verify.h"

typedef struct {
    bool json;
    uint64_t shown;
} verifier;

/* An id that the store gave, which may be anything once somebody has written to it. */
static void print_object(cf_view object)
{
    for (size_t i = 0; i < object.len; i++) {
        uint8_t c = object.data[i];
        if (c > ' ' && c < 0x7f) {
            (void)putchar(c);
        } else {
            printf("\\x%02x", c);
        }
    }
}

static void print_json(const verifier *v, const cf_finding *f)
{
    CF_BUF(object);
    if (!cf_is_ok(cf_json_put_string(&object, f->object))) {
        cf_buf_clear(&object); /* no text, or no memory: the finding counts all the same */
    }
    printf("%s{\"code\":\"%s\",\"seq\":%" PRIu64 ",\"object\":%.*s}", v->shown > 0 ? "," : "",
           cf_finding_code(f->kind), f->seq, object.len > 0 ? (int)object.len : 4,
           object.len > 0 ? (const char *)object.data : "null");
}

static void on_finding(void *ctx, const cf_finding *f)
{
    verifier *v = ctx;
    if (v->json) {
        print_json(v, f);
    } else {
        printf("%s", cf_finding_code(f->kind));
        if (f->seq > 0) {
            printf(" entry %" PRIu64, f->seq);
        }
        if (f->object.len > 0) {
            printf(" ");
            print_object(f->object);
        }
        printf(": %s\n", cf_finding_text(f->kind));
    }
    v->shown++;
}

static void print_report(const verifier *v, cf_result r, const cf_verify_report *report)
{
    bool whole = cf_is_ok(r) && report->findings == 0;
    if (v->json) {
        printf("],\"entries\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"tokens\":%" PRIu64
               ",\"secrets\":%" PRIu64 ",\"whole\":%s}\n",
               report->entries, report->rows, report->tokens, report->secrets,
               whole ? "true" : "false");
    } else if (cf_is_ok(r)) {
        printf("%" PRIu64 " entries, %" PRIu64 " rows, %" PRIu64 " tokens", report->entries,
               report->rows, report->tokens);
        if (report->secrets > 0) {
            printf(", %" PRIu64 " secrets", report->secrets);
        }
        printf(": ");
        printf(whole ? "whole\n" : "%" PRIu64 " findings\n", report->findings);
    }
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: the store could not be read to its end: %s (%s)\n",
                cf_err_text(r.code), cf_err_code(r.code));
    }
}

int cli_audit_verify(const cli_args *args)
{
    CF_AUTO(cli_local_close) cli_local local = {0};
    cf_verify_report report = {0};
    verifier v = {.json = cli_has(args, "json")};
    if (!cli_local_open(args, &local)) {
        return CLI_FAILED;
    }
    if (v.json) {
        printf("{\"findings\":[");
    }
    const cf_verify_opts opts = {&local.row_key, cli_has(args, "no-anchor")};
    cf_result r = cf_store_verify(&local.store, &opts, on_finding, &v, &report);
    print_report(&v, r, &report);
    return cf_is_ok(r) && report.findings == 0 ? CLI_OK : CLI_FAILED;
}
