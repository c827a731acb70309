/* SPDX-License-Identifier: Apache-2.0 */
/* Making, listing and revoking tokens: docs/api.md section 2. */
#include "host/api/call.h"
#include "sys/linux/clock.h"
#include "sys/linux/lock.h"

static void put_scopes(cf_json_out *o, uint32_t scopes)
{
    uint32_t bit = 0;
    cf_out_key(o, "scopes");
    cf_out_begin(o, '[');
    for (size_t i = 0; cf_scope_at(i, &bit) != NULL; i++) {
        if ((scopes & bit) != 0) {
            cf_out_text(o, cf_scope_at(i, &bit));
        }
    }
    cf_out_end(o, ']');
}

/* --- create --- */

/* A name is shown in lists and logs of other programs: text, and no control characters in it. */
static CF_MUST_USE cf_result read_name(cf_api_call *c, cf_token *t)
{
    cf_view name = CF_VIEW_EMPTY;
    CF_TRY(cf_input_text(c->body, "name", 1, CF_API_TOKEN_NAME_BYTES_MAX, &c->faults, &name));
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            cf_api_fault_add(&c->faults, CF_LIT("name"), 0, CF_ERR_BAD_VALUE,
                             "control characters are not allowed");
            return cf_api_faults_result(&c->faults);
        }
    }
    cf_copy(t->name, name.data, name.len);
    return cf_ok();
}

static CF_MUST_USE cf_result read_scopes(cf_api_call *c, cf_token *t)
{
    const json_t *list = json_object_get(c->body, "scopes");
    cf_err code = list == NULL ? CF_ERR_MISSING : !json_is_array(list) ? CF_ERR_WRONG_TYPE : CF_OK;
    for (size_t i = 0; code == CF_OK && i < json_array_size(list); i++) {
        const json_t *scope = json_array_get(list, i);
        uint32_t bit = cf_scope_bit(cf_view_str(json_string_value(scope)));
        code = !json_is_string(scope) ? CF_ERR_WRONG_TYPE : bit == 0 ? CF_ERR_UNSUPPORTED : CF_OK;
        code = code == CF_OK && (t->scopes & bit) != 0 ? CF_ERR_DUPLICATE : code;
        t->scopes |= bit;
    }
    if (code == CF_OK && t->scopes == 0) {
        code = CF_ERR_EMPTY;
    }
    if (code != CF_OK) {
        cf_api_fault_add(&c->faults, CF_LIT("scopes"), 0, code,
                         "a list of write, read, decrypt, admin, each once at most");
    }
    return cf_api_faults_result(&c->faults);
}

static CF_MUST_USE cf_result read_expiry(cf_api_call *c, cf_token *t)
{
    if (json_object_get(c->body, "expires_in_s") == NULL) {
        return cf_ok();
    }
    uint64_t seconds = 0;
    cf_result r = cf_json_get_u64(c->body, "expires_in_s", CF_API_TOKEN_SECONDS_MAX, &seconds);
    if (cf_is_ok(r) && seconds == 0) {
        r = cf_fail(CF_ERR_RANGE);
    }
    if (!cf_is_ok(r)) {
        cf_api_fault_add(&c->faults, CF_LIT("expires_in_s"), 0, r.code, NULL);
        return r;
    }
    t->expires_ms = t->created_ms + seconds * 1000;
    return cf_ok();
}

/* Else a token that expires would make one that does not, and never expire. */
static void cap_expiry(const cf_api_call *c, cf_token *t)
{
    uint64_t end = c->token.expires_ms;
    if (end != 0 && (t->expires_ms == 0 || t->expires_ms > end)) {
        t->expires_ms = end;
    }
}

static CF_MUST_USE cf_result read_token(cf_api_call *c, cf_token *t)
{
    static const char *const members[] = {"name", "scopes", "expires_in_s", NULL};
    CF_TRY(cf_api_parse_body(c));
    CF_TRY(cf_input_only(c->body, members, &c->faults));
    t->created_ms = cf_clock_wall_ms();
    /* All of it is looked at before any of it is refused. */
    cf_ignore(read_name(c, t));
    cf_ignore(read_scopes(c, t));
    cf_ignore(read_expiry(c, t));
    CF_TRY(cf_api_faults_result(&c->faults));
    /* Else an admin without decrypt would be one with it, one request later. */
    CF_REQUIRE((t->scopes & ~c->token.scopes) == 0, FORBIDDEN);
    cap_expiry(c, t);
    return cf_ok();
}

/* Revokes the token that expired first, as the service's own change: what is expired must not keep new ones out for ever.
 * all: room for the list. error SIZE none is. */
