/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about the service and what it depends on: docs/api.md, GET /health. Anyone may ask, so the others are asked seldom. */
#include "core/crypto/primitives.h"
#include "core/kms/kms.h"
#include "host/api/call.h"
#include "sys/kms/tell.h"
#include "sys/linux/clock.h"

#define PROBE "DescribeKey" /* of the KMS: what its caller must be allowed besides */

typedef struct {
    const char *store, *enclave, *kms; /* static text */
} truth;

struct cf_api_health_state {
    pthread_mutex_t
        asking; /* held while the others are asked: by one request, while the rest tell what was last known, so that
                             * a flood of probes cannot hold the workers while something hangs */
    uint64_t asked_ms;     /* under asking; 0: never */
    cf_http_client *agent; /* under asking */
    pthread_mutex_t lock;
    truth known; /* under lock */
};

CF_MUST_USE cf_result cf_api_health_new(cf_api_health_state **ret)
{
    *ret = cf_mem_new(1, sizeof **ret);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    (void)pthread_mutex_init(&(*ret)->asking, NULL);
    (void)pthread_mutex_init(&(*ret)->lock, NULL);
    (*ret)->known = (truth){"unavailable", "unavailable", "unavailable"};
    return cf_ok();
}

void cf_api_health_free(cf_api_health_state **h)
{
    if (*h != NULL) {
        cf_http_client_free(&(*h)->agent);
        (void)pthread_mutex_destroy(&(*h)->asking);
        (void)pthread_mutex_destroy(&(*h)->lock);
        cf_mem_free(*h);
        *h = NULL;
    }
}

/* A row that cannot exist is looked for: the answer shows that the store reads. Whether it writes is known from the last change. */
static const char *ask_store(cf_api *api)
{
    CF_BUF(row);
    CF_BUF(seal);
    cf_result r =
        api->store.ops->get(api->store.self, CF_LIT("v_000000000000000000000000000"), &row, &seal);
    bool reads = cf_is_ok(r) || r.code == CF_ERR_VAULT_UNKNOWN;
    return reads && !atomic_load(&api->metrics.store_failing) ? "ok" : "unavailable";
}

static const char *ask_enclave(cf_api *api, cf_api_health_state *h)
{
    CF_BUF(answer);
    unsigned status = 0;
    const cf_http_request req = {
        .method = "GET",
        .path = "/health",
        .timeout_ms = CF_API_HEALTH_TIMEOUT_MS,
        .answer_bytes_max = CF_API_HEALTH_BYTES_MAX,
    };
    bool ok = h->agent != NULL || cf_is_ok(cf_http_client_new(api->agent, &h->agent));
    ok = ok && cf_is_ok(cf_http_client_call(h->agent, &req, &status, &answer));
    return ok && status == 200 ? "ok" : "unavailable";
}

/* Told to the log when it changes, however often it is asked. */
static const char *ask_kms(cf_api *api, const char *before)
{
    CF_BUF(body);
    CF_BUF(answer);
    cf_kms_outcome outcome;
    cf_json_out o = cf_json_out_to(&body);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "KeyId");
    cf_out_str(&o, api->kms_key);
    cf_out_end(&o, '}');
    if (!cf_is_ok(cf_out_done(&o))) {
        return "unavailable";
    }
    cf_result r =
        cf_kms_pool_call(api->kms, CF_LIT(CF_KMS_TARGET_PREFIX PROBE), cf_buf_view(&body),
                         cf_clock_mono_ms() + CF_API_HEALTH_TIMEOUT_MS, &answer, &outcome);
    const char *now = cf_is_ok(r) ? "ok" : r.code == CF_ERR_KMS_REFUSED ? "refused" : "unavailable";
    if (!cf_is_ok(r) && !cf_view_eq(cf_view_str(now), cf_view_str(before))) {
        cf_kms_tell("-", PROBE, r, &outcome);
    }
    return now;
}

static void refresh(cf_api *api, cf_api_health_state *h)
{
    if (pthread_mutex_trylock(&h->asking) != 0) {
        return;
    }
    if (h->asked_ms == 0 || cf_clock_mono_ms() - h->asked_ms >= CF_API_HEALTH_CACHE_MS) {
        const char *before = h->asked_ms == 0 ? "" : h->known.kms; /* nobody else writes it */
        truth now = {ask_store(api), ask_enclave(api, h), ask_kms(api, before)};
        h->asked_ms = cf_clock_mono_ms();
        (void)pthread_mutex_lock(&h->lock);
        h->known = now;
        (void)pthread_mutex_unlock(&h->lock);
    }
    (void)pthread_mutex_unlock(&h->asking);
}

static bool is_ok(const char *state)
{
    return cf_view_eq(cf_view_str(state), CF_LIT("ok"));
}

CF_MUST_USE cf_result cf_api_health(cf_api_call *c)
{
    cf_api_health_state *h = c->api->health_state;
    refresh(c->api, h);
    (void)pthread_mutex_lock(&h->lock);
    truth t = h->known;
    (void)pthread_mutex_unlock(&h->lock);
    bool ok = is_ok(t.store) && is_ok(t.enclave) && is_ok(t.kms);
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "status");
    cf_out_text(&o, ok ? "ok" : "degraded");
    cf_out_key(&o, "store");
    cf_out_text(&o, t.store);
    cf_out_key(&o, "enclave");
    cf_out_text(&o, t.enclave);
    cf_out_key(&o, "kms");
    cf_out_text(&o, t.kms);
    cf_out_end(&o, '}');
    c->status = ok ? 200 : 503;
    return cf_out_done(&o);
}
