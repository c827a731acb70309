/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a named secret. The expected octets come from RFC 5869's construction written out with Python's hmac. */
#include "core/vault/secret.h"

#include "core/vault/record.h"
#include "tests/support/test.h"

static void test_known_answer(void **state)
{
    (void)state;
    uint8_t scalar[48];
    for (size_t i = 0; i < sizeof scalar; i++) {
        scalar[i] = (uint8_t)i;
    }
    CF_SECRET(key);
    cf_view want = view_hex("6d377f4b8fa407adc5d24e4c4dccfb500ea44261b71a70753a795ead30cd67af"
                            "6f15d9b586eae2070f4cf72fc68efaf5b9431bf29c5a1f388d2dfc78f9ea69bb");
    assert_ok(cf_named_secret(CF_VIEW_OF(scalar), CF_LIT("email-index"), &key));
    assert_view(cf_secret_view(&key), want);
    assert_ok(cf_named_secret(CF_VIEW_OF(scalar), CF_LIT("email-indey"), &key));
    assert_int_equal(key.len, CF_NAMED_SECRET_BYTES);
    assert_memory_not_equal(key.b, want.data, CF_NAMED_SECRET_BYTES);
    assert_err(cf_named_secret(CF_VIEW_EMPTY, CF_LIT("email-index"), &key), ARGUMENT);
    assert_int_equal(key.len, 0);
    assert_err(cf_named_secret(CF_VIEW_OF(scalar), CF_VIEW_EMPTY, &key), ARGUMENT);
    view_free(want);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool ok;
    } rows[] = {
        {"a", true},         {"email-index-2", true},
        {"", false},         {"Email", false},
        {"-a", false},       {"1a", false},
        {"a_b", false},      {"a b", false},
        {"a'b", false},      {"abcdefghijklmnopqrstuvwxyz01", true},
        {"\xc3\xa9", false}, {"abcdefghijklmnopqrstuvwxyz012", true},
        {"a\n", false},      {"abcdefghijklmnopqrstuvwxyz0123", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(cf_secret_name_ok(cf_view_str(rows[i].name)), rows[i].ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
