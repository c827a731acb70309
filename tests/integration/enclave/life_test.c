/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave's birth, its walls seen from outside, what it leaves behind in memory and in the log, and its end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/linux/net.h"
#include "tests/integration/enclave/enclave_test.h"

static int start_short_cache(void **state)
{
    (void)state;
    static const char *const options[] = {"--cache-seconds", "1", NULL};
    return start_with(options);
}

static int start_nothing(void **state)
{
    (void)state;
    enclave = NULL;
    return 0;
}

static int stop_if_any(void **state)
{
    return enclave == NULL ? 0 : stop(state);
}

static void serves(void)
{
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 3);
    assert_decrypts(&c, &q, 1);
    rig_request_free(&q);
    rig_close(&c);
}

/* ---- walls ---- */

static long status_number(const char *path, const char *name, int base)
{
    char line[256];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    long value = -1;
    while (value < 0 && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name), NULL, base);
        }
    }
    (void)fclose(f);
    return value;
}

static bool own_namespace(const char *name)
{
    char path[64], own[64], theirs[64];
    (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", rig_pid(enclave), name);
    ssize_t n = readlink(path, theirs, sizeof theirs);
    (void)snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    ssize_t m = readlink(path, own, sizeof own);
    return n != m || memcmp(own, theirs, (size_t)n) != 0;
}

static void test_walls(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned lacks;
    } namespaces[] = {{"user", CF_LACKS_USER_NS},    {"mnt", CF_LACKS_MOUNT_NS},
                      {"pid", CF_LACKS_PID_NS},      {"net", CF_LACKS_NET_NS},
                      {"ipc", CF_LACKS_IPC_NS},      {"uts", CF_LACKS_UTS_NS},
                      {"cgroup", CF_LACKS_CGROUP_NS}};
    serves();
    if (geteuid() != 0) {
        skip();
    }
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
        assert_int_equal(own_namespace(namespaces[i].name),
                         (rig_lacks(enclave) & namespaces[i].lacks) == 0);
    }
    char path[64], task[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "/proc/%d/environ", rig_pid(enclave));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0); /* not its own: it may not be dumped */
    (void)snprintf(path, sizeof path, "/proc/%d/task", rig_pid(enclave));
    DIR *d = opendir(path);
    size_t threads = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(task, sizeof task, "/proc/%d/task/%.20s/status", rig_pid(enclave),
                       e->d_name);
        assert_int_equal(status_number(task, "Seccomp:", 10), 2);
        assert_int_equal(status_number(task, "NoNewPrivs:", 10), 1);
        assert_int_equal(status_number(task, "CapEff:", 16), 0);
        assert_int_equal(status_number(task, "CapPrm:", 16), 0);
        assert_int_equal(status_number(task, "CapBnd:", 16), 0);
        assert_int_equal(status_number(task, "Uid:", 10), 65534);
        threads++;
    }
    (void)closedir(d);
    assert_true(threads >= 10); /* I/O, workers, KMS */
    (void)snprintf(path, sizeof path, "/proc/%d/status", rig_pid(enclave));
    assert_true(status_number(path, "VmLck:", 10) > 0 || getenv("ASAN_OPTIONS") != NULL);
    /* A machine of our own lets everything be done, and all of the memory be locked. */
    if (getenv("CF_TEST_VM") != NULL) {
        assert_int_equal(rig_lacks(enclave), 0);
        assert_true(status_number(path, "VmLck:", 10) >= status_number(path, "VmRSS:", 10));
    }
    (void)snprintf(path, sizeof path, "/proc/%d/limits", rig_pid(enclave));
    assert_int_equal(status_number(path, "Max core file size", 10), 0);
    assert_int_equal(status_number(path, "Max processes", 10), 0);
}

/* ---- identity ---- */

static void test_another_program_has_another_pcr0(void **state)
{
    (void)state;
    char path[] = "/tmp/cf-enclave-XXXXXX";
    CF_BUF(image);
    CF_FD(fd);
    uint8_t first[CF_PCR_BYTES];
    fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(cf_file_read(program(), CF_IMAGE_BYTES_MAX, &image));
    assert_int_equal(start(NULL), 0);
    cf_copy(first, rig_pcr0(enclave).data, CF_PCR_BYTES);
    serves(); /* the KMS of the rig has seen this PCR0 in a document that holds */
    assert_int_equal(stop(NULL), 0);
    /* One octet behind the program's last section changes nothing that runs. */
    assert_ok(cf_buf_append(&image, CF_LIT("x")));
    assert_ok(cf_file_write(path, cf_buf_view(&image), 0700));
    const rig_spec spec = {.program = path};
    enclave = rig_start(&spec);
    assert_false(cf_view_eq(rig_pcr0(enclave), CF_VIEW_OF(first)));
    serves();
    (void)unlink(path);
}

