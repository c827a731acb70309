/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is, and how many anybody may wait for. */
#include "host/kmsd/turns.h"

#include <pthread.h>
#include <time.h>

#include "tests/support/test.h"

#define A "arn:aws:iam::000000000000:user/a"
#define B "arn:aws:iam::000000000000:user/b"
#define ROLE "arn:aws:iam::000000000000:role/r"
#define WAIT_S 20

/* What the threads do: each work begins, and ends when the test lets it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
    char begun[128][8]; /* names of works, in the order in which they began */
    size_t begun_n, ended_n, may_end, stopped_n;
} seen;

static void on_turn(void *ctx, cf_turn *turn, bool stopped)
{
    assert_ptr_equal(ctx, &seen);
    assert_string_equal(turn->who.caller.arn, turn->who.arn);
    (void)pthread_mutex_lock(&lock);
    (void)snprintf(seen.begun[seen.begun_n++], sizeof seen.begun[0], "%s",
                   (const char *)turn->work);
    seen.stopped_n += stopped;
    (void)pthread_cond_broadcast(&changed);
    while (seen.ended_n >= seen.may_end) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    seen.ended_n++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void await(const size_t *count, size_t want)
{
    struct timespec due;
    (void)clock_gettime(CLOCK_REALTIME, &due);
    due.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&lock);
    int r = 0;
    while (*count < want && r == 0) {
        r = pthread_cond_timedwait(&changed, &lock, &due);
    }
    (void)pthread_mutex_unlock(&lock);
    assert_int_equal(r, 0);
}

/* Nothing begins any more, as far as a tenth of a second can tell. */
static void assert_begun(size_t n)
{
    const struct timespec pause = {0, 100000000};
    await(&seen.begun_n, n);
    (void)nanosleep(&pause, NULL);
    assert_int_equal(seen.begun_n, n);
}

