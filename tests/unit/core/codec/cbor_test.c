/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/cbor.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

/* RFC 8949 appendix A, all rows: what the item is, and whether each reader takes it as a whole. */
static const struct {
    const char *hex;
    cf_cbor_kind kind;
    cf_err lenient, strict;
} appendix_a[] = {
    {"00", CF_CBOR_UINT, CF_OK, CF_OK},
    {"01", CF_CBOR_UINT, CF_OK, CF_OK},
    {"0a", CF_CBOR_UINT, CF_OK, CF_OK},
    {"17", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1818", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1819", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1864", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1903e8", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1a000f4240", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1b000000e8d4a51000", CF_CBOR_UINT, CF_OK, CF_OK},
    {"1bffffffffffffffff", CF_CBOR_UINT, CF_OK, CF_OK},
    {"c249010000000000000000", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"3bffffffffffffffff", CF_CBOR_NINT, CF_OK, CF_OK},
    {"c349010000000000000000", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"20", CF_CBOR_NINT, CF_OK, CF_OK},
    {"29", CF_CBOR_NINT, CF_OK, CF_OK},
    {"3863", CF_CBOR_NINT, CF_OK, CF_OK},
    {"3903e7", CF_CBOR_NINT, CF_OK, CF_OK},
    {"f90000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f98000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f93c00", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fb3ff199999999999a", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f93e00", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f97bff", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fa47c35000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fa7f7fffff", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fb7e37e43c8800759c", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f90001", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f90400", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f9c400", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fbc010666666666666", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f97c00", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f97e00", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f9fc00", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fa7f800000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fa7fc00000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"faff800000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fb7ff0000000000000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fb7ff8000000000000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"fbfff0000000000000", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f4", CF_CBOR_BOOL, CF_OK, CF_OK},
    {"f5", CF_CBOR_BOOL, CF_OK, CF_OK},
    {"f6", CF_CBOR_NULL, CF_OK, CF_OK},
    {"f7", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f0", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"f8ff", CF_CBOR_OTHER, CF_OK, CF_OK},
    {"c074323031332d30332d32315432303a30343a30305a", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"c11a514b67b0", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"c1fb41d452d9ec200000", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"d74401020304", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"d818456449455446", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", CF_CBOR_TAG, CF_OK, CF_ERR_MALFORMED},
    {"40", CF_CBOR_BYTES, CF_OK, CF_OK},
    {"4401020304", CF_CBOR_BYTES, CF_OK, CF_OK},
    {"60", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"6161", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"6449455446", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"62225c", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"62c3bc", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"63e6b0b4", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"64f0908591", CF_CBOR_TEXT, CF_OK, CF_OK},
    {"80", CF_CBOR_ARRAY, CF_OK, CF_OK},
    {"83010203", CF_CBOR_ARRAY, CF_OK, CF_OK},
    {"8301820203820405", CF_CBOR_ARRAY, CF_OK, CF_OK},
    {"98190102030405060708090a0b0c0d0e0f101112131415161718181819", CF_CBOR_ARRAY, CF_OK, CF_OK},
    {"a0", CF_CBOR_MAP, CF_OK, CF_OK},
    {"a201020304", CF_CBOR_MAP, CF_OK, CF_OK},
    {"a26161016162820203", CF_CBOR_MAP, CF_OK, CF_OK},
    {"826161a161626163", CF_CBOR_ARRAY, CF_OK, CF_OK},
    {"a56161614161626142616361436164614461656145", CF_CBOR_MAP, CF_OK, CF_OK},
    {"5f42010243030405ff", CF_CBOR_BYTES, CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"7f657374726561646d696e67ff", CF_CBOR_TEXT, CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"9fff", CF_CBOR_ARRAY, CF_OK, CF_ERR_MALFORMED},
    {"9f018202039f0405ffff", CF_CBOR_ARRAY, CF_OK, CF_ERR_MALFORMED},
    {"9f01820203820405ff", CF_CBOR_ARRAY, CF_OK, CF_ERR_MALFORMED},
    {"83018202039f0405ff", CF_CBOR_ARRAY, CF_OK, CF_ERR_MALFORMED},
    {"83019f0203ff820405", CF_CBOR_ARRAY, CF_OK, CF_ERR_MALFORMED},
    {"9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", CF_CBOR_ARRAY, CF_OK,
     CF_ERR_MALFORMED},
    {"bf61610161629f0203ffff", CF_CBOR_MAP, CF_OK, CF_ERR_MALFORMED},
    {"826161bf61626163ff", CF_CBOR_ARRAY, CF_OK, CF_ERR_MALFORMED},
    {"bf6346756ef563416d7421ff", CF_CBOR_MAP, CF_OK, CF_ERR_MALFORMED},
};
#define APPENDIX_A_ROWS (sizeof appendix_a / sizeof appendix_a[0])

static cf_err skip_all(cf_cbor c)
{
    cf_cbor_skip(&c);
    return cf_cbor_end(&c).code;
}

static void takes_appendix_a(void **state)
{
    (void)state;
    for (size_t i = 0; i < APPENDIX_A_ROWS; i++) {
        cf_view in = view_hex(appendix_a[i].hex);
        cf_cbor c = cf_cbor_lenient(in);
        assert_int_equal(cf_cbor_peek(&c), appendix_a[i].kind);
        assert_int_equal(c.in.left, in.len);
        assert_int_equal(skip_all(cf_cbor_lenient(in)), appendix_a[i].lenient);
        assert_int_equal(skip_all(cf_cbor_strict(in)), appendix_a[i].strict);
        /* raw gives exactly the item, whatever stands behind it */
        CF_BUF(more);
        assert_ok(cf_buf_append(&more, in));
        assert_ok(cf_buf_append(&more, CF_LIT("\x01")));
        c = cf_cbor_lenient(cf_buf_view(&more));
        cf_view raw = cf_cbor_raw(&c);
        assert_view(raw, appendix_a[i].lenient == CF_OK ? in : CF_VIEW_EMPTY);
        assert_code(cf_cbor_end(&c),
                    appendix_a[i].lenient == CF_OK ? CF_ERR_TRAILING : appendix_a[i].lenient);
        view_free(in);
    }
}

static void sees_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < APPENDIX_A_ROWS; i++) {
        cf_view in = view_hex(appendix_a[i].hex);
        for (size_t len = 0; len < in.len && appendix_a[i].lenient == CF_OK; len++) {
            cf_view cut = view_copy(cf_view_sub(in, 0, len));
            assert_int_equal(skip_all(cf_cbor_lenient(cut)), CF_ERR_TRUNCATED);
            view_free(cut);
        }
        view_free(in);
    }
}