static CF_MUST_USE cf_result retire_one(cf_api_call *c, cf_token *all)
{
    size_t n = 0, first = SIZE_MAX;
    uint64_t now = cf_clock_wall_ms();
    CF_TRY(c->api->store.ops->tokens(c->api->store.self, all, CF_API_TOKENS_LISTED_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        const cf_token *t = &all[i];
        bool over = !t->altered && t->revoked_ms == 0 && !cf_token_active(t, now);
        if (over && (first == SIZE_MAX || t->expires_ms < all[first].expires_ms)) {
            first = i;
        }
    }
    CF_REQUIRE(first != SIZE_MAX, SIZE);
    all[first].revoked_ms = now;
    cf_api_call own = {
        .api = c->api,
        .began_ms = c->began_ms,
        .deadline_ms = c->deadline_ms,
        .record = {.action = "token.revoke", .object = cf_view_str(all[first].id)},
    };
    cf_copy(own.request_id, c->request_id, sizeof own.request_id);
    CF_TRY(cf_api_commit(&own, NULL, &all[first]));
    cf_token_forget(c->api->tokens, all[first].hash);
    return cf_ok();
}

static CF_MUST_USE cf_result store_in_room(cf_api_call *c, const cf_token *t)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_read(&c->api->tokens_change);
    return cf_api_commit(c, NULL, t);
}

/* Another process may still take the room that was made. */
static CF_MUST_USE cf_result store_making_room(cf_api_call *c, const cf_token *t)
{
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&c->api->tokens_change);
    cf_token *all = cf_arena_new(&c->arena, CF_API_TOKENS_LISTED_MAX, sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    cf_result r = cf_fail(CF_ERR_SIZE);
    for (unsigned i = 0; i < CF_API_CHANGE_TRIES_MAX && r.code == CF_ERR_SIZE; i++) {
        uint32_t left = 0;
        CF_TRY(cf_api_left(c, &left));
        CF_TRY(retire_one(c, all));
        r = cf_api_commit(c, NULL, t);
    }
    return r;
}

static CF_MUST_USE cf_result store_token(cf_api_call *c, const cf_token *t)
{
    cf_result r = store_in_room(c, t);
    return r.code == CF_ERR_SIZE ? store_making_room(c, t) : r;
}

CF_MUST_USE cf_result cf_api_token_create(cf_api_call *c)
{
    CF_BUF(text);
    cf_token t;
    CF_TRY(cf_token_make(&text, &t));
    CF_TRY(read_token(c, &t));
    CF_TRY(cf_arena_copy(&c->arena, cf_view_str(t.id), &c->record.object));
    CF_TRY(store_token(c, &t));
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "id");
    cf_out_text(&o, t.id);
    cf_out_key(&o, "token");
    cf_out_str(&o, cf_buf_view(&text));
    cf_out_key(&o, "name");
    cf_out_text(&o, t.name);
    put_scopes(&o, t.scopes);
    cf_out_key(&o, "created_ms");
    cf_out_time(&o, t.created_ms);
    cf_out_key(&o, "expires_ms");
    cf_out_time(&o, t.expires_ms);
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

/* --- list --- */

static void put_token(cf_json_out *o, const cf_token *t, uint64_t now)
{
    cf_out_begin(o, '{');
    cf_out_key(o, "id");
    cf_out_text(o, t->id);
    cf_out_key(o, "name");
    cf_out_text(o, t->name);
    cf_out_key(o, "state");
    cf_out_text(o, cf_token_state(t, now));
    put_scopes(o, t->scopes);
    cf_out_key(o, "created_ms");
    cf_out_time(o, t->created_ms);
    cf_out_key(o, "expires_ms");
    cf_out_time(o, t->expires_ms);
    cf_out_key(o, "revoked_ms");
    cf_out_time(o, t->revoked_ms);
    cf_out_end(o, '}');
}

CF_MUST_USE cf_result cf_api_token_list(cf_api_call *c)
{
    size_t n = 0;
    uint64_t now = cf_clock_wall_ms();
    cf_token *all = cf_arena_new(&c->arena, CF_API_TOKENS_LISTED_MAX, sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    CF_TRY(c->api->store.ops->tokens(c->api->store.self, all, CF_API_TOKENS_LISTED_MAX, &n));
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "tokens");
    cf_out_begin(&o, '[');
    for (size_t i = 0; i < n; i++) {
        put_token(&o, &all[i], now);
    }
    cf_out_end(&o, ']');
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

/* --- revoke --- */

static bool is_token_id(cf_view id)
{
    bool ok =
        id.len > 2 && id.len < sizeof((cf_token *)0)->id && id.data[0] == 't' && id.data[1] == '_';
    for (size_t i = 2; ok && i < id.len; i++) {
        uint8_t ch = id.data[i];
        ok = (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
    }
    return ok;
}

CF_MUST_USE cf_result cf_api_token_revoke(cf_api_call *c)
{
    char id[sizeof((cf_token *)0)->id] = {0};
    cf_token t;
    CF_REQUIRE(is_token_id(c->params[0]), NOT_FOUND);
    cf_copy(id, c->params[0].data, c->params[0].len);
    CF_AUTO(cf_unlock_rw) CF_HELD pthread_rwlock_t *held = cf_hold_to_write(&c->api->tokens_change);
    CF_TRY(c->api->store.ops->token_by_id(c->api->store.self, id, &t));
    /* Only now is the text known to be an id and no value in the wrong place. */
    c->record.object = c->params[0];
    bool already = t.revoked_ms != 0;
    if (!already) {
        t.revoked_ms = cf_clock_wall_ms();
    }
    CF_TRY(cf_api_commit(c, NULL, already ? NULL : &t));
    cf_token_forget(c->api->tokens, t.hash);
    return cf_buf_append(&c->out, CF_LIT("{}"));
}
