/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/profile.h"

#include "tests/support/test.h"

static cf_result read(const char *text, const char *name, bool config, cf_profile *p)
{
    return cf_profile_read(cf_view_str(text), cf_view_str(name), config, p);
}

static void check(const char *text, const char *name, bool config, const char *id, const char *key)
{
    cf_profile p;
    assert_ok(read(text, name, config, &p));
    assert_int_equal(p.found, id != NULL);
    assert_view(p.values[CF_PROFILE_ACCESS_KEY_ID], cf_view_str(id));
    assert_view(p.values[CF_PROFILE_SECRET_KEY], cf_view_str(key));
}

#define KEYS "aws_access_key_id = AK\naws_secret_access_key = s/+=\n"

static void test_credentials_file(void **state)
{
    (void)state;
    check("[default]\n" KEYS, "default", false, "AK", "s/+=");
    check("# c\n; c\n\n[other]\naws_access_key_id=no\n[default]\r\n" KEYS, "default", false, "AK",
          "s/+=");
    check("[a]\nAWS_Access_Key_ID\t=\tX\t\naws_secret_access_key=y", "a", false, "X", "y");
    check("[ a ]  # c\n" KEYS, "a", false, "AK", "s/+=");
    check("[a b]\n" KEYS, "a b", false, "AK", "s/+=");
    check("[profile a]\n" KEYS, "profile a", false, "AK", "s/+=");
    check("[profile a]\n" KEYS, "a", false, NULL, NULL);
    check("[A]\n" KEYS, "a", false, NULL, NULL);
    check("[a]\n", "a", false, "", "");
    check("", "a", false, NULL, NULL);
    check("[a]\naws_access_key_id =\n", "a", false, "", "");
    /* Nested settings, and values with signs in them, are of no matter. */
    check("[a]\ns3 =\n  max = 1\n  [x]\n  free\n" KEYS "x = a = b # c ; d\n", "a", false, "AK",
          "s/+=");
    check("[b]\naws_access_key_id = 1\n more\n[a]\n" KEYS, "a", false, "AK", "s/+=");
}

static void test_config_file(void **state)
{
    (void)state;
    check("[default]\n" KEYS, "default", true, "AK", "s/+=");
    check("[profile default]\n" KEYS, "default", true, "AK", "s/+=");
    check("[profile a]\n" KEYS "[profile b]\n", "a", true, "AK", "s/+=");
    check("[ profile\t a ]\n" KEYS, "a", true, "AK", "s/+=");
    check("[profile \"a b\"]\n" KEYS, "a b", true, "AK", "s/+=");
    check("[a]\n" KEYS, "a", true, NULL, NULL);
    check("[services a]\n" KEYS, "a", true, NULL, NULL);
    check("[sso-session a]\n" KEYS, "a", true, NULL, NULL);
    check("[profile]\n" KEYS, "profile", true, NULL, NULL);
}

static void test_other_keys(void **state)
{
    (void)state;
    cf_profile p;
    assert_ok(read("[profile a]\nrole_arn = r\nrole_session_name=n\nweb_identity_token_file = /t\n"
                   "region = eu-central-1\nsource_profile=x\ncredential_source=y\n"
                   "credential_process=/bin/z a b\nsso_session=s\nsso_start_url=u\n"
                   "aws_session_token=t\nlogin_session=l\n",
                   "a", true, &p));
    static const char *const want[] = {"",  "",  "t",          "r", "n", "/t", "eu-central-1",
                                       "x", "y", "/bin/z a b", "s", "u", "l"};
    assert_int_equal(sizeof want / sizeof want[0], CF_PROFILE_KEY_COUNT);
    for (size_t i = 0; i < CF_PROFILE_KEY_COUNT; i++) {
        assert_view(p.values[i], cf_view_str(want[i]));
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cf_err want;
    } rows[] = {
        {"x = y\n[a]\n", CF_ERR_MALFORMED},
        {"  x = y\n", CF_ERR_MALFORMED},
        {"[a\n", CF_ERR_MALFORMED},
        {"[]\n", CF_ERR_MALFORMED},
        {"[ ]\n", CF_ERR_MALFORMED},
        {"[a] b\n", CF_ERR_MALFORMED},
        {"[a]\nword\n", CF_ERR_MALFORMED},
        {"[a]\n= x\n", CF_ERR_MALFORMED},
        {"[a]\n indented = before any key\n", CF_ERR_MALFORMED},
        {"[a]\naws_access_key_id = A\n  K\n", CF_ERR_MALFORMED},
        {"[a]\n[a]\n", CF_ERR_DUPLICATE},
        {"[a]\n[b]\n[a]\n", CF_ERR_DUPLICATE},
        {"[a]\naws_access_key_id = A\naws_access_key_id = A\n", CF_ERR_DUPLICATE},
        {"[a]\naws_access_key_id = A\nAWS_ACCESS_KEY_ID = B\n", CF_ERR_DUPLICATE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_profile p;
        cf_result r = read(rows[i].text, "a", false, &p);
        if (r.code != rows[i].want) {
            print_error("row %s\n", rows[i].text);
        }
        assert_code(r, rows[i].want);
        assert_false(p.found);
        assert_null(p.values[0].data);
    }
    cf_profile p;
    assert_err(cf_profile_read(CF_LIT("[a]\nb = \0\n"), CF_LIT("a"), false, &p), MALFORMED);
}

static cf_result with_lengths(size_t line, size_t all)
{
    static char text[CF_CREDS_PROFILE_BYTES_MAX + 2];
    cf_profile p;
    memset(text, '\n', sizeof text);
    memset(text, '#', line);
    return cf_profile_read(cf_view_make(text, all), CF_LIT("a"), false, &p);
}

static void test_limits(void **state)
{
    (void)state;
    assert_ok(with_lengths(CF_CREDS_PROFILE_LINE_BYTES_MAX - 1, 30000));
    assert_ok(with_lengths(CF_CREDS_PROFILE_LINE_BYTES_MAX, 30000));
    assert_err(with_lengths(CF_CREDS_PROFILE_LINE_BYTES_MAX + 1, 30000), SIZE);
    assert_ok(with_lengths(3, CF_CREDS_PROFILE_BYTES_MAX - 1));
    assert_ok(with_lengths(3, CF_CREDS_PROFILE_BYTES_MAX));
    assert_err(with_lengths(3, CF_CREDS_PROFILE_BYTES_MAX + 1), SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials_file), cmocka_unit_test(test_config_file),
        cmocka_unit_test(test_other_keys),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("host/credentials/profile", tests, NULL, NULL);
}
