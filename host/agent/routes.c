/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/routes.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/number.h"
#include "host/agent/answer.h"
#include "host/agent/body.h"
#include "host/agent/json.h"
#include "sys/linux/clock.h"

#define ROUTES_STATUS_BYTES 1024
#define ROUTES_CREDENTIALS_BYTES 256

typedef enum { MEDIA_CBOR, MEDIA_JSON, MEDIA_OTHER } media;

/* The media type without its parameters. */
static media media_of(cf_http_call *call)
{
    cf_view type = cf_http_header(call, "Content-Type");
    size_t len = 0;
    while (len < type.len && type.data[len] != ';' && type.data[len] != ' ') {
        len++;
    }
    type = cf_view_sub(type, 0, len);
    if (cf_view_eq(type, CF_LIT("application/cbor"))) {
        return MEDIA_CBOR;
    }
    return cf_view_eq(type, CF_LIT("application/json")) ? MEDIA_JSON : MEDIA_OTHER;
}

static void refuse(cf_http_call *call, cf_err code)
{
    cf_agent_refuse(call, media_of(call) != MEDIA_CBOR, cf_agent_status_of(code), code);
}

/* --- POST /decrypt, POST /attest --- */

/* Milliseconds that the caller gives, by the header; *ret_told false when it does not say. */
static cf_result told_deadline(cf_http_call *call, uint64_t *ret_ms, bool *ret_told)
{
    cf_view text = cf_http_header(call, "Coffer-Deadline-Ms");
    *ret_ms = CF_AGENT_DEADLINE_MS;
    *ret_told = text.data != NULL;
    if (*ret_told) {
        CF_TRY(cf_parse_u64(text, CF_DEADLINE_MS_MAX, ret_ms));
        CF_REQUIRE(*ret_ms > 0, RANGE);
    }
    return cf_ok();
}

/* The job's body and deadline. Whatever the form, what goes to the enclave has passed cf_body_read. */
static cf_result job_read(const cf_agent *a, cf_job *j)
{
    uint64_t deadline_ms = 0;
    bool told = false;
    cf_body_head head;
    cf_view body = cf_http_body(j->call);
    CF_TRY(told_deadline(j->call, &deadline_ms, &told));
    if (j->json) {
        CF_TRY(cf_agent_json_read(body, a->key_id, deadline_ms, &j->own));
        body = cf_buf_view(&j->own);
    }
    CF_TRY(cf_body_read(body, &head));
    if (!told || head.deadline_ms < deadline_ms) {
        deadline_ms = head.deadline_ms;
    }
    uint64_t margin = deadline_ms / 10 < CF_AGENT_MARGIN_MS ? deadline_ms / 10 : CF_AGENT_MARGIN_MS;
    j->pairs = head.pairs;
    j->rest = head.rest;
    j->due_ms = cf_clock_mono_ms() + deadline_ms - margin;
    return cf_ok();
}

/* Sends the call's body on, as the message of that kind. */
static void relay_as(cf_agent *a, cf_http_call *call, cf_msg_kind kind)
{
    media type = media_of(call);
    if (type == MEDIA_OTHER || (type == MEDIA_JSON && kind != CF_MSG_DECRYPT)) {
        refuse(call, CF_ERR_MEDIA_TYPE);
        return;
    }
    CF_AUTO(cf_job_free) cf_job *j = cf_mem_new(1, sizeof *j);
    cf_result read = cf_fail(CF_ERR_NO_MEMORY);
    if (j != NULL) {
        j->call = call;
        j->kind = kind;
        j->json = type == MEDIA_JSON;
        read = job_read(a, j);
    }
    if (!cf_is_ok(read)) {
        refuse(call, read.code);
        return;
    }
    cf_http_defer(call);
    cf_job *given = j;
    j = NULL;
    cf_relay_submit(a->relay, given);
}

static void on_decrypt(cf_agent *a, cf_http_call *call)
{
    relay_as(a, call, CF_MSG_DECRYPT);
}

static void on_attest(cf_agent *a, cf_http_call *call)
{
    relay_as(a, call, CF_MSG_ATTEST);
}

/* --- what is told of the enclave --- */

static const char *state_name(const cf_relay_status *s)
{
    static const char *const names[] = {[CF_WATCH_DOWN] = "down",
                                        [CF_WATCH_BOOTING] = "booting",
                                        [CF_WATCH_SERVING] = "ready",
                                        [CF_WATCH_ENDING] = "ending"};
    return s->state == CF_WATCH_SERVING && !s->healthy ? "silent" : names[s->state];
}

