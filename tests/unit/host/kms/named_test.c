/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kms/named.h"

#include <unistd.h>

#include "tests/support/test.h"

static void test_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *region;
        uint16_t port;
    } rows[] = {
        {"aws:eu-central-1", "kms.eu-central-1.amazonaws.com", "eu-central-1", 443},
        {"aws:us-gov-west-1,fips", "kms-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", 443},
        {"https://localhost:8443,eu-west-9", "localhost", "eu-west-9", 8443},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_kms_named n;
        assert_ok(cf_kms_named_of(rows[i].text, &n));
        assert_false(n.plain);
        assert_string_equal(n.endpoint.host, rows[i].host);
        assert_string_equal(n.endpoint.region, rows[i].region);
        assert_int_equal(n.addr.kind, CF_NET_TCP);
        assert_string_equal(n.addr.path, rows[i].host);
        assert_int_equal(n.addr.port, rows[i].port);
    }
}

static void test_plain(void **state)
{
    (void)state;
    cf_kms_named n;
    assert_ok(cf_kms_named_of("unix:run/kms.sock", &n));
    assert_true(n.plain && n.addr.kind == CF_NET_UNIX);
    assert_string_equal(n.addr.path, "run/kms.sock");
    assert_ok(cf_kms_named_of("127.0.0.1:8402", &n));
    assert_true(n.plain && n.addr.kind == CF_NET_TCP && n.addr.port == 8402);
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "aws:",
                                        "aws:EU-CENTRAL-1",
                                        "aws:eu-central-1,gov",
                                        "https://127.0.0.1:8443",
                                        "https://",
                                        "http://localhost",
                                        "vsock:3:8000",
                                        "fd:5",
                                        "kms.example.org"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cf_kms_named n;
        if (cf_is_ok(cf_kms_named_of(texts[i], &n))) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_int_equal(n.addr.path[0], '\0');
    }
    /* A host that a name server would take may have no room where it is dialled. */
    char text[CF_NET_PATH_BYTES_MAX + 32] = "https://";
    size_t at = strlen(text);
    for (size_t i = 0; i < CF_NET_PATH_BYTES_MAX; i++) {
        text[at + i] = i % 50 == 49 ? '.' : 'a';
    }
    cf_kms_named n;
    assert_ok(cf_kms_named_of(text, &n));
    text[at + CF_NET_PATH_BYTES_MAX] = 'b';
    assert_err(cf_kms_named_of(text, &n), SIZE);
}

static void write_to(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_roots(void **state)
{
    (void)state;
    char path[] = "/tmp/coffer-roots-XXXXXX";
    CF_AUTO(cf_tls_config_free) cf_tls_config *c = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_err(cf_kms_roots(path, &c), EMPTY);
    assert_null(c);
    write_to(path, "no certificate\n");
    assert_err(cf_kms_roots(path, &c), EMPTY);
    assert_int_equal(unlink(path), 0);
    assert_err(cf_kms_roots(path, &c), NOT_FOUND);
    assert_ok(cf_kms_roots(NULL, &c));
    assert_non_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_roots),
    };
    return cmocka_run_group_tests_name("host/kms/named", tests, NULL, NULL);
}
