/* SPDX-License-Identifier: Apache-2.0 */
/* Principals of a policy beside each other: who is meant by two names. */
#include "core/policy/lint_priv.h"

/* arn:partition:service::account:kind/name, or the number of an account: then kind is "root", and the partition is not known. */
typedef struct {
    cf_view partition, service, account, kind, name;
} parts;

static bool is_digits(cf_view v)
{
    bool digits = v.len > 0;
    for (size_t i = 0; digits && i < v.len; i++) {
        digits = v.data[i] >= '0' && v.data[i] <= '9';
    }
    return digits;
}

static bool ends_with(cf_view v, cf_view end)
{
    return v.len >= end.len && cf_view_eq(cf_view_make(v.data + v.len - end.len, end.len), end);
}

bool cf_principal_is_account(cf_view p)
{
    return is_digits(p) || ends_with(p, CF_LIT(":root"));
}

/* What stands before the slash, and behind it; last: the last slash, else the first. */
static cf_view cut(cf_view *rest, bool last)
{
    size_t at = rest->len;
    for (size_t i = 0; i < rest->len && (last || at == rest->len); i++) {
        at = rest->data[i] == '/' ? i : at;
    }
    cf_view front = cf_view_make(rest->data, at);
    *rest = at < rest->len ? cf_view_make(rest->data + at + 1, rest->len - at - 1) : CF_VIEW_EMPTY;
    return front;
}

static parts read_parts(cf_view p)
{
    if (is_digits(p)) {
        return (parts){.service = CF_LIT("iam"), .account = p, .kind = CF_LIT("root")};
    }
    parts r;
    (void)cf_policy_next_part(&p, false);
    r.partition = cf_policy_next_part(&p, false);
    r.service = cf_policy_next_part(&p, false);
    (void)cf_policy_next_part(&p, false);
    r.account = cf_policy_next_part(&p, false);
    r.kind = cut(&p, false);
    r.name = p;
    return r;
}

static bool same_account(const parts *a, const parts *b)
{
    return a->account.len > 0 && cf_view_eq(a->account, b->account);
}

bool cf_principal_includes(cf_view p, cf_view who)
{
    if (cf_view_eq(p, CF_LIT("*")) || cf_view_eq(p, who)) {
        return true;
    }
    if (!cf_principal_is_account(p)) {
        return false;
    }
    parts a = read_parts(p), b = read_parts(who);
    return cf_view_eq(a.service, CF_LIT("iam")) && same_account(&a, &b) &&
           (a.partition.len == 0 || cf_view_eq(a.partition, b.partition));
}

/* role/path/name and assumed-role/name/session: names of roles are unique in an account, whatever their paths. */
static bool is_session_of(parts session, parts role)
{
    if (!cf_view_eq(session.kind, CF_LIT("assumed-role")) ||
        !cf_view_eq(role.kind, CF_LIT("role")) || !same_account(&session, &role)) {
        return false;
    }
    cf_view name = role.name, path = cut(&name, true);
    return cf_view_eq(name.len > 0 ? name : path, cut(&session.name, false));
}

bool cf_principal_meets(cf_view p, cf_view who)
{
    if (cf_principal_includes(p, who) || cf_principal_includes(who, p)) {
        return true;
    }
    parts a = read_parts(p), b = read_parts(who);
    return is_session_of(a, b) || is_session_of(b, a);
}
