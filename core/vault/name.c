/* SPDX-License-Identifier: Apache-2.0 */
/* Names and vault ids: docs/formats/record.md section 2. */
#include "core/vault/record.h"

#define ID_PREFIX_BYTES 2
#define ID_DIGITS (CF_VAULT_ID_BYTES - ID_PREFIX_BYTES)
#define KSUID_EPOCH_S UINT64_C(1400000000)
#define KSUID_WORDS 5 /* 160 bits */

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/* The last id: 160 bits of one. The digits stand in the order of their octets, so ids compare as numbers. */
static const char id_last[] = "v_aWgEPTl1tmebfsQzFP4bxwgy80V";
_Static_assert(sizeof id_last == CF_VAULT_ID_BYTES + 1, "an id as long as the others");

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_base62(uint8_t c)
{
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* A lower-case letter, then lower-case letters, digits and the one further character. */
static bool is_name(cf_view name, size_t bytes_max, uint8_t further)
{
    if (name.len == 0 || name.len > bytes_max || !is_lower(name.data[0])) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!is_lower(c) && !is_digit(c) && c != further) {
            return false;
        }
    }
    return true;
}

bool cf_vault_id_ok(cf_view id)
{
    if (id.len != CF_VAULT_ID_BYTES || id.data[0] != 'v' || id.data[1] != '_') {
        return false;
    }
    for (size_t i = ID_PREFIX_BYTES; i < id.len; i++) {
        if (!is_base62(id.data[i])) {
            return false;
        }
    }
    return cf_view_cmp(id, cf_view_make(id_last, CF_VAULT_ID_BYTES)) <= 0;
}

bool cf_tenant_ok(cf_view tenant)
{
    return is_name(tenant, CF_TENANT_BYTES_MAX, '-');
}

bool cf_secret_name_ok(cf_view name)
{
    return is_name(name, CF_SECRET_NAME_BYTES_MAX, '-');
}

CF_MUST_USE cf_result cf_field_name_check(cf_view name)
{
    const cf_view reserved[] = {CF_LIT("pk"), CF_LIT("sk"), CF_LIT("id"), CF_LIT("version"),
                                CF_LIT("expire_at")};
    CF_REQUIRE(name.len > 0 && name.len <= CF_FIELD_NAME_BYTES_MAX, BAD_NAME);
    CF_REQUIRE(name.data[0] != '_', RESERVED_FIELD);
    CF_REQUIRE(is_name(name, CF_FIELD_NAME_BYTES_MAX, '_'), BAD_NAME);
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        CF_REQUIRE(!cf_view_eq(name, reserved[i]), RESERVED_FIELD);
    }
    return cf_ok();
}

/* Divides the big-endian number by 62 in place; the remainder is its last digit. */
static uint32_t divide(uint32_t number[static KSUID_WORDS])
{
    uint64_t rest = 0;
    for (size_t i = 0; i < KSUID_WORDS; i++) {
        uint64_t part = rest << 32 | number[i];
        number[i] = (uint32_t)(part / 62);
        rest = part % 62;
    }
    return (uint32_t)rest;
}

CF_MUST_USE cf_result cf_vault_id_make(uint64_t unix_s, const uint8_t random[static 16],
                                       uint8_t ret[static CF_VAULT_ID_BYTES])
{
    cf_wipe(ret, CF_VAULT_ID_BYTES);
    CF_REQUIRE(unix_s >= KSUID_EPOCH_S && unix_s - KSUID_EPOCH_S <= UINT32_MAX, RANGE);
    cf_reader r = cf_reader_of(cf_view_make(random, 16));
    uint32_t number[KSUID_WORDS] = {(uint32_t)(unix_s - KSUID_EPOCH_S)};
    for (size_t i = 1; i < KSUID_WORDS; i++) {
        number[i] = cf_read_u32(&r);
    }
    cf_copy(ret, id_last, ID_PREFIX_BYTES);
    for (size_t i = ID_DIGITS; i > 0; i--) {
        ret[ID_PREFIX_BYTES + i - 1] = (uint8_t)base62[divide(number)];
    }
    return cf_ok();
}
