/* SPDX-License-Identifier: Apache-2.0 */
/* Confinement of the enclave process on a machine without Nitro: what the launcher does before exec, and what the program does itself. */
#pragma once
#include "core/base/buf.h"

/** An enclave image held in a sealed memfd: what is measured is what is run. */
typedef struct {
    int fd;
    cf_buf bytes; /* the image; free with cf_image_free */
} cf_image;
/** Reads the program into a sealed memfd. error NOT_FOUND, IO, SIZE over CF_IMAGE_BYTES_MAX. */
#define CF_IMAGE_BYTES_MAX ((size_t)64 << 20)
CF_MUST_USE cf_result cf_image_load(const char *path, cf_image *ret);
void cf_image_free(cf_image *image);

/** Barriers that the kernel did not grant; each deserves one clear warning from the launcher. */
enum {
    CF_LACKS_USER_NS = 1,
    CF_LACKS_MOUNT_NS = 2,
    CF_LACKS_PID_NS = 4,
    CF_LACKS_NET_NS = 8,
    CF_LACKS_IPC_NS = 16,
    CF_LACKS_UID = 32,     /* still the launcher's uid */
    CF_LACKS_MEMLOCK = 64, /* memory could not be locked as a whole */
};

/** How the launcher starts a confined program. */
typedef struct {
    const cf_image *image;
    char *const *argv; /* NULL-terminated; no environment is passed */
    const int *
        keep_fds; /* become 3, 4, 5, … in the child; everything else is closed; 0 is /dev/null, 1 and 2 go to log_fd */
    size_t keep_n;
    int log_fd;
} cf_confine_spec;

/** Forks and executes the image in own user, mount, pid, network and ipc namespaces with an empty root, no environment, no
 *  core dumps, death with the launcher. out *ret_pid as the launcher sees it, *ret_lacks bits of CF_LACKS_*.
 *  error IO when the program cannot be started at all. */
CF_MUST_USE cf_result cf_confine_start(const cf_confine_spec *spec, int *ret_pid,
                                       unsigned *ret_lacks);

/** In the program, first thing: not dumpable, no core, no new privileges, memory locked. *ret_lacks as above. */
CF_MUST_USE cf_result cf_harden(unsigned *ret_lacks);
/** In the program, once all threads run: seccomp allow-list (sys/linux/syscalls_enclave.def) that kills the process, for all threads. */
CF_MUST_USE cf_result cf_seccomp_enter(void);
