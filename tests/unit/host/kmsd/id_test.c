/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/id.h"

#include "tests/support/test.h"

#define UUID "1234abcd-12ab-34cd-56ef-1234567890ab"

static void test_uuids(void **state)
{
    (void)state;
    cf_uuid a, b;
    assert_ok(cf_uuid_make(&a));
    assert_ok(cf_uuid_make(&b));
    assert_string_not_equal(a.text, b.text);
    assert_int_equal(a.text[14], '4');
    assert_non_null(strchr("89ab", a.text[19]));
    assert_ok(cf_uuid_parse(cf_uuid_view(&a), &b));
    assert_string_equal(a.text, b.text);
    uint8_t bytes[CF_UUID_BYTES];
    cf_uuid c;
    cf_uuid_to_bytes(&a, bytes);
    cf_uuid_from_bytes(bytes, &c);
    assert_string_equal(a.text, c.text);
    static const char *const bad[] = {"",
                                      "1234abcd-12ab-34cd-56ef-1234567890a",
                                      "1234abcd-12ab-34cd-56ef-1234567890abc",
                                      "1234ABCD-12ab-34cd-56ef-1234567890ab",
                                      "1234abcd012ab-34cd-56ef-1234567890ab",
                                      "1234abcd-12ab-34cd-56ef-1234567890ag",
                                      "1234abcd-12ab-34cd-56ef1-234567890ab"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_uuid_parse(cf_view_str(bad[i]), &c), MALFORMED);
        assert_int_equal(c.text[0], '\0');
    }
}

static void test_names(void **state)
{
    (void)state;
    cf_kmsd_names n;
    char arn[CF_KMSD_ARN_BYTES_MAX];
    cf_uuid id;
    assert_ok(cf_uuid_parse(CF_LIT(UUID), &id));
    assert_ok(cf_kmsd_names_init("eu-central-1", "111122223333", &n));
    assert_string_equal(n.caller, "arn:aws:iam::111122223333:user/local");
    assert_string_equal(n.root, "arn:aws:iam::111122223333:root");
    cf_kmsd_key_arn(&n, &id, arn);
    assert_string_equal(arn, "arn:aws:kms:eu-central-1:111122223333:key/" UUID);
    assert_ok(cf_kmsd_names_init("cn-north-1", "111122223333", &n));
    assert_string_equal(n.root, "arn:aws-cn:iam::111122223333:root");
    assert_ok(cf_kmsd_names_init("us-gov-west-1", "111122223333", &n));
    assert_string_equal(n.root, "arn:aws-us-gov:iam::111122223333:root");
    /* 32 characters of region are the most */
    assert_ok(cf_kmsd_names_init("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "111122223333", &n));
    assert_ok(cf_kmsd_names_init("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "111122223333", &n));
    cf_kmsd_key_arn(&n, &id, arn);
    assert_true(strlen(arn) < CF_KMSD_ARN_BYTES_MAX - 1);
    assert_err(cf_kmsd_names_init("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "111122223333", &n),
               ARGUMENT);
    static const char *const regions[] = {"", "us east", "US-EAST-1", "us_east", "us:east"};
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        assert_err(cf_kmsd_names_init(regions[i], "111122223333", &n), ARGUMENT);
    }
    static const char *const accounts[] = {"", "11112222333", "1111222233334", "11112222333a",
                                           "-11112222333"};
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        assert_err(cf_kmsd_names_init("us-east-1", accounts[i], &n), ARGUMENT);
    }
}

static void test_key_ids(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cf_key_id_kind kind;
        const char *rest;
    } rows[] = {
        {UUID, CF_KEY_ID_UUID, ""},
        {"arn:aws:kms:us-east-1:111122223333:key/" UUID, CF_KEY_ID_UUID, ""},
        {"mrk-1234abcd12ab34cd56ef1234567890ab", CF_KEY_ID_OTHER_NAME, ""},
        {"arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
         CF_KEY_ID_OTHER_NAME, ""},
        {"alias/x", CF_KEY_ID_ALIAS, "alias/x"},
        {"alias/", CF_KEY_ID_ALIAS, "alias/"},
        {"arn:aws:kms:us-east-1:111122223333:alias/x", CF_KEY_ID_ALIAS, "alias/x"},
        {"arn:aws:kms:us-east-1:999999999999:key/" UUID, CF_KEY_ID_FOREIGN, ""},
        {"arn:aws:kms:us-west-2:111122223333:key/" UUID, CF_KEY_ID_BAD_REGION,
         "us-west-2:111122223333:key/" UUID},
        {"arn:aws-cn:kms:us-east-1:111122223333:key/" UUID, CF_KEY_ID_BAD_REGION,
         "aws-cn:kms:us-east-1:111122223333:key/" UUID},
        {"arn:aws:s3:us-east-1:111122223333:key/" UUID, CF_KEY_ID_BAD_REGION,
         "s3:us-east-1:111122223333:key/" UUID},
        {"arn:", CF_KEY_ID_BAD_REGION, ""},
        {"arn:aws:kms:us-east-1", CF_KEY_ID_BAD_REGION, "us-east-1"},
        {"arn:aws:kms:us-east-1:111122223333:grant/x", CF_KEY_ID_INVALID, ""},
        {"arn:aws:kms:us-east-1:111122223333:key/", CF_KEY_ID_INVALID, ""},
        {"", CF_KEY_ID_INVALID, ""},
        {"x", CF_KEY_ID_INVALID, ""},
        {"mrk-1234abcd12ab34cd56ef1234567890a", CF_KEY_ID_INVALID, ""},
        {"mrk-1234ABCD12ab34cd56ef1234567890ab", CF_KEY_ID_INVALID, ""},
    };
    cf_kmsd_names n;
    assert_ok(cf_kmsd_names_init("us-east-1", "111122223333", &n));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_uuid id;
        cf_view rest;
        cf_view exact = view_copy(cf_view_str(rows[i].text));
        if (cf_kmsd_key_id(&n, exact, &id, &rest) != rows[i].kind) {
            fail_msg("%s", rows[i].text);
        }
        assert_view(rest, cf_view_str(rows[i].rest));
        assert_string_equal(id.text, rows[i].kind == CF_KEY_ID_UUID ? UUID : "");
        view_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuids),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_key_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
