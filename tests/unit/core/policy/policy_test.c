/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failmalloc.h"
#include "tests/unit/core/policy/statements.h"

static const cf_policy_pair one_pair[] = {{CF_LIT_INIT("tenant"), CF_LIT_INIT("acme")}};
static const cf_policy_pair two_pairs[] = {{CF_LIT_INIT("Tenant"), CF_LIT_INIT("acme")},
                                           {CF_LIT_INIT("tenant"), CF_LIT_INIT("acme")}};

static void test_statements(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        cf_policy_decision want;
    } rows[] = {
        {POLICY(ALLOW_ALL), CF_POLICY_ALLOWED},
        {"{'Statement':" ALLOW_ALL "}", CF_POLICY_ALLOWED},
        {"{'Version':'2008-10-17','Id':'x','Statement':" ALLOW_ALL "}", CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':'*'")), CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':'kms:Decrypt'")), CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':'KMS:decrypt'")), CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':['kms:Encrypt','kms:Dec*']")), CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':'kms:D?crypt'")), CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':'kms:*crypt'")), CF_POLICY_ALLOWED},
        {POLICY(ALLOW("'Action':'kms:Encrypt'")), CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW("'Action':'kms:Decryp'")), CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW("'Action':'kms:Decrypt?'")), CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW("'Action':'kms:Generate*'")), CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW_ALL "," DENY("'Action':'kms:Decrypt'")), CF_POLICY_DENIED},
        {POLICY(DENY("'Action':'kms:Decrypt'") "," ALLOW_ALL), CF_POLICY_DENIED},
        {POLICY(ALLOW_ALL "," DENY("'Action':'kms:Encrypt'")), CF_POLICY_ALLOWED},
        {POLICY(DENY("'Action':'kms:Decrypt'")), CF_POLICY_DENIED},
        {POLICY(DENY("'Action':'kms:Encrypt'")), CF_POLICY_NO_ALLOW},
        /* without action or resource a statement never takes effect */
        {POLICY("{'Effect':'Allow','Principal':'*','Resource':'*'}"), CF_POLICY_NO_ALLOW},
        {POLICY("{'Effect':'Allow','Principal':'*','Action':'kms:*'}"), CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW_ALL ",{'Effect':'Deny','Principal':'*','Action':'kms:*'}"),
         CF_POLICY_ALLOWED},
        {POLICY("{'Sid':'with "
                "spaces','Effect':'Allow','Principal':'*','Action':'kms:*','Resource':['*']}"),
         CF_POLICY_ALLOWED},
    };
    cf_policy_request q = request_of("kms:Decrypt");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (decide(rows[i].policy, &q) != rows[i].want) {
            fail_msg("%s", rows[i].policy);
        }
    }
}

static void test_principals(void **state)
{
    (void)state;
    static const struct {
        const char *principal;
        bool matches;
    } rows[] = {
        {"'*'", true},
        {"{'AWS':'*'}", true},
        {"{'AWS':'" ACCOUNT "'}", true},
        {"{'AWS':'" ROOT_ARN "'}", true},
        {"{'AWS':'" CALLER_ARN "'}", true},
        {"{'AWS':['arn:aws:iam::" ACCOUNT ":role/x','" CALLER_ARN "']}", true},
        {"{'AWS':'arn:aws:iam::" ACCOUNT ":role/x'}", false},
        {"{'AWS':'arn:aws:iam::" ACCOUNT ":user/Local'}", false},
        {"{'AWS':'arn:aws:iam::" ACCOUNT ":user/loca'}", false},
        {"{'AWS':'999999999999'}", false},
        {"{'AWS':'arn:aws:iam::999999999999:root'}", false},
        {"{'AWS':'arn:aws:iam::999999999999:user/local'}", false},
        {"{'AWS':'arn:aws:sts::" ACCOUNT ":assumed-role/x/y'}", false},
        {"{'Service':'ec2.amazonaws.com'}", false},
        {"{'Service':['a','b'],'AWS':'*'}", true},
    };
    cf_policy_request q = request_of("kms:Decrypt");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[500];
        for (int deny = 0; deny < 2; deny++) {
            (void)snprintf(
                text, sizeof text,
                "{'Statement':{'Effect':'%s','Principal':%s,'Action':'*','Resource':'*'}}",
                deny == 1 ? "Deny" : "Allow", rows[i].principal);
            cf_policy_decision hit = deny == 1 ? CF_POLICY_DENIED : CF_POLICY_ALLOWED;
            if (decide(text, &q) != (rows[i].matches ? hit : CF_POLICY_NO_ALLOW)) {
                fail_msg("%s", text);
            }
        }
    }
}

