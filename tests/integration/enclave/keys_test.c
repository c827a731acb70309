/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: the cache, single flight, and a KMS in every state. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "enclave/app/limits.h"
#include "sys/linux/clock.h"
#include "tests/integration/enclave/enclave_test.h"
#include "tests/support/rsa_count.h"

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static int start_small_cache(void **state)
{
    (void)state;
    static const char *const options[] = {"--cache-keys", "2", NULL};
    return start_with(options);
}

static int start_short_cache(void **state)
{
    (void)state;
    static const char *const options[] = {"--cache-seconds", "1", NULL};
    return start_with(options);
}

static int start_no_keys(void **state)
{
    (void)state;
    static const char *const options[] = {"--cache-keys", "0", NULL};
    return start_with(options);
}

static int start_no_time(void **state)
{
    (void)state;
    static const char *const options[] = {"--cache-seconds", "0", NULL};
    return start_with(options);
}

/* The program that tells of each RSA key it makes. */
static int start_counting(void **state)
{
    (void)state;
    const rig_spec spec = {.program = getenv("CF_ENCLAVE_COUNTING")};
    assert_non_null(spec.program);
    enclave = rig_start(&spec);
    return 0;
}

/* Decrypts for vault n and tells how many calls of the KMS that took. */
static unsigned calls_for(rig_conn *c, unsigned vault)
{
    rig_request q;
    unsigned before = rig_kms_calls(enclave);
    make_request(&q, vault, CF_ENC_WRITE, 1);
    assert_decrypts(c, &q, vault);
    rig_request_free(&q);
    return rig_kms_calls(enclave) - before;
}

static uint64_t keys_cached(rig_conn *c)
{
    CF_BUF(keep);
    return rig_health(c, &keep).keys;
}

static void test_cached(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    assert_int_equal(calls_for(&c, 1), 1);
    assert_int_equal(calls_for(&c, 1), 0);
    assert_int_equal(calls_for(&c, 2), 1);
    assert_int_equal(calls_for(&c, 1), 0);
    assert_int_equal(keys_cached(&c), 2);
    rig_close(&c);
}

/* The key is cached for the blob, the context and the key id together. */
static void test_cache_key_parts(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    assert_decrypts(&c, &q, 1);
    q.message.vault_id = CF_LIT("v_000000000000000000000000001");
    assert_int_equal(decrypt_code(&c, &q, 2),
                     CF_OK); /* the KMS is asked, the field does not open */
    assert_int_equal(rig_kms_calls(enclave), 2);
    assert_int_equal(keys_cached(&c), 2);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_least_used_goes(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    assert_int_equal(calls_for(&c, 1), 1);
    assert_int_equal(calls_for(&c, 2), 1);
    assert_int_equal(calls_for(&c, 1), 0);
    assert_int_equal(calls_for(&c, 3), 1); /* in the place of 2 */
    assert_int_equal(keys_cached(&c), 2);
    assert_int_equal(calls_for(&c, 1), 0);
    assert_int_equal(calls_for(&c, 2), 1);
    rig_close(&c);
}

static void test_expires(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    assert_int_equal(calls_for(&c, 1), 1);
    assert_int_equal(calls_for(&c, 1), 0);
    assert_int_equal(keys_cached(&c), 1);
    pause_ms(2300); /* without traffic: the sweep takes it out */
    assert_int_equal(keys_cached(&c), 0);
    assert_int_equal(calls_for(&c, 1), 1);
    rig_close(&c);
}

static void test_no_cache(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    assert_int_equal(calls_for(&c, 1), 1);
    assert_int_equal(calls_for(&c, 1), 1);
    assert_int_equal(keys_cached(&c), 0);
    rig_close(&c);
}

static void send_many(rig_conn *c, const rig_request *q, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_send_decrypt(c, i, &q->message);
    }
}

/* Receives n answers; counts those with this code. */
static size_t count_code(rig_conn *c, size_t n, cf_err code)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        cf_msg m;
        assert_true(rig_receive(c, WAIT_MS, &m));
        count += rig_error(&m) == code;
    }
    return count;
}

