/* SPDX-License-Identifier: Apache-2.0 */
/* Named secrets of hmac_*: docs/api.md section 2. Only their wrapped form is ever here. */
#include "core/vault/secret.h"
#include "host/api/call.h"
#include "sys/linux/clock.h"

static CF_MUST_USE cf_result read_name(cf_api_call *c, cf_view *ret)
{
    static const char *const members[] = {"name", NULL};
    cf_view name = CF_VIEW_EMPTY;
    CF_TRY(cf_api_parse_body(c));
    CF_TRY(cf_input_only(c->body, members, &c->faults));
    CF_TRY(cf_input_text(c->body, "name", 1, CF_SECRET_NAME_BYTES_MAX, &c->faults, &name));
    if (!cf_secret_name_ok(name)) {
        cf_api_fault_add(&c->faults, CF_LIT("name"), 0, CF_ERR_BAD_NAME,
                         "a lower-case letter, then lower-case letters, digits and hyphens");
        return cf_api_faults_result(&c->faults);
    }
    *ret = name;
    return cf_ok();
}

/* "s_" and the name: what entries call it. */
static CF_MUST_USE cf_result note_object(cf_api_call *c, cf_view name)
{
    char id[2 + CF_SECRET_NAME_BYTES_MAX] = "s_";
    cf_copy(id + 2, name.data, name.len);
    return cf_arena_copy(&c->arena, cf_view_make(id, 2 + name.len), &c->record.object);
}

static void put_secret(cf_json_out *o, const cf_store_secret *s)
{
    cf_out_begin(o, '{');
    cf_out_key(o, "name");
    cf_out_text(o, s->name);
    cf_out_key(o, "state");
    cf_out_text(o, s->altered ? "altered" : "active");
    cf_out_key(o, "created_ms");
    cf_out_time(o, s->created_ms);
    cf_out_end(o, '}');
}

CF_MUST_USE cf_result cf_api_secret_create(cf_api_call *c)
{
    CF_BUF(wrapped);
    cf_view name = CF_VIEW_EMPTY;
    CF_TRY(read_name(c, &name));
    CF_TRY(note_object(c, name));
    CF_TRY(cf_api_make_secret(c, name, &wrapped));
    cf_store_secret s = {.kms_key = c->api->kms_key,
                         .wrapped = cf_buf_view(&wrapped),
                         .created_ms = cf_clock_wall_ms()};
    cf_copy(s.name, name.data, name.len);
    CF_TRY(cf_api_commit_secret(c, &s));
    cf_json_out o = cf_json_out_to(&c->out);
    put_secret(&o, &s);
    return cf_out_done(&o);
}

static bool list_one(void *ctx, const cf_store_secret *s)
{
    cf_json_out *o = ctx;
    put_secret(o, s);
    return o->err == CF_OK;
}

CF_MUST_USE cf_result cf_api_secret_list(cf_api_call *c)
{
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "secrets");
    cf_out_begin(&o, '[');
    CF_TRY(c->api->store.ops->secrets_walk(c->api->store.self, list_one, &o));
    cf_out_end(&o, ']');
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}
