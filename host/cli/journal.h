/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of an import: which lines of a file are done, refused or under way. A text file of rows that are appended and
 * handed to the kernel one by one, so that they survive the process:
 *
 *   file OCTETS      the size of the file that the journal belongs to; the first row
 *   start LINE       before a line is sent
 *   done LINE ID     after its answer
 *   bad LINE CODE    when the service refused it
 *
 * Rows of another form do not count. A last row without its newline, which an interruption cut short, is removed. */
#pragma once
#include <stdio.h>

#include "core/base/buf.h"

#define CF_CLI_IMPORT_LINES_MAX 10000000u

typedef enum { JOURNAL_NEW, JOURNAL_STARTED, JOURNAL_DONE, JOURNAL_BAD } cli_journal_state;

typedef struct {
    FILE *file;
    uint8_t *state; /* cli_journal_state by line number */
    uint64_t state_n;
} cli_journal;

/** Opens and reads the journal, or begins it. file_bytes: size of the imported file; a journal that was begun for another size is
 *  refused, since its line numbers mean other lines. One process at a time. Prints why not and returns false. */
bool cli_journal_open(const char *path, uint64_t file_bytes, cli_journal *ret);

/** What the journal said of a line when it was opened. */
cli_journal_state cli_journal_of(const cli_journal *j, uint64_t line);

/** Appends a row; rest may be "". Prints why not and returns false. */
bool cli_journal_put(cli_journal *j, const char *word, uint64_t line, const char *rest);

/** Leaves the zero state, and accepts it. */
void cli_journal_close(cli_journal *j);
