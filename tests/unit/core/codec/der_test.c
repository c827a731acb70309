/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/der.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

/* Elements, as DER and as BER. */
static const struct {
    const char *hex;
    cf_err der, ber;
    uint8_t tag;
    size_t body_off, body_len; /* of what is accepted */
} rows[] = {
    {"0500", CF_OK, CF_OK, 0x05, 2, 0},
    {"040161", CF_OK, CF_OK, 0x04, 2, 1},
    {"30030201 05", CF_OK, CF_OK, 0x30, 2, 3},
    {"a003020105", CF_OK, CF_OK, 0xA0, 2, 3},
    {"1e00", CF_OK, CF_OK, 0x1E, 2, 0},
    /* more behind it stays in the reader */
    {"04016162", CF_OK, CF_OK, 0x04, 2, 1},
    /* lengths in a longer form than needed */
    {"04810161", CF_ERR_MALFORMED, CF_OK, 0x04, 3, 1},
    {"0482000161", CF_ERR_MALFORMED, CF_OK, 0x04, 4, 1},
    {"0488000000000000000161", CF_ERR_MALFORMED, CF_OK, 0x04, 10, 1},
    {"048900000000000000000161", CF_ERR_MALFORMED, CF_OK, 0x04, 11, 1},
    {"048100", CF_ERR_MALFORMED, CF_OK, 0x04, 3, 0},
    /* tags */
    {"", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"1f0100", CF_ERR_UNSUPPORTED, CF_ERR_UNSUPPORTED, 0, 0, 0},
    {"bf210100", CF_ERR_UNSUPPORTED, CF_ERR_UNSUPPORTED, 0, 0, 0},
    {"0000", CF_ERR_MALFORMED, CF_ERR_MALFORMED, 0, 0, 0},
    {"2000", CF_ERR_MALFORMED, CF_ERR_MALFORMED, 0, 0, 0},
    {"8000", CF_OK, CF_OK, 0x80, 2, 0}, /* context 0 is a tag like others */
    /* the end comes early */
    {"04", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"0401", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"04036161", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"0481", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"048201", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"04850100000000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"0488ffffffffffffffff", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"0489010000000000000000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"04fe00", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"04ff00", CF_ERR_MALFORMED, CF_ERR_MALFORMED, 0, 0, 0},
    /* indefinite lengths */
    {"30800000", CF_ERR_MALFORMED, CF_OK, 0x30, 2, 0},
    {"308005000000", CF_ERR_MALFORMED, CF_OK, 0x30, 2, 2},
    {"248004016104016200006262", CF_ERR_MALFORMED, CF_OK, 0x24, 2, 6},
    {"3080 3080 0000 0401 61 0000", CF_ERR_MALFORMED, CF_OK, 0x30, 2, 7},
    {"3080 3004 00000000 0000", CF_ERR_MALFORMED, CF_OK, 0x30, 2,
     6}, /* a definite one is not looked into */
    {"3080 0402 0000 0000", CF_ERR_MALFORMED, CF_OK, 0x30, 2,
     4},                                                       /* zeros in contents are contents */
    {"04800000", CF_ERR_MALFORMED, CF_ERR_MALFORMED, 0, 0, 0}, /* only constructed ones may */
    {"3080 0480 0000 0000", CF_ERR_MALFORMED, CF_ERR_MALFORMED, 0, 0, 0},
    {"3080", CF_ERR_MALFORMED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"308000", CF_ERR_MALFORMED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"30800500", CF_ERR_MALFORMED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"3080050000", CF_ERR_MALFORMED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"3080 3080 0000", CF_ERR_MALFORMED, CF_ERR_TRUNCATED, 0, 0, 0},
    {"3080 0001 00 0000", CF_ERR_MALFORMED, CF_ERR_MALFORMED, 0, 0,
     0}, /* end-of-contents with contents */
    {"3080 1f01 0000", CF_ERR_MALFORMED, CF_ERR_UNSUPPORTED, 0, 0, 0},
    {"3080 0405 61 0000", CF_ERR_MALFORMED, CF_ERR_TRUNCATED, 0, 0, 0},
};