/* What a request can bring along. */
typedef enum { NOTHING, PCR_A, PCR_B, PCR_A_AND_8, CONTEXT_ACME, CONTEXT_TWICE } with;

static cf_policy_request request_with(with w)
{
    cf_policy_request q = request_of("kms:Decrypt");
    switch (w) {
    case NOTHING:
        break;
    case PCR_A:
        q.pcrs[0] = CF_LIT(A96);
        break;
    case PCR_B:
        q.pcrs[0] = CF_LIT(B96);
        break;
    case PCR_A_AND_8:
        q.pcrs[0] = CF_LIT(A96);
        q.pcrs[8] = CF_LIT(B96);
        break;
    case CONTEXT_ACME:
        q.context = one_pair;
        q.context_n = 1;
        break;
    case CONTEXT_TWICE:
        q.context = two_pairs;
        q.context_n = 2;
        break;
    }
    return q;
}

/* Each condition, what the request brings, and whether the condition holds. UNCLEAR: an Allow does not apply, a Deny does. */
typedef enum { NO, YES, UNCLEAR } holds;
static const struct {
    const char *condition;
    with with;
    holds want;
} conditions[] = {
    {"{'StringEquals':{'" IMAGE "':'" A96 "'}}", PCR_A, YES},
    {"{'StringEquals':{'" IMAGE "':'" A96 "'}}", PCR_B, NO},
    {"{'StringEquals':{'" IMAGE "':'" A96 "'}}", NOTHING, NO},
    {"{'StringEquals':{'" IMAGE "':'" UPPER_A96 "'}}", PCR_A, NO},
    {"{'StringEqualsIgnoreCase':{'" IMAGE "':'" UPPER_A96 "'}}", PCR_A, YES},
    {"{'StringEqualsIgnoreCase':{'" IMAGE "':'" UPPER_A96 "'}}", PCR_B, NO},
    {"{'StringEqualsIgnoreCase':{'" IMAGE "':'" UPPER_A96 "'}}", NOTHING, NO},
    {"{'StringEquals':{'" PCR(0) "':'" A96 "'}}", PCR_A, YES},
    {"{'StringEquals':{'KMS:recipientattestation:pcr0':'" A96 "'}}", PCR_A, YES},
    {"{'StringEquals':{'" PCR(0) "':['" B96 "','" A96 "']}}", PCR_A, YES},
    {"{'StringEquals':{'" PCR(0) "':['" B96 "']}}", PCR_A, NO},
    {"{'StringEquals':{'" PCR(0) "':'" A96 "a'}}", PCR_A, NO},
    {"{'StringEquals':{'" PCR(0) "':''}}", NOTHING, NO},
    {"{'StringEquals':{'" PCR(8) "':'" B96 "'}}", PCR_A, NO},
    {"{'StringEquals':{'" PCR(8) "':'" B96 "'}}", PCR_A_AND_8, YES},
    {"{'StringEquals':{'" PCR(31) "':'" B96 "'}}", PCR_A_AND_8, NO},
    /* keys and operators are ANDed */
    {"{'StringEquals':{'" PCR(0) "':'" A96 "','" PCR(8) "':'" B96 "'}}", PCR_A_AND_8, YES},
    {"{'StringEquals':{'" PCR(0) "':'" A96 "','" PCR(8) "':'" A96 "'}}", PCR_A_AND_8, NO},
    {"{'StringEquals':{'" PCR(0) "':'" A96 "'},'Null':{'" PCR(8) "':'true'}}", PCR_A, YES},
    {"{'StringEquals':{'" PCR(0) "':'" A96 "'},'Null':{'" PCR(8) "':'true'}}", PCR_A_AND_8, NO},
    /* negated operators hold for an absent key */
    {"{'StringNotEquals':{'" PCR(0) "':'" A96 "'}}", PCR_A, NO},
    {"{'StringNotEquals':{'" PCR(0) "':'" A96 "'}}", PCR_B, YES},
    {"{'StringNotEquals':{'" PCR(0) "':'" A96 "'}}", NOTHING, YES},
    {"{'StringNotEquals':{'" PCR(0) "':['" A96 "','" B96 "']}}", PCR_B, NO},
    {"{'StringNotEqualsIgnoreCase':{'" PCR(0) "':'" UPPER_A96 "'}}", PCR_A, NO},
    {"{'StringNotEqualsIgnoreCase':{'" PCR(0) "':'" UPPER_A96 "'}}", PCR_B, YES},
    {"{'StringNotLike':{'" PCR(0) "':'a*'}}", PCR_A, NO},
    {"{'StringNotLike':{'" PCR(0) "':'a*'}}", NOTHING, YES},
    {"{'StringLike':{'" PCR(0) "':'aa*a'}}", PCR_A, YES},
    {"{'StringLike':{'" PCR(0) "':'A*'}}", PCR_A, NO},
    {"{'StringLike':{'" PCR(0) "':'*'}}", PCR_A, YES},
    {"{'StringLike':{'" PCR(0) "':'*'}}", NOTHING, NO},
    {"{'Null':{'" PCR(0) "':'true'}}", NOTHING, YES},
    {"{'Null':{'" PCR(0) "':'true'}}", PCR_A, NO},
    {"{'Null':{'" PCR(0) "':'false'}}", NOTHING, NO},
    {"{'Null':{'" PCR(0) "':false}}", PCR_A, YES},
    {"{'Null':{'" PCR(0) "':[true]}}", NOTHING, YES},
    {"{'Null':{'" PCR(0) "':['true','false']}}", PCR_A, YES},
    {"{'Bool':{'" TENANT "':'true'}}", CONTEXT_ACME, NO},
    {"{'Bool':{'" TENANT "':true}}", NOTHING, NO},
    {"{'StringEquals':{'" TENANT "':'acme'}}", CONTEXT_ACME, YES},
    {"{'StringEquals':{'" TENANT "':'Acme'}}", CONTEXT_ACME, NO},
    {"{'StringEquals':{'" TENANT "':'acme'}}", NOTHING, NO},
    {"{'StringEquals':{'kms:EncryptionContext:TENANT':'acme'}}", CONTEXT_ACME, YES},
    {"{'StringEquals':{'kms:EncryptionContext:vault':'acme'}}", CONTEXT_ACME, NO},
    {"{'StringLike':{'" TENANT "':'a?m?'}}", CONTEXT_ACME, YES},
    {"{'StringEquals':{'" TENANT "':'acme'}}", CONTEXT_TWICE, UNCLEAR},
    {"{'StringNotEquals':{'" TENANT "':'other'}}", CONTEXT_TWICE, UNCLEAR},
    {"{'Null':{'" TENANT "':'false'}}", CONTEXT_TWICE, UNCLEAR},
    {"{}", NOTHING, YES},
};

