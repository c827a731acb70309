/* SPDX-License-Identifier: Apache-2.0 */
/* A program that the agent takes for an enclave, and that misbehaves as its requests tell it to: the vault id names what it does.
 * For tests and benches of the agent; it opens nothing and holds no key.
 *
 *   echo           each field's value is "value of NAME"       slow:MS     the same, after a while
 *   octets         each field's value is its ciphertext        deadline    the deadline that came, as text
 *   credentials    the access key id that was lent             kms         whether a connection to KMS was had
 *   error:CODE     the error of that code                      binary      values that are no text
 *   silent         no answer to this one                       hang        no more answers at all
 *   crash          ends                                        crash_once:TOKEN   ends, unless --cache-keys is TOKEN
 *   garbage        octets that are no frame                    wrong       an answer to a number that nobody asked
 *   log            writes lines that a log should not hold     drain       echo; it is not ready from then on
 * --workers boot-fail ends before it serves; --workers boot-hang never serves; --workers boot-old speaks another version. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/number.h"
#include "core/wire/wire.h"
#include "sys/linux/clock.h"
#include "sys/linux/daemon.h"
#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"

#define CONNECTIONS 32
#define DELAYED_MAX 512
#define FAKE_INFLIGHT 64
#define KMS_CROWD 100 /* more than the agent dials at a time */

typedef struct {
    int fd;
    cf_buf in;
} connection;

typedef struct {
    uint64_t at_ms;
    size_t conn;
    uint64_t request;
    cf_buf answer; /* a frame */
} delayed;

static connection conns[CONNECTIONS];
static delayed later[DELAYED_MAX];
static size_t later_n;
static cf_hello_answer identity;
static cf_buf module_id;
static uint8_t pcr0[CF_PCR_BYTES_SHA384], boot_id[CF_BOOT_ID_BYTES];
static cf_buf access_key_id;
static uint64_t answered;
static const char *token = "", *health_state = "ready";
static bool hung;

static void must(cf_result r, const char *what)
{
    if (!cf_is_ok(r)) {
        fprintf(stderr, "fake-enclave: %s: %s\n", what, cf_err_code(r.code));
        exit(4);
    }
}

static void reply(size_t conn, uint32_t kind, uint64_t request, cf_view body)
{
    CF_BUF(frame);
    must(cf_frame_encode(kind, request, body, &frame), "frame");
    cf_ignore(cf_net_write_full(conns[conn].fd, cf_buf_view(&frame), cf_clock_mono_ms() + 5000));
}

static void reply_error(size_t conn, uint64_t request, cf_err code)
{
    CF_BUF(body);
    must(cf_error_encode(code, &body), "error");
    reply(conn, CF_MSG_ERROR, request, cf_buf_view(&body));
}

static bool begins(cf_view v, const char *text, cf_view *rest)
{
    cf_view want = cf_view_str(text);
    *rest = cf_view_sub(v, want.len, v.len >= want.len ? v.len - want.len : 0);
    return cf_view_eq(cf_view_sub(v, 0, want.len), want);
}

/* Asks for so many connections before it looks at an answer; how many came. */
static int ask_kms(int n)
{
    int had = 0;
    for (int i = 0; i < n; i++) {
        must(cf_net_send_fd(5, 'K', -1), "question");
    }
    for (int i = 0; i < n; i++) {
        uint8_t what = 0;
        int fd = -1;
        must(cf_net_recv_fd(5, cf_clock_mono_ms() + 5000, &what, &fd), "answer");
        had += fd >= 0 ? 1 : 0;
        cf_fd_close(&fd);
    }
    return had;
}

