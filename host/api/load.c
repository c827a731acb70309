/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/call.h"
#include "host/api/row_check.h"
#include "sys/linux/log.h"

void cf_loaded_free(cf_loaded *l)
{
    cf_buf_free(&l->octets);
    cf_buf_free(&l->seal);
    l->row = (cf_row){.version = 0};
    l->schema = NULL;
}

static CF_MUST_USE cf_result check_and_decode(cf_api_call *c, cf_view id, cf_loaded *l)
{
    CF_TRY(cf_row_check_seal(&c->api->row_key, cf_buf_view(&l->octets), cf_buf_view(&l->seal)));
    cf_result r = cf_row_decode(cf_buf_view(&l->octets), &c->arena, &l->row);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    /* Octets that hold the seal and are no row, or that fail what the seal does not cover. */
    CF_REQUIRE(cf_is_ok(r), ROW_ALTERED);
    return cf_row_check_place(&l->row, c->api->tenant, id);
}

CF_MUST_USE cf_result cf_api_load(cf_api_call *c, cf_loaded *ret)
{
    cf_view id = c->params[0];
    CF_REQUIRE(cf_vault_id_ok(id), VAULT_UNKNOWN);
    CF_LOADED(l);
    CF_TRY(c->api->store.ops->get(c->api->store.self, id, &l.octets, &l.seal));
    cf_result r = check_and_decode(c, id, &l);
    if (r.code == CF_ERR_ROW_ALTERED) {
        cf_log(CF_LOG_ERROR, "row.altered", "request=%s vault=%.*s", c->request_id, (int)id.len,
               (const char *)id.data);
    }
    CF_TRY(r);
    CF_REQUIRE(!l.row.tombstone, VAULT_UNKNOWN);
    l.schema = cf_schemas_find(c->api->schemas, l.row.schema, NULL);
    CF_REQUIRE(l.schema != NULL, UNSUPPORTED);
    *ret = l;
    l = (cf_loaded){CF_BUF_EMPTY, CF_BUF_EMPTY, {.version = 0}, NULL};
    return cf_ok();
}
