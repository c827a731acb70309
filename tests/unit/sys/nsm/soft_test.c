/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/nsm/soft_priv.h"
#include "tests/support/test.h"

#define HOUR_MS ((uint64_t)3600 * 1000)

static uint64_t now_ms = 1769904000000; /* 2026-02-01 */

uint64_t __wrap_cf_clock_wall_ms(void);
uint64_t __wrap_cf_clock_wall_ms(void)
{
    return now_ms;
}

static char folder[64];
static cf_soft_root *root;
static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {0xab, 0xcd};

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/nsm_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cf_soft_root_free(&root);
    (void)unlink(in_folder("nsm-root.key"));
    (void)unlink(in_folder("nsm-root.der"));
    return rmdir(folder);
}

static void test_root_files(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(in_folder("nsm-root.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    CF_BUF(der);
    assert_ok(cf_file_read(in_folder("nsm-root.der"), 4096, &der));
    assert_view(cf_buf_view(&der), cf_soft_root_cert(root));
    /* opened again: the same root */
    cf_soft_root *again = NULL;
    assert_ok(cf_soft_root_open(folder, &again));
    assert_view(cf_soft_root_cert(again), cf_soft_root_cert(root));
    cf_soft_root_free(&again);
    assert_null(again);
    cf_soft_root_free(&again);
}

static void test_root_damage(void **state)
{
    (void)state;
    CF_BUF(key);
    CF_BUF(der);
    assert_ok(cf_file_read(in_folder("nsm-root.key"), 4096, &key));
    assert_ok(cf_file_read(in_folder("nsm-root.der"), 4096, &der));
    cf_soft_root *r = NULL;
    /* a key that others may read is theirs, too */
    assert_int_equal(chmod(in_folder("nsm-root.key"), 0640), 0);
    assert_err(cf_soft_root_open(folder, &r), NOT_PERMITTED);
    assert_null(r);
    assert_int_equal(chmod(in_folder("nsm-root.key"), 0600), 0);
    /* the certificate without its key: making another key would only look like the pinned root */
    assert_int_equal(unlink(in_folder("nsm-root.key")), 0);
    assert_err(cf_soft_root_open(folder, &r), STATE);
    assert_null(r);
    /* another key beside the certificate */
    cf_dh_key *other = NULL;
    CF_BUF(other_der);
    assert_ok(cf_dh_generate(CF_P384, &other));
    assert_ok(cf_dh_to_pkcs8(other, &other_der));
    cf_dh_free(&other);
    assert_ok(cf_file_write(in_folder("nsm-root.key"), cf_buf_view(&other_der), 0600));
    assert_err(cf_soft_root_open(folder, &r), KEY);
    /* a key of another curve, and no key at all */
    cf_buf_clear(&other_der);
    assert_ok(cf_dh_generate(CF_P256, &other));
    assert_ok(cf_dh_to_pkcs8(other, &other_der));
    cf_dh_free(&other);
    assert_ok(cf_file_write(in_folder("nsm-root.key"), cf_buf_view(&other_der), 0600));
    assert_err(cf_soft_root_open(folder, &r), KEY);
    assert_ok(cf_file_write(in_folder("nsm-root.key"), CF_LIT("nonsense"), 0600));
    assert_err(cf_soft_root_open(folder, &r), KEY);
    /* a damaged certificate */
    assert_ok(cf_file_write(in_folder("nsm-root.key"), cf_buf_view(&key), 0600));
    der.data[der.len / 2] ^= 1;
    assert_ok(cf_file_write(in_folder("nsm-root.der"), cf_buf_view(&der), 0644));
    assert_err(cf_soft_root_open(folder, &r), KEY);
    der.data[der.len / 2] ^= 1;
    /* the key alone: its certificate is made anew */
    assert_int_equal(unlink(in_folder("nsm-root.der")), 0);
    assert_ok(cf_soft_root_open(folder, &r));
    assert_false(cf_view_eq(cf_soft_root_cert(r), cf_buf_view(&der)));
    cf_soft_root_free(&r);
    assert_ok(cf_file_write(in_folder("nsm-root.der"), cf_buf_view(&der), 0644));
    assert_err(cf_soft_root_open("/nonexistent/folder", &r), NOT_FOUND);
}

/* One request to a module; views of the answer borrow from octets. */
static cf_nsm_response ask(cf_soft_nsm *s, const cf_nsm_request *q, cf_buf *octets)
{
    CF_BUF(request);
    cf_nsm_response m;
    cf_buf_clear(octets);
    assert_ok(cf_nsm_request_encode(q, &request));
    assert_ok(cf_soft_nsm_answer(s, cf_buf_view(&request), octets));
    assert_ok(cf_nsm_response_decode(cf_buf_view(octets), &m));
    return m;
}

static cf_nsm_error error_of(cf_soft_nsm *s, cf_nsm_op op, uint16_t index)
{
    CF_BUF(octets);
    cf_nsm_request q = {.op = op, .index = index, .data = CF_LIT("x")};
    return ask(s, &q, &octets).error;
}

static void verify(cf_view doc, cf_attest_payload *ret)
{
    cf_attest_policy policy = {
        .root = cf_soft_root_cert(root), .now_ms = now_ms, .age_max_ms = 1000};
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    assert_ok(cf_attest_verify(doc, &policy, &stage, ret));
    assert_int_equal(stage, CF_ATTEST_HOLDS);
}

static void test_document(void **state)
{
    (void)state;
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    CF_BUF(octets);
    cf_nsm_request q = {.op = CF_NSM_ATTESTATION,
                        .has_nonce = true,
                        .nonce = CF_LIT("nonce"),
                        .has_public_key = true};
    cf_nsm_response m = ask(s, &q, &octets);
    assert_int_equal(m.error, CF_NSM_SUCCESS);
    cf_attest_payload p;
    verify(m.data, &p);
    assert_int_equal(p.timestamp_ms, now_ms);
    assert_view(p.nonce, CF_LIT("nonce"));
    assert_true(p.has_public_key && p.public_key.len == 0 && !p.has_user_data);
    assert_int_equal(p.cabundle_n, 4);
    /* clearly local, in the right form: an instance of zeros, then the launch time */
    char id[64];
    (void)snprintf(id, sizeof id, "i-00000000000000000-enc%012llx", (unsigned long long)now_ms);
    assert_int_equal(p.module_id.len, strlen(id) + 4);
    assert_view(cf_view_make(p.module_id.data, strlen(id)), cf_view_str(id));
    /* registers */
    uint8_t pcr4[CF_PCR_BYTES_SHA384] = {0}, zero[CF_PCR_BYTES_SHA384] = {0};
    assert_ok(cf_pcr_extend(pcr4, CF_LIT("i-00000000000000000")));
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        cf_view want = i < 3 ? CF_VIEW_OF(pcr0) : (i == 4 ? CF_VIEW_OF(pcr4) : CF_VIEW_OF(zero));
        assert_view(p.pcrs[i], i < 16 ? want : CF_VIEW_EMPTY);
    }
    cf_soft_nsm_free(&s);
    assert_null(s);
}

static void test_debug_document(void **state)
{
    (void)state;
    static const uint8_t zero[CF_PCR_BYTES_SHA384];
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, zero, &s));
    CF_BUF(octets);
    cf_nsm_request q = {.op = CF_NSM_ATTESTATION};
    cf_nsm_response m = ask(s, &q, &octets);
    cf_attest_policy policy = {
        .root = cf_soft_root_cert(root), .now_ms = now_ms, .age_max_ms = 1000};
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    cf_attest_payload p;
    assert_err(cf_attest_verify(m.data, &policy, &stage, &p), ATTESTATION);
    assert_int_equal(stage, CF_ATTEST_DEBUG);
    cf_soft_nsm_free(&s);
}

