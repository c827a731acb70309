/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of /dev/nsm against a stand-in with the same ioctl: every request as octets, every answer, every error. The octets are
 * those that QEMU's module was seen to take and give, and those of the service's own encoder, which orders members otherwise. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"
#include "tests/support/nsm_device.h"
#include "tests/support/test.h"

#define ABC                                                                                        \
    "b1c16eb7634112b7c9d5ebd27e62a2d4528bbfcfd68b62d3afd9ecf98e0f413a84314acce78317fb69fd89515534" \
    "3e09"
#define ZEROS                                                                                      \
    "000000000000000000000000000000000000000000000000"                                             \
    "000000000000000000000000000000000000000000000000"
#define DESCRIBED_BY_QEMU                                                                          \
    "a16b44657363726962654e534da76664696765737466534841333834686d61785f706372731820696d6f"         \
    "64756c655f69647827692d30313233343536373839616263646566302d656e6330313233343536373839"         \
    "6162636465666b6c6f636b65645f7063727390000102030405060708090a0b0c0d0e0f6d76657273696f"         \
    "6e5f6d616a6f72016d76657273696f6e5f6d696e6f72006d76657273696f6e5f706174636800"
#define DESCRIBED_BY_SERDE                                                                         \
    "a16b44657363726962654e534da76d76657273696f6e5f6d616a6f72016d76657273696f6e5f6d696e6f"         \
    "72006d76657273696f6e5f706174636800696d6f64756c655f69647827692d3031323334353637383961"         \
    "6263646566302d656e6330313233343536373839616263646566686d61785f7063727318206b6c6f636b"         \
    "65645f7063727390000102030405060708090a0b0c0d0e0f6664696765737466534841333834"
#define NULLS                                                                                      \
    "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365f66a7075626c69635f6b6579f6"
#define DOCUMENT_BYTES 1268
#define RANDOM_BYTES 256

/* What the device is to be asked, and says: these octets, and more that count up. */
typedef struct {
    const char *request, *answer;
    size_t more;
} script;

static void put_counted(cf_buf *out, size_t n)
{
    assert_ok(cf_buf_reserve(out, out->len + n));
    for (size_t i = 0; i < n; i++) {
        out->data[out->len + i] = (uint8_t)i;
    }
    out->len += n;
}

static int play(void *ctx, cf_view request, cf_buf *ret)
{
    const script *s = ctx;
    cf_view want = view_hex(s->request), answer = view_hex(s->answer);
    assert_view(request, want);
    assert_ok(cf_buf_append(ret, answer));
    put_counted(ret, s->more);
    view_free(want);
    view_free(answer);
    return 0;
}

/* One request of the device by this script. */
static cf_result ask_by(script *s, const cf_nsm_request *q, cf_buf *octets, cf_nsm_response *ret)
{
    cf_nsm n;
    nsm_device_put(play, s);
    assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
    cf_result r = cf_nsm_ask(&n, q, octets, ret);
    assert_int_equal(nsm_device_now.calls, 1);
    cf_nsm_close(&n);
    assert_null(n.ops);
    return r;
}

/* --- every operation --- */

