/* SPDX-License-Identifier: Apache-2.0 */
/* coffer import: one vault per line of JSON, several at a time, with a journal (journal.h) that makes it resumable. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cli/journal.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define CF_CLI_IMPORT_LINE_BYTES_MAX ((size_t)1 << 20)
#define IMPORT_READ_BYTES 4096
#define IMPORT_JOBS_DEFAULT 8
#define CF_CLI_IMPORT_JOBS_MAX 64
#define CF_CLI_IMPORT_RETRIES_MAX 5
#define IMPORT_PAUSE_US 100000u /* before the first retry; doubled for each further one */
#define IMPORT_BAR_COLUMNS 40

typedef struct {
    const cli_args *args;
    const char *path; /* of the request */
    FILE *in;
    cli_journal journal;
    uint64_t line, bytes_total;
    uint64_t done, bad, skipped, bad_before, doubtful;
    bool stopped; /* the service is gone or refuses, or a file cannot be read or written */
    int status;   /* CLI_OK, or the exit status of what stopped it */
    bool tty;
    unsigned tenths_shown; /* when there is no terminal */
    pthread_mutex_t lock;
} importer;

/* A line to send, owned by one worker. */
typedef struct {
    uint64_t number;
    cf_buf text;
    bool too_long; /* text is not all of it */
} import_line;

static void line_clear(import_line *l)
{
    cf_buf_free(&l->text);
}

static void show_progress(importer *im, bool last)
{
    uint64_t at = (uint64_t)ftello(im->in), of = im->bytes_total > 0 ? im->bytes_total : 1;
    at = at < of && !(last && !im->stopped) ? at : of;
    if (im->tty) {
        char bar[IMPORT_BAR_COLUMNS + 1];
        for (size_t i = 0; i < IMPORT_BAR_COLUMNS; i++) {
            bar[i] = i < at * IMPORT_BAR_COLUMNS / of ? '#' : '.';
        }
        bar[IMPORT_BAR_COLUMNS] = '\0';
        fprintf(stderr, "\rimport [%s] %" PRIu64 " done, %" PRIu64 " bad%s", bar, im->done, im->bad,
                last ? "\n" : "");
        return;
    }
    /* The file is read before its last lines are answered: only the end is 100 %. */
    unsigned tenths = (unsigned)(at * 10 / of);
    tenths = tenths == 10 && !last ? 9 : tenths;
    if (last || tenths > im->tenths_shown) {
        im->tenths_shown = tenths;
        fprintf(stderr, "import %u%%: %" PRIu64 " done, %" PRIu64 " bad\n", tenths * 10, im->done,
                im->bad);
    }
}

/* Ends the import, under the lock; the first reason is the one that counts. */
static void stop(importer *im, int status)
{
    im->status = im->stopped ? im->status : status;
    im->stopped = true;
}

static void journal(importer *im, const char *word, uint64_t line, const char *rest)
{
    if (!cli_journal_put(&im->journal, word, line, rest)) {
        stop(im, CLI_FAILED);
    }
}

/* Appends a piece, with the end of the line if it is there, unless the line is too long already. */
static bool keep_piece(import_line *l, cf_view piece)
{
    l->too_long = l->too_long || l->text.len + piece.len > CF_CLI_IMPORT_LINE_BYTES_MAX + 2;
    return l->too_long || cf_is_ok(cf_buf_append(&l->text, piece));
}

/* One line of the file, without its end. False at the end of the file, and when it or memory fails (then stopped). */
static bool read_line(importer *im, import_line *l)
{
    uint8_t piece[IMPORT_READ_BYTES];
    size_t n = 0, all = 0;
    bool kept = true;
    int c = 0;
    cf_buf_clear(&l->text);
    l->too_long = false;
    while (kept && c != '\n' && (c = getc_unlocked(im->in)) != EOF) {
        all++;
        piece[n++] = (uint8_t)c;
        if (n == sizeof piece || c == '\n') {
            kept = keep_piece(l, cf_view_make(piece, n));
            n = 0;
        }
    }
    kept = kept && keep_piece(l, cf_view_make(piece, n));
    cf_wipe(piece, sizeof piece);
    if (!kept || ferror(im->in) != 0) {
        fprintf(stderr, "coffer: line %" PRIu64 " cannot be read: %s\n", im->line + 1,
                strerror(errno));
        stop(im, CLI_FAILED);
        return false;
    }
    while (l->text.len > 0 &&
           (l->text.data[l->text.len - 1] == '\n' || l->text.data[l->text.len - 1] == '\r')) {
        l->text.len--;
    }
    l->too_long = l->too_long || l->text.len > CF_CLI_IMPORT_LINE_BYTES_MAX;
    l->number = ++im->line;
    return all > 0;
}

