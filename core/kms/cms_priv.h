/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the CMS forms, and parsing by itself, which tests look at. */
#pragma once
#include "core/kms/cms.h"

/* X.680 tags */
#define CF_TAG_INTEGER 0x02
#define CF_TAG_OCTETS 0x04
#define CF_TAG_NULL 0x05
#define CF_TAG_OID 0x06
#define CF_TAG_SEQUENCE 0x30
#define CF_TAG_SET 0x31
#define CF_TAG_OCTETS_CONS 0x24 /* BER: a string in pieces */
#define CF_TAG_CONTEXT_0 0x80   /* [0] IMPLICIT of a primitive type */
#define CF_TAG_CONTEXT_0_C 0xA0 /* [0], constructed */
#define CF_TAG_CONTEXT_1_C 0xA1
#define CF_TAG_CONTEXT_2_C 0xA2

/* contents of object identifiers */
#define CF_OID_ENVELOPED_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
#define CF_OID_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define CF_OID_RSAES_OAEP "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07"
#define CF_OID_MGF1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
#define CF_OID_P_SPECIFIED "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x09"
#define CF_OID_SHA256 "\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define CF_OID_AES256_CBC "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"

#define CF_CMS_KEY_BYTES 32
#define CF_CMS_IV_BYTES 16

/** What opening needs. Views borrow; the ciphertext is gathered from its pieces. */
typedef struct {
    cf_view encrypted_key, iv;
    cf_buf ciphertext;
} cf_cms_parts;

static inline void cf_cms_parts_clear(cf_cms_parts *p)
{
    cf_buf_free(&p->ciphertext);
    *p = (cf_cms_parts){.iv = CF_VIEW_EMPTY};
}

/** error SIZE, parser codes, UNSUPPORTED for other algorithms. *ret in the zero state after an error. */
CF_MUST_USE cf_result cf_cms_parse(cf_view cms, cf_cms_parts *ret);
