/* SPDX-License-Identifier: Apache-2.0 */
/* coffer kms lint-policy, coffer kms policy: key policies read and written. docs/kms-policies.md */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/eif/eif.h"
#include "core/policy/lint.h"
#include "core/policy/make.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"
#include "sys/linux/net.h"

#define PCR_HEX_BYTES ((size_t)2 * CF_PCR_BYTES_SHA384)

static int wrong(const char *what)
{
    fprintf(stderr, "coffer: %s\n", what);
    return CLI_USAGE;
}

static int failed(const char *what, cf_result r)
{
    fprintf(stderr, "coffer: %s: %s (%s)\n", what, cf_err_text(r.code), cf_err_code(r.code));
    return CLI_FAILED;
}

/* --- findings --- */

/* One run of the lint: what is printed, and how much of it there was. */
typedef struct {
    FILE *text;       /* NULL: nothing is printed as text */
    json_t *list;     /* NULL: nothing is kept as JSON */
    size_t counts[3]; /* by severity */
} report;

static void print_where(FILE *out, const cf_policy_finding *f)
{
    if (f->statement == 0) {
        fprintf(out, " policy");
        return;
    }
    fprintf(out, " statement %zu", f->statement);
    if (f->sid.len > 0) {
        char *sid = cf_str_new(f->sid);
        fprintf(out, " \"");
        cli_print_text(out, sid != NULL ? sid : "");
        fprintf(out, "\"");
        cf_mem_free(sid);
    }
}

static void print_finding(FILE *out, const cf_policy_finding *f)
{
    fprintf(out, "%s %s", cf_lint_severity_name(cf_lint_severity_of(f->lint)),
            cf_lint_code(f->lint));
    print_where(out, f);
    fprintf(out, ": %s", cf_lint_text(f->lint));
    if (f->about.len > 0) {
        fprintf(out, " (%.*s)", (int)f->about.len, (const char *)f->about.data);
    }
    fprintf(out, "\n");
}

static cf_result keep_finding(json_t *list, const cf_policy_finding *f)
{
    json_t *one =
        json_pack("{s:s,s:s,s:s}", "severity", cf_lint_severity_name(cf_lint_severity_of(f->lint)),
                  "code", cf_lint_code(f->lint), "text", cf_lint_text(f->lint));
    int bad = one == NULL;
    if (f->statement > 0) {
        bad |= json_object_set_new(one, "statement", json_integer((json_int_t)f->statement));
    }
    if (f->sid.len > 0) {
        bad |= json_object_set_new(one, "sid", cf_json_str(f->sid));
    }
    if (f->about.len > 0) {
        bad |= json_object_set_new(one, "about", cf_json_str(f->about));
    }
    bad |= json_array_append_new(list, one);
    return bad != 0 ? cf_fail(CF_ERR_NO_MEMORY) : cf_ok();
}

static cf_result on_finding(void *ctx, const cf_policy_finding *f)
{
    report *r = ctx;
    r->counts[cf_lint_severity_of(f->lint)]++;
    if (r->text != NULL) {
        print_finding(r->text, f);
    }
    return r->list != NULL ? keep_finding(r->list, f) : cf_ok();
}

static bool is_clean(const report *r)
{
    return r->counts[CF_LINT_ERROR] + r->counts[CF_LINT_WARNING] == 0;
}

/* --- coffer kms lint-policy --- */

/* What is no policy is one finding: there is nothing else to say of it. */
static int print_malformed(bool json, cf_view why)
{
    if (!json) {
        printf("error malformed policy: %.*s\n", (int)why.len, (const char *)why.data);
        return CLI_FAILED;
    }
    CF_JSON(j);
    CF_BUF(out);
    j = json_pack("{s:b,s:i,s:i,s:i,s:[{s:s,s:s,s:o}]}", "clean", 0, "errors", 1, "warnings", 0,
                  "notes", 0, "findings", "severity", "error", "code", "malformed", "text",
                  cf_json_str(why));
    if (cf_is_ok(cf_json_dump(j, &out))) {
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    }
    return CLI_FAILED;
}

static cf_result print_json(const report *r)
{
    CF_JSON(j);
    CF_BUF(out);
    j = json_pack("{s:b,s:I,s:I,s:I,s:O}", "clean", is_clean(r), "errors",
                  (json_int_t)r->counts[CF_LINT_ERROR], "warnings",
                  (json_int_t)r->counts[CF_LINT_WARNING], "notes",
                  (json_int_t)r->counts[CF_LINT_NOTE], "findings", r->list);
    CF_REQUIRE(j != NULL, NO_MEMORY);
    CF_TRY(cf_json_dump(j, &out));
    printf("%.*s\n", (int)out.len, (const char *)out.data);
    return cf_ok();
}

