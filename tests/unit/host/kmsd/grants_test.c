/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/grants_priv.h"

#include "core/codec/cbor.h"
#include "tests/unit/host/kmsd/folder.h"

#define ALICE "arn:aws:iam::000000000000:user/alice"
#define BOB "arn:aws:iam::000000000000:user/bob"
#define ROLE "arn:aws:iam::000000000000:role/r"
#define SESSION "arn:aws:sts::000000000000:assumed-role/r/s"

static cf_kmsd_state *state_folder;
static cf_uuid key_a, key_b;

static cf_grants *open_grants(void)
{
    cf_grants *t = NULL;
    state_folder = open_state();
    assert_ok(cf_grants_open(state_folder, &t));
    return t;
}

static void close_grants(cf_grants **t)
{
    cf_grants_free(t);
    cf_kmsd_state_close(&state_folder);
    assert_null(*t);
}

static uint32_t op(const char *name)
{
    uint32_t bit = cf_grant_operation(cf_view_str(name));
    assert_int_not_equal(bit, 0);
    return bit;
}

/* Pairs in rising order, as {name, value, ...}, ended by NULL. */
typedef struct {
    cf_policy_pair pairs[4];
    size_t n;
} context;

static context context_of(const char *const *texts)
{
    context c = {.n = 0};
    for (; texts != NULL && texts[2 * c.n] != NULL; c.n++) {
        c.pairs[c.n] =
            (cf_policy_pair){cf_view_str(texts[2 * c.n]), cf_view_str(texts[2 * c.n + 1])};
    }
    return c;
}

static cf_grant grant(const cf_uuid *key, const char *name, uint32_t operations)
{
    cf_grant g = {.key = *key, .created_ms = 1000, .operations = operations};
    (void)snprintf(g.name, sizeof g.name, "%s", name);
    (void)snprintf(g.grantee, sizeof g.grantee, "%s", ALICE);
    (void)snprintf(g.retiring, sizeof g.retiring, "%s", BOB);
    (void)snprintf(g.issuer, sizeof g.issuer, "arn:aws:iam::000000000000:root");
    return g;
}

static void set_limit(cf_grant *g, cf_grant_limit limit, const char *const *texts)
{
    context c = context_of(texts);
    cf_writer w = cf_writer_to(&g->context, 1000);
    cf_cbor_put_map(&w, c.n);
    for (size_t i = 0; i < c.n; i++) {
        cf_cbor_put_text(&w, c.pairs[i].name);
        cf_cbor_put_text(&w, c.pairs[i].value);
    }
    assert_ok(cf_write_end(&w));
    g->limit = limit;
}

static cf_state_name add(cf_grants *t, cf_grant *g)
{
    cf_state_name id;
    assert_ok(cf_grants_add(t, g, &id));
    assert_int_equal(strlen(id.text), 64);
    assert_null(g->context.data);
    return id;
}

static bool allows(cf_grants *t, const cf_uuid *key, const char *caller, uint32_t operations)
{
    const cf_grant_ask ask = {.operations = operations, .caller = cf_view_str(caller)};
    return cf_grants_allow(t, key, &ask);
}

static int setup(void **state)
{
    assert_ok(cf_uuid_make(&key_a));
    assert_ok(cf_uuid_make(&key_b));
    return make_folder(state);
}

static void test_operations(void **state)
{
    (void)state;
    uint32_t all = 0;
    for (unsigned i = 0; i < CF_GRANT_OPERATIONS_COUNT; i++) {
        assert_int_equal(op(cf_grant_operation_name(i)), UINT32_C(1) << i);
        all |= UINT32_C(1) << i;
    }
    assert_int_equal(all, (UINT32_C(1) << CF_GRANT_OPERATIONS_COUNT) - 1);
    assert_int_equal(cf_grant_operation(CF_LIT("ListKeys")), 0);
    assert_int_equal(cf_grant_operation(CF_VIEW_EMPTY), 0);
}

