/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/kms/credentials.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/test.h"

static const cf_credentials_view one = {.access_key_id = CF_LIT_INIT("AKONE"),
                                        .secret_key = CF_LIT_INIT("secret one"),
                                        .session_token = CF_LIT_INIT("token of one")};
static const cf_credentials_view two = {.access_key_id = CF_LIT_INIT("AKTWO"),
                                        .secret_key = CF_LIT_INIT("secret two")};

typedef struct {
    cf_buf scratch;
    cf_http1_field fields[CF_AWS_FIELDS_MAX];
    size_t n;
    uint64_t generation;
} signed_by;

static cf_result sign(cf_credentials *c, signed_by *s)
{
    const cf_aws_request q = {
        .target = CF_LIT("TrentService.Decrypt"),
        .content_type = CF_LIT("application/x-amz-json-1.1"),
        .host = CF_LIT("localhost"),
        .body = CF_LIT("{}"),
        .scope = {.unix_s = 1700000000, .region = CF_LIT("eu-west-9"), .service = CF_LIT("kms")}};
    return cf_credentials_sign(c, &q, &s->scratch, s->fields, &s->n, &s->generation);
}

/* Value of a field; the empty view without it. */
static cf_view value(const signed_by *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) {
        if (cf_view_eq(s->fields[i].name, cf_view_str(name))) {
            return s->fields[i].value;
        }
    }
    return CF_VIEW_EMPTY;
}

static bool has(cf_view text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static void test_sets(void **state)
{
    (void)state;
    CF_AUTO(cf_credentials_free) cf_credentials *c = NULL;
    signed_by s = {.n = 7};
    assert_ok(cf_credentials_new(&c));
    assert_err(sign(c, &s), NOT_FOUND);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.generation, 0);
    cf_credentials_set(c, &one);
    assert_ok(sign(c, &s));
    assert_int_equal(s.generation, 1);
    assert_true(has(value(&s, "Authorization"), "Credential=AKONE/"));
    assert_view(value(&s, "X-Amz-Security-Token"), CF_LIT("token of one"));
    /* The next set leaves nothing of the one before, its token least of all. */
    cf_credentials_set(c, &two);
    assert_ok(sign(c, &s));
    assert_int_equal(s.generation, 2);
    assert_true(has(value(&s, "Authorization"), "Credential=AKTWO/"));
    assert_int_equal(value(&s, "X-Amz-Security-Token").len, 0);
    assert_false(has(value(&s, "Authorization"), "secret"));
    cf_buf_free(&s.scratch);
}

typedef struct {
    cf_credentials *c;
    atomic_bool stop;
} shared;

static void *exchange(void *self)
{
    shared *s = self;
    while (!atomic_load(&s->stop)) {
        cf_credentials_set(s->c, &two);
        cf_credentials_set(s->c, &one);
    }
    return NULL;
}

/* A signature is of one set: the token comes with the key that it belongs to, and with no other. */
static void test_never_mixed(void **state)
{
    (void)state;
    CF_AUTO(cf_credentials_free) cf_credentials *c = NULL;
    pthread_t thread;
    signed_by s = {.n = 0};
    assert_ok(cf_credentials_new(&c));
    cf_credentials_set(c, &one);
    shared with = {c, false};
    assert_int_equal(pthread_create(&thread, NULL, exchange, &with), 0);
    for (unsigned i = 0; i < 2000; i++) {
        assert_ok(sign(c, &s));
        bool of_one = has(value(&s, "Authorization"), "Credential=AKONE/");
        assert_int_equal(of_one, value(&s, "X-Amz-Security-Token").len > 0);
        assert_int_equal(of_one, s.generation % 2 == 1);
    }
    atomic_store(&with.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cf_buf_free(&s.scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_never_mixed),
    };
    return cmocka_run_group_tests_name("sys/kms/credentials", tests, NULL, NULL);
}
