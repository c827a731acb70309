/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka with its prerequisites, and assertions on results and views. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"

/** The result is success, or the named error (assert_err(r, SIZE)); a failure prints both codes. */
#define assert_code(r, err) assert_string_equal(cf_err_code((r).code), cf_err_code(err))
#define assert_ok(r) assert_code(r, CF_OK)
#define assert_err(r, sym) assert_code(r, CF_ERR_##sym)

/** The views hold the same octets. */
#define assert_view(got, want) test_view((got), (want), __FILE__, __LINE__)
static inline void test_view(cf_view got, cf_view want, const char *file, int line)
{
    if (got.len != want.len || (got.len > 0 && memcmp(got.data, want.data, got.len) != 0)) {
        for (int side = 0; side < 2; side++) {
            cf_view v = side == 0 ? got : want;
            print_error("%s %zu octets:", side == 0 ? "got " : "want", v.len);
            for (size_t i = 0; i < v.len && i < 64; i++) {
                print_error(" %02x", v.data[i]);
            }
            print_error("\n");
        }
        _fail(file, line);
    }
}

static inline int test_nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/** Octets of lower-case hex in which blanks are skipped, in an allocation of their exact size, so that AddressSanitizer sees a
 *  read beyond them. The caller frees ret.data with view_free. */
static inline cf_view view_hex(const char *hex)
{
    size_t digits = 0;
    for (const char *p = hex; *p != '\0'; p++) {
        digits += *p != ' ';
    }
    uint8_t *octets = malloc(digits / 2 + (digits == 0));
    assert_non_null(octets);
    size_t at = 0;
    for (const char *p = hex; *p != '\0'; p++) {
        if (*p != ' ') {
            int n = test_nibble(*p);
            octets[at / 2] = (uint8_t)(at % 2 == 0 ? n << 4 : octets[at / 2] | n);
            at++;
        }
    }
    return cf_view_make(octets, digits / 2);
}

/** A copy of the view in an allocation of its exact size; freed with view_free. */
static inline cf_view view_copy(cf_view v)
{
    uint8_t *octets = malloc(v.len + (v.len == 0));
    assert_non_null(octets);
    cf_copy(octets, v.data, v.len);
    return cf_view_make(octets, v.len);
}

static inline void view_free(cf_view v)
{
    free((void *)(uintptr_t)v.data);
}