static void test_who_and_what(void **state)
{
    (void)state;
    cf_grants *t = open_grants();
    cf_grant g = grant(&key_a, "", op("Encrypt") | op("Decrypt"));
    (void)add(t, &g);
    g = grant(&key_a, "", op("Sign"));
    (void)snprintf(g.grantee, sizeof g.grantee, "%s", ROLE);
    (void)add(t, &g);
    for (int round = 0; round < 2; round++) {
        assert_true(allows(t, &key_a, ALICE, op("Encrypt")));
        assert_true(allows(t, &key_a, ALICE, op("Encrypt") | op("Decrypt")));
        assert_false(allows(t, &key_a, ALICE, op("Encrypt") | op("Sign")));
        assert_false(allows(t, &key_a, ALICE, op("Sign")));
        assert_false(allows(t, &key_a, BOB, op("Encrypt")));
        assert_false(allows(t, &key_b, ALICE, op("Encrypt")));
        assert_false(allows(t, &key_a, SESSION, op("Sign")));
        const cf_grant_ask ask = {
            .operations = op("Sign"), .caller = CF_LIT(SESSION), .caller_role = CF_LIT(ROLE)};
        assert_true(cf_grants_allow(t, &key_a, &ask));
        close_grants(&t);
        t = open_grants();
    }
    close_grants(&t);
}

