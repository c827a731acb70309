/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/time.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define FIRST CF_TIMESTAMP_SECONDS_MIN
#define LAST CF_TIMESTAMP_SECONDS_MAX

static const struct {
    const char *text;
    cf_timestamp t;
    const char *back; /* what is written for it; NULL: the text itself */
} good[] = {
    {"1970-01-01T00:00:00Z", {0, 0}, NULL},
    {"2009-02-13T23:31:30Z", {1234567890, 0}, NULL},
    {"1969-12-31T23:59:59.999999999Z", {-1, 999999999}, NULL},
    {"1969-12-31T23:59:59.5Z", {-1, 500000000}, NULL},
    {"0001-01-01T00:00:00Z", {FIRST, 0}, NULL},
    {"9999-12-31T23:59:59.999999999Z", {LAST, 999999999}, NULL},
    {"2000-02-29T12:00:00.000000001Z", {951825600, 1}, NULL},
    {"2000-02-29T12:00:00.100Z", {951825600, 100000000}, "2000-02-29T12:00:00.1Z"},
    {"2000-02-29T12:00:00.000000000Z", {951825600, 0}, "2000-02-29T12:00:00Z"},
    {"2000-02-29T12:00:00.1234567899Z", {951825600, 123456789}, "2000-02-29T12:00:00.123456789Z"},
    {"2000-02-29T12:00:00.00000000099999999999999999999999999999999Z",
     {951825600, 0},
     "2000-02-29T12:00:00Z"},
    {"2009-02-13T23:31:30+00:00", {1234567890, 0}, "2009-02-13T23:31:30Z"},
    {"2009-02-13T23:31:30-00:00", {1234567890, 0}, "2009-02-13T23:31:30Z"},
    {"2009-02-14T05:01:30.25+05:30", {1234567890, 250000000}, "2009-02-13T23:31:30.25Z"},
    {"2009-02-12T23:32:30-23:59", {1234567890, 0}, "2009-02-13T23:31:30Z"},
    {"2009-02-14T23:30:30+23:59", {1234567890, 0}, "2009-02-13T23:31:30Z"},
    {"0001-01-01T23:59:00+23:59", {FIRST, 0}, "0001-01-01T00:00:00Z"},
    {"9999-12-31T00:00:59-23:59", {LAST, 0}, "9999-12-31T23:59:59Z"},
};

static const struct {
    const char *text;
    cf_err err;
} bad[] = {
    {"0001-01-01T00:00:00+00:01", CF_ERR_RANGE},
    {"9999-12-31T23:59:59-00:01", CF_ERR_RANGE},
    {"0000-12-31T23:59:59Z", CF_ERR_RANGE},
    {"0000-12-31T23:59:59-00:01", CF_ERR_RANGE},
    {"2001-02-29T00:00:00Z", CF_ERR_RANGE},
    {"2000-02-30T00:00:00Z", CF_ERR_RANGE},
    {"1900-02-29T00:00:00Z", CF_ERR_RANGE},
    {"2000-04-31T00:00:00Z", CF_ERR_RANGE},
    {"2000-00-01T00:00:00Z", CF_ERR_RANGE},
    {"2000-13-01T00:00:00Z", CF_ERR_RANGE},
    {"2000-01-00T00:00:00Z", CF_ERR_RANGE},
    {"2000-01-32T00:00:00Z", CF_ERR_RANGE},
    {"2000-01-01T24:00:00Z", CF_ERR_RANGE},
    {"2000-01-01T00:60:00Z", CF_ERR_RANGE},
    {"2016-12-31T23:59:60Z", CF_ERR_RANGE},
    {"2000-01-01T00:00:00+24:00", CF_ERR_RANGE},
    {"2000-01-01T00:00:00-00:60", CF_ERR_RANGE},
    {"", CF_ERR_MALFORMED},
    {"Z", CF_ERR_MALFORMED},
    {"2000-01-01", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00", CF_ERR_MALFORMED},
    {"2000-01-01T00:00Z", CF_ERR_MALFORMED},
    {"2000-01-01t00:00:00Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00z", CF_ERR_MALFORMED},
    {"2000-01-01 00:00:00Z", CF_ERR_MALFORMED},
    {"2000-01-01T0:00:00Z", CF_ERR_MALFORMED},
    {"2000-1-01T00:00:00Z", CF_ERR_MALFORMED},
    {"20000-01-01T00:00:00Z", CF_ERR_MALFORMED},
    {"+2000-01-01T00:00:00Z", CF_ERR_MALFORMED},
    {"-001-01-01T00:00:00Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00.Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00,5Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00.5", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00.5.5Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00ZZ", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00Z ", CF_ERR_MALFORMED},
    {" 2000-01-01T00:00:00Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00+0000", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00+00", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00+0:00", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:00+00:00Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:0/Z", CF_ERR_MALFORMED},
    {"2000-01-01T00:00:0:Z", CF_ERR_MALFORMED},
};

static cf_result parses_all(void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cf_timestamp t = {77, 77};
        cf_time_text text;
        const char *back = good[i].back == NULL ? good[i].text : good[i].back;
        assert_ok(cf_timestamp_parse(cf_view_str(good[i].text), &t));
        assert_int_equal(t.seconds, good[i].t.seconds);
        assert_int_equal(t.nanos, good[i].t.nanos);
        assert_ok(cf_timestamp_format(t, &text));
        assert_view(cf_time_text_view(&text), cf_view_str(back));
    }
    return cf_ok();
}

static void parses_and_formats(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(parses_all, NULL, 0), 0);
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cf_view text = view_copy(cf_view_str(bad[i].text));
        cf_timestamp t = {77, 77};
        assert_code(cf_timestamp_parse(text, &t), bad[i].err);
        assert_true(t.seconds == 0 && t.nanos == 0);
        view_free(text);
    }
    /* every text that ends too early or has an octet exchanged for a NUL */
    const char whole[] = "2000-01-01T00:00:00.5+00:00";
    for (size_t len = 0; len + 1 < sizeof whole; len++) {
        cf_timestamp t;
        cf_view text = view_copy(cf_view_make(whole, len));
        assert_err(cf_timestamp_parse(text, &t), MALFORMED);
        view_free(text);
        char with_nul[sizeof whole];
        cf_copy(with_nul, whole, sizeof whole);
        with_nul[len] = '\0';
        assert_err(cf_timestamp_parse(cf_view_make(with_nul, sizeof whole - 1), &t), MALFORMED);
    }
}