/* The value of every field of the answer, or NULL data: "value of NAME". */
static cf_view value_of(const cf_decrypt *m, const cf_field *f, char *text, size_t room)
{
    if (cf_view_eq(m->vault_id, CF_LIT("octets"))) {
        return f->value;
    }
    if (cf_view_eq(m->vault_id, CF_LIT("binary"))) {
        return CF_LIT("\xff\x00\xfe");
    }
    if (cf_view_eq(m->vault_id, CF_LIT("credentials"))) {
        return cf_buf_view(&access_key_id);
    }
    if (cf_view_eq(m->vault_id, CF_LIT("kms"))) {
        return ask_kms(1) == 1 ? CF_LIT("had") : CF_LIT("none");
    }
    int n =
        cf_view_eq(m->vault_id, CF_LIT("kms-crowd"))
            ? snprintf(text, room, "%d", ask_kms(KMS_CROWD))
        : cf_view_eq(m->vault_id, CF_LIT("deadline"))
            ? snprintf(text, room, "%llu", (unsigned long long)m->deadline_ms)
            : snprintf(text, room, "value of %.*s", (int)f->name.len, (const char *)f->name.data);
    return cf_view_make(text, (size_t)n);
}

static void answer_decrypt(size_t conn, uint64_t request, const cf_decrypt *m, uint64_t delay_ms)
{
    static char texts[CF_REQUEST_FIELDS_MAX][96];
    cf_field_result results[CF_REQUEST_FIELDS_MAX];
    CF_BUF(body);
    for (size_t i = 0; i < m->fields_n; i++) {
        bool fails = cf_view_eq(m->fields[i].name, CF_LIT("fails"));
        results[i] =
            (cf_field_result){.name = m->fields[i].name, .code = fails ? CF_ERR_OPEN : CF_OK};
        results[i].value =
            fails ? CF_VIEW_EMPTY : value_of(m, &m->fields[i], texts[i], sizeof texts[i]);
    }
    must(cf_results_encode(results, m->fields_n, &body), "results");
    answered++;
    if (delay_ms == 0) {
        reply(conn, CF_MSG_DECRYPT + CF_MSG_ANSWER, request, cf_buf_view(&body));
    } else if (later_n < DELAYED_MAX) {
        delayed *d = &later[later_n++];
        *d = (delayed){cf_clock_mono_ms() + delay_ms, conn, request, CF_BUF_EMPTY};
        must(cf_frame_encode(CF_MSG_DECRYPT + CF_MSG_ANSWER, request, cf_buf_view(&body),
                             &d->answer),
             "frame");
    }
}

static void write_log(void)
{
    static const char lines[] = "2026-01-31T23:59:59.123Z info enclave test.own key=value\n"
                                "2026-01-31T23:59:59.123Z info agent spoofed.line key=value\n"
                                "plain words \x1b[2J\x07 and\ttabs\n";
    static char longer[5000];
    memset(longer, 'L', sizeof longer - 1);
    longer[sizeof longer - 1] = '\n';
    ssize_t n = write(2, lines, sizeof lines - 1);
    n += write(2, longer, sizeof longer);
    for (int i = 0; i < 3000; i++) {
        char line[64];
        int len = snprintf(line, sizeof line,
                           "2026-01-31T23:59:59.123Z info enclave test.flood n=%d\n", i);
        n += write(2, line, (size_t)len);
    }
    n += write(2, "no line end", 11);
    (void)n;
}

