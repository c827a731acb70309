/* SPDX-License-Identifier: Apache-2.0 */
/* "bare": the operations that an attested Decrypt of a vault's key cannot do without, in the linked library and nothing around them.
 * Left out is all that could be called handling: hashes (digests of what is signed, signatures of requests, key derivation), the records
 * of TLS, encodings. So is the document's own signature, of which there is one in a minute, whatever is decrypted. */
#pragma once
#include "bench/bench.h"
#include "core/base/view.h"

typedef struct bench_attested bench_attested;

/** Keys, signatures and ciphertexts made ready. Ends the program on failure. Used by one thread at a time. */
bench_attested *bench_attested_new(void);
void bench_attested_free(bench_attested *a);

/* Operations of a bench_row; ctx is the bench_attested. */

/** Five verifications of ECDSA P-384: four certificates below the pinned root, and the document. */
cf_result bench_attested_document(void *ctx);
/** The service's part: the document; AES-256-GCM opens the wrapped key; RSAES-OAEP-SHA-256 seals a content key to the document's
 *  RSA-2048 key; AES-256-CBC encrypts under that. */
cf_result bench_attested_service(void *ctx);
/** The enclave's: RSA-2048 opens the content key; AES-256-CBC decrypts; P-384: the public key of the private one; ECDH with the
 *  encapsulation of one write; AES-256-GCM opens one field. */
cf_result bench_attested_enclave(void *ctx);
/** Both, one behind the other. */
cf_result bench_attested_whole(void *ctx);
