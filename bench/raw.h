/* SPDX-License-Identifier: Apache-2.0 */
/* "raw": what one P-384 exchange costs in the linked library and nothing else, a point decoded from its octets and ECDH with a
 * key made ready before. All benches that report against raw use these rows. */
#pragma once
#include "bench/bench.h"
#include "core/base/view.h"

typedef struct bench_raw bench_raw;

/** A ready private key and a peer's 97 octets. Ends the program on failure. */
bench_raw *bench_raw_new(void);
void bench_raw_free(bench_raw *raw);

/** The ways the library offers: EC_KEY with a reused key, EVP_PKEY_derive, and the EC_POINT functions. */
enum { BENCH_RAW_ROWS = 3 };
void bench_raw_rows(bench_raw *raw, bench_row rows[static BENCH_RAW_ROWS]);

/** The row with the lowest median: the reference. */
const bench_row *bench_raw_best(const bench_row rows[static BENCH_RAW_ROWS], bench_plan plan);

/** Name and version of the linked library. */
const char *bench_lib(void);
