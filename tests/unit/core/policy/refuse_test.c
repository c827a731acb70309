/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that are refused when they are set, and what is said of them. */
#include "core/policy/lint.h"
#include "tests/unit/core/policy/statements.h"

static void test_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "x",
        "[]",
        "{}",
        "null",
        "'text'",
        "{'Statement':[]}",
        "{'Statement':'x'}",
        "{'Statement':[1]}",
        "{'Statement':[" ALLOW_ALL "],'Statement':[" ALLOW_ALL "]}",
        "{'Statement':[" ALLOW_ALL "],'More':1}",
        "{'Version':'2012-10-18','Statement':[" ALLOW_ALL "]}",
        "{'Version':2012,'Statement':[" ALLOW_ALL "]}",
        "{'Id':1,'Statement':[" ALLOW_ALL "]}",
        POLICY(ALLOW_ALL) "x",
        POLICY("{'Effect':'allow','Principal':'*','Action':'*','Resource':'*'}"),
        POLICY("{'Principal':'*','Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Action':'*','Resource':'*'}"),
        POLICY("{'Effect':['Allow'],'Principal':'*','Action':'*','Resource':'*'}"),
        POLICY("{'Sid':1,'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':'*','Action':'*','NotResource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':'*','Action':'*','Resource':'arn:aws:kms:us-east-1:"
               "123456789012:key/x'}"),
        POLICY("{'Effect':'Allow','Principal':'*','Action':'*','Resource':[]}"),
        POLICY("{'Effect':'Allow','Principal':'everyone','Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':[]},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':1},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'Federated':'x'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'12345678901'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" ACCOUNT
               ":user/*'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::*:root'},'Action':'*','Resource'"
               ":'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" ACCOUNT
               ":user/'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam:us-east-1:" ACCOUNT
               ":root'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:s3::" ACCOUNT
               ":root'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" ACCOUNT
               ":group/x'},'Action':'*','Resource':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'AWS':'AIDACKCEVSQ6C2EXAMPLE'},'Action':'*','"
               "Resource':'*'}"),
        POLICY(ALLOW("'Action':[]")),
        POLICY(ALLOW("'Action':1")),
        POLICY(ALLOW("'Action':['kms:*',[]]")),
        POLICY(ALLOW("'Action':''")),
        POLICY(ALLOW("'Action':'kms:'")),
        POLICY(ALLOW("'Action':'Decrypt'")),
        POLICY(ALLOW("'Action':'s3:GetObject'")),
        POLICY(ALLOW("'Action':'kms:De crypt'")),
        POLICY(ALLOW("'Action':'kms:${x}'")),
        POLICY(ALLOW("'Action':'*','Condition':[]")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':'x'}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(0) "':[]}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(0) "':1}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(0) "':true}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(0) "':'${aws:username}'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'stringequals':{'" PCR(0) "':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'NumericEquals':{'" PCR(0) "':'1'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'IpAddress':{'aws:SourceIp':'10.0.0.0/8'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(32) "':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(00) "':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR() "':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(-1) "':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(4294967296) "':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:RecipientAttestation:"
                     "NitroTPMPCR0':'x'}}")),
        POLICY(
            ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:RecipientAttestation:':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:EncryptionContext:':'x'}}")),
        POLICY(
            ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:EncryptionContextKeys':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:ViaService':'x'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'Null':{'" PCR(0) "':'yes'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'Bool':{'" PCR(0) "':'TRUE'}}")),
        POLICY(ALLOW("'Action':'*','Condition':{'Null':{'" PCR(0) "':{}}}")),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_policy *p = NULL;
        CF_BUF(why);
        cf_result r = cf_policy_parse(quoted(rows[i]), &p, &why);
        if (r.code != CF_ERR_MALFORMED || p != NULL || why.len == 0) {
            fail_msg("row %zu: %s: %s", i, rows[i], cf_err_code(r.code));
        }
    }
}