static void hello_of(cf_buf *ret_boot_id)
{
    rig_conn c;
    cf_msg m;
    cf_hello_answer a;
    rig_connect(enclave, &c);
    rig_send(&c, CF_MSG_HELLO, 1, CF_LIT("\xa2\x01\x01\x02\x01"));
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_ok(cf_hello_answer_decode(m.body, &a));
    assert_ok(cf_buf_set(ret_boot_id, a.boot_id));
    rig_close(&c);
}

static void test_boot_id(void **state)
{
    (void)state;
    CF_BUF(first);
    CF_BUF(again);
    CF_BUF(second);
    assert_int_equal(start(NULL), 0);
    hello_of(&first);
    hello_of(&again);
    assert_view(cf_buf_view(&first), cf_buf_view(&again));
    assert_int_equal(stop(NULL), 0);
    assert_int_equal(start(NULL), 0);
    hello_of(&second);
    assert_false(cf_view_eq(cf_buf_view(&first), cf_buf_view(&second)));
}

/* ---- what is left behind ---- */

/* How often the octets occur in the enclave's memory. */
static size_t occurrences(cf_view wanted)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "/proc/%d/maps", rig_pid(enclave));
    FILE *maps = fopen(path, "r");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", rig_pid(enclave));
    CF_FD(mem);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(maps != NULL && mem >= 0);
    size_t count = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char rights[8];
        assert_int_equal(sscanf(line, "%lx-%lx %7s", &from, &to, rights), 3);
        if (rights[0] != 'r' || rights[1] != 'w' || to - from > ((unsigned long)256 << 20)) {
            continue;
        }
        uint8_t *octets = malloc(to - from);
        ssize_t n = octets == NULL ? -1 : pread(mem, octets, to - from, (off_t)from);
        for (uint8_t *at = octets; n > 0; count++) {
            at = memmem(at, (size_t)(octets + n - at), wanted.data, wanted.len);
            if (at == NULL) {
                break;
            }
            at += wanted.len;
        }
        free(octets);
    }
    (void)fclose(maps);
    return count;
}

static void wait_until_gone(cf_view wanted, unsigned ms)
{
    uint64_t deadline = cf_clock_mono_ms() + ms;
    while (occurrences(wanted) > 0 && cf_clock_mono_ms() < deadline) {
        (void)poll(NULL, 0, 100);
    }
    assert_int_equal(occurrences(wanted), 0);
}

/* A key is in memory while it is cached and nowhere once it has expired; a value is nowhere once its answer was read. */
static void test_wiped(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    rig_conn c;
    rig_request q;
    CF_BUF(keep);
    CF_SECRET(scalar);
    CF_SECRET(turned); /* as the library's words have it */
    assert_ok(rig_scalar(enclave, CF_P384, &scalar));
    turned.len = scalar.len;
    for (size_t i = 0; i < scalar.len; i++) {
        turned.b[i] = scalar.b[scalar.len - 1 - i];
    }
    rig_hello(enclave, &c);
    static const cf_encoding all[] = {CF_ENC_WRITE, CF_ENC_BINARY, CF_ENC_HEX};
    for (size_t i = 0; i < 3; i++) {
        make_request(&q, 1, all[i], 12);
        for (uint64_t j = 0; j < 50; j++) {
            assert_decrypts(&c, &q, j);
        }
        rig_request_free(&q);
    }
    size_t cached = occurrences(cf_secret_view(&scalar));
    assert_true(cached >= 1); /* else the search finds nothing at all */
    assert_int_equal(occurrences(cf_secret_view(&turned)), 0);
    /* What is sent is wiped behind the system call, and we may look in between. */
    wait_until_gone(CF_LIT("value of f003"), 1000);
    wait_until_gone(cf_secret_view(&scalar), 5000);
    cf_health h = rig_health(&c, &keep);
    assert_int_equal(h.keys, 0);
    rig_close(&c);
}

#define CANARY_ID "AKIACANARYCANARY0001"
#define CANARY_SECRET "canary/secret/key+000000000000000000001"
#define CANARY_TOKEN "canary-session-token-00000000000000001"

static void test_credentials(void **state)
{
    (void)state;
    rig_conn c;
    cf_msg m;
    CF_BUF(body);
    CF_BUF(log);
    rig_hello(enclave, &c);
    for (unsigned i = 0; i < 2; i++) {
        const cf_credentials_view v = {CF_LIT(CANARY_ID),
                                       i == 0 ? CF_LIT(CANARY_SECRET) : CF_LIT("another"),
                                       i == 0 ? CF_LIT(CANARY_TOKEN) : CF_VIEW_EMPTY, 0};
        cf_buf_clear(&body);
        assert_ok(cf_credentials_encode(&v, &body));
        rig_send(&c, CF_MSG_CREDENTIALS, i, cf_buf_view(&body));
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_int_equal(m.kind, CF_MSG_ANSWER + CF_MSG_CREDENTIALS);
        if (geteuid() == 0) {
            assert_int_equal(occurrences(CF_LIT(CANARY_SECRET)),
                             i == 0 ? 1 : 0); /* one copy, and none once replaced */
            assert_int_equal(occurrences(CF_LIT(CANARY_TOKEN)), i == 0 ? 1 : 0);
        }
    }
    rig_close(&c);
    rig_log(enclave, &log);
    assert_null(memmem(log.data, log.len, "canary", 6));
    assert_null(memmem(log.data, log.len, "CANARY", 6));
}

