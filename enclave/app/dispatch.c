/* SPDX-License-Identifier: Apache-2.0 */
/* States and messages: docs/formats/wire.md section 2. */
#include <unistd.h>

#include "enclave/app/app.h"
#include "enclave/app/limits.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

typedef enum { STATE_NEW = 1, STATE_READY = 2, STATE_DRAINING = 4 } conn_state;

/* Answers, or lets the request go on its way; an error is answered by the caller. */
typedef cf_result handler(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms);

static handler on_hello, on_decrypt, on_health, on_credentials, on_drain, on_attest;

static const struct {
    uint32_t kind;
    unsigned states;
    size_t body_max;
    handler *handle;
} rows[] = {
    {CF_MSG_HELLO, STATE_NEW, CF_HELLO_BYTES_MAX, on_hello},
    {CF_MSG_DECRYPT, STATE_READY, CF_FRAME_BYTES_MAX, on_decrypt},
    {CF_MSG_HEALTH, STATE_READY | STATE_DRAINING, CF_EMPTY_BYTES_MAX, on_health},
    {CF_MSG_CREDENTIALS, STATE_READY, CF_CREDENTIALS_BYTES_MAX, on_credentials},
    {CF_MSG_DRAIN, STATE_READY, CF_EMPTY_BYTES_MAX, on_drain},
    {CF_MSG_ATTEST, STATE_READY, CF_ATTEST_ASK_BYTES_MAX, on_attest},
};

static conn_state state_of(const cf_app *a, const cf_conn *c)
{
    return !c->greeted ? STATE_NEW : (a->draining ? STATE_DRAINING : STATE_READY);
}

static CF_MUST_USE cf_result handle(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].kind == m->kind) {
            CF_REQUIRE((rows[i].states & (unsigned)state_of(a, c)) != 0, STATE);
            CF_REQUIRE(m->body.len <= rows[i].body_max, SIZE);
            return rows[i].handle(a, c, m, now_ms);
        }
    }
    return cf_fail(CF_ERR_UNSUPPORTED);
}

static bool in_flight(const cf_app *a, const cf_conn *c, uint64_t number)
{
    for (const cf_request *r = a->live; r != NULL; r = r->live_next) {
        if (r->connection_serial == c->serial && r->number == number) {
            return true;
        }
    }
    return false;
}

CF_MUST_USE cf_result cf_app_message(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    /* Two answers with one number could not be told apart, so the connection has no future. */
    CF_REQUIRE(!in_flight(a, c, m->request), DUPLICATE);
    cf_result r = handle(a, c, m, now_ms);
    if (!cf_is_ok(r)) {
        a->answered += m->kind == CF_MSG_DECRYPT;
        cf_conn_error(c, m->request, r.code);
    }
    return cf_ok();
}

static CF_MUST_USE cf_result answer_empty(cf_conn *c, const cf_msg *m)
{
    CF_BUF(body);
    CF_TRY(cf_empty_encode(&body));
    cf_conn_answer(c, CF_MSG_ANSWER + m->kind, m->request, cf_buf_view(&body));
    return cf_ok();
}

static CF_MUST_USE cf_result on_hello(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    (void)now_ms;
    cf_hello hello;
    CF_TRY(cf_hello_decode(m->body, &hello));
    CF_REQUIRE(hello.version_min <= CF_WIRE_VERSION && hello.version_max >= CF_WIRE_VERSION,
               UNSUPPORTED);
    const cf_hello_answer answer = {.version = CF_WIRE_VERSION,
                                    .boot_id = cf_identity_boot_id(a->identity),
                                    .module_id = cf_identity_module_id(a->identity),
                                    .pcr0 = cf_identity_pcr0(a->identity),
                                    .inflight_max = CF_ENCLAVE_INFLIGHT_PER_CONNECTION_MAX,
                                    .workers = a->workers_n};
    CF_BUF(body);
    CF_TRY(cf_hello_answer_encode(&answer, &body));
    cf_conn_answer(c, CF_MSG_ANSWER + CF_MSG_HELLO, m->request, cf_buf_view(&body));
    c->greeted = true;
    return cf_ok();
}