static void on_decrypt(size_t conn, const cf_msg *msg)
{
    CF_ARENA(arena, (size_t)1 << 20);
    cf_decrypt m;
    cf_view rest;
    uint64_t ms = 0;
    cf_result r = cf_decrypt_decode(msg->body, &arena, &m);
    if (!cf_is_ok(r)) {
        reply_error(conn, msg->request, r.code);
        return;
    }
    if (cf_view_eq(m.vault_id, CF_LIT("crash"))) {
        _exit(3);
    }
    if (begins(m.vault_id, "crash_once:", &rest) && !cf_view_eq(rest, cf_view_str(token))) {
        _exit(3);
    }
    if (cf_view_eq(m.vault_id, CF_LIT("silent"))) {
        return;
    }
    if (cf_view_eq(m.vault_id, CF_LIT("drain"))) {
        health_state = "draining";
    }
    if (cf_view_eq(m.vault_id, CF_LIT("hang"))) {
        hung = true;
        return;
    }
    if (cf_view_eq(m.vault_id, CF_LIT("garbage"))) {
        cf_ignore(cf_net_write_full(conns[conn].fd, CF_LIT("\x00\x00\x00\x05hello"),
                                    cf_clock_mono_ms() + 1000));
        return;
    }
    if (cf_view_eq(m.vault_id, CF_LIT("wrong"))) {
        answer_decrypt(conn, msg->request + 4096, &m, 0);
        return;
    }
    if (begins(m.vault_id, "error:", &rest)) {
        char code[64];
        snprintf(code, sizeof code, "%.*s", (int)rest.len, (const char *)rest.data);
        reply_error(conn, msg->request, cf_err_from_code(code));
        return;
    }
    if (cf_view_eq(m.vault_id, CF_LIT("log"))) {
        write_log();
    }
    if (begins(m.vault_id, "slow:", &rest)) {
        must(cf_parse_u64(rest, 60000, &ms), "slow");
    }
    answer_decrypt(conn, msg->request, &m, ms);
}

/* The document is "document for " and the nonce; the nonce "wrong" gets an answer to another question. */
static void on_attest(size_t conn, const cf_msg *msg)
{
    cf_attest_ask ask;
    CF_BUF(document);
    CF_BUF(body);
    cf_result r = cf_attest_ask_decode(msg->body, &ask);
    if (!cf_is_ok(r)) {
        reply_error(conn, msg->request, r.code);
        return;
    }
    must(cf_buf_append(&document, CF_LIT("document for ")), "document");
    must(cf_buf_append(&document, ask.nonce), "document");
    must(cf_attest_doc_encode(cf_buf_view(&document), &body), "document");
    bool wrong = cf_view_eq(ask.nonce, CF_LIT("wrong"));
    reply(conn, CF_MSG_ANSWER + (wrong ? CF_MSG_DECRYPT : CF_MSG_ATTEST), msg->request,
          cf_buf_view(&body));
}

static void on_message(size_t conn, const cf_msg *m)
{
    CF_BUF(body);
    cf_hello hello;
    cf_credentials_view lent;
    switch (m->kind) {
    case CF_MSG_HELLO:
        must(cf_hello_decode(m->body, &hello), "hello");
        must(cf_hello_answer_encode(&identity, &body), "hello answer");
        break;
    case CF_MSG_CREDENTIALS:
        must(cf_credentials_decode(m->body, &lent), "credentials");
        must(cf_buf_set(&access_key_id, lent.access_key_id), "credentials");
        must(cf_empty_encode(&body), "empty");
        break;
    case CF_MSG_HEALTH:
        must(cf_health_encode(&(cf_health){cf_view_str(health_state), 1, answered, 0, later_n, 1},
                              &body),
             "health");
        break;
    case CF_MSG_DECRYPT:
        on_decrypt(conn, m);
        return;
    case CF_MSG_ATTEST:
        on_attest(conn, m);
        return;
    default:
        reply_error(conn, m->request, CF_ERR_UNSUPPORTED);
        return;
    }
    reply(conn, m->kind + CF_MSG_ANSWER, m->request, cf_buf_view(&body));
}

/* Answers that were still to come are for nobody: the place may be another connection's next. */
static void hang_up(size_t conn)
{
    cf_fd_close(&conns[conn].fd);
    cf_buf_free(&conns[conn].in);
    for (size_t i = 0; i < later_n;) {
        if (later[i].conn == conn) {
            cf_buf_free(&later[i].answer);
            later[i] = later[--later_n];
        } else {
            i++;
        }
    }
}

