/* SPDX-License-Identifier: Apache-2.0 */
/* cf_input_fields, cf_names_of_json, cf_names_of_text, cf_input_text, cf_expressions_read, cf_if_match_parse, cf_token_hash_of,
 * cf_route_find: what they take keeps their promises, and what they refuse never repeats a name that may be a value. */
#include <stdlib.h>

#include "fuzz/check.h"
#include "host/api/expressions.h"
#include "host/api/if_match.h"
#include "host/api/input.h"
#include "host/api/routes.h"
#include "host/api/schemas.h"
#include "host/api/token.h"

static const cf_schema *person(void)
{
    static cf_schemas *all;
    if (all == NULL) {
        fuzz_ok(cf_schemas_new(&all));
    }
    return cf_schemas_at(all, 0);
}

static void check_faults(const cf_api_faults *f, cf_result r)
{
    fuzz_check(f->n <= CF_API_FAULTS_MAX);
    fuzz_check(f->n == 0 || !cf_is_ok(r));
    for (size_t i = 0; i < f->n; i++) {
        fuzz_check(f->all[i].name.len == 0 || cf_name_tellable(f->all[i].name));
        fuzz_check(f->all[i].reason != NULL && f->all[i].code != CF_OK);
    }
}

static void check_names(const cf_names *names)
{
    fuzz_check(names->n > 0 && names->n <= CF_REQUEST_FIELDS_MAX);
    for (size_t i = 0; i < names->n; i++) {
        fuzz_ok(cf_field_name_check(names->all[i]));
    }
}

static void as_fields(const json_t *body)
{
    CF_ARENA(arena, CF_API_ARENA_BYTES_MAX);
    cf_api_faults faults = {.n = 0};
    cf_input in;
    cf_result r = cf_input_fields(body, person(), true, &arena, &faults, &in);
    check_faults(&faults, r);
    for (size_t i = 0; cf_is_ok(r) && i < in.n; i++) {
        const char *reason = NULL;
        fuzz_check(i == 0 || cf_view_cmp(in.all[i - 1].name, in.all[i].name) < 0);
        fuzz_ok(cf_schema_check_text(person(), in.all[i].name, in.all[i].value, &reason));
        fuzz_check(cf_input_find(&in, in.all[i].name) == &in.all[i]);
    }
}

static void as_names(const json_t *body)
{
    static const char *const members[] = {"fields", "reason", NULL};
    CF_ARENA(arena, CF_API_ARENA_BYTES_MAX);
    cf_api_faults faults = {.n = 0};
    cf_names names;
    cf_view reason;
    cf_result only = cf_input_only(body, members, &faults);
    check_faults(&faults, only);
    faults.n = 0;
    cf_result r = cf_names_of_json(body, "fields", &arena, &faults, &names);
    check_faults(&faults, r);
    if (cf_is_ok(r)) {
        check_names(&names);
    }
    faults.n = 0;
    r = cf_input_text(body, "reason", 1, CF_REASON_BYTES_MAX, &faults, &reason);
    check_faults(&faults, r);
    fuzz_check(!cf_is_ok(r) || (reason.len > 0 && reason.len <= CF_REASON_BYTES_MAX));
}

static void as_expressions(const json_t *body)
{
    CF_ARENA(arena, CF_API_ARENA_BYTES_MAX);
    cf_api_faults faults = {.n = 0};
    cf_api_expressions e;
    cf_names names;
    cf_result r = cf_expressions_read(body, &arena, &faults, &e);
    check_faults(&faults, r);
    if (!cf_is_ok(r)) {
        return;
    }
    size_t octets = 0;
    fuzz_check(e.n <= CF_REQUEST_EXPRESSIONS_MAX && (e.n > 0 || !e.results_only));
    for (size_t i = 0; i < e.n; i++) {
        fuzz_ok(cf_field_name_check(e.all[i].name));
        fuzz_check(cf_expressions_has(&e, e.all[i].name));
        octets += e.all[i].source.len;
    }
    fuzz_check(octets <= CF_EXPRESSIONS_BYTES_MAX);
    fuzz_ok(cf_expressions_mentioned(&e, person(), &arena, &names));
    for (size_t i = 0; i < names.n; i++) {
        fuzz_check(cf_schema_has(person(), names.all[i]));
    }
}

static void as_text(cf_view v)
{
    CF_ARENA(arena, CF_API_ARENA_BYTES_MAX);
    cf_api_faults faults = {.n = 0};
    cf_names names;
    cf_result r = cf_names_of_text(v, &arena, &faults, &names);
    check_faults(&faults, r);
    if (cf_is_ok(r)) {
        check_names(&names);
    }
    cf_if_match m;
    if (cf_is_ok(cf_if_match_parse(v, &m))) {
        fuzz_check(m.n <= CF_API_IF_MATCH_TAGS_MAX &&
                   !cf_is_ok(cf_if_match_check(&m, 0)) == (m.present && !m.any));
    }
    uint8_t hash[CF_TOKEN_HASH_BYTES];
    fuzz_check(!cf_is_ok(cf_token_hash_of(v, hash)) || v.len == CF_TOKEN_TEXT_BYTES + 7);
    const cf_route *route = NULL;
    cf_view params[CF_ROUTE_PARAMS_MAX];
    char allow[CF_ROUTE_ALLOW_BYTES_MAX];
    r = cf_route_find(CF_LIT("GET"), v, &route, params, allow);
    fuzz_check(cf_is_ok(r) == (route != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_JSON(body);
    cf_view v = cf_view_make(data, size);
    as_text(v);
    if (cf_is_ok(cf_json_parse(v, CF_API_FIELDS_BODY_BYTES_MAX, &body))) {
        as_fields(body);
        as_names(body);
        as_expressions(body);
    }
    return 0;
}
