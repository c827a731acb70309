/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once: NO_MEMORY, and nothing is left; and no secret is in memory that is given back. */
#include "host/credentials/document.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/host/credentials/scripted.h"

#define PAIR "\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"canary-of-a-secret-key-0815\""

static cf_result read_file(void *ctx)
{
    (void)ctx;
    CF_CREDS(c);
    return cf_creds_of_file(CF_LIT("{" PAIR ",\"Token\":\"t\"}"), &c);
}

static cf_result read_xml(void *ctx)
{
    (void)ctx;
    CF_CREDS(c);
    return cf_creds_of_sts(
        CF_LIT("<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
               "<AccessKeyId>AK</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
               "<SessionToken>t</SessionToken><Expiration>" LATER "</Expiration>"
               "</Credentials></AssumeRoleWithWebIdentityResult>"
               "</AssumeRoleWithWebIdentityResponse>"),
        &c);
}

static cf_result ask_imds(void *ctx)
{
    (void)ctx;
    static const scripted_row rows[] = {
        {"PUT http://169.254.169.254/latest/api/token X-aws-ec2-metadata-token-ttl-seconds=21600",
         200, "T", CF_OK},
        {"GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ "
         "X-aws-ec2-metadata-token=T",
         200, "r", CF_OK},
        {"GET http://169.254.169.254/latest/meta-data/iam/security-credentials/r "
         "X-aws-ec2-metadata-token=T",
         200, "{" PAIR ",\"Token\":\"t\",\"Expiration\":\"" LATER "\"}", CF_OK},
        {0}};
    CF_CREDS(c);
    CF_BUF(body);
    CF_AUTO(cf_creds_chain_free) cf_creds_chain *chain = NULL;
    const cf_creds_chain_opts o = {.env = scripted_getenv,
                                   .program = "coffer-agent",
                                   .http = &scripted_http,
                                   .single = true,
                                   .source = CF_CREDS_FROM_IMDS};
    cf_creds_story story;
    scripted_rows = rows;
    CF_TRY(cf_creds_chain_new(&o, &chain));
    cf_result r = cf_creds_chain_get(chain, NOW, &c, &story);
    assert_true(cf_is_ok(r) || story.fault == CF_CREDS_SYSTEM);
    CF_TRY(r);
    return cf_creds_put(&c, &body);
}

static void test_all(void **state)
{
    (void)state;
    failmalloc_each(read_file, NULL, 3);
    failmalloc_each(read_xml, NULL, 3);
    failmalloc_each(ask_imds, NULL, 8);
}

static void test_wiped(void **state)
{
    (void)state;
    /* The octets to look for stand in a local, not in a block of the allocator. */
    uint8_t secret[] = "canary-of-a-secret-key-0815";
    failmalloc_watch(cf_view_make(secret, sizeof secret - 1));
    assert_ok(read_file(NULL));
    assert_ok(ask_imds(NULL));
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_wiped),
    };
    return cmocka_run_group_tests_name("host/credentials/alloc", tests, NULL, NULL);
}