/* What cannot be enforced is named. */
static void test_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *statement, *why;
    } rows[] = {
        {ALLOW("'Action':'*','Condition':{'NumericEquals':{'" PCR(0) "':'1'}}"),
         "Statement 2: the value of the condition key is no number: "
         "\"kms:RecipientAttestation:PCR0\"."},
        {ALLOW("'Action':'*','Condition':{'NumericEquals':{'" TENANT "':'1'}}"),
         "Statement 2: the value of the condition key is no number: "
         "\"kms:EncryptionContext:tenant\"."},
        {ALLOW("'Action':'*','Condition':{'NumericEquals':{'kms:KeySpec':'1'}}"),
         "Statement 2: the value of the condition key is no number: \"kms:KeySpec\"."},
        {ALLOW("'Action':'*','Condition':{'NumericEquals':{'kms:RotationPeriodInDays':'year'}}"),
         "Statement 2: a condition value is no number: \"year\"."},
        {ALLOW("'Action':'*','Condition':{'NumericEquals':{'kms:RotationPeriodInDays':true}}"),
         "Statement 2: there is a value that is no string where only strings may be."},
        {ALLOW("'Action':'*','Condition':{'IpAddress':{'aws:SourceIp':'10.0.0.0/8'}}"),
         "Statement 2: the condition operator is not supported: \"IpAddress\"."},
        {ALLOW("'Action':'*','Condition':{'ForAnyValue:DateLessThanIfExists':{'x':'y'}}"),
         "Statement 2: the condition operator is not supported: "
         "\"ForAnyValue:DateLessThanIfExists\"."},
        {ALLOW("'Action':'*','Condition':{'stringequals':{'" PCR(0) "':'1'}}"),
         "Statement 2: there is no condition operator of the name \"stringequals\"."},
        {ALLOW("'Action':'*','Condition':{'ForEach:StringEquals':{'" PCR(0) "':'1'}}"),
         "Statement 2: there is no condition operator of the name \"ForEach:StringEquals\"."},
        {ALLOW("'Action':'*','Condition':{'StringEqualsIfExistsIfExists':{'" PCR(0) "':'1'}}"),
         "Statement 2: there is no condition operator of the name "
         "\"StringEqualsIfExistsIfExists\"."},
        {ALLOW("'Action':'*','Condition':{'NullIfExists':{'" PCR(0) "':'true'}}"),
         "Statement 2: Null takes no set operator and no IfExists: \"NullIfExists\"."},
        {ALLOW("'Action':'*','Condition':{'ForAnyValue:Null':{'" PCR(0) "':'true'}}"),
         "Statement 2: Null takes no set operator and no IfExists: \"ForAnyValue:Null\"."},
        {ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:ViaService':'s3'}}"),
         "Statement 2: the condition key is not supported, since no other service calls this one "
         "on a caller's behalf: \"kms:ViaService\"."},
        {ALLOW("'Action':'*','Condition':{'StringLikeIfExists':{'KMS:viaService':'s3.*'}}"),
         "Statement 2: the condition key is not supported, since no other service calls this one "
         "on a caller's behalf: \"KMS:viaService\"."},
        {ALLOW("'Action':'*','Condition':{'StringEquals':{'aws:SourceVpc':'v'}}"),
         "Statement 2: the condition key is not supported: \"aws:SourceVpc\"."},
        {ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:RecipientAttestation:"
               "NitroTPMPCR4':'v'}}"),
         "Statement 2: the condition key is not supported: "
         "\"kms:RecipientAttestation:NitroTPMPCR4\"."},
        {ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(32) "':'v'}}"),
         "Statement 2: the condition key is not supported: \"kms:RecipientAttestation:PCR32\"."},
        {ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:ResourceAliases':'alias/x'}}"),
         "Statement 2: the condition key has several values and needs ForAnyValue or ForAllValues: "
         "\"kms:ResourceAliases\"."},
        {ALLOW("'Action':'*','Condition':{'Bool':{'kms:GrantIsForAWSResource':'yes'}}"),
         "Statement 2: a condition value is neither true nor false: \"yes\"."},
        {ALLOW("'Action':'s3:GetObject'"),
         "Statement 2: the action is not one of this service: \"s3:GetObject\"."},
        {ALLOW("'Action':'*','NotAction':'*'"),
         "Statement 2: an element may not stand beside its opposite: \"NotAction\"."},
        {ALLOW("'Action':'*','NotPrincipal':'*'"),
         "Statement 2: an element may not stand beside its opposite: \"NotPrincipal\"."},
        {ALLOW("'Action':'*','NotResource':'*'"),
         "Statement 2: the element is not supported: \"NotResource\"."},
        {ALLOW("'Action':'*','Condition':{'StringEquals':{'" PCR(0) "':'${aws:username}'}}"),
         "Statement 2: policy variables are not supported: \"${aws:username}\"."},
        {"{'Effect':'Allow','Principal':{'AWS':'nobody'},'Action':'*','Resource':'*'}",
         "Policy contains a statement with one or more invalid principals."},
        {"{'Effect':'allow','Principal':'*','Action':'*','Resource':'*'}",
         "Statement 2: the effect must be \"Allow\" or \"Deny\"."},
        {"{'Effect':'Allow','Action':'*','Resource':'*'}",
         "Statement 2: there is neither Principal nor NotPrincipal."},
        /* nothing reaches a terminal that it would act on */
        {ALLOW("'Action':'*','Condition':{'\\u001b[2J\xc3\xa9':{'" PCR(0) "':'1'}}"),
         "Statement 2: there is no condition operator of the name \"?[2J??\"."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[2000];
        CF_BUF(why);
        cf_policy *p = NULL;
        (void)snprintf(text, sizeof text, POLICY(ALLOW_ALL ",%s"), rows[i].statement);
        assert_err(cf_policy_parse(quoted(text), &p, &why), MALFORMED);
        assert_null(p);
        assert_int_equal(cf_buf_append(&why, cf_view_make("", 1)).code, CF_OK);
        assert_string_equal((const char *)why.data, rows[i].why);
    }
    CF_BUF(why);
    cf_policy *p = NULL;
    assert_err(cf_policy_parse(quoted("{'Statement':[" ALLOW_ALL "],'Extra':1}"), &p, &why),
               MALFORMED);
    assert_view(cf_buf_view(&why), quoted("the element is not supported: 'Extra'."));
    assert_ok(cf_policy_parse(quoted(POLICY(ALLOW_ALL)), &p, &why));
    assert_int_equal(why.len, 0);
    cf_policy_free(&p);
}

