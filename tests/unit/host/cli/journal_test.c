/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/journal.h"

#include <unistd.h>

#include "tests/support/test.h"
#include "tests/unit/host/cli/capture.h"

static char folder[] = "/tmp/coffer-journal-XXXXXX";
static char path[sizeof folder + 16];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/j", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static char *content(void)
{
    char *text = calloc(1, 4096);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, 4095, f) < 4095);
    (void)fclose(f);
    return text;
}

static void holds(const char *want)
{
    char *text = content();
    assert_string_equal(text, want);
    free(text);
}

/* What one line's state is after the rows of a journal. */
static const struct {
    const char *rows;
    uint64_t line;
    cli_journal_state want;
} rows[] = {
    {"start 1\n", 1, JOURNAL_STARTED},
    {"start 1\n", 2, JOURNAL_NEW},
    {"start 1\ndone 1 v_x\n", 1, JOURNAL_DONE},
    {"start 1\nbad 1 bad_value\n", 1, JOURNAL_BAD},
    {"bad 1\n", 1, JOURNAL_BAD},
    {"done 1 v_x\nstart 1\n", 1, JOURNAL_DONE}, /* what is done stays done */
    {"start 1\nstart 1\ndone 1 v_x\n", 1, JOURNAL_DONE},
    {"done 5000 v_x\nstart 2\n", 5000, JOURNAL_DONE},
    {"done 10000000 v_x\n", 10000000, JOURNAL_DONE},
    {"done 10000001 v_x\n", 10000001, JOURNAL_NEW},
    {"done 0 v_x\n", 0, JOURNAL_NEW},
    /* other forms */
    {"done 1", 1, JOURNAL_NEW}, /* no end */
    {"done 01 v_x\n", 1, JOURNAL_NEW},
    {"done -1 v_x\n", 1, JOURNAL_NEW},
    {"done  1 v_x\n", 1, JOURNAL_NEW},
    {"done\n", 1, JOURNAL_NEW},
    {"\n\n \n", 1, JOURNAL_NEW},
    {"Done 1 v_x\n", 1, JOURNAL_NEW},
    {"stadone 1 v_x\n", 1, JOURNAL_NEW}, /* two rows run together */
    {"started 1\n", 1, JOURNAL_NEW},
    {"done 99999999999999999999 v_x\n", 1, JOURNAL_NEW},
};

static void reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        cli_journal j;
        (void)snprintf(text, sizeof text, "file 77\n%s", rows[i].rows);
        put(text);
        assert_true(cli_journal_open(path, 77, &j));
        assert_int_equal(cli_journal_of(&j, rows[i].line), rows[i].want);
        assert_int_equal(cli_journal_of(&j, UINT64_MAX), JOURNAL_NEW);
        cli_journal_close(&j);
    }
}

/* A row of 300 octets whose tail looks like a row of its own. */
static void long_row(void **state)
{
    (void)state;
    cli_journal j;
    char text[400];
    (void)snprintf(text, sizeof text, "%0254d done 3 v_x\ndone 4 v_y\n", 0);
    put(text);
    assert_true(cli_journal_open(path, 1, &j));
    assert_int_equal(cli_journal_of(&j, 3), JOURNAL_NEW);
    assert_int_equal(cli_journal_of(&j, 4), JOURNAL_DONE);
    cli_journal_close(&j);
}

static void writing(void **state)
{
    (void)state;
    cli_journal j;
    (void)unlink(path);
    assert_true(cli_journal_open(path, 10, &j));
    assert_true(cli_journal_put(&j, "start", 1, ""));
    assert_true(cli_journal_put(&j, "done", 1, "v_x"));
    holds("file 10\nstart 1\ndone 1 v_x\n"); /* each row is the kernel's at once */
    cli_journal_close(&j);
    cli_journal_close(&j);
    assert_true(cli_journal_open(path, 10, &j));
    assert_true(cli_journal_put(&j, "bad", 2, "bad_value"));
    cli_journal_close(&j);
    holds("file 10\nstart 1\ndone 1 v_x\nbad 2 bad_value\n");
}

static void cut_row(void **state)
{
    (void)state;
    cli_journal j;
    put("file 10\nstart 1\ndone 1");
    assert_true(cli_journal_open(path, 10, &j));
    assert_int_equal(cli_journal_of(&j, 1), JOURNAL_STARTED);
    assert_true(cli_journal_put(&j, "start", 23, ""));
    cli_journal_close(&j);
    holds("file 10\nstart 1\nstart 23\n");
}

static void refusal(uint64_t size, const char *why)
{
    cli_journal j;
    capture_begin(2);
    assert_false(cli_journal_open(path, size, &j));
    char *said = capture_end();
    assert_non_null(strstr(said, why));
    free(said);
    assert_null(j.file);
}

static void refusals(void **state)
{
    (void)state;
    cli_journal j;
    put("file 10\ndone 1 v_x\n");
    refusal(11, "not as long");
    assert_true(cli_journal_open(path, 10, &j));
    refusal(10, "another import uses");
    cli_journal_close(&j);
    holds("file 10\ndone 1 v_x\n");
    (void)unlink(path);
    char kept = path[0];
    path[0] = '\0';
    refusal(1, "cannot use the journal");
    path[0] = kept;
    put("");
}

static void full_disk(void **state)
{
    (void)state;
    cli_journal j = {.file = fopen("/dev/full", "a")};
    assert_non_null(j.file);
    capture_begin(2);
    assert_false(cli_journal_put(&j, "start", 1, ""));
    char *said = capture_end();
    assert_non_null(strstr(said, "cannot write the journal"));
    free(said);
    cli_journal_close(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading), cmocka_unit_test(long_row), cmocka_unit_test(writing),
        cmocka_unit_test(cut_row), cmocka_unit_test(refusals), cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
