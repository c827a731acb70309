/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 in the middle of the load, again and again: no change that was acknowledged is lost, and the log is whole. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/host/store/fixture.h"

#define THREADS 8
#define ROUNDS 10

/* What the child tells the parent of every change that was answered; one write of this size to a pipe is whole. */
typedef struct {
    uint32_t vault;
    uint64_t version, seq;
} ack;

typedef struct {
    const fixture *f;
    unsigned round, n;
    int pipe;
} worker;

/* Creates a vault, updates it a few times, and on to the next, until the end. */
static void *load(void *ctx)
{
    const worker *w = ctx;
    for (unsigned i = 0;; i++) {
        unsigned vault = (w->round * THREADS + w->n) * 100000 + i;
        for (uint64_t version = 1; version <= 3; version++) {
            ack a = {.vault = vault, .version = version};
            if (!cf_is_ok(vault_put(w->f, vault, version, &a.seq)) ||
                write(w->pipe, &a, sizeof a) != (ssize_t)sizeof a) {
                _exit(3);
            }
        }
    }
    return NULL;
}

static void child(fixture *f, unsigned round, int pipe)
{
    worker workers[THREADS];
    pthread_t threads[THREADS];
    if (!cf_is_ok(fixture_open(f, false, &f->store))) {
        _exit(2);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker){f, round, i, pipe};
        if (pthread_create(&threads[i], NULL, load, &workers[i]) != 0) {
            _exit(4);
        }
    }
    pause();
}

static void check(fixture *f, const ack *acks, size_t n)
{
    cf_store s;
    assert_ok(fixture_open(f, true, &s));
    uint8_t sealed[CF_AUDIT_HEAD_BYTES];
    cf_audit_head head;
    assert_ok(s.ops->audit_head(s.self, sealed));
    assert_ok(cf_audit_head_open(&f->audit_key, CF_VIEW_OF(sealed), &head));
    for (size_t i = 0; i < n; i++) {
        char id[ID_BYTES];
        CF_BUF(row);
        CF_BUF(seal);
        CF_ARENA(arena, 1 << 16);
        cf_row decoded;
        vault_id(acks[i].vault, id);
        assert_ok(s.ops->get(s.self, cf_view_str(id), &row, &seal));
        assert_ok(cf_row_open(&f->row_key, cf_view_str(id), cf_buf_view(&row), cf_buf_view(&seal),
                              &arena, &decoded));
        assert_true(decoded.version >= acks[i].version);
        assert_true(acks[i].seq <= head.seq);
    }
    cf_store_close(&s);
    assert_string_equal(findings(f), "");
}

static void loses_nothing_when_killed(void **state)
{
    fixture *f = *state;
    const char *text = getenv("CF_CRASH_ROUNDS");
    unsigned rounds = text == NULL ? ROUNDS : (unsigned)atoi(text);
    size_t total = 0, room = 1 << 20;
    ack *acks = calloc(room, sizeof *acks);
    assert_non_null(acks);
    cf_store_close(&f->store);
    for (unsigned round = 0; round < rounds; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(ends[0]);
            child(f, round, ends[1]);
            _exit(5);
        }
        (void)close(ends[1]);
        size_t n = 0;
        /* some way into the load: after so many changes, and a moment more */
        size_t enough = 50 + 97 * round;
        ssize_t got = 1;
        bool killed = false;
        while (n < room && (got = read(ends[0], &acks[n], sizeof *acks)) == (ssize_t)sizeof *acks) {
            n++;
            if (n == enough) {
                usleep(137 * (round % 20));
                assert_int_equal(kill(pid, SIGKILL), 0);
                killed = true;
            }
        }
        (void)close(ends[0]);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        check(f, acks, n);
        total += n;
    }
    free(acks);
    print_message("%u kills, %zu acknowledged changes, none lost\n", rounds, total);
    assert_ok(fixture_open(f, false, &f->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loses_nothing_when_killed, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