static const struct {
    const char *hex;
    bool negative; /* the value is -1 - n */
    uint64_t n;
} numbers[] = {
    {"00", false, 0},
    {"17", false, 23},
    {"1818", false, 24},
    {"18ff", false, 255},
    {"190100", false, 256},
    {"19ffff", false, 65535},
    {"1a00010000", false, 65536},
    {"1affffffff", false, UINT32_MAX},
    {"1b0000000100000000", false, (uint64_t)UINT32_MAX + 1},
    {"1b7fffffffffffffff", false, INT64_MAX},
    {"1b8000000000000000", false, (uint64_t)INT64_MAX + 1},
    {"1bffffffffffffffff", false, UINT64_MAX},
    {"20", true, 0},
    {"37", true, 23},
    {"3818", true, 24},
    {"38ff", true, 255},
    {"390100", true, 256},
    {"39ffff", true, 65535},
    {"3a00010000", true, 65536},
    {"3affffffff", true, UINT32_MAX},
    {"3b0000000100000000", true, (uint64_t)UINT32_MAX + 1},
    {"3b7fffffffffffffff", true, INT64_MAX},
    {"3b8000000000000000", true, (uint64_t)INT64_MAX + 1},
    {"3bffffffffffffffff", true, UINT64_MAX},
};

