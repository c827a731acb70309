/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that settings name: http or https, a host, perhaps a port, a path. Pure. */
#pragma once
#include "host/credentials/limits.h"

typedef struct {
    bool tls;
    char host[CF_CREDS_HOST_BYTES_MAX + 1]; /* a name, or an address without brackets */
    uint16_t port;
    /* For the Host field: with brackets, and with the port unless it is the scheme's own. */
    char authority[CF_CREDS_HOST_BYTES_MAX + 9];
} cf_creds_url;

/** *ret_path: with its query, borrowed from the text; "/" where there is none.
 *  error MALFORMED user information, a fragment, no host, anything but visible ASCII; UNSUPPORTED another scheme; SIZE; RANGE the port.
 *        *ret is zero then */
CF_MUST_USE cf_result cf_creds_url_parse(cf_view text, cf_creds_url *ret, cf_view *ret_path);

/** This machine by a loopback address, or by the name "localhost". */
bool cf_creds_url_loopback(const cf_creds_url *u);
/** That, or one of the link-local addresses at which containers find their credentials: where these may travel without TLS. */
bool cf_creds_url_container(const cf_creds_url *u);
