/* SPDX-License-Identifier: Apache-2.0 */
/* coffer import: one vault per line of JSON, several at a time, with a journal that makes it resumable.
 *
 * Journal FILE.import (or --journal), appended to and flushed line by line: "start N" before line N is sent, "done N ID" after its answer,
 * "bad N CODE" when the service refused it. After an interruption, done and bad lines are skipped; a line that was started and
 * neither done nor bad is sent again and counted as in doubt: it may exist twice. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/number.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define IMPORT_LINE_BYTES_MAX ((size_t)1 << 20)
#define IMPORT_LINES_MAX 10000000u
#define IMPORT_JOBS_DEFAULT 8
#define IMPORT_JOBS_MAX 64
#define IMPORT_RETRIES_MAX 5
#define IMPORT_PATH_BYTES_MAX 4096

typedef enum { LINE_NEW, LINE_STARTED, LINE_FINISHED } line_state;

typedef struct {
    const cli_args *args;
    FILE *in, *journal;
    uint8_t *state; /* line_state by line number, from the journal */
    uint64_t state_n, line, bytes_total;
    uint64_t done, bad, skipped, doubtful;
    bool stopped; /* the service is gone, or the journal cannot be written */
    bool tty;
    unsigned shown; /* tenths already reported when there is no terminal */
    pthread_mutex_t lock;
} importer;

/* A line to send, owned by one worker. */
typedef struct {
    uint64_t number;
    char *text;
    size_t len, room;
} import_line;

static bool grow_states(importer *im, uint64_t line)
{
    if (line < im->state_n) {
        return true;
    }
    uint64_t n = line * 2 + 1024;
    uint8_t *grown = line <= IMPORT_LINES_MAX ? realloc(im->state, n) : NULL;
    if (grown == NULL) {
        return false;
    }
    memset(grown + im->state_n, LINE_NEW, n - im->state_n);
    im->state = grown;
    im->state_n = n;
    return true;
}

/* One row of the journal: a word, a space, a line number. Rows of another form do not count; one that an interruption cut
 * short has no newline and is of another form. */
static bool journal_row(cf_view row, bool *ret_started, uint64_t *ret_line)
{
    size_t word = 0, end;
    while (word < row.len && row.data[word] != ' ') {
        word++;
    }
    for (end = word + 1; end < row.len && row.data[end] != ' ' && row.data[end] != '\n';) {
        end++;
    }
    *ret_started = cf_view_eq(cf_view_sub(row, 0, word), CF_LIT("start"));
    bool whole = row.len > 0 && row.data[row.len - 1] == '\n' && end < row.len;
    return whole && cf_is_ok(cf_parse_u64(cf_view_sub(row, word + 1, end - word - 1),
                                          IMPORT_LINES_MAX, ret_line));
}

static bool read_journal(importer *im)
{
    char row[256];
    bool started;
    uint64_t line;
    rewind(im->journal);
    while (fgets(row, sizeof row, im->journal) != NULL) {
        if (!journal_row(cf_view_str(row), &started, &line)) {
            continue;
        }
        if (!grow_states(im, line)) {
            return false;
        }
        im->state[line] = started ? LINE_STARTED : LINE_FINISHED;
    }
    return fseek(im->journal, 0, SEEK_END) == 0;
}

static void show_progress(importer *im, bool last)
{
    uint64_t at = (uint64_t)ftello(im->in), of = im->bytes_total > 0 ? im->bytes_total : 1;
    unsigned tenths = (unsigned)(last ? 10 : at * 10 / of);
    if (im->tty) {
        char bar[41];
        size_t full = (size_t)(last ? 40 : at * 40 / of);
        memset(bar, '.', 40);
        memset(bar, '#', full > 40 ? 40 : full);
        bar[40] = '\0';
        fprintf(stderr, "\rimport [%s] %" PRIu64 " done, %" PRIu64 " bad%s", bar, im->done, im->bad,
                last ? "\n" : "");
    } else if (tenths > im->shown) {
        im->shown = tenths;
        fprintf(stderr, "import %u%%: %" PRIu64 " done, %" PRIu64 " bad\n", tenths * 10, im->done,
                im->bad);
    }
}

/* Appends one row and hands it to the kernel: it survives this process. */
static void journal(importer *im, const char *word, uint64_t line, const char *rest)
{
    if (fprintf(im->journal, "%s %" PRIu64 "%s%s\n", word, line, rest[0] != '\0' ? " " : "", rest) <
            0 ||
        fflush(im->journal) != 0) {
        im->stopped = true;
    }
}

/* The next line that is not finished; false at the end. */
static bool next_line(importer *im, import_line *l)
{
    bool got = false;
    pthread_mutex_lock(&im->lock);
    while (!im->stopped && !got) {
        ssize_t n = getline(&l->text, &l->room, im->in);
        if (n < 0) {
            break;
        }
        l->len = (size_t)n;
        l->number = ++im->line;
        while (l->len > 0 && (l->text[l->len - 1] == '\n' || l->text[l->len - 1] == '\r')) {
            l->len--;
        }
        if (!grow_states(im, l->number)) {
            im->stopped = true;
        } else if (im->state[l->number] == LINE_FINISHED) {
            im->skipped++;
        } else if (l->len > 0) {
            im->doubtful += im->state[l->number] == LINE_STARTED;
            journal(im, "start", l->number, "");
            got = !im->stopped;
        }
    }
    pthread_mutex_unlock(&im->lock);
    return got;
}