/* Documents stay good for as long as the module lives, and while the clock jumps. */
static void test_leaf_is_renewed(void **state)
{
    (void)state;
    cf_soft_nsm *s = NULL;
    uint64_t start = now_ms;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    CF_BUF(first_leaf);
    static const struct {
        int64_t at_ms;
        bool same_leaf;
    } rows[] = {
        {0, true},
        {(int64_t)(2 * HOUR_MS), true},
        {(int64_t)(3 * HOUR_MS) - 601 * 1000, true},
        {(int64_t)(3 * HOUR_MS) - 600 * 1000, false},
        {(int64_t)(24 * HOUR_MS), false},
        {(int64_t)(30 * 24 * HOUR_MS), false},
        {-(int64_t)(48 * HOUR_MS), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        now_ms = start + (uint64_t)rows[i].at_ms;
        CF_BUF(octets);
        cf_nsm_request q = {.op = CF_NSM_ATTESTATION};
        cf_nsm_response m = ask(s, &q, &octets);
        cf_attest_payload p;
        verify(m.data, &p);
        if (i == 0) {
            assert_ok(cf_buf_append(&first_leaf, p.certificate));
        }
        assert_int_equal(cf_view_eq(p.certificate, cf_buf_view(&first_leaf)), rows[i].same_leaf);
    }
    now_ms = start;
    cf_soft_nsm_free(&s);
}

static void test_registers(void **state)
{
    (void)state;
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    CF_BUF(octets);
    cf_nsm_request q = {.op = CF_NSM_DESCRIBE_PCR, .index = 0};
    cf_nsm_response m = ask(s, &q, &octets);
    assert_true(m.lock);
    assert_view(m.data, CF_VIEW_OF(pcr0));
    /* the platform's are locked, the enclave's are not */
    assert_int_equal(error_of(s, CF_NSM_EXTEND_PCR, 0), CF_NSM_READ_ONLY_INDEX);
    assert_int_equal(error_of(s, CF_NSM_EXTEND_PCR, 15), CF_NSM_READ_ONLY_INDEX);
    assert_int_equal(error_of(s, CF_NSM_EXTEND_PCR, 32), CF_NSM_INVALID_INDEX);
    assert_int_equal(error_of(s, CF_NSM_DESCRIBE_PCR, 32), CF_NSM_INVALID_INDEX);
    assert_int_equal(error_of(s, CF_NSM_LOCK_PCR, 32), CF_NSM_INVALID_INDEX);
    assert_int_equal(error_of(s, CF_NSM_LOCK_PCRS, 33), CF_NSM_INVALID_INDEX);
    uint8_t want[CF_PCR_BYTES_SHA384] = {0};
    assert_ok(cf_pcr_extend(want, CF_LIT("data")));
    q = (cf_nsm_request){.op = CF_NSM_EXTEND_PCR, .index = 16, .data = CF_LIT("data")};
    m = ask(s, &q, &octets);
    assert_view(m.data, CF_VIEW_OF(want));
    /* a lock lasts, and brings the register into documents */
    assert_int_equal(error_of(s, CF_NSM_LOCK_PCR, 16), CF_NSM_SUCCESS);
    assert_int_equal(error_of(s, CF_NSM_LOCK_PCR, 16), CF_NSM_READ_ONLY_INDEX);
    assert_int_equal(error_of(s, CF_NSM_EXTEND_PCR, 16), CF_NSM_READ_ONLY_INDEX);
    q = (cf_nsm_request){.op = CF_NSM_ATTESTATION};
    m = ask(s, &q, &octets);
    cf_attest_payload p;
    verify(m.data, &p);
    assert_view(p.pcrs[16], CF_VIEW_OF(want));
    assert_int_equal(p.pcrs[17].len, 0);
    assert_int_equal(error_of(s, CF_NSM_LOCK_PCRS, 18), CF_NSM_SUCCESS);
    assert_int_equal(error_of(s, CF_NSM_EXTEND_PCR, 17), CF_NSM_READ_ONLY_INDEX);
    assert_int_equal(error_of(s, CF_NSM_EXTEND_PCR, 18), CF_NSM_SUCCESS);
    q = (cf_nsm_request){.op = CF_NSM_DESCRIBE};
    m = ask(s, &q, &octets);
    assert_int_equal(m.locked_pcrs, 0x3ffff);
    assert_int_equal(m.max_pcrs, 32);
    cf_soft_nsm_free(&s);
}

/* A module of which every register has a value: its number, 48 times, but for those that are zero; with some that are not locked and
 * one that does not answer. */
typedef struct {
    uint32_t zero, open, silent;
    unsigned asked;
} registers;

static cf_result answer_register(void *self, cf_view request, cf_buf *ret_response)
{
    registers *r = self;
    cf_nsm_request q;
    uint8_t value[CF_PCR_BYTES_SHA384];
    assert_ok(cf_nsm_request_decode(request, &q));
    assert_int_equal(q.op, CF_NSM_DESCRIBE_PCR);
    r->asked++;
    for (size_t i = 0; i < sizeof value; i++) {
        value[i] = (r->zero >> q.index & 1) != 0 ? 0 : (uint8_t)(q.index + 1);
    }
    const cf_nsm_response m = {.error = (r->silent >> q.index & 1) != 0 ? CF_NSM_INVALID_INDEX
                                                                        : CF_NSM_SUCCESS,
                               .op = CF_NSM_DESCRIBE_PCR,
                               .lock = (r->open >> q.index & 1) == 0,
                               .data = CF_VIEW_OF(value)};
    return cf_nsm_response_encode(&m, ret_response);
}

/* The text of conditions on these registers of one octet each, ImageSha384 for -1. */
static void expect_conditions(registers r, const char *between, const int *want, size_t n)
{
    static const cf_nsm_ops ops = {answer_register, NULL};
    cf_nsm nsm = {&ops, &r};
    CF_BUF(got);
    CF_BUF(expected);
    assert_ok(cf_buf_append(&got, CF_LIT("> ")));
    assert_ok(cf_buf_append(&expected, CF_LIT("> ")));
    for (size_t i = 0; i < n; i++) {
        char text[32];
        (void)snprintf(text, sizeof text,
                       want[i] < 0 ? "%sImageSha384=" : "%sPCR%d=", i > 0 ? between : "", want[i]);
        assert_ok(cf_buf_append(&expected, cf_view_str(text)));
        for (size_t k = 0; k < CF_PCR_BYTES_SHA384; k++) {
            (void)snprintf(text, sizeof text, "%02x", want[i] < 0 ? 1 : want[i] + 1);
            assert_ok(cf_buf_append(&expected, cf_view_str(text)));
        }
    }
    assert_ok(cf_nsm_conditions(&nsm, cf_view_str(between), &got));
    assert_view(cf_buf_view(&got), cf_buf_view(&expected));
    assert_int_equal(r.asked, 8);
}

static void test_conditions(void **state)
{
    (void)state;
    static const int all[] = {-1, 0, 1, 2, 3, 4, 8, 16}, debug[] = {3, 4, 8}, image[] = {-1, 0};
    expect_conditions((registers){0}, ",", all, 8);
    expect_conditions((registers){.zero = 0xffff}, ", ", (int[]){16}, 1);
    expect_conditions((registers){.zero = 7, .open = 1 << 16}, "\n", debug, 3);
    expect_conditions((registers){.zero = 0x11e, .silent = 1 << 16}, ",", image, 2);
    expect_conditions((registers){.silent = UINT32_MAX}, ",", all, 0);
}

static void test_input_limits(void **state)
{
    (void)state;
    static const uint8_t data[CF_ATTEST_DATA_BYTES_MAX + 1];
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    for (unsigned which = 0; which < 3; which++) {
        for (size_t len = CF_ATTEST_DATA_BYTES_MAX - 1; len <= CF_ATTEST_DATA_BYTES_MAX + 1;
             len++) {
            cf_view v = cf_view_make(data, len);
            cf_nsm_request q = {.op = CF_NSM_ATTESTATION,
                                .has_user_data = which == 0,
                                .has_nonce = which == 1,
                                .has_public_key = which == 2,
                                .user_data = which == 0 ? v : CF_VIEW_EMPTY,
                                .nonce = which == 1 ? v : CF_VIEW_EMPTY,
                                .public_key = which == 2 ? v : CF_VIEW_EMPTY};
            CF_BUF(octets);
            assert_int_equal(ask(s, &q, &octets).error, len <= CF_ATTEST_DATA_BYTES_MAX
                                                            ? CF_NSM_SUCCESS
                                                            : CF_NSM_INPUT_TOO_LARGE);
        }
    }
    cf_view v = cf_view_make(data, CF_ATTEST_DATA_BYTES_MAX);
    cf_nsm_request all = {CF_NSM_ATTESTATION, 0, CF_VIEW_EMPTY, true, true, true, v, v, v};
    CF_BUF(octets);
    assert_int_equal(ask(s, &all, &octets).error, CF_NSM_SUCCESS);
    cf_soft_nsm_free(&s);
}

static void test_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_nsm_error error;
    } rows[] = {
        {"ff", CF_NSM_INVALID_OPERATION},
        {"a0", CF_NSM_INVALID_OPERATION},
        {"63 4e6577", CF_NSM_INVALID_OPERATION},
        {"a1 6b 4465736372696265504352 a0", CF_NSM_INVALID_OPERATION},
        {"a1 6b 4465736372696265504352 a1 65 696e646578 1a00010000", CF_NSM_INVALID_ARGUMENT},
    };
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(octets);
        cf_nsm_response m;
        cf_view v = view_hex(rows[i].hex);
        assert_ok(cf_soft_nsm_answer(s, v, &octets));
        assert_ok(cf_nsm_response_decode(cf_buf_view(&octets), &m));
        assert_int_equal(m.error, rows[i].error);
        view_free(v);
    }
    cf_soft_nsm_free(&s);
}

