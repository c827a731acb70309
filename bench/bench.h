/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring side by side: candidates run in turn, slice by slice, on one core, so that a change of the machine's speed meets all
 * of them; what is reported is the median over rounds of the ratio within a round. For bench/ only; header-only. */
#pragma once
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/result.h"

enum { BENCH_ROUNDS = 25, BENCH_ROUNDS_QUICK = 9, BENCH_ROUNDS_MAX = 101 };
#define BENCH_SLICE_US 20000.0
#define BENCH_SLICE_US_QUICK 5000.0

typedef struct {
    const char *name;
    cf_result (*fn)(void *ctx); /* one operation; a failure ends the bench */
    void *ctx;
    size_t per_slice;            /* operations in a slice; 0 lets bench_run find out */
    double us[BENCH_ROUNDS_MAX]; /* of one operation, by round */
} bench_row;

typedef struct {
    size_t rounds;
    double slice_us;
} bench_plan;

/** --quick in the arguments asks for fewer and shorter rounds. */
static inline bench_plan bench_plan_of(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            return (bench_plan){BENCH_ROUNDS_QUICK, BENCH_SLICE_US_QUICK};
        }
    }
    return (bench_plan){BENCH_ROUNDS, BENCH_SLICE_US};
}

static inline double bench_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/** Time of one operation over a slice of count of them. */
static inline double bench_slice(const bench_row *row, size_t count)
{
    double start = bench_now_us();
    for (size_t i = 0; i < count; i++) {
        cf_result r = row->fn(row->ctx);
        if (!cf_is_ok(r)) {
            fprintf(stderr, "bench %s: %s\n", row->name, cf_err_code(r.code));
            exit(1);
        }
    }
    return (bench_now_us() - start) / (double)count;
}

/** Keeps the process on the core it is on. Not for benches with threads. */
static inline void bench_pin(void)
{
    cpu_set_t set;
    int cpu = sched_getcpu();
    CPU_ZERO(&set);
    if (cpu >= 0) {
        CPU_SET((size_t)cpu, &set);
        (void)sched_setaffinity(0, sizeof set, &set);
    }
}

/** Runs every row once per round, in an order that turns with the round; fills in us[]. */
static inline void bench_run(bench_row *rows, size_t n, bench_plan plan)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].per_slice == 0) {
            (void)bench_slice(&rows[i], 3); /* caches, lazily made tables */
            double once = bench_slice(&rows[i], 5);
            rows[i].per_slice = (size_t)(plan.slice_us / once) + 1;
        }
    }
    for (size_t round = 0; round < plan.rounds; round++) {
        for (size_t i = 0; i < n; i++) {
            bench_row *row = &rows[(i + round) % n];
            row->us[round] = bench_slice(row, row->per_slice);
        }
    }
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(const double *values, size_t n)
{
    double sorted[BENCH_ROUNDS_MAX];
    for (size_t i = 0; i < n; i++) {
        sorted[i] = values[i];
    }
    qsort(sorted, n, sizeof sorted[0], bench_compare);
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static inline double bench_median_us(const bench_row *row, bench_plan plan)
{
    return bench_median(row->us, plan.rounds);
}

/** How fast row is against ref: median over the rounds of ref's time by row's; 1 is as fast, below 1 slower. */
static inline double bench_ratio(const bench_row *ref, const bench_row *row, bench_plan plan)
{
    double ratios[BENCH_ROUNDS_MAX];
    for (size_t i = 0; i < plan.rounds; i++) {
        ratios[i] = ref->us[i] / row->us[i];
    }
    return bench_median(ratios, plan.rounds);
}

/** One JSON line. must 0: a figure without a bound. lib names the library under test. */
static inline bool bench_print(const bench_row *ref, const bench_row *row, double must,
                               const char *lib, bench_plan plan)
{
    double ratio = bench_ratio(ref, row, plan);
    bool ok = ratio >= must;
    printf("{\"bench\":\"%s\",\"ratio\":%.4f,\"raw_us\":%.3f,\"us\":%.3f,\"rounds\":%zu,",
           row->name, ratio, bench_median_us(ref, plan), bench_median_us(row, plan), plan.rounds);
    if (must > 0) {
        printf("\"must\":%.2f,\"ok\":%s,", must, ok ? "true" : "false");
    }
    printf("\"raw\":\"%s\",\"lib\":\"%s\"}\n", ref->name, lib);
    (void)fflush(stdout);
    return ok;
}
