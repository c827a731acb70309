/* SPDX-License-Identifier: Apache-2.0 */
/* The module as the kernel offers it: one ioctl, a request in one buffer and its answer in another. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"

/* struct nsm_raw of the kernel's <linux/nsm.h>, which Debian 12 does not have yet. */
typedef struct {
    uint64_t addr, len;
} iovec64;
typedef struct {
    iovec64 request,
        response; /* response.len: room on the way in, octets of the answer on the way out */
} raw;
_Static_assert(sizeof(raw) == 32, "the device's number holds this size");
_Static_assert(_IOWR(0x0A, 0, raw) == CF_NSM_IOCTL, "the filter of system calls knows this number");

typedef struct {
    int fd;
} device;

/* What the driver says instead of an answer. A refusal by the module is no error of the call, but an answer. */
static cf_err error_of(int number)
{
    switch (number) {
    case EMSGSIZE:
        return CF_ERR_SIZE;
    case ETIMEDOUT: /* after 120 s without a word of the module */
        return CF_ERR_TIMEOUT;
    case ENOMEM:
        return CF_ERR_NO_MEMORY;
    case EACCES:
    case EPERM:
        return CF_ERR_NOT_PERMITTED;
    default: /* EINVAL, EFAULT, EIO, ENODATA; ENOTTY of a device that is no module */
        return CF_ERR_IO;
    }
}

/* Never repeated: a request may have been carried out although its answer got lost, and a register would be extended twice. The
 * driver itself lets one call in at a time. */
static cf_result device_call(void *self, cf_view request, cf_buf *ret_response)
{
    const device *d = self;
    CF_REQUIRE(request.len > 0 && request.len <= CF_NSM_REQUEST_BYTES_MAX, SIZE);
    CF_BUF(answer);
    CF_TRY(cf_buf_reserve(&answer, CF_NSM_RESPONSE_BYTES_MAX));
    raw r = {{(uint64_t)(uintptr_t)request.data, request.len},
             {(uint64_t)(uintptr_t)answer.data, CF_NSM_RESPONSE_BYTES_MAX}};
    if (ioctl(d->fd, CF_NSM_IOCTL, &r) != 0) {
        return cf_fail(error_of(errno));
    }
    /* An answer that did not fit is cut without a word but for its length. */
    CF_REQUIRE(r.response.len > 0 && r.response.len <= CF_NSM_RESPONSE_BYTES_MAX, SIZE);
    answer.len = (size_t)r.response.len;
    return cf_buf_append(ret_response, cf_buf_view(&answer));
}

static void device_close(void *self)
{
    device *d = self;
    cf_fd_close(&d->fd);
    cf_mem_free(d);
}

static const cf_nsm_ops device_ops = {.call = device_call, .close = device_close};

CF_MUST_USE cf_result cf_nsm_open_device(const char *path, cf_nsm *ret)
{
    *ret = (cf_nsm){NULL, NULL};
    CF_FD(fd);
    struct stat info;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        CF_REQUIRE(errno != ENOENT && errno != ENODEV && errno != ENXIO, NOT_FOUND);
        CF_REQUIRE(errno != EACCES && errno != EPERM, NOT_PERMITTED);
        return cf_fail(CF_ERR_IO);
    }
    /* A file or a pipe of that name is somebody's attempt, or mistake. */
    CF_REQUIRE(fstat(fd, &info) == 0 && S_ISCHR(info.st_mode), UNSUPPORTED);
    device *d = cf_mem_new(1, sizeof *d);
    CF_REQUIRE(d != NULL, NO_MEMORY);
    *d = (device){fd};
    fd = -1;
    *ret = (cf_nsm){&device_ops, d};
    return cf_ok();
}
