/* SPDX-License-Identifier: Apache-2.0 */
/* coffer-kmsd in a process and a folder of its own, beside the programs: over TCP and TLS for others, over its Unix socket for the
 * bench. Whatever fails ends the program. */
#pragma once
#include <sys/types.h>

#include "core/crypto/dh.h"
#include "sys/linux/net.h"

typedef struct bench_kmsd bench_kmsd;

typedef struct {
    cf_view attestation_root; /* DER */
    cf_view chain, key;       /* of the TLS server, in PEM */
} bench_kmsd_spec;
bench_kmsd *bench_kmsd_start(const bench_kmsd_spec *spec);
/** SIGTERM, waits, removes the folder. */
void bench_kmsd_stop(bench_kmsd **k);

pid_t bench_kmsd_pid(const bench_kmsd *k);
/** Where TLS is served. */
const cf_net_addr *bench_kmsd_addr(const bench_kmsd *k);

/** ARN of the key under which the pairs below are wrapped. */
cf_view bench_kmsd_key(const bench_kmsd *k);
/** An access key of a user whom the key's policy lets use it. Borrowed. */
void bench_kmsd_user(const bench_kmsd *k, cf_view *ret_id, cf_view *ret_secret);
/** A new pair of P-384, bound to a vault: its public key, and the wrapped private one, which is appended. */
void bench_kmsd_pair(bench_kmsd *k, const char *tenant, const char *vault_id,
                     cf_dh_public *ret_public, cf_buf *ret_blob);

/** Lines of the audit log that tell of an operation. */
size_t bench_kmsd_audited(const bench_kmsd *k, const char *operation);
