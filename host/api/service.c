/* SPDX-License-Identifier: Apache-2.0 */
/* What the service tells about itself: schemas and counters. */
#include "host/api/call.h"

CF_MUST_USE cf_result cf_api_schema_list(cf_api_call *c)
{
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "schemas");
    cf_out_begin(&o, '[');
    for (size_t i = 0; cf_schemas_at(c->api->schemas, i) != NULL; i++) {
        cf_out_str(&o, cf_schema_name(cf_schemas_at(c->api->schemas, i)));
    }
    cf_out_end(&o, ']');
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

CF_MUST_USE cf_result cf_api_schema_read(cf_api_call *c)
{
    cf_view document = CF_VIEW_EMPTY;
    CF_REQUIRE(cf_schemas_find(c->api->schemas, c->params[0], &document) != NULL, NOT_FOUND);
    return cf_buf_append(&c->out, document);
}

CF_MUST_USE cf_result cf_api_metrics(cf_api_call *c)
{
    c->content_type = "text/plain; version=0.0.4";
    return cf_metrics_text(&c->api->metrics, &c->out);
}