static void check_item(cf_view in, cf_der_item (*next)(cf_reader *), cf_err err, size_t row)
{
    cf_reader r = cf_reader_of(in);
    cf_der_item item = next(&r);
    assert_string_equal(cf_err_code(r.err), cf_err_code(err));
    if (err != CF_OK) {
        assert_int_equal(item.tag, 0);
        assert_int_equal(item.body.len, 0);
        assert_false(item.indefinite);
        return;
    }
    assert_int_equal(item.tag, rows[row].tag);
    assert_view(item.body, cf_view_sub(in, rows[row].body_off, rows[row].body_len));
    assert_int_equal(item.indefinite, in.data[1] == 0x80);
    size_t end = rows[row].body_off + rows[row].body_len + (item.indefinite ? 2 : 0);
    assert_int_equal(r.left, in.len - end);
}

static void reads_elements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view in = view_hex(rows[i].hex);
        check_item(in, cf_der_next, rows[i].der, i);
        check_item(in, cf_ber_next, rows[i].ber, i);
        view_free(in);
    }
}

/* Shortest lengths around every change of form, written and read back. */
static void writes_what_it_reads(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000, 0x100000};
    static const size_t heads[] = {2, 2, 2, 3, 3, 4, 4, 5, 5};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t *zeros = calloc(1, lens[i] + 1);
        assert_non_null(zeros);
        CF_BUF(out);
        cf_writer w = cf_writer_to(&out, CF_BUF_BYTES_MAX);
        cf_der_put(&w, 0x04, cf_view_make(zeros, lens[i]));
        assert_ok(cf_write_end(&w));
        assert_int_equal(out.len, heads[i] + lens[i]);
        cf_reader r = cf_reader_of(cf_buf_view(&out));
        cf_der_item item = cf_der_next(&r);
        assert_ok(cf_read_end(&r));
        assert_int_equal(item.tag, 0x04);
        assert_int_equal(item.body.len, lens[i]);
        CF_BUF(small);
        w = cf_writer_to(&small, out.len - 1);
        cf_der_put(&w, 0x04, cf_view_make(zeros, lens[i]));
        assert_err(cf_write_end(&w), SIZE);
        free(zeros);
    }
}

static void nest(cf_buf *out, size_t levels, bool ended)
{
    cf_buf_clear(out);
    for (size_t i = 0; i < levels; i++) {
        assert_ok(cf_buf_append(out, CF_LIT("\x30\x80")));
    }
    for (size_t i = 0; ended && i < levels; i++) {
        assert_ok(cf_buf_append(out, CF_LIT("\0\0")));
    }
}

static void bounds_indefinite_nesting(void **state)
{
    (void)state;
    CF_BUF(b);
    for (size_t levels = CF_DER_DEPTH_MAX - 1; levels <= CF_DER_DEPTH_MAX + 1; levels++) {
        nest(&b, levels, true);
        cf_reader r = cf_reader_of(cf_buf_view(&b));
        (void)cf_ber_next(&r);
        assert_code(cf_read_end(&r), levels <= CF_DER_DEPTH_MAX ? CF_OK : CF_ERR_DEPTH);
        nest(&b, levels, false);
        r = cf_reader_of(cf_buf_view(&b));
        (void)cf_ber_next(&r);
        assert_code(cf_read_end(&r), levels <= CF_DER_DEPTH_MAX ? CF_ERR_TRUNCATED : CF_ERR_DEPTH);
    }
    /* siblings do not add up */
    cf_buf_clear(&b);
    assert_ok(cf_buf_append(&b, CF_LIT("\x30\x80")));
    for (size_t i = 0; i < 100; i++) {
        assert_ok(cf_buf_append(&b, CF_LIT("\x30\x80\0\0")));
    }
    assert_ok(cf_buf_append(&b, CF_LIT("\0\0")));
    cf_reader r = cf_reader_of(cf_buf_view(&b));
    assert_int_equal(cf_ber_next(&r).body.len, 400);
    assert_ok(cf_read_end(&r));
}

