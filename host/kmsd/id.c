/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/id.h"

#include <stdio.h>
#include <string.h>

#include "core/crypto/primitives.h"

/* Places of the dashes, RFC 9562 section 4. */
static bool is_dash(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

void cf_uuid_from_bytes(const uint8_t bytes[static CF_UUID_BYTES], cf_uuid *ret)
{
    static const char digits[] = "0123456789abcdef";
    size_t nibble = 0;
    for (size_t i = 0; i < CF_UUID_TEXT_BYTES; i++) {
        if (is_dash(i)) {
            ret->text[i] = '-';
        } else {
            uint8_t b = bytes[nibble / 2];
            ret->text[i] = digits[nibble % 2 == 0 ? b >> 4 : b & 0x0F];
            nibble++;
        }
    }
    ret->text[CF_UUID_TEXT_BYTES] = '\0';
}

void cf_uuid_to_bytes(const cf_uuid *u, uint8_t ret[static CF_UUID_BYTES])
{
    size_t nibble = 0;
    for (size_t i = 0; i < CF_UUID_TEXT_BYTES; i++) {
        if (!is_dash(i)) {
            char c = u->text[i];
            uint8_t n = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
            ret[nibble / 2] = (uint8_t)(nibble % 2 == 0 ? n << 4 : ret[nibble / 2] | n);
            nibble++;
        }
    }
}

CF_MUST_USE cf_result cf_uuid_make(cf_uuid *ret)
{
    uint8_t bytes[CF_UUID_BYTES];
    *ret = (cf_uuid){""};
    CF_TRY(cf_random(bytes, sizeof bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* the variant of RFC 9562 */
    cf_uuid_from_bytes(bytes, ret);
    return cf_ok();
}

CF_MUST_USE cf_result cf_uuid_parse(cf_view text, cf_uuid *ret)
{
    *ret = (cf_uuid){""};
    CF_REQUIRE(text.len == CF_UUID_TEXT_BYTES, MALFORMED);
    for (size_t i = 0; i < CF_UUID_TEXT_BYTES; i++) {
        CF_REQUIRE(is_dash(i) ? text.data[i] == '-' : is_hex(text.data[i]), MALFORMED);
    }
    cf_copy(ret->text, text.data, CF_UUID_TEXT_BYTES);
    return cf_ok();
}

static bool region_ok(const char *region)
{
    size_t len = strlen(region);
    for (size_t i = 0; i < len; i++) {
        char c = region[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return len >= 1 && len <= CF_KMSD_REGION_BYTES_MAX;
}

static bool account_ok(const char *account)
{
    return strlen(account) == CF_KMSD_ACCOUNT_BYTES &&
           strspn(account, "0123456789") == CF_KMSD_ACCOUNT_BYTES;
}

CF_MUST_USE cf_result cf_kmsd_names_init(const char *region, const char *account,
                                         cf_kmsd_names *ret)
{
    CF_REQUIRE(region_ok(region) && account_ok(account), ARGUMENT);
    (void)snprintf(ret->region, sizeof ret->region, "%s", region);
    (void)snprintf(ret->account, sizeof ret->account, "%s", account);
    ret->partition = strncmp(region, "cn-", 3) == 0       ? "aws-cn"
                     : strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov"
                                                          : "aws";
    (void)snprintf(ret->caller, sizeof ret->caller, "arn:%s:iam::%s:user/local", ret->partition,
                   account);
    (void)snprintf(ret->root, sizeof ret->root, "arn:%s:iam::%s:root", ret->partition, account);
    return cf_ok();
}

void cf_kmsd_key_arn(const cf_kmsd_names *n, const cf_uuid *id,
                     char ret[static CF_KMSD_ARN_BYTES_MAX])
{
    (void)snprintf(ret, CF_KMSD_ARN_BYTES_MAX, "arn:%s:kms:%s:%s:key/%s", n->partition, n->region,
                   n->account, id->text);
}

static bool starts_with(cf_view v, cf_view prefix)
{
    return v.len >= prefix.len && cf_view_eq(cf_view_make(v.data, prefix.len), prefix);
}

static cf_view behind(cf_view v, size_t n)
{
    return cf_view_make(v.data + n, v.len - n);
}

/* Takes "part:" off the front; false when the text goes on otherwise. */
static bool take_part(cf_view *rest, const char *part)
{
    cf_view p = cf_view_str(part);
    if (!starts_with(*rest, p) || rest->len == p.len || rest->data[p.len] != ':') {
        return false;
    }
    *rest = behind(*rest, p.len + 1);
    return true;
}

/* An id without an ARN around it. */
static cf_key_id_kind bare_id(cf_view text, cf_uuid *ret)
{
    if (cf_is_ok(cf_uuid_parse(text, ret))) {
        return CF_KEY_ID_UUID;
    }
    /* multi-Region keys: "mrk-" and 32 hex digits; there are none here */
    bool multi_region = starts_with(text, CF_LIT("mrk-")) && text.len == 36;
    for (size_t i = 4; multi_region && i < text.len; i++) {
        multi_region = is_hex(text.data[i]);
    }
    return multi_region ? CF_KEY_ID_OTHER_NAME : CF_KEY_ID_INVALID;
}

cf_key_id_kind cf_kmsd_key_id(const cf_kmsd_names *n, cf_view text, cf_uuid *ret, cf_view *ret_rest)
{
    *ret = (cf_uuid){""};
    *ret_rest = CF_VIEW_EMPTY;
    if (starts_with(text, CF_LIT("alias/"))) {
        *ret_rest = text;
        return CF_KEY_ID_ALIAS;
    }
    if (!starts_with(text, CF_LIT("arn:"))) {
        return bare_id(text, ret);
    }
    cf_view rest = behind(text, 4);
    if (!take_part(&rest, n->partition) || !take_part(&rest, "kms") ||
        !take_part(&rest, n->region)) {
        *ret_rest = rest;
        return CF_KEY_ID_BAD_REGION;
    }
    if (!take_part(&rest, n->account)) {
        return CF_KEY_ID_FOREIGN;
    }
    if (starts_with(rest, CF_LIT("alias/"))) {
        *ret_rest = rest;
        return CF_KEY_ID_ALIAS;
    }
    if (!starts_with(rest, CF_LIT("key/"))) {
        return CF_KEY_ID_INVALID;
    }
    return bare_id(behind(rest, 4), ret);
}
