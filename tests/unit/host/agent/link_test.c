/* SPDX-License-Identifier: Apache-2.0 */
/* One connection's octets: frames cut anywhere, many at once, a peer that does not read, one that goes. */
#include "host/agent/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/codec/cbor.h"
#include "tests/support/test.h"

static cf_link l;
static int peer;

static int open_pair(void **state)
{
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return 1;
    }
    cf_link_init(&l);
    l.fd = pair[0];
    l.state = CF_LINK_READY;
    peer = pair[1];
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    cf_link_down(&l, 7);
    close(peer);
    return l.fd == -1 && l.state == CF_LINK_DOWN && l.retry_ms == 7 && l.in.data == NULL &&
                   l.out.data == NULL
               ? 0
               : 1;
}

static void put_frame(cf_buf *out, uint64_t number, size_t fill)
{
    CF_BUF(body);
    CF_BUF(value);
    assert_ok(cf_buf_reserve(&value, fill + 1));
    value.len = fill;
    memset(value.data, 'x', fill);
    cf_writer w = cf_writer_to(&body, CF_FRAME_BYTES_MAX);
    cf_cbor_put_map(&w, 1);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_bytes(&w, cf_buf_view(&value));
    assert_ok(cf_write_end(&w));
    assert_ok(cf_frame_encode(130, number, cf_buf_view(&body), out));
}

/* Reads once and takes what is whole; returns how many messages, whose numbers go on from *next. */
static size_t drain(uint64_t *next)
{
    size_t n = 0;
    bool there = true;
    assert_ok(cf_link_fill(&l));
    while (there) {
        cf_msg m;
        assert_ok(cf_link_next(&l, &there, &m));
        if (there) {
            assert_int_equal(m.request, (*next)++);
            assert_int_equal(m.kind, 130);
            n++;
        }
    }
    assert_ok(cf_link_used(&l));
    return n;
}

static void test_frames_cut_anywhere(void **state)
{
    (void)state;
    uint64_t sent = 5000, got = 5000;
    for (size_t piece = 1; piece < 40; piece++) {
        CF_BUF(octets);
        for (int i = 0; i < 4; i++) {
            put_frame(&octets, sent++, (size_t)i * 17);
        }
        for (size_t at = 0; at < octets.len; at += piece) {
            size_t n = octets.len - at < piece ? octets.len - at : piece;
            assert_int_equal(write(peer, octets.data + at, n), n);
            (void)drain(&got);
        }
        assert_int_equal(got, sent);
        assert_int_equal(l.in.len, 0);
    }
    /* Nothing to read is no error. */
    assert_int_equal(drain(&got), 0);
}

static void test_large_frame(void **state)
{
    (void)state;
    uint64_t got = 9000;
    CF_BUF(octets);
    put_frame(&octets, 9000, CF_FRAME_BYTES_MAX - 100);
    put_frame(&octets, 9001, 3);
    for (size_t at = 0; at < octets.len;) {
        ssize_t n = send(peer, octets.data + at, octets.len - at, MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
        (void)drain(&got);
    }
    while (got < 9002) {
        (void)drain(&got);
    }
    /* Its room is not kept for ever. */
    assert_true(l.in.cap <= 4 * CF_AGENT_READ_BYTES);
}

static void test_bad_frames(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        cf_err want;
    } rows[] = {
        {"\0\0\0\0", 4, CF_ERR_SIZE},           {"\0\x10\0\1", 4, CF_ERR_SIZE},
        {"\xff\xff\xff\xff", 4, CF_ERR_SIZE},   {"\0\0\0\1\5", 5, CF_ERR_WRONG_TYPE},
        {"\0\0\0\5hello", 9, CF_ERR_TRUNCATED}, {"\0\0\0\4\x83\x01\x02\xa0x", 9, CF_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool there;
        cf_msg m;
        assert_int_equal(write(peer, rows[i].octets, rows[i].len), rows[i].len);
        assert_ok(cf_link_fill(&l));
        assert_code(cf_link_next(&l, &there, &m), rows[i].want);
        l.in.len = l.in_at = 0;
    }
}

static void test_peer_that_does_not_read(void **state)
{
    (void)state;
    static uint8_t body[60000] = {0xA1, 0x01, 0x59, 0xEA, 0x5B};
    size_t sent = 0;
    while (cf_link_unsent(&l) == 0) {
        assert_ok(cf_link_send(&l, 2, 5000 + sent++, CF_VIEW_OF(body)));
        assert_true(sent < 1000);
    }
    assert_false(l.broken);
    for (int i = 0; i < 3; i++) {
        assert_ok(cf_link_send(&l, 2, 5000 + sent++, CF_VIEW_OF(body)));
    }
    /* All arrives, in order, once it reads. */
    CF_BUF(got);
    size_t frames = 0;
    while (frames < sent) {
        assert_ok(cf_buf_reserve(&got, 65536));
        ssize_t n = recv(peer, got.data + got.len, 65536, MSG_DONTWAIT);
        got.len += n > 0 ? (size_t)n : 0;
        cf_link_flush(&l);
        size_t at = 0, used = 1;
        while (used > 0) {
            cf_msg m;
            assert_ok(cf_frame_decode(cf_view_sub(cf_buf_view(&got), at, got.len - at), &used, &m));
            if (used > 0) {
                assert_int_equal(m.request, 5000 + frames++);
                at += used;
            }
        }
        memmove(got.data, got.data + at, got.len - at);
        got.len -= at;
    }
    assert_int_equal(cf_link_unsent(&l), 0);
    assert_int_equal(l.out.len, 0);
}

static void test_peer_that_goes(void **state)
{
    (void)state;
    shutdown(peer, SHUT_RDWR);
    assert_err(cf_link_fill(&l), CLOSED);
    assert_ok(cf_link_send(&l, 3, 3, CF_LIT("\xa0")));
    assert_true(l.broken);
    /* A broken link takes what it is given and sends nothing. */
    assert_ok(cf_link_send(&l, 3, 3, CF_LIT("\xa0")));
    assert_true(cf_link_unsent(&l) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_frames_cut_anywhere, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_large_frame, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_bad_frames, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_peer_that_does_not_read, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_peer_that_goes, open_pair, close_pair),
    };
    return cmocka_run_group_tests_name("host/agent/link", tests, NULL, NULL);
}
