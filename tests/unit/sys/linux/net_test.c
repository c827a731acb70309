/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/net.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "tests/support/test.h"

#define WAIT_MS 2000

static uint64_t soon(void)
{
    return cf_clock_mono_ms() + WAIT_MS;
}

static void test_parse(void **state)
{
    (void)state;
    cf_net_addr a;
    assert_ok(cf_net_parse("unix:/run/x.sock", &a));
    assert_int_equal(a.kind, CF_NET_UNIX);
    assert_string_equal(a.path, "/run/x.sock");
    assert_ok(cf_net_parse("vsock:16:5005", &a));
    assert_int_equal(a.kind, CF_NET_VSOCK);
    assert_int_equal(a.cid, 16);
    assert_int_equal(a.port, 5005);
    assert_ok(cf_net_parse("vsock:4294967295:0", &a));
    assert_ok(cf_net_parse("fd:3", &a));
    assert_int_equal(a.kind, CF_NET_FD);
    assert_int_equal(a.fd, 3);
    assert_ok(cf_net_parse("localhost:8080", &a));
    assert_int_equal(a.kind, CF_NET_TCP);
    assert_string_equal(a.path, "localhost");
    assert_int_equal(a.port, 8080);
    assert_ok(cf_net_parse("[::1]:443", &a));
    assert_string_equal(a.path, "::1");
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "unix:",
        "vsock:",
        "vsock:3",
        "vsock:3:",
        "vsock::5",
        "vsock:4294967296:1",
        "fd:",
        "fd:-1",
        "fd:3x",
        "localhost",
        ":80",
        "h:",
        "h:65536",
        "h:080",
        "::1:443",
        "[]:443",
        "h:1:2",
        "fd:2147483648",
        "vsock:3:99999999999",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cf_net_addr a;
        assert_err(cf_net_parse(bad[i], &a), ARGUMENT);
        assert_int_equal(a.fd, -1);
    }
}