/* Whatever is sent, the log has codes and counts. */
static void test_log(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    CF_BUF(log);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 3);
    q.message.vault_id = CF_LIT("canary-vault");
    rig_kms_set(enclave, RIG_KMS_REFUSES, 0);
    assert_code((cf_result){decrypt_code(&c, &q, 1)}, CF_ERR_KMS_REFUSED);
    rig_kms_set(enclave, RIG_KMS_WORKS, 0);
    assert_code((cf_result){decrypt_code(&c, &q, 2)}, CF_OK);
    rig_send(&c, CF_MSG_DECRYPT, 3,
             CF_LIT("\xa1\x03\x66"
                    "canary"));
    cf_msg m;
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_code((cf_result){rig_error(&m)}, CF_ERR_MISSING);
    assert_int_equal(send(c.fd, "canary canary canary", 20, MSG_NOSIGNAL), 20);
    assert_closed(&c, 2000);
    rig_close(&c);
    (void)rig_kill(enclave, SIGTERM);
    (void)poll(NULL, 0, 100);
    rig_log(enclave, &log);
    static const char refused[] =
        "kms.error request=- operation=Decrypt status=400 name=AccessDeniedException";
    assert_non_null(memmem(log.data, log.len, refused, sizeof refused - 1));
    assert_non_null(memmem(log.data, log.len, " info enclave stopped answered=3", 32));
    assert_null(memmem(log.data, log.len, "canary", 6));
    assert_null(memmem(log.data, log.len, "value of", 8));
    assert_null(memmem(log.data, log.len, "key-1", 5));
    assert_null(memmem(log.data, log.len, "acme", 4));
    rig_request_free(&q);
}

/* ---- the end ---- */

