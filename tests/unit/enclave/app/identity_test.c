/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/identity.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enclave/app/limits.h"
#include "sys/linux/clock.h"
#include "sys/nsm/nsm.h"
#include "tests/support/test.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* A software module without a stream in between. */
static char folder[64];
static cf_soft_root *root;
static cf_soft_nsm *module;
static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {0xab};

static cf_result call(void *self, cf_view request, cf_buf *ret_response)
{
    return cf_soft_nsm_answer(self, request, ret_response);
}

static void no_close(void *self)
{
    (void)self;
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/identity_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    assert_ok(cf_soft_nsm_new(root, pcr0, &module));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[128];
    cf_soft_nsm_free(&module);
    cf_soft_root_free(&root);
    (void)snprintf(path, sizeof path, "%s/nsm-root.key", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/nsm-root.der", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static void document_age(void **state)
{
    (void)state;
    static const cf_nsm_ops ops = {call, no_close};
    cf_nsm nsm = {&ops, module};
    CF_AUTO(cf_identity_free) cf_identity *identity = NULL;
    CF_BUF(first);
    CF_BUF(young);
    CF_BUF(old);
    uint64_t now = 1000;
    assert_ok(cf_identity_new(&nsm, &identity));
    assert_ok(cf_identity_document(identity, now, &first));
    assert_ok(cf_identity_document(identity, now + CF_ENCLAVE_DOCUMENT_AGE_MS - 1, &young));
    assert_view(cf_buf_view(&young), cf_buf_view(&first));
    assert_ok(cf_identity_document(identity, now + CF_ENCLAVE_DOCUMENT_AGE_MS, &old));
    assert_false(cf_view_eq(cf_buf_view(&old), cf_buf_view(&first)));
}

/* In a time namespace whose boot clock is ahead, as a suspend leaves it: the status that a child of this process ends with. */
static int seen_after_suspend(void)
{
    static const char offset[] = "boottime 100000 0\n";
    int fd = unshare(CLONE_NEWTIME) == 0 ? open("/proc/self/timens_offsets", O_WRONLY) : -1;
    if (fd < 0 || write(fd, offset, sizeof offset - 1) != (ssize_t)sizeof offset - 1) {
        return 77;
    }
    (void)close(fd);
    uint64_t mono = cf_clock_mono_ms();
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    uint64_t boot = (uint64_t)t.tv_sec * 1000;
    pid_t pid = fork();
    if (pid == 0) {
        bool ahead = cf_clock_boot_ms() >= boot + 99000000;
        _exit(ahead && cf_clock_mono_ms() < mono + 10000 ? 0 : 1);
    }
    int status = 1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void boot_clock(void **state)
{
    (void)state;
    int status = 0;
    uint64_t before = cf_clock_boot_ms();
    pid_t pid = fork();
    if (pid == 0) {
        _exit(seen_after_suspend());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(cf_clock_boot_ms() >= before);
    if (WEXITSTATUS(status) == 77) {
        skip(); /* no time namespaces here */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_age),
        cmocka_unit_test(boot_clock),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