static cf_result lint(const cf_policy *p, bool json, bool *ret_clean)
{
    CF_JSON(list);
    report r = {.text = json ? NULL : stdout};
    *ret_clean = false;
    if (json) {
        list = json_array();
        CF_REQUIRE(list != NULL, NO_MEMORY);
        r.list = list;
    }
    CF_TRY(cf_policy_lint(p, on_finding, &r));
    *ret_clean = is_clean(&r);
    return json ? print_json(&r) : cf_ok();
}

/* --format json, or --json as everywhere. */
static bool read_format(const cli_args *args, bool *ret_json)
{
    const char *format = cli_get(args, "format");
    *ret_json = cli_has(args, "json") || (format != NULL && strcmp(format, "json") == 0);
    return format == NULL || *ret_json || strcmp(format, "text") == 0;
}

int cli_kms_lint_policy(const cli_args *args)
{
    CF_BUF(text);
    CF_BUF(why);
    CF_AUTO(cf_policy_free) cf_policy *p = NULL;
    bool json = false, clean = false;
    if (!read_format(args, &json)) {
        return wrong("--format takes text or json");
    }
    if (!cli_read_input(args->words[0], &text)) {
        return CLI_USAGE;
    }
    cf_result r = cf_policy_parse_for_lint(cf_buf_view(&text), &p, &why);
    if (r.code == CF_ERR_MALFORMED || r.code == CF_ERR_SIZE) {
        return print_malformed(json, r.code == CF_ERR_SIZE
                                         ? CF_LIT("The policy is larger than 32,768 octets.")
                                         : cf_buf_view(&why));
    }
    if (cf_is_ok(r)) {
        r = lint(p, json, &clean);
    }
    return !cf_is_ok(r) ? failed("the policy cannot be judged", r) : (clean ? CLI_OK : CLI_FAILED);
}

/* --- coffer kms policy --- */

/* What the options say; the plan's views lie in argv, in hex, and in these arrays. */
typedef struct {
    cf_view users[CF_POLICY_PRINCIPALS_MAX], admins[CF_POLICY_PRINCIPALS_MAX];
    cf_policy_value values[CF_POLICY_VALUES_MAX];
    cf_policy_pair context[CF_POLICY_PAIRS_MAX];
    cf_policy_plan plan;
    char hex[CF_POLICY_VALUES_MAX][PCR_HEX_BYTES + 1]; /* of values that were measured */
} wish;

static int take_principals(const cli_args *args, const char *option,
                           cf_view list[static CF_POLICY_PRINCIPALS_MAX], size_t *ret_n)
{
    const char *text;
    for (size_t i = 0; (text = cli_get_nth(args, option, i)) != NULL; i++) {
        if (i == CF_POLICY_PRINCIPALS_MAX) {
            return wrong("at most 16 principals of a kind");
        }
        list[i] = cf_view_str(text);
        *ret_n = i + 1;
    }
    return CLI_OK;
}

static bool add_value(wish *w, uint64_t pcr, cf_view hex)
{
    if (hex.len != PCR_HEX_BYTES || w->plan.values_n == CF_POLICY_VALUES_MAX) {
        return false;
    }
    CF_BUF(octets);
    if (!cf_is_ok(cf_hex_decode(hex, &octets))) {
        return false;
    }
    for (size_t i = 0; i < w->plan.values_n; i++) {
        if (w->values[i].pcr == pcr && cf_policy_eq_fold(w->values[i].hex, hex)) {
            return true; /* two files of one image */
        }
    }
    w->values[w->plan.values_n] = (cf_policy_value){(uint8_t)pcr, hex};
    w->plan.values_n++;
    return true;
}

/* N=HEX[,HEX...][,N=HEX...] */
static bool take_pcr(wish *w, const char *text)
{
    uint64_t pcr = CF_PCR_COUNT;
    for (const char *at = text; at != NULL;) {
        size_t len = strcspn(at, ","), name = strcspn(at, "=");
        if (name < len) {
            if (!cf_is_ok(cf_parse_u64(cf_view_make(at, name), CF_PCR_COUNT - 1, &pcr))) {
                return false;
            }
            at += name + 1;
            len -= name + 1;
        }
        if (pcr == CF_PCR_COUNT || !add_value(w, pcr, cf_view_make(at, len))) {
            return false;
        }
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return true;
}

static int take_pcrs(const cli_args *args, wish *w)
{
    const char *text;
    for (size_t i = 0; (text = cli_get_nth(args, "pcr", i)) != NULL; i++) {
        if (!take_pcr(w, text)) {
            return wrong("--pcr takes N=HEX, a register from 0 to 31 and its 96 digits; further "
                         "values of it with commas, at most 16 in all");
        }
    }
    return CLI_OK;
}

/* K=V */
static int take_context(const cli_args *args, wish *w)
{
    const char *text;
    for (size_t i = 0; (text = cli_get_nth(args, "context", i)) != NULL; i++) {
        size_t name = strcspn(text, "=");
        if (text[name] == '\0' || name == 0 || i == CF_POLICY_PAIRS_MAX) {
            return wrong("--context takes NAME=VALUE, at most 16 times");
        }
        w->context[i] = (cf_policy_pair){cf_view_make(text, name), cf_view_str(text + name + 1)};
        w->plan.context_n = i + 1;
    }
    return CLI_OK;
}

/* --- images --- */

typedef struct {
    void *at;
    size_t len;
} mapping;

static void unmap(mapping *m)
{
    if (m->at != NULL) {
        (void)munmap(m->at, m->len);
    }
}

/* Images are larger than a buffer may be, and only read once. */
static cf_result map_file(const char *path, mapping *ret)
{
    CF_FD(fd);
    struct stat st;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CF_REQUIRE(fd >= 0, NOT_FOUND);
    CF_REQUIRE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), IO);
    CF_REQUIRE(st.st_size > 0, EMPTY);
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    CF_REQUIRE(at != MAP_FAILED, IO);
    *ret = (mapping){at, (size_t)st.st_size};
    return cf_ok();
}

