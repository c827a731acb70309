/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of single policies, and that nothing which the decision lets through goes unfound. */
#include "core/policy/lint.h"

#include "tests/support/failmalloc.h"
#include "tests/unit/core/policy/findings.h"

/* The rows are written with ' for ", in what they want as well; an apostrophe stays one. */
static void as_quoted(char *text)
{
    for (; *text != '\0'; text++) {
        *text = *text == '"' ? '\'' : *text;
    }
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

#define ATTESTED(who) S("Allow", who, "'kms:Decrypt'", WITH(IS(PCR(0), A96) "," CTX))
/* One who sets the policy, others who open when attested. */
#define WROTE(writer, openers)                                                                     \
    POLICY(S("Allow", "'" writer "'", "'kms:PutKeyPolicy'", "") "," ATTESTED(openers))
#define WRITES "0:policy_writer_decrypts(" ADMIN ") "
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/parent/i"
#define KEY_ARN "arn:aws:kms:us-east-1:" ACCOUNT ":key/*"
#define KEY(name) "the condition key is not supported: '" name "'"
#define OP(name) "the condition operator is not supported: '" name "'"
#define VIA                                                                                        \
    "the condition key is not supported, since no other service calls this one on a caller's "     \
    "behalf: 'kms:ViaService'"

/* With ' for ". */
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
     "2:root_statement(kms:Decrypt) " WRITES},
    {TWO(S("Allow", "'" ACCOUNT "'", "'kms:Decrypt'", WITH(CTX))),
     "2:root_statement(kms:Decrypt) " WRITES},
    {TWO(S("Allow", "'" ROOT_ARN "'", "'kms:Decrypt'", WITH(IS(PCR(0), A96) "," CTX))), WRITES},
    {"{'Statement':{'Effect':'Allow','Principal':{'AWS':'" ROOT_ARN
     "'},'Action':'kms:*','Resource':'*'}}",
     "1:grant_bypass() 1:policy_writers() 1:reencrypt() 1:replicate() "
     "1:root_statement(kms:Decapsulate, kms:Decrypt, kms:DeriveSharedSecret) "
     "1:unattested_data_key(kms:GenerateDataKey, kms:GenerateDataKeyPair) "},
    /* everyone */
    {TWO(S("Allow", "'*'", "'kms:Decrypt'", WITH(IS(PCR(0), A96) "," CTX))),
     "2:wildcard_principal() " WRITES},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", "")), "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'",
           WITH("'StringEquals':{'kms:CallerAccount':'" ACCOUNT "'}"))),
     ""},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'ArnLike':{'aws:PrincipalArn':'" ROLE "'}"))),
     ""},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'StringLike':{'aws:PrincipalArn':'*'}"))),
     "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'ArnLike':{'aws:PrincipalArn':'*'}"))),
     "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'",
           WITH("'StringLike':{'aws:PrincipalArn':'arn:aws:iam::*'}"))),
     "2:wildcard_principal() "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'",
           WITH("'ArnLike':{'aws:PrincipalArn':'arn:aws:*::" ACCOUNT ":*'}"))),
     ""},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'StringLike':{'kms:CallerAccount':'*'}"))),
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
    /* and may open by another name */
    {WROTE(ADMIN, "'*'"), "2:wildcard_principal() " WRITES},
    {WROTE(ADMIN, "'" ACCOUNT "'"), WRITES},
    {WROTE(ADMIN, "'" ROOT_ARN "'"), WRITES},
    {WROTE(ADMIN, "['" ROLE "','" ADMIN "']"), WRITES},
    {WROTE(ADMIN, "'999999999999'"), ""},
    {WROTE(ADMIN, "'arn:aws:iam::999999999999:root'"), ""},
    {WROTE(ADMIN, "'arn:aws-cn:iam::" ACCOUNT ":root'"), ""},
    {WROTE(ADMIN, "'" ROLE "'"), ""},
    {WROTE(ROLE, "'" SESSION "'"), "0:policy_writer_decrypts(" ROLE ") "},
    {WROTE(SESSION, "'" ROLE "'"), "0:policy_writer_decrypts(" SESSION ") "},
    {WROTE(SESSION, "'" SESSION "'"), "0:policy_writer_decrypts(" SESSION ") "},
    {WROTE(SESSION, "'" ACCOUNT "'"), "0:policy_writer_decrypts(" SESSION ") "},
    {WROTE(SESSION, "'" SESSION "2'"), ""},
    {WROTE("arn:aws:iam::" ACCOUNT ":role/team/parent", "'" SESSION "'"),
     "0:policy_writer_decrypts(arn:aws:iam::" ACCOUNT ":role/team/parent) "},
    {WROTE("arn:aws:iam::" ACCOUNT ":role/other", "'" SESSION "'"), ""},
    {WROTE("arn:aws:iam::" ACCOUNT ":user/parent", "'" SESSION "'"), ""},
    {WROTE("arn:aws:iam::999999999999:role/parent", "'" SESSION "'"), ""},
    {POLICY(WRITER ",{'Effect':'Allow','NotPrincipal':{'AWS':'" ROLE
                   "'},'Action':'kms:Decrypt','Resource':'*'" WITH(IS(PCR(0), A96) "," CTX) "}"),
     "2:not_principal_allow() " WRITES},
    {POLICY(WRITER ",{'Effect':'Allow','NotPrincipal':{'AWS':'" ADMIN
                   "'},'Action':'kms:Decrypt','Resource':'*'" WITH(IS(PCR(0), A96) "," CTX) "}"),
     "2:not_principal_allow() "},
    /* unless it is denied */
    {POLICY(WRITER
            "," ATTESTED("'" ROOT_ARN "'") "," S("Deny", "'" ADMIN "'", "'kms:Decrypt'", "")),
     ""},
    {POLICY(WRITER "," ATTESTED("'" ROOT_ARN "'") "," S("Deny", "'" ROLE "'", "'kms:Decrypt'", "")),
     WRITES},
    {POLICY(WRITER "," ATTESTED("'*'") "," S("Deny", "'" ACCOUNT "'", "'kms:Decrypt'", "")),
     "2:wildcard_principal() "},
    {POLICY(S("Allow", "['" ADMIN "','" ROLE "']", "'kms:PutKeyPolicy'",
              "") "," ATTESTED("'" ROLE "'") "," S("Deny", "'" ROLE "'", "'kms:Put*'", "")),
     ""},
    {POLICY(S("Allow", "['" ADMIN "','" CALLER_ARN "','" ROLE "']", "'kms:PutKeyPolicy'",
              "") "," S("Deny", "'" CALLER_ARN "'", "'kms:PutKeyPolicy'", "")),
     ""},
    /* a Deny for an account is for all in it */
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'" ROOT_ARN "'", "'kms:Decrypt'",
                               WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "'}"))),
     ""},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'999999999999'", "'kms:Decrypt'",
                               WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "'}"))),
     "2:unattested(kms:Decrypt) "},
    /* what is not evaluated: met in an Allow */
    {ONE(IS(PCR(0), A96) ",'StringEquals':{'aws:PrincipalOrgID':'o-1'}"),
     "2:not_understood(" KEY("aws:PrincipalOrgID") ") "},
    {TWO(OPEN(WITH(CTX ",'StringLike':{'kms:ViaService':'s3.*.amazonaws.com'}"))),
     "2:not_understood(" VIA ") 2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX ",'IpAddress':{'aws:SourceIp':['10.0.0.0/8','192.0.2.1']},"
                       "'ForAnyValue:DateLessThanIfExists':{'aws:CurrentTime':'2026-01-01'}"))),
     "2:not_understood(" OP("IpAddress") ") 2:not_understood(" OP(
         "ForAnyValue:DateLessThanIfExists") ") 2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX ",'StringEquals':{'kms:RecipientAttestation:NitroTPMPCR4':'" A96 "'}"))),
     "2:not_understood(" KEY("kms:RecipientAttestation:NitroTPMPCR4") ") "
                                                                      "2:unattested(kms:Decrypt) "},
    {ONE(IS(PCR(0), A96) ",'Bool':{'aws:SecureTransport':true},"
                         "'NumericLessThan':{'aws:MultiFactorAuthAge':3600}"),
     "2:not_understood(" KEY("aws:SecureTransport") ") "
                                                    "2:not_understood(" KEY(
                                                        "aws:MultiFactorAuthAge") ") "},
    {TWO(OPEN(WITH(IS(PCR(0), A96) ",'StringEquals':{'" TENANT "':'${aws:username}'}"))),
     "2:no_context(kms:Decrypt) "
     "2:not_understood(policy variables are not supported: '${aws:username}') "},
    {TWO(OPEN(WITH(IS(PCR(0), A96) ",'StringEquals':{'kms:EncryptionContextKeys':'tenant'}"))),
     "2:no_context(kms:Decrypt) 2:not_understood(the condition key has several values and needs "
     "ForAnyValue or ForAllValues: 'kms:EncryptionContextKeys') "},
    {TWO(OPEN(WITH(CTX ",'StringEquals':{'" PCR(0) "':7}"))),
     "2:not_understood(there is a value that is no string where only strings may be) "
     "2:unattested(kms:Decrypt) "},
    {TWO(S("Allow", "'*'", "'kms:Encrypt'", WITH("'StringEquals':{'aws:PrincipalOrgID':'o-1'}"))),
     "2:not_understood(" KEY("aws:PrincipalOrgID") ") 2:wildcard_principal() "},
    {TWO(S("Allow", "'" ROLE "'", "'kms:CreateGrant'",
           WITH("'StringEquals':{'kms:ViaService':'ec2.us-east-1.amazonaws.com'}"))),
     "2:grant_bypass() 2:not_understood(" VIA ") "},
    /* and not met in a Deny */
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'",
                               WITH("'StringNotEquals':{'" PCR(0) "':'" A96 "','aws:PrincipalOrgID'"
                                                                  ":'o-1'}"))),
     "2:unattested(kms:Decrypt) 3:not_understood(" KEY("aws:PrincipalOrgID") ") "},
    {TWO(OPEN(WITH(CTX)) "," S("Deny", "'*'", "'kms:Decrypt'",
                               WITH("'NotIpAddress':{'aws:SourceIp':'10.0.0.0/8'}"))),
     "2:unattested(kms:Decrypt) 3:not_understood(" OP("NotIpAddress") ") "},
    {POLICY(WRITER "," S("Deny", "'*'", "'kms:PutKeyPolicy'",
                         WITH("'StringNotEquals':{'aws:PrincipalOrgID':'o-1'}"))),
     "2:not_understood(" KEY("aws:PrincipalOrgID") ") "},
    /* the same of resources that may be the key */
    {TWO("{'Effect':'Allow','Principal':{'AWS':'" ROLE
         "'},'Action':'kms:Decrypt','Resource':'" KEY_ARN "'" WITH(CTX) "}"),
     "2:not_understood(the resource of a key policy must be '*', not '" KEY_ARN "') "
     "2:unattested(kms:Decrypt) "},
    {TWO(OPEN(WITH(CTX)) ",{'Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'" KEY_ARN
                         "'}"),
     "2:unattested(kms:Decrypt) 3:not_understood(the resource of a key policy must be '*', not "
     "'" KEY_ARN "') "},
    {TWO("{'Effect':'Allow','Principal':{'AWS':'" ROLE
         "'},'Action':'kms:Decrypt','NotResource':'x'" WITH(CTX) "}"),
     "2:not_understood(the element is not supported: 'NotResource') 2:unattested(kms:Decrypt) "},
    /* principals that are nobody here, actions of other services */
    {TWO(S("Allow", "'AROAIOSFODNN7EXAMPLE'", "'kms:Decrypt'", WITH(CTX))),
     "2:unattested(kms:Decrypt) "},
    {TWO(S("Allow", "'arn:aws:sts::" ACCOUNT ":federated-user/x'", "'kms:Decrypt'", WITH(CTX))),
     "2:unattested(kms:Decrypt) "},
    {TWO(S("Allow", "'" ROLE "'", "['s3:GetObject','kms:Encrypt']", "")),
     "2:unknown_action(s3:GetObject) "},
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
    size_t taken = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_policy *p = parse_for_lint(rows[i].policy), *strict = NULL;
        char *got = findings(p);
        as_quoted(got);
        if (strcmp(got, rows[i].want) != 0) {
            fail_msg("row %zu: %s\n got %s\nwant %s", i, rows[i].policy, got, rows[i].want);
        }
        /* of what the service takes, nothing is read otherwise */
        bool is_taken = cf_is_ok(cf_policy_parse(quoted(rows[i].policy), &strict, NULL));
        taken += is_taken;
        assert_true(!is_taken || strstr(got, ":not_understood(") == NULL);
        if (is_taken) {
            got = findings(strict);
            as_quoted(got);
            assert_string_equal(got, rows[i].want);
        }
        cf_policy_free(&p);
        cf_policy_free(&strict);
    }
    assert_true(taken > 100);
}