static void test_limits_of_context(void **state)
{
    (void)state;
    static const char *const a1[] = {"a", "1", NULL}, *const a1b2[] = {"a", "1", "b", "2", NULL},
                             *const a2[] = {"a", "2", NULL}, *const b2[] = {"b", "2", NULL},
                             *const upper[] = {"A", "1", NULL}, *const a1b2c3[] = {"a", "1", "b",
                                                                                   "2", "c", "3",
                                                                                   NULL};
    const struct {
        cf_grant_limit limit;
        const char *const *of;
        const char *const *given;
        bool allowed;
    } rows[] = {
        {CF_GRANT_SUBSET, a1, a1, true},     {CF_GRANT_SUBSET, a1, a1b2, true},
        {CF_GRANT_SUBSET, b2, a1b2c3, true}, {CF_GRANT_SUBSET, a1b2, a1b2c3, true},
        {CF_GRANT_SUBSET, a1b2, a1, false},  {CF_GRANT_SUBSET, a1, a2, false},
        {CF_GRANT_SUBSET, a1, NULL, false},  {CF_GRANT_SUBSET, a1, upper, false},
        {CF_GRANT_EQUALS, a1, a1, true},     {CF_GRANT_EQUALS, a1b2, a1b2, true},
        {CF_GRANT_EQUALS, a1, a1b2, false},  {CF_GRANT_EQUALS, a1b2, a1, false},
        {CF_GRANT_EQUALS, a1, NULL, false},  {CF_GRANT_EQUALS, a1, a2, false},
        {CF_GRANT_EQUALS, b2, a1b2, false},  {CF_GRANT_EQUALS, a1b2, a1b2c3, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_grants *t = open_grants();
        cf_grant g = grant(&key_a, "", op("Decrypt"));
        set_limit(&g, rows[i].limit, rows[i].of);
        cf_state_name id = add(t, &g);
        context c = context_of(rows[i].given);
        cf_grant_ask ask = {.operations = op("Decrypt"),
                            .caller = CF_LIT(ALICE),
                            .context = c.pairs,
                            .context_n = c.n,
                            .has_context = true};
        if (cf_grants_allow(t, &key_a, &ask) != rows[i].allowed) {
            fail_msg("row %zu", i);
        }
        /* to what has no context, no limit applies */
        ask.has_context = false;
        assert_true(cf_grants_allow(t, &key_a, &ask));
        assert_ok(cf_grants_remove(t, &key_a, cf_view_str(id.text)));
        close_grants(&t);
    }
}

/* Grants that differ from what is asked in their last pair only. What comes behind the bound is not looked at, but for grants
 * without a limit. */
static void test_costly_contexts(void **state)
{
    (void)state;
    enum { PAIRS = 800 };
    static char names[PAIRS][4];
    static cf_policy_pair pairs[PAIRS];
    cf_grants *t = open_grants();
    cf_state_name id;
    CF_BUF(others);
    cf_writer w = cf_writer_to(&others, CF_KMSD_CONTEXT_BYTES_MAX);
    cf_cbor_put_map(&w, PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        (void)snprintf(names[i], sizeof names[i], "%03zu", i);
        pairs[i] = (cf_policy_pair){cf_view_make(names[i], 3), CF_LIT("aaaaa")};
        cf_cbor_put_text(&w, pairs[i].name);
        cf_cbor_put_text(&w, i + 1 < PAIRS ? pairs[i].value : CF_LIT("other"));
    }
    assert_ok(cf_write_end(&w));
    const size_t pair = strlen("000") + strlen("aaaaa") + 1, each = PAIRS * pair;
    cf_grant_ask ask = {.operations = op("Encrypt"),
                        .caller = CF_LIT(ALICE),
                        .context = pairs,
                        .context_n = PAIRS,
                        .has_context = true};
    size_t left = each + 1;
    cf_grant g = grant(&key_a, "", op("Encrypt"));
    g.limit = CF_GRANT_SUBSET;
    assert_ok(cf_buf_append(&g.context, cf_buf_view(&others)));
    assert_false(cf_grant_permits(&g, &ask, &left));
    assert_int_equal(left, 1);
    pairs[PAIRS - 1].value = CF_LIT("other");
    left = each + 1;
    assert_true(cf_grant_permits(&g, &ask, &left));
    left = each;
    assert_false(cf_grant_permits(&g, &ask, &left));
    assert_int_equal(left, 0);
    /* a context that has nothing to do with what is asked takes its first pair */
    static const cf_policy_pair own[] = {{CF_LIT_INIT("000"), CF_LIT_INIT("own")},
                                         {CF_LIT_INIT("zzz"), CF_LIT_INIT("own")}};
    for (size_t i = 0; i < 2; i++) {
        const cf_grant_ask mine = {.operations = op("Encrypt"),
                                   .caller = CF_LIT(ALICE),
                                   .context = &own[i],
                                   .context_n = 1,
                                   .has_context = true};
        left = each + 1;
        assert_false(cf_grant_permits(&g, &mine, &left));
        assert_int_equal(left, each + 1 - pair);
    }
    left = 0;
    g.limit = CF_GRANT_ANY;
    assert_true(cf_grant_permits(&g, &ask, &left));
    cf_grant_clear(&g);
    pairs[PAIRS - 1].value = CF_LIT("aaaaa");
    for (size_t i = 0; i * each < CF_KMSD_GRANTS_STEPS_MAX; i++) {
        g = grant(&key_a, "", op("Encrypt"));
        g.limit = CF_GRANT_SUBSET;
        assert_ok(cf_buf_append(&g.context, cf_buf_view(&others)));
        assert_ok(cf_grants_add(t, &g, &id));
    }
    assert_false(cf_grants_allow(t, &key_a, &ask));
    pairs[PAIRS - 1].value = CF_LIT("other"); /* the first one permits */
    assert_true(cf_grants_allow(t, &key_a, &ask));
    pairs[PAIRS - 1].value = CF_LIT("aaaaa");
    g = grant(&key_a, "", op("Encrypt"));
    assert_ok(cf_grants_add(t, &g, &id));
    assert_true(cf_grants_allow(t, &key_a, &ask));
    close_grants(&t);
}

static void test_children(void **state)
{
    (void)state;
    static const char *const a1[] = {"a", "1", NULL}, *const a2[] = {"a", "2", NULL};
    cf_grants *t = open_grants();
    cf_grant parent = grant(&key_a, "", op("CreateGrant") | op("Decrypt"));
    (void)add(t, &parent);
    cf_grant child = grant(&key_a, "", op("Decrypt"));
    const cf_grant_ask ask = {.operations = op("CreateGrant"), .caller = CF_LIT(ALICE)};
    const cf_grant_ask of_bob = {.operations = op("CreateGrant"), .caller = CF_LIT(BOB)};
    assert_true(cf_grants_allow_child(t, &key_a, &ask, &child));
    assert_false(cf_grants_allow_child(t, &key_a, &of_bob, &child));
    assert_false(cf_grants_allow_child(t, &key_b, &ask, &child));
    child.operations |= op("Encrypt");
    assert_false(cf_grants_allow_child(t, &key_a, &ask, &child));
    /* a limited parent has children with its limit */
    parent = grant(&key_b, "", op("CreateGrant") | op("Decrypt"));
    set_limit(&parent, CF_GRANT_SUBSET, a1);
    (void)add(t, &parent);
    child.operations = op("Decrypt");
    assert_false(cf_grants_allow_child(t, &key_b, &ask, &child));
    set_limit(&child, CF_GRANT_SUBSET, a1);
    assert_true(cf_grants_allow_child(t, &key_b, &ask, &child));
    child.limit = CF_GRANT_EQUALS;
    assert_false(cf_grants_allow_child(t, &key_b, &ask, &child));
    cf_buf_clear(&child.context);
    set_limit(&child, CF_GRANT_SUBSET, a2);
    assert_false(cf_grants_allow_child(t, &key_b, &ask, &child));
    cf_grant_clear(&child);
    close_grants(&t);
}

static void test_same_name(void **state)
{
    (void)state;
    cf_grants *t = open_grants();
    cf_grant g = grant(&key_a, "n", op("Decrypt"));
    cf_state_name first = add(t, &g), again;
    g = grant(&key_a, "n", op("Decrypt"));
    g.created_ms = 2000;
    assert_ok(cf_grants_add(t, &g, &again));
    assert_string_equal(first.text, again.text);
    assert_int_equal(count_files("grants"), 1);
    g = grant(&key_a, "n", op("Encrypt"));
    assert_string_not_equal(add(t, &g).text, first.text);
    /* without a name each is another */
    g = grant(&key_a, "", op("Decrypt"));
    first = add(t, &g);
    g = grant(&key_a, "", op("Decrypt"));
    assert_string_not_equal(add(t, &g).text, first.text);
    assert_int_equal(count_files("grants"), 4);
    close_grants(&t);
}

typedef struct {
    size_t n;
    cf_uuid key;
    cf_state_name id;
} seen;

static void visit(void *ctx, const cf_grant *g)
{
    seen *s = ctx;
    s->n++;
    if (s->id.text[0] != '\0') {
        int by_key = strcmp(s->key.text, g->key.text);
        assert_true(by_key < 0 || (by_key == 0 && strcmp(s->id.text, g->id.text) < 0));
    }
    s->key = g->key;
    s->id = g->id;
}

static size_t count(cf_grants *t, cf_grant_query q, size_t page)
{
    seen s = {.n = 0};
    cf_uuid after_key;
    cf_state_name after;
    q.max = page;
    for (bool more = true; more;) {
        size_t before = s.n;
        more = cf_grants_list(t, &q, visit, &s);
        assert_true(s.n - before <= page && (!more || s.n - before == page));
        after_key = s.key;
        after = s.id;
        q.after_key = &after_key;
        q.after = cf_view_str(after.text);
    }
    return s.n;
}

static void test_lists(void **state)
{
    (void)state;
    cf_grants *t = open_grants();
    cf_state_name last = {""};
    for (int i = 0; i < 7; i++) {
        cf_grant g = grant(i % 2 == 0 ? &key_a : &key_b, "", op("Decrypt"));
        (void)snprintf(g.grantee, sizeof g.grantee, "%s", i < 3 ? ALICE : BOB);
        (void)snprintf(g.retiring, sizeof g.retiring, "%s", i < 5 ? ALICE : "");
        last = add(t, &g);
    }
    for (size_t page = 1; page <= 8; page++) {
        assert_int_equal(count(t, (cf_grant_query){.key = NULL}, page), 7);
        assert_int_equal(count(t, (cf_grant_query){.key = &key_a}, page), 4);
        assert_int_equal(count(t, (cf_grant_query){.key = &key_b}, page), 3);
        assert_int_equal(count(t, (cf_grant_query){.key = &key_a, .grantee = CF_LIT(ALICE)}, page),
                         2);
        assert_int_equal(count(t, (cf_grant_query){.retiring = CF_LIT(ALICE)}, page), 5);
        assert_int_equal(count(t, (cf_grant_query){.retiring = CF_LIT(BOB)}, page), 0);
    }
    cf_view id = cf_view_str(last.text);
    assert_int_equal(count(t, (cf_grant_query){.key = &key_a, .id = id}, 1), 1);
    assert_int_equal(count(t, (cf_grant_query){.key = &key_b, .id = id}, 1), 0);
    /* taken back */
    assert_err(cf_grants_remove(t, &key_b, id), NOT_FOUND);
    assert_ok(cf_grants_remove(t, &key_a, id));
    assert_err(cf_grants_remove(t, &key_a, id), NOT_FOUND);
    assert_int_equal(count(t, (cf_grant_query){.key = NULL}, 3), 6);
    assert_ok(cf_grants_remove_all(t, &key_b));
    assert_ok(cf_grants_remove_all(t, &key_b));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(count(t, (cf_grant_query){.key = NULL}, 3), 3);
        assert_int_equal(count(t, (cf_grant_query){.key = &key_a}, 3), 3);
        close_grants(&t);
        t = open_grants();
    }
    close_grants(&t);
}

