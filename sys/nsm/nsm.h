/* SPDX-License-Identifier: Apache-2.0 */
/* The security module as the enclave sees it: one call, octets in and out, whatever stands behind it; and the software
 * module that stands there on a machine without Nitro. docs/formats/attestation.md */
#pragma once
#include "core/attest/nsm.h"

/** One backend: the stream to a software NSM, or the device. */
typedef struct {
    /** Sends one request, appends its answer. error IO, TIMEOUT, SIZE, CLOSED, NOT_PERMITTED, NO_MEMORY. Calls are serialised by the
     *  backend. */
    cf_result (*call)(void *self, cf_view request, cf_buf *ret_response);
    void (*close)(void *self);
} cf_nsm_ops;

typedef struct {
    const cf_nsm_ops *ops;
    void *self;
} cf_nsm;

/** How long a software module may take for one answer; a working one needs milliseconds. */
#define CF_NSM_TIMEOUT_MS 5000

/** Backend over a connected stream socket: u32 big-endian length, then the request; the same back. Takes the fd.
 *  After a call that failed the stream is out of step, so every later one is IO at once. error NO_MEMORY (the fd is closed).
 *  system calls: poll, recv, send, clock_gettime (vDSO), futex, close */
CF_MUST_USE cf_result cf_nsm_open_stream(int fd, cf_nsm *ret);
/** Where the kernel has the device, and its one request: _IOWR(0x0A, 0, 32 octets). */
#define CF_NSM_DEVICE "/dev/nsm"
#define CF_NSM_IOCTL 0xC0200A00UL
/** Backend over the device. Its driver gives up on an answer after 120 s (TIMEOUT).
 *  error NOT_FOUND there is none; NOT_PERMITTED; UNSUPPORTED what has that name is no character device; IO, NO_MEMORY
 *  system calls: openat, fstat (here); ioctl, close */
CF_MUST_USE cf_result cf_nsm_open_device(const char *path, cf_nsm *ret);
/** The device when there is one, whatever the stream, which is then closed: who starts a program must not be able to put a module of
 *  his own in the place of the platform's. Else the stream; fd -1: none. Takes the fd. *ret_device tells which it was.
 *  error as of the two; NOT_FOUND neither */
CF_MUST_USE cf_result cf_nsm_open(int fd, cf_nsm *ret, bool *ret_device);
/** Accepts the zero state and leaves it. */
void cf_nsm_close(cf_nsm *n);

/** Any request. Views of *ret borrow from octets, which is replaced.
 *  error NSM: the module refused, ret->error says why; or answered another operation, or nonsense, and it is INTERNAL_ERROR.
 *        ARGUMENT, SIZE a request that cannot be; IO, TIMEOUT and others of the backend */
CF_MUST_USE cf_result cf_nsm_ask(cf_nsm *n, const cf_nsm_request *q, cf_buf *octets,
                                 cf_nsm_response *ret);

/** A fresh document with the given optional inputs (empty view with has_* unset: null); inputs->op is ignored. Appends.
 *  error NSM the module refused or answered nonsense; SIZE; IO, TIMEOUT. */
CF_MUST_USE cf_result cf_nsm_attest(cf_nsm *n, const cf_nsm_request *inputs, cf_buf *ret_doc);
/** len random octets from the module, asked for as often as it takes. */
CF_MUST_USE cf_result cf_nsm_random(cf_nsm *n, uint8_t *out, size_t len);
/** Module id (appended) and PCR0. */
CF_MUST_USE cf_result cf_nsm_identity(cf_nsm *n, cf_buf *ret_module_id,
                                      uint8_t ret_pcr0[static CF_PCR_BYTES_SHA384]);

/** What a key policy can ask of the module's documents, behind "kms:RecipientAttestation:", as "ImageSha384=HEX" and "PCR4=HEX", appended
 *  with what is to stand between two. Left out are registers that are zero, which a document bears but which prove nothing, that are not
 *  locked, or that do not answer. error NO_MEMORY, SIZE */
CF_MUST_USE cf_result cf_nsm_conditions(cf_nsm *n, cf_view between, cf_buf *out);

/* --- software NSM: runs on the host side of a confined enclave, beside its launcher --- */

/** What tells a software module's documents from real ones: root CN, and an instance that cannot be. */
#define CF_SOFT_ROOT_CN "coffer.local.nitro-enclaves"
#define CF_SOFT_INSTANCE_ID "i-00000000000000000"

/** Local root of trust: P-384 key and certificate in two files of a folder, made at first use: nsm-root.key (PKCS#8, 0600) and
 *  nsm-root.der (0644). The certificate alone may be missing: it is made anew for the key. Never the other way round.
 *  error STATE certificate without key; KEY they do not belong together; NOT_FOUND no folder; IO, NOT_PERMITTED. */
typedef struct cf_soft_root cf_soft_root;
CF_MUST_USE cf_result cf_soft_root_open(const char *folder, cf_soft_root **ret);
void cf_soft_root_free(cf_soft_root **r);
/** DER, borrowed: what a verifier pins. */
cf_view cf_soft_root_cert(const cf_soft_root *r);

/** One module instance for one enclave: registers, lock state, leaf certificate (3 h, made anew with the certificates above it
 *  before it ends). Used by one thread at a time; borrows the root, which must outlive it. pcr0 all zero: debug mode. */
typedef struct cf_soft_nsm cf_soft_nsm;
CF_MUST_USE cf_result cf_soft_nsm_new(const cf_soft_root *root,
                                      const uint8_t pcr0[static CF_PCR_BYTES_SHA384],
                                      cf_soft_nsm **ret);
void cf_soft_nsm_free(cf_soft_nsm **s);
/** Answers one request as the device does: whatever is wrong comes back as an Error answer, never as a failure.
 *  error NO_MEMORY alone. */
CF_MUST_USE cf_result cf_soft_nsm_answer(cf_soft_nsm *s, cf_view request, cf_buf *ret_response);
/** Serves requests on a stream until the other side closes (ok); for a thread of its own. The fd stays the caller's.
 *  error SIZE over CF_NSM_REQUEST_BYTES_MAX, TIMEOUT for a request that stops half way, IO. */
CF_MUST_USE cf_result cf_soft_nsm_serve(cf_soft_nsm *s, int fd);
