/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave image files of AWS Nitro Enclaves (EIF, versions 3 and 4): their parts and measures. No I/O.
 *
 * It takes less than other readers: the table of sections and the headers in the file must tell the same, sections follow one another
 * without gap up to the end of the file, there is one kernel and one command line and at least one ramdisk, and the CRC fits. */
#pragma once
#include "core/attest/attest.h"

#define CF_EIF_SECTIONS_MAX 32
#define CF_EIF_HEADER_BYTES 548
#define CF_EIF_SECTION_HEADER_BYTES 12

typedef struct {
    bool arm64;
    cf_view kernel, cmdline;
    cf_view ramdisks[CF_EIF_SECTIONS_MAX];
    size_t ramdisks_n;           /* in the order of the file, which is that of the measures */
    cf_view metadata, signature; /* empty: none; not measured */
} cf_eif;

/** Views borrow from the file. error TRUNCATED, TRAILING, MALFORMED; UNSUPPORTED another version; DUPLICATE a part that is there once
 *  at most; MISSING kernel, command line or ramdisk; SIZE over CF_EIF_SECTIONS_MAX; SIGNATURE the CRC does not fit
 *  cost  one pass over the file */
CF_MUST_USE cf_result cf_eif_parse(cf_view file, cf_eif *ret);

/** PCR0 of the whole, PCR1 of kernel, command line and first ramdisk, PCR2 of the other ramdisks.
 *  cost  two passes over what is measured */
typedef struct {
    uint8_t pcr[3][CF_PCR_BYTES_SHA384];
} cf_eif_measures;
CF_MUST_USE cf_result cf_eif_measure(const cf_eif *e, cf_eif_measures *ret);
