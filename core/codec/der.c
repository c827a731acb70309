/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/der.h"

#define TAG_NUMBER 0x1F      /* low five bits; all set means a number of further octets follows */
#define TAG_CONSTRUCTED 0x20 /* X.690 section 8.1.2.5 */
#define LEN_LONG 0x80     /* long form; with no count in the low seven bits, the indefinite form */
#define LEN_RESERVED 0xFF /* X.690 section 8.1.3.5 c */

static const cf_der_item nothing;

typedef struct {
    size_t len;
    bool indefinite, shortest;
} length;

/* X.690 section 8.1.3, all forms. A length that size_t cannot hold is beyond any input:
 * TRUNCATED. */
static length read_length(cf_reader *r)
{
    uint8_t first = cf_read_u8(r);
    if (first < LEN_LONG) {
        return (length){.len = first, .shortest = true};
    }
    if (first == LEN_LONG) {
        return (length){.indefinite = true};
    }
    if (first == LEN_RESERVED) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
    cf_view octets = cf_read(r, first & 0x7F);
    size_t len = 0;
    for (size_t i = 0; i < octets.len; i++) {
        if (len > SIZE_MAX >> 8) {
            cf_reader_fail(r, CF_ERR_TRUNCATED);
            return (length){.len = 0};
        }
        len = len << 8 | octets.data[i];
    }
    bool shortest = octets.len > 0 && octets.data[0] != 0 && len >= LEN_LONG;
    return (length){.len = len, .shortest = shortest};
}

/* Identifier octet. Tag 0 is end-of-contents (X.690 section 8.1.5), which is looked for where it
 * may stand, and no element anywhere else. */
static uint8_t read_tag(cf_reader *r)
{
    uint8_t tag = cf_read_u8(r);
    if (r->err != CF_OK) {
        return 0;
    }
    if ((tag & TAG_NUMBER) == TAG_NUMBER) {
        cf_reader_fail(r, CF_ERR_UNSUPPORTED);
    } else if ((tag & ~TAG_CONSTRUCTED) == 0) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
    return tag;
}

cf_der_item cf_der_next(cf_reader *r)
{
    uint8_t tag = read_tag(r);
    length l = read_length(r);
    if (r->err == CF_OK && !l.shortest) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
    cf_view body = cf_read(r, l.len);
    return r->err == CF_OK ? (cf_der_item){.tag = tag, .body = body} : nothing;
}

/* True and consumed when end-of-contents comes next. A first zero octet cannot be anything else. */
static bool take_end(cf_reader *r)
{
    if (r->err != CF_OK || r->left == 0 || r->at[0] != 0) {
        return false;
    }
    cf_view octets = cf_read(r, 2);
    if (octets.len == 2 && octets.data[1] != 0) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
    return r->err == CF_OK;
}

/* Contents of an indefinite length whose head has been read. An element of definite length is
 * stepped over whole, whatever it holds; one of indefinite length opens a level, and its
 * end-of-contents closes it. */
static cf_view read_indefinite(cf_reader *r)
{
    const uint8_t *start = r->at, *end = start;
    for (unsigned open = 1; open > 0 && r->err == CF_OK;) {
        end = r->at;
        if (take_end(r)) {
            open--;
            continue;
        }
        uint8_t tag = read_tag(r);
        length l = read_length(r);
        (void)cf_read(r, l.len);
        if (r->err == CF_OK && l.indefinite) {
            if ((tag & TAG_CONSTRUCTED) == 0) {
                cf_reader_fail(r, CF_ERR_MALFORMED);
            } else if (open == CF_DER_DEPTH_MAX) {
                cf_reader_fail(r, CF_ERR_DEPTH);
            }
            open++;
        }
    }
    return r->err == CF_OK ? cf_view_make(start, (size_t)(end - start)) : CF_VIEW_EMPTY;
}

cf_der_item cf_ber_next(cf_reader *r)
{
    uint8_t tag = read_tag(r);
    length l = read_length(r);
    if (r->err == CF_OK && l.indefinite && (tag & TAG_CONSTRUCTED) == 0) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
    cf_view body = l.indefinite ? read_indefinite(r) : cf_read(r, l.len);
    if (r->err != CF_OK) {
        return nothing;
    }
    return (cf_der_item){.tag = tag, .body = body, .indefinite = l.indefinite};
}

static cf_reader enter(cf_reader *r, cf_der_item item, uint8_t tag)
{
    if (r->err == CF_OK && item.tag != tag) {
        cf_reader_fail(r, CF_ERR_MALFORMED);
    }
    cf_reader inner = cf_reader_of(r->err == CF_OK ? item.body : CF_VIEW_EMPTY);
    inner.err = r->err;
    return inner;
}

cf_reader cf_der_enter(cf_reader *r, uint8_t tag)
{
    cf_der_item item = cf_der_next(r);
    return enter(r, item, tag);
}

cf_reader cf_ber_enter(cf_reader *r, uint8_t tag)
{
    cf_der_item item = cf_ber_next(r);
    return enter(r, item, tag);
}

void cf_der_put(cf_writer *w, uint8_t tag, cf_view body)
{
    cf_write_u8(w, tag);
    if (body.len < LEN_LONG) {
        cf_write_u8(w, (uint8_t)body.len);
    } else {
        uint8_t octets = 1;
        while (octets < sizeof body.len && body.len >> (8 * octets) != 0) {
            octets++;
        }
        cf_write_u8(w, (uint8_t)(LEN_LONG | octets));
        while (octets > 0) {
            octets--;
            cf_write_u8(w, (uint8_t)(body.len >> (8 * octets)));
        }
    }
    cf_write(w, body);
}
