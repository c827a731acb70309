/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials file, and every way in which it is none. */
#include "host/agent/credentials.h"

#include <unistd.h>

#include "tests/support/test.h"

static void test_accepted(void **state)
{
    (void)state;
    CF_BUF(body);
    cf_credentials_view v;
    assert_ok(cf_agent_credentials_of(
        CF_LIT("{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s/+=\"}\n"), &body));
    assert_ok(cf_credentials_decode(cf_buf_view(&body), &v));
    assert_view(v.access_key_id, CF_LIT("AK"));
    assert_view(v.secret_key, CF_LIT("s/+="));
    assert_int_equal(v.session_token.len, 0);
    cf_buf_free(&body);
    assert_ok(cf_agent_credentials_of(
        CF_LIT("{\"Token\":\"t\",\"SecretAccessKey\":\"s\",\"AccessKeyId\":\"AK\"}"), &body));
    assert_ok(cf_credentials_decode(cf_buf_view(&body), &v));
    assert_view(v.session_token, CF_LIT("t"));
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cf_err want;
    } rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"[]", CF_ERR_WRONG_TYPE},
        {"{}", CF_ERR_MISSING},
        {"{\"AccessKeyId\":\"AK\"}", CF_ERR_MISSING},
        {"{\"SecretAccessKey\":\"s\"}", CF_ERR_MISSING},
        {"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\"}", CF_ERR_EMPTY},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"\"}", CF_ERR_EMPTY},
        {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"s\"}", CF_ERR_WRONG_TYPE},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":null}", CF_ERR_WRONG_TYPE},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\",\"Token\":null}", CF_ERR_WRONG_TYPE},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\",\"Role\":\"None\"}",
         CF_ERR_UNKNOWN_MEMBER},
        {"{\"AccessKeyId\":\"AK\",\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\"}",
         CF_ERR_DUPLICATE},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\"}x", CF_ERR_TRAILING},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"\xff\"}", CF_ERR_UTF8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(body);
        cf_result r = cf_agent_credentials_of(cf_view_str(rows[i].text), &body);
        if (r.code != rows[i].want) {
            print_error("row %s\n", rows[i].text);
        }
        assert_code(r, rows[i].want);
        assert_int_equal(body.len, 0);
    }
}

/* One text of a length around the limit. */
static cf_result with_length(const char *name, size_t len)
{
    CF_BUF(text);
    CF_BUF(body);
    char *value = malloc(len + 1);
    memset(value, 'x', len);
    value[len] = '\0';
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token"};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(cf_buf_append(&text, i == 0 ? CF_LIT("{\"") : CF_LIT(",\"")));
        assert_ok(cf_buf_append(&text, cf_view_str(names[i])));
        assert_ok(cf_buf_append(&text, CF_LIT("\":\"")));
        assert_ok(
            cf_buf_append(&text, strcmp(names[i], name) == 0 ? cf_view_str(value) : CF_LIT("v")));
        assert_ok(cf_buf_append(&text, CF_LIT("\"")));
    }
    assert_ok(cf_buf_append(&text, CF_LIT("}")));
    free(value);
    return cf_agent_credentials_of(cf_buf_view(&text), &body);
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t max;
    } rows[] = {{"AccessKeyId", CF_ACCESS_KEY_ID_BYTES_MAX},
                {"SecretAccessKey", CF_SECRET_KEY_BYTES_MAX},
                {"Token", CF_SESSION_TOKEN_BYTES_MAX}};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(with_length(rows[i].name, rows[i].max - 1));
        assert_ok(with_length(rows[i].name, rows[i].max));
        assert_err(with_length(rows[i].name, rows[i].max + 1), SIZE);
    }
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/coffer-credentials-XXXXXX";
    CF_BUF(body);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char text[] = "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\"}";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_ok(cf_agent_credentials(path, &body));
    assert_true(body.len > 0);
    assert_int_equal(ftruncate(fd, CF_AGENT_CREDENTIALS_BYTES_MAX + 1), 0);
    assert_err(cf_agent_credentials(path, &body), SIZE);
    close(fd);
    unlink(path);
    assert_err(cf_agent_credentials(path, &body), NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests_name("host/agent/credentials", tests, NULL, NULL);
}
