/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core/codec/base64.h"
#include "sys/linux/net.h"
#include "tests/integration/enclave/rig.h"

#define RIG_PAIRS_MAX 4
#define RIG_KMS_CONNS_MAX 256

/* One connection of the KMS, served by a thread of its own. */
typedef struct {
    struct rig *rig;
    int fd;
    pthread_t thread;
} rig_kms_conn;

struct rig {
    char folder[64];
    cf_net_addr addr;
    cf_image image;
    uint8_t pcr0[CF_PCR_BYTES_SHA384];
    cf_soft_root *root;
    cf_soft_nsm *nsm;
    int pid, nsm_fd, kms_channel, log_fd;
    unsigned lacks;
    pthread_t nsm_thread, log_thread, kms_thread;
    pthread_mutex_t lock; /* of all below */
    cf_buf log;
    cf_dh_key *pairs[RIG_PAIRS_MAX];
    rig_kms_mode mode;
    unsigned delay_ms, calls, links, recipients;
    bool elsewhere; /* connections lead to kms_addr */
    cf_net_addr kms_addr;
    bool form_b;                /* CMS forms in turn */
    cf_buf seen_doc, seen_spki; /* the last document that held, and its key */
    rig_kms_conn conns[RIG_KMS_CONNS_MAX];
    size_t conns_n;
};

void rig_kms_start(rig *r);
void rig_kms_stop(rig *r);
cf_dh_key *rig_pair_of_blob(rig *r, cf_view blob);
