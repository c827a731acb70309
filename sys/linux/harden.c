/* SPDX-License-Identifier: Apache-2.0 */
/* The program's half of the confinement, before its threads. System calls: prctl, getrlimit, setrlimit, unshare, mount, fsopen,
 * fsconfig, fsmount, move_mount, pivot_root, chroot, chdir, umount2, capset, mlockall; the filter of seccomp.c ends them all. */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/linux/confine.h"
#include "sys/linux/net.h"

/* Once all future memory is to be locked, a limit that is reached fails allocations; below this one only secrets are locked,
 * each for itself (cf_locked_new). */
#define HARDEN_MEMLOCK_BYTES_MIN ((rlim_t)256 << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HARDEN_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HARDEN_ASAN
#endif
#ifdef HARDEN_ASAN
/* There is no environment to say so in, and the leak checker's tracing thread would be killed by the filter. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

/* An empty file system, read-only, that is mounted nowhere yet. */
static CF_MUST_USE cf_result empty_mount(int *ret_fd)
{
    CF_FD(context);
    context = fsopen("tmpfs", FSOPEN_CLOEXEC);
    CF_REQUIRE(context >= 0, NOT_PERMITTED);
    CF_REQUIRE(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0, NOT_PERMITTED);
    unsigned attributes =
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    *ret_fd = fsmount(context, FSMOUNT_CLOEXEC, attributes);
    CF_REQUIRE(*ret_fd >= 0, NOT_PERMITTED);
    return cf_ok();
}

/* Makes an empty file system the root and lets go of all others. It happens here, and not in the launcher, because a dynamic
 * program's loader needs its libraries; and in a mount namespace made here, so that a program started by hand as root does
 * this to nobody else. */
static CF_MUST_USE cf_result leave_files(void)
{
    CF_FD(empty);
    CF_REQUIRE(unshare(CLONE_NEWNS) == 0, NOT_PERMITTED);
    CF_REQUIRE(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, NOT_PERMITTED);
    CF_TRY(empty_mount(&empty));
    CF_REQUIRE(move_mount(empty, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) == 0, NOT_PERMITTED);
    CF_REQUIRE(fchdir(empty) == 0, NOT_PERMITTED);
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        /* The old root now lies over the new one; with it goes every mount below it. */
        CF_REQUIRE(umount2(".", MNT_DETACH) == 0, NOT_PERMITTED);
    } else {
        /* A root that cannot be exchanged: that of an initial ramdisk. */
        CF_REQUIRE(chroot(".") == 0, NOT_PERMITTED);
    }
    CF_REQUIRE(chdir("/") == 0, NOT_PERMITTED);
    return cf_ok();
}

static CF_MUST_USE cf_result drop_capabilities(void)
{
    for (unsigned long cap = 0; cap < 64; cap++) {
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    CF_REQUIRE(syscall(SYS_capset, &head, none) == 0, NOT_PERMITTED);
    return cf_ok();
}

static bool lock_memory(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur < HARDEN_MEMLOCK_BYTES_MIN) {
        return false;
    }
    /* On fault: pages of stacks that are never touched stay unmapped. */
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

CF_MUST_USE cf_result cf_harden(unsigned *ret_lacks)
{
    struct rlimit none = {0, 0};
    *ret_lacks = 0;
    CF_REQUIRE(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, NOT_PERMITTED);
    CF_REQUIRE(setrlimit(RLIMIT_CORE, &none) == 0, NOT_PERMITTED);
    unsigned lacks = cf_is_ok(leave_files()) ? 0 : CF_LACKS_ROOT;
    lacks |= lock_memory() ? 0 : CF_LACKS_MEMLOCK;
    lacks |= geteuid() == 0 ? CF_LACKS_UID : 0;
    CF_TRY(drop_capabilities());
    CF_REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, NOT_PERMITTED);
    *ret_lacks = lacks;
    return cf_ok();
}