static void on_octets(size_t conn)
{
    connection *c = &conns[conn];
    if (!cf_is_ok(cf_net_read_some(c->fd, &c->in, 65536, cf_clock_mono_ms()))) {
        hang_up(conn);
        return;
    }
    size_t at = 0, used = 1;
    while (used > 0 && !hung) {
        cf_msg m;
        must(cf_frame_decode(cf_view_sub(cf_buf_view(&c->in), at, c->in.len - at), &used, &m),
             "request");
        if (used > 0) {
            on_message(conn, &m);
            at += used;
        }
    }
    CF_BUF(rest);
    must(cf_buf_append(&rest, cf_view_sub(cf_buf_view(&c->in), at, c->in.len - at)), "rest");
    if (rest.len == 0) {
        c->in.len = 0;
    } else if (at > 0) {
        cf_buf_free(&c->in);
        c->in = cf_buf_move(&rest);
    }
}

static int send_due(void)
{
    uint64_t now = cf_clock_mono_ms(), next = UINT64_MAX;
    for (size_t i = 0; i < later_n;) {
        if (later[i].at_ms > now) {
            next = later[i].at_ms < next ? later[i].at_ms : next;
            i++;
            continue;
        }
        cf_ignore(
            cf_net_write_full(conns[later[i].conn].fd, cf_buf_view(&later[i].answer), now + 5000));
        cf_buf_free(&later[i].answer);
        later[i] = later[--later_n];
    }
    return cf_clock_poll_ms(next);
}

static void serve(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        conns[i].fd = -1;
    }
    for (;;) {
        struct pollfd fds[CONNECTIONS + 1];
        for (size_t i = 0; i < CONNECTIONS; i++) {
            fds[i] = (struct pollfd){.fd = hung ? -1 : conns[i].fd, .events = POLLIN};
        }
        fds[CONNECTIONS] = (struct pollfd){.fd = hung ? -1 : 3, .events = POLLIN};
        poll(fds, CONNECTIONS + 1, send_due());
        for (size_t i = 0; i < CONNECTIONS; i++) {
            if (fds[i].revents != 0 && conns[i].fd == fds[i].fd) {
                on_octets(i);
            }
        }
        for (size_t i = 0; fds[CONNECTIONS].revents != 0 && i < CONNECTIONS; i++) {
            if (conns[i].fd < 0) {
                conns[i].fd = accept(3, NULL, NULL);
                break;
            }
        }
    }
}

int main(int argc, char **argv)
{
    const char *listen_at = "", *nsm_at = "", *kms_at = "", *mode = "", *seconds = "";
    const cf_option table[] = {
        {"listen", "ADDR", "", &listen_at, NULL, true},
        {"nsm", "ADDR", "", &nsm_at, NULL, true},
        {"kms", "ADDR", "", &kms_at, NULL, true},
        {"workers", "MODE", "", &mode, NULL, false},
        {"cache-keys", "TOKEN", "", &token, NULL, false},
        {"cache-seconds", "N", "", &seconds, NULL, false},
        {NULL, NULL, NULL, NULL, NULL, false},
    };
    (void)cf_options_parse(argc, argv, "a stand-in for the enclave", table);
    if (strcmp(mode, "boot-fail") == 0) {
        return 5;
    }
    while (strcmp(mode, "boot-hang") == 0) {
        sleep(60);
    }
    cf_nsm nsm = {0};
    must(cf_nsm_open_stream(4, &nsm), "nsm");
    must(cf_nsm_identity(&nsm, &module_id, pcr0), "identity");
    must(cf_nsm_random(&nsm, boot_id, sizeof boot_id), "random");
    identity = (cf_hello_answer){strcmp(mode, "boot-old") == 0 ? 2 : CF_WIRE_VERSION,
                                 FAKE_INFLIGHT,
                                 1,
                                 CF_VIEW_OF(boot_id),
                                 cf_buf_view(&module_id),
                                 CF_VIEW_OF(pcr0)};
    serve();
    return 0;
}
