/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/core/attest/doc.h"

#define PCR_1                                                                                      \
    "5830 "                                                                                        \
    "11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111" \
    "1111"

static cf_result parse_payload(cf_view payload, cf_attest_payload *ret)
{
    CF_BUF(doc);
    doc_envelope(payload, &doc);
    cf_view exact = view_copy(cf_buf_view(&doc));
    cf_attest_envelope env;
    cf_result r = cf_attest_parse(exact, &env, ret);
    if (cf_is_ok(r)) {
        assert_view(env.payload, payload);
        assert_view(env.protected_header, CF_LIT(CF_ATTEST_PROTECTED));
        assert_int_equal(env.signature.len, CF_ES384_BYTES);
    } else {
        assert_int_equal(env.payload.len, 0);
        assert_int_equal(ret->module_id.len, 0);
        assert_int_equal(ret->timestamp_ms, 0);
    }
    view_free(exact);
    return r;
}

/* Parses the plain payload with one member's value replaced, as definite and as indefinite map. */
static cf_result parse_with(const char *name, const char *value)
{
    doc_member members[DOC_MEMBERS];
    memcpy(members, doc_plain, sizeof members);
    bool found = false;
    for (size_t i = 0; i < DOC_MEMBERS; i++) {
        if (strcmp(members[i].name, name) == 0) {
            members[i].value = value;
            found = true;
        }
    }
    assert_true(found);
    CF_BUF(definite);
    CF_BUF(indefinite);
    doc_payload(members, DOC_MEMBERS, false, &definite);
    doc_payload(members, DOC_MEMBERS, true, &indefinite);
    cf_attest_payload p;
    cf_result a = parse_payload(cf_buf_view(&definite), &p);
    cf_result b = parse_payload(cf_buf_view(&indefinite), &p);
    assert_code(a, b.code);
    return a;
}

static void test_plain(void **state)
{
    (void)state;
    for (int indefinite = 0; indefinite < 2; indefinite++) {
        CF_BUF(payload);
        CF_BUF(doc);
        doc_payload(doc_plain, DOC_MEMBERS, indefinite == 1, &payload);
        doc_envelope(cf_buf_view(&payload), &doc);
        cf_attest_envelope env;
        cf_attest_payload p;
        assert_ok(cf_attest_parse(cf_buf_view(&doc), &env, &p));
        assert_view(p.module_id, CF_LIT("i-a"));
        assert_int_equal(p.timestamp_ms, 0x18d00000000);
        assert_int_equal(p.pcrs[0].len, CF_PCR_BYTES_SHA384);
        assert_int_equal(p.pcrs[1].len, 0);
        assert_view(p.certificate, CF_LIT("\x30\x00"));
        assert_int_equal(p.cabundle_n, 1);
        assert_view(p.cabundle[0], CF_LIT("\x30\x00"));
        assert_false(p.has_public_key || p.has_user_data || p.has_nonce);
    }
}

/* Any order, and the optional members absent, null, empty or full, which are four different things but for the first two. */
static void test_order_and_optionals(void **state)
{
    (void)state;
    const doc_member members[] = {
        {"nonce", "40"},
        {"user_data", "41 61"},
        {"cabundle", doc_plain[5].value},
        {"certificate", doc_plain[4].value},
        {"pcrs", "a2 181f" PCR_1 "00" PCR_1},
        {"timestamp", "01"},
        {"digest", doc_plain[1].value},
        {"module_id", doc_plain[0].value},
    };
    CF_BUF(payload);
    cf_attest_payload p;
    doc_payload(members, sizeof members / sizeof members[0], true, &payload);
    cf_attest_envelope env;
    CF_BUF(doc);
    doc_envelope(cf_buf_view(&payload), &doc);
    assert_ok(cf_attest_parse(cf_buf_view(&doc), &env, &p));
    assert_false(p.has_public_key);
    assert_true(p.has_user_data && p.has_nonce);
    assert_view(p.user_data, CF_LIT("a"));
    assert_int_equal(p.nonce.len, 0);
    assert_int_equal(p.pcrs[31].len, 48);
    assert_int_equal(p.pcrs[30].len, 0);
    assert_int_equal(p.timestamp_ms, 1);
}

