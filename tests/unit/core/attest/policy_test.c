/* SPDX-License-Identifier: Apache-2.0 */
/* What a verifier may ask beyond a genuine document, and what can be said of one that is refused. */
#include "core/attest/attest.h"
#include "tests/support/vectors.h"

#define HOUR_MS (UINT64_C(3600) * 1000)

static cf_buf root, prod, debug, other_root;
static cf_attest_payload prod_fields, debug_fields;

static void parse(const cf_buf *doc, cf_attest_payload *ret)
{
    cf_attest_envelope env;
    assert_ok(cf_attest_parse(cf_buf_view(doc), &env, ret));
}

static int load(void **state)
{
    (void)state;
    vec_file("aws-nitro-root-g1.der", &root);
    vec_file("attestation/prod-signed-2022.bin", &prod);
    vec_file("attestation/debug-2022.bin", &debug);
    parse(&prod, &prod_fields);
    parse(&debug, &debug_fields);
    assert_ok(cf_buf_append(&other_root, prod_fields.cabundle[1]));
    return 0;
}

static int unload(void **state)
{
    (void)state;
    cf_buf *const all[] = {&root, &prod, &debug, &other_root};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cf_buf_free(all[i]);
    }
    return 0;
}

static cf_attest_policy archived(void)
{
    return (cf_attest_policy){.root = cf_buf_view(&root), .archived = true};
}

/* The outcome of both functions, which must agree. */
static cf_attest_stage judged(const cf_buf *doc, const cf_attest_policy *policy,
                              cf_attest_report *ret)
{
    cf_attest_stage stage = CF_ATTEST_HOLDS;
    cf_attest_payload p;
    cf_result r = cf_attest_verify(cf_buf_view(doc), policy, &stage, &p);
    assert_ok(cf_attest_examine(cf_buf_view(doc), policy, ret));
    assert_int_equal(ret->stage, stage);
    assert_code(r, stage == CF_ATTEST_HOLDS       ? CF_OK
                   : stage == CF_ATTEST_FRESHNESS ? CF_ERR_STALE
                                                  : CF_ERR_ATTESTATION);
    return stage;
}

static void expect_marks(const cf_attest_report *r, const char *marks)
{
    char got[CF_ATTEST_HOLDS + 1] = {0};
    for (size_t i = 0; i < CF_ATTEST_HOLDS; i++) {
        got[i] = "-uxo"[r->marks[i]];
    }
    assert_string_equal(got, marks);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"syntax", "root",  "chain", "signature", "freshness",
                                        "nonce",  "debug", "pcrs",  "holds"};
    for (unsigned s = 0; s <= CF_ATTEST_HOLDS; s++) {
        assert_string_equal(cf_attest_stage_name((cf_attest_stage)s), names[s]);
    }
    assert_string_equal(cf_attest_stage_name((cf_attest_stage)(CF_ATTEST_HOLDS + 1)), "");
}

/* --- registers --- */

static const uint8_t new_image[CF_PCR_BYTES_SHA384] = {1, 2, 3};

