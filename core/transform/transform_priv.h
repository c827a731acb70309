/* SPDX-License-Identifier: Apache-2.0 */
/* The functions, each in the file of its subject; library.c has their names and types. */
#pragma once
#include "core/transform/transform.h"

/* Steps of what costs the same for every argument: a step is some 25 ns. */
#define TRANSFORM_DIGEST_STEPS 20
#define TRANSFORM_HMAC_STEPS 64
#define TRANSFORM_SMALL_STEPS 4

typedef cf_result transform_impl(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                                 cf_cel_value *ret);

/* text.c */
transform_impl cf_fn_is_empty, cf_fn_is_empty_null, cf_fn_lower, cf_fn_upper;
transform_impl cf_fn_base64_encode, cf_fn_base64_decode, cf_fn_hex_encode, cf_fn_hex_decode;
transform_impl cf_fn_mask, cf_fn_last4, cf_fn_redact_email;

/* digest.c */
transform_impl cf_fn_sha256, cf_fn_sha384, cf_fn_sha512;
transform_impl cf_fn_hmac_sha256, cf_fn_hmac_sha384, cf_fn_hmac_sha512;

/* date.c */
transform_impl cf_fn_date, cf_fn_today_utc, cf_fn_age;

/* card.c */
transform_impl cf_fn_luhn_valid, cf_fn_card_network;

/** The octets as lower-case hex, a string. */
CF_MUST_USE cf_result cf_transform_hex(cf_cel_run *run, cf_view octets, cf_cel_value *ret);
