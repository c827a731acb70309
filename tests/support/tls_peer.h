/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS server that is right, or wrong in one way, in a process of its own at the other end of a socket pair. What must not fail in
 * it ends it with TLS_PEER_BROKEN. */
#pragma once
#include <sys/types.h>

#include "core/base/buf.h"

#define TLS_PEER_FROM 1700000000 /* when its certificates hold */
#define TLS_PEER_NOW 1750000000
#define TLS_PEER_TO INT64_C(4000000000)

/** The zero state is a server that is right: its certificate is for "localhost", signed by the authority of tls_peer_root. */
typedef struct {
    const char *name;      /* DNS name in the certificate; NULL: localhost */
    bool common_name_only; /* the name stands in the subject, where it counts no more */
    bool self_signed;
    bool other_authority;
    bool signed_by_leaf;  /* by a certificate that is no authority's */
    unsigned between;     /* authorities between the root's and the certificate */
    int64_t from_s, to_s; /* 0: as above */
    int version_max;      /* TLS1_2_VERSION and so on; 0: 1.3 */
    const char *suites;   /* of TLS 1.2; NULL: the library's */
    const char *
        alpn; /* what it chooses, whatever it is offered; NULL: http/1.1, if it is offered; "": nothing */
    bool plain; /* answers as if there were no TLS */
    bool
        strips_13; /* what it is offered has no TLS 1.3 in it, as if somebody on the way had taken it out */
    bool no_goodbye;     /* ends without close_notify */
    size_t cut_at;       /* octets that it sends before the stream ends; 0: all */
    size_t flip_at;      /* which of them, from 1 on, has a bit flipped; 0: none */
    unsigned drip_ms;    /* between two octets that it sends */
    size_t hang_at;      /* octets that it sends before it says nothing more; 0: all */
    size_t answer_bytes; /* of the answer to every request; 0: what came goes back */
    const char *const *
        script; /* instead: the answers in their order, NULL at the end, which is the connection's */
    unsigned answers; /* how many, before it ends; 0: until the client does */
    int requests_fd;  /* what it gets is written here, too; 0: nowhere */
} tls_peer_spec;

/** What a server has seen, in its exit status. */
enum {
    TLS_PEER_SHOOK = 1, /* hands were shaken */
    TLS_PEER_NAMED = 2, /* the client named "localhost" */
    TLS_PEER_ALPN = 4,  /* and offered http/1.1 alone */
    TLS_PEER_GOODBYE = 8,
    TLS_PEER_RESUMED = 16,
    TLS_PEER_BROKEN = 127,
};

/** Starts it; *ret_fd is the client's end. */
pid_t tls_peer_start(const tls_peer_spec *spec, int *ret_fd);
/** The same for n clients one after the other, of those that a listening socket gets; it sees what the last one did. */
pid_t tls_peer_listen(const tls_peer_spec *specs, size_t n, int listen_fd);
/** Waits for its end. Returns what it saw; a server that still waits for the client needs the client's end closed before. */
int tls_peer_end(pid_t pid);

/** The authority's certificate in PEM, appended. */
void tls_peer_root(cf_buf *out);
/** Certificate and key of a server that is right, in PEM, appended: for a server that somebody else has written. */
void tls_peer_server(cf_buf *ret_chain, cf_buf *ret_key);