static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        cf_policy_request q = request_with(conditions[i].with);
        char text[1500];
        (void)snprintf(text, sizeof text, POLICY(ALLOW("'Action':'kms:*','Condition':%s")),
                       conditions[i].condition);
        if (decide(text, &q) !=
            (conditions[i].want == YES ? CF_POLICY_ALLOWED : CF_POLICY_NO_ALLOW)) {
            fail_msg("allow %zu: %s", i, text);
        }
        (void)snprintf(text, sizeof text,
                       POLICY(ALLOW_ALL "," DENY("'Action':'kms:*','Condition':%s")),
                       conditions[i].condition);
        if (decide(text, &q) != (conditions[i].want == NO ? CF_POLICY_ALLOWED : CF_POLICY_DENIED)) {
            fail_msg("deny %zu: %s", i, text);
        }
    }
}

/* The policy that binds a key to an enclave: everything but Decrypt for all, Decrypt for one measure, and no way around. */
static void test_enclave_policy(void **state)
{
    (void)state;
    const char *text =
        POLICY(ALLOW("'Action':['kms:DescribeKey','kms:PutKeyPolicy','kms:Encrypt']") "," ALLOW(
            "'Action':'kms:Decrypt','Condition':{'StringEqualsIgnoreCase':{'" IMAGE "':'" UPPER_A96
            "'}}") "," DENY("'Action':'kms:Decrypt','Condition':{'Null':{'" PCR(0) "':'true'}}"));
    cf_policy_request q = request_with(PCR_A);
    assert_int_equal(decide(text, &q), CF_POLICY_ALLOWED);
    q = request_with(PCR_B);
    assert_int_equal(decide(text, &q), CF_POLICY_NO_ALLOW);
    q = request_with(NOTHING);
    assert_int_equal(decide(text, &q), CF_POLICY_DENIED);
    q.action = CF_LIT("kms:Encrypt");
    assert_int_equal(decide(text, &q), CF_POLICY_ALLOWED);
    q.action = CF_LIT("kms:GenerateDataKey");
    assert_int_equal(decide(text, &q), CF_POLICY_NO_ALLOW);
}

