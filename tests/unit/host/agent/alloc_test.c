/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of reading a request and writing an answer fails once: NO_MEMORY, and nothing is left. */
#include "host/agent/body.h"
#include "host/agent/json.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static const char request[] =
    "{\"vault_id\":\"v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL\",\"tenant\":\"acme\",\"schema\":\"person\","
    "\"key_id\":\"k1\","
    "\"writes\":[{\"id\":\"AAECAwQFBgcICQoLDA0ODw==\",\"version\":3,\"enc\":\"BAECAwQ=\"}],"
    "\"fields\":{\"email\":{\"write\":0,\"seq\":2,\"ct\":\"AAECAwQFBgcICQoLDA0ODxAR\"}},"
    "\"suite_id\":\"SFBLRQARAAIAAg==\",\"encrypted_private_key\":\"AAECAwQ=\"}";

static cf_result read_request(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    return cf_agent_json_read(cf_view_str(request), CF_VIEW_EMPTY, 1000, &out);
}

static cf_result write_answer(void *ctx)
{
    const cf_buf *wire = ctx;
    CF_BUF(out);
    return cf_agent_json_answer(cf_buf_view(wire), &out);
}

static cf_result read_body(void *ctx)
{
    (void)ctx;
    cf_body_head head;
    return cf_body_read(CF_LIT("\xa2\x01\x05\x02\x03"), &head);
}

static void test_all(void **state)
{
    (void)state;
    CF_BUF(wire);
    const cf_field_result results[] = {
        {CF_LIT("email"), CF_LIT("a value that takes some room"), CF_OK},
        {CF_LIT("city"), CF_VIEW_EMPTY, CF_ERR_OPEN}};
    assert_ok(cf_results_encode(results, 2, &wire));
    failmalloc_each(read_request, NULL, 5);
    failmalloc_each(write_answer, &wire, 2);
    failmalloc_each(read_body, NULL, 1);
}

/* What is secret is in no block of memory when that is given back. */
static void test_wiped(void **state)
{
    (void)state;
    /* The octets to look for stand in a local, not in a block of the allocator. */
    uint8_t secret[] = "canary-of-a-secret-key-0815";
    CF_BUF(out);
    failmalloc_watch(cf_view_make(secret, sizeof secret - 1));
    const cf_field_result result = {CF_LIT("email"), cf_view_make(secret, sizeof secret - 1),
                                    CF_OK};
    CF_BUF(wire);
    assert_ok(cf_results_encode(&result, 1, &wire));
    assert_ok(cf_agent_json_answer(cf_buf_view(&wire), &out));
    cf_buf_free(&out);
    cf_buf_free(&wire);
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_wiped),
    };
    return cmocka_run_group_tests_name("host/agent/alloc", tests, NULL, NULL);
}