static void reads_and_writes_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        cf_view in = view_hex(numbers[i].hex);
        bool fits = numbers[i].n <= INT64_MAX;
        CF_BUF(out);
        cf_writer w = cf_writer_to(&out, 9);
        cf_cbor c = cf_cbor_strict(in);
        int64_t n = cf_cbor_int(&c);
        assert_code(cf_cbor_end(&c), fits ? CF_OK : CF_ERR_RANGE);
        assert_true(n == (!fits                 ? 0
                          : numbers[i].negative ? -1 - (int64_t)numbers[i].n
                                                : (int64_t)numbers[i].n));
        if (fits) {
            cf_cbor_put_int(&w, n);
            assert_view(cf_buf_view(&out), in);
        }
        c = cf_cbor_strict(in);
        uint64_t u = cf_cbor_uint(&c);
        assert_code(cf_cbor_end(&c), numbers[i].negative ? CF_ERR_WRONG_TYPE : CF_OK);
        assert_true(u == (numbers[i].negative ? 0 : numbers[i].n));
        if (!numbers[i].negative) {
            out.len = 0;
            cf_cbor_put_uint(&w, u);
            assert_view(cf_buf_view(&out), in);
        }
        assert_ok(cf_write_end(&w));
        view_free(in);
    }
}

static void reads_and_writes_strings(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 23, 24, 255, 256, 65535, 65536};
    static const size_t heads[] = {1, 1, 1, 2, 2, 3, 3, 5};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        char *octets = malloc(lens[i] + 1);
        assert_non_null(octets);
        memset(octets, 'x', lens[i]);
        cf_view v = cf_view_make(octets, lens[i]);
        CF_BUF(out);
        cf_writer w = cf_writer_to(&out, 1 << 20);
        cf_cbor_put_bytes(&w, v);
        assert_int_equal(out.len, heads[i] + lens[i]);
        cf_cbor_put_text(&w, v);
        assert_ok(cf_write_end(&w));
        cf_cbor c = cf_cbor_strict(cf_buf_view(&out));
        cf_view bytes = cf_cbor_bytes(&c);
        cf_view text = cf_cbor_text(&c);
        assert_ok(cf_cbor_end(&c));
        assert_view(bytes, v);
        assert_view(text, v);
        assert_ptr_equal(bytes.data, out.data + heads[i]); /* borrowed */
        free(octets);
    }
}

static void reads_booleans(void **state)
{
    (void)state;
    cf_cbor c = cf_cbor_strict(CF_LIT("\xf4\xf5"));
    assert_false(cf_cbor_bool(&c));
    assert_true(cf_cbor_bool(&c));
    assert_ok(cf_cbor_end(&c));
}

static void checks_utf8(void **state)
{
    (void)state;
    cf_cbor c = cf_cbor_strict(CF_LIT("\x62\xc3\x28"));
    assert_int_equal(cf_cbor_text(&c).len, 0);
    assert_err(cf_cbor_end(&c), UTF8);
    c = cf_cbor_strict(CF_LIT("\x42\xc3\x28"));
    assert_int_equal(cf_cbor_bytes(&c).len, 2);
    assert_ok(cf_cbor_end(&c));
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, 100);
    cf_cbor_put_text(&w, CF_LIT("\xc3\x28"));
    assert_err(cf_write_end(&w), UTF8);
    assert_int_equal(out.len, 0);
    cf_cbor_put_null(&w);
    assert_int_equal(out.len, 0);
}

