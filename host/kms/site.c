/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kms/site.h"

#include "core/wire/wire.h"
#include "sys/kms/credentials.h"
#include "sys/linux/log.h"

struct cf_kms_site {
    cf_kms_named named;
    cf_tls_config *tls;
    cf_credentials *credentials;
    cf_creds_keeper *keeper; /* NULL: none are kept */
    cf_kms_service *service;
};

static cf_result dial(void *self, uint64_t deadline_ms, int *ret_fd)
{
    const cf_kms_site *s = self;
    return cf_net_dial(&s->named.addr, deadline_ms, ret_fd);
}

static CF_MUST_USE cf_result set(cf_credentials *credentials, cf_view body)
{
    cf_credentials_view v;
    CF_TRY(cf_credentials_decode(body, &v));
    cf_credentials_set(credentials, &v);
    return cf_ok();
}

static void lend(void *credentials, cf_view body)
{
    cf_result r = set(credentials, body);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "credentials.not_taken", "code=%s", cf_err_code(r.code));
    }
}

static CF_MUST_USE cf_result open_service(cf_kms_site *s)
{
    static const cf_kms_dial_ops ops = {dial, NULL};
    const cf_kms_service_spec spec = {.dial = &ops,
                                      .dial_self = s,
                                      .endpoint = s->named.plain ? NULL : &s->named.endpoint,
                                      .tls = s->tls,
                                      .sign = cf_credentials_sign,
                                      .sign_self = s->credentials};
    return cf_kms_service_new(&spec, &s->service);
}

static CF_MUST_USE cf_result open_credentials(cf_kms_site *s, const cf_kms_options *o)
{
    CF_BUF(first);
    CF_TRY(cf_credentials_new(&s->credentials));
    CF_TRY(cf_creds_option(o->credentials, o->program, &s->keeper));
    if (s->keeper == NULL) {
        return cf_ok();
    }
    CF_TRY(cf_creds_option_first(s->keeper, o->program, &first));
    if (first.len > 0) {
        CF_TRY(set(s->credentials, cf_buf_view(&first)));
    }
    return cf_creds_keeper_run(s->keeper, lend, s->credentials);
}

CF_MUST_USE cf_result cf_kms_site_open(const cf_kms_options *o, cf_kms_site **ret,
                                       const char **ret_what)
{
    *ret = NULL;
    *ret_what = "--kms";
    CF_AUTO(cf_kms_site_free) cf_kms_site *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    CF_TRY(cf_kms_named_of(o->kms, &s->named));
    *ret_what = "--kms-roots";
    CF_REQUIRE(!s->named.plain || o->roots == NULL, ARGUMENT);
    if (!s->named.plain) {
        CF_TRY(cf_kms_roots(o->roots, &s->tls));
    }
    *ret_what = "--credentials";
    CF_TRY(open_credentials(s, o));
    CF_TRY(open_service(s));
    *ret = s;
    s = NULL;
    return cf_ok();
}

void cf_kms_site_free(cf_kms_site **site)
{
    cf_kms_site *s = *site;
    if (s != NULL) {
        cf_creds_keeper_free(&s->keeper);
        cf_kms_service_free(&s->service);
        cf_credentials_free(&s->credentials);
        cf_tls_config_free(&s->tls);
        cf_mem_free(s);
        *site = NULL;
    }
}

bool cf_kms_site_is_plain(const cf_kms_site *s)
{
    return s->named.plain;
}

cf_kms_service *cf_kms_site_service(const cf_kms_site *s)
{
    return s->service;
}
