/* SPDX-License-Identifier: Apache-2.0 */
/* The KMS of the rig: it verifies documents as the real one does, and misbehaves on demand. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/attest/attest.h"
#include "core/codec/json.h"
#include "core/kms/cms.h"
#include "core/kms/kms.h"
#include "sys/linux/clock.h"
#include "tests/integration/enclave/rig_priv.h"

#define REQUEST_BYTES_MAX ((size_t)64 << 10)
#define AGE_MS_MAX 300000
#define DIAL_MS 2000

typedef struct {
    rig_kms_mode mode;
    unsigned delay_ms;
} orders;

static orders orders_of(rig *r, bool is_call)
{
    (void)pthread_mutex_lock(&r->lock);
    orders o = {r->mode, r->delay_ms};
    r->calls += is_call;
    r->links += !is_call;
    (void)pthread_mutex_unlock(&r->lock);
    return o;
}

/* One request of the connection: its body. False when the connection ends. */
static bool read_request(int fd, cf_buf *in, cf_view *ret_body)
{
    static const char mark[] = "Content-Length: ";
    for (;;) {
        char *text = (char *)in->data;
        char *end = in->len == 0 ? NULL : memmem(text, in->len, "\r\n\r\n", 4);
        if (end != NULL) {
            char *length = memmem(text, in->len, mark, sizeof mark - 1);
            rig_need(length != NULL && length < end);
            size_t head = (size_t)(end - text) + 4,
                   body = strtoul(length + sizeof mark - 1, NULL, 10);
            if (in->len >= head + body) {
                rig_need(in->len == head + body);
                rig_need(memmem(text, head, "X-Amz-Target: TrentService.Decrypt\r\n", 36) != NULL);
                *ret_body = cf_view_sub(cf_buf_view(in), head, body);
                return true;
            }
        }
        rig_need(in->len < REQUEST_BYTES_MAX);
        if (!cf_is_ok(cf_net_read_some(fd, in, 4096, CF_DEADLINE_NONE))) {
            return false;
        }
    }
}

static void put_answer(int fd, unsigned status, const char *body)
{
    char head[256];
    int n = snprintf(
        head, sizeof head,
        "HTTP/1.1 %u X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %zu\r\n\r\n",
        status, strlen(body));
    cf_ignore(cf_net_write_full(fd, cf_view_make(head, (size_t)n), cf_clock_mono_ms() + 5000));
    cf_ignore(cf_net_write_full(fd, cf_view_str(body), cf_clock_mono_ms() + 5000));
}

/* The recipient's key of a document that holds, and that names the enclave's PCR0. The last document is not verified again, so that a
 * bench does not measure this. */