static void test_missing_and_duplicate(void **state)
{
    (void)state;
    for (size_t drop = 0; drop < DOC_MEMBERS; drop++) {
        doc_member fewer[DOC_MEMBERS], more[DOC_MEMBERS + 1];
        size_t n = 0;
        for (size_t i = 0; i < DOC_MEMBERS; i++) {
            if (i != drop) {
                fewer[n++] = doc_plain[i];
            }
            more[i] = doc_plain[i];
        }
        more[DOC_MEMBERS] = doc_plain[drop];
        CF_BUF(without);
        CF_BUF(twice);
        cf_attest_payload p;
        doc_payload(fewer, n, true, &without);
        doc_payload(more, DOC_MEMBERS + 1, true, &twice);
        bool required = drop < 6;
        assert_code(parse_payload(cf_buf_view(&without), &p), required ? CF_ERR_MISSING : CF_OK);
        assert_err(parse_payload(cf_buf_view(&twice), &p), DUPLICATE);
    }
    CF_BUF(empty);
    cf_attest_payload p;
    doc_payload(NULL, 0, false, &empty);
    assert_err(parse_payload(cf_buf_view(&empty), &p), MISSING);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        cf_err err;
    } rows[] = {
        {"module_id", "60", CF_ERR_RANGE},
        {"module_id", "43 692d61", CF_ERR_WRONG_TYPE},
        {"module_id", "62 c328", CF_ERR_UTF8},
        {"module_id", "7f 61 69 ff", CF_ERR_MALFORMED}, /* text in pieces */
        {"digest", "66 534841323536", CF_ERR_UNSUPPORTED},
        {"digest", "66 736861333834", CF_ERR_UNSUPPORTED},
        {"digest", "f6", CF_ERR_WRONG_TYPE},
        {"timestamp", "00", CF_ERR_RANGE},
        {"timestamp", "01", CF_OK},
        {"timestamp", "20", CF_ERR_WRONG_TYPE},
        {"timestamp", "f97c00", CF_ERR_WRONG_TYPE},
        {"timestamp", "1b 0000e677d21fdbff", CF_OK}, /* the last millisecond of year 9999 */
        {"timestamp", "1b 0000e677d21fdc00", CF_ERR_RANGE},
        {"timestamp", "1b ffffffffffffffff", CF_ERR_RANGE},
        {"pcrs", "a0", CF_ERR_RANGE},
        {"pcrs", "bf ff", CF_ERR_RANGE},
        {"pcrs", "bf 00" PCR_1 "ff", CF_OK},
        {"pcrs", "80", CF_ERR_WRONG_TYPE},
        {"pcrs", "a1 181f" PCR_1, CF_OK},
        {"pcrs", "a1 1820" PCR_1, CF_ERR_RANGE},
        {"pcrs", "a1 1b ffffffffffffffff" PCR_1, CF_ERR_RANGE},
        {"pcrs", "a1 20" PCR_1, CF_ERR_WRONG_TYPE},
        {"pcrs", "a1 61 30" PCR_1, CF_ERR_WRONG_TYPE},
        {"pcrs", "a2 00" PCR_1 "01" PCR_1, CF_OK},
        {"pcrs", "a2 01" PCR_1 "01" PCR_1, CF_ERR_DUPLICATE},
        {"pcrs", "a2 01" PCR_1 "1801" PCR_1, CF_ERR_DUPLICATE},
        {"pcrs", "a1 00 40", CF_ERR_SIZE},
        {"pcrs", "a1 00 f6", CF_ERR_WRONG_TYPE},
        {"certificate", "40", CF_ERR_SIZE},
        {"certificate", "f6", CF_ERR_WRONG_TYPE},
        {"certificate", "62 3000", CF_ERR_WRONG_TYPE},
        {"cabundle", "80", CF_ERR_RANGE},
        {"cabundle", "9f ff", CF_ERR_RANGE},
        {"cabundle", "9f 41 30 ff", CF_OK},
        {"cabundle", "f6", CF_ERR_WRONG_TYPE},
        {"cabundle", "81 40", CF_ERR_SIZE},
        {"cabundle", "88 4130 4130 4130 4130 4130 4130 4130 4130", CF_OK},
        {"cabundle", "89 4130 4130 4130 4130 4130 4130 4130 4130 4130", CF_ERR_SIZE},
        {"cabundle", "81 81 4130", CF_ERR_WRONG_TYPE},
        {"public_key", "40", CF_OK},
        {"public_key", "60", CF_ERR_WRONG_TYPE},
        {"public_key", "f7", CF_ERR_WRONG_TYPE}, /* undefined is not null */
        {"user_data", "f4", CF_ERR_WRONG_TYPE},
        {"nonce", "00", CF_ERR_WRONG_TYPE},
        {"nonce", "5f 41 61 ff", CF_ERR_MALFORMED},
        {"nonce", "c2 41 61", CF_ERR_WRONG_TYPE}, /* tagged */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_result r = parse_with(rows[i].name, rows[i].value);
        if (r.code != rows[i].err) {
            fail_msg("%s = %s: %s", rows[i].name, rows[i].value, cf_err_code(r.code));
        }
    }
}