/* The lint is told what is no policy, and where. */
static void test_sentences_for_lint(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "The policy is not well-formed JSON. Line 1, column 0."},
        {"{'Statement':\n [1,}", "The policy is not well-formed JSON. Line 2, column 5."},
        {"{'Statement':[],\n'Statement':[]}",
         "The policy is not well-formed JSON. Line 2, column 11."},
        {POLICY(ALLOW_ALL) "\n\nx", "The policy is not well-formed JSON. Line 3, column 1."},
        {"\xff", "The policy is not well-formed JSON."},
        {"[[[[[[[[[[[[[[[[[[[[", "The policy is not well-formed JSON."},
        {"{}", "The policy has no statement."},
        {POLICY(ALLOW("'Action':'*','Condition':{'StringEqual':{'" PCR(0) "':'1'}}")),
         "Statement 1: there is no condition operator of the name 'StringEqual'."},
        {POLICY(ALLOW("'Action':'*','Condition':{'IpAddress':{}}")),
         "Statement 1: a condition operator must have an object with keys: 'IpAddress'."},
        {POLICY(ALLOW("'Action':'*','Condition':{'IpAddress':{'aws:SourceIp':[]}}")),
         "Statement 1: there is a condition without values, or with one that is neither string nor "
         "number nor boolean."},
        {POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'aws:SourceVpc':{}}}")),
         "Statement 1: there is a condition without values, or with one that is neither string nor "
         "number nor boolean."},
        {POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'aws:SourceVpc':['x',null]}}")),
         "Statement 1: there is a condition without values, or with one that is neither string nor "
         "number nor boolean."},
        {POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:KeySpec':[[]]}}")),
         "Statement 1: there is a value that is no string where only strings may be."},
        {POLICY(ALLOW("'Action':'*','Condition':{'NumericEquals':{'kms:RotationPeriodInDays':"
                      "'year'}}")),
         "Statement 1: a condition value is no number: 'year'."},
        {POLICY(ALLOW_ALL "," ALLOW("'Action':'kms:De crypt'")),
         "Statement 2: the action is not one of this service: 'kms:De crypt'."},
        {POLICY(ALLOW("'Action':'Decrypt'")),
         "Statement 1: the action is not one of this service: 'Decrypt'."},
        {POLICY(ALLOW("'Action':7")),
         "Statement 1: there is a value that is no string where only strings may be."},
        {POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" ACCOUNT
                ":user/*'},'Action':'*','Resource':'*'}"),
         "Statement 1: the principal is no account, and no ARN of a user, role or session: "
         "'arn:aws:iam::" ACCOUNT ":user/*'."},
        {POLICY("{'Effect':'Allow','Principal':{'AWS':'${aws:username}'},'Action':'*','Resource':"
                "'*'}"),
         "Statement 1: policy variables are not supported: '${aws:username}'."},
        {POLICY("{'Effect':'Allow','Principal':{'Federated':'x'},'Action':'*','Resource':'*'}"),
         "Statement 1: the principals must be '*', or an object of AWS and Service."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(why);
        cf_policy *p = NULL;
        assert_err(cf_policy_parse_for_lint(quoted(rows[i].text), &p, &why), MALFORMED);
        assert_null(p);
        assert_view(cf_buf_view(&why), quoted(rows[i].why));
    }
}

/* Of a long name enough is told to find it. */
static void test_echo(void **state)
{
    (void)state;
    for (size_t len = CF_POLICY_ECHO_BYTES_MAX - 1; len <= CF_POLICY_ECHO_BYTES_MAX + 1; len++) {
        char name[CF_POLICY_ECHO_BYTES_MAX + 2], text[1000], want[300];
        CF_BUF(why);
        cf_policy *p = NULL;
        memset(name, 'x', len);
        name[len] = '\0';
        (void)snprintf(text, sizeof text,
                       POLICY(ALLOW("'Action':'*','Condition':{'%s':{'" PCR(0) "':'1'}}")), name);
        assert_err(cf_policy_parse(quoted(text), &p, &why), MALFORMED);
        (void)snprintf(want, sizeof want,
                       "Statement 1: there is no condition operator of the name \"%.*s%s\".",
                       CF_POLICY_ECHO_BYTES_MAX, name, len > CF_POLICY_ECHO_BYTES_MAX ? "..." : "");
        assert_view(cf_buf_view(&why), cf_view_str(want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_sentences_for_lint),
        cmocka_unit_test(test_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