static void enters(void **state)
{
    (void)state;
    cf_view in = view_hex("3006 020107 040161 0500");
    cf_reader r = cf_reader_of(in);
    cf_reader seq = cf_der_enter(&r, 0x30);
    cf_reader number = cf_der_enter(&seq, 0x02);
    assert_int_equal(cf_read_u8(&number), 7);
    assert_ok(cf_read_end(&number));
    assert_view(cf_der_next(&seq).body, CF_LIT("a"));
    assert_ok(cf_read_end(&seq));
    assert_err(cf_read_end(&r), TRAILING);
    /* another tag than asked for: kept in both */
    cf_reader wrong = cf_der_enter(&r, 0x04);
    assert_err(cf_read_end(&wrong), MALFORMED);
    assert_err(cf_read_end(&r), MALFORMED);
    assert_int_equal(wrong.left, 0);
    view_free(in);

    in = view_hex("3080 3080 0000 0000");
    r = cf_reader_of(in);
    seq = cf_ber_enter(&r, 0x30);
    cf_reader inner = cf_ber_enter(&seq, 0x30);
    assert_ok(cf_read_end(&inner));
    assert_ok(cf_read_end(&seq));
    assert_ok(cf_read_end(&r));
    r = cf_reader_of(in);
    seq = cf_der_enter(&r, 0x30);
    assert_err(cf_read_end(&seq), MALFORMED);
    assert_err(cf_read_end(&r), MALFORMED);
    r = cf_reader_of(cf_view_sub(in, 0, 3));
    seq = cf_ber_enter(&r, 0x30);
    assert_err(cf_read_end(&seq), TRUNCATED);
    view_free(in);
}

/* An error that is there already stays, and nothing is read behind it. */
static void keeps_the_first_error(void **state)
{
    (void)state;
    cf_reader r = cf_reader_of(CF_LIT("\x05\x00\x05\x00"));
    cf_reader_fail(&r, CF_ERR_STALE);
    assert_int_equal(cf_der_next(&r).tag, 0);
    assert_int_equal(cf_ber_next(&r).tag, 0);
    cf_reader inner = cf_ber_enter(&r, 0x05);
    assert_err(cf_read_end(&inner), STALE);
    assert_err(cf_read_end(&r), STALE);
    assert_int_equal(r.left, 4);
}

/* Every prefix of an element ends too early, in both encodings. */
static void sees_every_cut(void **state)
{
    (void)state;
    cf_view in = view_hex("3080 0209 010203040506070809 a080 0403 616263 0000 3003 020101 0000");
    for (size_t len = 0; len <= in.len; len++) {
        cf_view cut = view_copy(cf_view_sub(in, 0, len));
        cf_reader r = cf_reader_of(cut);
        (void)cf_ber_next(&r);
        assert_code(cf_read_end(&r), len == in.len ? CF_OK : CF_ERR_TRUNCATED);
        view_free(cut);
    }
    view_free(in);
}

static cf_result put(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, 1000);
    cf_der_put(&w, 0x30,
               cf_view_make("0123456789012345678901234567890123456789012345678901234567890", 60));
    cf_der_put(&w, 0x30,
               cf_view_make("0123456789012345678901234567890123456789012345678901234567890", 60));
    return cf_write_end(&w);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    failmalloc_each(put, NULL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_elements),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(bounds_indefinite_nesting),
        cmocka_unit_test(enters),
        cmocka_unit_test(keeps_the_first_error),
        cmocka_unit_test(sees_every_cut),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