static void recipient_of(rig *r, cf_view doc, cf_buf *ret_spki)
{
    (void)pthread_mutex_lock(&r->lock);
    bool known = cf_view_eq(doc, cf_buf_view(&r->seen_doc));
    if (known) {
        rig_need(cf_is_ok(cf_buf_append(ret_spki, cf_buf_view(&r->seen_spki))));
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (known) {
        return;
    }
    cf_attest_policy policy = {
        .root = cf_soft_root_cert(r->root), .now_ms = cf_clock_wall_ms(), .age_max_ms = AGE_MS_MAX};
    cf_attest_stage stage;
    cf_attest_payload payload;
    rig_need(cf_is_ok(cf_attest_verify(doc, &policy, &stage, &payload)));
    rig_need(cf_view_eq(payload.pcrs[0], CF_VIEW_OF(r->pcr0)));
    rig_need(cf_is_ok(cf_buf_append(ret_spki, payload.public_key)));
    (void)pthread_mutex_lock(&r->lock);
    r->recipients += !cf_view_eq(cf_buf_view(ret_spki), cf_buf_view(&r->seen_spki));
    rig_need(cf_is_ok(cf_buf_set(&r->seen_doc, doc)));
    rig_need(cf_is_ok(cf_buf_set(&r->seen_spki, cf_buf_view(ret_spki))));
    (void)pthread_mutex_unlock(&r->lock);
}

static void other_recipient(cf_buf *ret_spki)
{
    cf_rsa_key *key = NULL;
    cf_buf_clear(ret_spki);
    rig_need(cf_is_ok(cf_rsa_generate(&key)));
    rig_need(cf_is_ok(cf_rsa_public_spki(key, ret_spki)));
    cf_rsa_free(&key);
}

static void add_attributes(cf_buf *key)
{
    rig_need(key->len > 3 && key->data[1] == 0x81 && key->data[2] == key->len - 3);
    rig_need(cf_is_ok(cf_buf_append(key, CF_LIT("\xa0\x04\x30\x02\x05\x00"))));
    key->data[2] = (uint8_t)(key->len - 3);
}

static void exchange_public(cf_curve curve, cf_buf *key)
{
    cf_dh_key *other = NULL;
    rig_need(cf_is_ok(cf_dh_generate(curve, &other)));
    const cf_dh_public *pub = cf_dh_public_of(other);
    rig_need(key->len > pub->len);
    cf_copy(key->data + (key->len - pub->len), pub->b, pub->len);
    cf_dh_free(&other);
}

/* What the KMS gives out as the private key. */
static void make_key(const cf_dh_key *pair, rig_kms_mode mode, cf_buf *out)
{
    if (mode == RIG_KMS_NO_KEY) {
        rig_need(cf_is_ok(cf_buf_append(out, CF_LIT("not a key"))));
        return;
    }
    rig_need(cf_is_ok(cf_dh_to_pkcs8(pair, out)));
    if (mode == RIG_KMS_ATTRIBUTES) {
        add_attributes(out);
    }
    if (mode == RIG_KMS_OTHER_PUBLIC) {
        exchange_public(cf_dh_curve(pair), out);
    }
}

/* CiphertextForRecipient for the request, in base64. */
static void make_cms(rig *r, const json_t *request, rig_kms_mode mode, cf_buf *ret_text)
{
    CF_BUF(blob);
    CF_BUF(doc);
    CF_BUF(spki);
    CF_BUF(key);
    CF_BUF(cms);
    rig_need(cf_is_ok(cf_json_get_base64(request, "CiphertextBlob", CF_KMS_BLOB_BYTES_MAX, &blob)));
    const json_t *recipient = json_object_get(request, "Recipient");
    rig_need(
        cf_is_ok(cf_json_get_base64(recipient, "AttestationDocument", CF_ATTEST_BYTES_MAX, &doc)));
    recipient_of(r, cf_buf_view(&doc), &spki);
    if (mode == RIG_KMS_OTHER_CMS) {
        other_recipient(&spki);
    }
    make_key(rig_pair_of_blob(r, cf_buf_view(&blob)), mode, &key);
    (void)pthread_mutex_lock(&r->lock);
    cf_cms_form form = r->form_b ? CF_CMS_FORM_B : CF_CMS_FORM_A;
    r->form_b = !r->form_b;
    (void)pthread_mutex_unlock(&r->lock);
    rig_need(cf_is_ok(cf_cms_make(cf_buf_view(&spki), cf_buf_view(&key), form, &cms)));
    rig_need(cf_is_ok(cf_base64_encode(cf_buf_view(&cms), ret_text)));
    rig_need(cf_is_ok(cf_buf_append(ret_text, CF_VIEW_OF("")))); /* its NUL */
}

/* What the enclave always says: the key by name, and the context of the vault or of the secret. *ret_refused: the blob of a secret was
 * not made with that context. */
static void check_request(const json_t *request, bool *ret_refused)
{
    CF_BUF(blob);
    const json_t *context = json_object_get(request, "EncryptionContext");
    const char *key = json_string_value(json_object_get(request, "KeyId"));
    const char *tenant = json_string_value(json_object_get(context, "tenant"));
    const char *secret = json_string_value(json_object_get(context, "coffer:secret"));
    rig_need(key != NULL && strcmp(key, "key-1") == 0);
    rig_need(cf_is_ok(cf_json_get_base64(request, "CiphertextBlob", CF_KMS_BLOB_BYTES_MAX, &blob)));
    char want[64] = "";
    if (secret != NULL) {
        rig_need(json_object_size(context) == 1);
        (void)snprintf(want, sizeof want, "secret:%.40s", secret);
    } else {
        rig_need(tenant != NULL && strcmp(tenant, "acme") == 0 && json_object_size(context) == 2);
    }
    bool of_secret =
        blob.len > 7 && cf_view_eq(cf_view_sub(cf_buf_view(&blob), 0, 7), CF_LIT("secret:"));
    *ret_refused = of_secret != (secret != NULL) ||
                   (of_secret && !cf_view_eq(cf_buf_view(&blob), cf_view_str(want)));
}

static void answer_decrypt(rig *r, int fd, cf_view body, rig_kms_mode mode)
{
    CF_JSON(request);
    CF_BUF(text);
    rig_need(cf_is_ok(cf_json_parse(body, REQUEST_BYTES_MAX, &request)));
    bool refused;
    check_request(request, &refused);
    if (refused) {
        put_answer(fd, 400, "{\"__type\":\"InvalidCiphertextException\"}");
        return;
    }
    make_cms(r, request, mode, &text);
    size_t room = text.len + 128;
    char *answer = cf_mem_new(room, 1);
    rig_need(answer != NULL);
    (void)snprintf(
        answer, room,
        mode == RIG_KMS_PLAINTEXT
            ? "{\"KeyId\":\"key-1\",\"Plaintext\":\"c2VjcmV0\",\"CiphertextForRecipient\":\"%s\"}"
            : "{\"KeyId\":\"key-1\",\"Plaintext\":\"\",\"CiphertextForRecipient\":\"%s\"}",
        (const char *)text.data);
    put_answer(fd, 200, answer);
    cf_mem_free(answer);
}

/* False ends the connection. */
static bool answer(rig *r, int fd, cf_view body)
{
    orders o = orders_of(r, true);
    if (o.delay_ms > 0) {
        (void)poll(NULL, 0, (int)o.delay_ms);
    }
    switch (o.mode) {
    case RIG_KMS_REFUSES:
        put_answer(fd, 400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}");
        return true;
    case RIG_KMS_THROTTLES:
        put_answer(fd, 400, "{\"__type\":\"ThrottlingException\"}");
        return true;
    case RIG_KMS_FAILS:
        put_answer(fd, 500, "{\"__type\":\"KMSInternalException\"}");
        return true;
    case RIG_KMS_HANGS:
        return true;
    case RIG_KMS_GARBAGE:
        cf_ignore(cf_net_write_full(fd, CF_LIT("SMTP\r\n\r\n"), cf_clock_mono_ms() + 1000));
        return true;
    case RIG_KMS_CLOSES:
        cf_ignore(cf_net_write_full(fd, CF_LIT("HTTP/1.1 200 OK\r\nContent-Le"),
                                    cf_clock_mono_ms() + 1000));
        return false;
    case RIG_KMS_WORKS:
    case RIG_KMS_PLAINTEXT:
    case RIG_KMS_NO_KEY:
    case RIG_KMS_OTHER_CMS:
    case RIG_KMS_ATTRIBUTES:
    case RIG_KMS_OTHER_PUBLIC:
        answer_decrypt(r, fd, body, o.mode);
        return true;
    case RIG_KMS_DEAD:
    case RIG_KMS_NO_LINK:
        return false;
    }
    return false;
}

static void *serve_conn(void *self)
{
    rig_kms_conn *c = self;
    CF_BUF(in);
    cf_view body;
    while (read_request(c->fd, &in, &body) && answer(c->rig, c->fd, body)) {
        cf_buf_clear(&in);
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

void rig_kms_at(rig *r, const cf_net_addr *addr)
{
    (void)pthread_mutex_lock(&r->lock);
    r->kms_addr = *addr;
    r->elsewhere = true;
    (void)pthread_mutex_unlock(&r->lock);
}

/* Answers with a connection to another KMS, if there is one. */
static bool pass_on(rig *r)
{
    CF_FD(fd);
    (void)pthread_mutex_lock(&r->lock);
    bool elsewhere = r->elsewhere;
    cf_net_addr addr = r->kms_addr;
    (void)pthread_mutex_unlock(&r->lock);
    if (elsewhere) {
        cf_ignore(cf_net_dial(&addr, cf_clock_mono_ms() + DIAL_MS, &fd));
        cf_ignore(cf_net_send_fd(r->kms_channel, 'K', fd));
    }
    return elsewhere;
}

/* Answers the enclave's questions for connections. */
static void *serve_channel(void *self)
{
    rig *r = self;
    for (;;) {
        uint8_t what;
        int none, ends[2];
        if (!cf_is_ok(cf_net_recv_fd(r->kms_channel, CF_DEADLINE_NONE, &what, &none))) {
            return NULL;
        }
        rig_need(what == 'K' && none == -1);
        orders o = orders_of(r, false);
        if (o.mode == RIG_KMS_NO_LINK) {
            continue;
        }
        if (o.mode == RIG_KMS_DEAD) {
            cf_ignore(cf_net_send_fd(r->kms_channel, 'K', -1));
            continue;
        }
        if (pass_on(r)) {
            continue;
        }
        rig_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        (void)pthread_mutex_lock(&r->lock);
        rig_need(r->conns_n < RIG_KMS_CONNS_MAX);
        rig_kms_conn *c = &r->conns[r->conns_n++];
        *c = (rig_kms_conn){.rig = r, .fd = ends[0]};
        rig_need(pthread_create(&c->thread, NULL, serve_conn, c) == 0);
        (void)pthread_mutex_unlock(&r->lock);
        cf_ignore(cf_net_send_fd(r->kms_channel, 'K', ends[1]));
        cf_fd_close(&ends[1]);
    }
}

void rig_kms_start(rig *r)
{
    rig_need(pthread_create(&r->kms_thread, NULL, serve_channel, r) == 0);
}

void rig_kms_drop(rig *r)
{
    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->conns_n; i++) {
        (void)shutdown(r->conns[i].fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

void rig_kms_stop(rig *r)
{
    (void)shutdown(r->kms_channel, SHUT_RDWR);
    (void)pthread_join(r->kms_thread, NULL);
    rig_kms_drop(r);
    for (size_t i = 0; i < r->conns_n; i++) {
        (void)pthread_join(r->conns[i].thread, NULL);
        cf_fd_close(&r->conns[i].fd);
    }
    cf_fd_close(&r->kms_channel);
}

void rig_kms_set(rig *r, rig_kms_mode mode, unsigned delay_ms)
{
    (void)pthread_mutex_lock(&r->lock);
    r->mode = mode;
    r->delay_ms = delay_ms;
    (void)pthread_mutex_unlock(&r->lock);
}

unsigned rig_kms_calls(rig *r)
{
    (void)pthread_mutex_lock(&r->lock);
    unsigned n = r->calls;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

unsigned rig_kms_links(rig *r)
{
    (void)pthread_mutex_lock(&r->lock);
    unsigned n = r->links;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

unsigned rig_kms_recipients(rig *r)
{
    (void)pthread_mutex_lock(&r->lock);
    unsigned n = r->recipients;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}
