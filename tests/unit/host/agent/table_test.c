/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs between waiting, flight and their end. */
#include "host/agent/table.h"
#include "tests/support/test.h"

static cf_table t;

static int fresh(void **state)
{
    (void)state;
    cf_table_init(&t);
    return 0;
}

/* The order of a list, as the due times of its jobs, which stand for their names here. */
static void assert_order(const cf_job_list *l, const uint64_t *want, size_t n)
{
    size_t i = 0;
    const cf_job *last = NULL;
    for (const cf_job *j = l->first; j != NULL; j = j->next) {
        assert_true(i < n);
        assert_int_equal(j->due_ms, want[i++]);
        assert_ptr_equal(j->prev, last);
        last = j;
    }
    assert_int_equal(i, n);
    assert_int_equal(l->n, n);
    assert_ptr_equal(l->last, last);
}
#define assert_jobs(list, ...)                                                                     \
    assert_order(list, (uint64_t[]){__VA_ARGS__},                                                  \
                 sizeof(uint64_t[]){__VA_ARGS__} / sizeof(uint64_t))

static void test_way_of_a_job(void **state)
{
    (void)state;
    cf_job a = {.due_ms = 1000};
    assert_ok(cf_table_add(&t, &a));
    assert_jobs(&t.waiting, 1000);
    assert_true(cf_table_start(&t, &a, 3, 1));
    assert_int_equal(t.waiting.n, 0);
    assert_jobs(&t.flight, 1000);
    assert_true(a.number >= CF_AGENT_INFLIGHT_MAX);
    assert_int_equal(a.sends, 1);
    /* Another link, another number, and the number again once it was taken. */
    uint64_t number = a.number;
    assert_null(cf_table_take(&t, number, 2));
    assert_null(cf_table_take(&t, number + CF_AGENT_INFLIGHT_MAX, 3));
    assert_null(cf_table_take(&t, number + 1, 3));
    assert_null(cf_table_take(&t, 0, 3));
    assert_ptr_equal(cf_table_take(&t, number, 3), &a);
    assert_null(cf_table_take(&t, number, 3));
    assert_int_equal(t.flight.n, 0);
    assert_int_equal(t.bytes, 0);
}

static void test_numbers_are_never_used_twice(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (int i = 0; i < 5000; i++) {
        cf_job a = {.due_ms = 1}, b = {.due_ms = 2};
        assert_ok(cf_table_add(&t, &a));
        assert_ok(cf_table_add(&t, &b));
        assert_true(cf_table_start(&t, &a, 0, 1) && cf_table_start(&t, &b, 0, 1));
        assert_true(a.number > last && b.number > a.number);
        last = b.number;
        assert_ptr_equal(cf_table_take(&t, b.number, 0), &b);
        assert_ptr_equal(cf_table_take(&t, a.number, 0), &a);
    }
}

static void test_limits(void **state)
{
    (void)state;
    enum { MANY = CF_AGENT_INFLIGHT_MAX + CF_AGENT_WAITING_MAX + 1 };
    static cf_job jobs[MANY];
    memset(jobs, 0, sizeof jobs);
    for (size_t i = 0; i < CF_AGENT_INFLIGHT_MAX; i++) {
        jobs[i].due_ms = 5;
        assert_ok(cf_table_add(&t, &jobs[i]));
        assert_true(cf_table_start(&t, &jobs[i], 0, 1));
    }
    for (size_t i = CF_AGENT_INFLIGHT_MAX; i < MANY - 1; i++) {
        jobs[i].due_ms = 5;
        assert_ok(cf_table_add(&t, &jobs[i]));
    }
    assert_err(cf_table_add(&t, &jobs[MANY - 1]), BUSY);
    assert_false(cf_table_start(&t, t.waiting.first, 0, 1));
    assert_int_equal(t.flight.n, CF_AGENT_INFLIGHT_MAX);
    assert_int_equal(t.waiting.n, CF_AGENT_WAITING_MAX);
    /* One leaves, one comes. */
    assert_ptr_equal(cf_table_take(&t, jobs[7].number, 0), &jobs[7]);
    assert_true(cf_table_start(&t, t.waiting.first, 0, 1));
    assert_ok(cf_table_add(&t, &jobs[MANY - 1]));
}

