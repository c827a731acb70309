/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, and changes to make in it. */
#pragma once
#include "tests/support/test.h"

#include "host/store/store.h"
#include "sys/linux/clock.h"

#define ID_BYTES (CF_VAULT_ID_BYTES + 1)

typedef struct {
    char folder[64], db[96], anchor[96];
    cf_secret row_key, audit_key;
    cf_store store;
} fixture;

/** A new folder and an open store in it; cmocka setup and teardown. The folder is below CF_TEST_FOLDER, or /tmp. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

CF_MUST_USE cf_result fixture_open(const fixture *f, bool read_only, cf_store *ret);
/** Closes the store and opens it again. */
void fixture_reopen(fixture *f);
/** Runs SQL on the file from outside, as an attacker would: fails the test when it fails or changes no row. The store is closed. */
void fixture_sql(const fixture *f, const char *sql);
/** The same with SQLite's protection of the schema lifted; it need not change a row. The store may be open. */
void fixture_schema_sql(const fixture *f, const char *sql);
/** A copy of the database file, and putting it back. The store is closed. */
void fixture_copy(const char *from, const char *to);

/** The n-th vault's id. */
void vault_id(unsigned n, char ret[static ID_BYTES]);
/** Encodes and seals a row of that version (1: creates it) and changes the store; the audit entry carries its seal. */
CF_MUST_USE cf_result vault_put(const fixture *f, unsigned n, uint64_t version, uint64_t *ret_seq);
/** The same with that wrapped key. */
CF_MUST_USE cf_result vault_put_key(const fixture *f, unsigned n, uint64_t version, cf_view wrapped,
                                    uint64_t *ret_seq);
/** The same with a tombstone. */
CF_MUST_USE cf_result vault_delete(const fixture *f, unsigned n, uint64_t version,
                                   uint64_t *ret_seq);
/** A change that writes an entry only. */
CF_MUST_USE cf_result entry_only(const fixture *f, unsigned n, uint64_t *ret_seq);
CF_MUST_USE cf_result entry_only_by(const fixture *f, unsigned n, uint64_t deadline_ms,
                                    uint64_t *ret_seq);
CF_MUST_USE cf_result token_change(const fixture *f, const cf_token *t);
cf_token token_make(unsigned n);
/** The n-th secret, and the change that makes it. */
cf_store_secret secret_make(unsigned n);
CF_MUST_USE cf_result secret_add(const fixture *f, const cf_store_secret *s);

/** Runs the whole verification over a read-only store. Returns the findings as text: "code" or "code@seq", each with a blank
 *  behind it, "" when there are none. */
const char *findings(const fixture *f);

static inline uint64_t soon(void)
{
    return cf_clock_mono_ms() + 30000;
}
