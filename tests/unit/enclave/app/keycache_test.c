/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/keycache.h"

#include <pthread.h>

#include "tests/support/test.h"

#define AGE_MS 1000

static cf_dh_key *pair;

static int make_pair(void **state)
{
    (void)state;
    return !cf_is_ok(cf_dh_generate(CF_P384, &pair));
}

static int free_pair(void **state)
{
    (void)state;
    cf_dh_free(&pair);
    return 0;
}

/* The digest of key n; several fall into one chain. */
static const uint8_t *digest_of(unsigned n)
{
    static _Thread_local uint8_t digest[CF_KEY_DIGEST_BYTES];
    memset(digest, 0, sizeof digest);
    digest[3] = (uint8_t)(n % 3);
    digest[4] = (uint8_t)n;
    digest[5] = (uint8_t)(n >> 8);
    return digest;
}

static cf_keycache *cache_of(size_t keys, uint64_t age_ms, size_t in_use)
{
    cf_keycache *c;
    bool locked;
    assert_ok(cf_keycache_new(keys, age_ms, in_use, &c, &locked));
    return c;
}

static const cf_cached_key *put(cf_keycache *c, unsigned n, uint64_t now_ms)
{
    const cf_cached_key *key;
    assert_ok(cf_keycache_put(c, digest_of(n), pair, now_ms, &key));
    return key;
}

static void put_down(cf_keycache *c, unsigned n, uint64_t now_ms)
{
    cf_keycache_release(c, put(c, n, now_ms));
}

static bool has(cf_keycache *c, unsigned n, uint64_t now_ms)
{
    const cf_cached_key *key = cf_keycache_get(c, digest_of(n), now_ms);
    if (key != NULL) {
        cf_keycache_release(c, key);
    }
    return key != NULL;
}

static bool is_whole(const cf_cached_key *key)
{
    CF_SECRET(scalar);
    assert_ok(cf_dh_secret_of(pair, &scalar));
    return key->curve == CF_P384 &&
           cf_view_eq(cf_secret_view(&scalar), cf_secret_view(&key->scalar)) &&
           cf_view_eq(cf_dh_public_view(&key->public_key),
                      cf_dh_public_view(cf_dh_public_of(pair)));
}

/* Reads what a slot holds after its last reference: this is what wiping is about. */
static bool is_wiped(const cf_cached_key *key)
{
    const volatile uint8_t *at = (const volatile uint8_t *)key;
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof *key; i++) {
        any = (uint8_t)(any | at[i]);
    }
    return any == 0;
}

static void test_put_get(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(4, AGE_MS, 4);
    assert_false(has(c, 1, 0));
    const cf_cached_key *key = put(c, 1, 0);
    assert_true(is_whole(key));
    assert_ptr_equal(cf_keycache_get(c, digest_of(1), 1), key);
    assert_false(has(c, 4, 1)); /* same chain, other digest */
    assert_int_equal(cf_keycache_count(c), 1);
    cf_keycache_release(c, key);
    cf_keycache_release(c, key);
    assert_true(is_whole(key)); /* kept */
    cf_keycache_free(&c);
    assert_null(c);
    cf_keycache_free(&c);
}

static void test_age(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(4, AGE_MS, 4);
    put_down(c, 1, 5000);
    assert_true(has(c, 1, 5000 + AGE_MS - 1));
    assert_false(has(c, 1, 5000 + AGE_MS));
    assert_int_equal(cf_keycache_count(c), 0);
    put_down(c, 1, 5000);
    assert_false(has(c, 1, 5000 + AGE_MS + 1));
    /* use does not make it younger */
    put_down(c, 1, 5000);
    assert_true(has(c, 1, 5999));
    assert_false(has(c, 1, 6000));
    cf_keycache_free(&c);
}

static void test_sweep(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(8, AGE_MS, 8);
    const cf_cached_key *first = put(c, 1, 0), *second = put(c, 2, 10), *third = put(c, 3, 20);
    cf_keycache_release(c, first);
    cf_keycache_release(c, third);
    assert_true(has(c, 1, 30)); /* use changes the order of eviction, not of age */
    cf_keycache_sweep(c, AGE_MS - 1);
    assert_int_equal(cf_keycache_count(c), 3);
    cf_keycache_sweep(c, AGE_MS);
    assert_int_equal(cf_keycache_count(c), 2);
    assert_true(is_wiped(first));
    cf_keycache_sweep(c, AGE_MS + 10);
    assert_int_equal(cf_keycache_count(c), 1);
    assert_true(is_whole(second)); /* in use */
    cf_keycache_release(c, second);
    assert_true(is_wiped(second));
    cf_keycache_sweep(c, AGE_MS * 2);
    assert_int_equal(cf_keycache_count(c), 0);
    assert_true(is_wiped(third));
    cf_keycache_free(&c);
}

static void test_count_limit(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 4; n++) {
        cf_keycache *c = cache_of(3, AGE_MS, 1);
        for (unsigned i = 0; i < n; i++) {
            put_down(c, i, i);
        }
        assert_int_equal(cf_keycache_count(c), n <= 3 ? n : 3);
        assert_int_equal(has(c, 0, 10), n <= 3);
        cf_keycache_free(&c);
    }
}

static void test_least_used_goes(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(3, AGE_MS, 4);
    put_down(c, 1, 0);
    put_down(c, 2, 1);
    put_down(c, 3, 2);
    assert_true(has(c, 1, 3));
    put_down(c, 4, 4);
    assert_false(has(c, 2, 5));
    assert_true(has(c, 3, 5));
    put_down(c, 5, 6);
    assert_false(has(c, 1, 7));
    assert_true(has(c, 3, 7));
    assert_true(has(c, 4, 7));
    cf_keycache_free(&c);
}