static void test_bytes(void **state)
{
    (void)state;
    cf_job a = {.due_ms = 1, .rest = {NULL, CF_AGENT_JOB_BYTES_MAX - 1}},
           b = {.due_ms = 1, .rest = {NULL, 2}}, c = {.due_ms = 1, .rest = {NULL, 1}},
           d = {.due_ms = 1, .own = {NULL, 0, 1}};
    assert_ok(cf_table_add(&t, &a));
    assert_err(cf_table_add(&t, &b), BUSY);
    assert_ok(cf_table_add(&t, &c));
    assert_err(cf_table_add(&t, &d), BUSY);
    cf_table_remove(&t, &c);
    assert_ok(cf_table_add(&t, &d));
    cf_table_remove(&t, &a);
    cf_table_remove(&t, &d);
    assert_int_equal(t.bytes, 0);
    assert_ok(cf_table_add(&t, &b));
}

static void test_lost_link(void **state)
{
    (void)state;
    cf_job jobs[7];
    cf_job_list failed = {0};
    for (uint64_t i = 0; i < 7; i++) {
        jobs[i] = (cf_job){.due_ms = i + 1};
        assert_ok(cf_table_add(&t, &jobs[i]));
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_true(cf_table_start(&t, &jobs[i], i % 2, 1));
    }
    jobs[2].sends = CF_AGENT_SENDS_MAX;
    jobs[4].sends = CF_AGENT_SENDS_MAX - 1;
    jobs[4].boots = CF_AGENT_BOOTS_MAX - 1;
    uint64_t number = jobs[0].number;
    cf_table_lose(&t, 0, &failed);
    assert_jobs(&failed, 3);
    assert_int_equal(jobs[2].code, CF_ERR_ENCLAVE_UNAVAILABLE);
    assert_jobs(&t.waiting, 1, 5, 6, 7);
    assert_jobs(&t.flight, 2, 4);
    /* An answer that was on its way to the old number finds nobody; the new number is another. */
    assert_null(cf_table_take(&t, number, 0));
    assert_true(cf_table_start(&t, &jobs[0], 1, 1));
    assert_int_not_equal(jobs[0].number, number);
    assert_int_equal(jobs[0].sends, 2);
    cf_job_list none = {0};
    cf_table_lose(&t, 9, &none);
    assert_int_equal(none.n, 0);
}

static void test_enclaves_that_die(void **state)
{
    (void)state;
    cf_job a = {.due_ms = 1};
    cf_job_list failed = {0};
    assert_ok(cf_table_add(&t, &a));
    for (uint64_t boot = 1; boot <= CF_AGENT_BOOTS_MAX; boot++) {
        assert_int_equal(failed.n, 0);
        assert_true(cf_table_start(&t, &a, 0, boot));
        assert_int_equal(a.boots, boot);
        cf_table_lose(&t, 0, &failed);
    }
    assert_jobs(&failed, 1);
    /* Connections that are lost while the enclave lives count less. */
    cf_job b = {.due_ms = 2};
    failed = (cf_job_list){0};
    assert_ok(cf_table_add(&t, &b));
    for (unsigned n = 1; n <= CF_AGENT_SENDS_MAX; n++) {
        assert_int_equal(failed.n, 0);
        assert_true(cf_table_start(&t, &b, 0, 9));
        assert_int_equal(b.boots, 1);
        cf_table_lose(&t, 0, &failed);
    }
    assert_jobs(&failed, 2);
}

static void test_suspects_go_alone(void **state)
{
    (void)state;
    cf_job jobs[4];
    cf_job_list failed = {0};
    for (uint64_t i = 0; i < 4; i++) {
        jobs[i] = (cf_job){.due_ms = i + 1};
        assert_ok(cf_table_add(&t, &jobs[i]));
    }
    /* Three of them are there when two enclaves die. */
    for (uint64_t boot = 1; boot <= 2; boot++) {
        for (unsigned i = 0; i < 3; i++) {
            assert_ptr_equal(cf_table_next(&t), &jobs[i]);
            assert_true(cf_table_start(&t, &jobs[i], 0, boot));
        }
        assert_int_equal(t.suspects, 0);
        cf_table_lose(&t, 0, &failed);
    }
    assert_ptr_equal(cf_table_next(&t), &jobs[0]);
    assert_true(cf_table_start(&t, &jobs[0], 0, 3));
    assert_int_equal(t.suspects, 1);
    /* The others of the three wait; one without a past does not. */
    assert_ptr_equal(cf_table_next(&t), &jobs[3]);
    assert_true(cf_table_start(&t, &jobs[3], 1, 3));
    assert_null(cf_table_next(&t));
    assert_ptr_equal(cf_table_take(&t, jobs[0].number, 0), &jobs[0]);
    assert_ptr_equal(cf_table_next(&t), &jobs[1]);
    assert_true(cf_table_start(&t, &jobs[1], 0, 3));
    assert_null(cf_table_next(&t));
    cf_table_lose(&t, 0, &failed);
    assert_int_equal(t.suspects, 0);
    assert_ptr_equal(cf_table_next(&t), &jobs[1]);
    cf_table_remove(&t, &jobs[1]);
    assert_ptr_equal(cf_table_next(&t), &jobs[2]);
    assert_int_equal(failed.n, 0);
}

