/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/enclave_log.h"

/* "2026-01-31T23:59:59.123Z": a digit stands for any digit. */
static const char time_form[] = "0000-00-00T00:00:00.000Z ";
static const char *const heads[] = {"info enclave ", "warn enclave ", "error enclave "};

static bool has_time(cf_view line)
{
    size_t len = sizeof time_form - 1;
    if (line.len < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool digit = line.data[i] >= '0' && line.data[i] <= '9';
        if (time_form[i] == '0' ? !digit : line.data[i] != (uint8_t)time_form[i]) {
            return false;
        }
    }
    return true;
}

static bool is_own(cf_view line)
{
    if (!has_time(line)) {
        return false;
    }
    cf_view rest = cf_view_sub(line, sizeof time_form - 1, line.len - (sizeof time_form - 1));
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        cf_view head = cf_view_str(heads[i]);
        if (cf_view_eq(cf_view_sub(rest, 0, head.len), head)) {
            return true;
        }
    }
    return false;
}

static void line_end(cf_enclave_log *l, uint64_t now_ms, cf_log_line *take, void *ctx)
{
    cf_view line = cf_view_make(l->line, l->len);
    l->len = 0;
    if (line.len == 0) {
        return;
    }
    if (now_ms / 1000 != l->second) {
        l->second = now_ms / 1000;
        l->lines = 0;
    }
    if (l->lines >= CF_AGENT_LOG_LINES_PER_S_MAX) {
        l->dropped++;
        return;
    }
    l->lines++;
    take(ctx, is_own(line), line);
}

void cf_enclave_log_feed(cf_enclave_log *l, cf_view octets, uint64_t now_ms, cf_log_line *take,
                         void *ctx)
{
    for (size_t i = 0; i < octets.len; i++) {
        uint8_t ch = octets.data[i];
        if (ch == '\n') {
            line_end(l, now_ms, take, ctx);
        } else if (l->len < sizeof l->line) {
            /* Control characters could move a terminal's cursor over other lines. */
            l->line[l->len++] = ch < ' ' || ch >= 0x7F ? '?' : ch;
        }
    }
}

void cf_enclave_log_end(cf_enclave_log *l, uint64_t now_ms, cf_log_line *take, void *ctx)
{
    line_end(l, now_ms, take, ctx);
}

uint64_t cf_enclave_log_dropped(cf_enclave_log *l)
{
    uint64_t n = l->dropped;
    l->dropped = 0;
    return n;
}