static void test_path_limit(void **state)
{
    (void)state;
    char text[256] = "unix:";
    cf_net_addr a;
    for (size_t len = CF_NET_PATH_BYTES_MAX - 1; len <= CF_NET_PATH_BYTES_MAX + 1; len++) {
        memset(text + 5, 'p', len);
        text[5 + len] = '\0';
        assert_int_equal(cf_net_parse(text, &a).code,
                         len <= CF_NET_PATH_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
}

/* A folder of its own for socket files. */
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cf-net-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/s", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static void unix_addr(cf_net_addr *a)
{
    char text[128];
    (void)snprintf(text, sizeof text, "unix:%s/s", folder);
    assert_ok(cf_net_parse(text, a));
}

static void round_trip(const cf_net_addr *a, int listening)
{
    CF_FD(client);
    CF_FD(server);
    assert_ok(cf_net_dial(a, soon(), &client));
    server = accept(listening, NULL, NULL);
    assert_true(server >= 0);
    assert_true((fcntl(client, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
    assert_ok(cf_net_write_full(client, CF_LIT("hello"), soon()));
    uint8_t got[5];
    assert_ok(cf_net_read_full(server, got, sizeof got, soon()));
    assert_memory_equal(got, "hello", 5);
    assert_err(cf_net_read_full(server, got, 1, cf_clock_mono_ms() + 20), TIMEOUT);
    assert_ok(cf_net_write_full(client, CF_LIT("xy"), soon()));
    cf_fd_close(&client);
    CF_BUF(some);
    assert_ok(cf_net_read_some(server, &some, 100, soon()));
    assert_int_equal(some.len, 2);
    assert_err(cf_net_read_some(server, &some, 100, soon()), CLOSED);
    assert_int_equal(some.len, 2);
}

static void test_unix(void **state)
{
    (void)state;
    cf_net_addr a;
    unix_addr(&a);
    CF_FD(none);
    assert_err(cf_net_dial(&a, soon(), &none), NOT_FOUND);
    CF_FD(fd);
    assert_ok(cf_net_listen(&a, 8, &fd));
    struct stat st;
    assert_int_equal(stat(a.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    round_trip(&a, fd);
    CF_FD(second);
    assert_err(cf_net_listen(&a, 8, &second), EXISTS); /* live */
    assert_int_equal(second, -1);
    cf_fd_close(&fd);
    assert_ok(cf_net_listen(&a, 8, &fd)); /* stale */
    round_trip(&a, fd);
    char text[CF_NET_TEXT_BYTES_MAX];
    assert_ok(cf_net_text(&a, fd, text));
    assert_memory_equal(text, "unix:/tmp/", 10);
}

static void test_unix_keeps_files(void **state)
{
    (void)state;
    cf_net_addr a;
    unix_addr(&a);
    (void)unlink(a.path);
    CF_FD(file);
    file = open(a.path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    CF_FD(fd);
    assert_err(cf_net_listen(&a, 8, &fd), EXISTS);
    assert_int_equal(access(a.path, F_OK), 0);
    (void)unlink(a.path);
}

static void test_unix_full_queue(void **state)
{
    (void)state;
    cf_net_addr a;
    unix_addr(&a);
    CF_FD(fd);
    assert_ok(cf_net_listen(&a, 0, &fd));
    int held[8];
    size_t n = 0;
    cf_result r = cf_ok();
    while (n < 8 && cf_is_ok(r)) {
        r = cf_net_dial(&a, cf_clock_mono_ms() + 50, &held[n++]);
    }
    assert_err(r, TIMEOUT);
    while (n > 0) {
        cf_fd_close(&held[--n]);
    }
}

static void test_tcp(void **state)
{
    (void)state;
    cf_net_addr a;
    CF_FD(fd);
    assert_ok(cf_net_parse("127.0.0.1:0", &a));
    assert_ok(cf_net_listen(&a, 8, &fd));
    char text[CF_NET_TEXT_BYTES_MAX];
    assert_ok(cf_net_text(&a, fd, text));
    assert_memory_equal(text, "127.0.0.1:", 10);
    assert_string_not_equal(text, "127.0.0.1:0");
    assert_ok(cf_net_parse(text, &a));
    round_trip(&a, fd);
    cf_fd_close(&fd);
    CF_FD(none);
    assert_err(cf_net_dial(&a, soon(), &none), NOT_FOUND);
}

/* Of sockets that do not listen as well: the address is all that is looked at. */
static void test_reach(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        cf_net_reach want;
    } rows[] = {
        {"127.0.0.1:0", CF_NET_REACH_LOOPBACK}, {"127.255.0.1:0", CF_NET_REACH_LOOPBACK},
        {"[::1]:0", CF_NET_REACH_LOOPBACK},     {"localhost:0", CF_NET_REACH_LOOPBACK},
        {"0.0.0.0:0", CF_NET_REACH_NETWORK},    {"[::]:0", CF_NET_REACH_NETWORK},
    };
    cf_net_reach reach;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_net_addr a;
        CF_FD(fd);
        assert_ok(cf_net_parse(rows[i].address, &a));
        if (rows[i].address[0] == '[' && !cf_is_ok(cf_net_listen(&a, 1, &fd))) {
            continue; /* a machine without IPv6 */
        }
        if (fd < 0) {
            assert_ok(cf_net_listen(&a, 1, &fd));
        }
        assert_ok(cf_net_reach_of(fd, &reach));
        assert_int_equal(reach, rows[i].want);
    }
    CF_FD(local);
    CF_FD(other);
    local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    assert_ok(cf_net_reach_of(local, &reach));
    assert_int_equal(reach, CF_NET_REACH_UNIX);
    if (other >= 0) {
        assert_ok(cf_net_reach_of(other, &reach));
        assert_int_equal(reach, CF_NET_REACH_UNKNOWN);
    }
    assert_err(cf_net_reach_of(-1, &reach), IO);
}

static void test_write_deadline(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CF_BUF(big);
    assert_ok(cf_buf_reserve(&big, 8 << 20));
    big.len = 8 << 20;
    assert_err(cf_net_write_full(pair[0], cf_buf_view(&big), cf_clock_mono_ms() + 30), TIMEOUT);
    cf_fd_close(&pair[1]);
    assert_err(cf_net_write_full(pair[0], CF_LIT("x"), soon()), CLOSED);
    cf_fd_close(&pair[0]);
}

static void test_pass(void **state)
{
    (void)state;
    int pair[2], ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pipe(ends), 0);
    uint8_t what;
    CF_FD(got);
    assert_err(cf_net_recv_fd(pair[1], cf_clock_mono_ms() + 20, &what, &got), TIMEOUT);
    assert_ok(cf_net_send_fd(pair[0], 'K', ends[1]));
    assert_ok(cf_net_send_fd(pair[0], 'N', -1));
    assert_ok(cf_net_recv_fd(pair[1], soon(), &what, &got));
    assert_int_equal(what, 'K');
    assert_true(got >= 0);
    assert_true((fcntl(got, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(got, "p", 1), 1);
    char c = 0;
    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_int_equal(c, 'p');
    CF_FD(none);
    assert_ok(cf_net_recv_fd(pair[1], soon(), &what, &none));
    assert_int_equal(what, 'N');
    assert_int_equal(none, -1);
    cf_fd_close(&pair[0]);
    assert_err(cf_net_recv_fd(pair[1], soon(), &what, &none), CLOSED);
    cf_fd_close(&pair[1]);
    cf_fd_close(&ends[0]);
    cf_fd_close(&ends[1]);
}

static size_t open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    (void)closedir(d);
    return n;
}

/* One octet with n descriptors in one control message. */
static void send_fds(int sock, const int *fds, size_t n)
{
    union {
        char octets[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    char octet = 'K';
    struct iovec v = {&octet, 1};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.octets,
                       .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(n * sizeof(int));
    cf_copy(CMSG_DATA(head), fds, n * sizeof(int));
    assert_int_equal(sendmsg(sock, &m, 0), 1);
}

/* More descriptors than one: none is given, and none stays open. */
static void test_pass_many(void **state)
{
    (void)state;
    int pair[2];
    const int fds[8] = {0, 1, 2, 0, 1, 2, 0, 1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    size_t before = open_fds();
    for (size_t n = 1; n <= 8; n++) {
        uint8_t what;
        CF_FD(got);
        send_fds(pair[0], fds, n);
        if (n == 1) {
            assert_ok(cf_net_recv_fd(pair[1], soon(), &what, &got));
            assert_true(got >= 0);
        } else {
            assert_err(cf_net_recv_fd(pair[1], soon(), &what, &got), MALFORMED);
            assert_int_equal(got, -1);
        }
    }
    assert_int_equal(open_fds(), before);
    cf_fd_close(&pair[0]);
    cf_fd_close(&pair[1]);
}

static void test_fd_kind(void **state)
{
    (void)state;
    cf_net_addr a;
    CF_FD(none);
    assert_ok(cf_net_parse("fd:9", &a));
    assert_err(cf_net_dial(&a, soon(), &none), UNSUPPORTED);
    int fd = -1;
    assert_ok(cf_net_listen(&a, 1, &fd));
    assert_int_equal(fd, 9);
    char text[CF_NET_TEXT_BYTES_MAX];
    assert_ok(cf_net_text(&a, fd, text));
    assert_string_equal(text, "fd:9");
    assert_ok(cf_net_parse("vsock:3:5005", &a));
    assert_ok(cf_net_text(&a, -1, text));
    assert_string_equal(text, "vsock:3:5005");
}

/* What one side writes, the other reads, until it is closed. */
static void assert_carries(int ours, int theirs)
{
    enum { OCTETS = 3 << 20 };
    CF_BUF(out);
    CF_BUF(in);
    assert_ok(cf_buf_reserve(&out, OCTETS));
    for (out.len = 0; out.len < OCTETS; out.len++) {
        out.data[out.len] = (uint8_t)(out.len * 7 >> 8);
    }
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        bool ok = cf_is_ok(cf_net_write_full(ours, cf_buf_view(&out), CF_DEADLINE_NONE));
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(close(ours), 0);
    assert_ok(cf_buf_reserve(&in, OCTETS));
    assert_ok(cf_net_read_full(theirs, in.data, OCTETS, cf_clock_mono_ms() + 20000));
    in.len = OCTETS;
    assert_view(cf_buf_view(&in), cf_buf_view(&out));
    int status = 0;
    assert_true(waitpid(writer, &status, 0) == writer && status == 0);
    assert_err(cf_net_read_some(theirs, &in, 1, cf_clock_mono_ms() + 20000), CLOSED);
}

#define VSOCK_PORT 5003

/* Where the machine has no AF_VSOCK there is nothing to try; where it has, but no loopback, a dial ends at its deadline. */
static void test_vsock(void **state)
{
    (void)state;
    CF_FD(fd);
    CF_FD(client);
    CF_FD(server);
    cf_result r = cf_net_vsock_listen(UINT32_MAX, VSOCK_PORT, 4, &fd);
    if (!cf_is_ok(r)) {
        assert_int_equal(fd, -1);
        assert_null(getenv("CF_TEST_VM")); /* that of tests/long/vm has both */
        skip();
    }
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    uint64_t began = cf_clock_mono_ms();
    assert_false(cf_is_ok(cf_net_vsock_dial(1, 1, began + 100, &client)));
    assert_int_equal(client, -1);
    assert_in_range(cf_clock_mono_ms() - began, 0, 1000);
    r = cf_net_vsock_dial(1, VSOCK_PORT, cf_clock_mono_ms() + 1000, &client);
    if (!cf_is_ok(r)) {
        assert_null(getenv("CF_TEST_VM"));
        return;
    }
    server = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(server >= 0);
    assert_carries(client, server);
    client = -1;
}

static void test_clock(void **state)
{
    (void)state;
    uint64_t now = cf_clock_mono_ms();
    assert_int_equal(cf_clock_poll_ms(CF_DEADLINE_NONE), -1);
    assert_int_equal(cf_clock_poll_ms(now > 5 ? now - 5 : 0), 0);
    int left = cf_clock_poll_ms(cf_clock_mono_ms() + 5000);
    assert_in_range(left, 4000, 5000);
    assert_true(cf_clock_wall_ms() > UINT64_C(1700000000000));
    assert_true(cf_clock_mono_ms() >= now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_path_limit),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_keeps_files),
        cmocka_unit_test(test_unix_full_queue),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_write_deadline),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_pass_many),
        cmocka_unit_test(test_fd_kind),
        cmocka_unit_test(test_vsock),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
