/* SPDX-License-Identifier: Apache-2.0 */
/* TLS for an HTTP client: sys/tls as its layer. */
#pragma once
#include "host/http/client.h"
#include "sys/tls/tls.h"

/** The layer; borrows c. Certificates have to hold at the time of the machine's clock. The end of a stream without a goodbye is CLOSED
 *  there, as it is without TLS: that an answer is whole HTTP tells. */
cf_http_client_layer cf_tls_client_layer(const cf_tls_config *c);
