/* SPDX-License-Identifier: Apache-2.0 */
/* Which source answers, what it asks, and what becomes of each answer. */
#include "host/credentials/chain.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/host/credentials/scripted.h"

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ROWS(...) ((const scripted_row[]){__VA_ARGS__, {0}})
#define DOCUMENT(id)                                                                               \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id                                                  \
    "\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"" LATER "\"}"

static char folder[] = "/tmp/coffer-chain-XXXXXX";

static const char *file_of(const char *name, const char *text)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fwrite(text, 1, strlen(text), f) == strlen(text));
    assert_int_equal(fclose(f), 0);
    return path;
}

/* "NAME=" and a path below the folder. */
static const char *setting(const char *name, const char *path)
{
    static char texts[8][256];
    static size_t next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof texts[0], "%s=%s", name, path);
    return text;
}

static cf_creds_story story;
static cf_creds got;

static cf_result ask(const cf_creds_chain_opts *opts, const char *const *env,
                     const scripted_row *rows)
{
    CF_AUTO(cf_creds_chain_free) cf_creds_chain *c = NULL;
    cf_creds_chain_opts o = *opts;
    o.env = scripted_getenv;
    o.program = "coffer-agent";
    o.http = &scripted_http;
    scripted_env = env;
    scripted_rows = rows;
    cf_creds_free(&got);
    assert_ok(cf_creds_chain_new(&o, &c));
    cf_result r = cf_creds_chain_get(c, NOW, &got, &story);
    assert_true(rows == NULL || scripted_rows->ask == NULL);
    assert_int_equal(cf_is_ok(r), story.fault == CF_CREDS_NONE);
    assert_true(cf_is_ok(r) || got.access_key_id.len == 0);
    return r;
}

static void gives(const char *const *env, const scripted_row *rows, cf_creds_source source,
                  const char *id, const char *token, uint64_t expires_ms)
{
    assert_ok(ask(&(cf_creds_chain_opts){0}, env, rows));
    assert_string_equal(cf_creds_source_name(story.source), cf_creds_source_name(source));
    assert_view(cf_buf_view(&got.access_key_id), cf_view_str(id));
    assert_view(cf_buf_view(&got.session_token), cf_view_str(token));
    assert_int_equal(got.expires_ms, expires_ms);
}

static void fails(const char *const *env, const scripted_row *rows, cf_creds_source source,
                  cf_creds_fault fault, const char *what)
{
    assert_false(cf_is_ok(ask(&(cf_creds_chain_opts){0}, env, rows)));
    assert_string_equal(cf_creds_fault_code(story.fault), cf_creds_fault_code(fault));
    assert_string_equal(cf_creds_source_name(story.source), cf_creds_source_name(source));
    assert_string_equal(story.what, what);
    assert_true(story.cause != CF_OK);
}

#define OFF "AWS_EC2_METADATA_DISABLED=TRUE", "HOME=/nowhere"

static void test_environment(void **state)
{
    (void)state;
    gives(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s"), NULL, CF_CREDS_FROM_ENV, "AK", "",
          0);
    gives(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s", "AWS_SECURITY_TOKEN=old"), NULL,
          CF_CREDS_FROM_ENV, "AK", "old", 0);
    gives(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s", "AWS_SECURITY_TOKEN=old",
              "AWS_SESSION_TOKEN=new", "AWS_CREDENTIAL_EXPIRATION=" LATER),
          NULL, CF_CREDS_FROM_ENV, "AK", "new", LATER_MS);
    fails(ENV("AWS_ACCESS_KEY_ID=AK", OFF), NULL, CF_CREDS_FROM_ENV, CF_CREDS_SETTINGS,
          "AWS_SECRET_ACCESS_KEY");
    fails(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY="), NULL, CF_CREDS_FROM_ENV,
          CF_CREDS_SETTINGS, "AWS_SECRET_ACCESS_KEY");
    fails(ENV("AWS_ACCESS_KEY_ID=A K", "AWS_SECRET_ACCESS_KEY=s"), NULL, CF_CREDS_FROM_ENV,
          CF_CREDS_SETTINGS, "AWS_ACCESS_KEY_ID");
    fails(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s",
              "AWS_CREDENTIAL_EXPIRATION=tomorrow"),
          NULL, CF_CREDS_FROM_ENV, CF_CREDS_SETTINGS, "AWS_CREDENTIAL_EXPIRATION");
    fails(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s",
              "AWS_CREDENTIAL_EXPIRATION=2026-01-01T00:00:00Z"),
          NULL, CF_CREDS_FROM_ENV, CF_CREDS_EXPIRED, "expiration");
    gives(ENV("AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s",
              "AWS_CREDENTIAL_EXPIRATION=2026-01-01T00:00:01Z"),
          NULL, CF_CREDS_FROM_ENV, "AK", "", NOW + 1000);
    /* What is empty is not set; a secret alone says nothing. */
    fails(ENV("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=s", OFF), NULL, CF_CREDS_SOURCE_COUNT,
          CF_CREDS_ABSENT, "every source");
}

