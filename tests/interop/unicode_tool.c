/* SPDX-License-Identifier: Apache-2.0 */
/* core/unicode for test_unicode.py: each line is "lower HEX" or "upper HEX" of UTF-8, answered in hex, or "set NAME", answered by
 * ranges "lo-hi" in decimal. What fails is answered "error CODE". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/unicode/unicode.h"

enum { LINE_BYTES_MAX = 1 << 16 };

static size_t unhex(const char *text, uint8_t *to)
{
    size_t n = 0;
    unsigned octet;
    while (n < LINE_BYTES_MAX / 2 && sscanf(text + 2 * n, "%2x", &octet) == 1) {
        to[n++] = (uint8_t)octet;
    }
    return n;
}

static void change_case(const char *verb, const char *hex)
{
    static uint8_t octets[LINE_BYTES_MAX / 2];
    CF_ARENA(arena, LINE_BYTES_MAX * CF_UNICODE_CASE_GROWTH_MAX);
    cf_view text = cf_view_make(octets, unhex(hex, octets)), got;
    cf_result r = strcmp(verb, "lower") == 0 ? cf_unicode_lower(text, LINE_BYTES_MAX, &arena, &got)
                                             : cf_unicode_upper(text, LINE_BYTES_MAX, &arena, &got);
    if (!cf_is_ok(r)) {
        printf("error %s\n", cf_err_code(r.code));
        return;
    }
    for (size_t i = 0; i < got.len; i++) {
        printf("%02x", got.data[i]);
    }
    printf("\n");
}

static void list_set(const char *name)
{
    cf_unicode_set set;
    cf_unicode_range range;
    if (!cf_unicode_set_of(cf_view_str(name), &set)) {
        printf("error %s\n", cf_err_code(CF_ERR_NOT_FOUND));
        return;
    }
    while (cf_unicode_set_next(&set, &range)) {
        printf("%u-%u ", range.lo, range.hi);
    }
    printf("\n");
}

int main(void)
{
    static char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *argument = strchr(line, ' ');
        if (argument == NULL) {
            return 1;
        }
        *argument++ = '\0';
        if (strcmp(line, "set") == 0) {
            list_set(argument);
        } else {
            change_case(line, argument);
        }
    }
    return 0;
}
