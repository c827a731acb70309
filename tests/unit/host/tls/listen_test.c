/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys in files, and the addresses that they are served at. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/tls/listen.h"
#include "host/tls/server.h"
#include "sys/linux/file.h"
#include "tests/support/test.h"
#include "tests/support/tls_peer.h"

static char folder[] = "/tmp/coffer-tls-XXXXXX";
static char chain_file[64], key_file[64], other_file[64];

static int make_files(void **state)
{
    (void)state;
    CF_BUF(chain);
    CF_BUF(key);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(chain_file, sizeof chain_file, "%s/chain.pem", folder);
    (void)snprintf(key_file, sizeof key_file, "%s/key.pem", folder);
    (void)snprintf(other_file, sizeof other_file, "%s/other", folder);
    tls_peer_server(&chain, &key);
    assert_ok(cf_file_write(chain_file, cf_buf_view(&chain), 0644));
    assert_ok(cf_file_write(key_file, cf_buf_view(&key), 0600));
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(chain_file);
    (void)unlink(key_file);
    (void)unlink(other_file);
    return rmdir(folder);
}

static cf_result read_pair(const char *cert, const char *key)
{
    cf_tls_server *s = NULL;
    cf_result r = cf_tls_server_read(cert, key, &s);
    assert_true(cf_is_ok(r) == (s != NULL));
    cf_tls_server_free(&s);
    return r;
}

static void test_read(void **state)
{
    (void)state;
    assert_ok(read_pair(chain_file, key_file));
    assert_err(read_pair(other_file, key_file), NOT_FOUND);
    assert_err(read_pair(chain_file, other_file), NOT_FOUND);
    /* No file of anybody's but the user's: not one that others may read, and no folder. */
    static const unsigned modes[] = {0640, 0604, 0620, 0602};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(key_file, modes[i]), 0);
        assert_err(read_pair(chain_file, key_file), NOT_PERMITTED);
    }
    assert_int_equal(chmod(key_file, 0400), 0);
    assert_ok(read_pair(chain_file, key_file));
    assert_false(cf_is_ok(read_pair(chain_file, folder)));
    assert_int_equal(chmod(chain_file, 0600), 0);
    assert_err(read_pair(chain_file, chain_file), KEY);
    assert_err(read_pair(key_file, key_file), EMPTY);
}

static void test_read_limit(void **state)
{
    (void)state;
    for (int extra = -1; extra <= 1; extra++) {
        CF_BUF(text);
        CF_BUF(key);
        tls_peer_server(&text, &key);
        while (text.len < (size_t)(CF_TLS_SERVER_PEM_BYTES_MAX + extra)) {
            assert_ok(cf_buf_append(&text, CF_LIT("\n")));
        }
        assert_ok(cf_file_write(other_file, cf_buf_view(&text), 0600));
        assert_ok(cf_file_write(key_file, cf_buf_view(&key), 0600));
        assert_code(read_pair(other_file, key_file), extra > 0 ? CF_ERR_SIZE : CF_OK);
    }
}

static cf_result listen_on(const char *text, bool can_tls, cf_tls_listener *ret)
{
    cf_result r = cf_tls_listen(text, can_tls, 4, ret);
    cf_fd_close(&ret->fd);
    return r;
}

static void test_listen(void **state)
{
    (void)state;
    cf_tls_listener l;
    char path[128];
    assert_ok(listen_on("127.0.0.1:0", false, &l));
    assert_true(!l.is_tls && l.reach == CF_NET_REACH_LOOPBACK);
    assert_true(strncmp(l.text, "127.0.0.1:", 10) == 0 && strcmp(l.text + 10, "0") != 0);
    assert_ok(listen_on("tls:localhost:0", true, &l));
    assert_true(l.is_tls && l.reach == CF_NET_REACH_LOOPBACK);
    assert_true(strncmp(l.text, "tls:localhost:", 14) == 0 && strcmp(l.text + 14, "0") != 0);
    assert_ok(listen_on("tls:0.0.0.0:0", true, &l));
    assert_true(l.is_tls && l.reach == CF_NET_REACH_NETWORK);
    (void)snprintf(path, sizeof path, "tls:unix:%s/s", folder);
    assert_ok(listen_on(path + 4, true, &l));
    assert_true(!l.is_tls && l.reach == CF_NET_REACH_UNIX);
    assert_string_equal(l.text, path + 4);
    assert_err(listen_on(path, true, &l), ARGUMENT);
    (void)unlink(path + 9);
    static const char *const bad[] = {
        "",          "tls:",          "tls:nonsense",    "tls:tls:127.0.0.1:0",
        "vsock:3:5", "tls:vsock:3:5", "TLS:127.0.0.1:0",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(listen_on(bad[i], true, &l), ARGUMENT);
        assert_int_equal(l.fd, -1);
    }
    assert_err(listen_on("tls:127.0.0.1:0", false, &l), ARGUMENT);
}

/* A descriptor that somebody else has opened. */
static void test_inherited(void **state)
{
    (void)state;
    cf_tls_listener first, l;
    char text[32];
    assert_ok(cf_tls_listen("127.0.0.1:0", false, 4, &first));
    (void)snprintf(text, sizeof text, "tls:fd:%d", first.fd);
    assert_ok(cf_tls_listen(text, true, 4, &l));
    assert_true(l.is_tls && l.fd == first.fd && l.reach == CF_NET_REACH_LOOPBACK);
    assert_string_equal(l.text, text);
    cf_fd_close(&l.fd);
    int raw = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    (void)snprintf(text, sizeof text, "fd:%d", raw);
    assert_false(cf_is_ok(listen_on(text, true, &l)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_limit),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_inherited),
    };
    return cmocka_run_group_tests_name("host/tls/listen", tests, make_files, remove_files);
}