static bool is_blank(const cf_buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != ' ' && text->data[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* Whether a line is still to be sent. */
static bool is_due(importer *im, const import_line *l)
{
    switch (cli_journal_of(&im->journal, l->number)) {
    case JOURNAL_DONE:
        im->skipped++;
        return false;
    case JOURNAL_BAD:
        im->bad_before++;
        return false;
    case JOURNAL_STARTED:
        im->doubtful++;
        break;
    case JOURNAL_NEW:
        break;
    }
    return !is_blank(&l->text);
}

/* The next line to send; false at the end. */
static bool next_line(importer *im, import_line *l)
{
    bool got = false;
    pthread_mutex_lock(&im->lock);
    while (!im->stopped && !got && read_line(im, l)) {
        if (l->number > CF_CLI_IMPORT_LINES_MAX) {
            fprintf(stderr, "coffer: more than %u lines\n", CF_CLI_IMPORT_LINES_MAX);
            stop(im, CLI_FAILED);
        } else if (is_due(im, l)) {
            journal(im, "start", l->number, "");
            got = !im->stopped;
        }
    }
    pthread_mutex_unlock(&im->lock);
    return got;
}

static void finish_good(importer *im, uint64_t line, const char *id)
{
    pthread_mutex_lock(&im->lock);
    im->done++;
    journal(im, "done", line, id);
    show_progress(im, false);
    pthread_mutex_unlock(&im->lock);
}

static void finish_bad(importer *im, uint64_t line, const json_t *answer, const char *code)
{
    pthread_mutex_lock(&im->lock);
    im->bad++;
    journal(im, "bad", line, code);
    fprintf(stderr, "%sline %" PRIu64 ": %s", im->tty ? "\n" : "", line, code);
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(answer, "fields"), i, field)
    {
        fprintf(stderr, "%s", i > 0 ? ";" : "");
        cli_print_fault(field);
    }
    fprintf(stderr, "\n");
    show_progress(im, false);
    pthread_mutex_unlock(&im->lock);
}

/* What an answer says about the line, or about the service. */
typedef enum { ANSWER_DONE, ANSWER_BAD, ANSWER_LATER, ANSWER_STOP } answer_kind;

static answer_kind kind_of(unsigned status)
{
    static const unsigned faults[] = {400, 409, 413, 415, 422}, later[] = {429, 503, 504};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (status == faults[i]) {
            return ANSWER_BAD;
        }
    }
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        if (status == later[i]) {
            return ANSWER_LATER;
        }
    }
    return status >= 200 && status < 300 ? ANSWER_DONE : ANSWER_STOP;
}

/* The service does not answer, or refuses more than the line: ends the import, and says so once. */
static void give_up(importer *im, const cli_session *session, cf_result r, const cli_answer *answer)
{
    pthread_mutex_lock(&im->lock);
    if (!im->stopped) {
        fprintf(stderr, "%s", im->tty ? "\n" : "");
        if (cf_is_ok(r)) {
            cli_print_error(answer);
        }
        stop(im, cf_is_ok(r) ? CLI_FAILED : cli_unanswered(session, r));
    }
    pthread_mutex_unlock(&im->lock);
}

/* Sends one line; a service that is busy is asked again with growing pauses. */
static void send_line(importer *im, cli_session *session, const import_line *l)
{
    if (l->too_long) {
        finish_bad(im, l->number, NULL, cf_err_code(CF_ERR_SIZE));
        return;
    }
    for (unsigned attempt = 0;; attempt++) {
        CLI_ANSWER(answer);
        cf_result r = cli_try(session, "POST", im->path, cf_buf_view(&l->text), NULL, &answer);
        answer_kind kind = cf_is_ok(r) ? kind_of(answer.status) : ANSWER_STOP;
        if (kind == ANSWER_DONE) {
            finish_good(im, l->number, cli_str(answer.json, "id"));
            return;
        }
        if (kind == ANSWER_BAD) {
            finish_bad(im, l->number, answer.json, cli_str(answer.json, "code"));
            return;
        }
        if (kind == ANSWER_STOP || attempt == CF_CLI_IMPORT_RETRIES_MAX) {
            give_up(im, session, r, &answer);
            return;
        }
        (void)usleep(IMPORT_PAUSE_US << attempt);
    }
}

