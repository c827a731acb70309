/* SPDX-License-Identifier: Apache-2.0 */
/* Everything around an enclave, in one process: the launcher, the software security module, a KMS that can be told to fail, and
 * an agent's side of the wire. Used by tests and by bench/enclave.c, so it does without cmocka: what must not fail ends the
 * process with one line. */
#pragma once
#include <pthread.h>

#include "core/vault/seal.h"
#include "core/wire/wire.h"
#include "sys/linux/confine.h"
#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"

#define rig_need(condition) rig_check((condition), #condition, __FILE__, __LINE__)
void rig_check(bool holds, const char *what, const char *file, int line);

/** What the KMS does with a Decrypt. */
typedef enum {
    RIG_KMS_WORKS,
    RIG_KMS_REFUSES,   /* 400 AccessDeniedException */
    RIG_KMS_THROTTLES, /* 400 ThrottlingException */
    RIG_KMS_FAILS,     /* 500 */
    RIG_KMS_HANGS,     /* takes the request and says nothing */
    RIG_KMS_DEAD,      /* no connection can be had */
    RIG_KMS_NO_LINK,   /* nobody answers the question for a connection */
    RIG_KMS_CLOSES,    /* ends the connection in the middle of an answer */
    RIG_KMS_GARBAGE,   /* answers outside HTTP */
    RIG_KMS_PLAINTEXT, /* gives the key in the clear */
    RIG_KMS_NO_KEY,    /* a CMS whose content is no key */
    RIG_KMS_OTHER_CMS, /* a CMS for another recipient */
    /* keys that an ordinary reader takes, and in which whoever alters a CMS finds octets to play with */
    RIG_KMS_ATTRIBUTES,   /* behind the key, a hole of any size */
    RIG_KMS_OTHER_PUBLIC, /* beside the scalar, the public key of another */
} rig_kms_mode;

typedef struct {
    const char *program;
    const char *const *options; /* further ones, NULL-terminated; may be NULL */
    const char *kms;            /* address of the KMS; NULL: the rig's */
    /* in PEM, for a KMS that is named; connections to it are asked for where those of the rig's are */
    cf_view roots;
    const char *kms_link; /* where it goes for those instead; NULL: as above */
    const char *listen;   /* where it listens by itself; NULL: a socket that the rig gives it */
} rig_spec;

typedef struct rig rig;
rig *rig_start(const rig_spec *spec);
/** Ends the enclave with SIGTERM; returns its wait status. */
int rig_stop(rig **r);

int rig_pid(const rig *r);
unsigned rig_lacks(const rig *r);
cf_view rig_pcr0(const rig *r);
/** What a verifier of its documents pins. */
cf_view rig_root(const rig *r);
/** What the enclave has logged so far. */
void rig_log(rig *r, cf_buf *out);
/** Sends SIGKILL or SIGTERM and reaps; returns the wait status. rig_stop still has to follow. */
int rig_kill(rig *r, int signal);
/** The caller has reaped the enclave by itself. */
void rig_forget(rig *r);

void rig_kms_set(rig *r, rig_kms_mode mode, unsigned delay_ms);
/** From now on connections lead to another KMS. */
void rig_kms_at(rig *r, const cf_net_addr *addr);
/** Decrypt requests that came, and connections that were asked for. */
unsigned rig_kms_calls(rig *r);
unsigned rig_kms_links(rig *r);
/** Times that a document brought another recipient's key than the one before, the first included. */
unsigned rig_kms_recipients(rig *r);
/** Ends all connections of the KMS. */
void rig_kms_drop(rig *r);

/** A vault's key pair, known to the KMS, and what a request needs of it. */
typedef struct {
    cf_binding binding;
    cf_dh_public public_key;
    uint8_t blob[64];
    size_t blob_len;
} rig_vault;
/** The n-th vault. All of one suite share a key pair; their wrapped keys differ. */
void rig_vault_make(rig *r, unsigned n, cf_hpke_suite suite, rig_vault *ret);

/** The scalar that those of this curve share. */
CF_MUST_USE cf_result rig_scalar(rig *r, cf_curve curve, cf_secret *ret);

#define RIG_EXPRESSIONS_MAX 100
#define RIG_SECRETS_MAX 16

/** One request in the making: fields sealed to a vault. Zero state to begin with. */
typedef struct {
    cf_decrypt message;
    cf_write_ref writes[8];
    cf_field fields[CF_REQUEST_FIELDS_MAX];
    char names[CF_REQUEST_FIELDS_MAX][16];
    cf_expression expressions[RIG_EXPRESSIONS_MAX];
    cf_secret_ref secrets[RIG_SECRETS_MAX];
    cf_arena arena;
} rig_request;
/** n fields f000, f001, …; values "value of f000" and so on; added behind those that are there. One write for encoding 3. */
void rig_seal(rig_request *q, const rig_vault *v, cf_encoding encoding, size_t n);
/** Adds an expression; a secret as the KMS of the rig wraps it, "secret:" and its name. Texts are kept as they are. */
void rig_express(rig_request *q, const char *name, const char *source);
void rig_secret(rig_request *q, const char *name, const char *blob);
void rig_request_free(rig_request *q);

/** An agent's connection. */
typedef struct {
    int fd;
    cf_buf in;
    size_t used;
} rig_conn;
void rig_connect(rig *r, rig_conn *c);
void rig_close(rig_conn *c);
void rig_send(rig_conn *c, uint32_t kind, uint64_t request, cf_view body);
void rig_send_decrypt(rig_conn *c, uint64_t request, const cf_decrypt *m);
/** Lends these, and waits until they are taken. */
void rig_lend(rig_conn *c, const cf_credentials_view *m);
/** Next message, whose body is valid until the next call. False when the other side closed, or none came in time. */
bool rig_receive(rig_conn *c, unsigned timeout_ms, cf_msg *ret);
/** A connection that has said HELLO. */
void rig_hello(rig *r, rig_conn *c);
/** The code of an ERROR message; CF_OK for another kind. */
cf_err rig_error(const cf_msg *m);
cf_health rig_health(rig_conn *c, cf_buf *keep);
