/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: write, clock_gettime (mostly without entering the kernel). */
#include "sys/linux/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/view.h"
#include "sys/linux/clock.h"

#define LOG_LINE_BYTES_MAX 1024 /* with its line end */
#define LOG_FORMAT_BYTES_MAX 256

static const char *program = "coffer";

void cf_log_program(const char *name)
{
    program = name;
    /* At its first use libc looks for time zone data, which must not be after the files or the calls for it are gone. */
    time_t epoch = 0;
    struct tm utc;
    (void)gmtime_r(&epoch, &utc);
}

/* vsnprintf on a copy of the arguments; the format is a prefix of one that the compiler has checked. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t format_to(char *to, size_t room, const char *format, va_list args)
{
    va_list copy;
    va_copy(copy, args);
    int n = vsnprintf(to, room, format, copy);
    va_end(copy);
    return n < 0 ? 0 : (size_t)n;
}
#pragma GCC diagnostic pop

/* A blank of the format parts two pairs, a blank of a value does not. With every blank of the format replaced by this one octet,
 * and no other such octet in the result, one formatting tells which is which. */
#define MARK '\x1f'

static size_t mark_blanks(const char *format, char to[static LOG_FORMAT_BYTES_MAX])
{
    size_t len = strnlen(format, LOG_FORMAT_BYTES_MAX - 1), n = 0;
    for (size_t i = 0; i < len; i++) {
        n += format[i] == ' ';
        to[i] = format[i] == ' ' ? MARK : format[i];
    }
    to[len] = '\0';
    return n;
}

static size_t count_marks(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        n += text[i] == MARK;
    }
    return n;
}

static void clean(char *text, size_t len, bool marks_part)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        text[i] = marks_part && c == MARK ? ' ' : c <= ' ' || c == 0x7F ? '?' : text[i];
    }
}

/* For a line that was cut, or a value with a mark in it: the length of what each prefix of the format gives is the place of a blank.
 * One formatting per pair. */
static void part_by_prefixes(char *text, size_t len, const char *format, va_list args)
{
    char prefix[LOG_FORMAT_BYTES_MAX];
    size_t n = strnlen(format, sizeof prefix - 1);
    cf_copy(prefix, format, n);
    for (size_t i = n; i > 0; i--) {
        if (prefix[i - 1] == ' ') {
            prefix[i - 1] = '\0';
            size_t place = format_to(NULL, 0, prefix, args);
            if (place < len) {
                text[place] = ' ';
            }
        }
    }
}

/* Appends the pairs. */
static size_t put_pairs(char *line, size_t at, const char *format, va_list args)
{
    char marked[LOG_FORMAT_BYTES_MAX];
    size_t blanks = mark_blanks(format, marked), room = LOG_LINE_BYTES_MAX - 1 - at;
    size_t total = format_to(line + at, room, marked, args), len = total < room ? total : room - 1;
    bool plain = len == total && count_marks(line + at, len) == blanks;
    clean(line + at, len, plain);
    if (!plain) {
        part_by_prefixes(line + at, len, format, args);
    }
    return at + len;
}

static size_t put_head(char *line, cf_log_level level, const char *event)
{
    static const char *const names[] = {
        [CF_LOG_INFO] = "info", [CF_LOG_WARN] = "warn", [CF_LOG_ERROR] = "error"};
    uint64_t now = cf_clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL) {
        utc = (struct tm){0};
    }
    int n = snprintf(line, LOG_LINE_BYTES_MAX - 1, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ %s %s %s",
                     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                     utc.tm_sec, (unsigned)(now % 1000), names[level], program, event);
    return n < 0 ? 0 : ((size_t)n < LOG_LINE_BYTES_MAX - 1 ? (size_t)n : LOG_LINE_BYTES_MAX - 2);
}

void cf_log(cf_log_level level, const char *event, const char *format, ...)
{
    char line[LOG_LINE_BYTES_MAX];
    size_t at = put_head(line, level, event);
    if (format[0] != '\0' && at + 2 < LOG_LINE_BYTES_MAX) {
        line[at++] = ' ';
        va_list args;
        va_start(args, format);
        at = put_pairs(line, at, format, args);
        va_end(args);
    }
    line[at++] = '\n';
    /* There is nowhere to tell that the log cannot be written. */
    ssize_t n = write(STDERR_FILENO, line, at);
    (void)n;
}
