/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of single policies, and that nothing which the decision lets through goes unfound. */
#include "core/policy/lint.h"

#include "core/policy/make.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/core/policy/statements.h"

#define ROLE "arn:aws:iam::" ACCOUNT ":role/parent"
#define ADMIN "arn:aws:iam::" ACCOUNT ":user/admin"
#define ZERO96                                                                                     \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"   \
    "000000"

/* Findings as text: "2:unattested(kms:Decrypt) ..." */
static cf_result collect(void *ctx, const cf_policy_finding *f)
{
    char text[600];
    (void)snprintf(text, sizeof text, "%zu:%s(%.*s) ", f->statement, cf_lint_code(f->lint),
                   (int)f->about.len, (const char *)f->about.data);
    return cf_buf_append(ctx, cf_view_str(text));
}

static const char *findings(const cf_policy *p)
{
    static char room[4000];
    CF_BUF(all);
    assert_ok(cf_policy_lint(p, collect, &all));
    (void)snprintf(room, sizeof room, "%.*s", (int)all.len, (const char *)all.data);
    return room;
}

#define S(effect, who, what, condition)                                                            \
    "{'Effect':'" effect "','Principal':{'AWS':" who "},'Action':" what                            \
    ",'Resource':'*'" condition "}"
#define WITH(condition) ",'Condition':{" condition "}"
#define CTX "'ForAnyValue:StringEquals':{'" TENANT "':'t'}"
#define IS(pcr, value) "'StringEqualsIgnoreCase':{'" pcr "':'" value "'}"
#define WRITER S("Allow", "'" ADMIN "'", "'kms:PutKeyPolicy'", "")
#define OPEN(condition) S("Allow", "'" ROLE "'", "'kms:Decrypt'", condition)
/* An Allow of Decrypt with the condition, beside a writer of the policy. */
#define ONE(condition) POLICY(WRITER "," OPEN(WITH(condition "," CTX)))
#define TWO(statement) POLICY(WRITER "," statement)

