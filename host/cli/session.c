/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "host/tls/client.h"
#include "sys/linux/file.h"
#include "sys/linux/net.h"

#define CF_CLI_CALL_TIMEOUT_MS 30000
#define CLI_HTTPS "https://"

struct cli_session {
    cf_tls_config *tls; /* NULL: plain */
    cf_http_client *http;
    bool is_tcp;
    cf_buf authorization; /* "Authorization: Bearer …" with its NUL */
};

const char *cli_state_folder(const cli_args *args)
{
    const char *state = cli_get(args, "state");
    if (state == NULL) {
        state = getenv("COFFER_STATE");
    }
    return state != NULL && state[0] != '\0' ? state : "coffer-state";
}

/* What the state folder tells; empty where it tells nothing. All or nothing comes from a folder that only this user can write to:
 * whoever chose the address gets the token. */
typedef struct {
    cf_buf url, token, ca; /* ca: certificates in PEM */
} state_files;

static void state_files_clear(state_files *f)
{
    cf_buf_free(&f->url);
    cf_buf_free(&f->token);
    cf_buf_free(&f->ca);
}

static cf_result read_line(int folder, const char *name, cf_buf *out)
{
    CF_TRY(cf_file_read_own(folder, name, CF_CLI_TOKEN_BYTES_MAX, out));
    while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == ' ')) {
        out->len--;
    }
    return cf_ok();
}

static cf_result read_state(const char *path, state_files *ret)
{
    CF_FD(folder);
    CF_FD(run);
    CF_TRY(cf_folder_open_own(AT_FDCWD, path, &folder));
    CF_TRY(cf_folder_open_own(folder, "run", &run));
    CF_TRY(read_line(run, "url", &ret->url));
    cf_result ca = cf_file_read_own(run, "ca.pem", CF_TLS_ROOTS_BYTES_MAX, &ret->ca);
    if (ca.code != CF_ERR_NOT_FOUND) {
        CF_TRY(ca);
    }
    cf_result token = read_line(folder, "admin.token", &ret->token);
    return token.code == CF_ERR_NOT_FOUND ? cf_ok() : token;
}

static bool find_url(const cli_args *args, cf_buf *out, state_files *ret_state)
{
    const char *url = cli_get(args, "url");
    if (url == NULL) {
        url = getenv("COFFER_URL");
    }
    if (url != NULL && url[0] != '\0') {
        return cf_is_ok(cf_buf_append(out, cf_view_str(url)));
    }
    const char *state = cli_state_folder(args);
    cf_result r = read_state(state, ret_state);
    if (r.code == CF_ERR_NOT_PERMITTED) {
        fprintf(stderr,
                "coffer: the state folder %s, or a file in it, is another user's, or others may "
                "read or write it, so the address in it is not used\n",
                state);
        return false;
    }
    if (cf_is_ok(r) && ret_state->url.len > 0) {
        return cf_is_ok(cf_buf_append(out, cf_buf_view(&ret_state->url)));
    }
    fprintf(stderr,
            "coffer: no service address: give --url, set COFFER_URL, or start one with `coffer up "
            "--state %s`\n",
            state);
    return false;
}

static bool token_from_file(const char *file, cf_buf *out)
{
    if (cf_is_ok(cf_file_read(file, CF_CLI_TOKEN_BYTES_MAX, out))) {
        while (out->len > 0 && out->data[out->len - 1] <= ' ') {
            out->len--;
        }
    }
    if (out->len > 0) {
        return true;
    }
    fprintf(stderr, "coffer: cannot read a token from %s\n", file);
    return false;
}

/* The state folder's token is for the address that stands in the same folder, and for no other. */
static bool find_token(const cli_args *args, const state_files *state, cf_buf *out)
{
    const char *file = cli_get(args, "token-file"), *env = getenv("COFFER_TOKEN");
    if (file != NULL) {
        return token_from_file(file, out);
    }
    if (env != NULL && env[0] != '\0') {
        return cf_is_ok(cf_buf_append(out, cf_view_str(env)));
    }
    if (state->token.len > 0) {
        return cf_is_ok(cf_buf_append(out, cf_buf_view(&state->token)));
    }
    fprintf(stderr, "coffer: no token: give --token-file or set COFFER_TOKEN%s\n",
            state->url.len == 0 ? " (the state folder's is for the address in it only)" : "");
    return false;
}

/* Whether what is sent to an address stays on this machine. To the unspecified address Linux connects here, too; a service that
 * listens everywhere publishes it. What is no address is left to the client to refuse. */