/* --- files --- */

#define KEYS(id) "aws_access_key_id=" id "\naws_secret_access_key=s\n"

static void test_profiles(void **state)
{
    (void)state;
    const char *creds = setting(
        "AWS_SHARED_CREDENTIALS_FILE",
        file_of("credentials", "[default]\n" KEYS("AKD") "[a]\n" KEYS(
                                   "AKA") "aws_session_token=t\n[half]\naws_access_key_id=AK\n"
                                          "[role]\n" KEYS("BASE")));
    const char *config = setting(
        "AWS_CONFIG_FILE",
        file_of("config",
                "[profile a]\n" KEYS("NOT") "[profile b]\n" KEYS(
                    "AKB") "[profile p]\ncredential_process=/bin/x\n[profile s]\nsso_session=x\n"
                           "[profile role]\nrole_arn=r\nsource_profile=default\n"
                           "[profile empty]\nregion=x\n[profile pk]\ncredential_process=/x\n" KEYS(
                               "AKP")));
    const cf_creds_source from = CF_CREDS_FROM_PROFILE;
    gives(ENV(creds, config), NULL, from, "AKD", "", 0);
    gives(ENV(creds, config, "AWS_PROFILE=a"), NULL, from, "AKA", "t", 0);
    gives(ENV(creds, config, "AWS_PROFILE=b"), NULL, from, "AKB", "", 0);
    fails(ENV(creds, config, "AWS_PROFILE=p"), NULL, from, CF_CREDS_UNSUPPORTED,
          "credential_process");
    fails(ENV(creds, config, "AWS_PROFILE=pk"), NULL, from, CF_CREDS_UNSUPPORTED,
          "credential_process");
    fails(ENV(creds, config, "AWS_PROFILE=s"), NULL, from, CF_CREDS_UNSUPPORTED, "sso_session");
    /* Not the keys of a profile that is a role: they would be another's. */
    fails(ENV(creds, config, "AWS_PROFILE=role"), NULL, from, CF_CREDS_UNSUPPORTED,
          "source_profile");
    fails(ENV(creds, config, "AWS_PROFILE=half"), NULL, from, CF_CREDS_SETTINGS,
          "AWS_SHARED_CREDENTIALS_FILE");
    fails(ENV(creds, config, "AWS_PROFILE=none"), NULL, from, CF_CREDS_SETTINGS, "AWS_PROFILE");
    fails(ENV(creds, config, "AWS_PROFILE=empty", OFF), NULL, CF_CREDS_SOURCE_COUNT,
          CF_CREDS_ABSENT, "every source");
    const char *broken = setting("AWS_CONFIG_FILE", file_of("broken", "x\n"));
    fails(ENV(creds, broken), NULL, from, CF_CREDS_SETTINGS, "AWS_CONFIG_FILE");
    const char *dir = setting("AWS_CONFIG_FILE", folder);
    fails(ENV(creds, dir), NULL, from, CF_CREDS_SETTINGS, "AWS_CONFIG_FILE");
}

static void test_home(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/.aws", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    file_of(".aws/credentials", "[default]\n" KEYS("AKH"));
    gives(ENV(setting("HOME", folder)), NULL, CF_CREDS_FROM_PROFILE, "AKH", "", 0);
    file_of(".aws/credentials", "");
    file_of(".aws/config", "[default]\n" KEYS("AKC"));
    gives(ENV(setting("HOME", folder)), NULL, CF_CREDS_FROM_PROFILE, "AKC", "", 0);
    /* The environment comes first. */
    gives(ENV(setting("HOME", folder), "AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=s"), NULL,
          CF_CREDS_FROM_ENV, "AK", "", 0);
}

static void test_profile_name_limit(void **state)
{
    (void)state;
    for (size_t n = CF_CREDS_PROFILE_NAME_BYTES_MAX - 1; n <= CF_CREDS_PROFILE_NAME_BYTES_MAX + 1;
         n++) {
        char name[256] = "AWS_PROFILE=", text[512];
        memset(name + 12, 'n', n);
        name[12 + n] = '\0';
        snprintf(text, sizeof text, "[%s]\n" KEYS("AK"), name + 12);
        const char *creds = setting("AWS_SHARED_CREDENTIALS_FILE", file_of("long", text));
        if (n <= CF_CREDS_PROFILE_NAME_BYTES_MAX) {
            gives(ENV(creds, "HOME=/nowhere", name), NULL, CF_CREDS_FROM_PROFILE, "AK", "", 0);
        } else {
            fails(ENV(creds, "HOME=/nowhere", name), NULL, CF_CREDS_FROM_PROFILE, CF_CREDS_SETTINGS,
                  "AWS_PROFILE");
        }
    }
}