/* Where such a policy is asked for a decision all the same, what is not understood opens nothing. */
static void test_unknown_stays_shut(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        cf_policy_decision want;
    } table[] = {
        {POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'kms:KeySpec':'x'}}")),
         CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW("'Action':'*','Condition':{'StringEquals':{'aws:PrincipalOrgID':'x'}}")),
         CF_POLICY_NO_ALLOW},
        {POLICY(ALLOW_ALL "," ALLOW("'Action':'*','Condition':{'IpAddress':{'x:y':'10.0.0.0/8'}}")),
         CF_POLICY_ALLOWED},
        {POLICY(ALLOW_ALL "," DENY("'Action':'*','Condition':{'StringEquals':{'x:y':'z'}}")),
         CF_POLICY_DENIED},
        {POLICY(ALLOW_ALL "," DENY("'Action':'*','Condition':{'StringEquals':{'x:y':'z',"
                                   "'kms:KeySpec':'x'}}")),
         CF_POLICY_ALLOWED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cf_policy *p = parse_for_lint(table[i].policy);
        cf_policy_request q = request_of("kms:Decrypt");
        assert_int_equal(cf_policy_decide(p, &q), table[i].want);
        cf_policy_free(&p);
    }
}

static cf_result count_unknown(void *ctx, const cf_policy_finding *f)
{
    *(size_t *)ctx += f->lint == CF_LINT_NOT_UNDERSTOOD;
    return cf_ok();
}