static void walks_arrays_and_maps(void **state)
{
    (void)state;
    /* {"a": [1, [], {}], "b": {_ 1: [_ 2, 3]}, "c": null}, as lenient readers take it */
    cf_view in = view_hex("a3 6161 83 01 80 a0 6162 bf 01 9f 02 03 ff ff 6163 f6");
    cf_cbor c = cf_cbor_lenient(in);
    uint64_t sum = 0;
    unsigned members = 0, nulls = 0;
    cf_cbor_map(&c);
    while (cf_cbor_more(&c)) {
        cf_view name = cf_cbor_text(&c);
        members++;
        if (cf_view_eq(name, CF_LIT("a"))) {
            cf_cbor_array(&c);
            sum += cf_cbor_uint(&c);
            cf_cbor_array(&c);
            assert_false(cf_cbor_more(&c));
            cf_cbor_map(&c);
            cf_cbor_leave(&c);
            cf_cbor_leave(&c);
        } else if (cf_view_eq(name, CF_LIT("b"))) {
            cf_cbor_map(&c);
            while (cf_cbor_more(&c)) {
                sum += cf_cbor_uint(&c);
                cf_cbor_array(&c);
                while (cf_cbor_more(&c)) {
                    sum += cf_cbor_uint(&c);
                }
            }
        } else {
            nulls += cf_cbor_take_null(&c);
        }
    }
    assert_ok(cf_cbor_end(&c));
    assert_int_equal(sum, 7);
    assert_int_equal(members, 3);
    assert_int_equal(nulls, 1);
    view_free(in);
}

static void peeks_at_the_ends(void **state)
{
    (void)state;
    cf_cbor c = cf_cbor_lenient(CF_LIT("\x81\x9f\xff"));
    assert_int_equal(cf_cbor_peek(&c), CF_CBOR_ARRAY);
    cf_cbor_array(&c);
    assert_int_equal(cf_cbor_peek(&c), CF_CBOR_ARRAY);
    cf_cbor_array(&c);
    assert_int_equal(cf_cbor_peek(&c), CF_CBOR_BREAK);
    assert_false(cf_cbor_more(&c));
    assert_int_equal(cf_cbor_peek(&c), CF_CBOR_BREAK);
    assert_err(cf_cbor_end(&c), TRUNCATED); /* the outer one has not been left */
    assert_false(cf_cbor_more(&c));
    assert_int_equal(cf_cbor_peek(&c), CF_CBOR_NONE);
    assert_ok(cf_cbor_end(&c));
    assert_false(cf_cbor_take_null(&c));
    assert_ok(cf_cbor_end(&c));
}

static void reads_tags(void **state)
{
    (void)state;
    for (uint64_t tag = 0; tag < 300; tag++) {
        CF_BUF(b);
        cf_writer w = cf_writer_to(&b, 100);
        cf_cbor_put_uint(&w, tag);
        b.data[0] |= 0xC0;
        cf_cbor_put_bool(&w, true);
        cf_cbor c = cf_cbor_lenient(cf_buf_view(&b));
        assert_int_equal(cf_cbor_peek(&c), CF_CBOR_TAG);
        assert_int_equal(cf_cbor_tag(&c), tag);
        assert_true(cf_cbor_bool(&c));
        assert_ok(cf_cbor_end(&c));
        c = cf_cbor_strict(cf_buf_view(&b));
        assert_int_equal(cf_cbor_tag(&c), 0);
        assert_err(cf_cbor_end(&c), MALFORMED);
    }
    /* tags of tags, around the members of a map, in an indefinite array */
    cf_view in = view_hex("9f c1c2 a1 d8ff 01 dbffffffffffffffff 02 ff");
    cf_cbor c = cf_cbor_lenient(in);
    assert_int_equal(skip_all(c), CF_OK);
    cf_cbor_array(&c);
    assert_true(cf_cbor_more(&c));
    assert_int_equal(cf_cbor_tag(&c), 1);
    assert_int_equal(cf_cbor_tag(&c), 2);
    cf_cbor_map(&c);
    assert_int_equal(cf_cbor_tag(&c), 255);
    assert_int_equal(cf_cbor_uint(&c), 1);
    assert_true(cf_cbor_tag(&c) == UINT64_MAX);
    assert_int_equal(cf_cbor_uint(&c), 2);
    cf_cbor_leave(&c);
    cf_cbor_leave(&c);
    assert_ok(cf_cbor_end(&c));
    view_free(in);
}