static void test_single_flight(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 2);
    rig_kms_set(enclave, RIG_KMS_WORKS, 200);
    send_many(&c, &q, 50);
    assert_int_equal(count_code(&c, 50, CF_OK), 50);
    assert_int_equal(rig_kms_calls(enclave), 1);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_failure_is_shared_and_forgotten(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 2);
    rig_kms_set(enclave, RIG_KMS_REFUSES, 200);
    send_many(&c, &q, 20);
    assert_int_equal(count_code(&c, 20, CF_ERR_KMS_REFUSED), 20);
    assert_int_equal(rig_kms_calls(enclave), 1);
    assert_int_equal(keys_cached(&c), 0);
    rig_kms_set(enclave, RIG_KMS_WORKS, 0);
    assert_decrypts(&c, &q, 100);
    assert_int_equal(rig_kms_calls(enclave), 2);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_kms_answers(void **state)
{
    (void)state;
    static const struct {
        rig_kms_mode mode;
        cf_err code;
    } all[] = {
        {RIG_KMS_REFUSES, CF_ERR_KMS_REFUSED},    {RIG_KMS_THROTTLES, CF_ERR_KMS_UNAVAILABLE},
        {RIG_KMS_FAILS, CF_ERR_KMS_UNAVAILABLE},  {RIG_KMS_DEAD, CF_ERR_KMS_UNAVAILABLE},
        {RIG_KMS_CLOSES, CF_ERR_KMS_UNAVAILABLE}, {RIG_KMS_GARBAGE, CF_ERR_KMS_ANSWER},
        {RIG_KMS_PLAINTEXT, CF_ERR_KMS_ANSWER},   {RIG_KMS_NO_KEY, CF_ERR_KEY},
        {RIG_KMS_OTHER_CMS, CF_ERR_KEY},          {RIG_KMS_ATTRIBUTES, CF_ERR_KEY},
        {RIG_KMS_OTHER_PUBLIC, CF_ERR_KEY},
    };
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        rig_request q;
        make_request(&q, 1, CF_ENC_BINARY, 1);
        if (all[i].mode == RIG_KMS_DEAD) {
            rig_kms_drop(enclave);
        }
        rig_kms_set(enclave, all[i].mode, 0);
        cf_err code = decrypt_code(&c, &q, i);
        if (code != all[i].code) {
            fail_msg("mode %d: %s", (int)all[i].mode, cf_err_code(code));
        }
        assert_int_equal(keys_cached(&c), 0);
        rig_request_free(&q);
    }
    rig_kms_set(enclave, RIG_KMS_WORKS, 0);
    assert_int_equal(calls_for(&c, 1), 1);
    rig_close(&c);
}

static void test_connections_are_kept(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(calls_for(&c, i), 1);
    }
    assert_int_equal(rig_kms_links(enclave), 1); /* for one call at a time */
    /* A kept connection that the KMS has closed meanwhile costs nobody a request. */
    rig_kms_drop(enclave);
    for (unsigned i = 100; i < 120; i++) {
        assert_int_equal(calls_for(&c, i), 1);
    }
    assert_int_equal(rig_kms_links(enclave), 2);
    rig_close(&c);
}

/* As many calls as there are threads for them, each on a connection of its own; nobody waits for another's. */
static void test_calls_at_once(void **state)
{
    (void)state;
    enum { REQUESTS = 60 };
    rig_conn c;
    rig_hello(enclave, &c);
    rig_kms_set(enclave, RIG_KMS_HANGS, 0);
    for (unsigned i = 0; i < REQUESTS; i++) {
        rig_request q;
        make_request(&q, i, CF_ENC_WRITE, 1);
        rig_send_decrypt(&c, i, &q.message);
        rig_request_free(&q);
    }
    for (unsigned ms = 0; rig_kms_calls(enclave) < CF_ENCLAVE_KMS_THREADS && ms < 2000; ms += 10) {
        pause_ms(10);
    }
    pause_ms(50); /* for those beyond, if there were any */
    assert_int_equal(rig_kms_calls(enclave), CF_ENCLAVE_KMS_THREADS);
    assert_int_equal(rig_kms_links(enclave), CF_ENCLAVE_KMS_THREADS);
    rig_kms_set(enclave, RIG_KMS_DEAD, 0); /* and so it ends at once */
    rig_kms_drop(enclave);
    for (unsigned i = 0; i < REQUESTS; i++) {
        cf_msg m;
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_code((cf_result){rig_error(&m)}, CF_ERR_KMS_UNAVAILABLE);
    }
    rig_close(&c);
}

/* The code and the time of a request that waits. */
static cf_err timed(rig_conn *c, rig_request *q, uint64_t deadline_ms, uint64_t *ret_ms)
{
    q->message.deadline_ms = deadline_ms;
    uint64_t began = cf_clock_mono_ms();
    cf_err code = decrypt_code(c, q, began);
    *ret_ms = cf_clock_mono_ms() - began;
    return code;
}

