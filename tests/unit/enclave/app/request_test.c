/* SPDX-License-Identifier: Apache-2.0 */
/* A request by itself: what its units are, and what memory they take. */
#include "enclave/app/request.h"

#include "core/vault/seal.h"
#include "tests/support/test.h"

enum { FIELDS = CF_REQUEST_FIELDS_MAX, VALUE_BYTES = 1000 };

typedef struct {
    cf_cached_key key;
    cf_write_ref writes[FIELDS];
    cf_sealer *sealers[FIELDS];
    cf_field fields[FIELDS];
    cf_buf sealed[FIELDS];
    char names[FIELDS][8];
    cf_decrypt message;
} fixture;

static fixture f;

static cf_view value_of(size_t i, char text[static VALUE_BYTES])
{
    memset(text, 'a' + (int)(i % 26), VALUE_BYTES);
    return cf_view_make(text, VALUE_BYTES);
}

/* FIELDS fields, dealt out to the writes in turn; every fifth one, where singles is set, is of encoding 2. */
static void seal(size_t writes_n, bool singles)
{
    CF_AUTO(cf_dh_free) cf_dh_key *pair = NULL;
    const cf_binding b = {CF_LIT("acme"), CF_LIT("v_000000000000000000000000000"), CF_LIT("person"),
                          CF_HPKE_DEFAULT};
    f = (fixture){.key = {.curve = CF_P384}};
    assert_ok(cf_dh_generate(CF_P384, &pair));
    f.key.public_key = *cf_dh_public_of(pair);
    assert_ok(cf_dh_secret_of(pair, &f.key.scalar));
    cf_view pub = cf_dh_public_view(&f.key.public_key);
    for (size_t i = 0; i < writes_n; i++) {
        assert_ok(cf_sealer_new(&b, pub, i + 1, &f.sealers[i]));
        f.writes[i] = cf_sealer_write(f.sealers[i]);
    }
    for (size_t i = 0; i < FIELDS; i++) {
        char text[VALUE_BYTES];
        (void)snprintf(f.names[i], sizeof f.names[i], "f%03zu", i);
        cf_view name = cf_view_str(f.names[i]);
        f.fields[i] = (cf_field){.name = name, .encoding = CF_ENC_BINARY};
        if (singles && i % 5 == 0) {
            assert_ok(cf_seal_binary(&b, pub, name, value_of(i, text), &f.sealed[i]));
        } else {
            f.fields[i].encoding = CF_ENC_WRITE;
            f.fields[i].write = (uint32_t)(i % writes_n);
            assert_ok(cf_sealer_field(f.sealers[i % writes_n], name, value_of(i, text),
                                      &f.fields[i].seq, &f.sealed[i]));
        }
        f.fields[i].value = cf_buf_view(&f.sealed[i]);
    }
    f.message = (cf_decrypt){.deadline_ms = 60000,
                             .tenant = b.tenant,
                             .vault_id = b.id,
                             .schema = b.schema,
                             .kms_key = CF_LIT("k"),
                             .suite = b.suite,
                             .wrapped_key = CF_LIT("w"),
                             .writes = f.writes,
                             .writes_n = writes_n,
                             .fields = f.fields,
                             .fields_n = FIELDS};
}

static void release(void)
{
    for (size_t i = 0; i < FIELDS; i++) {
        cf_sealer_free(&f.sealers[i]);
        cf_buf_free(&f.sealed[i]);
    }
    cf_secret_wipe(&f.key.scalar);
}

static cf_request *request_of(const cf_decrypt *m)
{
    CF_BUF(body);
    cf_request *r = NULL;
    assert_ok(cf_decrypt_encode(m, &body));
    assert_ok(cf_request_new(cf_buf_view(&body), 1, 0, &r));
    return r;
}

/* Opens all; returns the octets of memory that the plaintexts take. */
static size_t open_all(cf_request *r)
{
    size_t taken = 0;
    assert_true(cf_request_settle(r, cf_ok(), &f.key));
    for (size_t i = 0; i < r->units_n; i++) {
        cf_request_open_unit(r, &r->units[i], 1);
        taken += r->units[i].plain.cap;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        char text[VALUE_BYTES];
        assert_int_equal(r->results[i].code, CF_OK);
        assert_view(r->results[i].name, cf_view_str(f.names[i]));
        assert_view(r->results[i].value, value_of(i, text));
    }
    return taken;
}

static void test_units(void **state)
{
    (void)state;
    static const struct {
        size_t writes;
        bool singles;
        size_t units;
    } rows[] = {{1, false, 1}, {1, true, 53}, {3, true, 55}, {FIELDS, false, FIELDS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        seal(rows[i].writes, rows[i].singles);
        CF_AUTO(cf_request_free) cf_request *r = request_of(&f.message);
        assert_int_equal(r->units_n, rows[i].units);
        size_t taken = open_all(r);
        /* once the values with their tags, and what a buffer rounds up to */
        assert_in_range(taken, (size_t)FIELDS * VALUE_BYTES, (size_t)FIELDS * VALUE_BYTES * 2);
        cf_request_finish(r, NULL);
        assert_int_equal(r->error, CF_OK);
        release();
    }
}

/* A key is cached, and a flight shared, for exactly these: another curve than the one expected spoils nobody else's request. */
static void test_digest_parts(void **state)
{
    (void)state;
    seal(1, false);
    CF_AUTO(cf_request_free) cf_request *first = request_of(&f.message);
    for (size_t i = 0; i < 6; i++) {
        cf_decrypt m = f.message;
        m.tenant = i == 1 ? CF_LIT("other") : m.tenant;
        m.vault_id = i == 2 ? CF_LIT("v_000000000000000000000000001") : m.vault_id;
        m.kms_key = i == 3 ? CF_LIT("l") : m.kms_key;
        m.wrapped_key = i == 4 ? CF_LIT("x") : m.wrapped_key;
        m.suite.kem = i == 5 ? CF_P256 : m.suite.kem;
        cf_write_ref write = m.writes[0];
        if (i == 5) {
            write.enc = cf_view_sub(write.enc, 0, cf_dh_public_bytes(CF_P256));
            m.writes = &write;
        }
        CF_AUTO(cf_request_free) cf_request *r = request_of(&m);
        assert_int_equal(
            cf_view_eq(CF_VIEW_OF(r->needs[0].digest), CF_VIEW_OF(first->needs[0].digest)), i == 0);
    }
    release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_units),
                                       cmocka_unit_test(test_digest_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