static void round_trips(void **state)
{
    (void)state;
    uint32_t nanos = 0;
    for (int64_t s = FIRST; s <= LAST; s += 998244353) {
        cf_timestamp t = {s, nanos}, back;
        cf_time_text text;
        assert_ok(cf_timestamp_format(t, &text));
        assert_true(text.len <= CF_TIMESTAMP_TEXT_BYTES_MAX);
        assert_ok(cf_timestamp_parse(cf_time_text_view(&text), &back));
        assert_int_equal(cf_timestamp_cmp(t, back), 0);
        nanos = (uint32_t)((nanos + UINT64_C(618033989)) % CF_NANOS_PER_SECOND);
    }
}

static void range(void **state)
{
    (void)state;
    cf_timestamp t = {77, 77};
    cf_time_text text;
    assert_ok(cf_timestamp_make(FIRST, &t));
    assert_int_equal(t.seconds, FIRST);
    assert_ok(cf_timestamp_make(LAST, &t));
    assert_err(cf_timestamp_make(LAST + 1, &t), RANGE);
    assert_int_equal(t.seconds, 0);
    assert_err(cf_timestamp_make(FIRST - 1, &t), RANGE);
    assert_err(cf_timestamp_make(INT64_MIN, &t), RANGE);
    assert_err(cf_timestamp_make(INT64_MAX, &t), RANGE);
    assert_ok(cf_timestamp_format((cf_timestamp){LAST, 999999999}, &text));
    assert_int_equal(text.len, CF_TIMESTAMP_TEXT_BYTES_MAX);
    assert_err(cf_timestamp_format((cf_timestamp){LAST, 1000000000}, &text), RANGE);
    assert_err(cf_timestamp_format((cf_timestamp){LAST + 1, 0}, &text), RANGE);
    assert_err(cf_timestamp_format((cf_timestamp){FIRST - 1, 0}, &text), RANGE);
    assert_int_equal(text.len, 0);
    assert_true(cf_timestamp_cmp((cf_timestamp){1, 0}, (cf_timestamp){0, 999999999}) > 0);
    assert_true(cf_timestamp_cmp((cf_timestamp){-1, 5}, (cf_timestamp){-1, 6}) < 0);
    assert_true(cf_timestamp_cmp((cf_timestamp){-2, 5}, (cf_timestamp){-1, 4}) < 0);
    assert_int_equal(cf_timestamp_cmp((cf_timestamp){7, 7}, (cf_timestamp){7, 7}), 0);
}

