/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/linux/confine.h"
#include "sys/linux/errno_priv.h"
#include "sys/linux/file.h"
#include "sys/linux/net.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

/* Kernels before 6.3 know no MFD_EXEC, and later ones may insist on it. */
static int new_memfd(void)
{
    int fd = memfd_create("coffer-enclave", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    return fd >= 0 || errno != EINVAL
               ? fd
               : memfd_create("coffer-enclave", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static CF_MUST_USE cf_result fill(int fd, cf_view v)
{
    for (size_t done = 0; done < v.len;) {
        ssize_t n = write(fd, v.data + done, v.len - done);
        CF_REQUIRE(n > 0 || (n < 0 && errno == EINTR), IO);
        done += n > 0 ? (size_t)n : 0;
    }
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    CF_REQUIRE(fcntl(fd, F_ADD_SEALS, seals) == 0, IO);
    return cf_ok();
}

CF_MUST_USE cf_result cf_image_load(const char *path, cf_image *ret)
{
    *ret = CF_IMAGE_EMPTY;
    CF_BUF(bytes);
    CF_FD(fd);
    CF_TRY(cf_file_read(path, CF_IMAGE_BYTES_MAX, &bytes));
    CF_REQUIRE(bytes.len > 0, EMPTY);
    fd = new_memfd();
    if (fd < 0) {
        return cf_errno_result(errno);
    }
    CF_TRY(fill(fd, cf_buf_view(&bytes)));
    *ret = (cf_image){fd, cf_buf_move(&bytes)};
    fd = -1;
    return cf_ok();
}

void cf_image_free(cf_image *image)
{
    cf_fd_close(&image->fd);
    cf_buf_free(&image->bytes);
}
