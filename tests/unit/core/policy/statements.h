/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in the tests' short hand: JSON with ' for ". */
#pragma once
#include "core/policy/policy_priv.h"
#include "tests/unit/host/kmsd/quoted.h"

#define ACCOUNT "123456789012"
#define ROOT_ARN "arn:aws:iam::" ACCOUNT ":root"
#define CALLER_ARN "arn:aws:iam::" ACCOUNT ":user/local"
#define A96                                                                                        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaa"
#define B96                                                                                        \
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
    "bbbb"
#define UPPER_A96                                                                                  \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAA"

#define ALLOW_ALL "{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'}"
#define ALLOW(rest) "{'Effect':'Allow','Principal':'*','Resource':'*'," rest "}"
#define DENY(rest) "{'Effect':'Deny','Principal':'*','Resource':'*'," rest "}"
#define POLICY(statements) "{'Version':'2012-10-17','Statement':[" statements "]}"
#define IMAGE "kms:RecipientAttestation:ImageSha384"
#define PCR(n) "kms:RecipientAttestation:PCR" #n
#define TENANT "kms:EncryptionContext:tenant"

static inline cf_policy_request request_of(const char *action)
{
    return (cf_policy_request){.action = cf_view_str(action),
                               .caller = CF_LIT(CALLER_ARN),
                               .account = CF_LIT(ACCOUNT),
                               .account_root = CF_LIT(ROOT_ARN)};
}

static inline cf_policy *parse_policy(const char *text)
{
    cf_policy *p = NULL;
    CF_BUF(why);
    cf_result r = cf_policy_parse(quoted(text), &p, &why);
    if (!cf_is_ok(r)) {
        fail_msg("%s: %.*s", text, (int)why.len, (const char *)why.data);
    }
    return p;
}

static inline cf_policy_decision decide(const char *text, const cf_policy_request *q)
{
    cf_policy *p = parse_policy(text);
    cf_policy_decision d = cf_policy_decide(p, q);
    cf_policy_free(&p);
    assert_null(p);
    return d;
}