static const struct {
    const char *policy, *want;
} rows[] = {
    {ONE(IS(PCR(0), A96)), ""},
    {ONE(IS(IMAGE, A96)), ""},
    {ONE("'StringEquals':{'" PCR(0) "':['" A96 "','" B96 "']}"), ""},
    {ONE("'StringLike':{'" PCR(0) "':'" A96 "'}"), ""},
    /* no condition, or one that an absent document meets */
    {TWO(OPEN("")), "2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX))), "2:unattested(kms:Decrypt) "},
    {ONE("'StringNotEquals':{'" PCR(0) "':'" A96 "'}"), "2:unattested(kms:Decrypt) "},
    {ONE("'StringEqualsIfExists':{'" PCR(0) "':'" A96 "'}"), "2:unattested(kms:Decrypt) "},
    {ONE("'ForAllValues:StringEquals':{'" PCR(0) "':'" A96 "'}"), "2:unattested(kms:Decrypt) "},
    {ONE("'Null':{'" PCR(0) "':'true'}"), "2:unattested(kms:Decrypt) "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:D*'", "")),
     "2:unattested(kms:Decapsulate, kms:Decrypt, kms:DeriveSharedSecret) "},
    /* one beside the conditional one */
    {POLICY(WRITER "," OPEN(WITH(IS(PCR(0), A96) "," CTX)) "," S("Allow", "'" CALLER_ARN "'",
                                                                 "'kms:Decrypt'", "")),
     "3:unattested(kms:Decrypt) "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:GenerateDataKey*'", "")),
     "2:unattested_data_key(kms:GenerateDataKey, kms:GenerateDataKeyPair) "},
    {TWO(S("Allow", "'" ROLE "'",
           "['kms:Encrypt','kms:GenerateDataKeyWithoutPlaintext','kms:DescribeKey']", "")),
     ""},
    /* any document */
    {ONE("'Null':{'" PCR(0) "':'false'}"), "2:any_enclave(kms:Decrypt) "},
    {ONE("'StringNotEquals':{'" PCR(0) "':'" A96 "'},'Null':{'" PCR(0) "':'false'}"),
     "2:any_enclave(kms:Decrypt) "},
    {ONE(IS(PCR(16), A96)), "2:any_enclave(kms:Decrypt) "},
    {ONE(IS(PCR(31), A96)), "2:any_enclave(kms:Decrypt) "},
    /* nobody has to lock a register that is free */
    {ONE("'Null':{'" PCR(16) "':'true','" PCR(0) "':'false'}"), "2:any_enclave(kms:Decrypt) "},
    {ONE("'Null':{'" PCR(16) "':'false'}"), "2:any_enclave(kms:Decrypt) "},
    {TWO(OPEN(WITH("'Null':{'" PCR(0) "':'false'}," CTX)) "," S(
         "Deny", "'*'", "'kms:Decrypt'", WITH("'Null':{'" PCR(16) "':'false'}"))),
     "2:any_enclave(kms:Decrypt) "},
    {TWO(OPEN(WITH("'Null':{'" PCR(0) "':'false'}," CTX)) "," S(
         "Deny", "'*'", "'kms:Decrypt'", WITH("'Null':{'" PCR(16) "':['true','false']}"))),
     ""},
    {ONE(IS(PCR(5), ZERO96)), "2:any_enclave(kms:Decrypt) "},
    {ONE("'StringLike':{'" PCR(0) "':'*'}"), "2:pcr_wildcard(*) "},
    {ONE("'StringLike':{'" PCR(0) "':'a*'}"), "2:pcr_wildcard(a*) "},
    /* some registers by themselves */
    {ONE(IS(PCR(3), A96)), "2:debug_pcrs(kms:Decrypt) 2:pcr_parent_only(kms:Decrypt) "},
    {ONE(IS(PCR(4), A96)), "2:debug_pcrs(kms:Decrypt) 2:pcr_parent_only(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(3) "':'" A96 "','" PCR(4) "':'" B96 "'}"),
     "2:debug_pcrs(kms:Decrypt) 2:pcr_parent_only(kms:Decrypt) "},
    {ONE(IS(PCR(1), A96)), "2:pcr_kernel_only(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(1) "':'" A96 "','" PCR(3) "':'" B96 "'}"),
     "2:pcr_kernel_only(kms:Decrypt) "},
    {ONE(IS(PCR(2), A96)), "2:pcr_application_only(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(1) "':'" A96 "','" PCR(2) "':'" B96 "'}"), ""},
    {ONE(IS(PCR(8), A96)), "2:pcr_signer_only(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(0) "':'" A96 "','" PCR(3) "':'" B96 "'}"), ""},
    /* zeros */
    {ONE(IS(PCR(0), ZERO96)), "2:debug_pcrs(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(0) "':['" A96 "','" ZERO96 "']}"), "2:debug_pcrs(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(0) "':'" A96 "','" PCR(8) "':'" ZERO96 "'}"), ""},
    /* debug mode leaves role, instance, and what the enclave extends */
    {ONE("'StringEquals':{'" PCR(0) "':['" A96 "','" ZERO96 "'],'" PCR(4) "':'" B96 "'}"),
     "2:debug_pcrs(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(0) "':['" A96 "','" ZERO96 "'],'" PCR(16) "':'" B96 "'}"),
     "2:debug_pcrs(kms:Decrypt) "},
    /* an image of one's own need not be signed, nor its machine have a role */
    {ONE("'StringEquals':{'" PCR(1) "':'" A96 "','" PCR(8) "':'" ZERO96 "'}"),
     "2:pcr_kernel_only(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(3) "':'" ZERO96 "'}"), "2:any_enclave(kms:Decrypt) "},
    {ONE("'StringEquals':{'" PCR(8) "':'" ZERO96 "'}"), "2:any_enclave(kms:Decrypt) "},
    {TWO(OPEN(WITH("'Null':{'" PCR(0) "':'false'}," CTX)) "," S(
         "Deny", "'*'", "'kms:Decrypt'", WITH("'StringNotEquals':{'" PCR(8) "':'" ZERO96 "'}"))),
     "2:any_enclave(kms:Decrypt) "},
    /* values that no document has */
    {ONE("'StringEquals':{'" PCR(0) "':'" UPPER_A96 "'}"), "2:pcr_value(" UPPER_A96 ") "},
    {ONE(IS(PCR(0), UPPER_A96)), ""},
    {ONE(IS(PCR(0), "abc")), "2:pcr_value(abc) "},
    {ONE(IS(PCR(0), "sha384:" A96)), "2:pcr_value(sha384:" A96 ") "},
    /* a Deny makes good what an Allow leaves open, if it is for everyone and asks for nothing else */
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'",
                               WITH("'StringNotEqualsIgnoreCase':{'" PCR(0) "':'" A96 "'}"))),
     ""},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'",
                               WITH("'Null':{'" PCR(0) "':'true'}"))),
     "2:any_enclave(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'" ROLE "'", "'kms:*'",
                               WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "'}"))),
     ""},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'" CALLER_ARN "'", "'kms:*'",
                               WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "'}"))),
     "2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Encrypt'",
                               WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "'}"))),
     "2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) "," S(
         "Deny", "'*'", "'kms:*'",
         WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "','" TENANT "':'t'}"))),
     "2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'",
                               WITH("'StringNotEqualsIfExists':{'" PCR(0) "':'" A96 "'}"))),
     ""},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'",
                               WITH("'StringNotLike':{'" PCR(0) "':'a*'}"))),
     "2:any_enclave(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) ",{'Effect':'Deny','NotPrincipal':{'AWS':'" ADMIN
                         "'},'Action':'kms:*','Resource':'*'}"),
     "2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'", "")), ""},
    {TWO(OPEN(WITH(CTX)) ",{'Effect':'Deny','NotPrincipal':'*','Action':'kms:*','Resource':'*'}"),
     "2:unattested(kms:Decrypt) "},
    /* the account */
    {TWO(S("Allow", "'" ROOT_ARN "'", "'kms:Decrypt'", WITH(CTX))),
     "2:root_statement(kms:Decrypt) "},
    {TWO(S("Allow", "'" ACCOUNT "'", "'kms:Decrypt'", WITH(CTX))),
     "2:root_statement(kms:Decrypt) "},
    {TWO(S("Allow", "'" ROOT_ARN "'", "'kms:Decrypt'", WITH(IS(PCR(0), A96) "," CTX))), ""},
    {"{'Statement':{'Effect':'Allow','Principal':{'AWS':'" ROOT_ARN
     "'},'Action':'kms:*','Resource':'*'}}",
     "1:grant_bypass() 1:policy_writers() 1:reencrypt() 1:replicate() "
     "1:root_statement(kms:Decapsulate, kms:Decrypt, kms:DeriveSharedSecret) "
     "1:unattested_data_key(kms:GenerateDataKey, kms:GenerateDataKeyPair) "},
    /* everyone */
    {TWO(S("Allow", "'*'", "'kms:Decrypt'", WITH(IS(PCR(0), A96) "," CTX))),
     "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", "")), "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'",
           WITH("'StringEquals':{'kms:CallerAccount':'" ACCOUNT "'}"))),
     ""},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'ArnLike':{'aws:PrincipalArn':'" ROLE "'}"))),
     ""},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'StringLike':{'aws:PrincipalArn':'*'}"))),
     "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'",
           WITH("'StringEqualsIfExists':{'aws:PrincipalArn':'" ROLE "'}"))),
     "2:wildcard_principal() "},
    {TWO("{'Effect':'Allow','Principal':{'Service':'s3.amazonaws.com'},'Action':'kms:*',"
         "'Resource':'*'}"),
     ""},
    /* the opposites */
    {TWO("{'Effect':'Allow','NotPrincipal':{'AWS':'" ADMIN
         "'},'Action':'kms:Encrypt','Resource':'*'}"),
     "2:not_principal_allow() "},
    {TWO("{'Effect':'Allow','Principal':{'AWS':'" ROLE "'},'NotAction':['kms:Decrypt',"
         "'kms:PutKeyPolicy','kms:De*','kms:Generate*','kms:ReEncryptFrom','kms:CreateGrant',"
         "'kms:ReplicateKey'],'Resource':'*'}"),
     "2:not_action_allow() "},
    {TWO("{'Effect':'Allow','Principal':{'AWS':'" ROLE "'},'NotAction':'kms:PutKeyPolicy',"
         "'Resource':'*'}"),
     "2:grant_bypass() 2:not_action_allow() 2:reencrypt() 2:replicate() "
     "2:unattested(kms:Decapsulate, kms:Decrypt, kms:DeriveSharedSecret) "
     "2:unattested_data_key(kms:GenerateDataKey, kms:GenerateDataKeyPair) "},
    /* ways around */
    {TWO(S("Allow", "'" ROLE "'", "'kms:ReEncrypt*'", "")), "2:reencrypt() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:ReEncryptTo'", "")), ""},
    {TWO(S("Allow", "'" ROLE "'", "'kms:ReEncryptFrom'", WITH(IS(PCR(0), A96)))), ""},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'", "")), "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'Bool':{'kms:GrantIsForAWSResource':'true'}"))),
     ""},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'BoolIfExists':{'kms:GrantIsForAWSResource':'true'}"))),
     "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'ForAllValues:StringEquals':{'kms:GrantOperations':['Encrypt','DescribeKey',"
                "'GenerateDataKeyWithoutPlaintext']}"))),
     ""},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'ForAllValues:StringEquals':{'kms:GrantOperations':['Encrypt','Decrypt']}"))),
     "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'ForAllValues:StringLike':{'kms:GrantOperations':'ReEncrypt*'}"))),
     "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'ForAllValues:StringEquals':{'kms:GrantOperations':['Encrypt','CreateGrant']}"))),
     "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'ForAnyValue:StringEquals':{'kms:GrantOperations':'Encrypt'}"))),
     "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'ForAllValues:StringNotEquals':{'kms:GrantOperations':'Decrypt'}"))),
     "2:grant_bypass() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'", "") "," S("Deny", "'*'", "'kms:CreateGrant'",
                                                                 "")),
     ""},
    {TWO(S("Allow", "'" ROLE "'", "'kms:ReplicateKey'", "")), "2:replicate() "},
    /* the context */
    {TWO(OPEN(WITH(IS(PCR(0), A96)))), "2:no_context(kms:Decrypt) "},
    {TWO(OPEN(WITH(IS(PCR(0), A96) ",'Null':{'kms:EncryptionContextKeys':'false'}"))), ""},
    {TWO(OPEN(WITH(IS(PCR(0), A96) ",'Null':{'kms:EncryptionContextKeys':'true'}"))),
     "2:no_context(kms:Decrypt) "},
    {TWO(OPEN(WITH(
         IS(PCR(0), A96) ",'ForAnyValue:StringEquals':{'kms:EncryptionContextKeys':'tenant'}"))),
     ""},
    {TWO(OPEN(WITH(
         IS(PCR(0), A96) ",'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':'tenant'}"))),
     "2:no_context(kms:Decrypt) "},
    {TWO(OPEN(WITH(IS(PCR(0), A96) ",'StringNotEquals':{'" TENANT "':'t'}"))),
     "2:no_context(kms:Decrypt) "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:GenerateDataKey'", WITH(IS(PCR(0), A96)))), ""},
    /* who may set the policy */
    {POLICY(S("Allow", "['" ADMIN "','" CALLER_ARN "']", "'kms:PutKeyPolicy'", "")), ""},
    {POLICY(S("Allow", "['" ADMIN "','" CALLER_ARN "','" ROLE "']", "'kms:PutKeyPolicy'", "")),
     "0:policy_writers() "},
    {POLICY(S("Allow", "['" ADMIN "','" CALLER_ARN "']", "'kms:PutKeyPolicy'",
              "") "," S("Allow", "['" ADMIN "','" CALLER_ARN "']", "'kms:Put*'", "")),
     ""},
    {POLICY(S("Allow", "'" ROOT_ARN "'", "'kms:Put*'", "")), "1:policy_writers() "},
    {POLICY(S("Allow", "'*'", "'kms:PutKeyPolicy'", "")),
     "1:policy_writers() 1:wildcard_principal() "},
    {POLICY(OPEN(WITH(IS(PCR(0), A96) "," CTX))), "0:immutable() "},
    {POLICY(WRITER "," S("Deny", "'*'", "'kms:PutKeyPolicy'", "")), "0:immutable() "},
    {POLICY(S("Allow", "'" ROLE "'", "['kms:PutKeyPolicy']",
              "") "," OPEN(WITH(IS(PCR(0), A96) "," CTX))),
     "0:policy_writer_decrypts(" ROLE ") "},
    /* what is not meant */
    {TWO(S("Allow", "'" ROLE "'", "['kms:Encrypt','kms:Decript']", "")),
     "2:unknown_action(kms:Decript) "},
    {TWO("{'Effect':'Allow','Principal':'*','Action':'kms:Decrypt'}"),
     "2:no_effect() 2:wildcard_principal() "},
    {TWO("{'Effect':'Deny','Principal':'*','Resource':'*'}"), "2:no_effect() "},
};