static CF_MUST_USE cf_result on_health(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    CF_TRY(cf_empty_decode(m->body));
    const cf_health health = {.state = a->draining ? CF_LIT("draining") : CF_LIT("ready"),
                              .keys = cf_keycache_count(a->cache),
                              .answered = a->answered,
                              .kms_calls = cf_unwrap_calls(a->unwrap),
                              .inflight = a->live_n,
                              .uptime_ms = now_ms - a->started_ms};
    CF_BUF(body);
    CF_TRY(cf_health_encode(&health, &body));
    cf_conn_answer(c, CF_MSG_ANSWER + CF_MSG_HEALTH, m->request, cf_buf_view(&body));
    return cf_ok();
}

static CF_MUST_USE cf_result on_credentials(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    (void)now_ms;
    cf_credentials_view credentials;
    CF_TRY(cf_credentials_decode(m->body, &credentials));
    cf_credentials_set(a->credentials, &credentials);
    return answer_empty(c, m);
}

static CF_MUST_USE cf_result on_drain(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    (void)now_ms;
    CF_TRY(cf_empty_decode(m->body));
    a->draining = true;
    cf_log(CF_LOG_INFO, "draining", "inflight=%zu", a->live_n);
    return answer_empty(c, m);
}

/* ---- DECRYPT, ATTEST: answered by other threads ---- */

static void enlist(cf_app *a, cf_conn *c, cf_request *r)
{
    r->connection = c->place;
    r->connection_serial = c->serial;
    r->live_next = a->live;
    if (a->live != NULL) {
        a->live->live_prev = r;
    }
    a->live = r;
    a->live_n++;
    a->live_bytes += r->body.len;
    c->inflight++;
}

static void delist(cf_app *a, cf_conn *c, cf_request *r)
{
    if (r->live_prev == NULL) {
        a->live = r->live_next;
    } else {
        r->live_prev->live_next = r->live_next;
    }
    if (r->live_next != NULL) {
        r->live_next->live_prev = r->live_prev;
    }
    a->live_n--;
    a->live_bytes -= r->body.len;
    if (c != NULL) {
        c->inflight--;
    }
}

/* To the workers, or to wait for a key. */
static void go_on(cf_app *a, cf_request *r, bool has)
{
    r->waits = !has;
    if (has) {
        cf_workers_put(a->workers, r);
    } else {
        a->waiting_n++;
    }
}

/* Whether there is room for one more in flight. */
static CF_MUST_USE cf_result check_room(const cf_app *a, const cf_conn *c, const cf_msg *m)
{
    CF_REQUIRE(a->live_n < CF_ENCLAVE_INFLIGHT_MAX, BUSY);
    CF_REQUIRE(c->inflight < CF_ENCLAVE_INFLIGHT_PER_CONNECTION_MAX, BUSY);
    CF_REQUIRE(m->body.len <= CF_ENCLAVE_INFLIGHT_BYTES_MAX - a->live_bytes, BUSY);
    return cf_ok();
}

static CF_MUST_USE cf_result on_attest(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    CF_AUTO(cf_request_free) cf_request *r = NULL;
    CF_TRY(check_room(a, c, m));
    CF_TRY(cf_attestor_request(m->body, m->request, now_ms, &r));
    /* It is live before its thread may have done with it. */
    enlist(a, c, r);
    cf_result put = cf_attestor_put(a->attestor, r);
    if (!cf_is_ok(put)) {
        delist(a, c, r);
        return put;
    }
    r = NULL; /* its new owner's */
    return cf_ok();
}

