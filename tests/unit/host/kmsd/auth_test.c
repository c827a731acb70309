/* SPDX-License-Identifier: Apache-2.0 */
/* Who a signed request is from, and what the others are told. Signatures are made by core/aws, whose own tests hold them against the
 * public suite. */
#include <stdlib.h>
#include <unistd.h>

#include "host/kmsd/auth.h"
#include "host/kmsd/ops.h"
#include "sys/linux/clock.h"
#include "sys/nsm/soft_priv.h"
#include "tests/support/test.h"

#define ACCOUNT "000000000000"
#define BODY_HEX "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" /* of {} */

static char folder[64];
static cf_kmsd *service;

static int setup(void **state)
{
    (void)state;
    char path[100], root_file[100];
    cf_soft_root *root = NULL;
    (void)snprintf(folder, sizeof folder, "/tmp/auth_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    cf_soft_root_free(&root);
    (void)snprintf(path, sizeof path, "%s/state", folder);
    (void)snprintf(root_file, sizeof root_file, "%s/nsm-root.der", folder);
    cf_kmsd_options o = {
        .state = path, .attestation_root = root_file, .region = "us-east-1", .account = ACCOUNT};
    assert_ok(cf_kmsd_new(&o, &service));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[100];
    cf_kmsd_free(&service);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* --- principals, over the service's own operations --- */

static cf_kmsd_answer admin(const char *op, const char *body, bool local)
{
    char target[80];
    cf_kmsd_answer a;
    (void)snprintf(target, sizeof target, "CofferKms.%s", op);
    cf_kmsd_caller caller = cf_kmsd_local_caller(service);
    caller.local = local;
    cf_kmsd_dispatch(service, &caller, cf_view_str(target), cf_view_str(body), "test", &a);
    return a;
}

/* The answer's object; the caller drops it. */
static json_t *admin_ok(const char *op, const char *body)
{
    json_t *j = NULL;
    cf_kmsd_answer a = admin(op, body, true);
    if (a.status != 200) {
        fail_msg("%s: %.*s", op, (int)a.body.len, (const char *)a.body.data);
    }
    assert_ok(cf_json_parse(cf_buf_view(&a.body), CF_KMSD_BODY_BYTES_MAX, &j));
    cf_buf_free(&a.body);
    return j;
}

static void admin_refused(const char *op, const char *body, const char *exception)
{
    cf_kmsd_answer a = admin(op, body, true);
    assert_string_equal(a.exception, exception);
    cf_buf_free(&a.body);
}

static const char *text(const json_t *j, const char *name)
{
    const char *value = json_string_value(json_object_get(j, name));
    if (value == NULL) {
        fail_msg("no member %s", name);
    }
    return value;
}

/* --- requests --- */

typedef struct {
    const char *key_id, *secret, *token; /* token NULL: none */
    const char *region, *service_name;
    int64_t skew_s;
} signer;

/* What becomes of a request that is signed so. */
static cf_kx outcome(const signer *s, cf_kmsd_identity *ret, char *ret_message)
{
    uint64_t now_ms = cf_clock_wall_ms();
    char date[CF_SIGV4_DATE_BYTES + 1];
    const cf_sigv4_credentials c = {cf_view_str(s->key_id), cf_view_str(s->secret), CF_VIEW_EMPTY};
    const cf_sigv4_scope scope = {(uint64_t)((int64_t)(now_ms / 1000) + s->skew_s),
                                  cf_view_str(s->region != NULL ? s->region : "us-east-1"),
                                  cf_view_str(s->service_name != NULL ? s->service_name : "kms")};
    CF_BUF(authorization);
    CF_AUTO(cf_kmsd_denial_free) cf_kmsd_denial denial;
    assert_ok(cf_sigv4_date(scope.unix_s, date));
    cf_sigv4_header headers[5] = {{CF_LIT("Host"), CF_LIT("127.0.0.1:1")},
                                  {CF_LIT("X-Amz-Date"), cf_view_str(date)},
                                  {CF_LIT("X-Amz-Target"), CF_LIT("TrentService.ListKeys")}};
    cf_sigv4_request q = {.method = CF_LIT("POST"),
                          .path = CF_LIT("/"),
                          .headers = headers,
                          .headers_n = 3,
                          .body_sha256 = CF_LIT(BODY_HEX)};
    if (s->token != NULL) {
        headers[q.headers_n++] =
            (cf_sigv4_header){CF_LIT("X-Amz-Security-Token"), cf_view_str(s->token)};
    }
    assert_ok(cf_sigv4_authorize(&c, &scope, &q, &authorization));
    headers[q.headers_n++] =
        (cf_sigv4_header){CF_LIT("Authorization"), cf_buf_view(&authorization)};
    cf_result r = cf_kmsd_authenticate(service, &q, now_ms, ret, &denial);
    assert_true(cf_is_ok(r) || r.code == CF_ERR_UNAUTHENTICATED);
    assert_true(cf_is_ok(r) == (denial.exception == CF_KX_NONE));
    (void)snprintf(ret_message, 512, "%.*s", (int)denial.message.len,
                   (const char *)denial.message.data);
    return denial.exception;
}

static void expect(const signer *s, cf_kx want, const char *message)
{
    cf_kmsd_identity who;
    char got[512];
    cf_kx x = outcome(s, &who, got);
    if (x != want || strncmp(got, message, strlen(message)) != 0) {
        fail_msg("%s (%s), not %s (%s)", cf_kx_name(x), got, cf_kx_name(want), message);
    }
}

#define MISMATCH "The request signature we calculated does not match"
#define UNKNOWN "The security token included in the request is invalid."

static void test_users(void **state)
{
    (void)state;
    cf_kmsd_identity who;
    char message[512];
    json_t *k = admin_ok("CreateAccessKey", "{\"Name\":\"ada\"}");
    assert_string_equal(text(k, "Arn"), "arn:aws:iam::" ACCOUNT ":user/ada");
    signer s = {.key_id = text(k, "AccessKeyId"), .secret = text(k, "SecretAccessKey")};
    assert_int_equal(outcome(&s, &who, message), CF_KX_NONE);
    assert_string_equal(who.caller.arn, "arn:aws:iam::" ACCOUNT ":user/ada");
    assert_string_equal(who.caller.role, "");
    assert_string_equal(who.caller.account, ACCOUNT);
    assert_string_equal(who.caller.root, "arn:aws:iam::" ACCOUNT ":root");
    assert_false(who.caller.local);
    signer other = s;
    other.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    expect(&other, CF_KX_INVALID_SIGNATURE, MISMATCH);
    other = s;
    other.key_id = "AKIANOBODY";
    expect(&other, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    other = s;
    other.token = "AAAA"; /* a long-term key has none */
    expect(&other, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    other = s;
    other.region = "eu-west-1";
    expect(&other, CF_KX_INVALID_SIGNATURE, "Credential should be scoped to a valid region");
    other = s;
    other.service_name = "s3";
    expect(&other, CF_KX_INVALID_SIGNATURE,
           "Credential should be scoped to correct service: 'kms'.");
    json_decref(k);
}

static void test_clocks(void **state)
{
    (void)state;
    json_t *k = admin_ok("CreateAccessKey", "{\"Name\":\"clock\"}");
    signer s = {.key_id = text(k, "AccessKeyId"), .secret = text(k, "SecretAccessKey")};
    /* a second may pass between signing and looking */
    static const struct {
        int64_t skew_s;
        cf_kx want;
        const char *message;
    } rows[] = {
        {0, CF_KX_NONE, ""},
        {-CF_SIGV4_SKEW_S + 5, CF_KX_NONE, ""},
        {CF_SIGV4_SKEW_S - 5, CF_KX_NONE, ""},
        {-CF_SIGV4_SKEW_S - 5, CF_KX_INVALID_SIGNATURE, "Signature expired: 2"},
        {CF_SIGV4_SKEW_S + 5, CF_KX_INVALID_SIGNATURE, "Signature not yet current: 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        s.skew_s = rows[i].skew_s;
        expect(&s, rows[i].want, rows[i].message);
    }
    json_decref(k);
}

static void test_sessions(void **state)
{
    (void)state;
    cf_kmsd_identity who;
    char message[512];
    json_decref(admin_ok("CreateRole", "{\"Name\":\"parent\",\"Account\":\"111111111111\"}"));
    json_t *a = admin_ok("CreateSession", "{\"Name\":\"parent\",\"Account\":\"111111111111\","
                                          "\"SessionName\":\"i-1\"}");
    json_t *b = admin_ok("CreateSession", "{\"Name\":\"parent\",\"Account\":\"111111111111\"}");
    signer s = {.key_id = text(a, "AccessKeyId"),
                .secret = text(a, "SecretAccessKey"),
                .token = text(a, "SessionToken")};
    assert_int_equal(outcome(&s, &who, message), CF_KX_NONE);
    assert_string_equal(who.caller.arn, "arn:aws:sts::111111111111:assumed-role/parent/i-1");
    assert_string_equal(who.caller.role, "arn:aws:iam::111111111111:role/parent");
    assert_string_equal(who.caller.account, "111111111111");
    assert_string_equal(who.caller.root, "arn:aws:iam::111111111111:root");
    signer other = s;
    other.token = NULL;
    expect(&other, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    other = s;
    other.token = text(b, "SessionToken"); /* of another key */
    expect(&other, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    other = s;
    other.secret = text(b, "SecretAccessKey");
    expect(&other, CF_KX_INVALID_SIGNATURE, MISMATCH);
    /* without its role a session is nobody's, and a new role of that name is another */
    static const char *const role = "{\"Name\":\"parent\",\"Account\":\"111111111111\"}";
    json_decref(admin_ok("DeleteRole", role));
    expect(&s, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    (void)usleep(2000);
    json_decref(admin_ok("CreateRole", role));
    expect(&s, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    json_decref(a);
    json_decref(b);
}

static void test_expired_session(void **state)
{
    (void)state;
    json_decref(admin_ok("CreateRole", "{\"Name\":\"brief\"}"));
    json_t *a = admin_ok("CreateSession", "{\"Name\":\"brief\",\"DurationSeconds\":1}");
    signer s = {.key_id = text(a, "AccessKeyId"),
                .secret = text(a, "SecretAccessKey"),
                .token = text(a, "SessionToken")};
    expect(&s, CF_KX_NONE, "");
    (void)usleep(1100 * 1000);
    expect(&s, CF_KX_EXPIRED_TOKEN, "The security token included in the request is expired");
    json_decref(a);
}

static void test_unsigned(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        cf_kx want;
    } rows[] = {
        {NULL, CF_KX_MISSING_AUTHENTICATION},
        {"Bearer x", CF_KX_INCOMPLETE_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/kms/aws4_request",
         CF_KX_INCOMPLETE_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const cf_sigv4_header headers[] = {
            {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
            {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT("20260101T000000Z")},
            {CF_LIT_INIT("Authorization"), cf_view_str(rows[i].authorization)}};
        const cf_sigv4_request q = {.method = CF_LIT("POST"),
                                    .path = CF_LIT("/"),
                                    .headers = headers,
                                    .headers_n = rows[i].authorization != NULL ? 3 : 2,
                                    .body_sha256 = CF_LIT(BODY_HEX)};
        cf_kmsd_identity who;
        CF_AUTO(cf_kmsd_denial_free) cf_kmsd_denial denial;
        assert_err(cf_kmsd_authenticate(service, &q, cf_clock_wall_ms(), &who, &denial),
                   UNAUTHENTICATED);
        assert_int_equal(denial.exception, rows[i].want);
        assert_true(denial.message.len > 0);
    }
}

static void test_operations(void **state)
{
    (void)state;
    admin_refused("CreateAccessKey", "{}", "ValidationException");
    admin_refused("CreateAccessKey", "{\"Name\":\"a/b\"}", "ValidationException");
    admin_refused("CreateAccessKey", "{\"Name\":\"x\",\"Account\":\"1\"}", "ValidationException");
    admin_refused("CreateAccessKey", "{\"Name\":\"x\",\"AccessKeyId\":\"AKIDX\"}",
                  "ValidationException");
    admin_refused(
        "CreateAccessKey",
        "{\"Name\":\"x\",\"AccessKeyId\":\"AKIDX\",\"SecretAccessKey\":\"fifteen octets.\"}",
        "ValidationException");
    json_decref(admin_ok("CreateAccessKey", "{\"Name\":\"x\",\"AccessKeyId\":\"AKIDX\","
                                            "\"SecretAccessKey\":\"sixteen octets..\"}"));
    signer s = {.key_id = "AKIDX", .secret = "sixteen octets.."};
    expect(&s, CF_KX_NONE, "");
    admin_refused("CreateAccessKey",
                  "{\"Name\":\"y\",\"AccessKeyId\":\"AKIDX\","
                  "\"SecretAccessKey\":\"sixteen octets..\"}",
                  "ValidationException");
    json_t *list = admin_ok("ListPrincipals", "{}");
    CF_BUF(all);
    assert_ok(cf_json_dump(list, &all));
    assert_ok(cf_buf_append(&all, CF_VIEW_OF("")));
    assert_non_null(strstr((const char *)all.data, "AKIDX"));
    assert_null(strstr((const char *)all.data, "sixteen"));
    json_decref(list);
    json_decref(admin_ok("DeleteAccessKey", "{\"AccessKeyId\":\"AKIDX\"}"));
    expect(&s, CF_KX_UNRECOGNIZED_CLIENT, UNKNOWN);
    admin_refused("DeleteAccessKey", "{\"AccessKeyId\":\"AKIDX\"}", "NotFoundException");
    admin_refused("DeleteAccessKey", "{\"AccessKeyId\":\"no/key\"}", "NotFoundException");
    admin_refused("DeleteRole", "{\"Name\":\"nobody\"}", "NotFoundException");
    admin_refused("CreateSession", "{\"Name\":\"nobody\"}", "NotFoundException");
    json_decref(admin_ok("CreateRole", "{\"Name\":\"r\"}"));
    admin_refused("CreateRole", "{\"Name\":\"r\"}", "ValidationException");
    admin_refused("CreateSession", "{\"Name\":\"r\",\"SessionName\":\"a b\"}",
                  "ValidationException");
    admin_refused("CreateSession", "{\"Name\":\"r\",\"DurationSeconds\":0}", "ValidationException");
    json_decref(admin_ok("CreateSession", "{\"Name\":\"r\",\"DurationSeconds\":43199}"));
    json_decref(admin_ok("CreateSession", "{\"Name\":\"r\",\"DurationSeconds\":43200}"));
    admin_refused("CreateSession", "{\"Name\":\"r\",\"DurationSeconds\":43201}",
                  "ValidationException");
    admin_refused("Unknown", "{}", "UnknownOperationException");
    /* to anyone but the local caller there is nothing of all this */
    for (const cf_kmsd_op *op = cf_kmsd_admin_ops; op->name != NULL; op++) {
        cf_kmsd_answer a = admin(op->name, "{\"Name\":\"z\",\"AccessKeyId\":\"Z\"}", false);
        assert_string_equal(a.exception, "UnknownOperationException");
        cf_buf_free(&a.body);
    }
}

/* Operations of the account are its own people's. */
static void test_foreign_account(void **state)
{
    (void)state;
    const cf_kmsd_caller stranger = {.arn = "arn:aws:iam::999999999999:user/x",
                                     .role = "",
                                     .account = "999999999999",
                                     .root = "arn:aws:iam::999999999999:root"};
    cf_kmsd_answer a;
    cf_kmsd_dispatch(service, &stranger, CF_LIT("TrentService.CreateKey"), CF_LIT("{}"), "t", &a);
    assert_string_equal(a.exception, "AccessDeniedException");
    cf_buf_free(&a.body);
    cf_kmsd_dispatch(service, &stranger, CF_LIT("TrentService.ListKeys"), CF_LIT("{}"), "t", &a);
    assert_string_equal(a.exception, "AccessDeniedException");
    cf_buf_free(&a.body);
    cf_kmsd_caller citizen = stranger;
    citizen.arn = "arn:aws:iam::" ACCOUNT ":user/x";
    citizen.account = ACCOUNT;
    citizen.root = "arn:aws:iam::" ACCOUNT ":root";
    cf_kmsd_dispatch(service, &citizen, CF_LIT("TrentService.ListKeys"), CF_LIT("{}"), "t", &a);
    assert_string_equal(a.exception, "");
    cf_buf_free(&a.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),           cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_sessions),        cmocka_unit_test(test_expired_session),
        cmocka_unit_test(test_unsigned),        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_foreign_account),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
