/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/curve_priv.h"

#include "core/crypto/ct_priv.h"
#include "core/crypto/lib_priv.h"

/* Orders: SEC 2 sections 2.4.2, 2.5.1, 2.6.1; the unit test compares them with the library's groups. */
static const cf_curve_info curves[] = {
    {.curve = CF_P256,
     .nid = NID_X9_62_prime256v1,
     .kem_hash = CF_SHA256,
     .secret = 32,
     .public = 65,
     .kem_secret = 32,
     .mask = 0xFF,
     .order = {0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
               0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
               0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51},
     .oid_len = 8,
     .oid = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}},
    {.curve = CF_P384,
     .nid = NID_secp384r1,
     .kem_hash = CF_SHA384,
     .secret = 48,
     .public = 97,
     .kem_secret = 48,
     .mask = 0xFF,
     .order = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
               0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
               0xC7, 0x63, 0x4D, 0x81, 0xF4, 0x37, 0x2D, 0xDF, 0x58, 0x1A, 0x0D, 0xB2,
               0x48, 0xB0, 0xA7, 0x7A, 0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5, 0x29, 0x73},
     .oid_len = 5,
     .oid = {0x2B, 0x81, 0x04, 0x00, 0x22}},
    {.curve = CF_P521,
     .nid = NID_secp521r1,
     .kem_hash = CF_SHA512,
     .secret = 66,
     .public = 133,
     .kem_secret = 64,
     .mask = 0x01,
     .order = {0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
               0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
               0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFA, 0x51, 0x86, 0x87, 0x83, 0xBF, 0x2F, 0x96, 0x6B,
               0x7F, 0xCC, 0x01, 0x48, 0xF7, 0x09, 0xA5, 0xD0, 0x3B, 0xB5, 0xC9, 0xB8, 0x89, 0x9C,
               0x47, 0xAE, 0xBB, 0x6F, 0xB7, 0x1E, 0x91, 0x38, 0x64, 0x09},
     .oid_len = 5,
     .oid = {0x2B, 0x81, 0x04, 0x00, 0x23}},
    {.curve = CF_X25519,
     .kem_hash = CF_SHA256,
     .secret = 32,
     .public = 32,
     .kem_secret = 32,
     .mask = 0xFF,
     .oid_len = 3,
     .oid = {0x2B, 0x65, 0x6E}},
};
#define CURVE_COUNT (sizeof curves / sizeof curves[0])

const cf_curve_info *cf_curve_find(cf_curve c)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (curves[i].curve == c) {
            return &curves[i];
        }
    }
    return NULL;
}

const cf_curve_info *cf_curve_by_oid(cf_view oid)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (cf_view_eq(oid, cf_view_make(curves[i].oid, curves[i].oid_len))) {
            return &curves[i];
        }
    }
    return NULL;
}

size_t cf_dh_public_bytes(cf_curve c)
{
    const cf_curve_info *info = cf_curve_find(c);
    return info == NULL ? 0 : info->public;
}

size_t cf_dh_secret_bytes(cf_curve c)
{
    const cf_curve_info *info = cf_curve_find(c);
    return info == NULL ? 0 : info->secret;
}

CF_MUST_USE cf_result cf_curve_scalar_ok(const cf_curve_info *info, cf_view scalar)
{
    CF_REQUIRE(scalar.len == info->secret, KEY);
    if (info->nid == 0) {
        return cf_ok();
    }
    CF_REQUIRE(cf_ct_in_range(scalar.data, info->order, scalar.len) == 1, KEY);
    return cf_ok();
}

CF_MUST_USE cf_result cf_curve_public_ok(const cf_curve_info *info, cf_view pub)
{
    CF_REQUIRE(pub.len == info->public, KEY);
    if (info->nid == 0) {
        return cf_ok();
    }
    CF_REQUIRE(pub.data[0] == CF_SEC1_UNCOMPRESSED, KEY);
    CF_AUTO(cf_lib_free_EC_GROUP) EC_GROUP *group = EC_GROUP_new_by_curve_name(info->nid);
    CF_REQUIRE(group != NULL, NO_MEMORY);
    CF_AUTO(cf_lib_free_EC_POINT) EC_POINT *point = EC_POINT_new(group);
    CF_REQUIRE(point != NULL, NO_MEMORY);
    int on_curve = EC_POINT_oct2point(group, point, pub.data, pub.len, NULL);
    return cf_lib_ok(on_curve == 1, CF_ERR_KEY);
}
