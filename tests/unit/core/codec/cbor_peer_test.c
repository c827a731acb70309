/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader and writer of CBOR heads against libcbor's, over every initial octet, every width of argument, and many
 * random inputs: both must agree on what a head is, how long it is, and what it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cbor.h>

#include "core/codec/cbor.h"

#define RANDOM_ROUNDS 400000

typedef struct {
    cf_cbor_kind kind;
    uint64_t n;
    size_t len;
} seen;

#define ON_NUMBER(name, type, what)                                                                \
    static void name(void *to, type n)                                                             \
    {                                                                                              \
        *(seen *)to = (seen){what, n, 0};                                                          \
    }
ON_NUMBER(on_u8, uint8_t, CF_CBOR_UINT)
ON_NUMBER(on_u16, uint16_t, CF_CBOR_UINT)
ON_NUMBER(on_u32, uint32_t, CF_CBOR_UINT)
ON_NUMBER(on_u64, uint64_t, CF_CBOR_UINT)
ON_NUMBER(on_n8, uint8_t, CF_CBOR_NINT)
ON_NUMBER(on_n16, uint16_t, CF_CBOR_NINT)
ON_NUMBER(on_n32, uint32_t, CF_CBOR_NINT)
ON_NUMBER(on_n64, uint64_t, CF_CBOR_NINT)
ON_NUMBER(on_array, uint64_t, CF_CBOR_ARRAY)
ON_NUMBER(on_map, uint64_t, CF_CBOR_MAP)

static void on_bytes(void *to, cbor_data data, uint64_t len)
{
    (void)data;
    *(seen *)to = (seen){CF_CBOR_BYTES, len, len};
}

static void on_text(void *to, cbor_data data, uint64_t len)
{
    (void)data;
    *(seen *)to = (seen){CF_CBOR_TEXT, len, len};
}

static void on_null(void *to)
{
    *(seen *)to = (seen){CF_CBOR_NULL, 0, 0};
}

static void on_bool(void *to, bool b)
{
    *(seen *)to = (seen){CF_CBOR_BOOL, b, 0};
}

static struct cbor_callbacks peer_callbacks(void)
{
    struct cbor_callbacks c = cbor_empty_callbacks;
    c.uint8 = on_u8;
    c.uint16 = on_u16;
    c.uint32 = on_u32;
    c.uint64 = on_u64;
    c.negint8 = on_n8;
    c.negint16 = on_n16;
    c.negint32 = on_n32;
    c.negint64 = on_n64;
    c.array_start = on_array;
    c.map_start = on_map;
    c.byte_string = on_bytes;
    c.string = on_text;
    c.null = on_null;
    c.boolean = on_bool;
    return c;
}

/* What our reader makes of the first item; n as the peer counts it. */
static seen ours(cf_cbor *c)
{
    seen s = {cf_cbor_peek(c), 0, 0};
    switch (s.kind) {
    case CF_CBOR_UINT:
        s.n = cf_cbor_uint(c);
        break;
    case CF_CBOR_BYTES:
        s.n = s.len = cf_cbor_bytes(c).len;
        break;
    case CF_CBOR_BOOL:
        s.n = cf_cbor_bool(c);
        break;
    case CF_CBOR_NONE:
    case CF_CBOR_NINT:
    case CF_CBOR_TEXT:
    case CF_CBOR_ARRAY:
    case CF_CBOR_MAP:
    case CF_CBOR_TAG:
    case CF_CBOR_NULL:
    case CF_CBOR_BREAK:
    case CF_CBOR_OTHER:
        cf_cbor_skip(c);
        break;
    }
    return s;
}

/* Kinds that both sides take whole, head and content, without looking at what is nested or at the text itself. */
static bool comparable(cf_cbor_kind k)
{
    return k == CF_CBOR_UINT || k == CF_CBOR_NINT || k == CF_CBOR_BYTES || k == CF_CBOR_BOOL ||
           k == CF_CBOR_NULL;
}

static unsigned compare(const uint8_t *data, size_t len)
{
    const struct cbor_callbacks callbacks = peer_callbacks();
    seen peer = {CF_CBOR_NONE, 0, 0};
    struct cbor_decoder_result r = cbor_stream_decode(data, len, &callbacks, &peer);
    cf_cbor c = cf_cbor_lenient(cf_view_make(data, len));
    if (r.status != CBOR_DECODER_FINISHED || !comparable(peer.kind)) {
        return 0;
    }
    seen mine = ours(&c);
    assert_int_equal(cf_cbor_err(&c), CF_OK);
    assert_int_equal(mine.kind, peer.kind);
    assert_int_equal(len - c.in.left, r.read);
    if (mine.kind == CF_CBOR_UINT || mine.kind == CF_CBOR_BYTES || mine.kind == CF_CBOR_BOOL) {
        assert_int_equal(mine.n, peer.n);
    }
    return 1;
}

static void test_reader_agrees_with_libcbor(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    unsigned compared = 0;
    for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
        uint8_t data[16];
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (uint8_t)(x >> (i * 5 % 56));
        }
        data[0] = (uint8_t)round; /* every initial octet in turn */
        compared += compare(data, 1 + (round >> 8) % sizeof data);
    }
    assert_true(compared > RANDOM_ROUNDS / 8);
}

static void test_truncated_where_libcbor_wants_more(void **state)
{
    (void)state;
    const struct cbor_callbacks callbacks = peer_callbacks();
    unsigned compared = 0;
    for (unsigned first = 0; first < 256; first++) {
        for (size_t len = 1; len < 9; len++) {
            uint8_t data[9] = {(uint8_t)first};
            seen peer = {CF_CBOR_NONE, 0, 0};
            struct cbor_decoder_result r = cbor_stream_decode(data, len, &callbacks, &peer);
            if (r.status != CBOR_DECODER_NEDATA) {
                continue;
            }
            cf_cbor c = cf_cbor_lenient(cf_view_make(data, len));
            cf_cbor_skip(&c);
            assert_int_equal(cf_cbor_err(&c), CF_ERR_TRUNCATED);
            compared++;
        }
    }
    assert_true(compared > 100);
}

static void test_writer_agrees_with_libcbor(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0, 1, 23, 24, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint8_t peer[64];
        size_t n = cbor_encode_uint(numbers[i], peer, sizeof peer);
        n += cbor_encode_negint(numbers[i], peer + n, sizeof peer - n);
        n += cbor_encode_array_start(numbers[i], peer + n, sizeof peer - n);
        n += cbor_encode_map_start(numbers[i], peer + n, sizeof peer - n);
        n += cbor_encode_bool(true, peer + n, sizeof peer - n);
        n += cbor_encode_null(peer + n, sizeof peer - n);
        CF_BUF(mine);
        cf_writer w = cf_writer_to(&mine, 64);
        cf_cbor_put_uint(&w, numbers[i]);
        cf_cbor_put_int(&w, -1 - (int64_t)numbers[i]);
        cf_cbor_put_array(&w, numbers[i]);
        cf_cbor_put_map(&w, numbers[i]);
        cf_cbor_put_bool(&w, true);
        cf_cbor_put_null(&w);
        assert_int_equal(w.err, CF_OK);
        assert_true(cf_view_eq(cf_buf_view(&mine), cf_view_make(peer, n)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_agrees_with_libcbor),
        cmocka_unit_test(test_truncated_where_libcbor_wants_more),
        cmocka_unit_test(test_writer_agrees_with_libcbor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