/* Requests and answers as octets: those of a real device where they do not depend on it. */
static void test_octets(void **state)
{
    (void)state;
#define ABC                                                                                        \
    "b1c16eb7634112b7c9d5ebd27e62a2d4528bbfcfd68b62d3afd9ecf98e0f413a"                             \
    "84314acce78317fb69fd895155343e09"
    static const struct {
        const char *request, *answer;
        size_t more; /* octets behind it */
    } rows[] = {
        {"a16b4465736372696265504352a165696e6465781820", "a1654572726f726c496e76616c6964496e646578",
         0},
        {"a169457874656e64504352a265696e64657810646461746143616263",
         "a169457874656e64504352a164646174615830" ABC, 0},
        {"a16b4465736372696265504352a165696e64657810",
         "a16b4465736372696265504352a2646c6f636bf464646174615830" ABC, 0},
        {"a1674c6f636b504352a165696e64657810", "674c6f636b504352", 0},
        {"a16b4465736372696265504352a165696e64657810",
         "a16b4465736372696265504352a2646c6f636bf564646174615830" ABC, 0},
        {"a169457874656e64504352a265696e64657810646461746143616263",
         "a1654572726f726d526561644f6e6c79496e646578", 0},
        {"a1684c6f636b50435273a16572616e676512", "684c6f636b50435273", 0},
        {"6947657452616e646f6d", "a16947657452616e646f6da16672616e646f6d590100", 256},
        {"6b44657363726962654e534d",
         "a16b44657363726962654e534da76d76657273696f6e5f6d616a6f72016d76657273696f6e5f6d696e6f72"
         "006d76657273696f6e5f706174636800696d6f64756c655f69647827",
         39 + 11 + (12 + 1 + 18) + 14}, /* module_id, max_pcrs, locked_pcrs, digest */
        {"ff", "a1654572726f7270496e76616c69644f7065726174696f6e", 0},
        {"a0", "a1654572726f7270496e76616c69644f7065726174696f6e", 0},
        {"634e6577", "a1654572726f7270496e76616c69644f7065726174696f6e", 0},
    };
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(octets);
        cf_view request = view_hex(rows[i].request), answer = view_hex(rows[i].answer);
        assert_ok(cf_soft_nsm_answer(s, request, &octets));
        assert_view(cf_view_sub(cf_buf_view(&octets), 0, answer.len), answer);
        if (octets.len != answer.len + rows[i].more) {
            fail_msg("row %zu: %zu octets, not %zu", i, octets.len, answer.len + rows[i].more);
        }
        view_free(request);
        view_free(answer);
    }
    cf_soft_nsm_free(&s);
#undef ABC
}

static void test_random(void **state)
{
    (void)state;
    cf_soft_nsm *s = NULL;
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    CF_BUF(a);
    CF_BUF(b);
    cf_nsm_request q = {.op = CF_NSM_GET_RANDOM};
    cf_nsm_response first = ask(s, &q, &a), second = ask(s, &q, &b);
    assert_int_equal(first.data.len, 256);
    assert_false(cf_view_eq(first.data, second.data));
    cf_soft_nsm_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_files),      cmocka_unit_test(test_root_damage),
        cmocka_unit_test(test_document),        cmocka_unit_test(test_debug_document),
        cmocka_unit_test(test_leaf_is_renewed), cmocka_unit_test(test_registers),
        cmocka_unit_test(test_input_limits),    cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_octets),          cmocka_unit_test(test_random),
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