/* A path with as many "./" in front as it takes; its NUL is not counted. */
static void test_path_limit(void **state)
{
    (void)state;
    static char path[CF_CREDS_PATH_BYTES_MAX + 64];
    const char *file = file_of("own.json", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\"}");
    cf_creds_chain_opts opts = {.single = true, .source = CF_CREDS_FROM_FILE, .file = path};
    for (int over = -1; over <= 1; over++) {
        snprintf(path, sizeof path, "%0*d%s", CF_CREDS_PATH_BYTES_MAX + over - (int)strlen(file), 0,
                 file);
        for (char *c = path; *c == '0'; c++) {
            *c = '/';
        }
        assert_code(ask(&opts, NULL, NULL), over == 1 ? CF_ERR_SIZE : CF_OK);
    }
}

static void test_own_file(void **state)
{
    (void)state;
    cf_creds_chain_opts opts = {.single = true, .source = CF_CREDS_FROM_FILE};
    opts.file = file_of("own.json", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\"}");
    /* A source that was asked for by name has no other beside it. */
    assert_ok(ask(&opts, ENV("AWS_ACCESS_KEY_ID=NOT", "AWS_SECRET_ACCESS_KEY=s"), NULL));
    assert_view(cf_buf_view(&got.access_key_id), CF_LIT("AK"));
    opts.file = "/nowhere";
    assert_err(ask(&opts, NULL, NULL), NOT_FOUND);
    assert_int_equal(story.fault, CF_CREDS_SETTINGS);
}

/* --- containers --- */

#define CONTAINER_ASK(rest) "GET http://169.254.170.2/v2/creds Accept=application/json" rest
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/creds", "HOME=/nowhere"
#define FULL(url) "AWS_CONTAINER_CREDENTIALS_FULL_URI=" url, "HOME=/nowhere"

static void test_container(void **state)
{
    (void)state;
    const cf_creds_source from = CF_CREDS_FROM_CONTAINER;
    gives(ENV(RELATIVE), ROWS({CONTAINER_ASK(""), 200, DOCUMENT("AK"), CF_OK}), from, "AK", "t",
          LATER_MS);
    gives(ENV(RELATIVE, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/no"),
          ROWS({CONTAINER_ASK(""), 200, DOCUMENT("AK"), CF_OK}), from, "AK", "t", LATER_MS);
    gives(ENV(FULL("http://[fd00:ec2::23]/v1"), "AWS_CONTAINER_AUTHORIZATION_TOKEN=tok en"),
          ROWS({"GET http://[fd00:ec2::23]/v1 Accept=application/json Authorization=tok en", 200,
                DOCUMENT("AK"), CF_OK}),
          from, "AK", "t", LATER_MS);
    const char *file = setting("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file_of("auth", "filed"));
    gives(ENV(FULL("https://any.example/x?y"), "AWS_CONTAINER_AUTHORIZATION_TOKEN=not", file),
          ROWS({"GET https://any.example/x?y Accept=application/json Authorization=filed", 200,
                DOCUMENT("AK"), CF_OK}),
          from, "AK", "t", LATER_MS);
    static const char *const bad[] = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://any.example/",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.169.254/",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=ftp://127.0.0.1/",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1@any.example/"};
    for (size_t i = 0; i < 4; i++) {
        fails(ENV(bad[i], "HOME=/nowhere"), NULL, from, CF_CREDS_SETTINGS,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    }
    fails(ENV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=.example/", "HOME=/nowhere"), NULL, from,
          CF_CREDS_SETTINGS, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    fails(ENV(RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN=a\r\nX: y"), NULL, from,
          CF_CREDS_SETTINGS, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    static const char *const texts[] = {"", "a\n", "a\rb", "\xff"};
    for (size_t i = 0; i < 4; i++) {
        file_of("auth", texts[i]);
        fails(ENV(RELATIVE, file), NULL, from, CF_CREDS_SETTINGS,
              "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    }
}

static void test_container_answers(void **state)
{
    (void)state;
    static const struct {
        scripted_row row;
        cf_creds_fault fault;
    } rows[] = {
        {{CONTAINER_ASK(""), 404, "", CF_OK}, CF_CREDS_REFUSED},
        {{CONTAINER_ASK(""), 401, "", CF_OK}, CF_CREDS_REFUSED},
        {{CONTAINER_ASK(""), 301, "", CF_OK}, CF_CREDS_REFUSED},
        {{CONTAINER_ASK(""), 429, "", CF_OK}, CF_CREDS_UNAVAILABLE},
        {{CONTAINER_ASK(""), 500, "", CF_OK}, CF_CREDS_UNAVAILABLE},
        {{CONTAINER_ASK(""), 200, "", CF_OK}, CF_CREDS_ANSWER},
        {{CONTAINER_ASK(""), 200, "{\"Code\":\"No\"}", CF_OK}, CF_CREDS_REFUSED},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_TIMEOUT}, CF_CREDS_TIMEOUT},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_NOT_FOUND}, CF_CREDS_UNAVAILABLE},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_CLOSED}, CF_CREDS_UNAVAILABLE},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_CHAIN}, CF_CREDS_UNAVAILABLE},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_SIZE}, CF_CREDS_ANSWER},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_MALFORMED}, CF_CREDS_ANSWER},
        {{CONTAINER_ASK(""), 0, NULL, CF_ERR_NO_MEMORY}, CF_CREDS_SYSTEM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fails(ENV(RELATIVE), ROWS(rows[i].row), CF_CREDS_FROM_CONTAINER, rows[i].fault,
              "container");
        assert_int_equal(story.status, rows[i].row.status);
    }
}

