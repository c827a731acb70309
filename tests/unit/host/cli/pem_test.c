/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/pem.h"

#include "tests/support/test.h"

static const struct {
    const char *file, *octets; /* NULL: it is refused */
} files[] = {
    {"-----BEGIN PUBLIC KEY-----\naGVs\nbG8=\n-----END PUBLIC KEY-----\n", "hello"},
    {"of \t mine\r\n-----BEGIN PUBLIC KEY-----\r\naGVs \tbG8=\r\n-----END PUBLIC KEY-----",
     "hello"},
    {"-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", ""},
    {"-----BEGIN OTHER-----\neA==\n-----END OTHER-----\n-----BEGIN PUBLIC KEY-----\naGk=\n"
     "-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\neA==\n-----END PUBLIC KEY-----\n",
     "hi"},
    {"", ""},
    {"aGVs bG8=", "aGVs bG8="},
    {"-----END PUBLIC KEY-----", "-----END PUBLIC KEY-----"},
    {"-----BEGIN PUBLIC KEY-----\naGVsbG8=\n", NULL},
    {"-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\naGVsbG8=\n", NULL},
    {"-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END OTHER-----\n", NULL},
    {"-----BEGIN PUBLIC KEY-----\naGVsbG8\n-----END PUBLIC KEY-----\n", NULL},
    {"-----BEGIN PUBLIC KEY-----\naGVs*G8=\n-----END PUBLIC KEY-----\n", NULL},
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        CF_BUF(out);
        cf_result r = cli_from_pem(cf_view_str(files[i].file), "PUBLIC KEY", &out);
        if (files[i].octets == NULL) {
            assert_code(r, CF_ERR_MALFORMED);
        } else {
            assert_ok(r);
        }
        assert_view(cf_buf_view(&out), cf_view_str(files[i].octets != NULL ? files[i].octets : ""));
    }
}

static void test_blocks(void **state)
{
    (void)state;
#define BLOCK(text) "-----BEGIN A-----" text "-----END A-----"
    static const char *const rows[][2] = {
        {"", ""},
        {"words", ""},
        {"-----BEGIN B-----\neA==\n-----END B-----\n", ""},
        {BLOCK("\neA==\n"), BLOCK("\neA==\n") "\n"},
        {"words " BLOCK("\r\neA==\r\n") "\r\nsecret\n-----BEGIN B-----\nx\n-----END B-----\n" BLOCK(
             "\neB==\n") " more",
         BLOCK("\r\neA==\r\n") "\n" BLOCK("\neB==\n") "\n"},
        {"-----END A-----\n" BLOCK(""), BLOCK("") "\n"},
        {BLOCK("x") "-----BEGIN A-----\neA==\n", NULL},
        {"-----BEGIN A-----\neA==\n-----END B-----", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CF_BUF(out);
        cf_result r = cli_pem_blocks(cf_view_str(rows[i][0]), "A", &out);
        if (rows[i][1] == NULL) {
            assert_code(r, CF_ERR_MALFORMED);
        } else {
            assert_ok(r);
            assert_view(cf_buf_view(&out), cf_view_str(rows[i][1]));
        }
    }
#undef BLOCK
}

/* A label that is too long for a line names no block. */
static void test_label(void **state)
{
    (void)state;
    static const char label[] = "0123456789012345678901234567890123456789012345678901234567890123";
    CF_BUF(out);
    assert_ok(cli_from_pem(CF_LIT("x"), label, &out));
    assert_view(cf_buf_view(&out), CF_LIT("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_blocks),
                                       cmocka_unit_test(test_label)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