static void let_end(size_t n)
{
    (void)pthread_mutex_lock(&lock);
    seen.may_end += n;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static cf_kmsd_caller caller(const char *arn, const char *role)
{
    return (cf_kmsd_caller){.arn = arn, .role = role, .account = "000000000000", .root = "root"};
}

/* A name that is no literal: a turn keeps a copy. */
static cf_turn *reserve(cf_turns *t, const char *arn, const char *role)
{
    char arn_copy[100], role_copy[100];
    assert_in_range(snprintf(arn_copy, sizeof arn_copy, "%s", arn), 0, sizeof arn_copy - 1);
    assert_in_range(snprintf(role_copy, sizeof role_copy, "%s", role), 0, sizeof role_copy - 1);
    const cf_kmsd_caller c = caller(arn_copy, role_copy);
    return cf_turns_reserve(t, &c);
}

static void put(cf_turns *t, const char *arn, const char *name)
{
    cf_turn *turn = reserve(t, arn, "");
    assert_non_null(turn);
    assert_string_equal(turn->who.caller.arn, arn);
    turn->work = (void *)(uintptr_t)name;
    cf_turns_put(turn);
}

static cf_turns *make(void)
{
    cf_turns *t = NULL;
    memset(&seen, 0, sizeof seen);
    const cf_turns_bounds bounds = {.threads = CF_KMSD_RSA_THREADS,
                                    .running_max = CF_KMSD_RSA_RUNNING_MAX,
                                    .per_caller_max = CF_KMSD_RSA_PER_CALLER_MAX,
                                    .places_max = CF_KMSD_RSA_MAX};
    assert_ok(cf_turns_new(&bounds, on_turn, &seen, &t));
    return t;
}

static void finish(cf_turns *t)
{
    let_end(1000);
    cf_turns_free(&t);
    assert_int_equal(seen.begun_n, seen.ended_n);
}

static void test_bounds(void **state)
{
    (void)state;
    cf_turns *t = make();
    cf_turn *of_a[CF_KMSD_RSA_PER_CALLER_MAX];
    for (size_t i = 0; i < CF_KMSD_RSA_PER_CALLER_MAX; i++) {
        of_a[i] = reserve(t, A, "");
        assert_non_null(of_a[i]);
    }
    assert_null(reserve(t, A, ""));
    /* sessions are their role, whatever they are called */
    char session[CF_KMSD_RSA_MAX][100];
    cf_turn *others[CF_KMSD_RSA_MAX];
    size_t n = 0;
    for (; n < CF_KMSD_RSA_PER_CALLER_MAX; n++) {
        (void)snprintf(session[n], sizeof session[n],
                       "arn:aws:sts::000000000000:assumed-role/r/%zu", n);
        others[n] = reserve(t, session[n], ROLE);
        assert_non_null(others[n]);
    }
    assert_null(reserve(t, "arn:aws:sts::000000000000:assumed-role/r/x", ROLE));
    for (; n < CF_KMSD_RSA_MAX - CF_KMSD_RSA_PER_CALLER_MAX; n++) {
        (void)snprintf(session[n], sizeof session[n], "arn:aws:iam::000000000000:user/%zu", n);
        others[n] = reserve(t, session[n], "");
        assert_non_null(others[n]);
    }
    assert_null(reserve(t, B, "")); /* all places are taken */
    let_end(1000);
    for (size_t i = 0; i < CF_KMSD_RSA_PER_CALLER_MAX; i++) {
        of_a[i]->work = (void *)(uintptr_t) "a";
        cf_turns_put(of_a[i]);
    }
    await(&seen.ended_n, CF_KMSD_RSA_PER_CALLER_MAX);
    /* a place is free a moment after its work has ended */
    cf_turn *again = NULL;
    for (size_t i = 0; again == NULL && i < 1000; i++) {
        const struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
        again = reserve(t, B, "");
    }
    assert_non_null(again);
    again->work = (void *)(uintptr_t) "b";
    cf_turns_put(again);
    for (size_t i = 0; i < n; i++) {
        others[i]->work = (void *)(uintptr_t) "o";
        cf_turns_put(others[i]);
    }
    await(&seen.ended_n, CF_KMSD_RSA_MAX + 1);
    finish(t);
}

static void test_one_caller_leaves_a_thread(void **state)
{
    (void)state;
    cf_turns *t = make();
    put(t, A, "a1");
    put(t, A, "a2");
    put(t, A, "a3");
    assert_begun(1);
    put(t, B, "b1");
    assert_begun(2);
    assert_string_equal(seen.begun[1], "b1");
    finish(t);
}

static size_t place_of(const char *name)
{
    size_t i = 0;
    while (i < seen.begun_n && strcmp(seen.begun[i], name) != 0) {
        i++;
    }
    return i;
}

/* Who has asked for more waits for more: callers come in turn, who is new behind one turn of those who wait already. */
static void test_turns(void **state)
{
    (void)state;
    static const char *const names[] = {"a1", "a2", "a3", "a4", "b1", "b2"};
    cf_turns *t = make();
    for (size_t i = 0; i < 6; i++) {
        put(t, names[i][0] == 'a' ? A : B, names[i]);
    }
    assert_begun(2);
    put(t, "arn:c", "c1");
    put(t, "arn:d", "d1");
    for (size_t n = 1; n <= 8; n++) {
        let_end(1);
        await(&seen.ended_n, n);
    }
    assert_int_equal(seen.begun_n, 8);
    assert_true(place_of("a1") < 2 && place_of("b1") < 2);
    assert_true(place_of("a2") < place_of("a3") && place_of("a3") < place_of("a4"));
    assert_true(place_of("c1") < place_of("a4") && place_of("d1") < place_of("a4"));
    assert_true(place_of("c1") < place_of("d1"));
    finish(t);
}

static void test_stop(void **state)
{
    (void)state;
    cf_turns *t = make();
    put(t, A, "a1");
    put(t, A, "a2");
    put(t, A, "a3");
    assert_begun(1);
    cf_turn *late = reserve(t, B, "");
    cf_turns_stop(t);
    late->work = (void *)(uintptr_t) "b1";
    cf_turns_put(late);
    let_end(4);
    await(&seen.ended_n, 4);
    assert_int_equal(seen.stopped_n, 3);
    finish(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_one_caller_leaves_a_thread),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