static const struct {
    cf_timestamp t;
    cf_duration d;
    cf_timestamp sum; /* nanos UINT32_MAX: RANGE */
} sums[] = {
    {{0, 0}, 0, {0, 0}},
    {{0, 0}, 1, {0, 1}},
    {{0, 0}, -1, {-1, 999999999}},
    {{0, 999999999}, 1, {1, 0}},
    {{-1, 999999999}, 1, {0, 0}},
    {{5, 1}, -2, {4, 999999999}},
    {{5, 1}, -5000000001, {0, 0}},
    {{5, 1}, -5000000002, {-1, 999999999}},
    {{0, 0}, INT64_MAX, {9223372036, 854775807}},
    {{0, 0}, INT64_MIN, {-9223372037, 145224192}},
    {{0, 999999999}, INT64_MAX, {9223372037, 854775806}},
    {{LAST, 999999999}, 0, {LAST, 999999999}},
    {{LAST, 999999998}, 1, {LAST, 999999999}},
    {{LAST, 999999999}, 1, {0, UINT32_MAX}},
    {{LAST, 0}, INT64_MAX, {0, UINT32_MAX}},
    {{FIRST, 1}, -1, {FIRST, 0}},
    {{FIRST, 0}, -1, {0, UINT32_MAX}},
    {{FIRST, 0}, INT64_MIN, {0, UINT32_MAX}},
    {{FIRST - 1, 0}, 1000000000, {0, UINT32_MAX}},
    {{INT64_MAX, 0}, INT64_MAX, {0, UINT32_MAX}},
    {{INT64_MIN, 0}, INT64_MIN, {0, UINT32_MAX}},
    {{0, 1000000000}, 0, {0, UINT32_MAX}},
};

static void adds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        cf_timestamp got = {77, 77}, want = sums[i].sum;
        cf_err err = want.nanos == UINT32_MAX ? CF_ERR_RANGE : CF_OK;
        want = err == CF_OK ? want : (cf_timestamp){0, 0};
        assert_code(cf_timestamp_add(sums[i].t, sums[i].d, &got), err);
        assert_int_equal(cf_timestamp_cmp(got, want), 0);
        if (err != CF_OK) {
            continue;
        }
        cf_duration d = 77;
        assert_ok(cf_timestamp_diff(want, sums[i].t, &d));
        assert_int_equal(d, sums[i].d);
        assert_ok(cf_timestamp_sub(want, sums[i].d, &got));
        assert_int_equal(cf_timestamp_cmp(got, sums[i].t), 0);
    }
    cf_timestamp got;
    assert_ok(cf_timestamp_sub((cf_timestamp){0, 0}, INT64_MIN, &got));
    assert_true(got.seconds == 9223372036 && got.nanos == 854775808);
    assert_err(cf_timestamp_sub((cf_timestamp){LAST, 999999999}, -1, &got), RANGE);
    assert_err(cf_timestamp_sub((cf_timestamp){FIRST, 0}, 1, &got), RANGE);
    assert_ok(cf_timestamp_sub((cf_timestamp){FIRST, 1}, 1, &got));
}

static void differences(void **state)
{
    (void)state;
    cf_duration d = 77;
    const cf_timestamp zero = {0, 0};
    assert_err(cf_timestamp_diff((cf_timestamp){LAST, 0}, (cf_timestamp){FIRST, 0}, &d), RANGE);
    assert_err(cf_timestamp_diff((cf_timestamp){FIRST, 0}, (cf_timestamp){LAST, 0}, &d), RANGE);
    assert_int_equal(d, 0);
    assert_ok(cf_timestamp_diff((cf_timestamp){9223372036, 854775807}, zero, &d));
    assert_true(d == INT64_MAX);
    assert_err(cf_timestamp_diff((cf_timestamp){9223372036, 854775808}, zero, &d), RANGE);
    assert_err(cf_timestamp_diff((cf_timestamp){9223372037, 0}, zero, &d), RANGE);
    assert_ok(cf_timestamp_diff((cf_timestamp){9223372037, 0}, (cf_timestamp){0, 145224193}, &d));
    assert_true(d == INT64_MAX);
    assert_err(cf_timestamp_diff((cf_timestamp){9223372037, 0}, (cf_timestamp){0, 145224192}, &d),
               RANGE);
    assert_ok(cf_timestamp_diff((cf_timestamp){-9223372037, 145224192}, zero, &d));
    assert_true(d == INT64_MIN);
    assert_err(cf_timestamp_diff((cf_timestamp){-9223372037, 145224191}, zero, &d), RANGE);
    assert_err(cf_timestamp_diff((cf_timestamp){0, 1000000000}, zero, &d), RANGE);
    assert_err(cf_timestamp_diff(zero, (cf_timestamp){LAST + 1, 0}, &d), RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_formats),
        cmocka_unit_test(refuses),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(range),
        cmocka_unit_test(adds),
        cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
