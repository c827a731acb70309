/* SPDX-License-Identifier: Apache-2.0 */
/* Secret types of fixed room: their own types, wiped on every way out of the scope, with no way to
 * print them. */
#pragma once
#include "core/base/buf.h"

#define CF_SECRET_BYTES_MAX 66 /* a P-521 scalar or shared x coordinate is the largest */

/** A short secret: scalar, shared secret, symmetric key. Only b[0..len) is meaningful. */
typedef struct {
    uint8_t b[CF_SECRET_BYTES_MAX];
    uint8_t len;
} cf_secret;

static inline void cf_secret_wipe(cf_secret *s)
{
    cf_wipe(s, sizeof *s);
}

/** A secret that wipes itself on every way out of the scope. */
#define CF_SECRET(name) CF_AUTO(cf_secret_wipe) cf_secret name = {{0}, 0}

/** The octets, borrowed; for handing to a primitive, never to a log. */
static inline cf_view cf_secret_view(const cf_secret *s)
{
    return (cf_view){s->b, s->len};
}

/** Takes a copy of v, which must not lie inside s. error SIZE over CF_SECRET_BYTES_MAX; s is then
 *  as before. */
static inline CF_MUST_USE cf_result cf_secret_set(cf_secret *s, cf_view v)
{
    CF_REQUIRE(v.len <= CF_SECRET_BYTES_MAX, SIZE);
    cf_secret_wipe(s);
    cf_copy(s->b, v.data, v.len);
    s->len = (uint8_t)v.len;
    return cf_ok();
}
