/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the lint as text. */
#pragma once
#include "core/policy/lint.h"
#include "tests/unit/core/policy/statements.h"

#define ROLE "arn:aws:iam::" ACCOUNT ":role/parent"
#define ADMIN "arn:aws:iam::" ACCOUNT ":user/admin"
#define ZERO96                                                                                     \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"   \
    "000000"

/* Findings as text: "2:unattested(kms:Decrypt) ..." */
static inline cf_result collect(void *ctx, const cf_policy_finding *f)
{
    char text[600];
    (void)snprintf(text, sizeof text, "%zu:%s(%.*s) ", f->statement, cf_lint_code(f->lint),
                   (int)f->about.len, (const char *)f->about.data);
    return cf_buf_append(ctx, cf_view_str(text));
}

static inline cf_policy *parse_for_lint(const char *text)
{
    cf_policy *p = NULL;
    CF_BUF(why);
    cf_result r = cf_policy_parse_for_lint(quoted(text), &p, &why);
    if (!cf_is_ok(r)) {
        fail_msg("%s: %.*s", text, (int)why.len, (const char *)why.data);
    }
    return p;
}

static inline char *findings(const cf_policy *p)
{
    static char room[4000];
    CF_BUF(all);
    assert_ok(cf_policy_lint(p, collect, &all));
    (void)snprintf(room, sizeof room, "%.*s", (int)all.len, (const char *)all.data);
    return room;
}