/* A text one below, at and one above a limit, as the content of a file. */
static void test_file_limits(void **state)
{
    (void)state;
    static char text[CF_CREDS_IDENTITY_BYTES_MAX + 2], asked[CF_CREDS_IDENTITY_BYTES_MAX + 256];
    for (int over = -1; over <= 1; over++) {
        size_t n = (size_t)(CF_CREDS_AUTHORIZATION_BYTES_MAX + over);
        memset(text, 'x', n);
        text[n] = '\0';
        const char *file = setting("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file_of("auth", text));
        snprintf(asked, sizeof asked, "%s%s", CONTAINER_ASK(" Authorization="), text);
        if (over == 1) {
            fails(ENV(RELATIVE, file), NULL, CF_CREDS_FROM_CONTAINER, CF_CREDS_SETTINGS,
                  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        } else {
            gives(ENV(RELATIVE, file), ROWS({asked, 200, DOCUMENT("AK"), CF_OK}),
                  CF_CREDS_FROM_CONTAINER, "AK", "t", LATER_MS);
        }
    }
    for (int over = -1; over <= 1; over++) {
        size_t n = (size_t)(CF_CREDS_IDENTITY_BYTES_MAX + over);
        memset(text, 'x', n);
        text[n] = '\0';
        const char *file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", file_of("jwt", text));
        fails(ENV(file, "AWS_ROLE_ARN=r", "AWS_ENDPOINT_URL_STS=http://far.example"), NULL,
              CF_CREDS_FROM_WEB_IDENTITY, CF_CREDS_SETTINGS,
              over == 1 ? "AWS_WEB_IDENTITY_TOKEN_FILE" : "AWS_ENDPOINT_URL_STS");
    }
}

/* --- web identity --- */

#define STS_FIELDS " Accept=application/json Content-Type=application/x-www-form-urlencoded"
#define STS_BODY(role, session, token)                                                             \
    " body=Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" role                      \
    "&RoleSessionName=" session "&WebIdentityToken=" token
#define ARN "arn:aws:iam::1:role/a+b"
#define ARN_ENCODED "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2Bb"
#define STS_ANSWER                                                                                 \
    "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":{"                \
    "\"Credentials\":{\"AccessKeyId\":\"AS\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","    \
    "\"Expiration\":1767247200}}}}"

static void test_web_identity(void **state)
{
    (void)state;
    const cf_creds_source from = CF_CREDS_FROM_WEB_IDENTITY;
    const char *file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", file_of("jwt", "h.p-_.s=\n"));
    gives(ENV(file, "AWS_ROLE_ARN=" ARN),
          ROWS({"POST https://sts.amazonaws.com/" STS_FIELDS STS_BODY(ARN_ENCODED, "coffer-agent",
                                                                      "h.p-_.s%3D"),
                200, STS_ANSWER, CF_OK}),
          from, "AS", "t", LATER_MS);
    gives(ENV(file, "AWS_ROLE_ARN=" ARN, "AWS_ROLE_SESSION_NAME=a@b", "AWS_REGION=cn-north-1",
              "AWS_DEFAULT_REGION=no"),
          ROWS({"POST https://sts.cn-north-1.amazonaws.com.cn/" STS_FIELDS STS_BODY(
                    ARN_ENCODED, "a%40b", "h.p-_.s%3D"),
                200, STS_ANSWER, CF_OK}),
          from, "AS", "t", LATER_MS);
    gives(ENV(file, "AWS_ROLE_ARN=" ARN, "AWS_ENDPOINT_URL_STS=http://127.0.0.1:9/x",
              "AWS_ENDPOINT_URL=http://127.0.0.1:8"),
          ROWS({"POST http://127.0.0.1:9/x" STS_FIELDS STS_BODY(ARN_ENCODED, "coffer-agent",
                                                                "h.p-_.s%3D"),
                200, STS_ANSWER, CF_OK}),
          from, "AS", "t", LATER_MS);
    fails(ENV(file, OFF), NULL, from, CF_CREDS_SETTINGS, "AWS_ROLE_ARN");
    fails(ENV(file, "AWS_ROLE_ARN=r", "AWS_ROLE_SESSION_NAME=a"), NULL, from, CF_CREDS_SETTINGS,
          "AWS_ROLE_SESSION_NAME");
    fails(ENV(file, "AWS_ROLE_ARN=r", "AWS_ROLE_SESSION_NAME=a/b"), NULL, from, CF_CREDS_SETTINGS,
          "AWS_ROLE_SESSION_NAME");
    fails(ENV(file, "AWS_ROLE_ARN=r", "AWS_REGION=a.evil.example/"), NULL, from, CF_CREDS_SETTINGS,
          "region");
    fails(ENV(file, "AWS_ROLE_ARN=r", "AWS_ENDPOINT_URL=http://sts.example"), NULL, from,
          CF_CREDS_SETTINGS, "AWS_ENDPOINT_URL_STS");
    fails(ENV("AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere", "AWS_ROLE_ARN=r"), NULL, from,
          CF_CREDS_SETTINGS, "AWS_WEB_IDENTITY_TOKEN_FILE");
    file_of("jwt", "\n");
    fails(ENV(file, "AWS_ROLE_ARN=r"), NULL, from, CF_CREDS_SETTINGS,
          "AWS_WEB_IDENTITY_TOKEN_FILE");
}

static void test_web_identity_answers(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        cf_creds_fault fault;
    } rows[] = {
        {403, "{\"Error\":{\"Code\":\"AccessDenied\"}}", CF_CREDS_REFUSED},
        {400, "{\"Error\":{\"Code\":\"ExpiredTokenException\"}}", CF_CREDS_REFUSED},
        {400, "{\"Error\":{\"Code\":\"IDPCommunicationError\"}}", CF_CREDS_UNAVAILABLE},
        {400, "{\"Error\":{\"Code\":\"InvalidIdentityToken\"}}", CF_CREDS_UNAVAILABLE},
        {503, "", CF_CREDS_UNAVAILABLE},
        {200, "", CF_CREDS_ANSWER},
        {200, "<html>", CF_CREDS_ANSWER},
    };
    const char *file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", file_of("jwt", "x"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fails(ENV(file, "AWS_ROLE_ARN=r", "AWS_REGION=eu-west-1"),
              ROWS({"POST https://sts.eu-west-1.amazonaws.com/" STS_FIELDS STS_BODY(
                        "r", "coffer-agent", "x"),
                    rows[i].status, rows[i].body, CF_OK}),
              CF_CREDS_FROM_WEB_IDENTITY, rows[i].fault, "sts");
    }
    /* The same in a profile. */
    char text[512];
    snprintf(text, sizeof text,
             "[default]\nweb_identity_token_file=%s/jwt\nrole_arn=r\nregion=us-gov-west-1\n",
             folder);
    gives(ENV(setting("AWS_CONFIG_FILE", file_of("config", text)), "HOME=/nowhere"),
          ROWS({"POST https://sts.us-gov-west-1.amazonaws.com/" STS_FIELDS STS_BODY(
                    "r", "coffer-agent", "x"),
                200, STS_ANSWER, CF_OK}),
          CF_CREDS_FROM_PROFILE, "AS", "t", LATER_MS);
}

