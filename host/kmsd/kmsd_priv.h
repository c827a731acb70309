/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>

#include "host/kmsd/aliases.h"
#include "host/kmsd/audit.h"
#include "host/kmsd/grants.h"
#include "host/kmsd/keys.h"
#include "host/kmsd/kmsd.h"
#include "host/kmsd/principals.h"

struct cf_turns;

struct cf_kmsd {
    cf_kmsd_names names;
    cf_buf attestation_root; /* DER */
    uint64_t (*clock_ms)(void);
    pthread_mutex_t change; /* one change at a time, over files and tables: see lock.h */
    bool has_change;        /* the mutex is made */
    cf_kmsd_state *state;
    cf_keys *keys;
    cf_aliases *aliases;
    cf_grants *grants;
    cf_audit *audit;
    cf_principals *principals;
    cf_secret session_key; /* seals session tokens */
    /* of requests that make RSA keys, and of those that change something, which is one at a time anyway */
    struct cf_turns *rsa_turns, *change_turns;
};
