/* SPDX-License-Identifier: Apache-2.0 */
/* The store on a file system that fails, stalls, is full, read-only or locked: it says so, loses nothing, and goes on. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/host/store/fixture.h"
#include "tests/unit/host/store/vfs.h"

static int setup(void **state)
{
    vfs_install();
    vfs_fail(0, 0, false);
    return fixture_setup(state);
}

static int teardown(void **state)
{
    vfs_hold(false);
    vfs_fail(0, 0, false);
    return fixture_teardown(state);
}

/* What must hold after any fault: the store takes changes again, at once and when it is opened anew, and is whole. */
static void goes_on(fixture *f, unsigned n, uint64_t version)
{
    uint64_t seq;
    vfs_fail(0, 0, false);
    cf_result r = vault_put(f, n, version, &seq);
    if (!cf_is_ok(r)) {
        fail_msg("version %lu of vault %u: %s", (unsigned long)version, n, cf_err_code(r.code));
    }
    assert_string_equal(findings(f), "");
    fixture_reopen(f);
    assert_string_equal(findings(f), "");
}

static uint64_t version_of(fixture *f, unsigned n)
{
    CF_BUF(row);
    CF_BUF(seal);
    CF_ARENA(arena, 1 << 16);
    cf_row decoded;
    char id[ID_BYTES];
    vault_id(n, id);
    cf_result r = f->store.ops->get(f->store.self, cf_view_str(id), &row, &seal);
    if (r.code == CF_ERR_VAULT_UNKNOWN) {
        return 0;
    }
    assert_ok(r);
    assert_ok(cf_row_open(&f->row_key, cf_view_str(id), cf_buf_view(&row), cf_buf_view(&seal),
                          &arena, &decoded));
    return decoded.version;
}

/* Every write and sync of a change fails in turn, once and for good. */
static void survives_every_failing_write(void **state)
{
    fixture *f = *state;
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC,
                                SQLITE_READONLY};
    uint64_t seq, version = 0;
    unsigned failed = 0;
    for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++) {
        for (int all = 0; all < 2; all++) {
            for (int n = 1;; n++) {
                vfs_fail(n, codes[c], all != 0);
                cf_result r = vault_put(f, 1, version + 1, &seq);
                bool reached = vfs_calls() >= n;
                vfs_fail(0, 0, false);
                if (!cf_is_ok(r)) {
                    assert_err(r, STORE_UNAVAILABLE);
                    assert_int_equal(seq, 0);
                    failed++;
                    /* not acknowledged, and not there: the transaction was undone */
                    assert_int_equal(version_of(f, 1), version);
                }
                version += cf_is_ok(r);
                goes_on(f, 1, version + 1);
                version++;
                if (!reached) {
                    assert_ok(r);
                    break;
                }
            }
        }
    }
    print_message("%u failing changes\n", failed);
    assert_true(failed >= 8);
    assert_int_equal(version_of(f, 1), version);
    cf_store_stats stats;
    cf_store_sqlite_stats(&f->store, &stats);
    assert_int_equal(stats.failed, 0); /* of the store that was opened last */
}

/* As long as the disk is full everybody hears it, readers go on, and afterwards changes are taken again. */
static void says_that_the_disk_is_full(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    assert_ok(vault_put(f, 1, 1, &seq));
    vfs_fail(1, SQLITE_FULL, true);
    for (int i = 0; i < 5; i++) {
        assert_err(vault_put(f, 1, 2, &seq), STORE_UNAVAILABLE);
        assert_err(entry_only(f, 1, &seq), STORE_UNAVAILABLE);
        assert_int_equal(version_of(f, 1), 1);
    }
    cf_store_stats stats;
    cf_store_sqlite_stats(&f->store, &stats);
    assert_int_equal(stats.failed, 10);
    assert_int_equal(stats.sqlite_code, SQLITE_FULL);
    goes_on(f, 1, 2);
}

static void waits_for_a_lock_and_no_longer(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    sqlite3 *db = NULL;
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    uint64_t start = cf_clock_mono_ms();
    assert_err(entry_only(f, 1, &seq), STORE_UNAVAILABLE);
    uint64_t took = cf_clock_mono_ms() - start;
    assert_in_range(took, CF_STORE_LOCK_TIMEOUT_MS / 2, 3 * CF_STORE_LOCK_TIMEOUT_MS);
    assert_int_equal(version_of(f, 1), 1); /* readers do not wait */
    /* an earlier deadline is kept */
    start = cf_clock_mono_ms();
    assert_err(entry_only_by(f, 1, start + 100, &seq), STORE_UNAVAILABLE);
    took = cf_clock_mono_ms() - start;
    assert_in_range(took, 90, 600);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    goes_on(f, 1, 2);
}

typedef struct {
    const fixture *f;
    uint64_t deadline_ms, seq, took_ms;
    cf_result result;
    pthread_t thread;
} caller;

static void *call(void *ctx)
{
    caller *c = ctx;
    uint64_t start = cf_clock_mono_ms();
    c->result = entry_only_by(c->f, 1, c->deadline_ms, &c->seq);
    c->took_ms = cf_clock_mono_ms() - start;
    return NULL;
}

