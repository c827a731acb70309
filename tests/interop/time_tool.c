/* SPDX-License-Identifier: Apache-2.0 */
/* core/time for test_time.py and test_zones.py: one request per line on standard input, one answer per line on standard output.
 *
 *   version                -> version of the time zone database
 *   zone NAME SECONDS      -> seconds east of UTC
 *   civil SECONDS OFFSET   -> year month day hour minute second weekday day-of-year
 *   timestamp TEXT         -> seconds nanos text
 *   duration TEXT          -> nanoseconds text
 *
 * A failure is answered with "error CODE". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/time/zone.h"

enum { LINE_BYTES = 4096 };

static void print_text(const cf_time_text *text)
{
    printf(" %.*s\n", (int)text->len, (const char *)text->text);
}

static cf_result zone(const char *rest)
{
    char name[LINE_BYTES];
    int64_t seconds = 0;
    int32_t offset = 0;
    CF_REQUIRE(sscanf(rest, "%4095s %" SCNd64, name, &seconds) == 2, MALFORMED);
    CF_TRY(cf_zone_offset(cf_view_str(name), seconds, &offset));
    printf("%" PRId32 "\n", offset);
    return cf_ok();
}

static cf_result civil(const char *rest)
{
    int64_t seconds = 0;
    int32_t offset = 0;
    cf_civil c;
    CF_REQUIRE(sscanf(rest, "%" SCNd64 " %" SCNd32, &seconds, &offset) == 2, MALFORMED);
    CF_TRY(cf_civil_at(seconds, offset, &c));
    printf("%" PRId32 " %u %u %u %u %u %u %u\n", c.year, c.month, c.day, c.hour, c.minute, c.second,
           c.weekday, c.day_of_year);
    return cf_ok();
}

static cf_result timestamp(const char *rest)
{
    cf_timestamp t;
    cf_time_text text;
    CF_TRY(cf_timestamp_parse(cf_view_str(rest), &t));
    CF_TRY(cf_timestamp_format(t, &text));
    printf("%" PRId64 " %" PRIu32, t.seconds, t.nanos);
    print_text(&text);
    return cf_ok();
}

static cf_result duration(const char *rest)
{
    cf_duration d;
    CF_TRY(cf_duration_parse(cf_view_str(rest), &d));
    cf_time_text text = cf_duration_format(d);
    printf("%" PRId64, d);
    print_text(&text);
    return cf_ok();
}

static cf_result version(const char *rest)
{
    (void)rest;
    puts(cf_zone_version());
    return cf_ok();
}

static const struct {
    const char *verb;
    cf_result (*answer)(const char *rest);
} verbs[] = {
    {"version", version},     {"zone", zone},         {"civil", civil},
    {"timestamp", timestamp}, {"duration", duration},
};

static cf_result answer(char *line)
{
    char *rest = strchr(line, ' ');
    if (rest != NULL) {
        *rest++ = '\0';
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(line, verbs[i].verb) == 0) {
            return verbs[i].answer(rest == NULL ? "" : rest);
        }
    }
    return cf_fail(CF_ERR_UNSUPPORTED);
}

int main(void)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        cf_result r = answer(line);
        if (!cf_is_ok(r)) {
            printf("error %s\n", cf_err_code(r.code));
        }
    }
    return 0;
}