static void test_sigterm_finishes_what_is_in_flight(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_msg m;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 20);
    rig_kms_set(enclave, RIG_KMS_WORKS, 400);
    for (uint64_t i = 0; i < 30; i++) {
        rig_send_decrypt(&c, i, &q.message);
    }
    rig_send(&c, CF_MSG_HEALTH, 30,
             CF_LIT("\xa0")); /* answered at once, after the others are read */
    bool told = false;
    for (size_t i = 0; i < 31; i++) {
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_code((cf_result){rig_error(&m)}, CF_OK);
        if (m.kind == CF_MSG_ANSWER + CF_MSG_HEALTH) {
            assert_int_equal(kill(rig_pid(enclave), SIGTERM), 0);
            told = true;
        }
    }
    assert_true(told);
    assert_closed(&c, 3000);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_sigterm_with_a_hung_kms(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    rig_kms_set(enclave, RIG_KMS_HANGS, 0);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    q.message.deadline_ms = 60000;
    rig_send_decrypt(&c, 1, &q.message);
    (void)poll(NULL, 0, 100);
    uint64_t began = cf_clock_mono_ms();
    int status = rig_kill(enclave, SIGTERM);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_in_range(cf_clock_mono_ms() - began, 0, 6000);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_sigkill(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_msg m;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    assert_decrypts(&c, &q, 1);
    uint64_t began = cf_clock_mono_ms();
    int status = rig_kill(enclave, SIGKILL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    rig_send_decrypt(&c, 2, &q.message);
    assert_false(rig_receive(&c, WAIT_MS, &m)); /* the agent learns at once */
    assert_in_range(cf_clock_mono_ms() - began, 0, 1000);
    rig_request_free(&q);
    rig_close(&c);
}

/* What cannot be the way to a KMS: plain beyond this machine above all. The log says so. */
static void test_no_way_to_kms(void **state)
{
    (void)state;
    static const struct {
        const char *kms, *options[5], *code;
    } rows[] = {
        {"vsock:3:8000", {NULL}, "unsupported"},
        {"unix:/run/kms.sock", {NULL}, "unsupported"},
        {"localhost:8000", {NULL}, "unsupported"},
        {"http://localhost", {"--kms-link", "fd:5"}, "unsupported"},
        {"fd:5", {"--kms-link", "vsock:3:8000"}, "bad_argument"},
        {"fd:5", {"--kms-roots", "fd:5"}, "bad_argument"},
        {"aws:eu-central-1", {NULL}, "bad_argument"},
        {"aws:eu-central-1/", {"--kms-link", "fd:5"}, "bad_argument"},
        {"aws:eu-central-1,x", {"--kms-link", "fd:5"}, "unsupported"},
        {"https://127.0.0.1", {"--kms-link", "fd:5"}, "bad_argument"},
        {"aws:eu-central-1", {"--kms-link", "unix:/run/kms.sock"}, "unsupported"},
        {"aws:eu-central-1", {"--kms-link", "fd:5", "--kms-roots", "/etc/roots"}, "bad_argument"},
        {"aws:eu-central-1", {"--kms-link", "fd:5", "--kms-roots", "fd:3"}, "io_error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = 0;
        char line[128];
        CF_BUF(log);
        const rig_spec spec = {
            .program = program(), .kms = rows[i].kms, .options = rows[i].options};
        enclave = rig_start(&spec);
        assert_int_equal(waitpid(rig_pid(enclave), &status, 0), rig_pid(enclave));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        rig_forget(enclave);
        (void)poll(NULL, 0, 100);
        rig_log(enclave, &log);
        (void)snprintf(line, sizeof line, "kms.refused kms=%s link=%s code=%s\n", rows[i].kms,
                       rows[i].options[0] != NULL && strcmp(rows[i].options[0], "--kms-link") == 0
                           ? rows[i].options[1]
                           : "plain",
                       rows[i].code);
        if (memmem(log.data, log.len, line, strlen(line)) == NULL) {
            print_error("want %sgot %.*s", line, (int)log.len, (const char *)log.data);
        }
        assert_non_null(memmem(log.data, log.len, line, strlen(line)));
        (void)stop_if_any(state);
    }
}

/* Over vsock it dials by itself, which the filter lets it. Here nobody answers; that costs the one request, and no more. */
static void test_kms_over_vsock(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    static const char *const options[] = {"--kms-link", "vsock:2:1", NULL};
    const cf_credentials_view credentials = {CF_LIT("AKID"), CF_LIT("secret"), CF_LIT("token"), 0};
    const rig_spec spec = {.program = program(), .kms = "aws:eu-central-1", .options = options};
    CF_BUF(body);
    cf_msg m;
    enclave = rig_start(&spec);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 1);
    /* before any credentials came there is nothing to dial for */
    assert_code((cf_result){decrypt_code(&c, &q, 1)}, CF_ERR_KMS_REFUSED);
    assert_ok(cf_credentials_encode(&credentials, &body));
    rig_send(&c, CF_MSG_CREDENTIALS, 2, cf_buf_view(&body));
    assert_true(rig_receive(&c, WAIT_MS, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_CREDENTIALS);
    assert_code((cf_result){decrypt_code(&c, &q, 3)}, CF_ERR_KMS_UNAVAILABLE);
    assert_code((cf_result){decrypt_code(&c, &q, 4)}, CF_ERR_KMS_UNAVAILABLE);
    rig_request_free(&q);
    rig_close(&c);
    assert_int_equal(rig_stop(&enclave), 0);
}

static void test_wrong_options(void **state)
{
    (void)state;
    static const char *const all[][3] = {{"--workers", "0"},
                                         {"--workers", "65"},
                                         {"--cache-keys", "100001"},
                                         {"--cache-seconds", "3601"},
                                         {"--workers", "x"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int status = 0;
        (void)start_with(all[i]);
        assert_int_equal(waitpid(rig_pid(enclave), &status, 0), rig_pid(enclave));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        rig_forget(enclave);
        (void)rig_stop(&enclave);
    }
    static const char *const most[] = {
        "--workers", "64", "--cache-keys", "100000", "--cache-seconds", "3600", NULL};
    (void)start_with(most);
    serves();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walls, start, stop),
        cmocka_unit_test_setup_teardown(test_another_program_has_another_pcr0, start_nothing,
                                        stop_if_any),
        cmocka_unit_test_setup_teardown(test_boot_id, start_nothing, stop_if_any),
        cmocka_unit_test_setup_teardown(test_wiped, start_short_cache, stop),
        cmocka_unit_test_setup_teardown(test_credentials, start, stop),
        cmocka_unit_test_setup_teardown(test_log, start, stop),
        cmocka_unit_test_setup_teardown(test_sigterm_finishes_what_is_in_flight, start, stop),
        cmocka_unit_test_setup_teardown(test_sigterm_with_a_hung_kms, start, stop),
        cmocka_unit_test_setup_teardown(test_sigkill, start, stop),
        cmocka_unit_test_setup_teardown(test_wrong_options, start_nothing, stop_if_any),
        cmocka_unit_test_setup_teardown(test_no_way_to_kms, start_nothing, stop_if_any),
        cmocka_unit_test_setup_teardown(test_kms_over_vsock, start_nothing, stop_if_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
