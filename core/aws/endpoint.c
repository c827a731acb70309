/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/endpoint.h"

#include "core/base/number.h"

#define HTTPS_PORT 443
#define PORT_MAX 65535
#define DEFAULT_REGION "us-east-1"

/* Longer prefixes first, so that none hides behind a shorter one. */
static const cf_aws_partition partitions[] = {
    {"aws-us-gov", "us-gov-", "amazonaws.com"},  {"aws-iso-b", "us-isob-", "sc2s.sgov.gov"},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk"}, {"aws-iso-f", "us-isof-", "csp.hci.ic.gov"},
    {"aws-iso", "us-iso-", "c2s.ic.gov"},        {"aws-eusc", "eusc-", "amazonaws.eu"},
    {"aws-cn", "cn-", "amazonaws.com.cn"},       {"aws", "", "amazonaws.com"},
};

static bool begins(cf_view v, cf_view with)
{
    return v.len >= with.len && cf_view_eq(cf_view_sub(v, 0, with.len), with);
}

const cf_aws_partition *cf_aws_partition_of(cf_view region)
{
    const cf_aws_partition *p = partitions;
    while (!begins(region, cf_view_str(p->prefix))) {
        p++;
    }
    return p;
}

/* What stands before the first mark, and what behind it; all of it and nothing when there is none. */
static bool split(cf_view v, char mark, cf_view *ret_before, cf_view *ret_behind)
{
    size_t at = 0;
    while (at < v.len && v.data[at] != (uint8_t)mark) {
        at++;
    }
    bool found = at < v.len;
    *ret_before = cf_view_sub(v, 0, at);
    *ret_behind = found ? cf_view_sub(v, at + 1, v.len - at - 1) : CF_VIEW_EMPTY;
    return found;
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A label of the DNS in lower case, at most max long. */
static bool is_label(cf_view v, size_t max)
{
    bool ok = v.len > 0 && v.len <= max && v.data[0] != '-' && v.data[v.len - 1] != '-';
    for (size_t i = 0; ok && i < v.len; i++) {
        ok = is_lower(v.data[i]) || is_digit(v.data[i]) || v.data[i] == '-';
    }
    return ok;
}

/* Being a label keeps a region from leaving its domain. */
static bool is_region(cf_view v)
{
    return is_label(v, CF_AWS_REGION_BYTES_MAX) && is_lower(v.data[0]);
}

/* Appends to a text that has room for max octets and a NUL. */
static cf_result put(char *text, size_t *len, size_t max, cf_view v)
{
    CF_REQUIRE(v.len <= max - *len, SIZE);
    cf_copy(text + *len, v.data, v.len);
    *len += v.len;
    text[*len] = '\0';
    return cf_ok();
}

static cf_result put_region(cf_aws_endpoint *e, cf_view region)
{
    size_t len = 0;
    CF_REQUIRE(is_region(region), ARGUMENT);
    return put(e->region, &len, CF_AWS_REGION_BYTES_MAX, region);
}

static cf_result of_region(cf_view text, cf_aws_endpoint *e)
{
    cf_view region, option;
    bool fips = split(text, ',', &region, &option);
    CF_REQUIRE(!fips || cf_view_eq(option, CF_LIT("fips")), UNSUPPORTED);
    CF_TRY(put_region(e, region));
    const cf_view parts[] = {fips ? CF_LIT("kms-fips.") : CF_LIT("kms."), region, CF_LIT("."),
                             cf_view_str(cf_aws_partition_of(region)->domain)};
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        CF_TRY(put(e->host, &len, CF_AWS_HOST_BYTES_MAX, parts[i]));
    }
    e->port = HTTPS_PORT;
    return cf_ok();
}

/* The host in lower case. An address is none: what is checked of a certificate is a name. */
static cf_result put_host(cf_aws_endpoint *e, cf_view host)
{
    size_t len = 0;
    CF_TRY(put(e->host, &len, CF_AWS_HOST_BYTES_MAX, host));
    for (size_t i = 0; i < len; i++) {
        bool upper = e->host[i] >= 'A' && e->host[i] <= 'Z';
        e->host[i] = (char)(upper ? e->host[i] + ('a' - 'A') : e->host[i]);
    }
    cf_view label, rest = cf_view_make(e->host, len);
    bool more = true, last_has_letter = false;
    while (more) {
        more = split(rest, '.', &label, &rest);
        CF_REQUIRE(is_label(label, CF_AWS_LABEL_BYTES_MAX), ARGUMENT);
        last_has_letter = false;
        for (size_t i = 0; i < label.len; i++) {
            last_has_letter = last_has_letter || is_lower(label.data[i]);
        }
    }
    CF_REQUIRE(last_has_letter, ARGUMENT);
    return cf_ok();
}

/* The label behind "kms" or "kms-fips", where AWS has it; its regions end in a number. */
static cf_view region_in(cf_view host)
{
    cf_view label, rest = host;
    bool of_kms = false;
    while (split(rest, '.', &label, &rest)) {
        if (of_kms && is_region(label) && is_digit(label.data[label.len - 1])) {
            return label;
        }
        of_kms = cf_view_eq(label, CF_LIT("kms")) || cf_view_eq(label, CF_LIT("kms-fips"));
    }
    return CF_LIT(DEFAULT_REGION);
}

static cf_result of_host(cf_view text, cf_aws_endpoint *e)
{
    cf_view address, region, host, port;
    uint64_t number = HTTPS_PORT;
    bool has_region = split(text, ',', &address, &region);
    if (split(address, ':', &host, &port)) {
        CF_TRY(cf_parse_u64(port, PORT_MAX, &number));
        CF_REQUIRE(number > 0, RANGE);
    }
    CF_TRY(put_host(e, host));
    e->port = (uint16_t)number;
    return put_region(e, has_region ? region : region_in(cf_view_str(e->host)));
}

CF_MUST_USE cf_result cf_aws_kms_endpoint(cf_view text, cf_aws_endpoint *ret)
{
    const cf_view aws = CF_LIT("aws:"), https = CF_LIT("https://");
    cf_result r = cf_fail(CF_ERR_UNSUPPORTED);
    *ret = (cf_aws_endpoint){.port = 0};
    if (begins(text, aws)) {
        r = of_region(cf_view_sub(text, aws.len, text.len - aws.len), ret);
    } else if (begins(text, https)) {
        r = of_host(cf_view_sub(text, https.len, text.len - https.len), ret);
    }
    if (!cf_is_ok(r)) {
        *ret = (cf_aws_endpoint){.port = 0};
    }
    return r;
}
