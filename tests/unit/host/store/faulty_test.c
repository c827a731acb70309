/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/faulty.h"

#include <unistd.h>

#include "tests/unit/host/store/fixture.h"

static int setup(void **state)
{
    int r = fixture_setup(state);
    fixture *f = *state;
    cf_store outer;
    assert_ok(cf_store_faulty_new(f->store, &outer));
    f->store = outer;
    return r;
}

static bool count(void *ctx, const cf_store_entry *e)
{
    (void)e;
    ++*(unsigned *)ctx;
    return true;
}

static bool count_row(void *ctx, cf_view id, uint64_t version, cf_view row, cf_view seal)
{
    (void)id;
    (void)version;
    (void)row;
    (void)seal;
    ++*(unsigned *)ctx;
    return true;
}

static bool count_token(void *ctx, const cf_token *t)
{
    assert_false(t->altered);
    ++*(unsigned *)ctx;
    return true;
}

static bool count_secret(void *ctx, const cf_store_secret *s)
{
    assert_false(s->altered);
    ++*(unsigned *)ctx;
    return true;
}

static void passes_everything_on(void **state)
{
    fixture *f = *state;
    const cf_store_ops *ops = f->store.ops;
    uint64_t seq;
    char id[ID_BYTES];
    CF_BUF(row);
    CF_BUF(seal);
    cf_token t = token_make(1), got;
    size_t n;
    unsigned entries = 0, rows = 0;
    uint8_t head[CF_AUDIT_HEAD_BYTES];
    vault_id(1, id);
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_int_equal(seq, 1);
    assert_ok(ops->get(f->store.self, cf_view_str(id), &row, &seal));
    assert_true(row.len > 0 && seal.len == CF_ROW_SEAL_BYTES);
    assert_ok(token_change(f, &t));
    assert_ok(ops->token_by_hash(f->store.self, t.hash, &got));
    assert_string_equal(got.id, "t_1");
    assert_ok(ops->token_by_id(f->store.self, "t_1", &got));
    assert_string_equal(got.id, "t_1");
    assert_ok(ops->tokens(f->store.self, &got, 1, &n));
    assert_int_equal(n, 1);
    assert_ok(ops->audit_page(f->store.self, CF_VIEW_EMPTY, 0, 10, count, &entries));
    assert_ok(ops->audit_walk(f->store.self, 1, count, &entries));
    assert_int_equal(entries, 4);
    assert_ok(ops->audit_head(f->store.self, head));
    assert_int_equal(head[7], 2);
    CF_BUF(anchor);
    cf_ignore(
        ops->audit_anchor(f->store.self, &anchor)); /* it may be written already, or not yet */
    assert_ok(ops->rows_walk(f->store.self, count_row, &rows));
    assert_int_equal(rows, 1);
    assert_ok(ops->tokens_walk(f->store.self, count_token, &rows));
    assert_int_equal(rows, 2);
    assert_ok(ops->secrets_walk(f->store.self, count_secret, &rows));
    assert_int_equal(rows, 2); /* none */
    bool schema = false, pages = false;
    assert_ok(ops->structure(f->store.self, &schema, &pages));
    assert_true(schema && pages);
    for (int op = 0; op < CF_STORE_OP_COUNT; op++) {
        assert_int_equal(cf_store_faulty_calls(&f->store, (cf_store_op)op),
                         op == CF_STORE_CHANGE ? 2 : 1);
    }
}

