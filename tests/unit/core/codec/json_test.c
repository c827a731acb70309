/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/json.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define TEXT_MAX 4096

static cf_err parse(cf_view text)
{
    cf_view exact = view_copy(text);
    CF_JSON(j);
    cf_err err = cf_json_parse(exact, TEXT_MAX, &j).code;
    assert_int_equal(j != NULL, err == CF_OK);
    view_free(exact);
    return err;
}

static const struct {
    cf_view text;
    cf_err err;
} rows[] = {
    /* values */
    {CF_LIT_INIT("null"), CF_OK},
    {CF_LIT_INIT("true"), CF_OK},
    {CF_LIT_INIT("false"), CF_OK},
    {CF_LIT_INIT("0"), CF_OK},
    {CF_LIT_INIT("-0"), CF_OK},
    {CF_LIT_INIT("-1.5e-3"), CF_OK},
    {CF_LIT_INIT("\"\""), CF_OK},
    {CF_LIT_INIT("[]"), CF_OK},
    {CF_LIT_INIT("{}"), CF_OK},
    {CF_LIT_INIT(" \t\r\n{ \"a\" : [ 1 , 2 ] } \n"), CF_OK},
    {CF_LIT_INIT("{\"a\":1,\"A\":2,\"\":3}"), CF_OK},
    /* the end comes early */
    {CF_LIT_INIT(""), CF_ERR_TRUNCATED},
    {CF_LIT_INIT(" \n"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("["), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("[1"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("[1,"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("{"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("{\"a\""), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("{\"a\":"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("{\"a\":1"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("\"abc"), CF_ERR_TRUNCATED},
    {CF_LIT_INIT("[{\"a\":[1]}"), CF_ERR_TRUNCATED},
    /* it goes on */
    {CF_LIT_INIT("1 2"), CF_ERR_TRAILING},
    {CF_LIT_INIT("{}{}"), CF_ERR_TRAILING},
    {CF_LIT_INIT("[]]"), CF_ERR_TRAILING},
    {CF_LIT_INIT("null,"), CF_ERR_TRAILING},
    {CF_LIT_INIT("{} x"), CF_ERR_TRAILING},
    {CF_LIT_INIT("{}\0"), CF_ERR_MALFORMED},
    /* duplicates, at any level, after escapes are resolved */
    {CF_LIT_INIT("{\"a\":1,\"a\":1}"), CF_ERR_DUPLICATE},
    {CF_LIT_INIT("{\"a\":1,\"b\":2,\"a\":3}"), CF_ERR_DUPLICATE},
    {CF_LIT_INIT("[{\"x\":{\"a\":1,\"a\":2}}]"), CF_ERR_DUPLICATE},
    {CF_LIT_INIT("{\"\":1,\"\":2}"), CF_ERR_DUPLICATE},
    {CF_LIT_INIT("{\"a\":1,\"\\u0061\":2}"), CF_ERR_DUPLICATE},
    {CF_LIT_INIT("{\"\\/\":1,\"/\":2}"), CF_ERR_DUPLICATE},
    {CF_LIT_INIT("[{\"a\":1},{\"a\":1}]"), CF_OK},
    {CF_LIT_INIT("{\"a\":{\"a\":1}}"), CF_OK},
    /* NUL and other control characters */
    {CF_LIT_INIT("\"\\u0000\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"a\\u0000b\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{\"\\u0000\":1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{\"a\\u0000b\":1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\0\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\0"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("[1,\0]"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\x01\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\n\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\x1f\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\x7f\""), CF_OK},
    {CF_LIT_INIT("\"\\u0001\""), CF_OK},
    {CF_LIT_INIT("\v1"), CF_ERR_MALFORMED},
    /* surrogates */
    {CF_LIT_INIT("\"\\ud83d\\udd12\""), CF_OK},
    {CF_LIT_INIT("\"\\ud83d\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\udd12\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\udd12\\ud83d\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\ud83d\\ud83d\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\ud83dx\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\ud83d\\n\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{\"\\ud83d\":1}"), CF_ERR_MALFORMED},
    /* UTF-8 */
    {CF_LIT_INIT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92\""), CF_OK},
    {CF_LIT_INIT("\"\xc3\""), CF_ERR_UTF8},
    {CF_LIT_INIT("\"\xc0\x80\""), CF_ERR_UTF8},
    {CF_LIT_INIT("\"\xed\xa0\x80\""), CF_ERR_UTF8},
    {CF_LIT_INIT("\"\xff\""), CF_ERR_UTF8},
    {CF_LIT_INIT("{\"\x80\":1}"), CF_ERR_UTF8},
    {CF_LIT_INIT("[1]\xf4\x90\x80\x80"), CF_ERR_UTF8},
    {CF_LIT_INIT("\xef\xbb\xbf{}"), CF_ERR_MALFORMED}, /* a byte order mark is no white space */
    {CF_LIT_INIT("\xc2\xa0{}"), CF_ERR_MALFORMED},     /* nor is a no-break space */
    /* numbers */
    {CF_LIT_INIT("9223372036854775807"), CF_OK},
    {CF_LIT_INIT("9223372036854775808"), CF_ERR_RANGE},
    {CF_LIT_INIT("-9223372036854775808"), CF_OK},
    {CF_LIT_INIT("-9223372036854775809"), CF_ERR_RANGE},
    {CF_LIT_INIT("[1,{\"a\":99999999999999999999999999}]"), CF_ERR_RANGE},
    {CF_LIT_INIT("1e308"), CF_OK},
    {CF_LIT_INIT("1e309"), CF_ERR_RANGE},
    {CF_LIT_INIT("-1e309"), CF_ERR_RANGE},
    {CF_LIT_INIT("01"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("-"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("+1"), CF_ERR_MALFORMED},
    {CF_LIT_INIT(".5"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("1."), CF_ERR_MALFORMED},
    {CF_LIT_INIT("1e"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("0x10"), CF_ERR_TRAILING},
    {CF_LIT_INIT("NaN"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("-Infinity"), CF_ERR_MALFORMED},
    /* syntax */
    {CF_LIT_INIT("nul"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("True"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("[1,]"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("[,1]"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("[1 2]"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("[1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("]"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{\"a\":1,}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{\"a\" 1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{\"a\":}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{a:1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{1:1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("{'a':1}"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\x\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\u12\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("\"\\u12g4\""), CF_ERR_MALFORMED},
    {CF_LIT_INIT("/**/1"), CF_ERR_MALFORMED},
    {CF_LIT_INIT("[1]//"), CF_ERR_TRAILING},
};

static void takes_and_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_err err = parse(rows[i].text);
        if (err != rows[i].err) {
            fail_msg("row %zu, %.*s: %s instead of %s", i, (int)rows[i].text.len,
                     (const char *)rows[i].text.data, cf_err_code(err), cf_err_code(rows[i].err));
        }
    }
    assert_int_equal(parse(CF_VIEW_EMPTY), CF_ERR_TRUNCATED);
}

static void bounds_the_size(void **state)
{
    (void)state;
    cf_view text = CF_LIT("[12345]");
    for (size_t max = text.len - 1; max <= text.len + 1; max++) {
        CF_JSON(j);
        assert_code(cf_json_parse(text, max, &j), max < text.len ? CF_ERR_SIZE : CF_OK);
        assert_int_equal(j != NULL, max >= text.len);
    }
    /* the size is looked at before anything else is */
    CF_JSON(j);
    assert_err(cf_json_parse(cf_view_make(NULL, SIZE_MAX), TEXT_MAX, &j), SIZE);
}

static void bounds_the_depth(void **state)
{
    (void)state;
    static const char *const open[] = {"[", "{\"a\":", "[{\"]\":"}, *const close[] = {"]", "}",
                                                                                      "}]"};
    static const size_t per_unit[] = {1, 1, 2};
    for (size_t form = 0; form < 3; form++) {
        for (size_t levels = 1; levels <= CF_JSON_DEPTH_MAX + 2; levels++) {
            size_t units = levels / per_unit[form];
            CF_BUF(b);
            for (size_t i = 0; i < units; i++) {
                assert_ok(cf_buf_append(&b, cf_view_str(open[form])));
            }
            assert_ok(cf_buf_append(&b, CF_LIT("\"\\\"[[[[[[[[[[[[[[[[[[{{{{\"")));
            for (size_t i = 0; i < units; i++) {
                assert_ok(cf_buf_append(&b, cf_view_str(close[form])));
            }
            bool fits = units * per_unit[form] <= CF_JSON_DEPTH_MAX;
            assert_int_equal(parse(cf_buf_view(&b)), fits ? CF_OK : CF_ERR_DEPTH);
        }
    }
    /* siblings do not add up; closing more than was opened is not depth either */
    assert_int_equal(parse(CF_LIT("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]")),
                     CF_OK);
    assert_int_equal(parse(CF_LIT("]]]]]]]]]]]]]]]]]]]]]][")), CF_ERR_MALFORMED);
    uint8_t deep[TEXT_MAX];
    memset(deep, '[', sizeof deep);
    assert_int_equal(parse(CF_VIEW_OF(deep)), CF_ERR_DEPTH);
}

/* An array of n values by the count of json.h, most of them this unit, which adds some. */
static void put_values(cf_buf *out, const char *unit, size_t adds, size_t n)
{
    size_t values = 2;
    cf_buf_clear(out);
    assert_ok(cf_buf_append(out, CF_LIT("[1")));
    while (values < n) {
        bool fits = values + adds <= n;
        assert_ok(cf_buf_append(out, CF_LIT(",")));
        assert_ok(cf_buf_append(out, fits ? cf_view_str(unit) : CF_LIT("1")));
        values += fits ? adds : 1;
    }
    assert_ok(cf_buf_append(out, CF_LIT("]")));
}

static void bounds_the_values(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        size_t adds;
    } forms[] = {
        {"1", 1}, {"{}", 2}, {"[]", 2}, {"{\"a,[{\":\"\\\",,,,\",\"b\":1}", 3}, {"[[],[1,2]]", 6}};
    CF_BUF(b);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        for (size_t n = CF_JSON_VALUES_MAX - 1; n <= CF_JSON_VALUES_MAX + 1; n++) {
            CF_JSON(j);
            CF_JSON(small);
            put_values(&b, forms[i].unit, forms[i].adds, n);
            cf_result r = cf_json_parse(cf_buf_view(&b), (size_t)1 << 20, &j);
            assert_code(r, n <= CF_JSON_VALUES_MAX ? CF_OK : CF_ERR_SIZE);
            assert_int_equal(j != NULL, n <= CF_JSON_VALUES_MAX);
            /* and by a limit of one's own */
            assert_ok(cf_json_parse_long(cf_buf_view(&b), (size_t)1 << 20, n, &small));
            cf_json_free(&small);
            assert_err(cf_json_parse_long(cf_buf_view(&b), (size_t)1 << 20, n - 1, &small), SIZE);
        }
    }
}

static void gives_what_it_took(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"z\":1,\"a\":[true,false,null,-5,1.5,\"x\"],\"m\":{}}",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001F/\xc3\xa9\x7f\"",
        "[]",
        "9223372036854775807",
        "-9223372036854775808",
        "{\"\":{\"\":[[]]}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CF_JSON(j);
        CF_BUF(out);
        assert_ok(cf_buf_set(&out, CF_LIT("=")));
        assert_ok(cf_json_parse(cf_view_str(texts[i]), TEXT_MAX, &j));
        assert_ok(cf_json_dump(j, &out));
        assert_view(cf_view_sub(cf_buf_view(&out), 1, out.len - 1), cf_view_str(texts[i]));
    }
}

static void refuses_to_dump(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(cf_buf_set(&out, CF_LIT("kept")));
    assert_err(cf_json_dump(NULL, &out), ARGUMENT);
    CF_JSON(loop);
    loop = json_array();
    assert_int_equal(json_array_append(loop, loop), -1); /* jansson refuses the short loop itself */
    CF_JSON(inner);
    inner = json_array();
    assert_int_equal(json_array_append(loop, inner), 0);
    assert_int_equal(json_array_append(inner, loop), 0);
    assert_err(cf_json_dump(loop, &out), NO_MEMORY);
    assert_view(cf_buf_view(&out), CF_LIT("kept"));
    assert_int_equal(json_array_clear(inner), 0);

    /* a value that does not fit: an object, because jansson goes on when a member's name was refused */
    uint8_t *large = malloc(CF_BUF_BYTES_MAX);
    assert_non_null(large);
    memset(large, 'x', CF_BUF_BYTES_MAX);
    CF_JSON(j);
    j = json_object();
    assert_int_equal(json_object_set_new(j, "a", json_integer(1)), 0);
    assert_int_equal(
        json_object_setn_new_nocheck(j, (const char *)large, CF_BUF_BYTES_MAX, json_null()), 0);
    free(large);
    assert_err(cf_json_dump(j, &out), SIZE);
    assert_view(cf_buf_view(&out), CF_LIT("kept"));
}

/* Every code point below U+0400 and some beyond, written by us and read by jansson. */
static void puts_strings(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(cf_buf_set(&out, CF_LIT("k=")));
    assert_ok(cf_json_put_string(&out, CF_LIT("a\"b\\c/\b\f\n\r\t\x01\x1f\0\x7f\xc3\xa9")));
    assert_view(cf_buf_view(&out),
                CF_LIT("k=\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\xc3\xa9\""));
    cf_buf_clear(&out);
    assert_ok(cf_json_put_string(&out, CF_VIEW_EMPTY));
    assert_view(cf_buf_view(&out), CF_LIT("\"\""));

    CF_BUF(all);
    for (uint32_t c = 1; c < 0x400; c++) {
        uint8_t t[2] = {(uint8_t)(c < 0x80 ? c : 0xC0 | c >> 6), (uint8_t)(0x80 | (c & 0x3F))};
        assert_ok(cf_buf_append(&all, cf_view_make(t, c < 0x80 ? 1 : 2)));
    }
    assert_ok(cf_buf_append(&all, CF_LIT("\xe2\x82\xac\xf0\x9f\x94\x92\xef\xbf\xbf")));
    cf_buf_clear(&out);
    assert_ok(cf_json_put_string(&out, cf_buf_view(&all)));
    CF_JSON(j);
    assert_ok(cf_json_parse(cf_buf_view(&out), TEXT_MAX, &j));
    assert_view(cf_view_make(json_string_value(j), json_string_length(j)), cf_buf_view(&all));
}

static void refuses_to_put_strings(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(cf_buf_set(&out, CF_LIT("kept")));
    assert_err(cf_json_put_string(&out, CF_LIT("ok until \xc3")), UTF8);
    assert_view(cf_buf_view(&out), CF_LIT("kept"));
    /* a quarter of the limit, which grows sixfold */
    size_t len = CF_BUF_BYTES_MAX / 4;
    uint8_t *ones = malloc(len);
    assert_non_null(ones);
    memset(ones, 1, len);
    assert_err(cf_json_put_string(&out, cf_view_make(ones, len)), SIZE);
    free(ones);
    assert_view(cf_buf_view(&out), CF_LIT("kept"));
}

static void gets_strings_and_numbers(void **state)
{
    (void)state;
    CF_JSON(j);
    assert_ok(cf_json_parse(CF_LIT("{\"s\":\"12345\",\"n\":100,\"neg\":-1,\"r\":1.0,\"null\":null,"
                                   "\"a\":[],\"big\":9223372036854775807}"),
                            TEXT_MAX, &j));
    cf_view s = CF_LIT("before");
    assert_err(cf_json_get_str(j, "s", 4, &s), SIZE);
    assert_int_equal(s.len, 0);
    assert_ok(cf_json_get_str(j, "s", 5, &s));
    assert_view(s, CF_LIT("12345"));
    assert_ok(cf_json_get_str(j, "s", 6, &s));
    assert_err(cf_json_get_str(j, "S", 6, &s), MISSING);
    assert_err(cf_json_get_str(j, "n", 6, &s), WRONG_TYPE);
    assert_err(cf_json_get_str(j, "null", 6, &s), WRONG_TYPE);
    assert_null(s.data);

    uint64_t n = 7;
    assert_err(cf_json_get_u64(j, "n", 99, &n), RANGE);
    assert_int_equal(n, 0);
    assert_ok(cf_json_get_u64(j, "n", 100, &n));
    assert_int_equal(n, 100);
    assert_ok(cf_json_get_u64(j, "n", 101, &n));
    assert_ok(cf_json_get_u64(j, "big", UINT64_MAX, &n));
    assert_true(n == INT64_MAX);
    assert_err(cf_json_get_u64(j, "neg", UINT64_MAX, &n), RANGE);
    assert_err(cf_json_get_u64(j, "r", 100, &n), WRONG_TYPE);
    assert_err(cf_json_get_u64(j, "s", 100, &n), WRONG_TYPE);
    assert_err(cf_json_get_u64(j, "null", 100, &n), WRONG_TYPE);
    assert_err(cf_json_get_u64(j, "", 100, &n), MISSING);
    assert_int_equal(n, 0);

    const json_t *array = json_object_get(j, "a");
    assert_err(cf_json_get_str(array, "s", 9, &s), WRONG_TYPE);
    assert_err(cf_json_get_u64(array, "n", 9, &n), WRONG_TYPE);
    assert_err(cf_json_get_u64(NULL, "n", 9, &n), WRONG_TYPE);
}

static void gets_base64(void **state)
{
    (void)state;
    CF_JSON(j);
    CF_BUF(out);
    assert_ok(cf_json_parse(
        CF_LIT("{\"3\":\"Zm9v\",\"2\":\"Zm8=\",\"1\":\"Zg==\",\"0\":\"\",\"4\":\"Zm9vYg==\","
               "\"bad\":\"Zm9\",\"n\":1}"),
        TEXT_MAX, &j));
    for (size_t len = 0; len <= 4; len++) {
        char name[2] = {(char)('0' + len), 0};
        for (size_t max = 0; max <= 6; max++) {
            assert_ok(cf_buf_set(&out, CF_LIT("before")));
            assert_code(cf_json_get_base64(j, name, max, &out), len <= max ? CF_OK : CF_ERR_SIZE);
            assert_view(cf_buf_view(&out), cf_view_sub(CF_LIT("foob"), 0, len <= max ? len : 0));
        }
    }
    assert_ok(cf_json_get_base64(j, "4", SIZE_MAX, &out));
    assert_err(cf_json_get_base64(j, "bad", 9, &out), MALFORMED);
    assert_int_equal(out.len, 0);
    assert_ok(cf_buf_set(&out, CF_LIT("before")));
    assert_err(cf_json_get_base64(j, "n", 9, &out), WRONG_TYPE);
    assert_err(cf_json_get_base64(j, "m", 9, &out), MISSING);
    assert_int_equal(out.len, 0);
}

static void knows_other_members(void **state)
{
    (void)state;
    static const char *const ab[] = {"a", "b", NULL}, *const none[] = {NULL};
    static const struct {
        const char *text;
        cf_err ab, none;
    } cases[] = {
        {"{}", CF_OK, CF_OK},
        {"{\"a\":1}", CF_OK, CF_ERR_UNKNOWN_MEMBER},
        {"{\"b\":null,\"a\":1}", CF_OK, CF_ERR_UNKNOWN_MEMBER},
        {"{\"a\":1,\"c\":1}", CF_ERR_UNKNOWN_MEMBER, CF_ERR_UNKNOWN_MEMBER},
        {"{\"A\":1}", CF_ERR_UNKNOWN_MEMBER, CF_ERR_UNKNOWN_MEMBER},
        {"{\"a\":1,\"b\":1,\"\":1}", CF_ERR_UNKNOWN_MEMBER, CF_ERR_UNKNOWN_MEMBER},
        {"[]", CF_ERR_WRONG_TYPE, CF_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CF_JSON(j);
        assert_ok(cf_json_parse(cf_view_str(cases[i].text), TEXT_MAX, &j));
        assert_code(cf_json_only(j, ab), cases[i].ab);
        assert_code(cf_json_only(j, none), cases[i].none);
    }
    assert_err(cf_json_only(NULL, ab), WRONG_TYPE);
}

static void makes_strings(void **state)
{
    (void)state;
    CF_JSON(a);
    a = cf_json_str(CF_LIT("text \xc3\xa9"));
    assert_view(cf_view_make(json_string_value(a), json_string_length(a)), CF_LIT("text \xc3\xa9"));
    CF_JSON(b);
    b = cf_json_str(CF_VIEW_EMPTY);
    assert_int_equal(json_string_length(b), 0);
    assert_null(cf_json_str(CF_LIT("\xc3")));
    assert_null(cf_json_str(CF_LIT("a\0b")));
    assert_null(cf_json_str(CF_LIT("\0")));
}

static cf_result use_own_allocations(void *ctx)
{
    const json_t *j = ctx;
    CF_BUF(text);
    CF_BUF(octets);
    CF_TRY(cf_json_dump(j, &text));
    size_t len = text.len;
    cf_result r = cf_json_put_string(
        &text, CF_LIT("a string that needs more room than the buffer has, so that it grows"));
    assert_int_equal(text.len > len, cf_is_ok(r));
    CF_TRY(r);
    return cf_json_get_base64(j, "b", 100, &octets);
}

static cf_result parse_short(void *ctx)
{
    (void)ctx;
    CF_JSON(j);
    cf_view text = CF_LIT("{\"a\":[1,\"b\",null],\"c\":{}}");
    cf_result r = cf_json_parse(text, TEXT_MAX, &j);
    assert_int_equal(j != NULL, cf_is_ok(r));
    /* where jansson had no memory for a string, it calls it an invalid token */
    bool told = r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_MALFORMED;
    return cf_is_ok(r) || !told ? r : cf_fail(CF_ERR_NO_MEMORY);
}

/* jansson through its allocator too. Tokens are kept shorter than its first token buffer: see json.h for what it does when the
 * buffer cannot grow. */
static void survives_failing_allocations(void **state)
{
    (void)state;
    CF_JSON(j);
    assert_ok(cf_json_parse(CF_LIT("{\"b\":\"Zm9v\",\"c\":[{},[1]]}"), TEXT_MAX, &j));
    failmalloc_each(use_own_allocations, j, 3);
    json_malloc_t new = NULL;
    json_free_t release = NULL;
    json_get_alloc_funcs(&new, &release);
    json_set_alloc_funcs(failmalloc_malloc, failmalloc_free);
    failmalloc_each(parse_short, NULL, 10);
    failmalloc_each(use_own_allocations, j, 3);
    json_set_alloc_funcs(new, release);
}

int main(void)
{
    json_object_seed(1); /* any but 0: the order of the hash table is then the same in every run */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_refuses),
        cmocka_unit_test(bounds_the_size),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(bounds_the_values),
        cmocka_unit_test(gives_what_it_took),
        cmocka_unit_test(refuses_to_dump),
        cmocka_unit_test(puts_strings),
        cmocka_unit_test(refuses_to_put_strings),
        cmocka_unit_test(gets_strings_and_numbers),
        cmocka_unit_test(gets_base64),
        cmocka_unit_test(knows_other_members),
        cmocka_unit_test(makes_strings),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
