/* SPDX-License-Identifier: Apache-2.0 */
/* coffer kms principal: who may call a local key service over TCP. docs/formats/kms-principals.md section 3 */
#include <stdio.h>
#include <string.h>

#include "core/time/time.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define CF_CLI_KMS_ADMIN_TIMEOUT_MS 10000
#define ANSWER_BYTES_MAX ((size_t)1 << 20)
#define SESSION_S_MAX 43200
#define PAIR_BYTES_MAX 4096

/* Where the service listens: --kms, or below the state folder. */
static bool service_address(const cli_args *args, char ret[static CF_CLI_PATH_BYTES_MAX])
{
    const char *given = cli_get(args, "kms");
    int n = given != NULL ? snprintf(ret, CF_CLI_PATH_BYTES_MAX, "%s", given)
                          : snprintf(ret, CF_CLI_PATH_BYTES_MAX, "unix:%s/run/kms.sock",
                                     cli_state_folder(args));
    if (n < 0 || n >= CF_CLI_PATH_BYTES_MAX) {
        fprintf(stderr, "coffer: the address is too long\n");
        return false;
    }
    return true;
}

static cf_result send(const char *address, const char *operation, const json_t *request,
                      unsigned *ret_status, json_t **ret)
{
    CF_BUF(body);
    CF_BUF(answer);
    CF_AUTO(cf_http_client_free) cf_http_client *http = NULL;
    char target[80];
    (void)snprintf(target, sizeof target, "X-Amz-Target: CofferKms.%s", operation);
    const char *headers[] = {"Content-Type: application/x-amz-json-1.1", target, NULL};
    CF_TRY(cf_json_dump(request, &body));
    CF_TRY(cf_http_client_new(address, &http));
    const cf_http_request req = {.method = "POST",
                                 .path = "/",
                                 .headers = headers,
                                 .body = cf_buf_view(&body),
                                 .timeout_ms = CF_CLI_KMS_ADMIN_TIMEOUT_MS,
                                 .answer_bytes_max = ANSWER_BYTES_MAX,
                                 .once = true};
    CF_TRY(cf_http_client_call(http, &req, ret_status, &answer));
    return cf_json_parse(cf_buf_view(&answer), ANSWER_BYTES_MAX, ret);
}

/* Takes the request. CLI_OK with an answer of status 200; else what is wrong has been printed. */
static int call(const cli_args *args, const char *operation, json_t *request, json_t **ret)
{
    CF_JSON(mine);
    char address[CF_CLI_PATH_BYTES_MAX];
    unsigned status = 0;
    mine = request;
    if (request == NULL || !service_address(args, address)) {
        return CLI_USAGE;
    }
    cf_result r = send(address, operation, request, &status, ret);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: the key service at %s: %s (%s)\n", address, cf_err_text(r.code),
                cf_err_code(r.code));
        return r.code == CF_ERR_NOT_FOUND ? CLI_UNREACHABLE : CLI_FAILED;
    }
    if (status != 200) {
        fprintf(stderr, "coffer: %s: ", cli_str(*ret, "__type"));
        cli_print_text(stderr, cli_str(*ret, "message"));
        fprintf(stderr, "\n");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* --- what is printed --- */

static void print_json(const json_t *j)
{
    CF_BUF(out);
    if (cf_is_ok(cf_json_dump(j, &out))) {
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    }
}

/* Seconds with a fraction, as the service tells times; "" when it is no such number. */
static cf_time_text time_text(const json_t *j)
{
    cf_timestamp t;
    cf_time_text text = {.len = 0};
    double s = json_number_value(j);
    if (s < 0 || s > (double)CF_TIMESTAMP_SECONDS_MAX ||
        !cf_is_ok(cf_timestamp_make((int64_t)s, &t)) || !cf_is_ok(cf_timestamp_format(t, &text))) {
        text.len = 0;
    }
    return text;
}

/* What the AWS SDKs take from a credential_process. */
static void print_process(const json_t *answer)
{
    CF_JSON(j);
    j = json_pack("{s:i,s:s,s:s}", "Version", 1, "AccessKeyId", cli_str(answer, "AccessKeyId"),
                  "SecretAccessKey", cli_str(answer, "SecretAccessKey"));
    const json_t *token = json_object_get(answer, "SessionToken");
    if (token != NULL) {
        cf_time_text end = time_text(json_object_get(answer, "Expiration"));
        (void)json_object_set_new(j, "SessionToken", json_string(cli_str(answer, "SessionToken")));
        (void)json_object_set_new(j, "Expiration", cf_json_str(cf_time_text_view(&end)));
    }
    print_json(j);
}

static int print_credentials(const cli_args *args, const json_t *answer)
{
    if (cli_has(args, "json")) {
        print_process(answer);
        return CLI_OK;
    }
    printf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", cli_str(answer, "AccessKeyId"),
           cli_str(answer, "SecretAccessKey"));
    if (json_object_get(answer, "SessionToken") != NULL) {
        printf("AWS_SESSION_TOKEN=%s\n", cli_str(answer, "SessionToken"));
    }
    return CLI_OK;
}

