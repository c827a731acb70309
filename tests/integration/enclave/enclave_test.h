/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of this folder: one enclave per test, started before it and stopped after it. */
#pragma once
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/integration/enclave/rig.h"
#include "tests/support/test.h"

#define WAIT_MS 20000

static rig *enclave;

static inline const char *program(void)
{
    static char path[512];
    const char *bin = getenv("CF_BIN");
    (void)snprintf(path, sizeof path, "%s/coffer-enclave", bin == NULL ? "bin" : bin);
    return path;
}

static inline int start_with(const char *const *options)
{
    const rig_spec spec = {.program = program(), .options = options};
    enclave = rig_start(&spec);
    return 0;
}

static inline int start(void **state)
{
    (void)state;
    return start_with(NULL);
}

/* Every enclave must end cleanly when told to, whatever was done to it before. */
static inline int stop(void **state)
{
    (void)state;
    int status = rig_stop(&enclave);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* The answer to a request, decoded; fails on an error. */
static inline size_t results_of(const cf_msg *m, cf_arena *arena, const cf_field_result **ret)
{
    size_t n;
    assert_code((cf_result){rig_error(m)}, CF_OK);
    assert_int_equal(m->kind, CF_MSG_ANSWER + CF_MSG_DECRYPT);
    assert_ok(cf_results_decode(m->body, arena, ret, &n));
    return n;
}

/* Field i of the request has opened to its value. */
static inline void assert_opened(const rig_request *q, const cf_field_result *results, size_t i)
{
    char value[64];
    (void)snprintf(value, sizeof value, "value of %s", q->names[i]);
    assert_code((cf_result){results[i].code}, CF_OK);
    assert_view(results[i].name, q->fields[i].name);
    assert_view(results[i].value, cf_view_str(value));
}

/* Sends a request and expects all its fields. */
static inline void assert_decrypts(rig_conn *c, const rig_request *q, uint64_t number)
{
    CF_ARENA(arena, (size_t)1 << 20);
    cf_msg m;
    const cf_field_result *results;
    rig_send_decrypt(c, number, &q->message);
    assert_true(rig_receive(c, WAIT_MS, &m));
    assert_true(m.request == number);
    assert_int_equal(results_of(&m, &arena, &results), q->message.fields_n);
    for (size_t i = 0; i < q->message.fields_n; i++) {
        assert_opened(q, results, i);
    }
}

/* Sends a request and tells the code of the whole answer. */
static inline cf_err decrypt_code(rig_conn *c, const rig_request *q, uint64_t number)
{
    cf_msg m;
    rig_send_decrypt(c, number, &q->message);
    assert_true(rig_receive(c, WAIT_MS, &m));
    assert_true(m.request == number);
    return rig_error(&m);
}

/* A request for n fields of vault v. */
static inline void make_request(rig_request *q, unsigned vault, cf_encoding encoding, size_t n)
{
    rig_vault v;
    *q = (rig_request){0};
    rig_vault_make(enclave, vault, CF_HPKE_DEFAULT, &v);
    /* the views of the message lie in the blob below, which therefore has to last as long as the request */
    rig_seal(q, &v, encoding, n);
    cf_view kept;
    assert_ok(cf_arena_copy(&q->arena, cf_view_make(v.blob, v.blob_len), &kept));
    q->message.wrapped_key = kept;
}

/* The other side has closed: nothing comes, and not because of the time. */
static inline void assert_closed(rig_conn *c, unsigned timeout_ms)
{
    cf_msg m;
    assert_false(rig_receive(c, timeout_ms, &m));
    char octet;
    ssize_t n = recv(c->fd, &octet, 1, MSG_DONTWAIT);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}
