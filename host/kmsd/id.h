/* SPDX-License-Identifier: Apache-2.0 */
/* Names of this service: UUIDs, account, region, ARNs. */
#pragma once
#include "core/base/buf.h"

#define CF_UUID_TEXT_BYTES 36
#define CF_UUID_BYTES 16
#define CF_KMSD_ACCOUNT_BYTES 12
#define CF_KMSD_REGION_BYTES_MAX 32
#define CF_KMSD_ARN_BYTES_MAX 160

/** A UUID as text, lower case, with a NUL. */
typedef struct {
    char text[CF_UUID_TEXT_BYTES + 1];
} cf_uuid;

static inline cf_view cf_uuid_view(const cf_uuid *u)
{
    return cf_view_make(u->text, CF_UUID_TEXT_BYTES);
}

/** Version 4, random. error ENTROPY. */
CF_MUST_USE cf_result cf_uuid_make(cf_uuid *ret);
/** 8-4-4-4-12 lower-case hex digits. error MALFORMED. */
CF_MUST_USE cf_result cf_uuid_parse(cf_view text, cf_uuid *ret);
void cf_uuid_to_bytes(const cf_uuid *u, uint8_t ret[static CF_UUID_BYTES]);
void cf_uuid_from_bytes(const uint8_t bytes[static CF_UUID_BYTES], cf_uuid *ret);

/** What ARNs of this service are made of; NUL-terminated texts. */
typedef struct {
    char region[CF_KMSD_REGION_BYTES_MAX + 1];
    char account[CF_KMSD_ACCOUNT_BYTES + 1];
    const char *partition;              /* "aws", "aws-cn", "aws-us-gov" by the region */
    char caller[CF_KMSD_ARN_BYTES_MAX]; /* the one principal: docs/formats/kms-blob.md section 3 */
    char root[CF_KMSD_ARN_BYTES_MAX];   /* the account */
} cf_kmsd_names;

/** error ARGUMENT: an account of other than 12 digits, a region of other than a-z, 0-9 and '-'. */
CF_MUST_USE cf_result cf_kmsd_names_init(const char *region, const char *account,
                                         cf_kmsd_names *ret);
/** arn:aws:kms:<region>:<account>:key/<id>, NUL-terminated. */
void cf_kmsd_key_arn(const cf_kmsd_names *n, const cf_uuid *id,
                     char ret[static CF_KMSD_ARN_BYTES_MAX]);

/** What a KeyId turns out to be. */
typedef enum {
    CF_KEY_ID_UUID,       /* a key of this account and region, by id or ARN: *ret is set */
    CF_KEY_ID_OTHER_NAME, /* well-formed, but no UUID: no key can have it */
    CF_KEY_ID_ALIAS,      /* alias/name, or its ARN: *ret_rest is alias/name */
    CF_KEY_ID_FOREIGN,    /* ARN of another account */
    CF_KEY_ID_BAD_REGION, /* ARN of another region, partition or service; *ret_rest is what does not fit */
    CF_KEY_ID_INVALID, /* nothing of all that */
} cf_key_id_kind;
cf_key_id_kind cf_kmsd_key_id(const cf_kmsd_names *n, cf_view text, cf_uuid *ret,
                              cf_view *ret_rest);