/* A member whose value is a string of len octets under the given head. */
static cf_result parse_sized(const char *name, const char *before, size_t len)
{
    CF_BUF(value);
    CF_BUF(hex);
    doc_hex(before, &value);
    doc_bytes(len, &value);
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < value.len; i++) {
        char pair[2] = {digits[value.data[i] >> 4], digits[value.data[i] & 15]};
        assert_ok(cf_buf_append(&hex, CF_VIEW_OF(pair)));
    }
    assert_ok(cf_buf_append(&hex, cf_view_make("", 1)));
    return parse_with(name, (const char *)hex.data);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *name, *before;
        size_t min, max;
    } rows[] = {
        {"certificate", "", 1, CF_ATTEST_CERT_BYTES_MAX},
        {"cabundle", "81", 1, CF_ATTEST_CERT_BYTES_MAX},
        {"pcrs", "a1 00", CF_PCR_BYTES_SHA384, CF_PCR_BYTES_SHA384},
        {"public_key", "", 0, CF_ATTEST_DATA_BYTES_MAX},
        {"user_data", "", 0, CF_ATTEST_DATA_BYTES_MAX},
        {"nonce", "", 0, CF_ATTEST_DATA_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].min > 0) {
            assert_err(parse_sized(rows[i].name, rows[i].before, rows[i].min - 1), SIZE);
        }
        assert_ok(parse_sized(rows[i].name, rows[i].before, rows[i].min));
        assert_ok(parse_sized(rows[i].name, rows[i].before, rows[i].max));
        assert_err(parse_sized(rows[i].name, rows[i].before, rows[i].max + 1), SIZE);
        if (rows[i].max > 48) {
            assert_ok(parse_sized(rows[i].name, rows[i].before, rows[i].max - 1));
        }
    }
}

static void test_module_id_limit(void **state)
{
    (void)state;
    for (size_t len = CF_ATTEST_MODULE_ID_BYTES_MAX - 1; len <= CF_ATTEST_MODULE_ID_BYTES_MAX + 1;
         len++) {
        char hex[2 * (CF_ATTEST_MODULE_ID_BYTES_MAX + 3) + 1];
        (void)snprintf(hex, sizeof hex, "78%02zx", len);
        for (size_t i = 0; i < len; i++) {
            (void)snprintf(hex + 4 + 2 * i, 3, "61");
        }
        assert_code(parse_with("module_id", hex),
                    len <= CF_ATTEST_MODULE_ID_BYTES_MAX ? CF_OK : CF_ERR_RANGE);
    }
}

/* Unknown members are room to grow: skipped, but bounded in number and depth, and never twice. */
static void test_unknown_members(void **state)
{
    (void)state;
    enum { UNKNOWN_MAX = 16 };
    static char names[UNKNOWN_MAX + 1][8];
    doc_member members[DOC_MEMBERS + UNKNOWN_MAX + 1];
    memcpy(members, doc_plain, sizeof doc_plain);
    for (size_t i = 0; i <= UNKNOWN_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "new%zu", i);
        members[DOC_MEMBERS + i] = (doc_member){names[i], "a1 61 61 82 01 f4"};
    }
    for (size_t n = UNKNOWN_MAX - 1; n <= UNKNOWN_MAX + 1; n++) {
        CF_BUF(payload);
        cf_attest_payload p;
        doc_payload(members, DOC_MEMBERS + n, true, &payload);
        assert_code(parse_payload(cf_buf_view(&payload), &p),
                    n <= UNKNOWN_MAX ? CF_OK : CF_ERR_SIZE);
    }
    members[DOC_MEMBERS + 1].name = names[0];
    CF_BUF(twice);
    cf_attest_payload p;
    doc_payload(members, DOC_MEMBERS + 2, true, &twice);
    assert_err(parse_payload(cf_buf_view(&twice), &p), DUPLICATE);
}