static void *import_worker(void *ctx)
{
    importer *im = ctx;
    CLI_SESSION(session, im->args);
    CF_AUTO(line_clear) import_line line = {0, CF_BUF_EMPTY, false};
    if (session == NULL) {
        pthread_mutex_lock(&im->lock);
        stop(im, CLI_USAGE);
        pthread_mutex_unlock(&im->lock);
        return NULL;
    }
    while (next_line(im, &line)) {
        send_line(im, session, &line);
    }
    return NULL;
}

static bool open_files(importer *im)
{
    char path[CF_CLI_PATH_BYTES_MAX];
    const char *file = im->args->words[0], *named = cli_get(im->args, "journal");
    struct stat st;
    im->in = fopen(file, "re");
    if (im->in == NULL || fstat(fileno(im->in), &st) != 0 || !S_ISREG(st.st_mode)) {
        fprintf(stderr, "coffer: cannot read %s: %s\n", file,
                im->in == NULL ? strerror(errno) : "it is no regular file");
        return false;
    }
    im->bytes_total = (uint64_t)st.st_size;
    int n = named != NULL ? snprintf(path, sizeof path, "%s", named)
                          : snprintf(path, sizeof path, "%s.import", file);
    if (n <= 0 || (size_t)n >= sizeof path) {
        fprintf(stderr, "coffer: the path of the journal is empty or too long\n");
        return false;
    }
    if (cli_has(im->args, "restart") && unlink(path) != 0 && errno != ENOENT) {
        fprintf(stderr, "coffer: cannot remove the journal %s: %s\n", path, strerror(errno));
        return false;
    }
    return cli_journal_open(path, im->bytes_total, &im->journal);
}

static int report(const importer *im)
{
    if (cli_has(im->args, "json")) {
        printf("{\"done\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"skipped\":%" PRIu64
               ",\"bad_before\":%" PRIu64 ",\"in_doubt\":%" PRIu64 ",\"complete\":%s}\n",
               im->done, im->bad, im->skipped, im->bad_before, im->doubtful,
               im->stopped ? "false" : "true");
    } else {
        printf("%" PRIu64 " imported, %" PRIu64 " bad", im->done, im->bad);
        if (im->skipped + im->bad_before > 0) {
            printf("; before: %" PRIu64 " imported, %" PRIu64 " bad", im->skipped, im->bad_before);
        }
        printf("\n");
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
        return im->status;
    }
    return im->bad + im->bad_before > 0 ? CLI_PARTIAL : CLI_OK;
}

/* Sends with jobs workers, each with a connection of its own. */
static void run_workers(importer *im, size_t jobs)
{
    pthread_t threads[CF_CLI_IMPORT_JOBS_MAX];
    size_t n = 0;
    while (n < jobs && pthread_create(&threads[n], NULL, import_worker, im) == 0) {
        n++;
    }
    if (n == 0) {
        fprintf(stderr, "coffer: no thread could be started\n");
        stop(im, CLI_FAILED);
    }
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

int cli_import(const cli_args *args)
{
    uint64_t jobs = IMPORT_JOBS_DEFAULT;
    importer im = {
        .args = args, .tty = isatty(STDERR_FILENO) == 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    CF_BUF(path);
    int status = CLI_USAGE;
    /* asked here once, so that what is missing is said once and not by every worker */
    CLI_SESSION(session, args);
    if (cli_number(args, "jobs", 1, CF_CLI_IMPORT_JOBS_MAX, &jobs) && session != NULL &&
        cli_create_path(args, &path) && open_files(&im)) {
        im.path = (const char *)path.data;
        run_workers(&im, jobs);
        show_progress(&im, true);
        status = report(&im);
    }
    if (im.in != NULL) {
        (void)fclose(im.in);
    }
    cli_journal_close(&im.journal);
    return status;
}