/* As many conditions as fit that are not understood: each is told. */
static void test_densest_unknown(void **state)
{
    (void)state;
    CF_BUF(text);
    cf_policy *p = NULL;
    size_t n = 0, told = 0;
    assert_ok(cf_buf_append(&text, quoted("{'Statement':{'Effect':'Allow','Principal':'*','Action':"
                                          "'*','Resource':'*','Condition':{'Bool':{")));
    for (; text.len < CF_POLICY_BYTES_MAX - 40; n++) {
        char member[64];
        (void)snprintf(member, sizeof member, "%s'%zx':1", n == 0 ? "" : ",", n);
        assert_ok(cf_buf_append(&text, quoted(member)));
    }
    assert_ok(cf_buf_append(&text, quoted("}}}}")));
    assert_ok(cf_policy_parse_for_lint(cf_buf_view(&text), &p, NULL));
    assert_ok(cf_policy_lint(p, count_unknown, &told));
    assert_true(n > 3000);
    assert_int_equal(told, n);
    cf_policy_free(&p);
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
    } else if (roll(6) == 0) {
        (void)snprintf(to, room, "'%s':{'aws:SourceIp':'10.0.0.0/8'},'StringEquals':{'%s':%s}",
                       roll(2) == 0 ? "IpAddress" : "NotIpAddress", PICK(keys), PICK(values));
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
    static const char *const what[] = {
        "'Action':'kms:Decrypt'",    "'Action':'kms:*'",       "'Action':['kms:Encrypt','kms:De*']",
        "'NotAction':'kms:Encrypt'", "'Action':'kms:Encrypt'", "'Action':'kms:PutKeyPolicy'"};
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
            strcmp(cf_lint_code((cf_lint)l), "policy_writer_decrypts") != 0 &&
            strcmp(cf_lint_code((cf_lint)l), "wildcard_principal") != 0) {
            return true;
        }
    }
    return false;
}