static void test_deadline(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    uint64_t ms;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    rig_kms_set(enclave, RIG_KMS_WORKS, 600);
    assert_code((cf_result){timed(&c, &q, 150, &ms)}, CF_ERR_TIMEOUT);
    assert_in_range(ms, 149, 400);
    assert_code((cf_result){timed(&c, &q, 1, &ms)}, CF_ERR_TIMEOUT);
    assert_in_range(ms, 0, 250);
    /* The call that they left behind still brings the key. */
    assert_code((cf_result){timed(&c, &q, 5000, &ms)}, CF_OK);
    assert_int_equal(rig_kms_calls(enclave), 1);
    assert_code((cf_result){timed(&c, &q, 5000, &ms)}, CF_OK);
    assert_in_range(ms, 0, 300);
    rig_request_free(&q);
    rig_close(&c);
}

/* More requests than may be in flight, none with a key at hand: all deadlines hold, and the rest is refused at once. */
static void test_in_flight_limits(void **state)
{
    (void)state;
    enum { CONNS = 5, EACH = 70 };
    rig_conn c[CONNS];
    rig_request q;
    size_t busy = 0, late = 0;
    rig_kms_set(enclave, RIG_KMS_HANGS, 0);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    q.message.deadline_ms = 1500;
    for (size_t i = 0; i < CONNS; i++) {
        rig_hello(enclave, &c[i]);
    }
    CF_BUF(keep);
    uint64_t began = cf_clock_mono_ms();
    for (size_t i = 0; i < 4; i++) {
        send_many(&c[i], &q, EACH);
    }
    while (rig_health(&c[4], &keep).inflight < 256) {
        assert_true(cf_clock_mono_ms() - began < 1000);
    }
    send_many(&c[4], &q, EACH);
    for (size_t i = 0; i < CONNS; i++) {
        for (size_t j = 0; j < EACH; j++) {
            cf_msg m;
            assert_true(rig_receive(&c[i], WAIT_MS, &m));
            busy += rig_error(&m) == CF_ERR_BUSY;
            late += rig_error(&m) == CF_ERR_TIMEOUT;
        }
        /* each of the first four filled its own 64; the fifth found all 256 taken */
        assert_int_equal(late, i < 4 ? 64 * (i + 1) : 256);
    }
    assert_int_equal(busy + late, CONNS * EACH);
    assert_in_range(cf_clock_mono_ms() - began, 1400, 3000);
    cf_health h = rig_health(&c[0], &keep);
    assert_int_equal(h.inflight, 0);
    assert_int_equal(h.answered, CONNS * EACH);
    rig_request_free(&q);
    for (size_t i = 0; i < CONNS; i++) {
        rig_close(&c[i]);
    }
}

/* Few requests can be in flight when they are large: their octets are bounded together. */
static void test_in_flight_octets(void **state)
{
    (void)state;
    enum { FIELDS = 15, SENT = 40, LIMIT = 32 << 20 };
    static uint8_t value[CF_VALUE_BYTES_MAX];
    rig_conn c;
    rig_request q;
    CF_BUF(body);
    size_t busy = 0, late = 0;
    rig_kms_set(enclave, RIG_KMS_HANGS, 0);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, FIELDS);
    for (size_t i = 0; i < FIELDS; i++) {
        q.fields[i].value = CF_VIEW_OF(value);
    }
    q.message.deadline_ms = 4000;
    assert_ok(cf_decrypt_encode(&q.message, &body));
    send_many(&c, &q, SENT);
    for (size_t i = 0; i < SENT; i++) {
        cf_msg m;
        assert_true(rig_receive(&c, WAIT_MS, &m));
        busy += rig_error(&m) == CF_ERR_BUSY;
        /* those whose call of the KMS ended before their own time */
        late += rig_error(&m) == CF_ERR_KMS_UNAVAILABLE || rig_error(&m) == CF_ERR_TIMEOUT;
    }
    assert_int_equal(late, LIMIT / body.len);
    assert_int_equal(busy, SENT - late);
    rig_request_free(&q);
    rig_close(&c);
}

