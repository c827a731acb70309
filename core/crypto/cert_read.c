/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the profile that attestation documents carry, read from DER. Our own reader, because both libraries then take
 * exactly the same octets, whatever they think of long serial numbers or of spellings of a name, and because a general one costs a
 * fifth of a document's verification. What the profile does not need is not understood, and refused where it is critical. */
#include "core/codec/der.h"
#include "core/crypto/sign.h"

#define TAG_BOOLEAN 0x01
#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_OCTET_STRING 0x04
#define TAG_OID 0x06
#define TAG_UTC_TIME 0x17
#define TAG_GENERALIZED_TIME 0x18
#define TAG_SEQUENCE 0x30
#define TAG_SET 0x31
#define TAG_CONTEXT_0 0xA0 /* version */
#define TAG_CONTEXT_3 0xA3 /* extensions */

#define X509_V3 2 /* version number as encoded */
#define USAGE_BYTES_MAX 2
#define UTC_YEAR_PIVOT 50 /* RFC 5280 section 4.1.2.5.1: from here on 19xx */

static const uint8_t oid_ecdsa_sha384[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_constraints[] = {0x55, 0x1D, 0x13};
static const uint8_t oid_usage[] = {0x55, 0x1D, 0x0F};

static void fail(cf_reader *r)
{
    cf_reader_fail(r, CF_ERR_CHAIN);
}

/* Takes an inner reader's error, or that octets are left in it, over to the outer one. */
static void leave(cf_reader *outer, const cf_reader *inner)
{
    if (inner->err != CF_OK || inner->left != 0) {
        fail(outer);
    }
}

/* The contents of the next element, which must have this tag. */
static cf_view take(cf_reader *r, uint8_t tag)
{
    cf_der_item item = cf_der_next(r);
    if (item.tag != tag) {
        fail(r);
        return CF_VIEW_EMPTY;
    }
    return item.body;
}

/* The next element with its head, which must have this tag. */
static cf_view take_whole(cf_reader *r, uint8_t tag)
{
    const uint8_t *from = r->at;
    (void)take(r, tag);
    return r->err == CF_OK ? cf_view_make(from, (size_t)(r->at - from)) : CF_VIEW_EMPTY;
}

static bool next_is(const cf_reader *r, uint8_t tag)
{
    return r->err == CF_OK && r->left > 0 && r->at[0] == tag;
}

/* A BOOLEAN that is there must be true, since DER leaves a false one out; as ff in DER, but encoders of note write 01. */
static bool take_true(cf_reader *r)
{
    if (!next_is(r, TAG_BOOLEAN)) {
        return false;
    }
    cf_view flag = take(r, TAG_BOOLEAN);
    if (flag.len != 1 || flag.data[0] == 0) {
        fail(r);
        return false;
    }
    return true;
}

/* Whether the algorithm is ecdsa-with-SHA384, which has no parameters (RFC 5758 section 3.2). */
static bool take_algorithm(cf_reader *r)
{
    cf_reader inner = cf_der_enter(r, TAG_SEQUENCE);
    cf_view oid = take(&inner, TAG_OID);
    return inner.err == CF_OK && inner.left == 0 && cf_view_eq(oid, CF_VIEW_OF(oid_ecdsa_sha384));
}

/* --- times --- */

static int64_t number(cf_reader *r, size_t digits)
{
    cf_view v = cf_read(r, digits);
    int64_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9') {
            fail(r);
            return 0;
        }
        n = 10 * n + (v.data[i] - '0');
    }
    return n;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of this month; year from 1 on. */
static int64_t days_before(int64_t year, int64_t month)
{
    int64_t y = year - 1;
    int64_t days = 365 * y + y / 4 - y / 100 + y / 400 - 719162; /* those before 1970 */
    for (int64_t m = 1; m < month; m++) {
        days += days_in(year, m);
    }
    return days;
}

