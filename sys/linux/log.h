/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on standard error: docs/design/0001-spine.md. Only programs log; values that users sent never appear. */
#pragma once

typedef enum { CF_LOG_INFO, CF_LOG_WARN, CF_LOG_ERROR } cf_log_level;

/** Static text: the program's short name ("api"). Set once at start. */
void cf_log_program(const char *name);

/** One line, one write(2): event is a dotted word ("enclave.started"); the rest is "key=%s other=%u" of ids, counts and codes.
 *  Control characters and spaces inside values become '?'; lines over 1024 octets are cut. */
void cf_log(cf_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
