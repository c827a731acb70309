/* SPDX-License-Identifier: Apache-2.0 */
/* The table is also compared with botocore's: tests/interop/test_endpoints.py. */
#include "core/aws/endpoint.h"

#include "tests/support/test.h"

#define LABEL_63 "a23456789-a23456789-a23456789-a23456789-a23456789-a23456789-a23"
#define REGION_32 "eu-23456789-23456789-23456789-32"

static const struct {
    const char *text, *host, *region;
    unsigned port;
} good[] = {
    /* one row per partition, with FIPS and without */
    {"aws:eu-central-1", "kms.eu-central-1.amazonaws.com", "eu-central-1", 443},
    {"aws:us-east-1,fips", "kms-fips.us-east-1.amazonaws.com", "us-east-1", 443},
    {"aws:us-gov-west-1", "kms.us-gov-west-1.amazonaws.com", "us-gov-west-1", 443},
    {"aws:us-gov-west-1,fips", "kms-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", 443},
    {"aws:cn-north-1", "kms.cn-north-1.amazonaws.com.cn", "cn-north-1", 443},
    {"aws:cn-northwest-1,fips", "kms-fips.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1", 443},
    {"aws:eusc-de-east-1", "kms.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", 443},
    {"aws:eusc-de-east-1,fips", "kms-fips.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", 443},
    {"aws:us-iso-east-1", "kms.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", 443},
    {"aws:us-iso-west-1,fips", "kms-fips.us-iso-west-1.c2s.ic.gov", "us-iso-west-1", 443},
    {"aws:us-isob-east-1", "kms.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", 443},
    {"aws:us-isob-east-1,fips", "kms-fips.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", 443},
    {"aws:eu-isoe-west-1", "kms.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", 443},
    {"aws:eu-isoe-west-1,fips", "kms-fips.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", 443},
    {"aws:us-isof-south-1", "kms.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", 443},
    {"aws:us-isof-south-1,fips", "kms-fips.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", 443},
    {"aws:mx-central-1", "kms.mx-central-1.amazonaws.com", "mx-central-1", 443},
    /* regions that nobody has yet, at the limit */
    {"aws:zz-new-9", "kms.zz-new-9.amazonaws.com", "zz-new-9", 443},
    {"aws:" REGION_32, "kms." REGION_32 ".amazonaws.com", REGION_32, 443},
    /* hosts of one's own */
    {"https://localhost:8443", "localhost", "us-east-1", 8443},
    {"https://kms.example.org", "kms.example.org", "us-east-1", 443},
    {"https://KMS.Example.ORG:1,eu-west-1", "kms.example.org", "eu-west-1", 1},
    {"https://localhost:65535,eu-west-1", "localhost", "eu-west-1", 65535},
    {"https://vpce-0a1-b.kms.us-west-2.vpce.amazonaws.com",
     "vpce-0a1-b.kms.us-west-2.vpce.amazonaws.com", "us-west-2", 443},
    {"https://kms-fips.us-gov-east-1.api.aws", "kms-fips.us-gov-east-1.api.aws", "us-gov-east-1",
     443},
    {"https://kms.eu-west-3.api.aws,eu-west-1", "kms.eu-west-3.api.aws", "eu-west-1", 443},
    {"https://" LABEL_63 "." LABEL_63 "." LABEL_63 ".a23456789-a23456789-a23456789-a23456789-"
     "a23456789-a23456789-a",
     LABEL_63 "." LABEL_63 "." LABEL_63 ".a23456789-a23456789-a23456789-a23456789-a23456789-"
              "a23456789-a",
     "us-east-1", 443},
    {"https://a.1a", "a.1a", "us-east-1", 443},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cf_aws_endpoint e;
        cf_result r = cf_aws_kms_endpoint(cf_view_str(good[i].text), &e);
        if (!cf_is_ok(r)) {
            print_error("%s\n", good[i].text);
        }
        assert_ok(r);
        assert_string_equal(e.host, good[i].host);
        assert_string_equal(e.region, good[i].region);
        assert_int_equal(e.port, good[i].port);
    }
}