static void test_accepted_values(void **state)
{
    (void)state;
    cf_view fresh = CF_VIEW_OF(new_image), old0 = prod_fields.pcrs[0], old8 = prod_fields.pcrs[8];
    const struct {
        cf_attest_accepted all[4];
        size_t n;
        uint32_t wrong;
    } rows[] = {
        {{{0, old0}}, 1, 0},
        {{{0, fresh}}, 1, 1},
        /* a new image beside the old one, in either order */
        {{{0, fresh}, {0, old0}}, 2, 0},
        {{{0, old0}, {0, fresh}}, 2, 0},
        {{{0, fresh}, {8, old8}, {0, old0}}, 3, 0},
        /* every register that is named counts */
        {{{0, old0}, {8, fresh}}, 2, 1 << 8},
        {{{0, fresh}, {8, fresh}, {8, old0}}, 3, 1 | 1 << 8},
        {{{3, prod_fields.pcrs[3]}, {4, prod_fields.pcrs[4]}, {8, old8}, {1, old0}}, 4, 1 << 1},
        /* the value of another register is of no use */
        {{{1, old0}}, 1, 1 << 1},
        /* one that the document does not list may have any value */
        {{{16, fresh}}, 1, 1 << 16},
        {{{31, old0}}, 1, UINT32_C(1) << 31},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_attest_policy policy = archived();
        cf_attest_report r;
        policy.pcrs = rows[i].all;
        policy.pcrs_n = rows[i].n;
        assert_int_equal(judged(&prod, &policy, &r),
                         rows[i].wrong == 0 ? CF_ATTEST_HOLDS : CF_ATTEST_PCRS);
        assert_int_equal(r.wrong_pcrs, rows[i].wrong);
    }
}

static void expect_argument(const cf_attest_policy *policy)
{
    cf_attest_stage stage;
    cf_attest_payload p;
    cf_attest_report r;
    assert_err(cf_attest_verify(cf_buf_view(&prod), policy, &stage, &p), ARGUMENT);
    assert_err(cf_attest_examine(cf_buf_view(&prod), policy, &r), ARGUMENT);
}

static void test_values_that_no_register_has(void **state)
{
    (void)state;
    cf_attest_accepted many[CF_ATTEST_ACCEPTED_MAX + 1];
    for (size_t i = 0; i <= CF_ATTEST_ACCEPTED_MAX; i++) {
        many[i] = (cf_attest_accepted){0, prod_fields.pcrs[0]};
    }
    cf_attest_policy policy = archived();
    cf_attest_report r;
    policy.pcrs = many;
    for (size_t n = CF_ATTEST_ACCEPTED_MAX - 1; n <= CF_ATTEST_ACCEPTED_MAX; n++) {
        policy.pcrs_n = n;
        assert_int_equal(judged(&prod, &policy, &r), CF_ATTEST_HOLDS);
    }
    policy.pcrs_n = CF_ATTEST_ACCEPTED_MAX + 1;
    expect_argument(&policy);
    policy.pcrs_n = 1;
    many[0].index = CF_PCR_COUNT;
    expect_argument(&policy);
    many[0].index = 0;
    many[0].value = cf_view_sub(prod_fields.pcrs[0], 0, 47);
    expect_argument(&policy);
    many[0].value = CF_VIEW_EMPTY;
    expect_argument(&policy);
}

/* --- nonce --- */