static void test_unknown_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        cf_err err;
    } rows[] = {
        {"81 81 80", CF_OK},
        {"81 81 81 80", CF_ERR_DEPTH},
        {"81 81 81 00", CF_OK},
        {"a1 00 a1 00 a0", CF_OK},
        {"9f 9f 9f 9f ff ff ff ff", CF_ERR_DEPTH},
        {"c1 00", CF_ERR_WRONG_TYPE}, /* a tag hides what it stands before, for one its depth */
        {"c1 81 81 81 81 81 00", CF_ERR_WRONG_TYPE},
        {"81 c1 80", CF_ERR_WRONG_TYPE},
        {"a1 c1 00 00", CF_ERR_WRONG_TYPE},
        {"d9 d9f7 00", CF_ERR_WRONG_TYPE},
        {"fb 0000000000000000", CF_OK},
        {"f6", CF_OK},
        {"9f 01 02 ff", CF_OK},
        {"bf 01 ff", CF_ERR_MALFORMED},
        {"5f 41 61 ff", CF_ERR_MALFORMED},
        {"81", CF_ERR_WRONG_TYPE},
        {"1c", CF_ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        doc_member members[DOC_MEMBERS + 1];
        members[0] = (doc_member){"later", rows[i].value};
        memcpy(members + 1, doc_plain, sizeof doc_plain);
        CF_BUF(payload);
        cf_attest_payload p;
        doc_payload(members, DOC_MEMBERS + 1, true, &payload);
        cf_result r = parse_payload(cf_buf_view(&payload), &p);
        bool expected = rows[i].err == CF_OK ? cf_is_ok(r) : !cf_is_ok(r);
        if (!expected || (rows[i].err == CF_ERR_DEPTH && r.code != CF_ERR_DEPTH)) {
            fail_msg("%s: %s", rows[i].value, cf_err_code(r.code));
        }
    }
}

static void test_payload_shape(void **state)
{
    (void)state;
    CF_BUF(plain);
    doc_payload(doc_plain, DOC_MEMBERS, false, &plain);
    cf_attest_payload p;
    CF_BUF(longer);
    assert_ok(cf_buf_append(&longer, cf_buf_view(&plain)));
    doc_hex("00", &longer);
    assert_err(parse_payload(cf_buf_view(&longer), &p), TRAILING);
    assert_err(parse_payload(cf_view_make(plain.data, plain.len - 1), &p), TRUNCATED);
    static const char *const wrong[] = {"",      "80", "40", "f6", "a1 00 00", "a1 41 61 00",
                                        "d2 a0", "bf", "ff"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cf_view v = view_hex(wrong[i]);
        assert_false(cf_is_ok(parse_payload(v, &p)));
        view_free(v);
    }
}

/* {head of the envelope, what must come of it}; the payload and a signature follow. */
static void test_envelope(void **state)
{
    (void)state;
    static const struct {
        const char *head, *tail;
        cf_err err;
    } rows[] = {
        {"84 44a1013822 a0", "", CF_OK},
        {"d2 84 44a1013822 a0", "", CF_OK},
        {"9f 44a1013822 a0", "ff", CF_OK},
        {"d8 12 84 44a1013822 a0", "", CF_OK},
        {"84 44a1013822 a0", "00", CF_ERR_TRAILING},
        {"d1 84 44a1013822 a0", "", CF_ERR_MALFORMED},
        {"d2 d2 84 44a1013822 a0", "", CF_ERR_WRONG_TYPE},
        {"85 44a1013822 a0", "00", CF_ERR_TRAILING},
        {"83 44a1013822 a0", "", CF_ERR_WRONG_TYPE},
        {"a4 44a1013822 a0", "", CF_ERR_WRONG_TYPE},
        {"84 44a1013821 a0", "", CF_ERR_MALFORMED}, /* ES512 */
        {"84 43a10126 a0", "", CF_ERR_MALFORMED},   /* ES256 */
        {"84 47a2013822044101 a0", "", CF_ERR_MALFORMED},
        {"84 40 a0", "", CF_ERR_MALFORMED},
        {"84 a1013822 a0", "", CF_ERR_WRONG_TYPE},
        {"84 44a1013822 f6", "", CF_ERR_MALFORMED},
        {"84 44a1013822 bfff", "", CF_ERR_MALFORMED},
        {"84 44a1013822 a1044101", "", CF_ERR_MALFORMED},
        {"84 44a1013822 80", "", CF_ERR_MALFORMED},
    };
    CF_BUF(payload);
    doc_payload(doc_plain, DOC_MEMBERS, true, &payload);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(doc);
        doc_hex(rows[i].head, &doc);
        cf_writer w = cf_writer_to(&doc, CF_BUF_BYTES_MAX);
        cf_cbor_put_bytes(&w, cf_buf_view(&payload));
        assert_ok(cf_write_end(&w));
        doc_bytes(CF_ES384_BYTES, &doc);
        doc_hex(rows[i].tail, &doc);
        cf_attest_envelope env;
        cf_attest_payload p;
        cf_result r = cf_attest_parse(cf_buf_view(&doc), &env, &p);
        if (r.code != rows[i].err) {
            fail_msg("%s...%s: %s", rows[i].head, rows[i].tail, cf_err_code(r.code));
        }
    }
}

