/* SPDX-License-Identifier: Apache-2.0 */
/* Section 7 of the language's sheet: size, type, dyn, the conversions, contains, startsWith, endsWith. */
#include "tests/unit/core/cel/cel_test.h"

/* Strings count code points, bytes octets; global and receiver. */
static const cel_row sizes[] = {
    {"size('')", NULL, "0"},
    {"size('abc')", NULL, "3"},
    {"'\\u00ff\\u20ac\\U0001F431'.size()", NULL, "3"},
    {"size(x)", "{\"x\": \"\\u00e9\\u00e9\"}", "2"},
    {"x.size()", "{\"x\": \"ascii\"}", "5"},
    {"size('a\\u0000b')", NULL, "3"},
    {"size(b'')", NULL, "0"},
    {"size(b'\\xff\\xfe')", NULL, "2"},
    {"bytes('\\u20ac').size()", NULL, "3"},
    {"size([])", NULL, "0"},
    {"[1, [2, 3]].size()", NULL, "2"},
    {"size({})", NULL, "0"},
    {"{1: 2, 'a': 3}.size()", NULL, "2"},
    {"size(1)", NULL, NULL, CF_ERR_CEL_TYPE, .modes = CEL_CHECKED},
    {"size(dyn(1))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"size(dyn(null))", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* type gives coarse types; dyn is the identity; every type has its name (section 4). */
static const cel_row types[] = {
    {"type(null) == null_type && type(true) == bool && type(1) == int", NULL, "true"},
    {"type(1u) == uint && type(1.0) == double && type('') == string", NULL, "true"},
    {"type(b'') == bytes && type([1]) == type(['a']) && type({}) == map", NULL, "true"},
    {"type([]) == list && type(int) == type && type(type(1)) == type", NULL, "true"},
    {"type(timestamp(0)) == google.protobuf.Timestamp", NULL, "true"},
    {"type(duration('1s')) == google.protobuf.Duration", NULL, "true"},
    {"type(optional.none()) == optional_type", NULL, "true"},
    {"type(ip('::1')) == net.IP && type(cidr('::/0')) == net.CIDR", NULL, "true"},
    {"type(1) == type(1u)", NULL, "false", .modes = CEL_UNCHECKED},
    {"dyn([1, 'a'])", NULL, "[1,\"a\"]"},
    {"dyn(1) == 1.0", NULL, "true"},
    {"dyn(1, 2)", NULL, NULL, CEL_ANY_ERROR},
};

static const cel_row bools[] = {
    {"bool(true)", NULL, "true"},
    {"['1', 't', 'T', 'TRUE', 'true', 'True'].all(s, bool(s))", NULL, "true"},
    {"['0', 'f', 'F', 'FALSE', 'false', 'False'].exists(s, bool(s))", NULL, "false"},
    {"bool('')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"bool('tRUE')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"bool('yes')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"bool(' true')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"bool('11')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"bool(dyn(1))", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row texts[] = {
    {"bytes(b'a') == b'a'", NULL, "true"},
    {"bytes('\\u00ff')", NULL, "\"w78=\""},
    {"bytes('')", NULL, "\"\""},
    {"bytes(dyn(1))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"string('s\\u0000')", NULL, "\"s\\u0000\""},
    {"string(true) + string(false)", NULL, "\"truefalse\""},
    {"string(b'\\303\\277')", NULL, "\"\xC3\xBF\""},
    {"string(b'')", NULL, "\"\""},
    {"string(b'\\xff')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"string(b'\\xed\\xa0\\x80')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"string(b'a\\xc3')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"string(0)", NULL, "\"0\""},
    {"string(-9223372036854775808)", NULL, "\"-9223372036854775808\""},
    {"string(9223372036854775807)", NULL, "\"9223372036854775807\""},
    {"string(0u)", NULL, "\"0\""},
    {"string(18446744073709551615u)", NULL, "\"18446744073709551615\""},
    {"string(dyn([1]))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"string(dyn(null))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"string(dyn(int))", NULL, NULL, CF_ERR_CEL_TYPE},
    /* timestamps: RFC 3339, the fraction trimmed; durations: decimal seconds, exact */
    {"string(timestamp('2009-02-13T23:31:30.1200Z'))", NULL, "\"2009-02-13T23:31:30.12Z\""},
    {"string(timestamp('2009-02-14T00:31:30+01:00'))", NULL, "\"2009-02-13T23:31:30Z\""},
    {"string(timestamp(-62135596800))", NULL, "\"0001-01-01T00:00:00Z\""},
    {"string(duration('1m1ms'))", NULL, "\"60.001s\""},
    {"string(duration('-9223372036.854775807s'))", NULL, "\"-9223372036.854775807s\""},
    {"string(duration('0'))", NULL, "\"0s\""},
    /* addresses: RFC 5952 section 4 */
    {"string(ip('192.168.0.1'))", NULL, "\"192.168.0.1\""},
    {"string(ip('2001:DB8:0:0:1:0:0:1'))", NULL, "\"2001:db8::1:0:0:1\""},
    {"string(ip('2001:db8:0:1:1:1:1:1'))", NULL, "\"2001:db8:0:1:1:1:1:1\""},
    {"string(ip('::'))", NULL, "\"::\""},
    {"string(ip('::1'))", NULL, "\"::1\""},
    {"string(ip('1::'))", NULL, "\"1::\""},
    {"string(ip('1:0:0:2:0:0:0:3'))", NULL, "\"1:0:0:2::3\""},
    {"string(ip('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))", NULL,
     "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\""},
    {"string(cidr('10.1.0.0/16'))", NULL, "\"10.1.0.0/16\""},
    {"string(cidr('2001:db8::/32'))", NULL, "\"2001:db8::/32\""},
};

/* Go's %g of the shortest digits: an exponent when it is below -4 or from 6 on. */
static const cel_row doubles_as_text[] = {
    {"string(1.0)", NULL, "\"1\""},
    {"string(-0.0)", NULL, "\"-0\""},
    {"string(123.456)", NULL, "\"123.456\""},
    {"string(100000.0)", NULL, "\"100000\""},
    {"string(1000000.0)", NULL, "\"1e+06\""},
    {"string(123456789.0)", NULL, "\"1.23456789e+08\""},
    {"string(0.0001)", NULL, "\"0.0001\""},
    {"string(0.00001)", NULL, "\"1e-05\""},
    {"string(0.1 + 0.2)", NULL, "\"0.30000000000000004\""},
    {"string(1.7976931348623157e308)", NULL, "\"1.7976931348623157e+308\""},
    {"string(5e-324)", NULL, "\"5e-324\""},
    {"string(0.0 / 0.0)", NULL, "\"NaN\""},
    {"string(1.0 / 0.0)", NULL, "\"+Inf\""},
    {"string(-1.0 / 0.0)", NULL, "\"-Inf\""},
};

static const cel_row ints[] = {
    {"int(-5)", NULL, "-5"},
    {"int(9223372036854775807u)", NULL, "\"9223372036854775807\""},
    {"int(9223372036854775808u)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"int(1.9)", NULL, "1"},
    {"int(-1.9)", NULL, "-1"},
    {"int(-0.0)", NULL, "0"},
    {"int(9223372036854774784.0)", NULL, "\"9223372036854774784\""}, /* the double below 2^63 */
    {"int(9223372036854775807.0)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"int(-9223372036854774784.0)", NULL, "\"-9223372036854774784\""},
    {"int(-9223372036854775808.0)", NULL, NULL, CF_ERR_CEL_OVERFLOW}, /* both ends excluded */
    {"int(0.0 / 0.0)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"int(1.0 / 0.0)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"int('0')", NULL, "0"},
    {"int('-0')", NULL, "0"},
    {"int('+12')", NULL, "12"},
    {"int('007')", NULL, "7"},
    {"int('9223372036854775807')", NULL, "\"9223372036854775807\""},
    {"int('9223372036854775808')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"int('-9223372036854775808')", NULL, "\"-9223372036854775808\""},
    {"int('-9223372036854775809')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"int('0000000000000000000000000000000000000001')", NULL, "1"},
    {"int('')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('-')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('+-1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int(' 1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('1 ')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('0x1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('1_0')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('1.0')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int('1e2')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"int(timestamp('2009-02-13T23:31:30Z'))", NULL, "1234567890"},
    {"int(timestamp('1969-12-31T23:59:59.5Z'))", NULL, "-1"}, /* rounded down */
    {"int(duration('1.5s'))", NULL, "1500000000"},
    {"int(dyn(true))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"int(dyn(null))", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row uints[] = {
    {"uint(5u)", NULL, "5"},
    {"uint(5)", NULL, "5"},
    {"uint(-1)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"uint(1.9)", NULL, "1"},
    {"uint(-0.0)", NULL, "0"},
    {"uint(-0.5)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"uint(18446744073709549568.0)", NULL, "\"18446744073709549568\""},
    {"uint(18446744073709551616.0)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"uint(0.0 / 0.0)", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"uint('18446744073709551615')", NULL, "\"18446744073709551615\""},
    {"uint('18446744073709551616')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"uint('007')", NULL, "7"},
    {"uint('+1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"uint('-1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"uint('1u')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"uint('')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"uint(dyn(true))", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row doubles[] = {
    {"double(1.5)", NULL, "1.5"},
    {"double(9223372036854775807)", NULL, "9.223372036854776e+18"},
    {"double(9007199254740993)", NULL, "9.007199254740992e+15"},
    {"double(18446744073709551615u)", NULL, "1.8446744073709552e+19"},
    {"double('-84.32e7')", NULL, "-8.432e+08"},
    {"double('.5')", NULL, "0.5"},
    {"double('+1')", NULL, "1.0"},
    {"double('-0')", NULL, "-0.0"},
    {"double('1e-400')", NULL, "0.0"}, /* underflow is 0, overflow an error */
    {"double('1e309')", NULL, NULL, CF_ERR_CEL_OVERFLOW},
    {"double('NaN')", NULL, "\"NaN\""},
    {"double('Infinity')", NULL, "\"Infinity\""},
    {"double('-Infinity')", NULL, "\"-Infinity\""},
    {"double(string(1.0 / 0.0))", NULL, "\"Infinity\""},
    {"double('')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"double(' 1')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"double('1,5')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"double('0x10')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"double('infinit')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"double(dyn(true))", NULL, NULL, CF_ERR_CEL_TYPE},
};

/* Receiver only; an empty argument is found everywhere. */
static const cel_row tests_of_text[] = {
    {"s.contains(t)", "{\"s\": \"Stra\\u00dfe\", \"t\": \"a\\u00df\"}", "true"},
    {"s.contains(t)", "{\"s\": \"hello\", \"t\": \"ol\"}", "false"},
    {"s.contains(t)", "{\"s\": \"\", \"t\": \"\"}", "true"},
    {"s.contains(t)", "{\"s\": \"a\", \"t\": \"aa\"}", "false"},
    {"s.startsWith(t)", "{\"s\": \"foobar\", \"t\": \"foo\"}", "true"},
    {"s.startsWith(t)", "{\"s\": \"foobar\", \"t\": \"bar\"}", "false"},
    {"s.startsWith(t)", "{\"s\": \"fo\", \"t\": \"foo\"}", "false"},
    {"s.startsWith(t)", "{\"s\": \"\", \"t\": \"\"}", "true"},
    {"s.endsWith(t)", "{\"s\": \"foobar\", \"t\": \"bar\"}", "true"},
    {"s.endsWith(t)", "{\"s\": \"foobar\", \"t\": \"foo\"}", "false"},
    {"s.endsWith(t)", "{\"s\": \"ar\", \"t\": \"bar\"}", "false"},
    {"s.endsWith(t)", "{\"s\": \"x\", \"t\": \"\"}", "true"},
    /* constants, which are computed with the program */
    {"'foobar'.contains('oba') && ''.contains('') && !'foo'.contains('fo\\u00f6')", NULL, "true"},
    {"'foobar'.startsWith('foo') && 'f'.startsWith('')", NULL, "true"},
    {"'foobar'.startsWith('bar') || 'fo'.startsWith('foo')", NULL, "false"},
    {"'foobar'.endsWith('bar') && ''.endsWith('')", NULL, "true"},
    {"'foobar'.endsWith('foo') || 'ar'.endsWith('bar')", NULL, "false"},
    {"'a'.contains(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    {"'a'.startsWith(dyn(b'a'))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn(b'a').endsWith('a')", NULL, NULL, CF_ERR_CEL_TYPE},
    {"contains('a', 'a')", NULL, NULL, CEL_ANY_ERROR},
};

static void counts(void **state)
{
    (void)state;
    CEL_ROWS(sizes);
}

static void names_types(void **state)
{
    (void)state;
    CEL_ROWS(types);
}

static void makes_bools(void **state)
{
    (void)state;
    CEL_ROWS(bools);
}

static void makes_texts(void **state)
{
    (void)state;
    CEL_ROWS(texts);
    CEL_ROWS(doubles_as_text);
}

static void makes_numbers(void **state)
{
    (void)state;
    CEL_ROWS(ints);
    CEL_ROWS(uints);
    CEL_ROWS(doubles);
}

static void looks_into_texts(void **state)
{
    (void)state;
    CEL_ROWS(tests_of_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),        cmocka_unit_test(names_types),
        cmocka_unit_test(makes_bools),   cmocka_unit_test(makes_texts),
        cmocka_unit_test(makes_numbers), cmocka_unit_test(looks_into_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