static bool stays_here(cf_view text)
{
    static const char scheme[] = "http://";
    char copy[CF_CLI_PATH_BYTES_MAX];
    const char *url = copy;
    cf_net_addr addr;
    struct in_addr v4;
    struct in6_addr v6;
    (void)snprintf(copy, sizeof copy, "%.*s", (int)text.len, (const char *)text.data);
    size_t len = strlen(copy);
    while (len > 0 && copy[len - 1] == '/') { /* as session_fill */
        copy[--len] = '\0';
    }
    if (strncmp(url, scheme, sizeof scheme - 1) == 0) {
        url += sizeof scheme - 1;
    }
    if (!cf_is_ok(cf_net_parse(url, &addr)) || addr.kind != CF_NET_TCP) {
        return true;
    }
    if (inet_pton(AF_INET, addr.path, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET || v4.s_addr == htonl(INADDR_ANY);
    }
    if (inet_pton(AF_INET6, addr.path, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6);
    }
    return strcasecmp(addr.path, "localhost") == 0;
}

/* An address or a token goes into a request head as it is. */
static bool is_visible(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] <= ' ' || v.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool begins(cf_view v, const char *with)
{
    cf_view want = cf_view_str(with);
    return cf_view_eq(cf_view_sub(v, 0, want.len), want);
}

/* Certificates to trust. None is no answer: sys/tls would take the authorities of a key service for it. */
static bool read_ca(const char *file, cf_buf *out)
{
    cf_result r = cf_file_read(file, CF_TLS_ROOTS_BYTES_MAX, out);
    if (cf_is_ok(r) && out->len == 0) {
        r = cf_fail(CF_ERR_EMPTY);
    }
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: cannot read certificates from %s: %s (%s)\n", file,
                cf_err_text(r.code), cf_err_code(r.code));
    }
    return cf_is_ok(r);
}

/* Whom to trust at the address: nobody, where that is plain. Prints what is missing or wrong and returns false. */
static bool find_trust(const cli_args *args, cf_view url, const state_files *state,
                       cf_tls_config **ret)
{
    CF_BUF(read);
    const char *file = cli_get(args, "ca");
    if (!begins(url, CLI_HTTPS)) {
        if (file != NULL) {
            fprintf(stderr, "coffer: --ca is for an address that begins with %s\n", CLI_HTTPS);
        }
        return file == NULL;
    }
    if (file == NULL) {
        file = getenv("COFFER_CA");
        file = file != NULL && file[0] != '\0' ? file : NULL;
    }
    if (file != NULL && !read_ca(file, &read)) {
        return false;
    }
    cf_view roots = cf_buf_view(file != NULL ? &read : &state->ca);
    if (roots.len == 0) {
        fprintf(stderr,
                "coffer: whom to trust at an https address is not known: give --ca or set "
                "COFFER_CA, a file with the certificate of the authority that has signed the "
                "service's, or with the service's own if that has signed itself\n");
        return false;
    }
    cf_result r = cf_tls_config_new(roots, ret);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: %s holds no certificates in PEM that can be used: %s (%s)\n",
                file != NULL ? file : "run/ca.pem of the state folder", cf_err_text(r.code),
                cf_err_code(r.code));
    }
    return cf_is_ok(r);
}

static cf_result session_fill(cli_session *s, cf_view url, cf_view token)
{
    CF_AUTO(cf_buf_free) cf_buf base = CF_BUF_EMPTY;
    CF_TRY(cf_buf_append(&base, url));
    while (base.len > 0 && base.data[base.len - 1] == '/') {
        base.len--;
    }
    CF_TRY(cf_buf_append(&base, cf_view_make("", 1)));
    if (token.len > 0) {
        CF_TRY(cf_buf_append(&s->authorization, CF_LIT("Authorization: Bearer ")));
        CF_TRY(cf_buf_append(&s->authorization, token));
        CF_TRY(cf_buf_append(&s->authorization, cf_view_make("", 1)));
    }
    const cf_http_client_layer tls = cf_tls_client_layer(s->tls);
    s->is_tcp = !begins(url, "unix:");
    return cf_http_client_new_over((const char *)base.data, s->tls != NULL ? &tls : NULL, &s->http);
}

/* Takes *tls. */
static cli_session *session_open(cf_view url, cf_view token, cf_tls_config **tls)
{
    cli_session *s = cf_mem_new(1, sizeof *s);
    if (s != NULL) {
        s->tls = *tls;
        *tls = NULL;
    }
    if (s == NULL || !cf_is_ok(session_fill(s, url, token))) {
        fprintf(stderr, "coffer: %.*s is not an address (%s)\n", (int)url.len,
                (const char *)url.data,
                begins(url, CLI_HTTPS)
                    ? "https://NAME or https://NAME:PORT, with the name in the certificate"
                    : "https://NAME:PORT, http://HOST:PORT or unix:PATH");
        cli_session_free(&s);
    }
    return s;
}