static void finish_line(importer *im, uint64_t line, const char *id, const cli_answer *answer,
                        const char *code)
{
    pthread_mutex_lock(&im->lock);
    if (id != NULL) {
        im->done++;
        journal(im, "done", line, id);
    } else {
        im->bad++;
        journal(im, "bad", line, code);
        fprintf(stderr, "%sline %" PRIu64 ": %s", im->tty ? "\n" : "", line, code);
        size_t i;
        json_t *field;
        json_array_foreach(json_object_get(answer->json, "fields"), i, field)
        {
            fprintf(stderr, "%s %s: %s", i > 0 ? ";" : "", cli_str(field, "name"),
                    cli_str(field, "reason"));
        }
        fprintf(stderr, "\n");
    }
    show_progress(im, false);
    pthread_mutex_unlock(&im->lock);
}

static void stop(importer *im)
{
    pthread_mutex_lock(&im->lock);
    im->stopped = true;
    pthread_mutex_unlock(&im->lock);
}

static bool worth_retrying(unsigned status)
{
    return status == 429 || status == 503;
}

/* Sends one line; a service that is busy is asked again with growing pauses. False when the import must stop. */
static bool send_line(importer *im, cli_session *session, const import_line *l)
{
    if (l->len > IMPORT_LINE_BYTES_MAX) {
        CLI_ANSWER(none);
        finish_line(im, l->number, NULL, &none, "too_large");
        return true;
    }
    for (unsigned attempt = 0;; attempt++) {
        CLI_ANSWER(answer);
        int status =
            cli_call(session, "POST", "/v1/vaults", cf_view_make(l->text, l->len), NULL, &answer);
        if (status == CLI_OK && answer.status >= 200 && answer.status < 300) {
            finish_line(im, l->number, cli_str(answer.json, "id"), &answer, NULL);
            return true;
        }
        if (status == CLI_OK && !worth_retrying(answer.status) && answer.status != 401 &&
            answer.status != 403) {
            finish_line(im, l->number, NULL, &answer, cli_str(answer.json, "code"));
            return true;
        }
        if (status != CLI_OK || !worth_retrying(answer.status) || attempt == IMPORT_RETRIES_MAX) {
            if (status == CLI_OK) {
                (void)cli_check(im->args, &answer);
            }
            return false;
        }
        (void)usleep(100000u << attempt);
    }
}

static void *import_worker(void *ctx)
{
    importer *im = ctx;
    CLI_SESSION(session, im->args);
    import_line line = {0};
    while (session != NULL && next_line(im, &line)) {
        if (!send_line(im, session, &line)) {
            stop(im);
        }
        cf_wipe(line.text, line.room);
    }
    if (session == NULL) {
        stop(im);
    }
    free(line.text);
    return NULL;
}

static bool open_files(importer *im)
{
    char path[IMPORT_PATH_BYTES_MAX];
    const char *file = im->args->words[0];
    const char *journal_path = cli_get(im->args, "journal");
    int n = journal_path != NULL ? snprintf(path, sizeof path, "%s", journal_path)
                                 : snprintf(path, sizeof path, "%s.import", file);
    struct stat st;
    im->in = n > 0 && (size_t)n < sizeof path ? fopen(file, "re") : NULL;
    if (im->in == NULL || fstat(fileno(im->in), &st) != 0) {
        fprintf(stderr, "coffer: cannot read %s: %s\n", file, strerror(errno));
        return false;
    }
    im->bytes_total = (uint64_t)st.st_size;
    if (cli_has(im->args, "restart")) {
        (void)unlink(path);
    }
    im->journal = fopen(path, "a+e");
    if (im->journal == NULL || !read_journal(im)) {
        fprintf(stderr, "coffer: cannot use the journal %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

static int report(const importer *im)
{
    if (cli_has(im->args, "json")) {
        printf("{\"done\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"skipped\":%" PRIu64
               ",\"in_doubt\":%" PRIu64 ",\"complete\":%s}\n",
               im->done, im->bad, im->skipped, im->doubtful, im->stopped ? "false" : "true");
    } else {
        printf("%" PRIu64 " imported, %" PRIu64 " bad, %" PRIu64 " done before\n", im->done,
               im->bad, im->skipped);
        if (im->doubtful > 0) {
            printf("%" PRIu64 " lines were under way when the last import stopped and were sent "
                              "again: they may exist twice\n",
                   im->doubtful);
        }
        if (im->stopped) {
            printf("stopped early; the same command goes on from here\n");
        }
    }
    if (im->stopped) {
        return CLI_FAILED;
    }
    return im->bad > 0 ? CLI_PARTIAL : CLI_OK;
}

int cli_import(const cli_args *args)
{
    uint64_t jobs = IMPORT_JOBS_DEFAULT;
    if (!cli_number(args, "jobs", 1, IMPORT_JOBS_MAX, &jobs)) {
        return CLI_USAGE;
    }
    importer im = {
        .args = args, .tty = isatty(STDERR_FILENO) == 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    int status = CLI_USAGE;
    if (open_files(&im)) {
        pthread_t threads[IMPORT_JOBS_MAX];
        size_t n = 0;
        while (n < jobs && pthread_create(&threads[n], NULL, import_worker, &im) == 0) {
            n++;
        }
        im.stopped = im.stopped || n == 0;
        for (size_t i = 0; i < n; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        show_progress(&im, true);
        status = report(&im);
    }
    if (im.in != NULL) {
        (void)fclose(im.in);
    }
    if (im.journal != NULL) {
        (void)fclose(im.journal);
    }
    free(im.state);
    return status;
}
