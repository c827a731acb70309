/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that are written: the lint finds nothing in them, and the decision is as they promise. */
#include "core/policy/make.h"

#include "tests/support/failmalloc.h"
#include "tests/unit/core/policy/findings.h"

static const cf_view users[] = {CF_LIT_INIT(ROLE)};
static const cf_view admins[] = {CF_LIT_INIT(ADMIN)};
static const cf_policy_value two_images[] = {{0, CF_LIT_INIT(A96)}, {0, CF_LIT_INIT(B96)}};
static const cf_policy_pair pairs[] = {{CF_LIT_INIT("tenant"), CF_LIT_INIT("t")},
                                       {CF_LIT_INIT("purpose"), CF_LIT_INIT("vault \"1\"")}};

static cf_policy *make(const cf_policy_plan *plan, cf_buf *ret_text)
{
    cf_policy *p = NULL;
    CF_BUF(why);
    assert_ok(cf_policy_make(plan, ret_text));
    cf_result r = cf_policy_parse(cf_buf_view(ret_text), &p, &why);
    if (!cf_is_ok(r)) {
        fail_msg("%.*s: %.*s", (int)ret_text->len, (const char *)ret_text->data, (int)why.len,
                 (const char *)why.data);
    }
    return p;
}

static void test_made_policies_are_clean(void **state)
{
    (void)state;
    static const cf_policy_value many[] = {{0, CF_LIT_INIT(A96)},
                                           {1, CF_LIT_INIT(B96)},
                                           {2, CF_LIT_INIT(A96)},
                                           {8, CF_LIT_INIT(B96)},
                                           {0, CF_LIT_INIT(B96)}};
    for (unsigned i = 0; i < 8; i++) {
        CF_BUF(text);
        cf_policy_plan plan = {.users = users,
                               .users_n = 1,
                               .admins = admins,
                               .admins_n = i & 1,
                               .values = i & 2 ? many : two_images,
                               .values_n = i & 2 ? 5 : 2,
                               .context = pairs,
                               .context_n = i & 4 ? 2 : 0};
        cf_policy *p = make(&plan, &text);
        assert_string_equal(findings(p), i & 1 ? "" : "0:immutable() ");
        cf_policy_free(&p);
    }
}

/* What the made policy says of requests, by who, what, with which document and context. */
static void test_made_policy_decides(void **state)
{
    (void)state;
    CF_BUF(text);
    const cf_policy_plan plan = {.users = users,
                                 .users_n = 1,
                                 .admins = admins,
                                 .admins_n = 1,
                                 .values = two_images,
                                 .values_n = 2,
                                 .context = pairs,
                                 .context_n = 1};
    cf_policy *p = make(&plan, &text);
    static const struct {
        char who; /* p: the parent's session, a: the admin, x: another user of the account */
        const char *action;
        const char *pcr0; /* NULL: no document */
        bool context;
        cf_policy_decision want;
    } table[] = {
        {'p', "kms:Decrypt", A96, true, CF_POLICY_ALLOWED},
        {'p', "kms:Decrypt", B96, true, CF_POLICY_ALLOWED},
        {'p', "kms:Decrypt", ZERO96, true, CF_POLICY_DENIED},
        {'p', "kms:Decrypt", NULL, true, CF_POLICY_DENIED},
        {'p', "kms:Decrypt", A96, false, CF_POLICY_NO_ALLOW},
        {'p', "kms:GenerateDataKey", A96, true, CF_POLICY_ALLOWED},
        {'p', "kms:GenerateDataKey", NULL, true, CF_POLICY_DENIED},
        {'p', "kms:GenerateDataKeyPairWithoutPlaintext", NULL, true, CF_POLICY_ALLOWED},
        {'p', "kms:GenerateDataKeyPairWithoutPlaintext", NULL, false, CF_POLICY_NO_ALLOW},
        {'p', "kms:Encrypt", NULL, true, CF_POLICY_ALLOWED},
        {'p', "kms:DescribeKey", NULL, false, CF_POLICY_ALLOWED},
        {'p', "kms:PutKeyPolicy", NULL, false, CF_POLICY_NO_ALLOW},
        {'p', "kms:ReEncryptFrom", A96, true, CF_POLICY_DENIED},
        {'p', "kms:CreateGrant", NULL, false, CF_POLICY_DENIED},
        {'a', "kms:PutKeyPolicy", NULL, false, CF_POLICY_ALLOWED},
        {'a', "kms:DescribeKey", NULL, false, CF_POLICY_ALLOWED},
        {'a', "kms:Decrypt", A96, true, CF_POLICY_NO_ALLOW},
        {'a', "kms:Decrypt", NULL, true, CF_POLICY_DENIED},
        {'a', "kms:CreateGrant", NULL, false, CF_POLICY_DENIED},
        {'x', "kms:Decrypt", A96, true, CF_POLICY_NO_ALLOW},
        {'x', "kms:DescribeKey", NULL, false, CF_POLICY_NO_ALLOW},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cf_policy_request q = request_of(table[i].action);
        if (table[i].who == 'p') {
            q.caller = CF_LIT("arn:aws:sts::" ACCOUNT ":assumed-role/parent/i");
            q.caller_role = CF_LIT(ROLE);
        } else if (table[i].who == 'a') {
            q.caller = CF_LIT(ADMIN);
        }
        q.pcrs[0] = cf_view_str(table[i].pcr0);
        q.context = pairs;
        q.context_n = table[i].context ? 1 : 0;
        if (cf_policy_decide(p, &q) != table[i].want) {
            fail_msg("row %zu: %s", i, table[i].action);
        }
    }
    cf_policy_free(&p);
}