static cli_session *session_new(const cli_args *args, bool with_token)
{
    CF_BUF(url);
    CF_BUF(token);
    CF_AUTO(state_files_clear) state_files state = {CF_BUF_EMPTY, CF_BUF_EMPTY, CF_BUF_EMPTY};
    if (!find_url(args, &url, &state) || (with_token && !find_token(args, &state, &token))) {
        return NULL;
    }
    if (!is_visible(cf_buf_view(&url)) || !is_visible(cf_buf_view(&token))) {
        fprintf(stderr, "coffer: the address or the token holds blanks or other characters that "
                        "it cannot have\n");
        return NULL;
    }
    cf_view base = cf_buf_view(&url);
    bool https = begins(base, CLI_HTTPS);
    if (with_token && !https && !cli_has(args, "insecure") && !stays_here(base)) {
        fprintf(stderr, "coffer: the address is not on this machine, and http hides neither token "
                        "nor values on the way: use https, a tunnel, or give --insecure\n");
        return NULL;
    }
    CF_AUTO(cf_tls_config_free) cf_tls_config *tls = NULL;
    if (!find_trust(args, base, &state, &tls)) {
        return NULL;
    }
    return session_open(base, cf_buf_view(&token), &tls);
}

cli_session *cli_session_new(const cli_args *args)
{
    return session_new(args, true);
}

cli_session *cli_session_new_open(const cli_args *args)
{
    return session_new(args, false);
}

void cli_session_free(cli_session **s)
{
    if (*s != NULL) {
        cf_http_client_free(&(*s)->http);
        cf_tls_config_free(&(*s)->tls);
        cf_buf_free(&(*s)->authorization);
        cf_mem_free(*s);
        *s = NULL;
    }
}

void cli_answer_free(cli_answer *a)
{
    cf_buf_free(&a->body);
    cf_json_free(&a->json);
}

CF_MUST_USE cf_result cli_try(cli_session *s, const char *method, const char *path, cf_view body,
                              const char *if_match, cli_answer *ret)
{
    char match[64];
    const char *headers[5] = {"Accept: application/json"};
    size_t n = 1;
    if (s->authorization.len > 0) {
        headers[n++] = (const char *)s->authorization.data;
    }
    if (body.len > 0) {
        headers[n++] = "Content-Type: application/json";
    }
    if (if_match != NULL) {
        (void)snprintf(match, sizeof match, "If-Match: \"%.40s\"", if_match);
        headers[n++] = match;
    }
    cf_http_request req = {.method = method,
                           .path = path,
                           .headers = headers,
                           .body = body,
                           .timeout_ms = CF_CLI_CALL_TIMEOUT_MS,
                           .answer_bytes_max = CF_CLI_ANSWER_BYTES_MAX,
                           .once = strcmp(method, "GET") != 0};
    CF_TRY(cf_http_client_call(s->http, &req, &ret->status, &ret->body));
    cf_ignore(cf_json_parse_long(cf_buf_view(&ret->body), CF_CLI_ANSWER_BYTES_MAX,
                                 CF_CLI_ANSWER_VALUES_MAX, &ret->json));
    return cf_ok();
}

/* The words of sys/tls/tls.h for people. */
static const char *refusal_of(const char *why)
{
    static const char *const rows[][2] = {
        {"untrusted", "its certificate is not from an authority that --ca names"},
        {"expired", "its certificate has expired"},
        {"not_yet_valid",
         "its certificate is not valid yet, or the clock of this machine is wrong"},
        {"wrong_host", "its certificate is for another host name than that of the address"},
        {"bad_certificate", "its certificate does not hold, or is from an authority with the name "
                            "of one that --ca names and with another key"},
        {"protocol", "what answers speaks no TLS, or none of 1.2 and 1.3 that is known here"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(why, rows[i][0]) == 0) {
            return rows[i][1];
        }
    }
    return why;
}

int cli_unanswered(const cli_session *s, cf_result r)
{
    const char *why = cf_http_client_why(s->http);
    if (r.code == CF_ERR_ARGUMENT || r.code == CF_ERR_NO_MEMORY) {
        fprintf(stderr, "coffer: the request cannot be made: %s (%s)\n", cf_err_text(r.code),
                cf_err_code(r.code));
        return CLI_FAILED;
    }
    if (why[0] != '\0') {
        fprintf(stderr, "coffer: nothing was sent to the service: %s (%s)\n", refusal_of(why), why);
        return CLI_UNREACHABLE;
    }
    fprintf(stderr, "coffer: the service does not answer: %s (%s)%s\n", cf_err_text(r.code),
            cf_err_code(r.code),
            (r.code == CF_ERR_MALFORMED || r.code == CF_ERR_CLOSED) && s->tls == NULL && s->is_tcp
                ? "; if it serves TLS, give its address with https://"
                : "");
    return CLI_UNREACHABLE;
}

