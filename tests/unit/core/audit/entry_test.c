/* SPDX-License-Identifier: Apache-2.0 */
/* Entries, chain and head against vectors that other code made (tests/vectors/record/generate.py). */
#include "core/audit/entry.h"

#include "tests/support/failmalloc.h"
#include "tests/support/vectors.h"

#define ARENA_BYTES ((size_t)1 << 14)

/* The parts of one vector that are octets. */
typedef struct {
    cf_audit_entry e;
    cf_view fields[CF_AUDIT_FIELDS_MAX];
    cf_view expressions[CF_AUDIT_EXPRESSIONS_MAX], texts[CF_AUDIT_EXPRESSIONS_MAX];
    cf_buf boot, pcr0, seal, sources, octets, hash;
} sample;

static void sample_free(sample *s)
{
    cf_buf_free(&s->boot);
    cf_buf_free(&s->pcr0);
    cf_buf_free(&s->seal);
    cf_buf_free(&s->sources);
    cf_buf_free(&s->octets);
    cf_buf_free(&s->hash);
}

static void sample_load(const json_t *o, sample *s)
{
    *s = (sample){.e = {.seq = (uint64_t)vec_int(o, "seq"),
                        .time_ms = (uint64_t)vec_int(o, "time_ms"),
                        .action = cf_view_str(vec_text(o, "action")),
                        .outcome = cf_view_str(vec_text(o, "outcome")),
                        .actor = cf_view_str(vec_text(o, "actor")),
                        .tenant = cf_view_str(vec_text(o, "tenant")),
                        .vault = cf_view_str(vec_text(o, "vault")),
                        .version = (uint64_t)vec_int(o, "version"),
                        .reason = cf_view_str(vec_text(o, "reason")),
                        .request = cf_view_str(vec_text(o, "request"))}};
    const json_t *name;
    size_t i;
    json_array_foreach(vec_array(o, "fields"), i, name)
    {
        s->fields[i] = cf_view_str(json_string_value(name));
        s->e.fields_n = i + 1;
    }
    s->e.fields = s->fields;
    json_array_foreach(vec_array(o, "expressions"), i, name)
    {
        s->expressions[i] = cf_view_str(json_string_value(json_array_get(name, 0)));
        s->texts[i] = cf_view_str(json_string_value(json_array_get(name, 1)));
        s->e.expressions_n = i + 1;
    }
    s->e.expressions = s->expressions;
    s->e.answered = (uint64_t)vec_int(o, "answered");
    vec_hex(o, "sources", &s->sources);
    s->e.sources = cf_buf_view(&s->sources);
    vec_hex(o, "boot_id", &s->boot);
    vec_hex(o, "pcr0", &s->pcr0);
    vec_hex(o, "seal", &s->seal);
    vec_hex(o, "entry", &s->octets);
    vec_hex(o, "hash", &s->hash);
    s->e.boot_id = cf_buf_view(&s->boot);
    s->e.pcr0 = cf_buf_view(&s->pcr0);
    s->e.seal = cf_buf_view(&s->seal);
}

static void same_entry(const cf_audit_entry *got, const cf_audit_entry *want)
{
    assert_int_equal(got->seq, want->seq);
    assert_int_equal(got->time_ms, want->time_ms);
    assert_view(got->action, want->action);
    assert_view(got->outcome, want->outcome);
    assert_view(got->actor, want->actor);
    assert_view(got->tenant, want->tenant);
    assert_view(got->vault, want->vault);
    assert_int_equal(got->version, want->version);
    assert_int_equal(got->fields_n, want->fields_n);
    for (size_t i = 0; i < got->fields_n; i++) {
        assert_view(got->fields[i], want->fields[i]);
    }
    assert_view(got->reason, want->reason);
    assert_view(got->request, want->request);
    assert_view(got->boot_id, want->boot_id);
    assert_view(got->pcr0, want->pcr0);
    assert_view(got->seal, want->seal);
    assert_int_equal(got->expressions_n, want->expressions_n);
    for (size_t i = 0; i < got->expressions_n; i++) {
        assert_view(got->expressions[i], want->expressions[i]);
    }
    assert_view(got->sources, want->sources);
    assert_int_equal(got->answered, want->answered);
}

static void keys_of(const json_t *root, cf_secret *ret_row_key, cf_secret *ret_audit_key)
{
    CF_BUF(octets);
    vec_hex(root, "row_key", &octets);
    assert_ok(cf_secret_set(ret_row_key, cf_buf_view(&octets)));
    assert_ok(cf_audit_key(ret_row_key, ret_audit_key));
    vec_hex(root, "audit_key", &octets);
    assert_view(cf_secret_view(ret_audit_key), cf_buf_view(&octets));
}

