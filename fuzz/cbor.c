/* SPDX-License-Identifier: Apache-2.0 */
/* cf_cbor_*: the input as CBOR, read by both readers, skipped and walked, and written again; and the input as a list of writes,
 * whose outcome must be read back. */
#include "core/codec/cbor.h"

#include "fuzz/check.h"

/* Reads one item with all in it and writes it to w, by entering what can be entered. *ret_faithful is false where the writer has
 * no form for what was read. */
static cf_err recode(cf_cbor c, cf_writer *w, bool *ret_faithful)
{
    bool first = true;
    *ret_faithful = true;
    while (cf_cbor_err(&c) == CF_OK && (first || c.depth > 0)) {
        if (c.depth > 0 && !c.tagged && !cf_cbor_more(&c)) {
            continue;
        }
        cf_cbor_kind kind = cf_cbor_peek(&c);
        first = kind == CF_CBOR_TAG && c.depth == 0;
        switch (kind) {
        case CF_CBOR_UINT:
            cf_cbor_put_uint(w, cf_cbor_uint(&c));
            break;
        case CF_CBOR_NINT:
            cf_cbor_put_int(w, cf_cbor_int(&c));
            break;
        case CF_CBOR_BYTES:
            cf_cbor_put_bytes(w, cf_cbor_bytes(&c));
            break;
        case CF_CBOR_TEXT:
            cf_cbor_put_text(w, cf_cbor_text(&c));
            break;
        case CF_CBOR_ARRAY:
            cf_cbor_array(&c);
            if (cf_cbor_err(&c) == CF_OK) {
                *ret_faithful &= !c.open[c.depth - 1].indefinite;
                cf_cbor_put_array(w, (size_t)c.open[c.depth - 1].left);
            }
            break;
        case CF_CBOR_MAP:
            cf_cbor_map(&c);
            if (cf_cbor_err(&c) == CF_OK) {
                *ret_faithful &= !c.open[c.depth - 1].indefinite;
                cf_cbor_put_map(w, (size_t)c.open[c.depth - 1].left / 2);
            }
            break;
        case CF_CBOR_TAG:
            (void)cf_cbor_tag(&c);
            *ret_faithful = false;
            break;
        case CF_CBOR_BOOL:
            cf_cbor_put_bool(w, cf_cbor_bool(&c));
            break;
        case CF_CBOR_NULL:
            cf_cbor_null(&c);
            cf_cbor_put_null(w);
            break;
        case CF_CBOR_NONE:
        case CF_CBOR_BREAK:
        case CF_CBOR_OTHER:
            cf_cbor_skip(&c);
            *ret_faithful = false;
            break;
        }
    }
    return cf_cbor_end(&c).code;
}

static cf_err skip(cf_cbor c)
{
    cf_view all = {c.in.at, c.in.left};
    cf_view raw = cf_cbor_raw(&c);
    cf_result r = cf_cbor_end(&c);
    fuzz_check(!cf_is_ok(r) || cf_view_eq(raw, all));
    return r.code;
}

static void as_cbor(cf_view in)
{
    cf_err lenient = skip(cf_cbor_lenient(in)), strict = skip(cf_cbor_strict(in));
    fuzz_check(strict != CF_OK || lenient == CF_OK); /* strict takes less */
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, in.len);
    bool faithful;
    cf_err walked = recode(cf_cbor_strict(in), &w, &faithful);
    /* walking finds what skipping finds, and looks at values besides */
    fuzz_check(walked == strict || walked == CF_ERR_UTF8 || walked == CF_ERR_RANGE);
    if (walked == CF_OK && faithful) {
        fuzz_ok(cf_write_end(&w));
        fuzz_check(
            cf_view_eq(cf_buf_view(&out), in)); /* what the strict reader takes has one encoding */
    }
    CF_BUF(loose);
    w = cf_writer_to(&loose, CF_BUF_BYTES_MAX);
    walked = recode(cf_cbor_lenient(in), &w, &faithful);
    fuzz_check(walked == lenient || walked == CF_ERR_UTF8 || walked == CF_ERR_RANGE);
}

/* Writes one item, of a kind and size that the input decides. Returns the items that belong into it. */
static size_t write_one(cf_writer *w, cf_reader *r, size_t depth)
{
    uint8_t op = cf_read_u8(r), n = op >> 3;
    cf_view v = cf_read(r, n < r->left ? n : r->left);
    uint64_t number = (uint64_t)op << (2 * n);
    switch (op & 7) {
    case 0:
        cf_cbor_put_uint(w, number);
        return 0;
    case 1:
        cf_cbor_put_int(w, -1 - (int64_t)(number >> 1));
        return 0;
    case 2:
        cf_cbor_put_bytes(w, v);
        return 0;
    case 3:
        cf_cbor_put_text(w, cf_utf8_ok(v) ? v : CF_LIT("text"));
        return 0;
    case 4:
        if (depth < CF_CBOR_DEPTH_MAX) {
            cf_cbor_put_array(w, n);
            return n;
        }
        break;
    case 5:
        if (depth < CF_CBOR_DEPTH_MAX) {
            cf_cbor_put_map(w, n);
            return 2 * (size_t)n;
        }
        break;
    case 6:
        cf_cbor_put_bool(w, n % 2 == 1);
        return 0;
    default:
        break;
    }
    cf_cbor_put_null(w);
    return 0;
}

/* The input runs out sooner or later, and from then on gives unsigned numbers. */
static void as_writes(cf_view in)
{
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, CF_BUF_BYTES_MAX);
    cf_reader r = cf_reader_of(in);
    size_t left[CF_CBOR_DEPTH_MAX + 1] = {1}, depth = 0;
    for (;;) {
        if (left[depth] > 0) {
            left[depth]--;
            size_t inside = write_one(&w, &r, depth);
            if (inside > 0) {
                depth++;
                left[depth] = inside;
            }
        } else if (depth > 0) {
            depth--;
        } else {
            break;
        }
    }
    fuzz_ok(cf_write_end(&w));
    CF_BUF(again);
    cf_writer w2 = cf_writer_to(&again, out.len);
    bool faithful;
    fuzz_check(skip(cf_cbor_strict(cf_buf_view(&out))) == CF_OK);
    fuzz_check(recode(cf_cbor_strict(cf_buf_view(&out)), &w2, &faithful) == CF_OK && faithful);
    fuzz_check(cf_view_eq(cf_buf_view(&again), cf_buf_view(&out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_cbor(cf_view_make(data, size));
    as_writes(cf_view_make(data, size));
    return 0;
}
