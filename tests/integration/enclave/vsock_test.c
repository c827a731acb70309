/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave over AF_VSOCK: its agent comes that way, and it goes that way to its KMS. This takes a machine with vsock loopback, as
 * tests/long/vm has one, which says so with CF_TEST_VM; elsewhere these tests are left out. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "tests/integration/enclave/enclave_test.h"
#include "tests/support/tls_peer.h"

#define LOCAL_CID 1
#define PROBE_PORT 5004
#define REQUESTS "vsock:1:5005"
#define KMS_PORT 8000
#define KMS_LINK "vsock:1:8000"
#define CONNECTIONS 4
#define EACH 25

static bool has_loopback(void)
{
    CF_FD(listener);
    CF_FD(client);
    return cf_is_ok(cf_net_vsock_listen(LOCAL_CID, PROBE_PORT, 4, &listener)) &&
           cf_is_ok(cf_net_vsock_dial(LOCAL_CID, PROBE_PORT, cf_clock_mono_ms() + 1000, &client));
}

static void need_loopback(void)
{
    if (!has_loopback()) {
        assert_null(getenv("CF_TEST_VM"));
        skip();
    }
}

/* All of them are sent before the first answer is read, so that both ways are full for a while. */
static void test_requests(void **state)
{
    (void)state;
    need_loopback();
    const rig_spec spec = {.program = program(), .listen = REQUESTS};
    rig_conn c[CONNECTIONS];
    rig_request q;
    enclave = rig_start(&spec);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        rig_hello(enclave, &c[i]);
    }
    make_request(&q, 1, CF_ENC_BINARY, 50);
    for (uint64_t n = 0; n < (uint64_t)CONNECTIONS * EACH; n++) {
        rig_send_decrypt(&c[n % CONNECTIONS], n, &q.message);
    }
    for (size_t n = 0; n < (size_t)CONNECTIONS * EACH; n++) {
        CF_ARENA(arena, (size_t)1 << 20);
        cf_msg m;
        const cf_field_result *results;
        assert_true(rig_receive(&c[n % CONNECTIONS], WAIT_MS, &m));
        assert_int_equal(m.request % CONNECTIONS, n % CONNECTIONS);
        assert_int_equal(results_of(&m, &arena, &results), 50);
        for (size_t i = 0; i < 50; i++) {
            assert_opened(&q, results, i);
        }
    }
    rig_close(&c[0]); /* one that goes is no trouble for the others */
    assert_decrypts(&c[1], &q, 1000);
    int status = rig_stop(&enclave);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (size_t i = 1; i < CONNECTIONS; i++) {
        assert_closed(&c[i], WAIT_MS);
        rig_close(&c[i]);
    }
    rig_request_free(&q);
}

/* TLS that ends in the enclave and in the KMS, and a signed request in it; what is between them is vsock. */
static void test_kms(void **state)
{
    (void)state;
    static const char *const refuses[] = {"HTTP/1.1 400 Bad Request\r\nContent-Length: 35\r\n\r\n"
                                          "{\"__type\":\"AccessDeniedException\"}\n",
                                          NULL};
    need_loopback();
    CF_BUF(roots);
    CF_BUF(body);
    CF_FD(listener);
    CF_FD(asked);
    rig_conn c;
    rig_request q;
    cf_msg m;
    char head[4096] = "";
    const cf_credentials_view credentials = {CF_LIT("AKID"), CF_LIT("secret"), CF_LIT("token"), 0};
    asked = memfd_create("asked", MFD_CLOEXEC);
    assert_true(asked >= 0);
    tls_peer_root(&roots);
    assert_ok(cf_net_vsock_listen(LOCAL_CID, KMS_PORT, 4, &listener));
    const tls_peer_spec peer = {.script = refuses, .requests_fd = asked};
    pid_t kms = tls_peer_listen(&peer, 1, listener);
    const rig_spec spec = {.program = program(),
                           .kms = "https://localhost",
                           .kms_link = KMS_LINK,
                           .roots = cf_buf_view(&roots),
                           .listen = REQUESTS};
    enclave = rig_start(&spec);
    rig_hello(enclave, &c);
    assert_ok(cf_credentials_encode(&credentials, &body));
    rig_send(&c, CF_MSG_CREDENTIALS, 1, cf_buf_view(&body));
    assert_true(rig_receive(&c, WAIT_MS, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_CREDENTIALS);
    make_request(&q, 1, CF_ENC_WRITE, 1);
    assert_code((cf_result){decrypt_code(&c, &q, 2)}, CF_ERR_KMS_REFUSED);
    rig_request_free(&q);
    rig_close(&c);
    assert_int_equal(rig_stop(&enclave), 0);
    assert_int_equal(tls_peer_end(kms) & (TLS_PEER_SHOOK | TLS_PEER_NAMED),
                     TLS_PEER_SHOOK | TLS_PEER_NAMED);
    assert_true(pread(asked, head, sizeof head - 1, 0) > 0);
    assert_non_null(strstr(head, "X-Amz-Target: TrentService.Decrypt\r\n"));
    assert_non_null(strstr(head, "Authorization: AWS4-HMAC-SHA256 Credential=AKID/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests), cmocka_unit_test(test_kms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
