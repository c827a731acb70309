/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the enclave, and the messages on them: docs/formats/wire.md section 2 as its client. */
#include <sys/epoll.h>

#include "core/codec/base64.h"
#include "host/agent/body.h"
#include "host/agent/relay_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

/* Numbers of our own messages on each link; those of requests are from CF_AGENT_INFLIGHT_MAX on. */
enum { NUMBER_HELLO = 1, NUMBER_CREDENTIALS, NUMBER_HEALTH };
#define RELAY_DIAL_TIMEOUT_MS 100

/* With the lock: epoll tells when the rest can be sent. */
static void watch_writing(cf_relay *r, unsigned i)
{
    cf_link *l = &r->links[i];
    bool want = !l->broken && cf_link_unsent(l) > 0;
    if (want != l->watched) {
        struct epoll_event ev = {.events = EPOLLIN | (want ? EPOLLOUT : 0),
                                 .data.u64 = CF_TAG_LINK + i};
        l->watched = want;
        l->broken = l->broken || epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, l->fd, &ev) != 0;
    }
}

/* With the lock. A connection that breaks in this is taken down by the loop. */
static cf_result send_on(cf_relay *r, unsigned i, uint32_t kind, uint64_t number, cf_view body)
{
    CF_TRY(cf_link_send(&r->links[i], kind, number, body));
    watch_writing(r, i);
    return cf_ok();
}

/* --- requests --- */

/* With the lock: the ready link with the fewest requests; CF_AGENT_LINKS_MAX when none has room. */
static unsigned best_link(const cf_relay *r)
{
    unsigned best = CF_AGENT_LINKS_MAX;
    for (unsigned i = 0; i < r->opts.links; i++) {
        const cf_link *l = &r->links[i];
        bool room = l->state == CF_LINK_READY && !l->broken && l->inflight < l->inflight_max &&
                    cf_link_unsent(l) < CF_AGENT_LINK_OUT_BYTES_MAX;
        if (room && (best == CF_AGENT_LINKS_MAX || l->inflight < r->links[best].inflight)) {
            best = i;
        }
    }
    return best;
}

/* With the lock. */
static cf_result send_job(cf_relay *r, const cf_job *j)
{
    uint64_t now = cf_clock_mono_ms();
    r->scratch.len = 0;
    CF_TRY(cf_body_put(j->pairs, j->rest, j->due_ms > now ? j->due_ms - now : 1, &r->scratch));
    return send_on(r, j->link, j->kind, j->number, cf_buf_view(&r->scratch));
}

void cf_relay_dispatch(cf_relay *r, cf_job_list *failed)
{
    for (cf_job *j; (j = cf_table_next(&r->table)) != NULL;) {
        unsigned i = best_link(r);
        if (i == CF_AGENT_LINKS_MAX || !cf_table_start(&r->table, j, i, r->starts)) {
            return;
        }
        cf_result sent = send_job(r, j);
        if (cf_is_ok(sent)) {
            r->links[i].inflight++;
        } else {
            cf_table_remove(&r->table, j);
            j->code = sent.code;
            cf_job_push(failed, j);
        }
    }
}

/* --- the state of a link --- */

/* The link's requests go to another link or to the next enclave; not from here, for the other links may be about to be lost too. */
static void link_lost(cf_relay *r, unsigned i, const char *why)
{
    cf_job_list failed = {0};
    (void)pthread_mutex_lock(&r->lock);
    bool was_up = r->links[i].state != CF_LINK_DOWN;
    cf_table_lose(&r->table, i, &failed);
    cf_link_down(&r->links[i], cf_clock_mono_ms() + CF_AGENT_REDIAL_MS);
    (void)pthread_mutex_unlock(&r->lock);
    if (was_up) {
        cf_log(CF_LOG_INFO, "link.lost", "link=%u why=%s", i, why);
    }
    cf_relay_fail(r, &failed);
}

void cf_relay_links_broken(cf_relay *r)
{
    for (unsigned i = 0; i < r->opts.links; i++) {
        (void)pthread_mutex_lock(&r->lock);
        bool broken = r->links[i].broken;
        (void)pthread_mutex_unlock(&r->lock);
        if (broken) {
            link_lost(r, i, "broken");
        }
    }
}

void cf_relay_links_lost(cf_relay *r)
{
    for (unsigned i = 0; i < r->opts.links; i++) {
        link_lost(r, i, "enclave_gone");
    }
}

static cf_result greet(cf_relay *r, unsigned i)
{
    CF_BUF(hello);
    CF_TRY(cf_hello_encode(&(cf_hello){CF_WIRE_VERSION, CF_WIRE_VERSION}, &hello));
    return send_on(r, i, CF_MSG_HELLO, NUMBER_HELLO, cf_buf_view(&hello));
}

