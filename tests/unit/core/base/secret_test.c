/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/secret.h"

#include "tests/support/test.h"

/* The linker puts this in front of cf_wipe (--wrap), so that a test sees what was wiped when the place is gone. */
void __real_cf_wipe(void *p, size_t len);
void __wrap_cf_wipe(void *p, size_t len);
static struct {
    const void *p;
    size_t len;
} last_wipe;

void __wrap_cf_wipe(void *p, size_t len)
{
    last_wipe.p = p;
    last_wipe.len = len;
    __real_cf_wipe(p, len);
}

static void takes_up_to_the_limit(void **state)
{
    (void)state;
    uint8_t octets[CF_SECRET_BYTES_MAX + 1];
    memset(octets, 0xA5, sizeof octets);
    for (size_t len = CF_SECRET_BYTES_MAX - 1; len <= CF_SECRET_BYTES_MAX; len++) {
        CF_SECRET(s);
        assert_ok(cf_secret_set(&s, cf_view_make(octets, len)));
        assert_view(cf_secret_view(&s), cf_view_make(octets, len));
    }
    CF_SECRET(s);
    assert_ok(cf_secret_set(&s, CF_LIT("before")));
    assert_err(cf_secret_set(&s, CF_VIEW_OF(octets)), SIZE);
    assert_view(cf_secret_view(&s), CF_LIT("before"));
    assert_ok(cf_secret_set(&s, CF_VIEW_EMPTY));
    assert_int_equal(cf_secret_view(&s).len, 0);
}

static void wipes_what_it_held(void **state)
{
    (void)state;
    static const cf_secret zero;
    CF_SECRET(s);
    assert_memory_equal(&s, &zero, sizeof s);
    assert_ok(cf_secret_set(&s, CF_LIT("a long secret")));
    assert_ok(cf_secret_set(&s, CF_LIT("short")));
    for (size_t i = s.len; i < sizeof s.b; i++) {
        assert_int_equal(s.b[i], 0);
    }
    cf_secret_wipe(&s);
    assert_memory_equal(&s, &zero, sizeof s);
}

static void leave_scope(const uint8_t **ret_where)
{
    CF_SECRET(s);
    *ret_where = s.b;
    assert_ok(cf_secret_set(&s, CF_LIT("gone when the scope ends")));
}

static void scope_wipes(void **state)
{
    (void)state;
    const uint8_t *where = NULL;
    leave_scope(&where);
    assert_ptr_equal(last_wipe.p, where);
    assert_int_equal(last_wipe.len, sizeof(cf_secret));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_up_to_the_limit),
        cmocka_unit_test(wipes_what_it_held),
        cmocka_unit_test(scope_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