static void test_deadlines(void **state)
{
    (void)state;
    cf_job jobs[6];
    cf_job_list failed = {0};
    unsigned late[CF_AGENT_LINKS_MAX] = {0};
    for (uint64_t i = 0; i < 6; i++) {
        jobs[i] = (cf_job){.due_ms = 100 + i / 2 * 10};
        assert_ok(cf_table_add(&t, &jobs[i]));
    }
    assert_true(cf_table_start(&t, &jobs[0], 1, 1) && cf_table_start(&t, &jobs[2], 1, 1) &&
                cf_table_start(&t, &jobs[4], 2, 1));
    assert_int_equal(t.due_ms, 100);
    cf_table_expire(&t, 99, true, late, &failed);
    assert_int_equal(failed.n, 0);
    cf_table_expire(&t, 100, true, late, &failed);
    assert_int_equal(failed.n, 2);
    assert_int_equal(jobs[0].code, CF_ERR_TIMEOUT);
    assert_int_equal(jobs[1].code, CF_ERR_BUSY);
    assert_int_equal(late[1], 1);
    assert_int_equal(t.due_ms, 110);
    failed = (cf_job_list){0};
    cf_table_expire(&t, 119, false, late, &failed);
    assert_int_equal(failed.n, 2);
    assert_int_equal(jobs[2].code, CF_ERR_TIMEOUT);
    assert_int_equal(jobs[3].code, CF_ERR_ENCLAVE_UNAVAILABLE);
    assert_int_equal(late[1], 2);
    failed = (cf_job_list){0};
    cf_table_hurry(&t, 115);
    assert_int_equal(t.due_ms, 115);
    cf_table_expire(&t, 115, true, late, &failed);
    assert_int_equal(failed.n, 2);
    assert_int_equal(late[2], 1);
    assert_int_equal(t.due_ms, UINT64_MAX);
    assert_int_equal(t.flight.n + t.waiting.n + t.bytes, 0);
}

static void test_give_up(void **state)
{
    (void)state;
    cf_job a = {.due_ms = 10}, b = {.due_ms = 20}, c = {.due_ms = 30}, d = {.due_ms = 5};
    cf_job_list failed = {0};
    assert_ok(cf_table_add(&t, &a));
    assert_ok(cf_table_add(&t, &b));
    assert_ok(cf_table_add(&t, &c));
    assert_ok(cf_table_add(&t, &d));
    assert_true(cf_table_start(&t, &d, 0, 1));
    cf_table_give_up(&t, 20, &failed);
    assert_jobs(&failed, 10, 20);
    assert_int_equal(a.code, CF_ERR_ENCLAVE_UNAVAILABLE);
    assert_jobs(&t.waiting, 30);
    assert_jobs(&t.flight, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_way_of_a_job, fresh),
        cmocka_unit_test_setup(test_numbers_are_never_used_twice, fresh),
        cmocka_unit_test_setup(test_limits, fresh),
        cmocka_unit_test_setup(test_bytes, fresh),
        cmocka_unit_test_setup(test_lost_link, fresh),
        cmocka_unit_test_setup(test_deadlines, fresh),
        cmocka_unit_test_setup(test_give_up, fresh),
        cmocka_unit_test_setup(test_enclaves_that_die, fresh),
        cmocka_unit_test_setup(test_suspects_go_alone, fresh),
    };
    return cmocka_run_group_tests_name("host/agent/table", tests, NULL, NULL);
}