static void begin(caller *c, const fixture *f, uint64_t deadline_ms)
{
    *c = (caller){.f = f, .deadline_ms = deadline_ms};
    pthread_attr_t attr;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)256 << 10), 0);
    assert_int_equal(pthread_create(&c->thread, &attr, call, c), 0);
    (void)pthread_attr_destroy(&attr);
}

static void join(caller *c)
{
    assert_int_equal(pthread_join(c->thread, NULL), 0);
}

static void until_waiting(const fixture *f, uint64_t n)
{
    cf_store_stats stats = {0};
    for (int i = 0; i < 20000 && stats.waiting < n; i++) {
        usleep(1000);
        cf_store_sqlite_stats(&f->store, &stats);
    }
    assert_int_equal(stats.waiting, n);
}

/* A change that is being committed when its deadline passes is told the outcome; one that still waits is not made. */
static void tells_the_truth_after_the_deadline(void **state)
{
    fixture *f = *state;
    caller taken, queued;
    vfs_hold(true);
    begin(&taken, f, cf_clock_mono_ms() + 100);
    while (vfs_held() == 0) {
        usleep(1000);
    }
    begin(&queued, f, cf_clock_mono_ms() + 100);
    join(&queued);
    assert_err(queued.result, STORE_UNAVAILABLE);
    assert_in_range(queued.took_ms, 90, 600);
    usleep(200000);
    vfs_hold(false);
    join(&taken);
    assert_ok(taken.result);
    assert_int_equal(taken.seq, 1);
    assert_true(taken.took_ms >= 250);
    uint64_t seq;
    assert_ok(entry_only(f, 1, &seq));
    assert_int_equal(seq, 2); /* the one whose deadline passed was not written */
    /* a deadline in the past */
    vfs_hold(true);
    begin(&taken, f, soon());
    while (vfs_held() == 0) {
        usleep(1000);
    }
    assert_err(entry_only_by(f, 1, 0, &seq), STORE_UNAVAILABLE);
    vfs_hold(false);
    join(&taken);
    assert_ok(taken.result);
    /* and none at all */
    assert_ok(entry_only_by(f, 1, CF_DEADLINE_NONE, &seq));
    assert_int_equal(seq, 4);
    goes_on(f, 1, 1);
}

static void bounds_its_queue(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    caller first, *more = calloc(CF_STORE_QUEUE_MAX, sizeof *more);
    assert_non_null(more);
    vfs_hold(true);
    begin(&first, f, soon());
    while (vfs_held() == 0) {
        usleep(1000);
    }
    for (size_t i = 0; i < CF_STORE_QUEUE_MAX - 1; i++) {
        begin(&more[i], f, CF_DEADLINE_NONE);
    }
    until_waiting(f, CF_STORE_QUEUE_MAX - 1);
    begin(&more[CF_STORE_QUEUE_MAX - 1], f, CF_DEADLINE_NONE); /* there is room for one */
    until_waiting(f, CF_STORE_QUEUE_MAX);
    assert_err(entry_only(f, 1, &seq), BUSY);
    assert_int_equal(seq, 0);
    vfs_hold(false);
    join(&first);
    assert_ok(first.result);
    for (size_t i = 0; i < CF_STORE_QUEUE_MAX; i++) {
        join(&more[i]);
        assert_ok(more[i].result);
    }
    free(more);
    cf_store_stats stats;
    cf_store_sqlite_stats(&f->store, &stats);
    assert_int_equal(stats.changes, CF_STORE_QUEUE_MAX + 1);
    assert_int_equal(stats.transactions, 1 + CF_STORE_QUEUE_MAX / CF_STORE_GROUP_MAX);
    assert_int_equal(stats.waiting, 0);
    goes_on(f, 1, 1);
}

/* When the transaction fails, who shared it hears the same, also those whose condition had failed in it. */
static void fails_a_group_as_one(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    caller first, more[20];
    assert_ok(entry_only(f, 1, &seq));
    vfs_hold(true);
    begin(&first, f, soon());
    while (vfs_held() == 0) {
        usleep(1000);
    }
    for (size_t i = 0; i < 20; i++) {
        begin(&more[i], f, soon());
    }
    until_waiting(f, 20);
    vfs_fail(1, SQLITE_FULL,
             true); /* what is synced now is the first one's, whose writes are done */
    vfs_hold(false);
    join(&first);
    for (size_t i = 0; i < 20; i++) {
        join(&more[i]);
        assert_err(more[i].result, STORE_UNAVAILABLE);
        assert_int_equal(more[i].seq, 0);
    }
    assert_ok(first.result);
    goes_on(f, 1, 1);
}