static void test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_policy *p = parse_policy(rows[i].policy);
        const char *got = findings(p);
        if (strcmp(got, rows[i].want) != 0) {
            fail_msg("row %zu: %s\n got %s\nwant %s", i, rows[i].policy, got, rows[i].want);
        }
        cf_policy_free(&p);
    }
}

/* Every code is found by some row, and is written as codes are. */
static void test_codes(void **state)
{
    (void)state;
    for (unsigned l = 0; l < CF_LINT_COUNT; l++) {
        char text[64];
        bool used = false;
        (void)snprintf(text, sizeof text, ":%s(", cf_lint_code((cf_lint)l));
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            used = used || strstr(rows[i].want, text) != NULL;
        }
        if (!used) {
            fail_msg("no row finds %s", cf_lint_code((cf_lint)l));
        }
        assert_int_equal(strspn(cf_lint_code((cf_lint)l), "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(cf_lint_code((cf_lint)l)));
        assert_true(strlen(cf_lint_text((cf_lint)l)) > 20);
        (void)cf_lint_severity_name(cf_lint_severity_of((cf_lint)l));
    }
}

/* Text of the policy never reaches a terminal as it is, and not all of it. */
static void test_about(void **state)
{
    (void)state;
    char text[3000];
    CF_BUF(long_value);
    for (size_t i = 0; i < 1000; i++) {
        assert_ok(cf_buf_append(&long_value, CF_LIT("x")));
    }
    (void)snprintf(text, sizeof text, "%s%.*s%s",
                   "{'Statement':{'Effect':'Allow','Principal':{'AWS':'" ADMIN
                   "'},'Action':'kms:PutKeyPolicy','Resource':'*','Condition':{'StringEquals':{"
                   "'" PCR(0) "':['\\u001b[2J','",
                   (int)long_value.len, (const char *)long_value.data, "','more','other']}}}}");
    cf_policy *p = parse_policy(text);
    const char *got = findings(p);
    assert_non_null(strstr(got, "pcr_value(?[2J, xxx"));
    assert_null(strchr(got, '\x1b'));
    assert_true(strlen(got) < 3 * CF_POLICY_ECHO_BYTES_MAX);
    cf_policy_free(&p);
}

/* --- nothing that the decision lets through goes unfound --- */

static uint32_t seed = 20261120;

static uint32_t roll(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static const char *pick(const char *const *list, size_t n)
{
    return list[roll((uint32_t)n)];
}
#define PICK(list) pick(list, sizeof(list) / sizeof(list)[0])

static void random_condition(char *to, size_t room)
{
    static const char *const sets[] = {"", "", "", "ForAnyValue:", "ForAllValues:"};
    static const char *const ops[] = {
        "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
        "StringLike",   "StringNotLike"};
    static const char *const ends[] = {"", "", "", "IfExists"};
    static const char *const keys[] = {PCR(0), PCR(0), PCR(1),  PCR(2),
                                       PCR(3), PCR(8), PCR(16), IMAGE};
    static const char *const values[] = {"'" A96 "'",      "'" A96 "'", "['" A96 "','" B96 "']",
                                         "'" ZERO96 "'",   "'a*'",      "'*'",
                                         "'" UPPER_A96 "'"};
    if (roll(6) == 0) {
        (void)snprintf(to, room, "'Null':{'%s':'%s'}", PICK(keys), roll(2) == 0 ? "true" : "false");
    } else if (roll(6) == 0) {
        (void)snprintf(to, room, "'StringEquals':{'" TENANT "':'t'}");
    } else {
        (void)snprintf(to, room, "'%s%s%s':{'%s':%s}", PICK(sets), PICK(ops), PICK(ends),
                       PICK(keys), PICK(values));
    }
}

static void random_statement(char *to, size_t room)
{
    static const char *const who[] = {"'Principal':{'AWS':'" CALLER_ARN "'}",
                                      "'Principal':{'AWS':'" ROOT_ARN "'}",
                                      "'Principal':'*'",
                                      "'Principal':{'AWS':['" CALLER_ARN "','" ROLE "']}",
                                      "'Principal':{'AWS':'" ROLE "'}",
                                      "'NotPrincipal':{'AWS':'" ROLE "'}",
                                      "'NotPrincipal':{'AWS':['" CALLER_ARN "','" ROOT_ARN "']}"};
    static const char *const what[] = {"'Action':'kms:Decrypt'", "'Action':'kms:*'",
                                       "'Action':['kms:Encrypt','kms:De*']",
                                       "'NotAction':'kms:Encrypt'", "'Action':'kms:Encrypt'"};
    char condition[500];
    random_condition(condition, sizeof condition);
    (void)snprintf(to, room, "{'Effect':'%s',%s,%s,'Resource':'*','Condition':{%s}}",
                   roll(3) == 0 ? "Deny" : "Allow", PICK(who), PICK(what), condition);
}

#define DOCUMENTS 6

/* What a scene of the lint means in numbers: registers of an enclave that is not the one wanted. */
static void set_registers(cf_policy_request *q, unsigned document)
{
    static const char foreign[] =
        "abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdef"
        "abcdef";
    bool debug = document == 2 || document == 5;
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        q->pcrs[i] = document == 0              ? CF_VIEW_EMPTY
                     : document == 4 && i >= 16 ? CF_VIEW_EMPTY /* none of its own */
                     : document != 2 && i >= 16 ? CF_LIT(A96)
                     : debug                    ? CF_LIT(ZERO96)
                                                : cf_view_str(foreign);
    }
    if (document == 3 || document == 5) { /* on the parent that is wanted */
        q->pcrs[3] = q->pcrs[4] = CF_LIT(A96);
    }
    if (document == 4) { /* unsigned, without a role */
        q->pcrs[3] = q->pcrs[8] = CF_LIT(ZERO96);
    }
}

static bool any_error(const char *found)
{
    for (unsigned l = 0; l < CF_LINT_COUNT; l++) {
        char text[64];
        (void)snprintf(text, sizeof text, ":%s(", cf_lint_code((cf_lint)l));
        if (cf_lint_severity_of((cf_lint)l) == CF_LINT_ERROR && strstr(found, text) != NULL &&
            strcmp(cf_lint_code((cf_lint)l), "policy_writers") != 0 &&
            strcmp(cf_lint_code((cf_lint)l), "wildcard_principal") != 0) {
            return true;
        }
    }
    return false;
}

static void test_nothing_unfound(void **state)
{
    (void)state;
    static const cf_policy_pair tenant[] = {{CF_LIT_INIT("tenant"), CF_LIT_INIT("t")}};
    size_t let_through = 0, clean = 0;
    for (size_t round = 0; round < 20000; round++) {
        char text[4000], one[900], two[900], three[900];
        random_statement(one, sizeof one);
        random_statement(two, sizeof two);
        random_statement(three, sizeof three);
        (void)snprintf(text, sizeof text, POLICY("%s,%s,%s"), one, two, three);
        cf_policy *p = parse_policy(text);
        bool found = any_error(findings(p));
        clean += !found;
        for (unsigned which = 0; which < 4 * DOCUMENTS; which++) {
            cf_policy_request q = request_of("kms:Decrypt");
            set_registers(&q, which % DOCUMENTS);
            q.context = tenant;
            q.context_n = which / DOCUMENTS % 2;
            if (which / DOCUMENTS / 2 == 1) {
                q.caller = CF_LIT("arn:aws:sts::" ACCOUNT ":assumed-role/parent/i");
                q.caller_role = CF_LIT(ROLE);
            }
            bool allowed = cf_policy_decide(p, &q) == CF_POLICY_ALLOWED;
            let_through += allowed;
            if (allowed && !found) {
                fail_msg("request %u passes unfound: %s", which, text);
            }
        }
        cf_policy_free(&p);
    }
    /* the rounds must have shown both */
    assert_true(let_through > 1000 && clean > 1000);
}

/* --- making one --- */

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

/* --- memory --- */

static cf_result ignore(void *ctx, const cf_policy_finding *f)
{
    (void)ctx;
    (void)f;
    return cf_ok();
}

static cf_result stop(void *ctx, const cf_policy_finding *f)
{
    (void)f;
    *(int *)ctx += 1;
    return cf_fail(CF_ERR_IO);
}

static cf_result lint_one(void *ctx)
{
    return cf_policy_lint(ctx, ignore, NULL);
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

static void test_memory(void **state)
{
    (void)state;
    cf_policy *p = parse_policy(POLICY(ALLOW_ALL "," OPEN("")));
    int calls = 0;
    assert_err(cf_policy_lint(p, stop, &calls), IO);
    assert_int_equal(calls, 1);
    (void)failmalloc_each(lint_one, p, 2);
    cf_policy_free(&p);
    (void)failmalloc_each(make_one, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_nothing_unfound),
        cmocka_unit_test(test_made_policies_are_clean),
        cmocka_unit_test(test_made_policy_decides),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