static void takes_raw_items(void **state)
{
    (void)state;
    cf_view in = view_hex("83 d2820102 bf 00 9f ff ff f6");
    cf_cbor c = cf_cbor_lenient(in);
    cf_cbor_array(&c);
    cf_view tagged = cf_cbor_raw(&c), map = cf_cbor_raw(&c), null = cf_cbor_raw(&c);
    cf_cbor_leave(&c);
    assert_ok(cf_cbor_end(&c));
    assert_view(tagged, cf_view_sub(in, 1, 4));
    assert_view(map, cf_view_sub(in, 5, 5));
    assert_view(null, cf_view_sub(in, 10, 1));
    assert_int_equal(cf_cbor_raw(&c).len, 0);
    assert_err(cf_cbor_end(&c), TRUNCATED);
    view_free(in);
}

static void writes_containers(void **state)
{
    (void)state;
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, 1000);
    cf_cbor_put_map(&w, 2);
    cf_cbor_put_text(&w, CF_LIT("k"));
    cf_cbor_put_array(&w, 25);
    for (int64_t i = -12; i < 13; i++) {
        cf_cbor_put_int(&w, i);
    }
    cf_cbor_put_bytes(&w, CF_VIEW_EMPTY);
    cf_cbor_put_map_open(&w);
    cf_cbor_put_bool(&w, false);
    cf_cbor_put_null(&w);
    cf_cbor_put_break(&w);
    assert_ok(cf_write_end(&w));
    cf_view want =
        view_hex("a2 616b 9819 2b2a29282726252423222120 000102030405060708090a0b0c 40 bf f4 f6 ff");
    assert_view(cf_buf_view(&out), want);
    assert_int_equal(skip_all(cf_cbor_lenient(cf_buf_view(&out))), CF_OK);
    view_free(want);
    for (size_t max = 0; max < out.len; max++) {
        CF_BUF(small);
        cf_writer s = cf_writer_to(&small, max);
        cf_cbor_put_bytes(&s, cf_view_make(out.data, out.len - 2));
        assert_err(cf_write_end(&s), SIZE);
        assert_true(small.len <= max);
    }
}

static cf_result write_much(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    cf_writer w = cf_writer_to(&out, 1000);
    for (uint64_t i = 0; i < 50; i++) {
        cf_cbor_put_uint(&w, UINT64_MAX - i);
        cf_cbor_put_text(&w, CF_LIT("text"));
    }
    return cf_write_end(&w);
}

static cf_result read_much(void *ctx)
{
    const cf_view *in = ctx;
    cf_cbor c = cf_cbor_lenient(*in);
    cf_cbor_skip(&c);
    return cf_cbor_end(&c);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    failmalloc_each(write_much, NULL, 4);
    cf_view in = CF_LIT("\x83\x01\xbf\x61k\x41v\xff\x9f\xff");
    assert_int_equal(failmalloc_each(read_much, &in, 0), 0); /* the reader allocates nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_appendix_a),
        cmocka_unit_test(sees_every_cut),
        cmocka_unit_test(reads_and_writes_numbers),
        cmocka_unit_test(reads_and_writes_strings),
        cmocka_unit_test(reads_booleans),
        cmocka_unit_test(checks_utf8),
        cmocka_unit_test(walks_arrays_and_maps),
        cmocka_unit_test(peeks_at_the_ends),
        cmocka_unit_test(reads_tags),
        cmocka_unit_test(takes_raw_items),
        cmocka_unit_test(writes_containers),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
