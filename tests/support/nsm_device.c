/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/nsm_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What <linux/nsm.h> says, in numbers of its own. */
#define NUMBER 0xC0200A00UL
#define REQUEST_BYTES_MAX 0x1000
#define RESPONSE_BYTES_MAX 0x3000
#define DEVICE "/dev/nsm"
#define BEHIND "/dev/zero"

nsm_device nsm_device_now = {.open_errno = ENOENT};

void nsm_device_put(nsm_device_fn *answer, void *ctx)
{
    nsm_device_now = (nsm_device){.answer = answer, .ctx = ctx};
}

void nsm_device_take(void)
{
    nsm_device_now = (nsm_device){.open_errno = ENOENT};
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(more, unsigned) : 0;
    va_end(more);
    if (strcmp(path, DEVICE) != 0) {
        return __real_open(path, flags, mode);
    }
    if (nsm_device_now.open_errno != 0) {
        errno = nsm_device_now.open_errno;
        return -1;
    }
    return __real_open(BEHIND, flags, mode);
}

static uint64_t word_at(const uint8_t *raw, size_t off)
{
    uint64_t word;
    memcpy(&word, raw + off, sizeof word);
    return word;
}

/* As the driver: the request is copied whole or not at all, the answer as far as there is room, and its true length told. */
static int call(uint8_t *raw)
{
    uint64_t request_at = word_at(raw, 0), request_len = word_at(raw, 8);
    uint64_t response_at = word_at(raw, 16), room = word_at(raw, 24);
    if (request_len > REQUEST_BYTES_MAX) {
        return EMSGSIZE;
    }
    if (request_at == 0 || response_at == 0) {
        return EFAULT;
    }
    CF_BUF(answer);
    nsm_device_now.calls++;
    cf_view request = cf_view_make((const void *)(uintptr_t)request_at, (size_t)request_len);
    int error = nsm_device_now.answer(nsm_device_now.ctx, request, &answer);
    if (error != 0) {
        return error;
    }
    uint64_t len = answer.len < RESPONSE_BYTES_MAX ? answer.len : RESPONSE_BYTES_MAX;
    cf_copy((void *)(uintptr_t)response_at, answer.data, (size_t)(len < room ? len : room));
    len = nsm_device_now.claim != 0 ? nsm_device_now.claim : len;
    memcpy(raw + 24, &len, sizeof len);
    return 0;
}

int __wrap_ioctl(int fd, unsigned long number, ...);
int __wrap_ioctl(int fd, unsigned long number, ...)
{
    va_list more;
    va_start(more, number);
    uint8_t *raw = va_arg(more, uint8_t *);
    va_end(more);
    errno = fd < 0 ? EBADF : number != NUMBER ? ENOTTY : call(raw);
    return errno == 0 ? 0 : -1;
}
