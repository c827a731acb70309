/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>

#include "sys/kms/client.h"

struct cf_kms_service {
    cf_kms_service_spec spec;
    char host[CF_AWS_HOST_BYTES_MAX + sizeof ":65535"]; /* as the field Host has it */
    pthread_mutex_t lock;                               /* of all below */
    pthread_cond_t stopping;
    bool stopped;
    cf_kms_link *links;
};

struct cf_kms_link {
    cf_kms_service *service;
    cf_kms_link *next;
    int fd; /* changes under the service's lock */
    cf_tls *tls;
    int64_t skew_s; /* what the service's clock is ahead of this machine's */
    cf_buf in, out;
};

/** One answer. */
typedef struct {
    unsigned status;
    cf_buf body;
    cf_buf error_type;    /* of the field x-amzn-ErrorType, or empty */
    uint64_t date_unix_s; /* of the field Date; 0: none that can be read */
} cf_kms_answer;
void cf_kms_answer_free(cf_kms_answer *a);

/** Sends what lies in l->out and reads the answer. errors as cf_kms_call, without KMS_REFUSED. */
CF_MUST_USE cf_result cf_kms_exchange(cf_kms_link *l, uint64_t deadline_ms, cf_kms_answer *ret,
                                      const char **ret_why);
/** Waits. error CLOSED the service is stopped. */
CF_MUST_USE cf_result cf_kms_pause(cf_kms_service *s, uint64_t until_ms);