/* What is not understood is met in every Allow and in no Deny: the worst that AWS may make of it. */
static void make_worst(cf_policy *p)
{
    for (size_t i = 0; i < p->statements_n; i++) {
        cf_statement *s = (cf_statement *)(uintptr_t)&p->statements[i];
        s->has_action = s->has_action && !(s->deny && s->unknown != NULL);
        s->unknown = NULL;
    }
}

static cf_policy_request request_by(bool session, const char *action)
{
    cf_policy_request q = request_of(action);
    if (session) {
        q.caller = CF_LIT(SESSION);
        q.caller_role = CF_LIT(ROLE);
    }
    return q;
}

static void test_nothing_unfound(void **state)
{
    (void)state;
    static const cf_policy_pair tenant[] = {{CF_LIT_INIT("tenant"), CF_LIT_INIT("t")}};
    size_t let_through = 0, clean = 0, unknown = 0;
    for (size_t round = 0; round < 20000; round++) {
        char text[4000], one[900], two[900], three[900];
        random_statement(one, sizeof one);
        random_statement(two, sizeof two);
        random_statement(three, sizeof three);
        (void)snprintf(text, sizeof text, POLICY("%s,%s,%s"), one, two, three);
        cf_policy *p = parse_for_lint(text);
        const char *got = findings(p);
        bool found = any_error(got);
        clean += !found;
        unknown += strstr(got, ":not_understood(") != NULL;
        make_worst(p);
        for (unsigned which = 0; which < 4 * DOCUMENTS; which++) {
            cf_policy_request q = request_by(which / DOCUMENTS / 2 == 1, "kms:Decrypt");
            set_registers(&q, which % DOCUMENTS);
            q.context = tenant;
            q.context_n = which / DOCUMENTS % 2;
            bool allowed = cf_policy_decide(p, &q) == CF_POLICY_ALLOWED;
            let_through += allowed;
            if (allowed && !found) {
                fail_msg("request %u passes unfound: %s", which, text);
            }
        }
        cf_policy_free(&p);
    }
    /* the rounds must have shown all of it */
    assert_true(let_through > 1000 && clean > 1000 && unknown > 1000);
}