static void test_like(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool want;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"**", "abc", true},
        {"a", "a", true},
        {"a", "A", false},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"a*b", "ab", true},
        {"a*b", "axxb", true},
        {"a*b", "axxbc", false},
        {"*a*b*", "xaxbx", true},
        {"*aab", "aaaab", true},
        {"*ab?", "ababx", true},
        {"*ab?", "ab", false},
        {"a*?", "a", false},
        {"a*?", "ab", true},
        {"\xc3\xa9", "\xc3\xa9", true},
        {"?", "\xc3\xa9", true},
        {"?", "\xf0\x9f\x97\x9d", true},
        {"??", "\xc3\xa9", false},
        {"*b",
         "\xc3\xa9"
         "b",
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cf_policy_like(cf_view_str(rows[i].pattern), cf_view_str(rows[i].text), false) !=
            rows[i].want) {
            fail_msg("%s ~ %s", rows[i].pattern, rows[i].text);
        }
    }
    assert_true(cf_policy_like(CF_LIT("KMS:d*"), CF_LIT("kms:Decrypt"), true));
    /* the worst pattern ends soon */
    static char stars[CF_POLICY_VALUE_BYTES_MAX], text[8192];
    for (size_t i = 0; i < sizeof stars; i++) {
        stars[i] = i % 2 == 0 ? '*' : 'a';
    }
    stars[sizeof stars - 1] = 'b';
    memset(text, 'a', sizeof text);
    assert_false(cf_policy_like(CF_VIEW_OF(stars), CF_VIEW_OF(text), false));
}

/* Statements for a context of one pair "x". */
#define LIKE(operator, pattern)                                                                    \
    "'Action':'*','Condition':{'" operator"':{'kms:EncryptionContext:x':'" pattern "'}}"

static cf_policy_decision decide_on(const char *text, size_t octets)
{
    char *value = malloc(octets);
    assert_non_null(value);
    memset(value, 'a', octets);
    const cf_policy_pair pair = {CF_LIT("x"), cf_view_make(value, octets)};
    cf_policy_request q = request_of("kms:Decrypt");
    q.context = &pair;
    q.context_n = 1;
    cf_policy_decision d = decide(text, &q);
    free(value);
    return d;
}