static void test_signature_length(void **state)
{
    (void)state;
    CF_BUF(payload);
    doc_payload(doc_plain, DOC_MEMBERS, true, &payload);
    for (size_t len = CF_ES384_BYTES - 1; len <= CF_ES384_BYTES + 1; len++) {
        CF_BUF(doc);
        doc_hex("84 44a1013822 a0", &doc);
        cf_writer w = cf_writer_to(&doc, CF_BUF_BYTES_MAX);
        cf_cbor_put_bytes(&w, cf_buf_view(&payload));
        assert_ok(cf_write_end(&w));
        doc_bytes(len, &doc);
        cf_attest_envelope env;
        cf_attest_payload p;
        assert_code(cf_attest_parse(cf_buf_view(&doc), &env, &p),
                    len == CF_ES384_BYTES ? CF_OK : CF_ERR_MALFORMED);
    }
}

/* A document of exactly len octets: the room is filled by a member that is skipped. */
static cf_result parse_of_size(size_t len)
{
    CF_BUF(doc);
    size_t fill = len - 600; /* less than what is to be filled: corrected below */
    for (int round = 0; round < 2; round++) {
        CF_BUF(payload);
        cf_buf_clear(&doc);
        cf_writer w = cf_writer_to(&payload, CF_BUF_BYTES_MAX);
        cf_cbor_put_map(&w, DOC_MEMBERS + 1);
        cf_cbor_put_text(&w, CF_LIT("filling"));
        assert_ok(cf_write_end(&w));
        doc_bytes(fill, &payload);
        CF_BUF(rest);
        doc_payload(doc_plain, DOC_MEMBERS, false, &rest);
        assert_ok(cf_buf_append(&payload, cf_view_make(rest.data + 1, rest.len - 1)));
        doc_envelope(cf_buf_view(&payload), &doc);
        fill += len - doc.len;
    }
    assert_int_equal(doc.len, len);
    cf_attest_envelope env;
    cf_attest_payload p;
    return cf_attest_parse(cf_buf_view(&doc), &env, &p);
}

static void test_document_limit(void **state)
{
    (void)state;
    assert_ok(parse_of_size(CF_ATTEST_BYTES_MAX - 1));
    assert_ok(parse_of_size(CF_ATTEST_BYTES_MAX));
    assert_err(parse_of_size(CF_ATTEST_BYTES_MAX + 1), SIZE);
}

/* Every shorter prefix is refused. */
static void test_every_prefix(void **state)
{
    (void)state;
    CF_BUF(payload);
    CF_BUF(doc);
    doc_payload(doc_plain, DOC_MEMBERS, true, &payload);
    doc_envelope(cf_buf_view(&payload), &doc);
    for (size_t len = 0; len < doc.len; len++) {
        cf_view v = view_copy(cf_view_make(doc.data, len));
        cf_attest_envelope env;
        cf_attest_payload p;
        assert_false(cf_is_ok(cf_attest_parse(v, &env, &p)));
        view_free(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_order_and_optionals),
        cmocka_unit_test(test_missing_and_duplicate),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_module_id_limit),
        cmocka_unit_test(test_unknown_members),
        cmocka_unit_test(test_unknown_values),
        cmocka_unit_test(test_payload_shape),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_signature_length),
        cmocka_unit_test(test_document_limit),
        cmocka_unit_test(test_every_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