static void test_tokens(void **state)
{
    (void)state;
    CF_BUF(token);
    cf_uuid key;
    cf_state_name got;
    cf_grants *t = open_grants();
    cf_grant g = grant(&key_a, "", op("Decrypt"));
    cf_state_name id = add(t, &g);
    assert_ok(cf_grants_token(t, &key_a, cf_view_str(id.text), &token));
    close_grants(&t);
    t = open_grants();
    assert_ok(cf_grants_of_token(t, cf_buf_view(&token), &key, &got));
    assert_string_equal(key.text, key_a.text);
    assert_string_equal(got.text, id.text);
    for (size_t i = 0; i < token.len; i++) {
        uint8_t before = token.data[i];
        token.data[i] = before == 'A' ? 'B' : 'A';
        assert_err(cf_grants_of_token(t, cf_buf_view(&token), &key, &got), MALFORMED);
        assert_string_equal(got.text, "");
        token.data[i] = before;
    }
    assert_err(cf_grants_of_token(t, cf_view_make(token.data, token.len - 4), &key, &got),
               MALFORMED);
    assert_err(cf_grants_of_token(t, CF_VIEW_EMPTY, &key, &got), MALFORMED);
    assert_err(cf_grants_of_token(t, CF_LIT("nonsense"), &key, &got), MALFORMED);
    close_grants(&t);
}

