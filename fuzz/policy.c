/* SPDX-License-Identifier: Apache-2.0 */
/* cf_policy_parse, cf_policy_parse_for_lint, cf_policy_decide, cf_policy_lint: the input is a policy. Nobody whom it names may decrypt
 * without a document, or with one of an enclave that it does not mean, unless the lint has an error to tell, whatever is made of
 * what it has not understood. */
#include <stdio.h>

#include "core/policy/lint.h"
#include "core/policy/policy_priv.h"
#include "fuzz/check.h"

#define FOREIGN                                                                                    \
    "f00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00d" \
    "f00d"

#define ZEROS                                                                                      \
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" \
    "0"                                                                                            \
    "000"

typedef struct {
    size_t errors, unknown, all;
} counts;

static cf_result count(void *ctx, const cf_policy_finding *f)
{
    counts *c = ctx;
    c->all++;
    c->errors += cf_lint_severity_of(f->lint) == CF_LINT_ERROR;
    c->unknown += f->lint == CF_LINT_NOT_UNDERSTOOD;
    fuzz_check(f->lint < CF_LINT_COUNT && f->about.len <= 3 * CF_POLICY_ECHO_BYTES_MAX);
    for (size_t i = 0; i < f->about.len; i++) {
        fuzz_check(f->about.data[i] >= ' ' && f->about.data[i] < 0x7F);
    }
    return cf_ok();
}

/* The account of an ARN, or empty. */
static cf_view account_of(cf_view arn)
{
    size_t colons = 0, from = 0;
    for (size_t i = 0; i < arn.len; i++) {
        if (arn.data[i] == ':') {
            colons++;
            if (colons == 4) {
                from = i + 1;
            } else if (colons == 5) {
                return cf_view_make(arn.data + from, i - from);
            }
        }
    }
    return CF_VIEW_EMPTY;
}

/* What somebody brings who has none of the policy's enclaves. */
typedef enum {
    NOTHING,
    AN_ENCLAVE,
    A_BARE_ENCLAVE, /* unsigned, without a role, with no register of its own */
    DEBUG_MODE,
    DOCUMENTS
} document;

static cf_view register_of(document d, size_t pcr)
{
    bool of_parent = pcr == 3 || pcr == 4, own = pcr >= 16, unused = !own && pcr > 4 && pcr != 8;
    if (d == NOTHING || (d == A_BARE_ENCLAVE && own)) {
        return CF_VIEW_EMPTY;
    }
    bool zero =
        d == DEBUG_MODE ? !own && !of_parent : d == A_BARE_ENCLAVE && (pcr == 3 || pcr == 8);
    return zero || unused ? CF_LIT(ZEROS) : CF_LIT(FOREIGN);
}

/* arn:…:assumed-role/name/session: the ARN of the role, in room; else empty. */
static cf_view role_of(cf_view arn, cf_view partition, cf_view account, char *room, size_t size)
{
    static const char mark[] = ":assumed-role/";
    const size_t len = sizeof mark - 1;
    for (size_t i = 0; i + len < arn.len; i++) {
        if (cf_view_eq(cf_view_make(arn.data + i, len), cf_view_make(mark, len))) {
            size_t n = 0;
            while (i + len + n < arn.len && arn.data[i + len + n] != '/') {
                n++;
            }
            (void)snprintf(room, size, "arn:%.*s:iam::%.*s:role/%.*s", (int)partition.len,
                           (const char *)partition.data, (int)account.len,
                           (const char *)account.data, (int)n, (const char *)arn.data + i + len);
            return cf_view_str(room);
        }
    }
    return CF_VIEW_EMPTY;
}

static cf_view partition_of(cf_view arn)
{
    (void)cf_policy_next_part(&arn, false);
    return cf_policy_next_part(&arn, false);
}

/* Registers that are no value of a policy of this fuzzer's making: FOREIGN is left to chance, and no chance finds it. */
static bool opens(const cf_policy *p, cf_view caller)
{
    char root[CF_POLICY_VALUE_BYTES_MAX + 64], role[2 * CF_POLICY_VALUE_BYTES_MAX];
    cf_view account = account_of(caller), partition = partition_of(caller);
    (void)snprintf(root, sizeof root, "arn:%.*s:iam::%.*s:root", (int)partition.len,
                   (const char *)partition.data, (int)account.len, (const char *)account.data);
    for (document d = NOTHING; d < DOCUMENTS; d++) {
        cf_policy_request q = {.action = CF_LIT("kms:Decrypt"),
                               .caller = caller,
                               .caller_role =
                                   role_of(caller, partition, account, role, sizeof role),
                               .account = account,
                               .account_root = cf_view_str(root)};
        for (size_t i = 0; i < CF_PCR_COUNT; i++) {
            q.pcrs[i] = register_of(d, i);
        }
        if (cf_policy_decide(p, &q) == CF_POLICY_ALLOWED) {
            return true;
        }
    }
    return false;
}

/* What is not understood holds in every Allow and in no Deny. */
static void make_worst(cf_policy *p)
{
    for (size_t i = 0; i < p->statements_n; i++) {
        cf_statement *s = (cf_statement *)(uintptr_t)&p->statements[i];
        s->has_action = s->has_action && !(s->deny && s->unknown != NULL);
        s->unknown = NULL;
    }
}

static bool mentions(const cf_policy *p, cf_view value)
{
    for (size_t i = 0; i < p->statements_n; i++) {
        const cf_statement *s = &p->statements[i];
        for (size_t k = 0; k < s->conditions_n; k++) {
            for (size_t v = 0; v < s->conditions[k].values.n; v++) {
                if (cf_policy_eq_fold(s->conditions[k].values.at[v], value)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* The service's reading, and the lint's, which takes more and says of what is in both the same. */
static void check_strict(cf_view text, const counts *lenient)
{
    CF_AUTO(cf_policy_free) cf_policy *p = NULL;
    CF_BUF(why);
    counts c = {0, 0, 0};
    cf_result r = cf_policy_parse(text, &p, &why);
    fuzz_check(cf_is_ok(r) == (p != NULL) && (r.code == CF_ERR_MALFORMED) == (why.len > 0));
    if (p == NULL) {
        return;
    }
    fuzz_check(lenient != NULL);
    fuzz_ok(cf_policy_lint(p, count, &c));
    fuzz_check(c.unknown == 0 && c.errors == lenient->errors && c.all == lenient->all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_AUTO(cf_policy_free) cf_policy *p = NULL;
    CF_BUF(why);
    counts c = {0, 0, 0};
    cf_view text = cf_view_make(data, size);
    cf_result r = cf_policy_parse_for_lint(text, &p, &why);
    fuzz_check(cf_is_ok(r) == (p != NULL) && (r.code == CF_ERR_MALFORMED) == (why.len > 0));
    if (p == NULL) {
        check_strict(text, NULL);
        return 0;
    }
    fuzz_ok(cf_policy_lint(p, count, &c));
    check_strict(text, &c);
    if (mentions(p, CF_LIT(FOREIGN))) {
        return 0;
    }
    make_worst(p);
    fuzz_check(c.errors > 0 || !opens(p, CF_LIT("arn:aws:iam::1:user/x")));
    for (size_t i = 0; i < p->statements_n; i++) {
        for (size_t k = 0; k < p->statements[i].principals.n && k < 4; k++) {
            cf_view caller = p->statements[i].principals.at[k];
            fuzz_check(c.errors > 0 || !opens(p, caller));
        }
    }
    return 0;
}
