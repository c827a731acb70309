/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eif/eif.h"

#include "core/base/reader.h"

#define VERSION_MIN 3
#define VERSION_MAX 4
#define FLAG_ARM64 1
#define CRC_AT 544 /* the last field of the header, and the only octets that the CRC leaves out */

typedef enum {
    SECTION_KERNEL = 1,
    SECTION_CMDLINE,
    SECTION_RAMDISK,
    SECTION_SIGNATURE,
    SECTION_METADATA,
} section_type;

typedef struct {
    uint16_t flags, sections;
    uint64_t offsets[CF_EIF_SECTIONS_MAX], sizes[CF_EIF_SECTIONS_MAX];
    uint32_t crc;
} header;

/* --- CRC-32 of zlib, four bits at a time --- */

static uint32_t crc_step(uint32_t crc, cf_view v)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    for (size_t i = 0; i < v.len; i++) {
        crc ^= v.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

static bool crc_fits(cf_view file, uint32_t told)
{
    uint32_t crc = crc_step(UINT32_MAX, cf_view_sub(file, 0, CRC_AT));
    crc = crc_step(crc, cf_view_sub(file, CF_EIF_HEADER_BYTES, file.len - CF_EIF_HEADER_BYTES));
    return ~crc == told;
}

/* --- parts --- */

static cf_result read_header(cf_reader *r, header *h)
{
    cf_view magic = cf_read(r, 4);
    uint16_t version = cf_read_u16(r);
    h->flags = cf_read_u16(r);
    (void)cf_read_u64(r); /* memory and CPUs that the maker had in mind */
    (void)cf_read_u64(r);
    uint16_t reserved = cf_read_u16(r);
    h->sections = cf_read_u16(r);
    for (size_t i = 0; i < CF_EIF_SECTIONS_MAX; i++) {
        h->offsets[i] = cf_read_u64(r);
    }
    for (size_t i = 0; i < CF_EIF_SECTIONS_MAX; i++) {
        h->sizes[i] = cf_read_u64(r);
    }
    uint32_t unused = cf_read_u32(r);
    h->crc = cf_read_u32(r);
    CF_REQUIRE(r->err == CF_OK, TRUNCATED);
    CF_REQUIRE(cf_view_eq(magic, CF_LIT(".eif")), MALFORMED);
    CF_REQUIRE(version >= VERSION_MIN && version <= VERSION_MAX, UNSUPPORTED);
    CF_REQUIRE((h->flags & ~FLAG_ARM64) == 0 && reserved == 0 && unused == 0, MALFORMED);
    CF_REQUIRE(h->sections <= CF_EIF_SECTIONS_MAX, SIZE);
    return cf_ok();
}

static cf_result set_once(cf_view *place, bool *taken, cf_view data)
{
    CF_REQUIRE(!*taken, DUPLICATE);
    *taken = true;
    *place = data;
    return cf_ok();
}

/* Which of the parts that are there once have been seen. */
typedef struct {
    bool kernel, cmdline, signature, metadata;
} seen;

static cf_result take_section(uint16_t type, cf_view data, seen *s, cf_eif *e)
{
    switch (type) {
    case SECTION_KERNEL:
        return set_once(&e->kernel, &s->kernel, data);
    case SECTION_CMDLINE:
        return set_once(&e->cmdline, &s->cmdline, data);
    case SECTION_SIGNATURE:
        return set_once(&e->signature, &s->signature, data);
    case SECTION_METADATA:
        return set_once(&e->metadata, &s->metadata, data);
    case SECTION_RAMDISK:
        e->ramdisks[e->ramdisks_n] = data;
        e->ramdisks_n++;
        return cf_ok();
    default:
        return cf_fail(CF_ERR_MALFORMED);
    }
}

/* The next section, which must be where and as long as the table says. */
static cf_result read_section(cf_reader *r, size_t at, const header *h, size_t i, seen *s,
                              cf_eif *e)
{
    uint16_t type = cf_read_u16(r);
    uint16_t flags = cf_read_u16(r);
    uint64_t size = cf_read_u64(r);
    CF_REQUIRE(r->err == CF_OK, TRUNCATED);
    CF_REQUIRE(h->offsets[i] == at && h->sizes[i] == size && flags == 0, MALFORMED);
    CF_REQUIRE(size <= r->left, TRUNCATED);
    return take_section(type, cf_read(r, (size_t)size), s, e);
}

CF_MUST_USE cf_result cf_eif_parse(cf_view file, cf_eif *ret)
{
    header h = {0};
    seen s = {false, false, false, false};
    cf_eif e = {.arm64 = false};
    cf_reader r = cf_reader_of(file);
    *ret = (cf_eif){.arm64 = false};
    CF_TRY(read_header(&r, &h));
    e.arm64 = (h.flags & FLAG_ARM64) != 0;
    for (size_t i = 0; i < h.sections; i++) {
        CF_TRY(read_section(&r, file.len - r.left, &h, i, &s, &e));
    }
    CF_TRY(cf_read_end(&r));
    for (size_t i = h.sections; i < CF_EIF_SECTIONS_MAX; i++) {
        CF_REQUIRE(h.offsets[i] == 0 && h.sizes[i] == 0, MALFORMED);
    }
    CF_REQUIRE(s.kernel && s.cmdline && e.ramdisks_n > 0, MISSING);
    CF_REQUIRE(crc_fits(file, h.crc), SIGNATURE);
    *ret = e;
    return cf_ok();
}

/* SHA-384(48 octets 0 || SHA-384(parts)) */
static cf_result measure(const cf_view *parts, size_t n, uint8_t ret[static CF_PCR_BYTES_SHA384])
{
    cf_digest digest;
    CF_TRY(cf_hash_parts(CF_SHA384, parts, n, &digest));
    for (size_t i = 0; i < CF_PCR_BYTES_SHA384; i++) {
        ret[i] = 0;
    }
    return cf_pcr_extend(ret, cf_digest_view(&digest));
}

CF_MUST_USE cf_result cf_eif_measure(const cf_eif *e, cf_eif_measures *ret)
{
    cf_view parts[2 + CF_EIF_SECTIONS_MAX] = {e->kernel, e->cmdline};
    for (size_t i = 0; i < e->ramdisks_n; i++) {
        parts[2 + i] = e->ramdisks[i];
    }
    CF_TRY(measure(parts, 2 + e->ramdisks_n, ret->pcr[0]));
    CF_TRY(measure(parts, 3, ret->pcr[1]));
    return measure(parts + 3, e->ramdisks_n - 1, ret->pcr[2]);
}