static CF_MUST_USE cf_result on_decrypt(cf_app *a, cf_conn *c, const cf_msg *m, uint64_t now_ms)
{
    CF_TRY(check_room(a, c, m));
    CF_AUTO(cf_request_free) cf_request *r = NULL;
    CF_TRY(cf_request_new(m->body, m->request, now_ms, &r));
    bool has;
    cf_result got = cf_unwrap_get(a->unwrap, r, now_ms, &has);
    if (has && r->error != CF_OK) {
        got = cf_fail(r->error);
    }
    if (!cf_is_ok(got)) {
        cf_request_release(r, a->cache);
        return got;
    }
    enlist(a, c, r);
    go_on(a, r, has);
    r = NULL; /* its new owner's */
    return cf_ok();
}

void cf_app_done(void *app, cf_request *r)
{
    cf_app *a = app;
    (void)pthread_mutex_lock(&a->done_lock);
    bool first = a->done == NULL;
    r->next = NULL;
    if (first) {
        a->done = r;
    } else {
        a->done_last->next = r;
    }
    a->done_last = r;
    (void)pthread_mutex_unlock(&a->done_lock);
    if (first) {
        /* Cannot fail: the counter is far from its end. */
        uint64_t one = 1;
        ssize_t n = write(a->wake, &one, sizeof one);
        (void)n;
    }
}

static cf_conn *asker(cf_conn *conns, const cf_request *r)
{
    cf_conn *c = &conns[r->connection];
    return c->fd >= 0 && c->serial == r->connection_serial ? c : NULL;
}

static void answer(cf_app *a, cf_conn *conns, cf_request *r)
{
    cf_conn *c = asker(conns, r);
    a->answered++;
    if (c != NULL && r->error != CF_OK) {
        cf_conn_error(c, r->number, r->error);
    } else if (c != NULL) {
        cf_conn_send(c, cf_buf_view(&r->answer));
    }
    delist(a, c, r);
    cf_request_release(r, a->cache);
    cf_request_free(&r);
}

/* One that has waited: for another key, with all of them to the workers, or at its end. False: the caller answers it. */
static bool waited(cf_app *a, cf_request *r, uint64_t now_ms)
{
    bool has = true;
    if (r->error == CF_OK) {
        /* Without an unwrapper the program ends. */
        cf_result got =
            a->unwrap != NULL ? cf_unwrap_get(a->unwrap, r, now_ms, &has) : cf_fail(CF_ERR_CLOSED);
        if (cf_is_ok(got) && !has) {
            go_on(a, r, false);
            return true;
        }
        r->error = cf_is_ok(got) ? r->error : got.code;
    }
    if (r->error == CF_OK) {
        go_on(a, r, true);
    }
    return r->error == CF_OK;
}

void cf_app_take_done(cf_app *a, cf_conn *conns, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&a->done_lock);
    cf_request *r = a->done;
    a->done = NULL;
    (void)pthread_mutex_unlock(&a->done_lock);
    while (r != NULL) {
        cf_request *next = r->next;
        bool was_waiting = r->waits;
        a->waiting_n -= was_waiting;
        r->waits = false;
        if (!was_waiting || !waited(a, r, now_ms)) {
            answer(a, conns, r);
        }
        r = next;
    }
}

bool cf_app_expire(cf_app *a, cf_conn *conns, uint64_t now_ms)
{
    bool any = false;
    for (cf_request *r = a->waiting_n == 0 ? NULL : a->live; r != NULL;) {
        cf_request *next = r->live_next;
        if (r->waits && r->deadline_ms <= now_ms && cf_unwrap_forget(a->unwrap, r)) {
            a->waiting_n--;
            r->error = CF_ERR_TIMEOUT;
            answer(a, conns, r);
            any = true;
        }
        r = next;
    }
    return any;
}

uint64_t cf_app_next_deadline(const cf_app *a)
{
    uint64_t first = CF_DEADLINE_NONE;
    for (const cf_request *r = a->waiting_n == 0 ? NULL : a->live; r != NULL; r = r->live_next) {
        if (r->waits && r->deadline_ms < first) {
            first = r->deadline_ms;
        }
    }
    return first;
}
