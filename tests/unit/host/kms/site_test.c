/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kms/site.h"

#include <unistd.h>

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define SET "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\"}"

static char path[] = "/tmp/coffer-site-XXXXXX";

static int begin(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, SET, strlen(SET)), strlen(SET));
    return close(fd);
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_forms(void **state)
{
    (void)state;
    const struct {
        cf_kms_options o;
        bool plain;
    } rows[] = {
        {{"t", "unix:kms.sock", NULL, NULL}, true},
        {{"t", "127.0.0.1:8402", NULL, "none"}, true},
        {{"t", "unix:kms.sock", NULL, path},
         true}, /* there is nothing to sign, but no harm in it */
        {{"t", "aws:eu-central-1", NULL, NULL}, false},
        {{"t", "https://localhost:8443", NULL, path}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_AUTO(cf_kms_site_free) cf_kms_site *s = NULL;
        const char *what;
        assert_ok(cf_kms_site_open(&rows[i].o, &s, &what));
        assert_non_null(cf_kms_site_service(s));
        assert_int_equal(cf_kms_site_is_plain(s), rows[i].plain);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    const struct {
        cf_kms_options o;
        const char *what;
        cf_err code;
    } rows[] = {
        {{"t", "fd:3", NULL, NULL}, "--kms", CF_ERR_ARGUMENT},
        {{"t", "aws:EU", NULL, NULL}, "--kms", CF_ERR_ARGUMENT},
        {{"t", "unix:kms.sock", path, NULL}, "--kms-roots", CF_ERR_ARGUMENT},
        {{"t", "aws:eu-central-1", "/nowhere", NULL}, "--kms-roots", CF_ERR_NOT_FOUND},
        {{"t", "aws:eu-central-1", path, NULL}, "--kms-roots", CF_ERR_EMPTY},
        {{"t", "aws:eu-central-1", NULL, "/nowhere"}, "--credentials", CF_ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_kms_site *s = NULL;
        const char *what = "";
        cf_result r = cf_kms_site_open(&rows[i].o, &s, &what);
        if (r.code != rows[i].code) {
            fail_msg("%s: %s, want %s", rows[i].o.kms, cf_err_code(r.code),
                     cf_err_code(rows[i].code));
        }
        assert_null(s);
        assert_string_equal(what, rows[i].what);
    }
}

static cf_result open_plain(void *ctx)
{
    const cf_kms_options o = {"t", "unix:kms.sock", NULL, NULL};
    CF_AUTO(cf_kms_site_free) cf_kms_site *s = NULL;
    const char *what;
    (void)ctx;
    return cf_kms_site_open(&o, &s, &what);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    (void)failmalloc_each(open_plain, NULL, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("host/kms/site", tests, begin, end);
}
