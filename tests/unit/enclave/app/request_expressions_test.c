/* SPDX-License-Identifier: Apache-2.0 */
/* A request with expressions by itself: what is opened, what is left in memory, and what happens without memory. */
#include "core/vault/seal.h"
#include "enclave/app/request.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

enum { WRITES = 3, FIELDS = 9 };
#define CANARY "Canary-4711-"

static struct {
    cf_cached_key key;
    cf_sealer *sealers[WRITES];
    cf_write_ref writes[WRITES];
    cf_field fields[FIELDS];
    cf_buf sealed[FIELDS];
    char names[FIELDS][8];
    cf_programs *programs;
} f;

/* Fields f0..f8: of each write two, then three of encoding 2. */
static int make(void **state)
{
    (void)state;
    CF_AUTO(cf_dh_free) cf_dh_key *pair = NULL;
    const cf_binding b = {CF_LIT("acme"), CF_LIT("v_000000000000000000000000000"), CF_LIT("person"),
                          CF_HPKE_DEFAULT};
    assert_ok(cf_programs_new(16, 1 << 20, &f.programs));
    assert_ok(cf_dh_generate(CF_P384, &pair));
    f.key.curve = CF_P384;
    f.key.public_key = *cf_dh_public_of(pair);
    assert_ok(cf_dh_secret_of(pair, &f.key.scalar));
    cf_view pub = cf_dh_public_view(&f.key.public_key);
    for (size_t i = 0; i < FIELDS; i++) {
        char value[32];
        (void)snprintf(f.names[i], sizeof f.names[i], "f%zu", i);
        (void)snprintf(value, sizeof value, CANARY "%zu", i);
        cf_field *field = &f.fields[i];
        *field = (cf_field){.name = cf_view_str(f.names[i]), .encoding = CF_ENC_BINARY};
        if (i < 2 * WRITES) {
            size_t w = i / 2;
            if (i % 2 == 0) {
                assert_ok(cf_sealer_new(&b, pub, w + 1, &f.sealers[w]));
                f.writes[w] = cf_sealer_write(f.sealers[w]);
            }
            field->encoding = CF_ENC_WRITE;
            field->write = (uint32_t)w;
            assert_ok(cf_sealer_field(f.sealers[w], field->name, cf_view_str(value), &field->seq,
                                      &f.sealed[i]));
        } else {
            assert_ok(cf_seal_binary(&b, pub, field->name, cf_view_str(value), &f.sealed[i]));
        }
        field->value = cf_buf_view(&f.sealed[i]);
    }
    return 0;
}

static int release(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIELDS; i++) {
        cf_buf_free(&f.sealed[i]);
    }
    for (size_t i = 0; i < WRITES; i++) {
        cf_sealer_free(&f.sealers[i]);
    }
    cf_secret_wipe(&f.key.scalar);
    cf_programs_free(&f.programs);
    return 0;
}

/* The request for all fields, the last of them silent, with these expressions: pairs that end with NULL. */
static cf_result body_of(size_t silent, const char *const (*expressions)[2], cf_buf *out)
{
    cf_expression all[8];
    size_t n = 0;
    for (; expressions[n][0] != NULL; n++) {
        all[n] = (cf_expression){cf_view_str(expressions[n][0]), cf_view_str(expressions[n][1])};
    }
    const cf_decrypt m = {.deadline_ms = 60000,
                          .tenant = CF_LIT("acme"),
                          .vault_id = CF_LIT("v_000000000000000000000000000"),
                          .schema = CF_LIT("person"),
                          .kms_key = CF_LIT("k"),
                          .suite = CF_HPKE_DEFAULT,
                          .wrapped_key = CF_LIT("w"),
                          .writes = f.writes,
                          .writes_n = WRITES,
                          .fields = f.fields,
                          .fields_n = FIELDS,
                          .expressions = all,
                          .expressions_n = n,
                          .silent_n = silent};
    return cf_decrypt_encode(&m, out);
}

/* What a worker does with it, from its arrival to its answer. */
static CF_MUST_USE cf_result serve(cf_view body, cf_request **ret)
{
    CF_ARENA(scratch, CF_TRANSFORM_LIVE_BYTES_MAX);
    cf_request *r = NULL;
    CF_TRY(cf_request_new(body, 1, 0, &r));
    *ret = r;
    assert_true(cf_request_settle(r, cf_ok(), &f.key));
    assert_null(cf_request_wants(r));
    cf_request_prepare(r, f.programs, 1);
    for (size_t i = 0; r->error == CF_OK && i < r->units_n; i++) {
        cf_request_open_unit(r, &r->units[i], 1);
    }
    cf_request_finish(r, &scratch);
    return (cf_result){r->error};
}

