/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp, duration and what is read off them: sections 7 and 7.1 of the language sheet. */
#include "tests/unit/core/cel/cel_test.h"

/* One moment and its parts at UTC. */
#define T "timestamp('2009-02-13T23:31:30.123456789Z')"

static const cel_row timestamps[] = {
    {"timestamp('2009-02-13T23:31:30Z')", NULL, "\"2009-02-13T23:31:30Z\""},
    {T, NULL, "\"2009-02-13T23:31:30.123456789Z\""},
    {"timestamp(" T ") == " T, NULL, "true"},
    {"timestamp(0)", NULL, "\"1970-01-01T00:00:00Z\""},
    {"timestamp(-1)", NULL, "\"1969-12-31T23:59:59Z\""},
    {"timestamp('2009-02-14T01:31:30+02:00') == timestamp('2009-02-13T23:31:30Z')", NULL, "true"},
    {"timestamp('0001-01-01T00:00:00Z') == timestamp(-62135596800)", NULL, "true"},
    {"timestamp('9999-12-31T23:59:59Z') == timestamp(253402300799)", NULL, "true"},
    {"timestamp(-62135596801)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp(253402300800)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp(9223372036854775807)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp('0000-01-01T00:00:00Z')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp('0001-01-01T00:00:00+00:01')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp('10000-01-01T00:00:00Z')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"timestamp('2009-02-30T00:00:00Z')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp('2009-02-13T23:31:60Z')", NULL, NULL, CEL_ANY_ERROR},
    {"timestamp('2009-02-13t23:31:30z')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"timestamp('2009-02-13')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"timestamp('')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"timestamp(1u)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"timestamp(dyn(1.0))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"timestamp(dyn(null))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"type(timestamp(0)) == google.protobuf.Timestamp", NULL, "true"},
};

static const cel_row durations[] = {
    {"duration('90s')", NULL, "\"90s\""},
    {"duration('1h30m')", NULL, "\"5400s\""},
    {"duration('-1.5h')", NULL, "\"-5400s\""},
    {"duration('1ms1us1ns')", NULL, "\"0.001001001s\""},
    {"duration('0')", NULL, "\"0s\""},
    {"duration(duration('1s'))", NULL, "\"1s\""},
    {"duration('9223372036.854775807s')", NULL, "\"9223372036.854775807s\""},
    {"duration('9223372036.854775808s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"duration('320000000000s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"duration('-320000000000s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"duration('')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"duration('1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"duration('1d')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"duration(' 1s')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"duration(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"duration(dyn(timestamp(0)))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"type(duration('0')) == google.protobuf.Duration", NULL, "true"},
};

static const cel_row parts_in_utc[] = {
    {T ".getFullYear()", NULL, "2009"},
    {T ".getMonth()", NULL, "1"},
    {T ".getDate()", NULL, "13"},
    {T ".getDayOfMonth()", NULL, "12"},
    {T ".getDayOfWeek()", NULL, "5"},
    {T ".getDayOfYear()", NULL, "43"},
    {T ".getHours()", NULL, "23"},
    {T ".getMinutes()", NULL, "31"},
    {T ".getSeconds()", NULL, "30"},
    {T ".getMilliseconds()", NULL, "123"},
    /* before 1970 the parts still count forward */
    {"timestamp('1969-12-31T23:59:59.750Z').getSeconds()", NULL, "59"},
    {"timestamp('1969-12-31T23:59:59.750Z').getMilliseconds()", NULL, "750"},
    {"timestamp('0001-01-01T00:00:00Z').getDayOfWeek()", NULL, "1"},
    {"timestamp('0001-01-01T00:00:00Z').getFullYear()", NULL, "1"},
    {"timestamp('9999-12-31T23:59:59Z').getDayOfYear()", NULL, "364"},
    {"timestamp('2024-12-31T00:00:00Z').getDayOfYear()", NULL, "365"},
    {"timestamp('2024-02-29T00:00:00Z').getDate()", NULL, "29"},
    {"dyn('x').getDate()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"timestamp(0).getDate(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"timestamp(0).getDate('UTC', 'UTC')", NULL, NULL, CEL_ANY_ERROR},
};

static const cel_row parts_in_zones[] = {
    {T ".getFullYear('-09:30')", NULL, "2009"},
    {T ".getMonth('UTC')", NULL, "1"},
    {T ".getDate('Australia/Sydney')", NULL, "14"},
    {T ".getDayOfMonth('+11:00')", NULL, "13"},
    {T ".getDayOfWeek('+01:00')", NULL, "6"},
    {T ".getDayOfYear('US/Central')", NULL, "43"},
    {T ".getHours('02:00')", NULL, "1"},
    {T ".getHours('-02:00')", NULL, "21"},
    {T ".getMinutes('Asia/Kathmandu')", NULL, "16"},
    {T ".getSeconds('Europe/Berlin')", NULL, "30"},
    {T ".getMilliseconds('Europe/Berlin')", NULL, "123"},
    {"timestamp('2009-02-13T02:00:00Z').getDayOfMonth('America/St_Johns')", NULL, "11"},
    /* summer time, and none of it */
    {"timestamp('2024-07-01T12:00:00Z').getHours('Europe/Berlin')", NULL, "14"},
    {"timestamp('2024-01-01T12:00:00Z').getHours('Europe/Berlin')", NULL, "13"},
    {"timestamp('2024-01-01T12:00:00Z').getHours('Australia/Sydney')", NULL, "23"},
    {"timestamp('2024-07-01T12:00:00Z').getHours('')", NULL, "12"},
    /* an offset may lead over the edge of the years */
    {"timestamp('9999-12-31T23:59:59Z').getFullYear('+01:00')", NULL, "10000"},
    {"timestamp('0001-01-01T00:00:00Z').getFullYear('-01:00')", NULL, "0"},
    /* no such zone */
    {T ".getDate('Europe/Nowhere')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {T ".getMilliseconds('Europe/Nowhere')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {T ".getDate('+24:00')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {T ".getDate('+01:60')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {T ".getDate('+1:00')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {T ".getDate('utc ')", NULL, NULL, CF_ERR_CEL_ARGUMENT},
    {T ".getDate(z)", "{\"z\": \"Asia/Tokyo\"}", "14"},
    {T ".getDate(z)", "{\"z\": null}", NULL, CF_ERR_CEL_TYPE},
};

/* Whole units, cut towards zero; the milliseconds are those beyond the seconds. */
static const cel_row units_of_durations[] = {
    {"duration('10000s').getHours()", NULL, "2"},
    {"duration('3730s').getMinutes()", NULL, "62"},
    {"duration('3730.9s').getSeconds()", NULL, "3730"},
    {"duration('123.321456789s').getMilliseconds()", NULL, "321"},
    {"duration('-3730.9s').getSeconds()", NULL, "-3730"},
    {"duration('-90m').getHours()", NULL, "-1"},
    {"duration('-1.5s').getMilliseconds()", NULL, "-500"},
    {"duration('59s').getMinutes()", NULL, "0"},
    {"duration('1s').getHours('UTC')", NULL, NULL, CEL_ANY_ERROR},
    {"duration('1s').getDate()", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* 5.1, 7.1: the operators, here for their ranges. */
static const cel_row operators[] = {
    {"timestamp(0) + duration('1s') == timestamp(1)", NULL, "true"},
    {"duration('1s') + timestamp(0) == timestamp(1)", NULL, "true"},
    {"timestamp(0) - duration('1ns')", NULL, "\"1969-12-31T23:59:59.999999999Z\""},
    {"timestamp(5) - timestamp(7)", NULL, "\"-2s\""},
    {"duration('1s') - duration('3s')", NULL, "\"-2s\""},
    {"timestamp('0001-01-01T00:00:00Z') + duration('-1s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp('0001-01-01T00:00:00Z') - timestamp('9999-12-31T23:59:59Z')", NULL, NULL,
     CF_ERR_CEL_OVERFLOW},
    {"duration('200000000000s') + duration('200000000000s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"duration('9000000000s') + duration('9000000000s')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"timestamp(1) < timestamp(2)", NULL, "true"},
    {"duration('1s') >= duration('1000ms')", NULL, "true"},
    {"dyn(timestamp(0)) + dyn(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn(duration('1s')) - dyn(timestamp(0))", NULL, NULL, CF_ERR_CEL_TYPE},
};

#define ROWS_OF(table)                                                                             \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        CEL_ROWS(table);                                                                           \
    }

ROWS_OF(timestamps)
ROWS_OF(durations)
ROWS_OF(parts_in_utc)
ROWS_OF(parts_in_zones)
ROWS_OF(units_of_durations)
ROWS_OF(operators)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps),         cmocka_unit_test(test_durations),
        cmocka_unit_test(test_parts_in_utc),       cmocka_unit_test(test_parts_in_zones),
        cmocka_unit_test(test_units_of_durations), cmocka_unit_test(test_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