int cli_call(cli_session *s, const char *method, const char *path, cf_view body,
             const char *if_match, cli_answer *ret)
{
    cf_result r = cli_try(s, method, path, body, if_match, ret);
    return cf_is_ok(r) ? CLI_OK : cli_unanswered(s, r);
}

void cli_print_text(FILE *out, const char *text)
{
    for (const uint8_t *at = (const uint8_t *)text; *at != 0; at++) {
        /* U+0080 to U+009F are control characters as well, C2 80 to C2 9F in UTF-8 */
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (*at < 0x20 || *at == 0x7f || c1) {
            at += c1;
            fprintf(out, "\\x%02x", *at);
        } else {
            (void)putc(*at, out);
        }
    }
}

void cli_print_body(const cli_answer *a)
{
    (void)fwrite(a->body.data, 1, a->body.len, stdout);
    if (a->body.len == 0 || a->body.data[a->body.len - 1] != '\n') {
        (void)putchar('\n');
    }
}

const char *cli_str(const json_t *j, const char *name)
{
    const char *s = json_string_value(json_object_get(j, name));
    return s != NULL ? s : "";
}

int cli_check(const cli_args *args, const cli_answer *a)
{
    if (a->status >= 200 && a->status < 300) {
        return CLI_OK;
    }
    if (cli_has(args, "json")) {
        cli_print_body(a);
    } else {
        cli_print_error(a);
    }
    return CLI_FAILED;
}

void cli_print_fault(const json_t *field)
{
    const char *name = cli_str(field, "name");
    const json_t *index = json_object_get(field, "index");
    (void)putc(' ', stderr);
    if (name[0] != '\0') {
        cli_print_text(stderr, name);
    } else if (json_is_integer(index)) { /* a name that may be a value is not told, but its place */
        fprintf(stderr, "member %" JSON_INTEGER_FORMAT, json_integer_value(index));
    }
    fprintf(stderr, ": ");
    cli_print_text(stderr, cli_str(field, "reason"));
}

void cli_print_error(const cli_answer *a)
{
    if (!json_is_object(a->json)) {
        fprintf(stderr, "coffer: the service answered with status %u and no reason\n", a->status);
        return;
    }
    fprintf(stderr, "coffer: ");
    cli_print_text(stderr, cli_str(a->json, "message"));
    fprintf(stderr, " (");
    cli_print_text(stderr, cli_str(a->json, "code"));
    fprintf(stderr, ", status %u, request ", a->status);
    cli_print_text(stderr, cli_str(a->json, "request_id"));
    fprintf(stderr, ")\n");
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(a->json, "fields"), i, field)
    {
        (void)putc(' ', stderr);
        cli_print_fault(field);
        (void)putc('\n', stderr);
    }
}

CF_MUST_USE cf_result cli_put_encoded(cf_buf *out, cf_view v)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || c == ',';
        uint8_t coded[3] = {'%', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        CF_TRY(cf_buf_append(out, plain ? cf_view_make(&v.data[i], 1) : CF_VIEW_OF(coded)));
    }
    CF_TRY(cf_buf_append(out, cf_view_make("", 1)));
    out->len--;
    return cf_ok();
}

bool cli_create_path(const cli_args *args, cf_buf *out)
{
    const char *schema = cli_get(args, "schema");
    cf_view start = schema != NULL ? CF_LIT("/v1/vaults?schema=") : CF_LIT("/v1/vaults");
    if (cf_is_ok(cf_buf_append(out, start)) &&
        cf_is_ok(cli_put_encoded(out, cf_view_str(schema)))) {
        return true;
    }
    fprintf(stderr, "coffer: no memory\n");
    return false;
}

bool cli_read_input(const char *file, cf_buf *out)
{
    if (file != NULL && strcmp(file, "-") != 0) {
        cf_result r = cf_file_read(file, CF_CLI_INPUT_BYTES_MAX, out);
        if (!cf_is_ok(r)) {
            fprintf(stderr, "coffer: cannot read %s: %s\n", file, cf_err_text(r.code));
        }
        return cf_is_ok(r);
    }
    for (;;) {
        uint8_t chunk[4096];
        ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n == 0) {
            return true;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        bool kept = n > 0 && out->len < CF_CLI_INPUT_BYTES_MAX &&
                    cf_is_ok(cf_buf_append(out, cf_view_make(chunk, (size_t)n)));
        cf_wipe(chunk, sizeof chunk);
        if (!kept) {
            fprintf(stderr, "coffer: standard input cannot be read, or is over %zu octets\n",
                    CF_CLI_INPUT_BYTES_MAX);
            return false;
        }
    }
}
