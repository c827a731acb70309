/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filter: an allow-list in syscalls_enclave.def, and here the arguments that some calls may have. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/linux/confine.h"

typedef struct {
    int number;
    unsigned only; /* where this bit of CF_MAY_* is given; 0: always */
} allowed_call;

static const allowed_call allowed[] = {
#define CF_SYSCALL(name) {SCMP_SYS(name), 0},
#define CF_SYSCALL_VSOCK(name) {SCMP_SYS(name), CF_MAY_DIAL_VSOCK},
#define CF_SYSCALL_NSM(name) {SCMP_SYS(name), CF_MAY_ASK_NSM},
#include "sys/linux/syscalls_enclave.def"
#undef CF_SYSCALL
#undef CF_SYSCALL_VSOCK
#undef CF_SYSCALL_NSM
};

/* Argument index of a call, masked, must equal value. Rows of one call are alternatives; a call without rows takes anything. */
typedef struct {
    int number;
    unsigned index;
    uint64_t mask, value;
} condition;

#define WHOLE UINT64_MAX
#define INT32 UINT64_C(0xFFFFFFFF) /* the kernel reads no more of an int */

#define NSM_IOCTL UINT64_C(0xC0200A00) /* CF_NSM_IOCTL of sys/nsm */

static const condition conditions[] = {
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},      {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(fcntl), 1, INT32, F_GETFL},   {SCMP_SYS(fcntl), 1, INT32, F_SETFL},
    {SCMP_SYS(sendto), 4, WHOLE, 0}, /* no address: connected sockets only */
    {SCMP_SYS(socket), 0, INT32, AF_VSOCK}, {SCMP_SYS(getsockopt), 2, INT32, SO_ERROR},
    {SCMP_SYS(ioctl), 1, INT32, NSM_IOCTL},
};
#define CONDITIONS_N (sizeof conditions / sizeof *conditions)

typedef void *filter;

static void filter_free(filter *f)
{
    if (*f != NULL) {
        seccomp_release(*f);
    }
}

static CF_MUST_USE cf_result add_if(filter f, int number, unsigned index, uint64_t mask,
                                    uint64_t value)
{
    struct scmp_arg_cmp only = SCMP_CMP(index, SCMP_CMP_MASKED_EQ, mask, value);
    CF_REQUIRE(seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 1, &only) == 0, NOT_PERMITTED);
    return cf_ok();
}

static CF_MUST_USE cf_result add(filter f, int number)
{
    if (number < 0) {
        return cf_ok(); /* this machine has no such call */
    }
    if (number == SCMP_SYS(tgkill)) {
        return add_if(f, number, 0, INT32, (uint64_t)(uint32_t)getpid());
    }
    bool conditional = false;
    for (size_t i = 0; i < CONDITIONS_N; i++) {
        if (conditions[i].number == number) {
            conditional = true;
            CF_TRY(add_if(f, number, conditions[i].index, conditions[i].mask, conditions[i].value));
        }
    }
    CF_REQUIRE(conditional || seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 0, NULL) == 0,
               NOT_PERMITTED);
    return cf_ok();
}

CF_MUST_USE cf_result cf_seccomp_enter(unsigned may)
{
    CF_AUTO(filter_free) filter f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    CF_REQUIRE(f != NULL, NO_MEMORY);
    CF_REQUIRE(seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0,
               NOT_PERMITTED);
    CF_REQUIRE(seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) == 0, NOT_PERMITTED);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if ((allowed[i].only & ~may) == 0) {
            CF_TRY(add(f, allowed[i].number));
        }
    }
    /* A second bar before what the filter forbids: no process or thread beyond those that run. */
    struct rlimit none = {0, 0};
    CF_REQUIRE(setrlimit(RLIMIT_NPROC, &none) == 0, NOT_PERMITTED);
    CF_REQUIRE(seccomp_load(f) == 0, NOT_PERMITTED);
    return cf_ok();
}
