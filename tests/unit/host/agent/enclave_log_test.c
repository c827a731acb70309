/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an enclave's log, however they come. */
#include "host/agent/enclave_log.h"

#include "tests/support/test.h"

static cf_enclave_log l;
static char got[65536];
static unsigned lines;

static int fresh(void **state)
{
    (void)state;
    l = (cf_enclave_log){0};
    got[0] = '\0';
    lines = 0;
    return 0;
}

static void take(void *ctx, bool own, cf_view line)
{
    assert_ptr_equal(ctx, &l);
    size_t at = strlen(got);
    lines++;
    snprintf(got + at, sizeof got - at, "%s:%.*s|", own ? "own" : "other", (int)line.len,
             (const char *)line.data);
}

static void feed(const char *text)
{
    cf_enclave_log_feed(&l, cf_view_str(text), 5000, take, &l);
}

static void test_lines(void **state)
{
    (void)state;
    feed("one\ntwo\n\nthr");
    assert_string_equal(got, "other:one|other:two|");
    feed("ee\nfour");
    assert_string_equal(got, "other:one|other:two|other:three|");
    cf_enclave_log_end(&l, 5000, take, &l);
    cf_enclave_log_end(&l, 5000, take, &l);
    assert_string_equal(got, "other:one|other:two|other:three|other:four|");
}

static void test_control_characters(void **state)
{
    (void)state;
    cf_enclave_log_feed(&l, CF_LIT("a\x1b[2Jb\tc\rd\0e\x7f\xc3\xa4 f\n"), 5000, take, &l);
    assert_string_equal(got, "other:a?[2Jb?c?d?e??? f|");
}

static void test_own_form(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool own;
    } rows[] = {
        {"2026-01-31T23:59:59.123Z info enclave ready workers=2", true},
        {"2026-01-31T23:59:59.123Z warn enclave x.y", true},
        {"2026-01-31T23:59:59.123Z error enclave x.y", true},
        {"2026-01-31T23:59:59.123Z info agent enclave.ready", false},
        {"2026-01-31T23:59:59.123Z info api x enclave ", false},
        {"2026-01-31T23:59:59.123Z fatal enclave x", false},
        {"2026-01-31T23:59:59.123Z info enclavex y", false},
        {"2026-01-31T23:59:59.123Zinfo enclave x", false},
        {"2026-01-31T23:59:59.12xZ info enclave x", false},
        {"2026/01/31T23:59:59.123Z info enclave x", false},
        {" 2026-01-31T23:59:59.123Z info enclave x", false},
        {"2026-01-31T23:59:59.123Z", false},
        {"x", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[128];
        got[0] = '\0';
        feed(rows[i].line);
        feed("\n");
        snprintf(want, sizeof want, "%s:%s|", rows[i].own ? "own" : "other", rows[i].line);
        assert_string_equal(got, want);
    }
}

static void test_length(void **state)
{
    (void)state;
    static char text[CF_AGENT_LOG_LINE_BYTES_MAX + 3];
    for (int over = -1; over <= 1; over++) {
        size_t len = (size_t)((int)CF_AGENT_LOG_LINE_BYTES_MAX + over);
        memset(text, 'x', len);
        text[len] = '\n';
        text[len + 1] = '\0';
        got[0] = '\0';
        feed(text);
        assert_int_equal(strlen(got),
                         strlen("other:|") + (over > 0 ? CF_AGENT_LOG_LINE_BYTES_MAX : len));
        feed("next\n");
        assert_non_null(strstr(got, "|other:next|"));
    }
}

static void test_rate(void **state)
{
    (void)state;
    for (int i = 0; i < CF_AGENT_LOG_LINES_PER_S_MAX - 1; i++) {
        feed("x\n");
    }
    assert_int_equal(cf_enclave_log_dropped(&l), 0);
    feed("x\n");
    assert_int_equal(cf_enclave_log_dropped(&l), 0);
    feed("x\nx\nx\n");
    assert_int_equal(lines, CF_AGENT_LOG_LINES_PER_S_MAX);
    assert_int_equal(cf_enclave_log_dropped(&l), 3);
    assert_int_equal(cf_enclave_log_dropped(&l), 0);
    /* The next second is a new one. */
    cf_enclave_log_feed(&l, CF_LIT("y\n"), 6000, take, &l);
    assert_int_equal(lines, CF_AGENT_LOG_LINES_PER_S_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines, fresh),
        cmocka_unit_test_setup(test_control_characters, fresh),
        cmocka_unit_test_setup(test_own_form, fresh),
        cmocka_unit_test_setup(test_length, fresh),
        cmocka_unit_test_setup(test_rate, fresh),
    };
    return cmocka_run_group_tests_name("host/agent/enclave_log", tests, NULL, NULL);
}
