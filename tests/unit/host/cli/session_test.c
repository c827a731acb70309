/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/session.h"

#include "tests/support/test.h"
#include "tests/unit/host/cli/capture.h"

static void printed_text(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"Zo\xc3\xab \xe6\x9d\xb1", "Zo\xc3\xab \xe6\x9d\xb1"},
        {"a\x1b[31mred", "a\\x1b[31mred"},
        {"\r\n\t\x7f", "\\x0d\\x0a\\x09\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"}, /* the one-character form of ESC [ */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\x80\\x9f\xc2\xa0"},
        {"\xc2", "\xc2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        capture_begin(1);
        cli_print_text(stdout, rows[i][0]);
        char *got = capture_end();
        assert_string_equal(got, rows[i][1]);
        free(got);
    }
}

static void encoded(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL", "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"},
        {"a,b-c.d~e_f", "a,b-c.d~e_f"},
        {"../x?y#z%", "..%2Fx%3Fy%23z%25"},
        {"a b\r\n&=+", "a%20b%0D%0A%26%3D%2B"},
        {"\xc3\xab\x7f", "%C3%AB%7F"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(out);
        assert_ok(cf_buf_append(&out, CF_LIT("/")));
        assert_ok(cli_put_encoded(&out, cf_view_str(rows[i][0])));
        assert_string_equal((const char *)out.data + 1, rows[i][1]);
        assert_int_equal(out.len, 1 + strlen(rows[i][1]));
    }
}

/* An error answer as people see it. */
static void errors(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"message\":\"no\",\"code\":\"forbidden\",\"request_id\":\"r1\"}",
         "coffer: no (forbidden, status 422, request r1)\n"},
        {"{\"message\":\"no\",\"code\":\"bad_value\",\"request_id\":\"r\",\"fields\":["
         "{\"name\":\"email\",\"reason\":\"too long\"},{\"name\":\"\",\"index\":3,\"reason\":\"bad "
         "name\"}]}",
         "coffer: no (bad_value, status 422, request r)\n  email: too long\n  member 3: bad "
         "name\n"},
        {"<html>", "coffer: the service answered with status 422 and no reason\n"},
        {"{\"message\":\"\\u001b[2J\"}", "coffer: \\x1b[2J (, status 422, request )\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CLI_ANSWER(answer);
        answer.status = 422;
        assert_ok(cf_buf_append(&answer.body, cf_view_str(rows[i][0])));
        cf_ignore(cf_json_parse(cf_buf_view(&answer.body), 4096, &answer.json));
        cli_args plain = {0}, json = {.names = {"json"}, .values = {""}, .options_n = 1};
        capture_begin(2);
        assert_int_equal(cli_check(&plain, &answer), CLI_FAILED);
        char *said = capture_end();
        assert_string_equal(said, rows[i][1]);
        free(said);
        capture_begin(1);
        assert_int_equal(cli_check(&json, &answer), CLI_FAILED);
        said = capture_end();
        assert_memory_equal(said, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(said + strlen(rows[i][0]), "\n");
        free(said);
        answer.status = 299;
        assert_int_equal(cli_check(&plain, &answer), CLI_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_text),
        cmocka_unit_test(encoded),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