static void test_nonce(void **state)
{
    (void)state;
    cf_view nonce = prod_fields.nonce;
    assert_int_equal(nonce.len, 256);
    cf_view changed = view_copy(nonce);
    ((uint8_t *)(uintptr_t)changed.data)[255] ^= 1;
    const struct {
        const cf_buf *doc;
        cf_view nonce;
        bool holds;
    } rows[] = {
        {&prod, nonce, true},
        {&prod, changed, false},
        {&prod, cf_view_sub(nonce, 0, 255), false},
        {&prod, CF_VIEW_EMPTY, false},
        /* a document with none does not have an empty one */
        {&debug, CF_VIEW_EMPTY, false},
        {&debug, nonce, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_attest_policy policy = archived();
        cf_attest_report r;
        policy.allow_debug = true;
        policy.need_nonce = true;
        policy.nonce = rows[i].nonce;
        assert_int_equal(judged(rows[i].doc, &policy, &r),
                         rows[i].holds ? CF_ATTEST_HOLDS : CF_ATTEST_NONCE);
    }
    view_free(changed);
}

/* --- reports --- */

static void test_all_that_is_wrong(void **state)
{
    (void)state;
    cf_attest_accepted accepted[] = {{0, CF_VIEW_OF(new_image)}};
    cf_attest_policy policy = {.root = cf_buf_view(&other_root),
                               .now_ms = debug_fields.timestamp_ms + 4 * HOUR_MS,
                               .age_max_ms = HOUR_MS,
                               .need_nonce = true,
                               .nonce = CF_LIT("mine"),
                               .pcrs = accepted,
                               .pcrs_n = 1};
    cf_attest_report r;
    /* a debug document under another root: chain and signature hold by themselves */
    assert_int_equal(judged(&debug, &policy, &r), CF_ATTEST_ROOT);
    expect_marks(&r, "oxooxxxx");
    assert_true(r.debug);
    assert_int_equal(r.wrong_pcrs, 1);
    assert_int_equal(r.chain.fault, CF_CHAIN_HOLDS);
    assert_view(r.payload.module_id, debug_fields.module_id);
    policy.root = cf_buf_view(&root);
    assert_int_equal(judged(&debug, &policy, &r), CF_ATTEST_FRESHNESS);
    expect_marks(&r, "ooooxxxx");
    /* nothing is asked but what every document must be */
    policy = archived();
    policy.root = CF_VIEW_EMPTY;
    policy.allow_debug = true;
    assert_ok(cf_attest_examine(cf_buf_view(&debug), &policy, &r));
    expect_marks(&r, "o-oo----");
    assert_int_equal(r.stage, CF_ATTEST_HOLDS);
    assert_true(r.debug);
}

/* Where the timestamp's number stands. */
static uint8_t *timestamp_of(cf_buf *doc)
{
    uint8_t *at = memmem(doc->data, doc->len, "timestamp", 9);
    assert_non_null(at);
    assert_int_equal(at[9], 0x1b);
    return at + 10;
}

static void test_broken_parts(void **state)
{
    (void)state;
    CF_BUF(doc);
    cf_attest_policy policy = archived();
    cf_attest_report r;
    /* octets that are no document: nothing else can be said */
    assert_ok(cf_buf_append(&doc, CF_LIT("hello")));
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_SYNTAX);
    expect_marks(&r, "xuuu--u-");
    assert_int_not_equal(r.syntax, CF_OK);
    assert_int_equal(r.payload.module_id.len, 0);
    /* a payload that was changed: only the signature tells */
    assert_ok(cf_buf_set(&doc, cf_buf_view(&prod)));
    doc.data[(size_t)(prod_fields.pcrs[0].data - prod.data)] ^= 1;
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_SIGNATURE);
    expect_marks(&r, "ooox--o-");
    /* a time outside the chain: the leaf's own key still fits what was signed before the change, but not after it */
    assert_ok(cf_buf_set(&doc, cf_buf_view(&prod)));
    timestamp_of(&doc)[3] ^= 1; /* 2^32 ms are 50 days, back or forth */
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_CHAIN);
    expect_marks(&r, "ooxx--o-");
    assert_true(r.chain.fault == CF_CHAIN_EXPIRED || r.chain.fault == CF_CHAIN_NOT_YET);
    /* a leaf certificate that cannot be read leaves no key to judge the signature by */
    assert_ok(cf_buf_set(&doc, cf_buf_view(&prod)));
    doc.data[(size_t)(prod_fields.certificate.data - prod.data)] ^= 1;
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_CHAIN);
    expect_marks(&r, "ooxu--o-");
    assert_int_equal(r.chain.fault, CF_CHAIN_SYNTAX);
    assert_int_equal(r.chain.at, 4);
    /* a signature of an intermediate that was changed */
    assert_ok(cf_buf_set(&doc, cf_buf_view(&prod)));
    size_t end = (size_t)(prod_fields.cabundle[2].data - prod.data) + prod_fields.cabundle[2].len;
    doc.data[end - 1] ^= 1;
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_CHAIN);
    assert_int_equal(r.chain.fault, CF_CHAIN_SIGNATURE);
    assert_int_equal(r.chain.at, 2);
}