/* --- actions --- */

/* Name and account, as every action on a principal has them. */
static json_t *named(const cli_args *args)
{
    json_t *j = json_pack("{s:s}", "Name", args->words[1]);
    const char *account = cli_get(args, "account");
    if (j != NULL && account != NULL) {
        (void)json_object_set_new(j, "Account", json_string(account));
    }
    return j;
}

/* Adds the access key of a file like credentials.json; the secret never stands on the command line. */
static bool add_pair(const cli_args *args, json_t *request)
{
    CF_BUF(text);
    CF_JSON(pair);
    const char *file = cli_get(args, "access-key");
    if (file == NULL) {
        return true;
    }
    if (!cli_read_input(file, &text)) {
        return false;
    }
    if (!cf_is_ok(cf_json_parse(cf_buf_view(&text), PAIR_BYTES_MAX, &pair))) {
        fprintf(stderr, "coffer: --access-key takes a file with a JSON object of AccessKeyId and "
                        "SecretAccessKey\n");
        return false;
    }
    return json_object_set_new(request, "AccessKeyId", json_string(cli_str(pair, "AccessKeyId"))) ==
               0 &&
           json_object_set_new(request, "SecretAccessKey",
                               json_string(cli_str(pair, "SecretAccessKey"))) == 0;
}

static int add_user(const cli_args *args)
{
    CF_JSON(answer);
    json_t *request = named(args);
    if (request == NULL || !add_pair(args, request)) {
        json_decref(request);
        return CLI_USAGE;
    }
    int status = call(args, "CreateAccessKey", request, &answer);
    return status == CLI_OK ? print_credentials(args, answer) : status;
}

static int add_role(const cli_args *args)
{
    CF_JSON(answer);
    int status = call(args, "CreateRole", named(args), &answer);
    if (status == CLI_OK && cli_has(args, "json")) {
        print_json(answer);
    } else if (status == CLI_OK) {
        printf("%s\n", cli_str(answer, "Arn"));
    }
    return status;
}

static int session(const cli_args *args)
{
    CF_JSON(answer);
    const char *name = cli_get(args, "session-name");
    uint64_t seconds = 0;
    if (!cli_number(args, "seconds", 1, SESSION_S_MAX, &seconds)) {
        return CLI_USAGE;
    }
    json_t *request = named(args);
    if (request != NULL && name != NULL) {
        (void)json_object_set_new(request, "SessionName", json_string(name));
    }
    if (request != NULL && seconds > 0) {
        (void)json_object_set_new(request, "DurationSeconds", json_integer((json_int_t)seconds));
    }
    int status = call(args, "CreateSession", request, &answer);
    return status == CLI_OK ? print_credentials(args, answer) : status;
}

/* An answer without members is shown only to who asked for JSON. */
static int quietly(const cli_args *args, const char *operation, json_t *request)
{
    CF_JSON(answer);
    int status = call(args, operation, request, &answer);
    if (status == CLI_OK && cli_has(args, "json")) {
        print_json(answer);
    }
    return status;
}

static int remove_key(const cli_args *args)
{
    return quietly(args, "DeleteAccessKey", json_pack("{s:s}", "AccessKeyId", args->words[1]));
}

static int remove_role(const cli_args *args)
{
    return quietly(args, "DeleteRole", named(args));
}

static int list(const cli_args *args)
{
    CF_JSON(answer);
    size_t i;
    json_t *one;
    int status = call(args, "ListPrincipals", json_object(), &answer);
    if (status == CLI_OK && cli_has(args, "json")) {
        print_json(answer);
    } else if (status == CLI_OK) {
        json_array_foreach(json_object_get(answer, "Principals"), i, one)
        {
            const char *key = cli_str(one, "AccessKeyId");
            printf("%-20s %s\n", key[0] != '\0' ? key : "-", cli_str(one, "Arn"));
        }
    }
    return status;
}

int cli_kms_principal(const cli_args *args)
{
    static const struct {
        const char *action;
        size_t words;
        int (*run)(const cli_args *args);
    } actions[] = {
        {"list", 1, list},       {"add-user", 2, add_user},     {"add-role", 2, add_role},
        {"session", 2, session}, {"remove-key", 2, remove_key}, {"remove-role", 2, remove_role},
    };
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(args->words[0], actions[i].action) == 0 && args->words_n == actions[i].words) {
            return actions[i].run(args);
        }
    }
    fprintf(stderr, "coffer: an action is list, add-user NAME, add-role NAME, session ROLE, "
                    "remove-key ID or remove-role NAME\n");
    return CLI_USAGE;
}
