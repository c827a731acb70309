/* SPDX-License-Identifier: Apache-2.0 */
/* cf_eif_parse, cf_eif_measure: the input is a file. Its CRC is set right first, since no mutation would. */
#include "core/eif/eif.h"

#include "fuzz/check.h"

#define CRC_AT 544

static uint32_t crc32_of(uint32_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320U : 0);
        }
    }
    return crc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_BUF(file);
    cf_eif e;
    cf_eif_measures m;
    fuzz_ok(cf_buf_append(&file, cf_view_make(data, size)));
    if (size >= CF_EIF_HEADER_BYTES) {
        uint32_t crc = crc32_of(UINT32_MAX, data, CRC_AT);
        crc = ~crc32_of(crc, data + CF_EIF_HEADER_BYTES, size - CF_EIF_HEADER_BYTES);
        for (size_t i = 0; i < 4; i++) {
            file.data[CRC_AT + i] = (uint8_t)(crc >> (24 - 8 * i));
        }
    }
    if (!cf_is_ok(cf_eif_parse(cf_buf_view(&file), &e))) {
        fuzz_check(e.ramdisks_n == 0 && e.kernel.data == NULL);
        return 0;
    }
    size_t sum =
        CF_EIF_HEADER_BYTES + e.kernel.len + e.cmdline.len + e.metadata.len + e.signature.len;
    for (size_t i = 0; i < e.ramdisks_n; i++) {
        sum += e.ramdisks[i].len;
    }
    fuzz_check(sum < size && e.ramdisks_n > 0);
    fuzz_ok(cf_eif_measure(&e, &m));
    return 0;
}
