/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper against metadata that a thread of the test serves: what is in use when the service gives sets whose end has passed, or
 * nothing. */
#include "host/credentials/keeper.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/wire/wire.h"
#include "sys/linux/clock.h"
#include "tests/support/test.h"

#define WAIT_MS 20000

static struct {
    int listener;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    char id[32];
    int64_t end_s; /* of what is given, since 1970 */
    bool fails;
    unsigned documents; /* that were asked for */
    char lent[32];
    unsigned lends;
} w = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *env(const char *name)
{
    return strcmp(name, "AWS_EC2_METADATA_SERVICE_ENDPOINT") == 0 ? w.url : NULL;
}

static void put_document(char *to, size_t size)
{
    time_t end = (time_t)w.end_s;
    struct tm utc;
    (void)gmtime_r(&end, &utc);
    (void)snprintf(to, size,
                   "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\","
                   "\"Token\":\"t\",\"Expiration\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\"}",
                   w.id, utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                   utc.tm_sec);
}

static void answer(int fd)
{
    char in[2048], body[512] = "", out[1024];
    size_t len = 0;
    while (len < sizeof in - 1 && memmem(in, len, "\r\n\r\n", 4) == NULL) {
        ssize_t n = read(fd, in + len, sizeof in - 1 - len);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
    }
    in[len] = '\0';
    (void)pthread_mutex_lock(&w.lock);
    bool fails = w.fails;
    if (strncmp(in, "PUT ", 4) == 0) {
        (void)snprintf(body, sizeof body, "token");
    } else if (strstr(in, "security-credentials/ ") != NULL) {
        (void)snprintf(body, sizeof body, "role");
    } else {
        w.documents++;
        put_document(body, sizeof body);
    }
    (void)pthread_mutex_unlock(&w.lock);
    int n = snprintf(out, sizeof out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s",
                     fails ? 503 : 200, strlen(body), body);
    (void)!write(fd, out, (size_t)n);
}

static void *serve(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept(w.listener, NULL, NULL)) >= 0;) {
        answer(fd);
        (void)close(fd);
    }
    return NULL;
}

static int begin(void **state)
{
    (void)state;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    w.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w.listener, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(w.listener, 16), 0);
    assert_int_equal(getsockname(w.listener, (struct sockaddr *)&addr, &len), 0);
    (void)snprintf(w.url, sizeof w.url, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    assert_int_equal(pthread_create(&w.thread, NULL, serve, NULL), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)shutdown(w.listener, SHUT_RDWR);
    assert_int_equal(pthread_join(w.thread, NULL), 0);
    return close(w.listener);
}

/* From now on this is what is given; in_s from now. */
static void give(const char *id, int64_t in_s)
{
    (void)pthread_mutex_lock(&w.lock);
    (void)snprintf(w.id, sizeof w.id, "%s", id);
    w.end_s = (int64_t)(cf_clock_wall_ms() / 1000) + in_s;
    w.fails = false;
    (void)pthread_mutex_unlock(&w.lock);
}

static void lend(void *ctx, cf_view body)
{
    (void)ctx;
    cf_credentials_view v;
    assert_ok(cf_credentials_decode(body, &v));
    (void)pthread_mutex_lock(&w.lock);
    (void)snprintf(w.lent, sizeof w.lent, "%.*s", (int)v.access_key_id.len,
                   (const char *)v.access_key_id.data);
    w.lends++;
    (void)pthread_mutex_unlock(&w.lock);
}

static bool is_lent(const char *id)
{
    (void)pthread_mutex_lock(&w.lock);
    bool is = strcmp(w.lent, id) == 0;
    (void)pthread_mutex_unlock(&w.lock);
    return is;
}

static unsigned documents(void)
{
    (void)pthread_mutex_lock(&w.lock);
    unsigned n = w.documents;
    (void)pthread_mutex_unlock(&w.lock);
    return n;
}

