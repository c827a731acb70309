/* SPDX-License-Identifier: Apache-2.0 */
/* A store that fails on demand, around any other: for tests, and for a test build of a program. No program links it otherwise. */
#pragma once
#include "host/store/store.h"

typedef enum {
    CF_STORE_GET,
    CF_STORE_CHANGE,
    CF_STORE_TOKEN_BY_HASH,
    CF_STORE_TOKEN_BY_ID,
    CF_STORE_TOKENS,
    CF_STORE_AUDIT_PAGE,
    CF_STORE_AUDIT_WALK,
    CF_STORE_AUDIT_HEAD,
    CF_STORE_AUDIT_ANCHOR,
    CF_STORE_ROWS_WALK,
    CF_STORE_TOKENS_WALK,
    CF_STORE_SECRETS_WALK,
    CF_STORE_STRUCTURE,
    CF_STORE_OP_COUNT
} cf_store_op;

/** What goes wrong. nth: the call of the op that is struck, from 1; 0 strikes every call. after: the inner store is asked first and
 *  its answer thrown away, which is what a lost answer looks like. err CF_OK: only late, by delay_ms. */
typedef struct {
    cf_store_op op;
    uint64_t nth;
    bool after;
    cf_err err;
    uint64_t delay_ms;
} cf_fault;

#define CF_FAULTS_MAX 16

/** Takes the inner store over, which is closed with this one. error NO_MEMORY: then inner is still the caller's. */
CF_MUST_USE cf_result cf_store_faulty_new(cf_store inner, cf_store *ret);
/** Replaces the faults; calls are counted from 1 again. Safe while others use the store. ARGUMENT over CF_FAULTS_MAX. */
CF_MUST_USE cf_result cf_store_faulty_set(const cf_store *s, const cf_fault *faults, size_t n);
/** Calls of the op since the faults were set. */
uint64_t cf_store_faulty_calls(const cf_store *s, cf_store_op op);

/** Faults as one text: OP:NTH:before|after:CODE:DELAY_MS, several joined by commas; OP as in cf_store_ops, CODE a stable code or
 *  "ok". "change:3:after:store_unavailable:0,get:0:before:ok:200". error MALFORMED; ARGUMENT over CF_FAULTS_MAX. */
CF_MUST_USE cf_result cf_store_faulty_parse(const char *text, cf_fault ret[static CF_FAULTS_MAX],
                                            size_t *ret_n);