static void test_at_rest(void **state)
{
    (void)state;
    static const char *const a1[] = {"a", "1", NULL};
    static const cf_secret root = {{1, 2, 3}, 32}, other = {{1, 2, 4}, 32};
    CF_BUF(octets);
    CF_AUTO(cf_grant_clear) cf_grant g = grant(&key_a, "n", op("Decrypt"));
    CF_AUTO(cf_grant_clear) cf_grant got = {.created_ms = 0};
    set_limit(&g, CF_GRANT_EQUALS, a1);
    memset(g.id.text, 'a', 64);
    assert_ok(cf_grant_encode(&root, &g, &octets));
    assert_ok(cf_grant_decode(&root, cf_buf_view(&octets), &got));
    assert_true(cf_grant_same(&g, &got));
    assert_string_equal(got.id.text, g.id.text);
    assert_int_equal(got.created_ms, g.created_ms);
    cf_grant_clear(&got);
    assert_err(cf_grant_decode(&other, cf_buf_view(&octets), &got), OPEN);
    for (size_t i = 0; i < octets.len; i++) {
        octets.data[i] ^= 1;
        assert_false(cf_is_ok(cf_grant_decode(&root, cf_buf_view(&octets), &got)));
        assert_int_equal(got.operations + got.context.len, 0);
        octets.data[i] ^= 1;
        cf_view cut = view_copy(cf_view_make(octets.data, i));
        assert_false(cf_is_ok(cf_grant_decode(&root, cut, &got)));
        view_free(cut);
    }
}

static void test_not_written(void **state)
{
    (void)state;
    cf_grants *t = open_grants();
    cf_state_name id;
    cf_grant g = grant(&key_a, "", op("Decrypt"));
    (void)add(t, &g);
    assert_int_equal(rename(in_folder("grants"), in_folder("away")), 0);
    g = grant(&key_a, "", op("Encrypt"));
    assert_false(cf_is_ok(cf_grants_add(t, &g, &id)));
    assert_false(allows(t, &key_a, ALICE, op("Encrypt")));
    assert_false(cf_is_ok(cf_grants_remove_all(t, &key_a)));
    assert_true(allows(t, &key_a, ALICE, op("Decrypt")));
    assert_int_equal(rename(in_folder("away"), in_folder("grants")), 0);
    close_grants(&t);
}

#define OWN(test) cmocka_unit_test_setup_teardown(test, setup, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OWN(test_operations),      OWN(test_who_and_what), OWN(test_limits_of_context),
        OWN(test_children),        OWN(test_same_name),    OWN(test_lists),
        OWN(test_tokens),          OWN(test_at_rest),      OWN(test_not_written),
        OWN(test_costly_contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