/* Every op fails at its second call, before and after the effect, and leaves nothing in its outputs. */
static void fails_every_operation(void **state)
{
    fixture *f = *state;
    const cf_store_ops *ops = f->store.ops;
    uint64_t seq;
    char id[ID_BYTES];
    cf_token t = token_make(1), got;
    vault_id(1, id);
    assert_ok(vault_put(f, 1, 1, &seq));
    assert_ok(token_change(f, &t));
    for (int i = 0; i < 5000 && access(f->anchor, F_OK) != 0; i++) {
        usleep(1000);
    }
    for (int after = 0; after < 2; after++) {
        cf_fault faults[CF_STORE_OP_COUNT];
        for (int op = 0; op < CF_STORE_OP_COUNT; op++) {
            faults[op] = (cf_fault){(cf_store_op)op, 2, after != 0, CF_ERR_STORE_UNAVAILABLE, 0};
        }
        assert_ok(cf_store_faulty_set(&f->store, faults, CF_STORE_OP_COUNT));
        for (int call = 1; call <= 3; call++) {
            cf_err want = call == 2 ? CF_ERR_STORE_UNAVAILABLE : CF_OK;
            CF_BUF(row);
            CF_BUF(seal);
            size_t n = 9;
            unsigned entries = 0, rows = 0;
            uint8_t head[CF_AUDIT_HEAD_BYTES];
            CF_BUF(anchor);
            assert_code(ops->get(f->store.self, cf_view_str(id), &row, &seal), want);
            assert_int_equal(row.len == 0 && seal.len == 0, call == 2);
            assert_code(ops->token_by_hash(f->store.self, t.hash, &got), want);
            assert_int_equal(got.id[0] == '\0', call == 2);
            assert_code(ops->token_by_id(f->store.self, t.id, &got), want);
            assert_int_equal(got.id[0] == '\0', call == 2);
            assert_code(ops->tokens(f->store.self, &got, 1, &n), want);
            assert_int_equal(n, call == 2 ? 0 : 1);
            assert_code(ops->audit_page(f->store.self, CF_VIEW_EMPTY, 0, 10, count, &entries),
                        want);
            assert_code(ops->audit_walk(f->store.self, 1, count, &entries), want);
            assert_int_equal(entries > 0, call != 2 || after);
            assert_code(ops->audit_head(f->store.self, head), want);
            assert_int_equal(head[7] == 0, call == 2);
            assert_code(ops->rows_walk(f->store.self, count_row, &rows), want);
            rows = 0;
            assert_code(ops->tokens_walk(f->store.self, count_token, &rows), want);
            assert_int_equal(rows > 0, call != 2 || after);
            assert_code(ops->secrets_walk(f->store.self, count_secret, &rows), want);
            bool schema = true, pages = true;
            assert_code(ops->structure(f->store.self, &schema, &pages), want);
            assert_true(schema == (call != 2) && pages == (call != 2));
            assert_code(ops->audit_anchor(f->store.self, &anchor), want);
            assert_int_equal(anchor.len > 0, call != 2);
        }
    }
    assert_err(cf_store_faulty_set(&f->store, NULL, CF_FAULTS_MAX + 1), ARGUMENT);
}

/* The lost answer: the change is made, and the caller is told that it was not. */
static void loses_answers(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    const cf_fault before = {CF_STORE_CHANGE, 1, false, CF_ERR_STORE_UNAVAILABLE, 0};
    const cf_fault after = {CF_STORE_CHANGE, 1, true, CF_ERR_TIMEOUT, 0};
    assert_ok(cf_store_faulty_set(&f->store, &before, 1));
    assert_err(vault_put(f, 1, 1, &seq), STORE_UNAVAILABLE);
    assert_ok(vault_put(f, 1, 1, &seq)); /* it was not made */
    assert_ok(cf_store_faulty_set(&f->store, &after, 1));
    assert_err(vault_put(f, 2, 1, &seq), TIMEOUT);
    assert_int_equal(seq, 0);
    assert_err(vault_put(f, 2, 1, &seq), EXISTS); /* it was */
}

static void delays(void **state)
{
    fixture *f = *state;
    uint64_t seq;
    const cf_fault late = {CF_STORE_CHANGE, 0, false, CF_OK, 60};
    assert_ok(cf_store_faulty_set(&f->store, &late, 1));
    for (int i = 0; i < 3; i++) {
        uint64_t start = cf_clock_mono_ms();
        assert_ok(entry_only(f, 1, &seq));
        assert_true(cf_clock_mono_ms() - start >= 59);
    }
}

static void parses_texts(void **state)
{
    (void)state;
    cf_fault faults[CF_FAULTS_MAX];
    size_t n;
    assert_ok(cf_store_faulty_parse("change:3:after:store_unavailable:0,get:0:before:ok:200",
                                    faults, &n));
    assert_int_equal(n, 2);
    assert_int_equal(faults[0].op, CF_STORE_CHANGE);
    assert_int_equal(faults[0].nth, 3);
    assert_true(faults[0].after);
    assert_int_equal(faults[0].err, CF_ERR_STORE_UNAVAILABLE);
    assert_int_equal(faults[1].op, CF_STORE_GET);
    assert_int_equal(faults[1].delay_ms, 200);
    assert_ok(cf_store_faulty_parse("", faults, &n));
    assert_int_equal(n, 0);
    static const char *const bad[] = {"change",
                                      "put:1:before:ok:0",
                                      "get:x:before:ok:0",
                                      "get:1:during:ok:0",
                                      "get:1:before:none:0",
                                      "get:1:before:ok:",
                                      "get:1:before:ok:0:0",
                                      ",get:1:before:ok:0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_store_faulty_parse(bad[i], faults, &n), MALFORMED);
        assert_int_equal(n, 0);
    }
    for (size_t many = CF_FAULTS_MAX - 1; many <= CF_FAULTS_MAX + 1; many++) {
        char text[1024] = "";
        for (size_t i = 0; i < many; i++) {
            strcat(text, i == 0 ? "get:1:before:ok:0" : ",get:1:before:ok:0");
        }
        assert_code(cf_store_faulty_parse(text, faults, &n),
                    many <= CF_FAULTS_MAX ? CF_OK : CF_ERR_ARGUMENT);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(passes_everything_on),        T(fails_every_operation), T(loses_answers), T(delays),
        cmocka_unit_test(parses_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
