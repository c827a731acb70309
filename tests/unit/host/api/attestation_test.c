/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/attestation: the nonce that is asked for, and what becomes of the document. */
#include "core/codec/base64.h"
#include "tests/unit/host/api/world.h"

#define PATH "/v1/attestation"

static int set_up(void **state)
{
    static world w;
    world_open(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void assert_document(const world_answer *a, const char *text)
{
    CF_BUF(got);
    assert_int_equal(a->status, 200);
    assert_string_equal(world_header(a, "Content-Type"), "application/json");
    assert_ok(cf_base64_decode(cf_view_str(WORLD_TEXT(a->json, "document")), &got));
    assert_view(cf_buf_view(&got), cf_view_str(text));
    assert_string_equal(WORLD_TEXT(a->json, "boot_id"), "000102030405060708090a0b0c0d0e0f");
    assert_int_equal(strlen(WORLD_TEXT(a->json, "pcr0")), 96);
    assert_int_equal(json_object_size(a->json), 3);
}

static void test_documents(void **state)
{
    world *w = *state;
    uint64_t entries = world_entries(w);
    ANSWER(plain);
    world_do(w, "GET", PATH, NULL, &plain);
    assert_document(&plain, "document for ");
    ANSWER(with);
    world_do(w, "GET", PATH "?nonce=6D696e65", NULL, &with);
    assert_document(&with, "document for mine");
    ANSWER(raw);
    world_request req = {
        .method = "GET", .path = PATH "?nonce=6d", .token = w->token, .accept = "application/cbor"};
    world_call(w, &req, &raw);
    assert_int_equal(raw.status, 200);
    assert_string_equal(world_header(&raw, "Content-Type"), "application/cbor");
    assert_view(cf_buf_view(&raw.body), CF_LIT("document for m"));
    /* nobody's data was touched */
    assert_true(world_entries(w) == entries);
    assert_int_equal(w->agent.calls, 3);
}

static void test_every_scope(void **state)
{
    world *w = *state;
    static const char *const scopes[] = {"read", "write", "decrypt", "admin"};
    for (size_t i = 0; i < 4; i++) {
        char token[CF_TOKEN_TEXT_BYTES + 1], id[64];
        world_token(w, scopes[i], token, id);
        ANSWER(a);
        world_request req = {.method = "GET", .path = PATH, .token = token};
        world_call(w, &req, &a);
        assert_document(&a, "document for ");
    }
    ANSWER(none);
    world_request req = {.method = "GET", .path = PATH};
    world_call(w, &req, &none);
    assert_error(&none, 401, UNAUTHENTICATED);
}

static void test_nonces(void **state)
{
    world *w = *state;
    static const struct {
        const char *text;
        cf_err err;
    } rows[] = {{"", CF_ERR_EMPTY},
                {"6", CF_ERR_BAD_VALUE},
                {"6g", CF_ERR_BAD_VALUE},
                {"0x6d", CF_ERR_BAD_VALUE},
                {"6d 6d", CF_ERR_BAD_VALUE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[64];
        ANSWER(a);
        (void)snprintf(path, sizeof path, PATH "?nonce=%s", rows[i].text);
        world_do(w, "GET", path, NULL, &a);
        world_assert_error(&a, 422, rows[i].err, __FILE__, __LINE__);
        world_assert_fault(&a, 0, "nonce", cf_err_code(rows[i].err));
    }
    assert_int_equal(w->agent.calls, 0);
    for (size_t n = CF_WIRE_NONCE_BYTES_MAX - 1; n <= CF_WIRE_NONCE_BYTES_MAX + 1; n++) {
        static char path[64 + 2 * (CF_WIRE_NONCE_BYTES_MAX + 1)];
        ANSWER(a);
        (void)snprintf(path, sizeof path, PATH "?nonce=%0*d", (int)(2 * n), 0);
        world_do(w, "GET", path, NULL, &a);
        assert_int_equal(a.status, n <= CF_WIRE_NONCE_BYTES_MAX ? 200 : 422);
    }
}

static void test_failures(void **state)
{
    world *w = *state;
    w->agent.canned = CF_LIT("\xa1\x01\x40"); /* an empty document is none */
    ANSWER(empty);
    world_do(w, "GET", PATH, NULL, &empty);
    assert_error(&empty, 500, INTERNAL);
    w->agent.canned = CF_VIEW_EMPTY;
    w->agent.transport = CF_ERR_IO;
    ANSWER(gone);
    world_do(w, "GET", PATH, NULL, &gone);
    assert_error(&gone, 503, ENCLAVE_UNAVAILABLE);
    w->agent.transport = CF_OK;
    w->agent.status = 503;
    w->agent.canned = CF_LIT("\xa1\x01\x64"
                             "busy");
    ANSWER(busy);
    world_do(w, "GET", PATH, NULL, &busy);
    assert_error(&busy, 503, BUSY);
    w->agent.status = 500;
    w->agent.canned = CF_LIT("\xa1\x01\x6a"
                             "nsm_failed");
    ANSWER(module);
    world_do(w, "GET", PATH, NULL, &module);
    assert_error(&module, 500, INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_documents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_scope, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