/* RFC 5280 section 4.1.2.5: to the second, in UTC. */
static int64_t take_time(cf_reader *r)
{
    cf_der_item item = cf_der_next(r);
    cf_reader t = cf_reader_of(item.body);
    if (item.tag != TAG_UTC_TIME && item.tag != TAG_GENERALIZED_TIME) {
        fail(r);
        return 0;
    }
    bool utc = item.tag == TAG_UTC_TIME;
    int64_t year = number(&t, utc ? 2 : 4);
    year += utc ? (year < UTC_YEAR_PIVOT ? 2000 : 1900) : 0;
    int64_t month = number(&t, 2), day = number(&t, 2);
    int64_t hour = number(&t, 2), minute = number(&t, 2), second = number(&t, 2);
    bool zulu = cf_read_u8(&t) == 'Z';
    bool ok = t.err == CF_OK && t.left == 0 && zulu && year >= 1 && month >= 1 && month <= 12 &&
              day >= 1 && hour <= 23 && minute <= 59 && second <= 59;
    if (!ok || day > days_in(year, month)) {
        fail(r);
        return 0;
    }
    return ((days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
}

/* --- names --- */

/* The whole name; the value of its last common name, if it has one. */
static cf_view take_name(cf_reader *r, cf_view *ret_cn)
{
    cf_view whole = take_whole(r, TAG_SEQUENCE);
    cf_reader outer = cf_reader_of(whole);
    cf_reader name = cf_der_enter(&outer, TAG_SEQUENCE);
    *ret_cn = CF_VIEW_EMPTY;
    while (name.err == CF_OK && name.left > 0) {
        cf_reader set = cf_der_enter(&name, TAG_SET);
        while (set.err == CF_OK && set.left > 0) {
            cf_reader pair = cf_der_enter(&set, TAG_SEQUENCE);
            cf_view oid = take(&pair, TAG_OID);
            cf_view value = cf_der_next(&pair).body;
            leave(&set, &pair);
            if (cf_view_eq(oid, CF_VIEW_OF(oid_common_name))) {
                *ret_cn = value;
            }
        }
        leave(&name, &set);
    }
    leave(r, &name);
    return whole;
}

/* --- extensions --- */

static void read_constraints(cf_reader *r, cf_view value, cf_cert *c)
{
    cf_reader outer = cf_reader_of(value);
    cf_reader in = cf_der_enter(&outer, TAG_SEQUENCE);
    c->ca = take_true(&in);
    if (c->ca && next_is(&in, TAG_INTEGER)) {
        cf_view n = take(&in, TAG_INTEGER);
        if (n.len != 1 || n.data[0] > INT8_MAX) {
            fail(r);
            return;
        }
        c->path_len = n.data[0];
    }
    leave(&outer, &in);
    leave(r, &outer);
}

/* Bits from the left: the first octet holds all that is looked for. */
static void read_usage(cf_reader *r, cf_view value, cf_cert *c)
{
    cf_reader in = cf_reader_of(value);
    cf_view bits = take(&in, TAG_BIT_STRING);
    leave(r, &in);
    if (bits.len < 2 || bits.len > 1 + USAGE_BYTES_MAX || bits.data[0] > 7) {
        fail(r);
        return;
    }
    c->has_usage = true;
    c->usage = bits.data[1];
}

static void read_extension(cf_reader *r, cf_cert *c, bool *has_constraints)
{
    cf_reader in = cf_der_enter(r, TAG_SEQUENCE);
    cf_view oid = take(&in, TAG_OID);
    bool critical = take_true(&in);
    cf_view value = take(&in, TAG_OCTET_STRING);
    leave(r, &in);
    if (r->err != CF_OK) {
        return;
    }
    bool constraints = cf_view_eq(oid, CF_VIEW_OF(oid_constraints));
    bool usage = cf_view_eq(oid, CF_VIEW_OF(oid_usage));
    if ((constraints && *has_constraints) || (usage && c->has_usage)) {
        fail(r);
    } else if (constraints) {
        *has_constraints = true;
        read_constraints(r, value, c);
    } else if (usage) {
        read_usage(r, value, c);
    } else {
        c->unknown_critical |= critical;
    }
}

static void read_extensions(cf_reader *r, cf_cert *c)
{
    cf_reader outer = cf_der_enter(r, TAG_CONTEXT_3);
    cf_reader all = cf_der_enter(&outer, TAG_SEQUENCE);
    bool has_constraints = false;
    while (all.err == CF_OK && all.left > 0) {
        read_extension(&all, c, &has_constraints);
    }
    leave(&outer, &all);
    leave(r, &outer);
}

/* --- the certificate --- */

/* TBSCertificate, RFC 5280 section 4.1, without the unique identifiers that nobody uses. */
static void read_signed(cf_reader *r, cf_cert *c)
{
    cf_reader version = cf_der_enter(r, TAG_CONTEXT_0);
    cf_view v3 = take(&version, TAG_INTEGER);
    leave(r, &version);
    if (v3.len != 1 || v3.data[0] != X509_V3) {
        fail(r);
    }
    if (take(r, TAG_INTEGER).len == 0) { /* serial number: genuine ones have up to 21 octets */
        fail(r);
    }
    c->es384 = take_algorithm(r);
    cf_view issuer_cn;
    c->issuer = take_name(r, &issuer_cn);
    cf_reader validity = cf_der_enter(r, TAG_SEQUENCE);
    c->not_before_s = take_time(&validity);
    c->not_after_s = take_time(&validity);
    leave(r, &validity);
    c->subject = take_name(r, &c->cn);
    c->spki = take_whole(r, TAG_SEQUENCE);
    if (r->left > 0) {
        read_extensions(r, c);
    }
}

CF_MUST_USE cf_result cf_cert_read(cf_view der, cf_cert *ret)
{
    *ret = (cf_cert){.path_len = -1};
    CF_REQUIRE(der.len > 0 && der.len <= CF_CERT_BYTES_MAX, CHAIN);
    cf_cert c = *ret;
    cf_reader r = cf_reader_of(der);
    cf_reader all = cf_der_enter(&r, TAG_SEQUENCE);
    c.tbs = take_whole(&all, TAG_SEQUENCE);
    cf_reader outer = cf_reader_of(c.tbs);
    cf_reader tbs = cf_der_enter(&outer, TAG_SEQUENCE);
    read_signed(&tbs, &c);
    leave(&all, &tbs);
    bool es384 = take_algorithm(&all);
    c.es384 = c.es384 && es384;
    cf_view bits = take(&all, TAG_BIT_STRING);
    leave(&r, &all);
    CF_REQUIRE(r.err == CF_OK && r.left == 0, CHAIN);
    CF_REQUIRE(bits.len > 1 && bits.data[0] == 0, CHAIN);
    c.signature = cf_view_sub(bits, 1, bits.len - 1);
    *ret = c;
    return cf_ok();
}