static cf_result dial(cf_relay *r, unsigned i)
{
    CF_FD(fd);
    CF_TRY(cf_net_dial(&r->enclave.addr, cf_clock_mono_ms() + RELAY_DIAL_TIMEOUT_MS, &fd));
    CF_TRY(cf_relay_watch_fd(r, fd, CF_TAG_LINK + i));
    (void)pthread_mutex_lock(&r->lock);
    r->links[i].fd = fd;
    r->links[i].state = CF_LINK_GREETING;
    fd = -1;
    cf_result greeted = greet(r, i);
    (void)pthread_mutex_unlock(&r->lock);
    return greeted;
}

void cf_relay_dial(cf_relay *r)
{
    uint64_t now = cf_clock_mono_ms();
    for (unsigned i = 0; i < r->opts.links; i++) {
        if (r->links[i].state == CF_LINK_DOWN && now >= r->links[i].retry_ms &&
            !cf_is_ok(dial(r, i))) {
            link_lost(r, i, "dial");
        }
    }
}

bool cf_relay_ping(cf_relay *r)
{
    CF_BUF(body);
    for (unsigned i = 0; i < r->opts.links; i++) {
        if (r->links[i].state == CF_LINK_READY && !r->links[i].broken) {
            return cf_is_ok(cf_empty_encode(&body)) &&
                   cf_is_ok(send_on(r, i, CF_MSG_HEALTH, NUMBER_HEALTH, cf_buf_view(&body)));
        }
    }
    return false;
}

/* All links, and in the order of each: the enclave reads them in an order of its own, and what it takes last must be the newest. */
void cf_relay_lend_all(cf_relay *r)
{
    for (unsigned i = 0; i < r->opts.links; i++) {
        cf_link *l = &r->links[i];
        bool known = l->state == CF_LINK_LENDING || l->state == CF_LINK_READY;
        if (known && !l->broken &&
            !cf_is_ok(
                send_on(r, i, CF_MSG_CREDENTIALS, NUMBER_CREDENTIALS, cf_buf_view(&r->lent)))) {
            /* It would serve with what has ended; the next one gets them at its start. */
            l->broken = true;
        }
    }
}

/* --- messages from the enclave --- */

static cf_result hex_of(cf_view octets, char *text, size_t room)
{
    CF_BUF(hex);
    CF_TRY(cf_hex_encode(octets, &hex));
    CF_REQUIRE(hex.len < room, SIZE);
    cf_copy(text, hex.data, hex.len);
    text[hex.len] = '\0';
    return cf_ok();
}

/* With the lock. All links of one enclave must tell the same. */
static cf_result take_id(cf_relay *r, const cf_hello_answer *a)
{
    cf_enclave_id id = {0};
    CF_TRY(hex_of(a->boot_id, id.boot_id, sizeof id.boot_id));
    CF_TRY(hex_of(a->pcr0, id.pcr0, sizeof id.pcr0));
    cf_copy(id.module_id, a->module_id.data, a->module_id.len);
    bool first = r->id.boot_id[0] == '\0';
    CF_REQUIRE(first || cf_view_eq(cf_view_str(r->id.boot_id), cf_view_str(id.boot_id)), STATE);
    r->id = id;
    return cf_ok();
}

/* With the lock. */
static void link_ready(cf_relay *r, cf_link *l)
{
    l->state = CF_LINK_READY;
    if (r->watch.state == CF_WATCH_BOOTING) {
        uint64_t now = cf_clock_mono_ms();
        cf_watch_ready(&r->watch, now);
        (void)pthread_cond_broadcast(&r->changed);
        cf_log(CF_LOG_INFO, "enclave.ready", "pid=%d boot=%s pcr0=%s ms=%u", r->pid, r->id.boot_id,
               r->id.pcr0, (unsigned)(now - r->booted_ms));
    }
}

/* With the lock. */
static cf_result on_hello(cf_relay *r, unsigned i, const cf_msg *m)
{
    cf_link *l = &r->links[i];
    cf_hello_answer a;
    CF_REQUIRE(m->kind == CF_MSG_HELLO + CF_MSG_ANSWER && m->request == NUMBER_HELLO, STATE);
    CF_TRY(cf_hello_answer_decode(m->body, &a));
    CF_REQUIRE(a.version == CF_WIRE_VERSION, UNSUPPORTED);
    CF_TRY(take_id(r, &a));
    l->inflight_max = a.inflight_max;
    if (r->lent.len == 0) {
        link_ready(r, l);
        return cf_ok();
    }
    /* On every link, so that none takes requests before the enclave has what it needs to serve them. */
    l->state = CF_LINK_LENDING;
    return send_on(r, i, CF_MSG_CREDENTIALS, NUMBER_CREDENTIALS, cf_buf_view(&r->lent));
}

