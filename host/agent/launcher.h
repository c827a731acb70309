/* SPDX-License-Identifier: Apache-2.0 */
/* Starts enclaves as confined processes: measures the image, gives each a software security module, a way to KMS and a log. */
#pragma once
#include <sys/types.h>

#include "host/agent/limits.h"
#include "sys/linux/net.h"

typedef struct {
    const char *enclave; /* path of the program */
    const char *nsm;     /* folder of the local attestation root */
    const char *run;     /* folder of the enclave's socket */
    cf_net_addr kms;     /* dialled for the enclave */
    const char *
        kms_endpoint; /* what the enclave has to find there, as its option has it; NULL: a KMS on this machine, plain */
    const char *kms_roots; /* file of the certificates that it trusts instead of its own; or NULL */
    const char *const *args; /* further arguments of the program, NULL-terminated */
} cf_launcher_opts;

typedef struct cf_launcher cf_launcher;

/** Loads and measures the program once: what starts later is what was measured, whatever becomes of the file.
 *  The same holds for the file of certificates.
 *  *ret_what names what failed, for the log. error those of cf_image_load, cf_soft_root_open, cf_net_parse (the run folder's path is too
 *  long for a socket); NO_MEMORY */
CF_MUST_USE cf_result cf_launcher_new(const cf_launcher_opts *opts, cf_launcher **ret,
                                      const char **ret_what);
/** Waits for the threads of enclaves that are gone. */
void cf_launcher_free(cf_launcher **l);

/** One enclave. */
typedef struct {
    pid_t pid;  /* 0: there is none */
    int pid_fd; /* readable once it is gone */
    int log_fd; /* what it writes; does not block */
    cf_net_addr addr;
    uint64_t started_ms; /* of the wall clock */
} cf_enclave;
#define CF_ENCLAVE_NONE ((cf_enclave){.pid_fd = -1, .log_fd = -1})

/** Starts one. It dies with the calling thread. Warns of each barrier that the kernel did not grant, once per launcher.
 *  error those of cf_net_listen, cf_soft_nsm_new and cf_confine_start; IO, NO_MEMORY */
CF_MUST_USE cf_result cf_launcher_start(cf_launcher *l, cf_enclave *ret);
void cf_enclave_kill(const cf_enclave *e);
/** After pid_fd was readable: reaps it, removes its socket, leaves CF_ENCLAVE_NONE. *ret_status as waitpid tells it. False while it
 *  lives. */
bool cf_enclave_reap(cf_enclave *e, int *ret_status);
