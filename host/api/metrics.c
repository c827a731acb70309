/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "host/api/limits.h"
#include "host/api/routes.h"

void cf_metrics_answer(cf_metrics *m, size_t route, unsigned status)
{
    size_t class = status >= 200 && status < 600 ? status / 100 - 2 : CF_METRICS_CLASSES - 1;
    atomic_fetch_add_explicit(
        &m->requests[route < CF_METRICS_ROUTES_MAX ? route : CF_METRICS_ROUTES_MAX - 1][class], 1,
        memory_order_relaxed);
}

bool cf_metrics_refusal_line(cf_metrics *m, uint64_t now_ms, uint64_t *ret_unsaid)
{
    uint_fast64_t second = now_ms / 1000, before = atomic_load(&m->refusal_second);
    *ret_unsaid = 0;
    /* Of threads that meet a new second together one resets the count; at worst a few lines too many are written. */
    if (before != second && atomic_compare_exchange_strong(&m->refusal_second, &before, second)) {
        atomic_store(&m->refusal_lines, 0);
    }
    if (atomic_fetch_add(&m->refusal_lines, 1) >= CF_API_REFUSAL_LINES_MAX) {
        atomic_fetch_add(&m->refusal_unsaid, 1);
        return false;
    }
    *ret_unsaid = atomic_exchange(&m->refusal_unsaid, 0);
    return true;
}

static CF_MUST_USE cf_result line(cf_buf *out, const char *head, uint64_t value)
{
    char number[24];
    int n = snprintf(number, sizeof number, " %" PRIu64 "\n", value);
    CF_TRY(cf_buf_append(out, cf_view_str(head)));
    return cf_buf_append(out, cf_view_make(number, (size_t)n));
}

static CF_MUST_USE cf_result requests(cf_metrics *m, cf_buf *out)
{
    CF_TRY(cf_buf_append(out, CF_LIT("# TYPE coffer_api_requests_total counter\n")));
    for (size_t r = 0; r <= cf_api_routes_n && r < CF_METRICS_ROUTES_MAX; r++) {
        bool known = r < cf_api_routes_n;
        for (unsigned k = 0; k < CF_METRICS_CLASSES; k++) {
            uint64_t n = atomic_load_explicit(&m->requests[r][k], memory_order_relaxed);
            char head[128];
            int len = snprintf(
                head, sizeof head,
                "coffer_api_requests_total{method=\"%s\",route=\"%s\",status=\"%uxx\"}",
                known ? cf_api_routes[r].method : "", known ? cf_api_routes[r].pattern : "", k + 2);
            CF_REQUIRE(len > 0 && (size_t)len < sizeof head, INTERNAL);
            if (n > 0) {
                CF_TRY(line(out, head, n));
            }
        }
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_metrics_text(cf_metrics *m, cf_buf *out)
{
    CF_TRY(requests(m, out));
    const struct {
        const char *text;
        uint64_t value;
    } plain[] = {
        {"# TYPE coffer_api_unauthenticated_total counter\ncoffer_api_unauthenticated_total",
         atomic_load(&m->unauthenticated)},
        {"# TYPE coffer_api_busy_total counter\ncoffer_api_busy_total", atomic_load(&m->busy)},
        {"# TYPE coffer_api_fields_opened_total counter\ncoffer_api_fields_opened_total",
         atomic_load(&m->fields_opened)},
        {"# TYPE coffer_api_audit_lost_total counter\ncoffer_api_audit_lost_total",
         atomic_load(&m->audit_lost)},
        {"# TYPE coffer_api_forbidden_unentered_total counter\n"
         "coffer_api_forbidden_unentered_total",
         atomic_load(&m->forbidden_unentered)},
        {"# TYPE coffer_api_in_flight gauge\ncoffer_api_in_flight", atomic_load(&m->in_flight)},
        {"# TYPE coffer_api_store_failing gauge\ncoffer_api_store_failing",
         atomic_load(&m->store_failing)},
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        CF_TRY(line(out, plain[i].text, plain[i].value));
    }
    return cf_ok();
}