/* With the lock. */
static cf_result on_lent(cf_relay *r, unsigned i, const cf_msg *m)
{
    CF_REQUIRE(m->kind == CF_MSG_CREDENTIALS + CF_MSG_ANSWER && m->request == NUMBER_CREDENTIALS,
               STATE);
    link_ready(r, &r->links[i]);
    return cf_ok();
}

/* With the lock: the answer to credentials that came while requests were in work. */
static cf_result on_lent_again(const cf_msg *m)
{
    if (m->kind == CF_MSG_ERROR) {
        cf_err code = CF_ERR_INTERNAL;
        CF_TRY(cf_error_decode(m->body, &code));
        cf_log(CF_LOG_WARN, "credentials.not_taken", "code=%s", cf_err_code(code));
        return cf_ok();
    }
    CF_REQUIRE(m->kind == CF_MSG_CREDENTIALS + CF_MSG_ANSWER, STATE);
    return cf_ok();
}

/* With the lock. */
static cf_result on_health(cf_relay *r, const cf_msg *m)
{
    cf_health health;
    CF_REQUIRE(m->kind == CF_MSG_HEALTH + CF_MSG_ANSWER, STATE);
    CF_TRY(cf_health_decode(m->body, &health));
    if (!cf_view_eq(health.state, CF_LIT("ready"))) {
        /* Nobody here asks an enclave to drain, and one that does takes no requests. */
        r->unfit = true;
        return cf_ok();
    }
    health.state = CF_VIEW_EMPTY;
    r->health = health;
    cf_watch_pong(&r->watch, cf_clock_mono_ms());
    return cf_ok();
}

/* With the lock: the job that an answer is for; NULL when nobody waits for it any more. */
static cf_result on_answer(cf_relay *r, unsigned i, const cf_msg *m, cf_job **ret)
{
    cf_link *l = &r->links[i];
    *ret = NULL;
    CF_REQUIRE(m->kind == CF_MSG_DECRYPT + CF_MSG_ANSWER ||
                   m->kind == CF_MSG_ATTEST + CF_MSG_ANSWER || m->kind == CF_MSG_ERROR,
               STATE);
    *ret = cf_table_take(&r->table, m->request, i);
    if (*ret == NULL) {
        CF_REQUIRE(l->late > 0, STATE);
        l->late--;
        l->late_ms = cf_clock_mono_ms();
    }
    l->inflight--;
    return cf_ok();
}

/* With the lock. */
static cf_result on_message(cf_relay *r, unsigned i, const cf_msg *m, cf_job **ret_job)
{
    *ret_job = NULL;
    switch (r->links[i].state) {
    case CF_LINK_GREETING:
        return on_hello(r, i, m);
    case CF_LINK_LENDING:
        return on_lent(r, i, m);
    case CF_LINK_READY:
        if (m->request == NUMBER_CREDENTIALS) {
            return on_lent_again(m);
        }
        return m->request == NUMBER_HEALTH ? on_health(r, m) : on_answer(r, i, m, ret_job);
    case CF_LINK_DOWN:
        break;
    }
    return cf_fail(CF_ERR_STATE);
}

/* Takes what has arrived. Answers are handed over without the lock; their octets are the link's until cf_link_used. */
static cf_result link_read(cf_relay *r, unsigned i)
{
    cf_link *l = &r->links[i];
    CF_TRY(cf_link_fill(l));
    for (;;) {
        bool there = false;
        cf_msg m;
        cf_job *job = NULL;
        CF_TRY(cf_link_next(l, &there, &m));
        if (!there) {
            break;
        }
        (void)pthread_mutex_lock(&r->lock);
        cf_result taken = on_message(r, i, &m, &job);
        (void)pthread_mutex_unlock(&r->lock);
        CF_TRY(taken);
        if (job != NULL) {
            r->opts.done(job, &r->id, &m);
        }
    }
    return cf_link_used(l);
}

void cf_relay_link_event(cf_relay *r, unsigned i, uint32_t events)
{
    cf_link *l = &r->links[i];
    if (l->fd < 0) {
        return; /* taken down since */
    }
    if ((events & EPOLLOUT) != 0) {
        (void)pthread_mutex_lock(&r->lock);
        cf_link_flush(l);
        watch_writing(r, i);
        (void)pthread_mutex_unlock(&r->lock);
    }
    if ((events & ~(uint32_t)EPOLLOUT) != 0) {
        cf_result read = link_read(r, i);
        if (!cf_is_ok(read)) {
            link_lost(r, i, cf_err_code(read.code));
        }
    }
}