static void test_registers(void **state)
{
    (void)state;
    const struct {
        cf_nsm_request q;
        script s;
        cf_nsm_error error;
        bool lock;
        const char *value;
    } rows[] = {
        /* DescribePCR, as QEMU orders it and as the service does */
        {{.op = CF_NSM_DESCRIBE_PCR},
         {"a16b4465736372696265504352a165696e64657800",
          "a16b4465736372696265504352a264646174615830" ABC "646c6f636bf5", 0},
         CF_NSM_SUCCESS,
         true,
         ABC},
        {{.op = CF_NSM_DESCRIBE_PCR, .index = 16},
         {"a16b4465736372696265504352a165696e64657810",
          "a16b4465736372696265504352a2646c6f636bf464646174615830" ZEROS, 0},
         CF_NSM_SUCCESS,
         false,
         ZEROS},
        {{.op = CF_NSM_DESCRIBE_PCR, .index = 31},
         {"a16b4465736372696265504352a165696e646578181f",
          "bf6b4465736372696265504352bf646c6f636bf464646174615830" ZEROS "ffff", 0},
         CF_NSM_SUCCESS,
         false,
         ZEROS},
        {{.op = CF_NSM_DESCRIBE_PCR, .index = 32},
         {"a16b4465736372696265504352a165696e6465781820",
          "a1654572726f726c496e76616c6964496e646578", 0},
         CF_NSM_INVALID_INDEX,
         false,
         ""},
        /* ExtendPCR */
        {{.op = CF_NSM_EXTEND_PCR, .index = 16, .data = CF_LIT("abc")},
         {"a169457874656e64504352a265696e64657810646461746143616263",
          "a169457874656e64504352a164646174615830" ABC, 0},
         CF_NSM_SUCCESS,
         false,
         ABC},
        {{.op = CF_NSM_EXTEND_PCR, .index = 0, .data = CF_LIT("abc")},
         {"a169457874656e64504352a265696e64657800646461746143616263",
          "a1654572726f726d526561644f6e6c79496e646578", 0},
         CF_NSM_READ_ONLY_INDEX,
         false,
         ""},
        /* LockPCR, LockPCRs */
        {{.op = CF_NSM_LOCK_PCR, .index = 16},
         {"a1674c6f636b504352a165696e64657810", "674c6f636b504352", 0},
         CF_NSM_SUCCESS,
         false,
         ""},
        {{.op = CF_NSM_LOCK_PCRS, .index = 18},
         {"a1684c6f636b50435273a16572616e676512", "684c6f636b50435273", 0},
         CF_NSM_SUCCESS,
         false,
         ""},
        {{.op = CF_NSM_LOCK_PCRS, .index = 33},
         {"a1684c6f636b50435273a16572616e67651821", "a1654572726f726c496e76616c6964496e646578", 0},
         CF_NSM_INVALID_INDEX,
         false,
         ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(octets);
        cf_nsm_response m;
        script s = rows[i].s;
        cf_result r = ask_by(&s, &rows[i].q, &octets, &m);
        assert_code(r, rows[i].error == CF_NSM_SUCCESS ? CF_OK : CF_ERR_NSM);
        assert_int_equal(m.error, rows[i].error);
        if (cf_is_ok(r)) {
            cf_view value = view_hex(rows[i].value);
            assert_int_equal(m.op, rows[i].q.op);
            assert_int_equal(m.lock, rows[i].lock);
            assert_view(m.data, value);
            view_free(value);
        }
    }
}

static void test_describe(void **state)
{
    (void)state;
    static const char *const answers[] = {DESCRIBED_BY_QEMU, DESCRIBED_BY_SERDE};
    for (size_t i = 0; i < 2; i++) {
        CF_BUF(octets);
        cf_nsm_response m;
        cf_nsm_request q = {.op = CF_NSM_DESCRIBE};
        script s = {"6b44657363726962654e534d", answers[i], 0};
        assert_ok(ask_by(&s, &q, &octets, &m));
        assert_view(m.module_id, CF_LIT("i-0123456789abcdef0-enc0123456789abcdef"));
        assert_int_equal(m.version[0], 1);
        assert_int_equal(m.version[1], 0);
        assert_int_equal(m.version[2], 0);
        assert_int_equal(m.max_pcrs, CF_PCR_COUNT);
        assert_int_equal(m.locked_pcrs, 0xffff);
    }
}

static void test_random(void **state)
{
    (void)state;
    cf_nsm n;
    script s = {"6947657452616e646f6d", "a16947657452616e646f6da16672616e646f6d590100",
                RANDOM_BYTES};
    uint8_t random[2 * RANDOM_BYTES + 1] = {0};
    nsm_device_put(play, &s);
    assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
    assert_ok(cf_nsm_random(&n, random, sizeof random));
    assert_int_equal(nsm_device_now.calls, 3); /* asked for as often as it takes */
    for (size_t i = 0; i < sizeof random; i++) {
        assert_int_equal(random[i], (uint8_t)i);
    }
    /* few are welcome, none are not */
    s = (script){"6947657452616e646f6d", "a16947657452616e646f6da16672616e646f6d41", 1};
    assert_ok(cf_nsm_random(&n, random, 3));
    assert_int_equal(nsm_device_now.calls, 6);
    s = (script){"6947657452616e646f6d", "a16947657452616e646f6da16672616e646f6d40", 0};
    assert_err(cf_nsm_random(&n, random, 3), NSM);
    cf_nsm_close(&n);
}

static void test_attestation(void **state)
{
    (void)state;
    static const struct {
        cf_nsm_request q;
        const char *request;
    } rows[] = {
        {{.op = CF_NSM_GET_RANDOM}, NULLS}, /* the operation of the inputs does not count */
        {{.has_user_data = true, .has_nonce = true, .has_public_key = true},
         "a16b4174746573746174696f6ea369757365725f6461746140656e6f6e6365406a7075626c69635f6b65794"
         "0"},
        {{.has_user_data = true,
          .user_data = CF_LIT_INIT("\x01\x02"),
          .has_nonce = true,
          .nonce = CF_LIT_INIT("n"),
          .has_public_key = true,
          .public_key = CF_LIT_INIT("key")},
         "a16b4174746573746174696f6ea369757365725f64617461420102656e6f6e6365416e6a7075626c69635f6b"
         "6579436b6579"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_nsm n;
        CF_BUF(doc);
        CF_BUF(want);
        script s = {rows[i].request, "a16b4174746573746174696f6ea168646f63756d656e745904f4",
                    DOCUMENT_BYTES};
        nsm_device_put(play, &s);
        assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
        assert_ok(cf_nsm_attest(&n, &rows[i].q, &doc));
        put_counted(&want, DOCUMENT_BYTES);
        assert_view(cf_buf_view(&doc), cf_buf_view(&want));
        cf_nsm_close(&n);
    }
}

static void test_identity(void **state)
{
    (void)state;
    CF_BUF(id);
    cf_nsm n;
    uint8_t pcr0[CF_PCR_BYTES_SHA384];
    script s = {"6b44657363726962654e534d", DESCRIBED_BY_QEMU, 0};
    nsm_device_put(play, &s);
    assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
    cf_nsm_response m;
    CF_BUF(octets);
    assert_ok(cf_nsm_ask(&n, &(cf_nsm_request){.op = CF_NSM_DESCRIBE}, &octets, &m));
    /* the answer to another request is none */
    s = (script){"a16b4465736372696265504352a165696e64657800", "674c6f636b504352", 0};
    assert_err(cf_nsm_ask(&n, &(cf_nsm_request){.op = CF_NSM_DESCRIBE_PCR}, &octets, &m), NSM);
    assert_int_equal(m.error, CF_NSM_INTERNAL_ERROR);
    s = (script){"6b44657363726962654e534d", "674c6f636b504352", 0};
    assert_err(cf_nsm_identity(&n, &id, pcr0), NSM);
    assert_int_equal(id.len, 0);
    cf_nsm_close(&n);
}

/* --- errors --- */

static void test_refusals(void **state)
{
    (void)state;
    static const char *const names[CF_NSM_ERROR_COUNT] = {
        "6753756363657373",
        "6f496e76616c6964417267756d656e74",
        "6c496e76616c6964496e646578",
        "6f496e76616c6964526573706f6e7365",
        "6d526561644f6e6c79496e646578",
        "70496e76616c69644f7065726174696f6e",
        "6e427566666572546f6f536d616c6c",
        "6d496e707574546f6f4c61726765",
        "6d496e7465726e616c4572726f72",
    };
    for (unsigned e = CF_NSM_INVALID_ARGUMENT; e < CF_NSM_ERROR_COUNT; e++) {
        char answer[64];
        CF_BUF(octets);
        cf_nsm_response m;
        script s = {"6947657452616e646f6d", answer, 0};
        (void)snprintf(answer, sizeof answer, "a1654572726f72%s", names[e]);
        assert_err(ask_by(&s, &(cf_nsm_request){.op = CF_NSM_GET_RANDOM}, &octets, &m), NSM);
        assert_int_equal(m.error, e);
    }
    static const char *const nonsense[] = {
        "ff",                                             /* no CBOR */
        "a0",                                             /* nothing */
        "a1654572726f72644e6f7065",                       /* an error nobody knows */
        "a1654572726f726753756363657373",                 /* an error of success is none */
        "a16947657452616e646f6da16672616e646f6d59010000", /* cut */
        "a16947657452616e646f6da16672616e646f6d41aaf6",   /* octets behind it */
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        CF_BUF(octets);
        cf_nsm_response m;
        script s = {"6947657452616e646f6d", nonsense[i], 0};
        assert_err(ask_by(&s, &(cf_nsm_request){.op = CF_NSM_GET_RANDOM}, &octets, &m), NSM);
        assert_int_equal(m.error, CF_NSM_INTERNAL_ERROR);
        assert_int_equal(m.data.len, 0);
    }
}

static int fail_with(void *ctx, cf_view request, cf_buf *ret)
{
    (void)request;
    (void)ret;
    return *(int *)ctx;
}

static void test_errors_of_the_call(void **state)
{
    (void)state;
    static const struct {
        int number;
        cf_err err;
    } rows[] = {
        {EMSGSIZE, CF_ERR_SIZE},    {ETIMEDOUT, CF_ERR_TIMEOUT},
        {EINVAL, CF_ERR_IO},        {EFAULT, CF_ERR_IO},
        {EIO, CF_ERR_IO},           {ENODATA, CF_ERR_IO},
        {ENOTTY, CF_ERR_IO},        {EINTR, CF_ERR_IO},
        {ENOMEM, CF_ERR_NO_MEMORY}, {EPERM, CF_ERR_NOT_PERMITTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(doc);
        cf_nsm n;
        int number = rows[i].number;
        nsm_device_put(fail_with, &number);
        assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
        assert_code(cf_nsm_attest(&n, &(cf_nsm_request){.has_nonce = true}, &doc), rows[i].err);
        assert_int_equal(nsm_device_now.calls, 1); /* never a second time */
        assert_int_equal(doc.len, 0);
        cf_nsm_close(&n);
    }
}

static void test_lengths_of_answers(void **state)
{
    (void)state;
    /* {"GetRandom": {"random": n octets}}: 22 octets before them */
    const size_t head = 22, fits = CF_NSM_RESPONSE_BYTES_MAX - head;
    for (size_t n = fits - 1; n <= fits + 1; n++) {
        char answer[64];
        CF_BUF(octets);
        cf_nsm_response m;
        script s = {"6947657452616e646f6d", answer, n};
        (void)snprintf(answer, sizeof answer, "a16947657452616e646f6da16672616e646f6d59%04zx", n);
        cf_result r = ask_by(&s, &(cf_nsm_request){.op = CF_NSM_GET_RANDOM}, &octets, &m);
        assert_code(r, n <= fits ? CF_OK : CF_ERR_NSM); /* the driver cut it */
        assert_int_equal(m.data.len, n <= fits ? n : 0);
    }
    static const uint64_t claims[] = {CF_NSM_RESPONSE_BYTES_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        CF_BUF(octets);
        cf_nsm n;
        cf_nsm_response m;
        script s = {"6947657452616e646f6d", "a16947657452616e646f6da16672616e646f6d4101", 0};
        nsm_device_put(play, &s);
        nsm_device_now.claim = claims[i];
        assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
        assert_err(cf_nsm_ask(&n, &(cf_nsm_request){.op = CF_NSM_GET_RANDOM}, &octets, &m), SIZE);
        cf_nsm_close(&n);
    }
    script nothing = {"6947657452616e646f6d", "", 0};
    CF_BUF(octets);
    cf_nsm_response m;
    assert_err(ask_by(&nothing, &(cf_nsm_request){.op = CF_NSM_GET_RANDOM}, &octets, &m), SIZE);
}

static int echo_error(void *ctx, cf_view request, cf_buf *ret)
{
    *(size_t *)ctx = request.len;
    cf_view answer = view_hex("a1654572726f726d496e707574546f6f4c61726765");
    assert_ok(cf_buf_append(ret, answer));
    view_free(answer);
    return 0;
}

static void test_lengths_of_requests(void **state)
{
    (void)state;
    static const uint8_t data[CF_NSM_REQUEST_BYTES_MAX];
    size_t seen = 0;
    /* {"ExtendPCR": {"index": 16, "data": n octets}}: 27 octets before them */
    const size_t fits = CF_NSM_REQUEST_BYTES_MAX - 27;
    nsm_device_put(echo_error, &seen);
    cf_nsm n;
    assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
    for (size_t len = fits - 1; len <= fits + 1; len++) {
        CF_BUF(octets);
        cf_nsm_response m;
        cf_nsm_request q = {.op = CF_NSM_EXTEND_PCR, .index = 16, .data = cf_view_make(data, len)};
        seen = 0;
        assert_code(cf_nsm_ask(&n, &q, &octets, &m), len <= fits ? CF_ERR_NSM : CF_ERR_SIZE);
        assert_int_equal(seen, len <= fits ? len + 27 : 0);
        assert_int_equal(m.error, len <= fits ? CF_NSM_INPUT_TOO_LARGE : CF_NSM_INTERNAL_ERROR);
    }
    CF_BUF(octets);
    assert_err(n.ops->call(n.self, CF_VIEW_EMPTY, &octets), SIZE);
    cf_nsm_close(&n);
}

/* --- which module --- */

static void test_opening(void **state)
{
    (void)state;
    cf_nsm n;
    nsm_device_take();
    assert_err(cf_nsm_open_device(CF_NSM_DEVICE, &n), NOT_FOUND);
    assert_null(n.ops);
    assert_err(cf_nsm_open_device("/etc/passwd", &n), UNSUPPORTED);
    assert_err(cf_nsm_open_device("/", &n), IO);
    assert_err(cf_nsm_open_device("/etc/passwd/nsm", &n), IO);
    static const struct {
        int number;
        cf_err err;
    } rows[] = {{ENOENT, CF_ERR_NOT_FOUND},    {ENXIO, CF_ERR_NOT_FOUND},
                {ENODEV, CF_ERR_NOT_FOUND},    {EACCES, CF_ERR_NOT_PERMITTED},
                {EPERM, CF_ERR_NOT_PERMITTED}, {EMFILE, CF_ERR_IO}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nsm_device_now.open_errno = rows[i].number;
        assert_code(cf_nsm_open_device(CF_NSM_DEVICE, &n), rows[i].err);
    }
    /* a device that is another's knows no such request */
    assert_ok(cf_nsm_open_device("/dev/null", &n));
    nsm_device_now.answer = fail_with;
    int number = ENOTTY;
    nsm_device_now.ctx = &number;
    uint8_t octet;
    assert_err(cf_nsm_random(&n, &octet, 1), IO);
    cf_nsm_close(&n);
}

static bool is_open(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0;
}

static void test_choice(void **state)
{
    (void)state;
    int ends[2];
    cf_nsm n;
    bool is_device;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    /* none: the stream; and nothing without one */
    nsm_device_take();
    assert_err(cf_nsm_open(-1, &n, &is_device), NOT_FOUND);
    assert_null(n.ops);
    assert_ok(cf_nsm_open(dup(ends[0]), &n, &is_device));
    assert_false(is_device);
    cf_nsm_close(&n);
    /* the device, although there is a stream, which is closed */
    script s = {"6947657452616e646f6d", "a16947657452616e646f6da16672616e646f6d41", 1};
    nsm_device_put(play, &s);
    int stream = dup(ends[0]);
    assert_ok(cf_nsm_open(stream, &n, &is_device));
    assert_true(is_device);
    uint8_t octet = 1;
    assert_ok(cf_nsm_random(&n, &octet, 1));
    assert_int_equal(octet, 0);
    assert_int_equal(nsm_device_now.calls, 1);
    cf_nsm_close(&n);
    assert_false(is_open(stream));
    /* a device that does not open is no reason for the stream */
    nsm_device_now.open_errno = EACCES;
    stream = dup(ends[0]);
    assert_err(cf_nsm_open(stream, &n, &is_device), NOT_PERMITTED);
    assert_false(is_device);
    assert_false(is_open(stream));
    cf_fd_close(&ends[0]);
    cf_fd_close(&ends[1]);
}

/* --- the whole of it: a software module behind the device --- */

static int soft(void *ctx, cf_view request, cf_buf *ret)
{
    cf_soft_nsm *s = ctx;
    assert_ok(cf_soft_nsm_answer(s, request, ret));
    return 0;
}

static cf_nsm_error error_of(cf_nsm *n, cf_nsm_op op, uint16_t index)
{
    CF_BUF(octets);
    cf_nsm_response m;
    cf_nsm_request q = {.op = op, .index = index, .data = CF_LIT("abc")};
    cf_result r = cf_nsm_ask(n, &q, &octets, &m);
    assert_code(r, m.error == CF_NSM_SUCCESS ? CF_OK : CF_ERR_NSM);
    return m.error;
}

static void check_document(cf_view doc, cf_view root, const uint8_t *pcr0)
{
    const cf_view value = cf_view_make(pcr0, CF_PCR_BYTES_SHA384);
    cf_view abc = view_hex(ABC);
    const cf_attest_accepted accepted[] = {{0, value}, {16, abc}};
    cf_attest_policy policy = {.root = root,
                               .archived = true,
                               .need_nonce = true,
                               .nonce = CF_LIT("nonce"),
                               .pcrs = accepted,
                               .pcrs_n = 2};
    cf_attest_stage stage;
    cf_attest_payload p;
    assert_ok(cf_attest_verify(doc, &policy, &stage, &p));
    assert_int_equal(p.pcrs[17].len, CF_PCR_BYTES_SHA384); /* locked with the others */
    assert_int_equal(p.pcrs[18].len, 0);
    assert_view(p.public_key, CF_LIT("key"));
    assert_false(p.has_user_data);
    view_free(abc);
}

static void test_module_behind_the_device(void **state)
{
    (void)state;
    static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {7};
    char folder[] = "/tmp/nsm_device.XXXXXX", path[64];
    cf_soft_root *root = NULL;
    cf_soft_nsm *s = NULL;
    cf_nsm n;
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    assert_ok(cf_soft_nsm_new(root, pcr0, &s));
    nsm_device_put(soft, s);
    assert_ok(cf_nsm_open_device(CF_NSM_DEVICE, &n));
    assert_int_equal(error_of(&n, CF_NSM_EXTEND_PCR, 0), CF_NSM_READ_ONLY_INDEX);
    assert_int_equal(error_of(&n, CF_NSM_EXTEND_PCR, 16), CF_NSM_SUCCESS);
    assert_int_equal(error_of(&n, CF_NSM_LOCK_PCR, 16), CF_NSM_SUCCESS);
    assert_int_equal(error_of(&n, CF_NSM_EXTEND_PCR, 16), CF_NSM_READ_ONLY_INDEX);
    assert_int_equal(error_of(&n, CF_NSM_LOCK_PCRS, 18), CF_NSM_SUCCESS);
    assert_int_equal(error_of(&n, CF_NSM_EXTEND_PCR, 18), CF_NSM_SUCCESS);
    assert_int_equal(error_of(&n, CF_NSM_DESCRIBE_PCR, 32), CF_NSM_INVALID_INDEX);
    CF_BUF(doc);
    cf_nsm_request inputs = {.has_nonce = true,
                             .nonce = CF_LIT("nonce"),
                             .has_public_key = true,
                             .public_key = CF_LIT("key")};
    assert_ok(cf_nsm_attest(&n, &inputs, &doc));
    check_document(cf_buf_view(&doc), cf_soft_root_cert(root), pcr0);
    static const uint8_t large[CF_ATTEST_DATA_BYTES_MAX + 1];
    inputs.nonce = CF_VIEW_OF(large);
    assert_err(cf_nsm_attest(&n, &inputs, &doc), NSM);
    cf_nsm_close(&n);
    cf_soft_nsm_free(&s);
    cf_soft_root_free(&root);
    (void)snprintf(path, sizeof path, "%s/nsm-root.key", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/nsm-root.der", folder);
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_attestation),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_errors_of_the_call),
        cmocka_unit_test(test_lengths_of_answers),
        cmocka_unit_test(test_lengths_of_requests),
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_module_behind_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