/* An octet of the value is a step of "*b", to which 30 come that are the same for every value. Beyond the bound nothing is said, not
 * what would have been right either. */
static void test_steps(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        cf_policy_decision within;
    } rows[] = {
        {POLICY(ALLOW(LIKE("StringLike", "*b"))), CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW(LIKE("StringNotLike", "*b"))), CF_POLICY_ALLOWED},
        {POLICY(DENY(LIKE("StringNotLike", "*b"))), CF_POLICY_DENIED},
        {POLICY(DENY(LIKE("StringLike", "*b")) "," ALLOW_ALL), CF_POLICY_ALLOWED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t more = i == 3 ? 20 : 0; /* the other statement */
        size_t n = CF_POLICY_STEPS_MAX - 30 - more;
        assert_int_equal(decide_on(rows[i].policy, n - more - 1), rows[i].within);
        assert_int_equal(decide_on(rows[i].policy, n + more), CF_POLICY_TOO_COSTLY);
        assert_int_equal(decide_on(rows[i].policy, n + more + 1), CF_POLICY_TOO_COSTLY);
    }
}

/* Policies and requests that fit all other bounds and whose product would take up to 0.3 s. */
static void test_costly_policies(void **state)
{
    (void)state;
    static char text[CF_POLICY_BYTES_MAX + 1];
    static char half[1001];
    memset(half, 'a', sizeof half - 1);
    int n = snprintf(text, sizeof text,
                     "{'Statement':[{'Effect':'Allow','Principal':'*','Resource':'*','Action':'*',"
                     "'Condition':{'StringLike':{'kms:EncryptionContext:x':['b'");
    while ((size_t)n < sizeof text - 3000) {
        n += snprintf(text + n, sizeof text - (size_t)n, ",'*%s?%sb'", half, half);
    }
    (void)snprintf(text + n, sizeof text - (size_t)n, ",'*']}}}]}");
    assert_int_equal(decide_on(text, 8000), CF_POLICY_TOO_COSTLY);
    assert_int_equal(decide_on(text, 100), CF_POLICY_ALLOWED);
    /* lists of values against many names */
    static cf_policy_pair pairs[2000];
    static char names[2000][2];
    for (size_t i = 0; i < 2000; i++) {
        names[i][0] = (char)('0' + i / 60);
        names[i][1] = (char)('0' + i % 60);
        pairs[i] = (cf_policy_pair){CF_VIEW_OF(names[i]), CF_VIEW_EMPTY};
    }
    n = snprintf(text, sizeof text,
                 "{'Statement':[{'Effect':'Deny','Principal':'*','Resource':'*','Action':'*',"
                 "'Condition':{'ForAnyValue:StringEquals':{'kms:EncryptionContextKeys':['b'");
    while ((size_t)n < sizeof text - 100) {
        n += snprintf(text + n, sizeof text - (size_t)n, ",'~~'");
    }
    (void)snprintf(text + n, sizeof text - (size_t)n, "]}}}," ALLOW_ALL "]}");
    cf_policy_request q = request_of("kms:Decrypt");
    q.context = pairs;
    q.context_n = 2000;
    assert_int_equal(decide(text, &q), CF_POLICY_TOO_COSTLY);
    q.context_n = 10;
    assert_int_equal(decide(text, &q), CF_POLICY_ALLOWED);
}

/* A policy of exactly len octets; blanks fill it up. */
static cf_result parse_of_size(size_t len)
{
    CF_BUF(text);
    assert_ok(cf_buf_append(&text, quoted(POLICY(ALLOW_ALL))));
    while (text.len < len) {
        assert_ok(cf_buf_append(&text, CF_LIT(" ")));
    }
    cf_policy *p = NULL;
    cf_result r = cf_policy_parse(cf_buf_view(&text), &p, NULL);
    cf_policy_free(&p);
    return r;
}