/* Whoever may set the policy, and open with the document that it wants, is found to. */
static void test_no_writer_unfound(void **state)
{
    (void)state;
    size_t both = 0, neither = 0;
    for (size_t round = 0; round < 20000; round++) {
        char text[4000], one[900], two[900], three[900];
        random_statement(one, sizeof one);
        random_statement(two, sizeof two);
        random_statement(three, sizeof three);
        (void)snprintf(text, sizeof text, POLICY("%s,%s,%s"), one, two, three);
        cf_policy *p = parse_for_lint(text);
        const char *got = findings(p);
        bool found = strstr(got, ":policy_writer_decrypts(") != NULL ||
                     strstr(got, ":policy_writers(") != NULL;
        make_worst(p);
        for (int session = 0; session < 2; session++) {
            cf_policy_request write = request_by(session == 1, "kms:PutKeyPolicy");
            cf_policy_request open = request_by(session == 1, "kms:Decrypt");
            for (size_t i = 0; i < CF_PCR_COUNT; i++) {
                open.pcrs[i] = CF_LIT(A96);
            }
            bool is_both = cf_policy_decide(p, &write) == CF_POLICY_ALLOWED &&
                           cf_policy_decide(p, &open) == CF_POLICY_ALLOWED;
            both += is_both;
            if (is_both && !found) {
                fail_msg("%s writes unfound: %s", session == 1 ? "the role" : "the user", text);
            }
        }
        neither += !found;
        cf_policy_free(&p);
    }
    assert_true(both > 300 && neither > 1000);
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

static cf_result parse_one(void *ctx)
{
    (void)ctx;
    CF_BUF(why);
    CF_AUTO(cf_policy_free) cf_policy *p = NULL;
    return cf_policy_parse_for_lint(
        quoted(POLICY(ALLOW("'Action':'*','Condition':{'IpAddress':{'aws:SourceIp':'x'},"
                            "'NumericEquals':{'kms:RotationPeriodInDays':[7,8]}}"))),
        &p, &why);
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
    (void)failmalloc_each(parse_one, NULL, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_unknown_stays_shut),
        cmocka_unit_test(test_densest_unknown),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_nothing_unfound),
        cmocka_unit_test(test_no_writer_unfound),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