/* Somebody exchanges the head while the service runs. */
static void notices_another_head(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    uint8_t old[CF_AUDIT_HEAD_BYTES], now[CF_AUDIT_HEAD_BYTES];
    char sql[2 * CF_AUDIT_HEAD_BYTES + 64];
    assert_ok(entry_only(f, 1, &seq));
    assert_ok(f->store.ops->audit_head(f->store.self, old));
    assert_ok(entry_only(f, 1, &seq));
    assert_ok(f->store.ops->audit_head(f->store.self, now));
    const uint8_t *heads[] = {old, now};
    fixture_sql(f, "UPDATE store SET head = zeroblob(104)");
    assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
    for (int i = 0; i < 2; i++) {
        int at = snprintf(sql, sizeof sql, "UPDATE store SET head = x'");
        for (size_t k = 0; k < CF_AUDIT_HEAD_BYTES; k++) {
            at += snprintf(sql + at, sizeof sql - (size_t)at, "%02x", heads[i][k]);
        }
        snprintf(sql + at, sizeof sql - (size_t)at, "'");
        fixture_sql(f, sql);
        assert_code(entry_only(f, 1, &seq), i == 0 ? CF_ERR_AUDIT_ALTERED : CF_OK);
    }
    assert_int_equal(seq, 3);
    /* an entry where the head says that there is none */
    fixture_sql(f, "INSERT INTO audit SELECT 4, vault, hash, entry FROM audit WHERE seq = 3");
    assert_err(entry_only(f, 1, &seq), AUDIT_ALTERED);
    fixture_sql(f, "DELETE FROM audit WHERE seq = 4");
    goes_on(f, 1, 1);
}

/* Two services by mistake on one store: each sees the other's entries, and the chain stays one. */
static void shares_the_chain_with_another_writer(void **state)
{
    fixture *f = *state;
    fixture other = *f;
    uint64_t seq;
    assert_ok(entry_only(f, 1, &seq));
    assert_ok(fixture_open(&other, false, &other.store));
    for (unsigned i = 1; i <= 10; i++) {
        assert_ok(vault_put(i % 2 == 0 ? f : &other, i, 1, &seq));
        assert_int_equal(seq, i + 1);
    }
    cf_store_close(&other.store);
    assert_string_equal(findings(f), "");
}

/* A process of its own with a file system of one mebibyte, where the kernel allows that. Exit 0 passed, 77 not allowed. */
static int on_a_small_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0) {
        return 77; /* not root */
    }
    char folder[] = "/tmp/small.XXXXXX";
    if (mkdtemp(folder) == NULL || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=0700") != 0) {
        (void)rmdir(folder);
        return 77;
    }
    fixture f = {.folder = ""};
    char filler[96];
    static const uint8_t key[CF_ROW_KEY_BYTES] = "another key";
    snprintf(f.db, sizeof f.db, "%s/store.db", folder);
    snprintf(f.anchor, sizeof f.anchor, "%s/audit.anchor", folder);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    int status = 1;
    uint64_t seq, acknowledged = 0;
    unsigned n = 0;
    if (!cf_is_ok(cf_secret_set(&f.row_key, CF_VIEW_OF(key))) ||
        !cf_is_ok(cf_audit_key(&f.row_key, &f.audit_key)) ||
        !cf_is_ok(fixture_open(&f, false, &f.store))) {
        goto out;
    }
    status = 2;
    int fd = open(filler, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, 200 << 10) != 0 || close(fd) != 0) {
        goto out;
    }
    status = 3;
    cf_result r = cf_ok();
    while (n < 10000 && cf_is_ok(r = vault_put(&f, n, 1, &seq))) {
        acknowledged = seq;
        n++;
    }
    if (r.code != CF_ERR_STORE_UNAVAILABLE || n < 20) {
        goto out;
    }
    status = 4;
    if (cf_is_ok(entry_only(&f, 1, &seq)) && cf_is_ok(entry_only(&f, 1, &seq)) &&
        cf_is_ok(vault_put(&f, n, 1, &seq)) && cf_is_ok(vault_put(&f, n + 1, 1, &seq))) {
        goto out; /* it is not full at all */
    }
    status = 5;
    if (unlink(filler) != 0 || version_of(&f, n - 1) != 1) {
        goto out;
    }
    status = 6;
    n = 20000;
    if (!cf_is_ok(vault_put(&f, n, 1, &seq)) || seq <= acknowledged) {
        goto out;
    }
    cf_store_close(&f.store);
    status = strcmp(findings(&f), "") == 0 ? 7 : 8;
    if (status == 7 && mount("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0) {
        status = fixture_open(&f, false, &f.store).code == CF_ERR_STORE_UNAVAILABLE ? 0 : 9;
    }
out:
    cf_store_close(&f.store);
    (void)umount2(folder, MNT_DETACH);
    (void)rmdir(folder);
    return status;
}

static void survives_a_full_disk(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(on_a_small_disk());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("no file system of its own here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_a_full_disk), /* before any thread */
        T(survives_every_failing_write),
        T(says_that_the_disk_is_full),
        T(waits_for_a_lock_and_no_longer),
        T(tells_the_truth_after_the_deadline),
        T(bounds_its_queue),
        T(fails_a_group_as_one),
        T(notices_another_head),
        T(shares_the_chain_with_another_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
