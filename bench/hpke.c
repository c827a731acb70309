/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE against one raw P-384 exchange: opening a 32-octet plaintext from octets (point decode, decapsulation, key schedule, open)
 * with the receiver's key ready, on one core. */
#include "core/crypto/hpke.h"
#include <malloc.h>

#include "bench/raw.h"

#define HPKE_OPEN_MUST 0.90

typedef struct {
    cf_dh_key *sk;
    cf_secret scalar;
    cf_dh_public enc;
    cf_buf ct, pt;
    cf_hpke *receiver;
} job;

static const uint8_t plaintext[32];
#define INFO CF_LIT("v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL")
#define AAD CF_LIT("first_name")

static cf_result open_one(void *ctx)
{
    job *j = ctx;
    cf_buf_clear(&j->pt);
    return cf_hpke_open_base(CF_HPKE_DEFAULT, j->sk, cf_dh_public_view(&j->enc), INFO, AAD,
                             cf_buf_view(&j->ct), &j->pt);
}

/* The way of a key cache that holds octets: the key is made for this one use. */
static cf_result open_from_octets(void *ctx)
{
    job *j = ctx;
    CF_AUTO(cf_dh_free) cf_dh_key *sk = NULL;
    CF_TRY(cf_dh_from_secret(CF_P384, cf_secret_view(&j->scalar),
                             cf_dh_public_view(cf_dh_public_of(j->sk)), &sk));
    cf_buf_clear(&j->pt);
    return cf_hpke_open_base(CF_HPKE_DEFAULT, sk, cf_dh_public_view(&j->enc), INFO, AAD,
                             cf_buf_view(&j->ct), &j->pt);
}

/* One more message of a context that is there. */
static cf_result open_next(void *ctx)
{
    job *j = ctx;
    cf_buf_clear(&j->pt);
    return cf_hpke_open_at(j->receiver, 0, AAD, cf_buf_view(&j->ct), &j->pt);
}

static cf_result seal_one(void *ctx)
{
    job *j = ctx;
    cf_dh_public enc;
    CF_BUF(ct);
    return cf_hpke_seal_base(CF_HPKE_DEFAULT, cf_dh_public_view(cf_dh_public_of(j->sk)), INFO, AAD,
                             CF_VIEW_OF(plaintext), &enc, &ct);
}

static cf_result generate(void *ctx)
{
    (void)ctx;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    return cf_dh_generate(CF_P384, &k);
}

/* Heap octets of one ready key, over as many as the enclave may keep. */
static cf_result print_key_bytes(const job *j)
{
    enum { KEYS = 10000 };
    static cf_dh_key *keys[KEYS];
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < KEYS; i++) {
        CF_TRY(cf_dh_from_secret(CF_P384, cf_secret_view(&j->scalar),
                                 cf_dh_public_view(cf_dh_public_of(j->sk)), &keys[i]));
    }
    size_t each = (mallinfo2().uordblks - before) / KEYS;
    for (size_t i = 0; i < KEYS; i++) {
        cf_dh_free(&keys[i]);
    }
    printf("{\"bench\":\"dh_key_p384_bytes\",\"bytes\":%zu,\"lib\":\"%s\"}\n", each, bench_lib());
    return cf_ok();
}

static cf_result prepare(job *j)
{
    const cf_hpke_input in = {.mode = CF_HPKE_BASE, .info = INFO};
    CF_TRY(cf_dh_generate(CF_P384, &j->sk));
    CF_TRY(cf_dh_secret_of(j->sk, &j->scalar));
    CF_TRY(cf_hpke_seal_base(CF_HPKE_DEFAULT, cf_dh_public_view(cf_dh_public_of(j->sk)), INFO, AAD,
                             CF_VIEW_OF(plaintext), &j->enc, &j->ct));
    return cf_hpke_receiver(CF_HPKE_DEFAULT, &in, cf_dh_public_view(&j->enc), j->sk, CF_VIEW_EMPTY,
                            &j->receiver);
}

int main(int argc, char **argv)
{
    bench_plan plan = bench_plan_of(argc, argv);
    job j = {0};
    bench_pin();
    if (!cf_is_ok(prepare(&j))) {
        return 1;
    }
    bench_raw *raw = bench_raw_new();
    enum { OPEN = BENCH_RAW_ROWS, OCTETS, NEXT, SEAL, GENERATE, ROWS };
    bench_row rows[ROWS];
    bench_raw_rows(raw, rows);
    rows[OPEN] = (bench_row){.name = "hpke_open_p384", .fn = open_one, .ctx = &j};
    rows[OCTETS] =
        (bench_row){.name = "hpke_open_p384_from_octets", .fn = open_from_octets, .ctx = &j};
    rows[NEXT] = (bench_row){.name = "hpke_open_p384_next_message", .fn = open_next, .ctx = &j};
    rows[SEAL] = (bench_row){.name = "hpke_seal_p384", .fn = seal_one, .ctx = &j};
    rows[GENERATE] = (bench_row){.name = "dh_generate_p384", .fn = generate, .ctx = &j};
    bench_run(rows, ROWS, plan);
    const bench_row *best = bench_raw_best(rows, plan);
    bool ok = true;
    for (size_t i = 0; i < ROWS; i++) {
        ok &= bench_print(best, &rows[i], i == OPEN ? HPKE_OPEN_MUST : 0, bench_lib(), plan);
    }
    ok &= cf_is_ok(print_key_bytes(&j));
    bench_raw_free(raw);
    cf_hpke_free(&j.receiver);
    cf_dh_free(&j.sk);
    cf_secret_wipe(&j.scalar);
    cf_buf_free(&j.ct);
    cf_buf_free(&j.pt);
    return ok ? 0 : 1;
}
