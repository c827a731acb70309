/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the KMS for programs of several threads: connections that are kept, TLS that ends here, signatures, and what may be
 * tried again. docs/design/0005-kms-client.md */
#pragma once
#include "core/aws/endpoint.h"
#include "core/aws/request.h"
#include "core/kms/fault.h"
#include "sys/tls/tls.h"

#define CF_KMS_TRIES_MAX 5   /* of one call */
#define CF_KMS_BACKOFF_MS 50 /* before the second try; doubled before each further one */
#define CF_KMS_SKEW_S_MIN 60 /* a clock that is less off is not what the service takes offence at */
#define CF_KMS_READ_BYTES 16384 /* asked of a connection at once */

/** Where connected streams come from. */
typedef struct {
    /** Any thread. error CLOSED once stop was called; whatever else keeps it from connecting */
    cf_result (*dial)(void *self, uint64_t deadline_ms, int *ret_fd);
    /** Ends waits in dial, now and later. NULL where nobody calls cf_kms_service_stop. */
    void (*stop)(void *self);
} cf_kms_dial_ops;

/** Signs with the credentials of the moment. *ret_generation is another number for others. Any thread; otherwise as cf_aws_fields.
 *  error NOT_FOUND there are none */
typedef cf_result cf_kms_sign(void *self, const cf_aws_request *q, cf_buf *scratch,
                              cf_http1_field ret[static CF_AWS_FIELDS_MAX], size_t *ret_n,
                              uint64_t *ret_generation);

/** A KMS. What it points to is borrowed. */
typedef struct {
    const cf_kms_dial_ops *dial;
    void *dial_self;
    const cf_aws_endpoint *
        endpoint; /* NULL: plain and unsigned, for a KMS on this machine; all below is then without use */
    const cf_tls_config *tls;
    cf_kms_sign *sign;
    void *sign_self;
} cf_kms_service_spec;

/** Shared by all threads. */
typedef struct cf_kms_service cf_kms_service;
/** error NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_service_new(const cf_kms_service_spec *spec, cf_kms_service **ret);
/** Ends all waits, now and later: calls fail. */
void cf_kms_service_stop(cf_kms_service *s);
void cf_kms_service_free(cf_kms_service **s);

/** A connection, made when it is needed; one thread's at a time. */
typedef struct cf_kms_link cf_kms_link;
CF_MUST_USE cf_result cf_kms_link_new(cf_kms_service *s, cf_kms_link **ret);
/** Before the service. */
void cf_kms_link_free(cf_kms_link **l);

/** How a call went, for logs: nothing of it was received but the status. */
typedef struct {
    unsigned tries;            /* requests that were sent, or that could not be */
    unsigned status;           /* of the last answer; 0: there was none */
    const cf_kms_fault *fault; /* what an answer other than 200 says; NULL: there was none */
    const char *why;           /* what keeps TLS from being made, as cf_tls_open tells; or "" */
} cf_kms_outcome;

/** Posts the body and appends that of the answer. A kept connection that turns out to be closed before the first octet of an answer is
 *  replaced once. What may go well later is tried again, with a wait that grows and varies, as long as the deadline leaves room; a wrong
 *  clock once, by the time that the service tells; refused credentials once, if there are others by then.
 *  in    target: value of X-Amz-Target, of a request that may be made twice
 *  error KMS_REFUSED, KMS_UNAVAILABLE by the outcome; KMS_ANSWER answered outside HTTP; NO_MEMORY */
CF_MUST_USE cf_result cf_kms_call(cf_kms_link *l, cf_view target, cf_view body,
                                  uint64_t deadline_ms, cf_buf *ret_body, cf_kms_outcome *ret);