static void agrees_with_other_code(void **state)
{
    (void)state;
    json_t *root = vec_load("record/audit.json");
    CF_SECRET(row_key);
    CF_SECRET(audit_key);
    keys_of(root, &row_key, &audit_key);
    cf_audit_head head = {.seq = 0}, opened;
    uint8_t sealed[CF_AUDIT_HEAD_BYTES];
    CF_BUF(want);
    assert_ok(cf_audit_head_seal(&audit_key, &head, sealed));
    vec_hex(root, "empty_head", &want);
    assert_view(CF_VIEW_OF(sealed), cf_buf_view(&want));
    const json_t *vector;
    size_t i;
    json_array_foreach(vec_array(root, "entries"), i, vector)
    {
        CF_AUTO(sample_free) sample s;
        sample_load(vector, &s);
        CF_BUF(out);
        CF_ARENA(arena, ARENA_BYTES);
        cf_audit_entry decoded;
        assert_ok(cf_buf_append(&out, CF_LIT("x")));
        assert_ok(cf_audit_encode(&s.e, &out));
        assert_view(cf_view_sub(cf_buf_view(&out), 1, out.len - 1), cf_buf_view(&s.octets));
        assert_ok(cf_audit_decode(cf_buf_view(&s.octets), &arena, &decoded));
        same_entry(&decoded, &s.e);
        if (s.e.expressions_n > 0) {
            uint8_t sources[CF_AUDIT_SOURCES_BYTES];
            assert_ok(cf_audit_sources(s.expressions, s.texts, s.e.expressions_n, sources));
            assert_view(CF_VIEW_OF(sources), s.e.sources);
        }
        assert_ok(cf_audit_chain(&head, cf_buf_view(&s.octets)));
        assert_int_equal(head.seq, s.e.seq);
        assert_view(CF_VIEW_OF(head.hash), cf_buf_view(&s.hash));
    }
    assert_int_equal(i, 5);
    vec_hex(root, "head", &want);
    assert_ok(cf_audit_head_seal(&audit_key, &head, sealed));
    assert_view(CF_VIEW_OF(sealed), cf_buf_view(&want));
    assert_ok(cf_audit_head_open(&audit_key, cf_buf_view(&want), &opened));
    assert_int_equal(opened.seq, 5);
    assert_view(CF_VIEW_OF(opened.hash), CF_VIEW_OF(head.hash));
    json_decref(root);
}

static void refuses_altered_heads(void **state)
{
    (void)state;
    json_t *root = vec_load("record/audit.json");
    CF_SECRET(row_key);
    CF_SECRET(audit_key);
    keys_of(root, &row_key, &audit_key);
    CF_BUF(head);
    vec_hex(root, "head", &head);
    cf_audit_head opened;
    for (size_t at = 0; at < head.len; at++) {
        head.data[at] ^= 1;
        assert_err(cf_audit_head_open(&audit_key, cf_buf_view(&head), &opened), AUDIT_ALTERED);
        assert_int_equal(opened.seq, 0);
        head.data[at] ^= 1;
    }
    cf_view v = cf_buf_view(&head);
    assert_err(cf_audit_head_open(&audit_key, cf_view_sub(v, 0, 103), &opened), AUDIT_ALTERED);
    assert_err(cf_audit_head_open(&audit_key, CF_VIEW_EMPTY, &opened), AUDIT_ALTERED);
    audit_key.b[0] ^= 1;
    assert_err(cf_audit_head_open(&audit_key, v, &opened), AUDIT_ALTERED);
    audit_key.len--;
    assert_err(cf_audit_head_open(&audit_key, v, &opened), KEY);
    uint8_t sealed[CF_AUDIT_HEAD_BYTES];
    assert_err(cf_audit_head_seal(&audit_key, &opened, sealed), KEY);
    CF_SECRET(none);
    assert_err(cf_audit_key(&none, &audit_key), ARGUMENT);
    cf_audit_head last = {.seq = UINT64_MAX};
    assert_err(cf_audit_chain(&last, CF_LIT("x")), RANGE);
    json_decref(root);
}