static const struct {
    const char *text;
    cf_err err;
} bad[] = {
    {"", CF_ERR_UNSUPPORTED},
    {"aws", CF_ERR_UNSUPPORTED},
    {"AWS:us-east-1", CF_ERR_UNSUPPORTED},
    {"http://localhost", CF_ERR_UNSUPPORTED},
    {"https:/localhost", CF_ERR_UNSUPPORTED},
    {"unix:/run/kms.sock", CF_ERR_UNSUPPORTED},
    {"vsock:3:8000", CF_ERR_UNSUPPORTED},
    {"aws:us-east-1,", CF_ERR_UNSUPPORTED},
    {"aws:us-east-1,FIPS", CF_ERR_UNSUPPORTED},
    {"aws:us-east-1,fips,fips", CF_ERR_UNSUPPORTED},
    {"aws:", CF_ERR_ARGUMENT},
    {"aws:,fips", CF_ERR_ARGUMENT},
    {"aws:US-EAST-1", CF_ERR_ARGUMENT},
    /* whatever would lead out of the domain */
    {"aws:evil.example/", CF_ERR_ARGUMENT},
    {"aws:s3.us-east-1", CF_ERR_ARGUMENT},
    {"aws:us-east-1#", CF_ERR_ARGUMENT},
    {"aws:us-east-1@evil", CF_ERR_ARGUMENT},
    {"aws:us east", CF_ERR_ARGUMENT},
    {"aws:us-east-1\r\nX", CF_ERR_ARGUMENT},
    {"aws:-us", CF_ERR_ARGUMENT},
    {"aws:us-", CF_ERR_ARGUMENT},
    {"aws:1us", CF_ERR_ARGUMENT},
    {"aws:" REGION_32 "1", CF_ERR_ARGUMENT},
    {"https://", CF_ERR_ARGUMENT},
    {"https://:443", CF_ERR_ARGUMENT},
    {"https://.example.org", CF_ERR_ARGUMENT},
    {"https://example..org", CF_ERR_ARGUMENT},
    {"https://example.org.", CF_ERR_ARGUMENT},
    {"https://example.org/", CF_ERR_ARGUMENT},
    {"https://user@example.org", CF_ERR_ARGUMENT},
    {"https://exa_mple.org", CF_ERR_ARGUMENT},
    {"https://*.example.org", CF_ERR_ARGUMENT},
    {"https://m\xc3\xbcnchen.example", CF_ERR_ARGUMENT},
    {"https://127.0.0.1:8443", CF_ERR_ARGUMENT},
    {"https://[::1]:8443", CF_ERR_MALFORMED},
    {"https://" LABEL_63 "a.example", CF_ERR_ARGUMENT},
    {"https://" LABEL_63 "." LABEL_63 "." LABEL_63 ".a23456789-a23456789-a23456789-a23456789-"
     "a23456789-a23456789-ab",
     CF_ERR_SIZE},
    {"https://localhost:", CF_ERR_MALFORMED},
    {"https://localhost:0", CF_ERR_RANGE},
    {"https://localhost:65536", CF_ERR_RANGE},
    {"https://localhost:443:443", CF_ERR_MALFORMED},
    {"https://localhost:8443x", CF_ERR_MALFORMED},
    {"https://localhost,", CF_ERR_ARGUMENT},
    {"https://localhost,EU", CF_ERR_ARGUMENT},
    {"https://localhost,a,b", CF_ERR_ARGUMENT},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cf_aws_endpoint e = {.port = 1};
        cf_result r = cf_aws_kms_endpoint(cf_view_str(bad[i].text), &e);
        if (r.code != bad[i].err) {
            print_error("%s\n", bad[i].text);
        }
        assert_code(r, bad[i].err);
        assert_true(e.port == 0 && e.host[0] == '\0' && e.region[0] == '\0');
    }
    cf_aws_endpoint e;
    assert_err(cf_aws_kms_endpoint(CF_LIT("https://local\0host"), &e), ARGUMENT);
    assert_err(cf_aws_kms_endpoint(CF_VIEW_EMPTY, &e), UNSUPPORTED);
}

static void test_partitions(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"us-gov-west-1", "aws-us-gov"},
        {"us-isob-east-1", "aws-iso-b"},
        {"us-isof-east-1", "aws-iso-f"},
        {"eu-isoe-west-1", "aws-iso-e"},
        {"us-iso-west-1", "aws-iso"},
        {"eusc-de-east-1", "aws-eusc"},
        {"cn-north-1", "aws-cn"},
        {"us-west-2", "aws"},
        {"eu-west-1", "aws"},
        {"", "aws"},
        {"us-go", "aws"},
        {"us-isobeast-1", "aws"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(cf_aws_partition_of(cf_view_str(rows[i][0]))->name, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