static void test_plans(void **state)
{
    (void)state;
    cf_view many_users[CF_POLICY_PRINCIPALS_MAX + 1];
    cf_policy_value many_values[CF_POLICY_VALUES_MAX + 1];
    cf_policy_pair many_pairs[CF_POLICY_PAIRS_MAX + 1];
    char names[CF_POLICY_PAIRS_MAX + 1][4];
    for (size_t i = 0; i <= CF_POLICY_PRINCIPALS_MAX; i++) {
        many_users[i] = CF_LIT(ROLE);
    }
    for (size_t i = 0; i <= CF_POLICY_VALUES_MAX; i++) {
        many_values[i] = two_images[0];
    }
    for (size_t i = 0; i <= CF_POLICY_PAIRS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%zu", i);
        many_pairs[i] = (cf_policy_pair){cf_view_str(names[i]), CF_LIT("v")};
    }
    const cf_policy_plan good = {.users = many_users,
                                 .users_n = 1,
                                 .values = many_values,
                                 .values_n = 1,
                                 .context = many_pairs};
    for (int over = -1; over <= 1; over++) {
        const size_t n = (size_t)(16 + over);
        for (int which = 0; which < 4; which++) {
            CF_BUF(text);
            cf_policy_plan plan = good;
            plan.admins = many_users;
            *(which == 0   ? &plan.users_n
              : which == 1 ? &plan.admins_n
              : which == 2 ? &plan.values_n
                           : &plan.context_n) = n;
            assert_code(cf_policy_make(&plan, &text), over <= 0 ? CF_OK : CF_ERR_ARGUMENT);
        }
    }
    CF_BUF(text);
    cf_policy_plan bad = good;
    bad.users_n = 0;
    assert_err(cf_policy_make(&bad, &text), ARGUMENT);
    bad = good;
    bad.values_n = 0;
    assert_err(cf_policy_make(&bad, &text), ARGUMENT);
    bad = good;
    many_values[0].pcr = CF_PCR_COUNT;
    assert_err(cf_policy_make(&bad, &text), ARGUMENT);
    assert_int_equal(text.len, 0);
}

static cf_result make_one(void *ctx)
{
    (void)ctx;
    CF_BUF(text);
    const cf_policy_plan plan = {.users = users,
                                 .users_n = 1,
                                 .admins = admins,
                                 .admins_n = 1,
                                 .values = two_images,
                                 .values_n = 2,
                                 .context = pairs,
                                 .context_n = 2};
    return cf_policy_make(&plan, &text);
}

static void test_make_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(make_one, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_policies_are_clean),
        cmocka_unit_test(test_made_policy_decides),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_make_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