/* Texts are hex, or a module id that may hold anything and is left out when it is no plain text. */
static const char *plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\') {
            return "";
        }
    }
    return text;
}

static void answer_text(cf_http_call *call, unsigned status, const char *text, int len)
{
    CF_BUF(body);
    cf_ignore(cf_http_set(call, "Cache-Control", CF_LIT("no-store")));
    cf_ignore(cf_buf_append(&body, cf_view_make(text, (size_t)len)));
    cf_http_answer(call, status, "application/json", &body);
}

static void on_enclaves(cf_agent *a, cf_http_call *call)
{
    cf_relay_status s;
    char text[ROUTES_STATUS_BYTES] = "[]";
    int n = 2;
    cf_relay_look(a->relay, &s);
    if (s.pid > 0) {
        n = snprintf(text, sizeof text,
                     "[{\"boot_id\":\"%s\",\"module_id\":\"%s\",\"pcr0\":\"%s\",\"state\":\"%s\","
                     "\"pid\":%d,\"started_ms\":%" PRIu64 ",\"transport\":\"unix\"}]",
                     s.id.boot_id, plain(s.id.module_id), s.id.pcr0, state_name(&s), s.pid,
                     s.started_ms);
    }
    answer_text(call, 200, text, n);
}

/* Which source the credentials come from and until when they hold; never a part of them. */
static void put_credentials(const cf_agent *a, char *text, size_t room)
{
    cf_creds_status s = {.source = CF_CREDS_SOURCE_COUNT};
    if (a->credentials != NULL) {
        cf_creds_keeper_look(a->credentials, &s);
    }
    (void)snprintf(text, room,
                   "{\"source\":\"%s\",\"state\":\"%s\",\"expires_ms\":%" PRIu64
                   ",\"changes\":%" PRIu64 ",\"error\":\"%s\"}",
                   cf_creds_source_name(s.source), cf_creds_state_name(s.state), s.expires_ms,
                   s.changes,
                   s.last.fault == CF_CREDS_NONE ? "" : cf_creds_fault_code(s.last.fault));
}

static void on_health(cf_agent *a, cf_http_call *call)
{
    char credentials[ROUTES_CREDENTIALS_BYTES];
    cf_relay_status s;
    char text[ROUTES_STATUS_BYTES];
    cf_relay_look(a->relay, &s);
    put_credentials(a, credentials, sizeof credentials);
    int n = snprintf(text, sizeof text,
                     "{\"status\":\"%s\",\"enclave\":\"%s\",\"boot_id\":\"%s\",\"starts\":%" PRIu64
                     ",\"inflight\":%zu,\"waiting\":%zu"
                     ",\"keys\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"kms_calls\":%" PRIu64
                     ",\"uptime_ms\":%" PRIu64 ",\"credentials\":%s}",
                     s.healthy ? "ok" : "unavailable", state_name(&s), s.id.boot_id, s.starts,
                     s.inflight, s.waiting, s.health.keys, s.health.answered, s.health.kms_calls,
                     s.health.uptime_ms, credentials);
    answer_text(call, s.healthy ? 200 : 503, text, n);
}

/* --- the table --- */

static const struct {
    const char *method, *path;
    void (*serve)(cf_agent *a, cf_http_call *call);
} routes[] = {
    {"POST", "/decrypt", on_decrypt},
    {"POST", "/attest", on_attest},
    {"GET", "/enclaves", on_enclaves},
    {"GET", "/health", on_health},
};

void cf_agent_handle(void *agent, cf_http_call *call)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!cf_view_eq(cf_http_path(call), cf_view_str(routes[i].path))) {
            continue;
        }
        if (cf_view_eq(cf_http_method(call), cf_view_str(routes[i].method))) {
            routes[i].serve(agent, call);
        } else {
            cf_ignore(cf_http_set(call, "Allow", cf_view_str(routes[i].method)));
            refuse(call, CF_ERR_METHOD);
        }
        return;
    }
    refuse(call, CF_ERR_ROUTE_UNKNOWN);
}

void cf_agent_refused(void *agent, cf_http_call *call, unsigned status, cf_err code)
{
    (void)agent;
    cf_agent_refuse(call, media_of(call) != MEDIA_CBOR, status, code);
}
