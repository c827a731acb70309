/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a record of 12 fields of 32 octets against one raw P-384 exchange, in encoding 3 (one context per write) and in
 * encoding 2 (one per field), on one core with the vault's key ready. Beside it what comes before: the row's seal and decoding. */
#include "core/vault/seal.h"

#include "bench/raw.h"

#define FIELDS 12
#define OPEN_MUST 0.88
#define TIMES_ENCODING_2_MUST 10.0
#define VALUE_BYTES 32

typedef struct {
    cf_dh_key *key;
    cf_binding binding;
    char names[FIELDS][16];
    cf_write_ref write;
    cf_sealer *sealer;
    cf_field by_write[FIELDS], single[FIELDS];
    cf_buf sealed[2 * FIELDS], row, pt;
    cf_secret row_key;
    uint8_t seal[CF_ROW_SEAL_BYTES];
} job;

static const uint8_t value[VALUE_BYTES + 1] = "thirty-two octets of UTF-8 text.";

static cf_result open_by_write(void *ctx)
{
    job *j = ctx;
    CF_AUTO(cf_opener_free) cf_opener *o = NULL;
    CF_TRY(cf_opener_new(&j->binding, j->key, &j->write, &o));
    for (size_t i = 0; i < FIELDS; i++) {
        cf_buf_clear(&j->pt);
        CF_TRY(cf_opener_field(o, &j->by_write[i], &j->pt));
    }
    return cf_ok();
}

static cf_result open_single(void *ctx)
{
    job *j = ctx;
    for (size_t i = 0; i < FIELDS; i++) {
        cf_buf_clear(&j->pt);
        CF_TRY(cf_open_single(&j->binding, j->key, &j->single[i], &j->pt));
    }
    return cf_ok();
}

static cf_result seal_write(void *ctx)
{
    job *j = ctx;
    CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
    cf_view pk = cf_dh_public_view(cf_dh_public_of(j->key));
    CF_TRY(cf_sealer_new(&j->binding, pk, 1, &s));
    for (size_t i = 0; i < FIELDS; i++) {
        uint64_t seq;
        cf_buf_clear(&j->pt);
        CF_TRY(cf_sealer_field(s, j->by_write[i].name, cf_view_make(value, VALUE_BYTES), &seq,
                               &j->pt));
    }
    return cf_ok();
}

static cf_result open_row(void *ctx)
{
    job *j = ctx;
    CF_ARENA(arena, 1 << 16);
    cf_row row;
    return cf_row_open(&j->row_key, j->binding.id, cf_buf_view(&j->row), CF_VIEW_OF(j->seal),
                       &arena, &row);
}

static cf_result prepare_fields(job *j)
{
    cf_view text = cf_view_make(value, VALUE_BYTES);
    cf_view pk = cf_dh_public_view(cf_dh_public_of(j->key));
    CF_TRY(cf_sealer_new(&j->binding, pk, 1, &j->sealer));
    j->write = cf_sealer_write(j->sealer);
    for (size_t i = 0; i < FIELDS; i++) {
        cf_field *by_write = &j->by_write[i], *single = &j->single[i];
        snprintf(j->names[i], sizeof j->names[i], "field_%02zu", i);
        *by_write = (cf_field){.name = cf_view_str(j->names[i]), .encoding = CF_ENC_WRITE};
        *single = (cf_field){.name = by_write->name, .encoding = CF_ENC_BINARY};
        CF_TRY(cf_sealer_field(j->sealer, by_write->name, text, &by_write->seq, &j->sealed[i]));
        CF_TRY(cf_seal_binary(&j->binding, pk, single->name, text, &j->sealed[FIELDS + i]));
        by_write->value = cf_buf_view(&j->sealed[i]);
        single->value = cf_buf_view(&j->sealed[FIELDS + i]);
    }
    return cf_ok();
}

static cf_result prepare(job *j)
{
    static const uint8_t wrapped[400] = {1};
    j->binding = (cf_binding){CF_LIT("acme"), CF_LIT("v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"),
                              CF_LIT("person"), CF_HPKE_DEFAULT};
    CF_TRY(cf_dh_generate(CF_P384, &j->key));
    CF_TRY(prepare_fields(j));
    const cf_row row = {.tenant = j->binding.tenant,
                        .id = j->binding.id,
                        .schema = j->binding.schema,
                        .version = 1,
                        .kms_key = CF_LIT("key-1"),
                        .suite = CF_HPKE_DEFAULT,
                        .public_key = cf_dh_public_view(cf_dh_public_of(j->key)),
                        .wrapped_key = CF_VIEW_OF(wrapped),
                        .writes = &j->write,
                        .writes_n = 1,
                        .fields = j->by_write,
                        .fields_n = FIELDS};
    CF_TRY(cf_row_encode(&row, &j->row));
    CF_TRY(cf_random(j->row_key.b, CF_ROW_KEY_BYTES));
    j->row_key.len = CF_ROW_KEY_BYTES;
    CF_TRY(cf_row_seal(&j->row_key, cf_buf_view(&j->row), j->seal));
    return cf_buf_reserve(&j->pt, 64);
}

static void job_free(job *j)
{
    for (size_t i = 0; i < 2 * FIELDS; i++) {
        cf_buf_free(&j->sealed[i]);
    }
    cf_buf_free(&j->row);
    cf_buf_free(&j->pt);
    cf_sealer_free(&j->sealer);
    cf_dh_free(&j->key);
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
    enum { WRITE = BENCH_RAW_ROWS, SINGLE, SEAL, ROW, ROWS };
    bench_row rows[ROWS];
    bench_raw_rows(raw, rows);
    rows[WRITE] = (bench_row){.name = "record_open_12_fields", .fn = open_by_write, .ctx = &j};
    rows[SINGLE] =
        (bench_row){.name = "record_open_12_fields_encoding_2", .fn = open_single, .ctx = &j};
    rows[SEAL] = (bench_row){.name = "record_seal_12_fields", .fn = seal_write, .ctx = &j};
    rows[ROW] = (bench_row){.name = "row_check_and_decode_12_fields", .fn = open_row, .ctx = &j};
    bench_run(rows, ROWS, plan);
    const bench_row *best = bench_raw_best(rows, plan);
    bool ok = true;
    for (size_t i = WRITE; i < ROWS; i++) {
        ok &= bench_print(best, &rows[i], i == WRITE ? OPEN_MUST : 0, bench_lib(), plan);
    }
    bench_row times = rows[WRITE];
    times.name = "record_open_12_fields_vs_encoding_2";
    ok &= bench_print(&rows[SINGLE], &times, TIMES_ENCODING_2_MUST, bench_lib(), plan);
    bench_raw_free(raw);
    job_free(&j);
    return ok ? 0 : 1;
}
