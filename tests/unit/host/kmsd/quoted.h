/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in tests is written with ' for ". */
#pragma once
#include "tests/support/test.h"

/** The text with its quotes; the caller's until the next call but seven. */
static inline cf_view quoted(const char *text)
{
    static char room[8][70000];
    static unsigned turn;
    char *to = room[turn++ % 8];
    size_t n = strlen(text);
    assert_true(n < sizeof room[0]);
    for (size_t i = 0; i <= n; i++) {
        to[i] = text[i];
        if (text[i] == '\'') {
            to[i] = '"';
        }
    }
    return cf_view_make(to, n);
}
