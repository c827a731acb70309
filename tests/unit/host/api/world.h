/* SPDX-License-Identifier: Apache-2.0 */
/* A service without sockets: requests are structures, the agent opens fields by itself, KMS hands out keys in the clear, the
 * store is the real one in a folder of its own behind a twin that fails on demand. */
#pragma once
#include "core/codec/json.h"
#include "host/api/call.h"
#include "host/store/faulty.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "tests/support/test.h"

#define WORLD_HEADERS_MAX 16

/** What the agent and KMS answer next time. status 0: as they should. */
typedef struct {
    cf_err transport; /* the call itself fails */
    unsigned status;
    const char *body; /* with a status */
    bool no_headers;  /* the agent does not tell which enclave answered */
    bool spoil;       /* one field does not open */
    bool disorder;    /* results in another order than asked */
    cf_view canned;   /* 200 with this; takes no memory but the answer's */
    unsigned calls;
    size_t secrets; /* that came with the last request */
} world_peer;

typedef struct {
    char folder[64];
    cf_store store; /* faulty */
    cf_secret row_key;
    cf_schemas *schemas;
    cf_api *api;
    cf_api_clients clients;
    char token[CF_TOKEN_TEXT_BYTES + 1]; /* with all scopes */
    world_peer agent, kms;
} world;

void world_open(world *w);
/** On a store of the test's own, which is closed with the world; its token_by_hash is asked for w->token, which the caller sets. */
void world_open_on(world *w, cf_store store);
void world_close(world *w);
/** The one that is open: what the fake client asks. */
extern world *world_now;

typedef struct {
    const char *method, *path; /* path with its query */
    const char *token;         /* NULL: none */
    const char *body;          /* NULL: none */
    size_t body_len;           /* 0: strlen(body) */
    const char *type;          /* NULL: application/json when there is a body */
    const char *if_match, *request_id, *accept;
    uint64_t age_ms; /* so long ago it came */
} world_request;

typedef struct {
    unsigned status;
    char names[WORLD_HEADERS_MAX][40], values[WORLD_HEADERS_MAX][80];
    size_t headers_n;
    cf_buf body;
    json_t *json; /* NULL unless the body is JSON */
} world_answer;
void world_answer_free(world_answer *a);
#define ANSWER(name) CF_AUTO(world_answer_free) world_answer name = {.status = 0}

/** Serves the request on the calling thread. */
void world_call(world *w, const world_request *req, world_answer *ret);
/** The same from any thread, with connections of its own. */
void world_call_from(world *w, const world_request *req, world_answer *ret);
/** As world_call with the token of all scopes. */
void world_do(world *w, const char *method, const char *path, const char *body, world_answer *ret);
/** Value of an answer's header, or "". */
const char *world_header(const world_answer *a, const char *name);

/** The answer is this error: status, code, its text and request id, and no plaintext canary anywhere in it. */
#define assert_error(a, status, sym) world_assert_error(a, status, CF_ERR_##sym, __FILE__, __LINE__)
void world_assert_error(const world_answer *a, unsigned status, cf_err code, const char *file,
                        int line);
/** The i-th fault of the answer. name NULL: none told, but an index. */
void world_assert_fault(const world_answer *a, size_t i, const char *name, const char *code);

/** Makes a token with these scopes (names joined by commas); text of CF_TOKEN_TEXT_BYTES and a NUL. */
void world_token(world *w, const char *scopes, char *ret_text, char *ret_id);
/** Makes a vault of this body; its id. */
void world_vault(world *w, const char *body, char ret[static CF_VAULT_ID_BYTES + 1]);
/** "/v1/vaults/ID" and the rest. Static storage, overwritten by the next call. */
const char *world_path(const char *id, const char *rest);

/** The newest audit entry as JSON; the caller drops it. It is read from the store, which enters nothing. */
json_t *world_last_entry(world *w);
uint64_t world_entries(world *w);
#define WORLD_TEXT(j, name) json_string_value(json_object_get(j, name))
#define WORLD_NUMBER(j, name) json_integer_value(json_object_get(j, name))

/** Canaries: no error, log or entry may hold one. */
#define CANARY "Canary-7f3a9c"
