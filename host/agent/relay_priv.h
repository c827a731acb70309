/* SPDX-License-Identifier: Apache-2.0 */
/* What relay.c (callers, supervision, the loop) and relay_link.c (connections and messages) share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "host/agent/enclave_log.h"
#include "host/agent/link.h"
#include "host/agent/relay.h"
#include "host/agent/table.h"

struct cf_relay {
    cf_relay_opts opts;
    pthread_t thread;
    int epoll_fd, wake_fd;

    /* The thread's own. */
    cf_enclave enclave;
    cf_enclave_log log;
    uint64_t log_told_s; /* when dropped lines were last told of */
    uint64_t booted_ms;  /* when the enclave was started */

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    bool stopping;
    cf_table table;
    cf_link links[CF_AGENT_LINKS_MAX]; /* but for what link.h gives to the thread */
    cf_watch watch;
    cf_enclave_id id;
    cf_health health;
    bool unfit; /* the enclave says that it does not serve: to be replaced */
    int pid;
    uint64_t started_ms, starts;
    uint64_t wake_ms; /* the thread sleeps until then */
    cf_buf scratch;   /* the body that is being sent */
    cf_buf lent;      /* the body of CREDENTIALS; empty: none */
};

/** What an event of epoll is about: links follow CF_TAG_LINK. */
enum { CF_TAG_WAKE, CF_TAG_PROCESS, CF_TAG_LOG, CF_TAG_LINK };

CF_MUST_USE cf_result cf_relay_watch_fd(cf_relay *r, int fd, uint64_t tag);
/** Hands over jobs that failed. Without the lock. */
void cf_relay_fail(cf_relay *r, cf_job_list *failed);

/* relay_link.c. Functions that say so are called with the lock held; what fails of the jobs is then put on a list, to be handed over
 * without it. */

/** With the lock: sends waiting jobs as far as there is room. */
void cf_relay_dispatch(cf_relay *r, cf_job_list *failed);
/** With the lock: asks the enclave for its health; false when no link is ready. */
bool cf_relay_ping(cf_relay *r);
/** With the lock: sends r->lent on every link that has told who it is. */
void cf_relay_lend_all(cf_relay *r);
/** Dials links that are down. */
void cf_relay_dial(cf_relay *r);
/** An event of a link. */
void cf_relay_link_event(cf_relay *r, unsigned i, uint32_t events);
/** Takes down what broke while sending. */
void cf_relay_links_broken(cf_relay *r);
/** The enclave is gone, and with it all links. */
void cf_relay_links_lost(cf_relay *r);
