/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/url.h"

#include "tests/support/test.h"

static void test_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *authority, *path;
        uint16_t port;
        bool tls, loopback, container;
    } rows[] = {
        {"http://127.0.0.1:8080/creds?a=b", "127.0.0.1", "127.0.0.1:8080", "/creds?a=b", 8080,
         false, true, true},
        {"http://127.255.3.4", "127.255.3.4", "127.255.3.4", "/", 80, false, true, true},
        {"http://localhost/", "localhost", "localhost", "/", 80, false, true, true},
        {"http://LocalHost/", "LocalHost", "LocalHost", "/", 80, false, true, true},
        {"http://169.254.170.2/v2", "169.254.170.2", "169.254.170.2", "/v2", 80, false, false,
         true},
        {"http://169.254.170.23/v1", "169.254.170.23", "169.254.170.23", "/v1", 80, false, false,
         true},
        {"http://[fd00:ec2::23]/v1", "fd00:ec2::23", "[fd00:ec2::23]", "/v1", 80, false, false,
         true},
        {"http://[FD00:EC2:0::23]:90/", "FD00:EC2:0::23", "[FD00:EC2:0::23]:90", "/", 90, false,
         false, true},
        {"http://[::1]:1/", "::1", "[::1]:1", "/", 1, false, true, true},
        {"http://[fd00:ec2::254]/", "fd00:ec2::254", "[fd00:ec2::254]", "/", 80, false, false,
         false},
        {"http://169.254.169.254/", "169.254.169.254", "169.254.169.254", "/", 80, false, false,
         false},
        {"http://169.254.170.20/", "169.254.170.20", "169.254.170.20", "/", 80, false, false,
         false},
        {"http://localhost.example.com/", "localhost.example.com", "localhost.example.com", "/", 80,
         false, false, false},
        {"http://127.0.0.1.example.com/", "127.0.0.1.example.com", "127.0.0.1.example.com", "/", 80,
         false, false, false},
        {"http://128.0.0.1/", "128.0.0.1", "128.0.0.1", "/", 80, false, false, false},
        {"https://sts.eu-central-1.amazonaws.com", "sts.eu-central-1.amazonaws.com",
         "sts.eu-central-1.amazonaws.com", "/", 443, true, false, false},
        {"https://h:443/", "h", "h", "/", 443, true, false, false},
        {"https://h:65535/", "h", "h:65535", "/", 65535, true, false, false},
        {"https://h:80/", "h", "h:80", "/", 80, true, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_creds_url u;
        cf_view path;
        assert_ok(cf_creds_url_parse(cf_view_str(rows[i].text), &u, &path));
        assert_string_equal(u.host, rows[i].host);
        assert_string_equal(u.authority, rows[i].authority);
        assert_view(path, cf_view_str(rows[i].path));
        assert_int_equal(u.port, rows[i].port);
        assert_int_equal(u.tls, rows[i].tls);
        assert_int_equal(cf_creds_url_loopback(&u), rows[i].loopback);
        assert_int_equal(cf_creds_url_container(&u), rows[i].container);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cf_err want;
    } rows[] = {
        {"", CF_ERR_UNSUPPORTED},
        {"ftp://h/", CF_ERR_UNSUPPORTED},
        {"HTTP://h/", CF_ERR_UNSUPPORTED},
        {"h/", CF_ERR_UNSUPPORTED},
        {"http://", CF_ERR_MALFORMED},
        {"http:///x", CF_ERR_MALFORMED},
        {"http://:80/", CF_ERR_MALFORMED},
        {"http://127.0.0.1@evil.example/", CF_ERR_MALFORMED},
        {"http://evil.example#127.0.0.1/", CF_ERR_MALFORMED},
        {"http://h?x", CF_ERR_MALFORMED},
        {"http://h/a b", CF_ERR_MALFORMED},
        {"http://h/\r\nX: y", CF_ERR_MALFORMED},
        {"http://h\x80/", CF_ERR_MALFORMED},
        {"http://a\\b/", CF_ERR_MALFORMED},
        {"http://[::1/", CF_ERR_MALFORMED},
        {"http://[]/", CF_ERR_MALFORMED},
        {"http://[1::2::3]/", CF_ERR_MALFORMED},
        {"http://[fe80::1%eth0]/", CF_ERR_MALFORMED},
        {"http://[127.0.0.1]/", CF_ERR_MALFORMED},
        {"http://[::1]x/", CF_ERR_MALFORMED},
        {"http://::1/", CF_ERR_MALFORMED},
        {"http://h:/", CF_ERR_MALFORMED},
        {"http://h:x/", CF_ERR_MALFORMED},
        {"http://h:080/", CF_ERR_MALFORMED},
        {"http://h:0/", CF_ERR_RANGE},
        {"http://h:65536/", CF_ERR_RANGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_creds_url u;
        cf_view path;
        cf_result r = cf_creds_url_parse(cf_view_str(rows[i].text), &u, &path);
        if (r.code != rows[i].want) {
            print_error("row %s\n", rows[i].text);
        }
        assert_code(r, rows[i].want);
        assert_int_equal(u.port, 0);
    }
}

static cf_result with_length(size_t host, size_t all)
{
    static char text[CF_CREDS_URL_BYTES_MAX + 2];
    cf_creds_url u;
    cf_view path;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    text[7 + host] = '/';
    return cf_creds_url_parse(cf_view_make(text, all), &u, &path);
}

static void test_limits(void **state)
{
    (void)state;
    assert_ok(with_length(CF_CREDS_HOST_BYTES_MAX - 1, 200));
    assert_ok(with_length(CF_CREDS_HOST_BYTES_MAX, 200));
    assert_err(with_length(CF_CREDS_HOST_BYTES_MAX + 1, 200), SIZE);
    assert_ok(with_length(5, CF_CREDS_URL_BYTES_MAX - 1));
    assert_ok(with_length(5, CF_CREDS_URL_BYTES_MAX));
    assert_err(with_length(5, CF_CREDS_URL_BYTES_MAX + 1), SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("host/credentials/url", tests, NULL, NULL);
}