/* Lengths of the role and of the session's name. */
static void test_web_identity_limits(void **state)
{
    (void)state;
    static char role[CF_CREDS_ROLE_ARN_BYTES_MAX + 32], session[128];
    const char *file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", file_of("jwt", "x"));
    for (int over = -1; over <= 1; over++) {
        for (int which = 0; which < 2; which++) {
            size_t r = which == 0 ? (size_t)(CF_CREDS_ROLE_ARN_BYTES_MAX + over) : 1;
            size_t s = which == 1 ? (size_t)(CF_CREDS_SESSION_NAME_BYTES_MAX + over) : 2;
            snprintf(role, sizeof role, "AWS_ROLE_ARN=%0*d", (int)r, 0);
            snprintf(session, sizeof session, "AWS_ROLE_SESSION_NAME=%0*d", (int)s, 0);
            const char *what = over < 1     ? "AWS_ENDPOINT_URL_STS"
                               : which == 0 ? "AWS_ROLE_ARN"
                                            : "AWS_ROLE_SESSION_NAME";
            fails(ENV(file, role, session, "AWS_ENDPOINT_URL_STS=http://far.example"), NULL,
                  CF_CREDS_FROM_WEB_IDENTITY, CF_CREDS_SETTINGS, what);
        }
    }
}