static void test_evicted_in_use(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(1, AGE_MS, 2);
    const cf_cached_key *first = put(c, 1, 0);
    put_down(c, 2, 1);
    assert_false(has(c, 1, 2));
    assert_true(is_whole(first));
    cf_keycache_hold(c, first);
    cf_keycache_release(c, first);
    assert_true(is_whole(first));
    cf_keycache_release(c, first);
    assert_true(is_wiped(first));
    cf_keycache_free(&c);
}

static void test_replaced(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(2, AGE_MS, 2);
    const cf_cached_key *old = put(c, 1, 0), *new = put(c, 1, 500);
    assert_ptr_not_equal(old, new);
    assert_int_equal(cf_keycache_count(c), 1);
    assert_true(has(c, 1, AGE_MS + 100)); /* the new one's age */
    assert_true(is_whole(old));
    cf_keycache_release(c, old);
    assert_true(is_wiped(old));
    cf_keycache_release(c, new);
    cf_keycache_free(&c);
}

static void test_in_use_limit(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(1, AGE_MS, 2);
    const cf_cached_key *held[4];
    for (unsigned i = 0; i < 3; i++) {
        held[i] = put(c, i, 0);
    }
    assert_err(cf_keycache_put(c, digest_of(9), pair, 0, &held[3]), BUSY);
    assert_null(held[3]);
    cf_keycache_release(c, held[0]);
    held[0] = put(c, 9, 0);
    for (unsigned i = 0; i < 3; i++) {
        cf_keycache_release(c, held[i]);
    }
    cf_keycache_free(&c);
}

static void test_off(void **state)
{
    (void)state;
    static const struct {
        size_t keys;
        uint64_t age_ms;
    } off[] = {{0, AGE_MS}, {10, 0}, {0, 0}};
    for (size_t i = 0; i < 3; i++) {
        cf_keycache *c = cache_of(off[i].keys, off[i].age_ms, 2);
        const cf_cached_key *key = put(c, 1, 0);
        assert_true(is_whole(key));
        assert_false(has(c, 1, 0));
        assert_int_equal(cf_keycache_count(c), 0);
        cf_keycache_release(c, key);
        assert_true(is_wiped(key));
        cf_keycache_free(&c);
    }
}

/* Many steps against a model that keeps its keys in an array. */
#define MODEL_KEYS 5
#define MODEL_STEPS 20000

typedef struct {
    unsigned n;
    uint64_t put_ms, used;
} model_key;

static model_key model[MODEL_KEYS];
static size_t model_n;

static void model_remove(size_t i)
{
    model[i] = model[--model_n];
}

static model_key *model_find(unsigned n)
{
    for (size_t i = 0; i < model_n; i++) {
        if (model[i].n == n) {
            return &model[i];
        }
    }
    return NULL;
}

static void model_put(unsigned n, uint64_t now_ms, uint64_t step)
{
    model_key *old = model_find(n);
    if (old != NULL) {
        model_remove((size_t)(old - model));
    }
    if (model_n == MODEL_KEYS) {
        size_t least = 0;
        for (size_t i = 1; i < model_n; i++) {
            least = model[i].used < model[least].used ? i : least;
        }
        model_remove(least);
    }
    model[model_n++] = (model_key){n, now_ms, step};
}

static bool model_get(unsigned n, uint64_t now_ms, uint64_t step)
{
    model_key *k = model_find(n);
    if (k != NULL && k->put_ms + AGE_MS <= now_ms) {
        model_remove((size_t)(k - model));
        return false;
    }
    if (k != NULL) {
        k->used = step;
    }
    return k != NULL;
}

static void model_sweep(uint64_t now_ms)
{
    for (size_t i = model_n; i > 0; i--) {
        if (model[i - 1].put_ms + AGE_MS <= now_ms) {
            model_remove(i - 1);
        }
    }
}

static void test_model(void **state)
{
    (void)state;
    cf_keycache *c = cache_of(MODEL_KEYS, AGE_MS, 2);
    uint64_t now_ms = 0;
    uint32_t random = 12345;
    model_n = 0;
    for (uint64_t step = 1; step <= MODEL_STEPS; step++) {
        random = random * 1664525 + 1013904223;
        unsigned n = (random >> 8) % 9, what = (random >> 20) % 8;
        now_ms += (random >> 28) * 8;
        if (what < 3) {
            put_down(c, n, now_ms);
            model_put(n, now_ms, step);
        } else if (what < 7) {
            assert_int_equal(has(c, n, now_ms), model_get(n, now_ms, step));
        } else {
            cf_keycache_sweep(c, now_ms);
            model_sweep(now_ms);
        }
        assert_int_equal(cf_keycache_count(c), model_n);
    }
    cf_keycache_free(&c);
}

static void *hammer(void *cache)
{
    cf_keycache *c = cache;
    for (unsigned i = 0; i < 3000; i++) {
        const cf_cached_key *key = cf_keycache_get(c, digest_of(i % 7), i);
        if (key == NULL && !cf_is_ok(cf_keycache_put(c, digest_of(i % 7), pair, i, &key))) {
            return c; /* a failure: NULL is success */
        }
        if (key->scalar.len != 48 || key->public_key.len != 97) {
            return c;
        }
        cf_keycache_release(c, key);
        if (i % 50 == 0) {
            cf_keycache_sweep(c, i + AGE_MS);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    cf_keycache *c = cache_of(4, AGE_MS, THREADS);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, c), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    cf_keycache_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_count_limit),
        cmocka_unit_test(test_least_used_goes),
        cmocka_unit_test(test_evicted_in_use),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_in_use_limit),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, make_pair, free_pair);
}