static cf_result measure_eif(cf_view file, uint8_t ret[static CF_PCR_BYTES_SHA384])
{
    cf_eif e;
    cf_eif_measures m;
    CF_TRY(cf_eif_parse(file, &e));
    CF_TRY(cf_eif_measure(&e, &m));
    cf_copy(ret, m.pcr[0], CF_PCR_BYTES_SHA384);
    return cf_ok();
}

typedef cf_result measure_fn(cf_view file, uint8_t ret[static CF_PCR_BYTES_SHA384]);

static cf_result take_image(wish *w, const char *path, measure_fn *measure)
{
    CF_AUTO(unmap) mapping m = {NULL, 0};
    uint8_t pcr0[CF_PCR_BYTES_SHA384];
    CF_BUF(hex);
    CF_REQUIRE(w->plan.values_n < CF_POLICY_VALUES_MAX, SIZE);
    CF_TRY(map_file(path, &m));
    CF_TRY(measure(cf_view_make(m.at, m.len), pcr0));
    CF_TRY(cf_hex_encode(CF_VIEW_OF(pcr0), &hex));
    char *kept = w->hex[w->plan.values_n];
    cf_copy(kept, hex.data, PCR_HEX_BYTES);
    CF_REQUIRE(add_value(w, 0, cf_view_make(kept, PCR_HEX_BYTES)), INTERNAL);
    return cf_ok();
}

static int take_images(const cli_args *args, const char *option, measure_fn *measure, wish *w)
{
    const char *path;
    for (size_t i = 0; (path = cli_get_nth(args, option, i)) != NULL; i++) {
        cf_result r = take_image(w, path, measure);
        if (!cf_is_ok(r)) {
            fprintf(stderr, "coffer: --%s %s: %s (%s)\n", option, path, cf_err_text(r.code),
                    cf_err_code(r.code));
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

/* --- the policy --- */

static int take_wish(const cli_args *args, wish *w)
{
    int status = take_principals(args, "principal", w->users, &w->plan.users_n);
    status =
        status != CLI_OK ? status : take_principals(args, "admin", w->admins, &w->plan.admins_n);
    status = status != CLI_OK ? status : take_pcrs(args, w);
    status = status != CLI_OK ? status : take_images(args, "eif", measure_eif, w);
    status = status != CLI_OK ? status : take_images(args, "program", cf_pcr_measure, w);
    status = status != CLI_OK ? status : take_context(args, w);
    w->plan.users = w->users;
    w->plan.admins = w->admins;
    w->plan.values = w->values;
    w->plan.context = w->context;
    if (status == CLI_OK && (w->plan.users_n == 0 || w->plan.values_n == 0)) {
        return wrong("a policy needs --principal, and one of --eif, --program and --pcr");
    }
    return status;
}

/* A policy that says less than it seems to is not given out. */
static int check_made(cf_view text)
{
    CF_BUF(why);
    CF_AUTO(cf_policy_free) cf_policy *p = NULL;
    report r = {.text = stderr};
    cf_result made = cf_policy_parse(text, &p, &why);
    if (made.code == CF_ERR_MALFORMED) {
        fprintf(stderr, "coffer: %.*s\n", (int)why.len, (const char *)why.data);
        return CLI_USAGE;
    }
    if (cf_is_ok(made)) {
        made = cf_policy_lint(p, on_finding, &r);
    }
    if (!cf_is_ok(made)) {
        return failed("the policy cannot be made", made);
    }
    if (!is_clean(&r)) {
        fprintf(stderr, "coffer: that policy would not hold what it promises\n");
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_kms_policy(const cli_args *args)
{
    CF_BUF(text);
    wish w = {.plan = {.users_n = 0}};
    int status = take_wish(args, &w);
    if (status != CLI_OK) {
        return status;
    }
    cf_result r = cf_policy_make(&w.plan, &text);
    if (!cf_is_ok(r)) {
        return failed("the policy cannot be made", r);
    }
    status = check_made(cf_buf_view(&text));
    if (status == CLI_OK) {
        printf("%.*s", (int)text.len, (const char *)text.data);
    }
    return status;
}
