/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/number.h"

#define CF_CLI_JOURNAL_ROW_BYTES_MAX 256

static bool grow_states(cli_journal *j, uint64_t line)
{
    if (line < j->state_n) {
        return true;
    }
    uint64_t n = line * 2 + 1024;
    uint8_t *grown = realloc(j->state, n);
    if (grown == NULL) {
        return false;
    }
    memset(grown + j->state_n, JOURNAL_NEW, n - j->state_n);
    j->state = grown;
    j->state_n = n;
    return true;
}

/* A row's word and number. False for a row of another form. */
static bool split_row(cf_view row, cf_view *ret_word, uint64_t *ret_number)
{
    size_t word = 0, end;
    while (word < row.len && row.data[word] != ' ') {
        word++;
    }
    for (end = word + 1; end < row.len && row.data[end] != ' ' && row.data[end] != '\n';) {
        end++;
    }
    *ret_word = cf_view_sub(row, 0, word);
    return end < row.len && cf_is_ok(cf_parse_u64(cf_view_sub(row, word + 1, end - word - 1),
                                                  INT64_MAX, ret_number));
}

static bool take_state(cli_journal *j, uint64_t line, cli_journal_state state)
{
    if (line == 0 || line > CF_CLI_IMPORT_LINES_MAX) {
        return true; /* no line of an import */
    }
    if (!grow_states(j, line)) {
        return false;
    }
    if (state != JOURNAL_STARTED || j->state[line] == JOURNAL_NEW) {
        j->state[line] = (uint8_t)state;
    }
    return true;
}

static bool take_row(cli_journal *j, cf_view row, uint64_t *ret_file_bytes)
{
    static const struct {
        const char *word;
        cli_journal_state state;
    } words[] = {{"start", JOURNAL_STARTED}, {"done", JOURNAL_DONE}, {"bad", JOURNAL_BAD}};
    cf_view word;
    uint64_t number;
    if (!split_row(row, &word, &number)) {
        return true;
    }
    if (cf_view_eq(word, CF_LIT("file"))) {
        *ret_file_bytes = number;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (cf_view_eq(word, cf_view_str(words[i].word))) {
            return take_state(j, number, words[i].state);
        }
    }
    return true;
}

static bool read_rows(cli_journal *j, uint64_t *ret_file_bytes)
{
    char row[CF_CLI_JOURNAL_ROW_BYTES_MAX];
    off_t whole = 0;
    bool line_begins = true; /* a row over the limit comes in pieces, of which none counts */
    rewind(j->file);
    while (fgets(row, sizeof row, j->file) != NULL) {
        cf_view v = cf_view_str(row);
        bool ends = v.len > 0 && v.data[v.len - 1] == '\n';
        if (ends && line_begins && !take_row(j, v, ret_file_bytes)) {
            return false;
        }
        line_begins = ends;
        whole = ends ? ftello(j->file) : whole;
    }
    return ferror(j->file) == 0 && ftruncate(fileno(j->file), whole) == 0 &&
           fseeko(j->file, 0, SEEK_END) == 0;
}

bool cli_journal_open(const char *path, uint64_t file_bytes, cli_journal *ret)
{
    uint64_t written_for = file_bytes;
    struct stat st;
    *ret = (cli_journal){.file = fopen(path, "a+e")};
    if (ret->file != NULL && fstat(fileno(ret->file), &st) == 0 && !S_ISREG(st.st_mode)) {
        fprintf(stderr, "coffer: the journal %s is no regular file\n", path);
    } else if (ret->file != NULL && flock(fileno(ret->file), LOCK_EX | LOCK_NB) != 0) {
        fprintf(stderr, "coffer: another import uses the journal %s\n", path);
    } else if (ret->file == NULL || !read_rows(ret, &written_for)) {
        fprintf(stderr, "coffer: cannot use the journal %s: %s\n", path, strerror(errno));
    } else if (written_for != file_bytes) {
        fprintf(stderr,
                "coffer: the file is not as long as when its journal %s was begun, so line numbers "
                "may mean other lines\n"
                "coffer: import what is new from a file of its own, or every line with --restart\n",
                path);
    } else if (ftello(ret->file) > 0 || cli_journal_put(ret, "file", file_bytes, "")) {
        return true;
    }
    cli_journal_close(ret);
    return false;
}

cli_journal_state cli_journal_of(const cli_journal *j, uint64_t line)
{
    return line < j->state_n ? (cli_journal_state)j->state[line] : JOURNAL_NEW;
}

bool cli_journal_put(cli_journal *j, const char *word, uint64_t line, const char *rest)
{
    if (fprintf(j->file, "%s %" PRIu64 "%s%s\n", word, line, rest[0] != '\0' ? " " : "", rest) >=
            0 &&
        fflush(j->file) == 0) {
        return true;
    }
    fprintf(stderr, "coffer: cannot write the journal: %s\n", strerror(errno));
    return false;
}

void cli_journal_close(cli_journal *j)
{
    if (j->file != NULL) {
        (void)fclose(j->file);
    }
    free(j->state);
    *j = (cli_journal){0};
}