static void answer_of(const cf_request *r, cf_arena *arena, cf_answer *ret)
{
    cf_msg m;
    size_t used;
    assert_ok(cf_frame_decode(cf_buf_view(&r->answer), &used, &m));
    assert_int_equal(m.kind, CF_MSG_ANSWER + CF_MSG_DECRYPT);
    assert_ok(cf_answer_decode(m.body, arena, ret));
}

static void test_units(void **state)
{
    (void)state;
    static const struct {
        size_t silent;
        const char *source;
        size_t units, opened; /* multiplications, fields */
        const char *json;
    } rows[] = {
        {0, "1", 6, 9, "1"},
        {9, "1", 0, 0, "1"},
        {9, "f0 == f1", 1, 2, "false"},
        {9, "f0 == f2", 2, 2, "false"},
        {8, "f8 == f7", 3, 3, "false"},
        {9, "f8", 1, 1, "\"" CANARY "8\""},
        {5, "[f4].map(f8, f8)", 3, 5, "[\"" CANARY "4\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *expressions[][2] = {{"e", rows[i].source}, {NULL, NULL}};
        CF_BUF(body);
        CF_ARENA(arena, (size_t)1 << 20);
        CF_AUTO(cf_request_free) cf_request *r = NULL;
        cf_answer a;
        assert_ok(body_of(rows[i].silent, (const char *const(*)[2])expressions, &body));
        assert_ok(serve(cf_buf_view(&body), &r));
        size_t opened = 0;
        for (size_t k = 0; k < r->units_n; k++) {
            opened += r->units[k].fields_n;
        }
        assert_int_equal(r->units_n, rows[i].units);
        assert_int_equal(opened, rows[i].opened);
        answer_of(r, &arena, &a);
        assert_int_equal(a.fields_n, FIELDS - rows[i].silent);
        assert_view(a.expressions[0].json, cf_view_str(rows[i].json));
    }
}

static const char *const typical[][2] = {{"a", "f0 + f8"},
                                         {"b", "mask(a, 3)"},
                                         {"c", "f3 == null ? f4 : [f3, b]"},
                                         {"bad", "f3 +"},
                                         {NULL, NULL}};

static cf_result whole(void *ctx)
{
    CF_BUF(body);
    CF_AUTO(cf_request_free) cf_request *r = NULL;
    (void)ctx;
    CF_TRY(body_of(9, typical, &body));
    return serve(cf_buf_view(&body), &r);
}

static void test_no_memory(void **state)
{
    (void)state;
    /* from its first failure on libcrypto keeps a list of errors for the thread */
    for (size_t n = 1; n <= 200; n++) {
        failmalloc_set(n);
        cf_ignore(whole(NULL));
    }
    failmalloc_set(0);
    /* what is made is kept by the cache: here the cache is another each time */
    for (size_t n = 1, failed = 1; failed > 0; n++) {
        cf_programs_free(&f.programs);
        assert_ok(cf_programs_new(16, 1 << 20, &f.programs));
        long live = failmalloc_live();
        failmalloc_set(n);
        cf_result r = whole(NULL);
        failmalloc_set(0);
        failed = !cf_is_ok(r);
        if (failed) {
            assert_true(r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_CRYPTO);
        }
        assert_in_range(n, 1, 1000);
        size_t kept = cf_programs_count(f.programs);
        assert_in_range(failmalloc_live() - live, 0, 2 * kept);
    }
}

/* No block that is given back holds a value: neither what was opened nor what was computed of it. */
static void test_nothing_is_left(void **state)
{
    (void)state;
    CF_BUF(body);
    cf_request *r = NULL;
    static char canary[] = CANARY;
    assert_ok(body_of(9, typical, &body));
    assert_int_equal(failmalloc_watch(cf_view_str(canary)), 0);
    assert_ok(serve(cf_buf_view(&body), &r));
    cf_request_free(&r);
    size_t left = failmalloc_watch(CF_VIEW_EMPTY);
    assert_int_equal(left, 0);
}

static void test_late(void **state)
{
    (void)state;
    CF_BUF(body);
    CF_AUTO(cf_request_free) cf_request *r = NULL;
    assert_ok(body_of(0, typical, &body));
    assert_ok(cf_request_new(cf_buf_view(&body), 1, 0, &r));
    assert_true(cf_request_settle(r, cf_ok(), &f.key));
    cf_request_prepare(r, f.programs, 60000);
    assert_int_equal(r->error, CF_ERR_TIMEOUT);
    assert_int_equal(r->units_n, 0);
    cf_request_finish(r, NULL);
    assert_int_equal(r->error, CF_ERR_TIMEOUT);
    assert_int_equal(r->answer.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_units, make, release),
        cmocka_unit_test_setup_teardown(test_no_memory, make, release),
        cmocka_unit_test_setup_teardown(test_nothing_is_left, make, release),
        cmocka_unit_test_setup_teardown(test_late, make, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