static void pause_ms(long ms)
{
    (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void await_lent(const char *id)
{
    for (uint64_t due = cf_clock_mono_ms() + WAIT_MS; !is_lent(id);) {
        assert_true(cf_clock_mono_ms() < due);
        pause_ms(10);
    }
}

static void await_documents(unsigned n)
{
    for (uint64_t due = cf_clock_mono_ms() + WAIT_MS; documents() < n;) {
        assert_true(cf_clock_mono_ms() < due);
        pause_ms(10);
    }
}

static cf_creds_keeper *keeper(void)
{
    cf_creds_keeper *k = NULL;
    const cf_creds_chain_opts opts = {
        .env = env, .program = "test", .single = true, .source = CF_CREDS_FROM_IMDS};
    assert_ok(cf_creds_keeper_new(&opts, &k));
    w.lent[0] = '\0';
    w.lends = w.documents = 0;
    return k;
}

static void first(cf_creds_keeper *k, const char *id)
{
    CF_BUF(body);
    cf_creds_story story;
    assert_ok(cf_creds_keeper_first(k, &body, &story));
    assert_int_equal(body.len > 0, id != NULL);
    if (id != NULL) {
        lend(NULL, cf_buf_view(&body));
        assert_true(is_lent(id));
    }
}

static cf_creds_status look(cf_creds_keeper *k)
{
    cf_creds_status s;
    cf_creds_keeper_look(k, &s);
    return s;
}

/* From the start: they are all there is. */
static void test_ended_first(void **state)
{
    (void)state;
    CF_AUTO(cf_creds_keeper_free) cf_creds_keeper *k = keeper();
    give("AKENDED", -3600);
    first(k, "AKENDED");
    cf_creds_status s = look(k);
    assert_int_equal(s.state, CF_CREDS_STATE_EXPIRED);
    assert_int_equal(s.last.fault, CF_CREDS_EXPIRED);
    assert_int_equal(s.source, CF_CREDS_FROM_IMDS);
    assert_int_equal(s.changes, 1);
    /* The thread asks again after the wait of a failure: the first is a second, less up to half of it. */
    assert_ok(cf_creds_keeper_run(k, lend, NULL));
    uint64_t began = cf_clock_mono_ms();
    give("AKNEW", 3600);
    await_lent("AKNEW");
    assert_in_range(cf_clock_mono_ms() - began, 300, 5000);
    s = look(k);
    assert_int_equal(s.state, CF_CREDS_STATE_FRESH);
    assert_int_equal(s.last.fault, CF_CREDS_NONE);
    assert_int_equal(s.changes, 2);
}

/* Of sets that have ended the newest is in use, the same again is no change, and one that is older than what is there is not taken. */
static void test_ended_later(void **state)
{
    (void)state;
    CF_AUTO(cf_creds_keeper_free) cf_creds_keeper *k = keeper();
    give("AKONE", 2);
    first(k, "AKONE");
    assert_int_equal(look(k).state, CF_CREDS_STATE_FRESH);
    assert_ok(cf_creds_keeper_run(k, lend, NULL));
    /* Before it ends a set comes that has ended: what holds stays. */
    give("AKOLDER", -3600);
    await_documents(3);
    assert_true(is_lent("AKONE"));
    pause_ms(2100);
    assert_int_equal(look(k).state, CF_CREDS_STATE_EXPIRED);
    unsigned asked = documents();
    await_documents(asked + 1);
    assert_true(is_lent("AKONE"));
    assert_int_equal(look(k).changes, 1);
    /* A newer one, whose end has come as well. */
    give("AKTWO", 0);
    await_lent("AKTWO");
    cf_creds_status s = look(k);
    assert_int_equal(s.state, CF_CREDS_STATE_EXPIRED);
    assert_int_equal(s.last.fault, CF_CREDS_EXPIRED);
    assert_int_equal(s.changes, 2);
    assert_int_equal(w.lends, 2);
}

/* Nothing comes at all: what there is stays in use past its end. */
static void test_unreachable(void **state)
{
    (void)state;
    CF_AUTO(cf_creds_keeper_free) cf_creds_keeper *k = keeper();
    give("AKONE", 2);
    first(k, "AKONE");
    assert_ok(cf_creds_keeper_run(k, lend, NULL));
    (void)pthread_mutex_lock(&w.lock);
    w.fails = true;
    (void)pthread_mutex_unlock(&w.lock);
    pause_ms(3500);
    cf_creds_status s = look(k);
    assert_int_equal(s.state, CF_CREDS_STATE_EXPIRED);
    assert_int_equal(s.last.fault, CF_CREDS_UNAVAILABLE);
    assert_true(is_lent("AKONE"));
    give("AKBACK", 3600);
    await_lent("AKBACK");
    assert_int_equal(look(k).state, CF_CREDS_STATE_FRESH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended_first),
        cmocka_unit_test(test_ended_later),
        cmocka_unit_test(test_unreachable),
    };
    return cmocka_run_group_tests_name("host/credentials/keeper", tests, begin, end);
}