static void test_limits(void **state)
{
    (void)state;
    assert_ok(parse_of_size(CF_POLICY_BYTES_MAX - 1));
    assert_ok(parse_of_size(CF_POLICY_BYTES_MAX));
    assert_err(parse_of_size(CF_POLICY_BYTES_MAX + 1), SIZE);
    for (size_t len = CF_POLICY_VALUE_BYTES_MAX - 1; len <= CF_POLICY_VALUE_BYTES_MAX + 1; len++) {
        CF_BUF(text);
        assert_ok(cf_buf_append(
            &text,
            quoted("{'Statement':{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*',"
                   "'Condition':{'StringEquals':{'kms:EncryptionContext:a':'")));
        for (size_t i = 0; i < len; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT("x")));
        }
        assert_ok(cf_buf_append(&text, quoted("'}}}}")));
        cf_policy *p = NULL;
        assert_code(cf_policy_parse(cf_buf_view(&text), &p, NULL),
                    len <= CF_POLICY_VALUE_BYTES_MAX ? CF_OK : CF_ERR_MALFORMED);
        cf_policy_free(&p);
    }
}

/* One piece of memory, which is filled to its end. */
static void assert_takes(const cf_policy *p, size_t octets_max)
{
    assert_null(p->arena.blocks);
    assert_int_equal(p->arena.used, p->room_bytes);
    assert_int_equal(cf_policy_bytes(p), sizeof *p + p->room_bytes);
    assert_in_range(cf_policy_bytes(p), 1, octets_max);
}

static void test_memory_of_a_usual_policy(void **state)
{
    (void)state;
    cf_policy *p = parse_policy(POLICY(ALLOW_ALL));
    assert_takes(p, 512);
    cf_policy_free(&p);
}

/* The text that takes most memory per octet fits the arena. */
static void test_densest_policy(void **state)
{
    (void)state;
    CF_BUF(text);
    assert_ok(cf_buf_append(
        &text, quoted("{'Statement':{'Effect':'Allow','Principal':'*','Action':['*'")));
    while (text.len < CF_POLICY_BYTES_MAX - 40) {
        assert_ok(cf_buf_append(&text, quoted(",'*'")));
    }
    assert_ok(cf_buf_append(&text, quoted("],'Resource':'*'}}")));
    assert_true(text.len <= CF_POLICY_BYTES_MAX);
    cf_policy *p = NULL;
    assert_ok(cf_policy_parse(cf_buf_view(&text), &p, NULL));
    assert_takes(p, 5 * text.len);
    cf_policy_free(&p);
    cf_buf_clear(&text);
    assert_ok(cf_buf_append(&text, quoted("{'Statement':{'Effect':'Allow','Principal':'*','Action':"
                                          "'*','Resource':'*','Condition':{'Null':{")));
    for (unsigned i = 0; text.len < CF_POLICY_BYTES_MAX - 80; i++) {
        char member[64];
        (void)snprintf(member, sizeof member, "%s'kms:EncryptionContext:%x':true",
                       i == 0 ? "" : ",", i);
        assert_ok(cf_buf_append(&text, quoted(member)));
    }
    assert_ok(cf_buf_append(&text, quoted("}}}}")));
    assert_ok(cf_policy_parse(cf_buf_view(&text), &p, NULL));
    assert_takes(p, 5 * text.len);
    cf_policy_free(&p);
}

static cf_result parse_one(void *ctx)
{
    (void)ctx;
    cf_policy *p = NULL;
    cf_result r = cf_policy_parse(
        quoted(POLICY(ALLOW("'Action':['kms:*'],'Condition':{'StringEquals':{'" PCR(0) "':'x'}}"))),
        &p, NULL);
    cf_policy_free(&p);
    return r;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    (void)failmalloc_each(parse_one, NULL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_principals),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_enclave_policy),
        cmocka_unit_test(test_like),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_costly_policies),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory_of_a_usual_policy),
        cmocka_unit_test(test_densest_policy),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
