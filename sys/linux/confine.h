/* SPDX-License-Identifier: Apache-2.0 */
/* Confinement of the enclave process on a machine without Nitro, in two halves. The launcher (confine.c) starts the image in
 * namespaces of its own; the program (harden.c, seccomp.c) shuts what only it can shut: it leaves the file system once its
 * libraries are loaded, drops what the launcher left it for that, and enters the system call filter once its threads run. */
#pragma once
#include "core/base/buf.h"

/** Barriers that the kernel did not grant; each deserves one clear warning from whoever is told. */
enum {
    CF_LACKS_USER_NS = 1 << 0,
    CF_LACKS_MOUNT_NS = 1 << 1,
    CF_LACKS_PID_NS = 1 << 2,
    CF_LACKS_NET_NS = 1 << 3,
    CF_LACKS_IPC_NS = 1 << 4,
    CF_LACKS_UID = 1 << 5, /* still the launcher's uid; always so for a launcher that is not root */
    CF_LACKS_MEMLOCK = 1 << 6, /* memory could not be locked as a whole */
    CF_LACKS_ROOT = 1 << 7,    /* still sees files */
    CF_LACKS_UTS_NS = 1 << 8,
    CF_LACKS_CGROUP_NS = 1 << 9,
};
#define CF_LACKS_COUNT 10

/** "pid_ns" and so on, for the lowest bit that is set; static text. */
const char *cf_lacks_name(unsigned lacks);

/** An enclave image held in a sealed memfd: what is measured is what is run. */
typedef struct {
    int fd;       /* -1 in the zero state of CF_IMAGE_EMPTY */
    cf_buf bytes; /* the image */
} cf_image;
#define CF_IMAGE_EMPTY ((cf_image){-1, CF_BUF_EMPTY})
#define CF_IMAGE_BYTES_MAX ((size_t)48 << 20)

/** Reads the program into a sealed memfd. error NOT_FOUND, NOT_PERMITTED, IO, EMPTY, SIZE over CF_IMAGE_BYTES_MAX. */
CF_MUST_USE cf_result cf_image_load(const char *path, cf_image *ret);
/** Closes and frees; leaves CF_IMAGE_EMPTY, which it accepts. */
void cf_image_free(cf_image *image);

/** How the launcher starts a confined program. */
#define CF_CONFINE_FDS_MAX 8
typedef struct {
    const cf_image *image;
    char *const *argv; /* NULL-terminated; no environment is passed */
    const int *
        keep_fds; /* become 3, 4, 5, … in the child; 0 is /dev/null, 1 and 2 are log_fd; all else is closed */
    size_t keep_n; /* at most CF_CONFINE_FDS_MAX */
    int log_fd;
} cf_confine_spec;

/** Forks and executes the image: own user, mount, pid, network, ipc, uts and cgroup namespaces, an own session, uid and gid
 *  65534 where the launcher is root, no environment, no core dumps, few descriptors, the signals of
 *  cf_signals_block blocked and no others, and death with the *thread* that called
 *  this: start it from one that lives as long as the program shall. What the program still needs to leave the file system (two
 *  capabilities over its own namespaces) it drops in cf_harden.
 *  out   *ret_pid as the launcher sees it, to be reaped by the launcher; *ret_lacks bits of CF_LACKS_*
 *  error ARGUMENT over CF_CONFINE_FDS_MAX; IO when the program cannot be started at all */
CF_MUST_USE cf_result cf_confine_start(const cf_confine_spec *spec, int *ret_pid,
                                       unsigned *ret_lacks);

/** In the program, first thing, while it has one thread: not dumpable, no core, no new privileges, an empty read-only root in a
 *  mount namespace of its own (so it does no harm when it was started by hand), no capabilities, memory locked.
 *  out   *ret_lacks: CF_LACKS_ROOT, CF_LACKS_UID (root), CF_LACKS_MEMLOCK
 *  error NOT_PERMITTED when what every kernel grants is refused */
CF_MUST_USE cf_result cf_harden(unsigned *ret_lacks);

/** What the filter lets through beyond what every enclave needs. */
enum {
    CF_MAY_DIAL_VSOCK = 1 << 0, /* sockets of AF_VSOCK can still be made and connected */
    CF_MAY_ASK_NSM = 1 << 1,    /* the one ioctl of the security module's device */
};

/** In the program, once all threads run: no further process or thread, and the allow-list of sys/linux/syscalls_enclave.def, which
 *  kills the process, for all threads. may: bits of CF_MAY_*.
 *  error NOT_PERMITTED when the kernel refuses; the program must then not serve. */
CF_MUST_USE cf_result cf_seccomp_enter(unsigned may);
