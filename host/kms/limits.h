/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of the host's client of the KMS: docs/limits.md. */
#pragma once

#define CF_KMS_LINKS_MAX 16       /* connections with TLS at a time, so calls in work */
#define CF_KMS_LINK_IDLE_MS 20000 /* a connection without a call for so long is made anew */