/* --- instance metadata --- */

#define IMDS "http://169.254.169.254"
#define PUT(at) "PUT " at "/latest/api/token X-aws-ec2-metadata-token-ttl-seconds=21600"
#define ROLES(at, token)                                                                           \
    "GET " at "/latest/meta-data/iam/security-credentials/ X-aws-ec2-metadata-token=" token
#define ROLE(at, role, token)                                                                      \
    "GET " at "/latest/meta-data/iam/security-credentials/" role " X-aws-ec2-metadata-"            \
    "token=" token
#define BARE "HOME=/nowhere"

static void test_imds(void **state)
{
    (void)state;
    const cf_creds_source from = CF_CREDS_FROM_IMDS;
    gives(ENV(BARE),
          ROWS({PUT(IMDS), 200, "T0==", CF_OK}, {ROLES(IMDS, "T0=="), 200, "my.role", CF_OK},
               {ROLE(IMDS, "my.role", "T0=="), 200, DOCUMENT("AK"), CF_OK}),
          from, "AK", "t", LATER_MS);
    gives(ENV(BARE, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv6", "AWS_EC2_METADATA_DISABLED=no"),
          ROWS({PUT("http://[fd00:ec2::254]"), 200, "T", CF_OK},
               {ROLES("http://[fd00:ec2::254]", "T"), 200, "r\n", CF_OK},
               {ROLE("http://[fd00:ec2::254]", "r", "T"), 200, DOCUMENT("AK"), CF_OK}),
          from, "AK", "t", LATER_MS);
    gives(ENV(BARE, "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1338/",
              "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6"),
          ROWS({PUT("http://127.0.0.1:1338"), 200, "T", CF_OK},
               {ROLES("http://127.0.0.1:1338", "T"), 200, "r", CF_OK},
               {ROLE("http://127.0.0.1:1338", "r", "T"), 200, DOCUMENT("AK"), CF_OK}),
          from, "AK", "t", LATER_MS);
    fails(ENV(BARE, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=v5"), NULL, from, CF_CREDS_SETTINGS,
          "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    static const char *const bad[] = {"AWS_EC2_METADATA_SERVICE_ENDPOINT=https://127.0.0.1/",
                                      "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1/latest",
                                      "AWS_EC2_METADATA_SERVICE_ENDPOINT=127.0.0.1"};
    for (size_t i = 0; i < 3; i++) {
        fails(ENV(BARE, bad[i]), NULL, from, CF_CREDS_SETTINGS,
              "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    }
    /* 401 in the middle: another token, once. */
    gives(ENV(BARE),
          ROWS({PUT(IMDS), 200, "T1", CF_OK}, {ROLES(IMDS, "T1"), 200, "r", CF_OK},
               {ROLE(IMDS, "r", "T1"), 401, "", CF_OK}, {PUT(IMDS), 200, "T2", CF_OK},
               {ROLE(IMDS, "r", "T2"), 200, DOCUMENT("AK"), CF_OK}),
          from, "AK", "t", LATER_MS);
    fails(ENV(BARE),
          ROWS({PUT(IMDS), 200, "T1", CF_OK}, {ROLES(IMDS, "T1"), 401, "", CF_OK},
               {PUT(IMDS), 200, "T2", CF_OK}, {ROLES(IMDS, "T2"), 401, "", CF_OK}),
          from, CF_CREDS_REFUSED, "imds_role");
}

/* No token, no further request: there is no way back to version 1. */
static void test_imds_token(void **state)
{
    (void)state;
    static const struct {
        scripted_row row;
        cf_creds_fault fault;
    } rows[] = {
        {{PUT(IMDS), 400, "", CF_OK}, CF_CREDS_REFUSED},
        {{PUT(IMDS), 403, "", CF_OK}, CF_CREDS_REFUSED},
        {{PUT(IMDS), 404, "", CF_OK}, CF_CREDS_REFUSED},
        {{PUT(IMDS), 405, "", CF_OK}, CF_CREDS_REFUSED},
        {{PUT(IMDS), 503, "", CF_OK}, CF_CREDS_UNAVAILABLE},
        {{PUT(IMDS), 200, "", CF_OK}, CF_CREDS_ANSWER},
        {{PUT(IMDS), 200, "a\r\nX: y", CF_OK}, CF_CREDS_ANSWER},
        {{PUT(IMDS), 0, NULL, CF_ERR_TIMEOUT}, CF_CREDS_TIMEOUT},
        {{PUT(IMDS), 0, NULL, CF_ERR_NOT_FOUND}, CF_CREDS_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fails(ENV(BARE), ROWS(rows[i].row), CF_CREDS_FROM_IMDS, rows[i].fault, "imds_token");
    }
    for (int over = -1; over <= 1; over++) {
        static char token[CF_CREDS_IMDS_TOKEN_BYTES_MAX + 2],
            ask_text[CF_CREDS_IMDS_TOKEN_BYTES_MAX + 128];
        snprintf(token, sizeof token, "%0*d", CF_CREDS_IMDS_TOKEN_BYTES_MAX + over, 0);
        snprintf(ask_text, sizeof ask_text, "%s%s", ROLES(IMDS, ""), token);
        if (over == 1) {
            fails(ENV(BARE), ROWS({PUT(IMDS), 200, token, CF_OK}), CF_CREDS_FROM_IMDS,
                  CF_CREDS_ANSWER, "imds_token");
        } else {
            fails(ENV(BARE), ROWS({PUT(IMDS), 200, token, CF_OK}, {ask_text, 500, "", CF_OK}),
                  CF_CREDS_FROM_IMDS, CF_CREDS_UNAVAILABLE, "imds_role");
        }
    }
}

static void test_imds_role(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        cf_creds_fault fault;
    } rows[] = {{404, "", CF_CREDS_UNAVAILABLE}, {403, "", CF_CREDS_REFUSED},
                {500, "", CF_CREDS_UNAVAILABLE}, {200, "", CF_CREDS_ANSWER},
                {200, "../x", CF_CREDS_ANSWER},  {200, "a b", CF_CREDS_ANSWER},
                {200, "\n", CF_CREDS_ANSWER},    {200, "a\r\n", CF_CREDS_ANSWER},
                {200, "<html>", CF_CREDS_ANSWER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fails(ENV(BARE),
              ROWS({PUT(IMDS), 200, "T", CF_OK},
                   {ROLES(IMDS, "T"), rows[i].status, rows[i].body, CF_OK}),
              CF_CREDS_FROM_IMDS, rows[i].fault, "imds_role");
    }
    for (int over = -1; over <= 1; over++) {
        char role[CF_CREDS_ROLE_BYTES_MAX + 2], ask_text[256];
        snprintf(role, sizeof role, "%0*d", CF_CREDS_ROLE_BYTES_MAX + over, 0);
        snprintf(ask_text, sizeof ask_text,
                 "GET " IMDS "/latest/meta-data/iam/security-credentials/%s "
                 "X-aws-ec2-metadata-token=T",
                 role);
        if (over == 1) {
            fails(ENV(BARE),
                  ROWS({PUT(IMDS), 200, "T", CF_OK}, {ROLES(IMDS, "T"), 200, role, CF_OK}),
                  CF_CREDS_FROM_IMDS, CF_CREDS_ANSWER, "imds_role");
        } else {
            gives(ENV(BARE),
                  ROWS({PUT(IMDS), 200, "T", CF_OK}, {ROLES(IMDS, "T"), 200, role, CF_OK},
                       {ask_text, 200, DOCUMENT("AK"), CF_OK}),
                  CF_CREDS_FROM_IMDS, "AK", "t", LATER_MS);
        }
    }
}

static void test_imds_document(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        cf_creds_fault fault;
        const char *what;
    } rows[] = {
        {404, "", CF_CREDS_UNAVAILABLE, "imds_document"},
        {500, "", CF_CREDS_UNAVAILABLE, "imds_document"},
        {403, "", CF_CREDS_REFUSED, "imds_document"},
        {200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"m\"}", CF_CREDS_REFUSED,
         "imds_document"},
        {200, "{", CF_CREDS_ANSWER, "imds_document"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fails(ENV(BARE),
              ROWS({PUT(IMDS), 200, "T", CF_OK}, {ROLES(IMDS, "T"), 200, "r", CF_OK},
                   {ROLE(IMDS, "r", "T"), rows[i].status, rows[i].body, CF_OK}),
              CF_CREDS_FROM_IMDS, rows[i].fault, rows[i].what);
    }
}

/* Static stability: when the service behind the metadata cannot make new ones, it goes on giving the old, and who checks them may go on
 * taking them. They come with the end that they have. */
static void test_imds_ended(void **state)
{
    (void)state;
    gives(ENV(BARE),
          ROWS({PUT(IMDS), 200, "T", CF_OK}, {ROLES(IMDS, "T"), 200, "r", CF_OK},
               {ROLE(IMDS, "r", "T"), 200,
                "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                "\"Expiration\":\"2025-12-31T23:59:59Z\"}",
                CF_OK}),
          CF_CREDS_FROM_IMDS, "AK", "t", NOW - 1000);
    assert_true(cf_creds_ended(&got, NOW));
    assert_true(cf_creds_ended(&got, NOW - 1000));
    assert_false(cf_creds_ended(&got, NOW - 1001));
}

/* One token serves many requests; the role is asked for each time. */
static void test_imds_again(void **state)
{
    (void)state;
    CF_AUTO(cf_creds_chain_free) cf_creds_chain *c = NULL;
    const cf_creds_chain_opts o = {.env = scripted_getenv,
                                   .http = &scripted_http,
                                   .single = true,
                                   .source = CF_CREDS_FROM_IMDS};
    assert_ok(cf_creds_chain_new(&o, &c));
    scripted_env = NULL;
    scripted_rows = ROWS({PUT(IMDS), 200, "T", CF_OK}, {ROLES(IMDS, "T"), 200, "one", CF_OK},
                         {ROLE(IMDS, "one", "T"), 200, DOCUMENT("AK1"), CF_OK},
                         {ROLES(IMDS, "T"), 200, "two", CF_OK},
                         {ROLE(IMDS, "two", "T"), 200, DOCUMENT("AK2"), CF_OK},
                         {ROLES(IMDS, "T"), 0, NULL, CF_ERR_TIMEOUT});
    assert_ok(cf_creds_chain_get(c, NOW, &got, &story));
    assert_view(cf_buf_view(&got.access_key_id), CF_LIT("AK1"));
    assert_ok(cf_creds_chain_get(c, NOW, &got, &story));
    assert_view(cf_buf_view(&got.access_key_id), CF_LIT("AK2"));
    /* A failure leaves what the caller has. */
    assert_err(cf_creds_chain_get(c, NOW, &got, &story), TIMEOUT);
    assert_view(cf_buf_view(&got.access_key_id), CF_LIT("AK2"));
    assert_null(scripted_rows->ask);
}

/* Each source hides those behind it, whether it gives or fails. */
static void test_order(void **state)
{
    (void)state;
    const char *jwt = setting("AWS_WEB_IDENTITY_TOKEN_FILE", file_of("jwt", "x"));
    const char *creds =
        setting("AWS_SHARED_CREDENTIALS_FILE", file_of("credentials", "[default]\n" KEYS("AKP")));
    const char *const all[] = {"AWS_ACCESS_KEY_ID=AKE",
                               "AWS_SECRET_ACCESS_KEY=s",
                               "AWS_ROLE_ARN=r",
                               jwt,
                               "HOME=/nowhere",
                               creds,
                               "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/creds",
                               NULL};
    static const scripted_row sts = {
        "POST https://sts.amazonaws.com/" STS_FIELDS STS_BODY("r", "coffer-agent", "x"), 200,
        STS_ANSWER, CF_OK};
    static const scripted_row failing = {
        "POST https://sts.amazonaws.com/" STS_FIELDS STS_BODY("r", "coffer-agent", "x"), 500, "",
        CF_OK};
    gives(all, NULL, CF_CREDS_FROM_ENV, "AKE", "", 0);
    gives(all + 1, ROWS(sts), CF_CREDS_FROM_WEB_IDENTITY, "AS", "t", LATER_MS);
    fails(all + 1, ROWS(failing), CF_CREDS_FROM_WEB_IDENTITY, CF_CREDS_UNAVAILABLE, "sts");
    gives(all + 4, NULL, CF_CREDS_FROM_PROFILE, "AKP", "", 0);
    gives(all + 6, ROWS({CONTAINER_ASK(""), 200, DOCUMENT("AKC"), CF_OK}), CF_CREDS_FROM_CONTAINER,
          "AKC", "t", LATER_MS);
    gives(all + 7,
          ROWS({PUT(IMDS), 200, "T", CF_OK}, {ROLES(IMDS, "T"), 200, "r", CF_OK},
               {ROLE(IMDS, "r", "T"), 200, DOCUMENT("AKI"), CF_OK}),
          CF_CREDS_FROM_IMDS, "AKI", "t", LATER_MS);
}

static int start(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    static const char *const names[] = {"credentials",      "config", "broken", "long",
                                        "own.json",         "auth",   "jwt",    ".aws/config",
                                        ".aws/credentials", ".aws",   ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (unlink(path) != 0) {
            (void)rmdir(path);
        }
    }
    cf_creds_free(&got);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_home),
        cmocka_unit_test(test_profile_name_limit),
        cmocka_unit_test(test_path_limit),
        cmocka_unit_test(test_own_file),
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_container_answers),
        cmocka_unit_test(test_file_limits),
        cmocka_unit_test(test_web_identity),
        cmocka_unit_test(test_web_identity_answers),
        cmocka_unit_test(test_web_identity_limits),
        cmocka_unit_test(test_imds),
        cmocka_unit_test(test_imds_token),
        cmocka_unit_test(test_imds_role),
        cmocka_unit_test(test_imds_document),
        cmocka_unit_test(test_imds_ended),
        cmocka_unit_test(test_imds_again),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests_name("host/credentials/chain", tests, start, stop);
}