/* A hung KMS holds its threads, never a worker, and lets go of them again. */
static void test_kms_hangs_and_comes_back(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    uint64_t ms;
    rig_hello(enclave, &c);
    assert_int_equal(calls_for(&c, 1), 1);
    rig_kms_set(enclave, RIG_KMS_HANGS, 0);
    for (unsigned v = 10; v < 30; v++) {
        make_request(&q, v, CF_ENC_BINARY, 1);
        q.message.deadline_ms = 500;
        rig_send_decrypt(&c, v, &q.message);
        rig_request_free(&q);
    }
    (void)calls_for(&c, 1); /* cached keys go on: it is answered before those that wait */
    assert_int_equal(count_code(&c, 20, CF_ERR_TIMEOUT), 20);
    make_request(&q, 40, CF_ENC_BINARY, 1);
    assert_code((cf_result){timed(&c, &q, 9000, &ms)}, CF_ERR_KMS_UNAVAILABLE);
    assert_in_range(ms, 2000, 9500);
    rig_kms_set(enclave, RIG_KMS_WORKS, 0);
    assert_code((cf_result){timed(&c, &q, 9000, &ms)}, CF_OK);
    assert_in_range(ms, 0, 4000);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_kms_dead_and_back(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    uint64_t ms;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    rig_kms_set(enclave, RIG_KMS_DEAD, 0);
    assert_code((cf_result){timed(&c, &q, 5000, &ms)}, CF_ERR_KMS_UNAVAILABLE);
    assert_in_range(ms, 0, 500);
    rig_kms_set(enclave, RIG_KMS_NO_LINK, 0);
    assert_code((cf_result){timed(&c, &q, 300, &ms)}, CF_ERR_TIMEOUT);
    rig_kms_set(enclave, RIG_KMS_WORKS, 0);
    pause_ms(3200); /* until the thread that asked gives up */
    assert_code((cf_result){timed(&c, &q, 9000, &ms)}, CF_OK);
    assert_in_range(ms, 0, 1000);
    rig_request_free(&q);
    rig_close(&c);
}

/* RSA keys that the program has told of. */
static size_t rsa_made(void)
{
    CF_BUF(log);
    size_t n = 0;
    rig_log(enclave, &log);
    assert_ok(cf_buf_append(&log, CF_VIEW_OF(""))); /* its NUL */
    for (const char *at = (const char *)log.data; (at = strstr(at, " " RSA_COUNT_EVENT " "));
         at++) {
        n++;
    }
    return n;
}

/* The key to which the KMS seals is made at boot, and no other ever, however many keys of vaults are asked for at once. */
static void test_no_rsa_key_after_boot(void **state)
{
    (void)state;
    enum { CONNECTIONS = 4, EACH = 50 };
    rig_conn conns[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        rig_hello(enclave, &conns[i]);
    }
    /* It serves, and what it logged before is on its way. */
    for (unsigned ms = 0; rsa_made() == 0 && ms < WAIT_MS; ms += 10) {
        pause_ms(10);
    }
    assert_int_equal(rsa_made(), 1);
    for (unsigned i = 0; i < CONNECTIONS * EACH; i++) {
        rig_request q;
        make_request(&q, i, CF_ENC_WRITE, 1);
        rig_send_decrypt(&conns[i % CONNECTIONS], i, &q.message);
        rig_request_free(&q);
    }
    for (unsigned i = 0; i < CONNECTIONS * EACH; i++) {
        cf_msg m;
        assert_true(rig_receive(&conns[i % CONNECTIONS], WAIT_MS, &m));
        assert_code((cf_result){rig_error(&m)}, CF_OK);
    }
    assert_int_equal(rig_kms_calls(enclave), CONNECTIONS * EACH);
    assert_int_equal(rig_kms_recipients(enclave), 1);
    assert_int_equal(rsa_made(), 1);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        rig_close(&conns[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_rsa_key_after_boot, start_counting, stop),
        cmocka_unit_test_setup_teardown(test_cached, start, stop),
        cmocka_unit_test_setup_teardown(test_cache_key_parts, start, stop),
        cmocka_unit_test_setup_teardown(test_least_used_goes, start_small_cache, stop),
        cmocka_unit_test_setup_teardown(test_expires, start_short_cache, stop),
        cmocka_unit_test_setup_teardown(test_no_cache, start_no_keys, stop),
        cmocka_unit_test_setup_teardown(test_no_cache, start_no_time, stop),
        cmocka_unit_test_setup_teardown(test_single_flight, start, stop),
        cmocka_unit_test_setup_teardown(test_single_flight, start_no_keys, stop),
        cmocka_unit_test_setup_teardown(test_failure_is_shared_and_forgotten, start, stop),
        cmocka_unit_test_setup_teardown(test_kms_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_connections_are_kept, start, stop),
        cmocka_unit_test_setup_teardown(test_calls_at_once, start, stop),
        cmocka_unit_test_setup_teardown(test_deadline, start, stop),
        cmocka_unit_test_setup_teardown(test_in_flight_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_in_flight_octets, start, stop),
        cmocka_unit_test_setup_teardown(test_kms_hangs_and_comes_back, start, stop),
        cmocka_unit_test_setup_teardown(test_kms_dead_and_back, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
