/* SPDX-License-Identifier: Apache-2.0 */
/* The security module as the enclave sees it: one call, octets in and out, whatever stands behind it. */
#pragma once
#include "core/attest/nsm.h"

/** One backend: the stream to a software NSM, or (on Nitro) the device. */
typedef struct {
    /** Sends one request, appends its answer. error IO, TIMEOUT, SIZE. Calls are serialised by the backend. */
    cf_result (*call)(void *self, cf_view request, cf_buf *ret_response);
    void (*close)(void *self);
} cf_nsm_ops;

typedef struct {
    const cf_nsm_ops *ops;
    void *self;
} cf_nsm;

/** Backend over a connected stream socket: u32 big-endian length, then the request; the same back. Takes the fd. */
CF_MUST_USE cf_result cf_nsm_open_stream(int fd, cf_nsm *ret);
void cf_nsm_close(cf_nsm *n);

/** A fresh document with the given optional inputs (empty view with has_* unset: null). Appends. error NSM, IO. */
CF_MUST_USE cf_result cf_nsm_attest(cf_nsm *n, const cf_nsm_request *inputs, cf_buf *ret_doc);
CF_MUST_USE cf_result cf_nsm_random(cf_nsm *n, uint8_t *out, size_t len);
/** Module id (appended) and PCR0. */
CF_MUST_USE cf_result cf_nsm_identity(cf_nsm *n, cf_buf *ret_module_id, uint8_t ret_pcr0[static CF_PCR_BYTES_SHA384]);

/* --- software NSM: runs on the host side of a confined enclave, beside its launcher --- */

/** Local root of trust: P-384 key and certificate in two files of a folder (nsm-root.key 0600, nsm-root.der), made at first use. */
typedef struct cf_soft_root cf_soft_root;
CF_MUST_USE cf_result cf_soft_root_open(const char *folder, cf_soft_root **ret);
void cf_soft_root_free(cf_soft_root **r);
cf_view cf_soft_root_cert(const cf_soft_root *r);

/** One module instance for one enclave: registers, lock state, leaf certificate (3 h, made anew before it ends). */
typedef struct cf_soft_nsm cf_soft_nsm;
CF_MUST_USE cf_result cf_soft_nsm_new(const cf_soft_root *root, const uint8_t pcr0[static CF_PCR_BYTES_SHA384], cf_soft_nsm **ret);
void cf_soft_nsm_free(cf_soft_nsm **s);
/** Answers one request as the device does: whatever is wrong comes back as an Error answer, never as a failure. */
CF_MUST_USE cf_result cf_soft_nsm_answer(cf_soft_nsm *s, cf_view request, cf_buf *ret_response);
/** Serves requests on a stream until the other side closes; for a thread of its own. */
CF_MUST_USE cf_result cf_soft_nsm_serve(cf_soft_nsm *s, int fd);
