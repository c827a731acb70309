/* SPDX-License-Identifier: Apache-2.0 */
/* The whole product as `coffer up` runs it, in a folder of its own beside the programs, for benches that need it. */
#pragma once
#include <sys/types.h>

typedef struct {
    char folder[512];
    char token[64]; /* of all scopes */
    unsigned port;
    pid_t pid;
} bench_stack;

/** Starts `coffer up` from the folder of the running program and waits until it serves. Ends the program on failure. */
void bench_stack_start(bench_stack *s);
/** SIGTERM, waits, removes the folder. */
void bench_stack_stop(bench_stack *s);
