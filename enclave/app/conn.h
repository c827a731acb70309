/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the agent: octets in and out, without I/O. */
#pragma once
#include "core/wire/wire.h"
#include "enclave/app/octets.h"

typedef struct {
    uint32_t place;  /* in the table of connections */
    int fd;          /* -1: the place is free */
    uint64_t serial; /* tells apart those that had the same place */
    bool greeted;    /* its HELLO was answered */
    bool ended;      /* the agent sends no more */
    bool broken;     /* to be closed at once */
    size_t inflight;
    cf_octets in, out;
    uint64_t since_ms;   /* accepted */
    uint64_t partial_ms; /* first octet of a frame that is not whole; 0: none */
    uint64_t unread_ms;  /* answers wait since then, or since the agent last took some; 0: none */
    uint32_t events;     /* watched for */
} cf_conn;

/** Appends a frame to what is to be written; over CF_ENCLAVE_OUT_BYTES_MAX, or out of memory, the connection is broken. */
void cf_conn_send(cf_conn *c, cf_view frame);
/** Appends a frame made of these; as above. */
void cf_conn_answer(cf_conn *c, uint32_t kind, uint64_t request, cf_view body);
void cf_conn_error(cf_conn *c, uint64_t request, cf_err code);
/** Wipes all but the place. */
void cf_conn_clear(cf_conn *c);
