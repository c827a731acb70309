/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's error numbers as results; what has no name of its own is IO. */
#pragma once
#include <errno.h>

#include "core/base/result.h"

static inline CF_MUST_USE cf_result cf_errno_result(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
    case ENODEV:
        return cf_fail(CF_ERR_NOT_FOUND);
    case EACCES:
    case EPERM:
    case EROFS:
        return cf_fail(CF_ERR_NOT_PERMITTED);
    case EEXIST:
    case EADDRINUSE:
        return cf_fail(CF_ERR_EXISTS);
    case ETIMEDOUT:
        return cf_fail(CF_ERR_TIMEOUT);
    case EPIPE:
    case ECONNRESET:
        return cf_fail(CF_ERR_CLOSED);
    case ENOMEM:
    case ENOBUFS:
        return cf_fail(CF_ERR_NO_MEMORY);
    default:
        return cf_fail(CF_ERR_IO);
    }
}