static void rejects_what_it_must(void **state)
{
    (void)state;
    json_t *root = vec_load("record/audit_reject.json");
    const json_t *item;
    size_t i, accepted = 0;
    json_array_foreach(vec_array(root, "cases"), i, item)
    {
        CF_BUF(octets);
        CF_ARENA(arena, ARENA_BYTES);
        vec_runs(item, "entry", &octets);
        cf_view exact = view_copy(cf_buf_view(&octets));
        cf_audit_entry e;
        cf_result r = cf_audit_decode(exact, &arena, &e);
        if (strcmp(cf_err_code(r.code), vec_text(item, "error")) != 0) {
            fail_msg("%s: %s instead of %s", vec_text(item, "what"), cf_err_code(r.code),
                     vec_text(item, "error"));
        }
        if (cf_is_ok(r)) {
            CF_BUF(again);
            assert_ok(cf_audit_encode(&e, &again));
            assert_view(cf_buf_view(&again), exact);
            accepted++;
        } else {
            assert_null(e.action.data);
        }
        view_free(exact);
    }
    assert_true(accepted >= 20 && i - accepted >= 50);
    json_decref(root);
}

static void encodes_no_broken_entry(void **state)
{
    (void)state;
    static const uint8_t octets[CF_REASON_BYTES_MAX + 1] = {0};
    const cf_audit_entry good = {
        .seq = 1, .action = CF_LIT("a"), .outcome = CF_LIT("ok"), .actor = CF_LIT("-")};
    CF_BUF(out);
    assert_ok(cf_audit_encode(&good, &out));
    assert_ok(cf_buf_set(&out, CF_LIT("kept")));
    cf_audit_entry e;
#define BROKEN(change, code)                                                                       \
    do {                                                                                           \
        e = good;                                                                                  \
        change;                                                                                    \
        assert_err(cf_audit_encode(&e, &out), code);                                               \
        assert_view(cf_buf_view(&out), CF_LIT("kept"));                                            \
    } while (0)
    BROKEN(e.seq = 0, ARGUMENT);
    BROKEN(e.action = CF_VIEW_EMPTY, ARGUMENT);
    BROKEN(e.outcome = CF_VIEW_EMPTY, ARGUMENT);
    BROKEN(e.actor = CF_VIEW_EMPTY, ARGUMENT);
    BROKEN(e.tenant = cf_view_make(octets, CF_AUDIT_TEXT_BYTES_MAX + 1), ARGUMENT);
    BROKEN(e.reason = CF_VIEW_OF(octets), ARGUMENT);
    BROKEN(e.boot_id = cf_view_make(octets, 15), ARGUMENT);
    BROKEN(e.pcr0 = cf_view_make(octets, 47), ARGUMENT);
    BROKEN(e.seal = cf_view_make(octets, 49), ARGUMENT);
    BROKEN(e.vault = CF_LIT("\xC3"), UTF8);
    BROKEN(e.reason = CF_LIT("\xFF"), UTF8);
    cf_view one = CF_LIT("e");
    BROKEN(e.sources = cf_view_make(octets, 32), ARGUMENT);
    BROKEN(e.answered = 1, ARGUMENT);
    BROKEN((e.expressions = &one, e.expressions_n = 1), ARGUMENT);
    BROKEN((e.expressions = &one, e.expressions_n = 1, e.sources = cf_view_make(octets, 31)),
           ARGUMENT);
    BROKEN((e.expressions = &one, e.expressions_n = 1, e.sources = cf_view_make(octets, 32),
            e.answered = 1),
           ARGUMENT);
    cf_view names[CF_AUDIT_FIELDS_MAX + 1];
    for (size_t i = 0; i <= CF_AUDIT_FIELDS_MAX; i++) {
        names[i] = cf_view_make(octets, CF_AUDIT_TEXT_BYTES_MAX);
    }
    BROKEN((e.fields = names, e.fields_n = CF_AUDIT_FIELDS_MAX + 1), ARGUMENT);
    BROKEN((e.fields = names, e.fields_n = CF_AUDIT_FIELDS_MAX), SIZE);
}

static cf_result decode(void *ctx)
{
    const cf_buf *octets = ctx;
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    cf_audit_entry e;
    CF_TRY(cf_audit_decode(cf_buf_view(octets), &arena, &e));
    return cf_audit_encode(&e, &out);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    json_t *root = vec_load("record/audit.json");
    CF_AUTO(sample_free) sample s;
    sample_load(json_array_get(vec_array(root, "entries"), 3), &s);
    failmalloc_each(decode, &s.octets, 2);
    CF_AUTO(sample_free) sample with;
    sample_load(json_array_get(vec_array(root, "entries"), 4), &with);
    failmalloc_each(decode, &with.octets, 2);
    CF_ARENA(small, 16);
    cf_audit_entry e;
    assert_err(cf_audit_decode(cf_buf_view(&s.octets), &small, &e), NO_MEMORY);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_other_code),       cmocka_unit_test(refuses_altered_heads),
        cmocka_unit_test(rejects_what_it_must),         cmocka_unit_test(encodes_no_broken_entry),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