/* The double of another project is no document of the service: what is wrong with it is told first. */
static void test_double(void **state)
{
    (void)state;
    CF_BUF(doc);
    vec_file("attestation/negative-selfsigned.bin", &doc);
    cf_attest_policy policy = archived();
    cf_attest_report r;
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_SYNTAX);
}

/* QEMU's module signs nothing: {1: -1} and 64 zero octets where real documents have ES384. */
static void test_unsigned(void **state)
{
    (void)state;
    CF_BUF(doc);
    cf_attest_envelope env;
    cf_attest_payload p;
    assert_ok(cf_attest_parse(cf_buf_view(&prod), &env, &p));
    assert_ok(cf_buf_append(&doc, CF_LIT("\x84\x43\xa1\x01\x20\xa0\x59")));
    const uint8_t len[] = {(uint8_t)(env.payload.len >> 8), (uint8_t)env.payload.len};
    assert_ok(cf_buf_append(&doc, CF_VIEW_OF(len)));
    assert_ok(cf_buf_append(&doc, env.payload));
    static const uint8_t zeros[64];
    assert_ok(cf_buf_append(&doc, CF_LIT("\x58\x40")));
    assert_ok(cf_buf_append(&doc, CF_VIEW_OF(zeros)));
    cf_attest_policy policy = archived();
    cf_attest_report r;
    assert_int_equal(judged(&doc, &policy, &r), CF_ATTEST_SYNTAX);
}

/* --- user_data of identity documents --- */

static void test_identity_data(void **state)
{
    (void)state;
    static const uint8_t boot[CF_ATTEST_BOOT_ID_BYTES] = {1, 2, 3, 15};
    uint8_t octets[CF_ATTEST_IDENTITY_BYTES + 1] = {0};
    const cf_attest_identity m = {CF_VIEW_OF(boot), CF_HPKE_DEFAULT};
    cf_attest_identity got;
    assert_ok(cf_attest_identity_put(&m, octets));
    cf_view want = view_copy(cf_view_make(octets, CF_ATTEST_IDENTITY_BYTES));
    assert_view(cf_view_sub(want, 0, 17), CF_LIT("coffer.identity.1"));
    assert_view(cf_view_sub(want, 17, 16), CF_VIEW_OF(boot));
    assert_view(cf_view_sub(want, 33, 10), CF_LIT("HPKE\x00\x11\x00\x02\x00\x02"));
    assert_ok(cf_attest_identity_get(want, &got));
    assert_view(got.boot_id, CF_VIEW_OF(boot));
    assert_int_equal(got.suite.kem, CF_P384);
    assert_int_equal(got.suite.kdf, CF_SHA384);
    assert_int_equal(got.suite.aead, CF_AES_256_GCM);
    view_free(want);
    for (size_t n = 0; n <= CF_ATTEST_IDENTITY_BYTES + 1; n++) {
        cf_view cut = view_copy(cf_view_make(octets, n));
        assert_int_equal(cf_is_ok(cf_attest_identity_get(cut, &got)),
                         n == CF_ATTEST_IDENTITY_BYTES);
        view_free(cut);
    }
    octets[16] ^= 3; /* another version */
    assert_err(cf_attest_identity_get(cf_view_make(octets, CF_ATTEST_IDENTITY_BYTES), &got),
               MALFORMED);
    octets[16] ^= 3;
    octets[38] = 0xff; /* another group */
    assert_err(cf_attest_identity_get(cf_view_make(octets, CF_ATTEST_IDENTITY_BYTES), &got),
               UNSUPPORTED);
    const cf_attest_identity nobody = {CF_LIT("short"), CF_HPKE_DEFAULT};
    assert_err(cf_attest_identity_put(&nobody, octets), ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_accepted_values),
        cmocka_unit_test(test_values_that_no_register_has),
        cmocka_unit_test(test_nonce),
        cmocka_unit_test(test_all_that_is_wrong),
        cmocka_unit_test(test_broken_parts),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_identity_data),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
