/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and prefixes, section 8.7 of the language sheet. */
#include <arpa/inet.h>

#include "tests/unit/core/cel/cel_test.h"

/* Spellings, and the canonical one of RFC 5952; NULL for what is refused. */
static const struct {
    const char *text, *canonical;
} spellings[] = {
    {"0.0.0.0", "0.0.0.0"},
    {"192.168.0.1", "192.168.0.1"},
    {"255.255.255.255", "255.255.255.255"},
    {"1.2.3", NULL},
    {"1.2.3.4.5", NULL},
    {"1.2.3.", NULL},
    {".1.2.3", NULL},
    {"1..2.3", NULL},
    {"1.2.3.256", NULL},
    {"1.2.3.1000", NULL},
    {"1.2.3.99999999999999999999", NULL},
    {"1.2.3.04", NULL}, /* octal to some */
    {"1.2.3.00", NULL},
    {"1.2.3.0x4", NULL},
    {"1.2.3.-4", NULL},
    {"1.2.3.+4", NULL},
    {" 1.2.3.4", NULL},
    {"1.2.3.4 ", NULL},
    {"1.2.3.4\n", NULL},
    {"1.2.3.4/32", NULL},
    {"16909060", NULL},
    {"", NULL},
    {".", NULL},
    {":", NULL},
    {"::", "::"},
    {":::", NULL},
    {"::1", "::1"},
    {"1::", "1::"},
    {"2001:db8::68", "2001:db8::68"},
    {"2001:DB8::68", "2001:db8::68"},
    {"2001:0db8:0000:0000:0000:0000:0000:0068", "2001:db8::68"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"2001:db8:::68", NULL},
    {"2001:db8::1::2", NULL},
    {"::1::", NULL},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4:5:6:7:8:", NULL},
    {":1:2:3:4:5:6:7:8", NULL},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"1:2:3:4::5:6:7:8", NULL}, /* "::" stands for one group at least */
    {"1:2:3:4:5:6:7:8::", NULL},
    {"::1:2:3:4:5:6:7:8", NULL},
    {"12345::", NULL},
    {"00001::", NULL},
    {"g::", NULL},
    {"1:2", NULL},
    {"1:", NULL},
    {"::1 ", NULL},
    {"[::1]", NULL},
    {"::1/128", NULL},
    /* zones */
    {"fe80::1%en0", NULL},
    {"fe80::1%", NULL},
    {"1.2.3.4%eth0", NULL},
    /* a dotted end; the mapped addresses not in this spelling, */
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    {"::1.2.3.4", "::102:304"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"1:2:3:4:5:1.2.3.4", NULL},
    {"1::1.2.3.4:5", NULL},
    {"::1.2.3.04", NULL},
    {"::1.2.3", NULL},
    {"::ffff:192.168.0.1", NULL},
    {"::FFFF:1.2.3.4", NULL},
    {"0:0:0:0:0:ffff:1.2.3.4", NULL},
    /* but in hexadecimal digits: the IPv4 address */
    {"::ffff:c0a8:1", "192.168.0.1"},
    {"0:0:0:0:0:ffff:c0a8:1", "192.168.0.1"},
    {"::ffff:0:0", "0.0.0.0"},
    {"::fffe:c0a8:1", "::fffe:c0a8:1"},
    {"::ffff:0:c0a8:1", "::ffff:0:c0a8:1"},
};

static void addresses_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const char *canonical = spellings[i].canonical;
        char bindings[200], result[80];
        (void)snprintf(bindings, sizeof bindings, "{\"x\": \"%s\"}", spellings[i].text);
        if (strchr(spellings[i].text, '\n') != NULL) {
            (void)snprintf(bindings, sizeof bindings, "{\"x\": \"1.2.3.4\\n\"}");
        }
        (void)snprintf(result, sizeof result, "\"%s\"", canonical == NULL ? "" : canonical);
        const cel_row rows[] = {
            {"string(ip(x))", bindings, canonical == NULL ? NULL : result, CF_ERR_CEL_CONVERT},
            {"isIP(x)", bindings, canonical == NULL ? "false" : "true"},
            {"ip.isCanonical(x)", bindings,
             canonical == NULL                           ? NULL
             : strcmp(canonical, spellings[i].text) == 0 ? "true"
                                                         : "false",
             CF_ERR_CEL_CONVERT},
        };
        CEL_ROWS(rows);
    }
}

/* The C library reads the same addresses, but for those with dotted ends and mapped ones. */
static void the_c_library_agrees(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789abcdefABCDEF::::....g%/ ";
    uint32_t seed = 20261120, read = 0;
    for (size_t i = 0; i < 20000; i++) {
        const char *base = spellings[i % (sizeof spellings / sizeof spellings[0])].text;
        char text[64], bindings[100];
        size_t len = strlen(base);
        memcpy(text, base, len + 1);
        for (int change = 0; change < 2 && len > 0; change++) {
            seed = seed * 1664525u + 1013904223u;
            text[(seed >> 8) % len] = alphabet[(seed >> 20) % (sizeof alphabet - 1)];
        }
        if (strchr(text, '\n') != NULL) {
            continue;
        }
        uint8_t octets[16];
        bool v4 = inet_pton(AF_INET, text, octets) == 1;
        bool v6 = inet_pton(AF_INET6, text, octets) == 1;
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        bool refused = v6 && strchr(text, '.') != NULL && memcmp(octets, mapped, 12) == 0;
        const cel_row row = {"isIP(x)", bindings, v4 || (v6 && !refused) ? "true" : "false"};
        (void)snprintf(bindings, sizeof bindings, "{\"x\": \"%s\"}", text);
        assert_true(cel_row_holds(&row, true));
        read += v4 || v6;
    }
    assert_true(read > 2000);
}

static const cel_row kinds[] = {
    {"ip('192.168.0.1').family()", NULL, "4"},
    {"ip('2001:db8::68').family()", NULL, "6"},
    {"ip('0.0.0.0').isUnspecified()", NULL, "true"},
    {"ip('0.0.0.1').isUnspecified()", NULL, "false"},
    {"ip('::').isUnspecified()", NULL, "true"},
    {"ip('::1').isUnspecified()", NULL, "false"},
    {"ip('127.0.0.1').isLoopback()", NULL, "true"},
    {"ip('127.255.255.255').isLoopback()", NULL, "true"},
    {"ip('128.0.0.1').isLoopback()", NULL, "false"},
    {"ip('::1').isLoopback()", NULL, "true"},
    {"ip('::2').isLoopback()", NULL, "false"},
    {"ip('192.168.0.1').isGlobalUnicast()", NULL, "true"},
    {"ip('255.255.255.255').isGlobalUnicast()", NULL, "false"},
    {"ip('0.0.0.0').isGlobalUnicast()", NULL, "false"},
    {"ip('127.0.0.1').isGlobalUnicast()", NULL, "false"},
    {"ip('224.0.0.1').isGlobalUnicast()", NULL, "false"},
    {"ip('239.255.255.255').isGlobalUnicast()", NULL, "false"},
    {"ip('240.0.0.1').isGlobalUnicast()", NULL, "true"},
    {"ip('169.254.0.1').isGlobalUnicast()", NULL, "false"},
    {"ip('2001:db8::abcd').isGlobalUnicast()", NULL, "true"},
    {"ip('fd00::1').isGlobalUnicast()", NULL, "true"},
    {"ip('ff00::1').isGlobalUnicast()", NULL, "false"},
    {"ip('fe80::1').isGlobalUnicast()", NULL, "false"},
    {"ip('::').isGlobalUnicast()", NULL, "false"},
    {"ip('::1').isGlobalUnicast()", NULL, "false"},
    {"ip('224.0.0.1').isLinkLocalMulticast()", NULL, "true"},
    {"ip('224.0.0.255').isLinkLocalMulticast()", NULL, "true"},
    {"ip('224.0.1.0').isLinkLocalMulticast()", NULL, "false"},
    {"ip('ff02::1').isLinkLocalMulticast()", NULL, "true"},
    {"ip('ff12::1').isLinkLocalMulticast()", NULL, "true"},
    {"ip('ff05::1').isLinkLocalMulticast()", NULL, "false"},
    {"ip('fd02::1').isLinkLocalMulticast()", NULL, "false"},
    {"ip('169.254.169.254').isLinkLocalUnicast()", NULL, "true"},
    {"ip('169.255.0.0').isLinkLocalUnicast()", NULL, "false"},
    {"ip('fe80::1').isLinkLocalUnicast()", NULL, "true"},
    {"ip('febf::1').isLinkLocalUnicast()", NULL, "true"},
    {"ip('fec0::1').isLinkLocalUnicast()", NULL, "false"},
    {"ip('fd80::1').isLinkLocalUnicast()", NULL, "false"},
    {"type(ip('1.2.3.4')) == net.IP", NULL, "true"},
    {"type(cidr('1.2.3.4/8')) == net.CIDR", NULL, "true"},
    /* a mapped address is its twin in all of it */
    {"ip('::ffff:c0a8:1') == ip('192.168.0.1')", NULL, "true"},
    {"ip('::ffff:c0a8:1') == ip('192.168.10.1')", NULL, "false"},
    {"ip('::ffff:7f00:1').isLoopback()", NULL, "true"},
    {"ip('::ffff:0:0').isUnspecified()", NULL, "true"},
    {"ip('::ffff:c0a8:1').family()", NULL, "4"},
    {"ip('127.0.0.1') == ip('10.0.0.1')", NULL, "false"},
    {"ip('2001:db8::1') == ip('2001:DB8::1')", NULL, "true"},
    {"ip('::') == ip('::ffff')", NULL, "false"},
    {"isIP(cidr('192.168.0.0/24'))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"ip(ip('1.2.3.4'))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn('1.2.3.4').family()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn(cidr('1.2.3.4/8')).isLoopback()", NULL, NULL, CF_ERR_CEL_TYPE},
};

static const cel_row prefixes_read[] = {
    {"string(cidr('192.168.0.0/24'))", NULL, "\"192.168.0.0/24\""},
    {"string(cidr('192.168.0.7/24'))", NULL, "\"192.168.0.7/24\""},
    {"string(cidr('0.0.0.0/0'))", NULL, "\"0.0.0.0/0\""},
    {"string(cidr('2001:DB8::/32'))", NULL, "\"2001:db8::/32\""},
    {"string(cidr('::/0'))", NULL, "\"::/0\""},
    {"isCIDR('1.2.3.4/31')", NULL, "true"},
    {"isCIDR('1.2.3.4/32')", NULL, "true"},
    {"isCIDR('1.2.3.4/33')", NULL, "false"},
    {"isCIDR('::/127')", NULL, "true"},
    {"isCIDR('::/128')", NULL, "true"},
    {"isCIDR('::/129')", NULL, "false"},
    {"isCIDR('1.2.3.4')", NULL, "false"},
    {"isCIDR('1.2.3.4/')", NULL, "false"},
    {"isCIDR('1.2.3.4/08')", NULL, "false"},
    {"isCIDR('1.2.3.4/00')", NULL, "false"},
    {"isCIDR('1.2.3.4/+8')", NULL, "false"},
    {"isCIDR('1.2.3.4/-1')", NULL, "false"},
    {"isCIDR('1.2.3.4/8 ')", NULL, "false"},
    {"isCIDR('1.2.3.4/8/8')", NULL, "false"},
    {"isCIDR('1.2.3.4/255.0.0.0')", NULL, "false"},
    {"isCIDR('1.2.3.4/99999999999999999999')", NULL, "false"},
    {"isCIDR('1.2.3/8')", NULL, "false"},
    {"isCIDR('/8')", NULL, "false"},
    {"isCIDR('')", NULL, "false"},
    {"isCIDR('fe80::1%en0/24')", NULL, "false"},
    {"isCIDR('::ffff:192.168.0.1/24')", NULL, "false"},
    /* the longest spelling there is, and one more octet */
    {"isCIDR('2001:0db8:0000:0000:0000:0000:255.255.255.255/128')", NULL, "true"},
    {"isCIDR('2001:0db8:0000:0000:0000:0000:255.255.255.255/0128')", NULL, "false"},
    {"cidr('192.168.0.0/')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"cidr('fe80::1%en0/24')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"cidr('::ffff:192.168.0.1/24')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"cidr(1)", NULL, NULL, CF_ERR_CEL_TYPE},
    /* prefixes within the mapped addresses are those of IPv4 */
    {"string(cidr('::ffff:c0a8:0/112'))", NULL, "\"192.168.0.0/16\""},
    {"cidr('::ffff:0:0/96') == cidr('0.0.0.0/0')", NULL, "true"},
    {"string(cidr('::ffff:0:0/96'))", NULL, "\"0.0.0.0/0\""},
    {"string(cidr('::ffff:0:0/95'))", NULL, "\"::ffff:0:0/95\""},
    {"cidr('::ffff:0:0/95').ip().family()", NULL, "4"},
    {"cidr('::ffff:0:0/95').ip() == ip('0.0.0.0')", NULL, "true"},
    {"cidr('::ffff:0:0/95').prefixLength()", NULL, "95"},
};

static const cel_row prefixes_used[] = {
    {"cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))", NULL, "true"},
    {"cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))", NULL, "false"},
    {"cidr('192.168.0.0/24').containsIP('192.168.0.255')", NULL, "true"},
    {"cidr('192.168.0.0/24').containsIP('192.168.1.0')", NULL, "false"},
    {"cidr('192.168.0.0/24').containsIP('x')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"cidr('192.168.0.0/24').containsIP(dyn(1))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"cidr('192.168.0.9/32').containsIP('192.168.0.9')", NULL, "true"},
    {"cidr('192.168.0.9/32').containsIP('192.168.0.8')", NULL, "false"},
    {"cidr('10.0.0.0/9').containsIP('10.127.255.255')", NULL, "true"},
    {"cidr('10.0.0.0/9').containsIP('10.128.0.0')", NULL, "false"},
    {"cidr('192.168.0.77/24').containsIP('192.168.0.1')", NULL, "true"},
    {"cidr('2001:db8::/32').containsIP(ip('2001:db8::1'))", NULL, "true"},
    {"cidr('2001:db8::/33').containsIP('2001:db8:8000::')", NULL, "false"},
    {"cidr('::/0').containsIP('ffff::')", NULL, "true"},
    {"cidr('0.0.0.0/0').containsIP('255.1.2.3')", NULL, "true"},
    /* not across families, and a mapped address is of IPv4 */
    {"cidr('2001:db8::/32').containsIP(ip('192.168.1.1'))", NULL, "false"},
    {"cidr('192.168.1.1/32').containsIP(ip('2001:db8::1'))", NULL, "false"},
    {"cidr('::/0').containsIP('192.168.1.1')", NULL, "false"},
    {"cidr('::/0').containsIP('::ffff:c0a8:101')", NULL, "false"},
    {"cidr('192.168.0.0/16').containsIP('::ffff:c0a8:101')", NULL, "true"},
    {"cidr('0.0.0.0/0').containsIP('::1')", NULL, "false"},
    {"cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/25'))", NULL, "true"},
    {"cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/24'))", NULL, "true"},
    {"cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/23'))", NULL, "false"},
    {"cidr('192.168.0.0/24').containsCIDR('192.168.0.1/32')", NULL, "true"},
    {"cidr('192.168.0.0/24').containsCIDR('192.168.1.0/25')", NULL, "false"},
    {"cidr('192.168.0.0/24').containsCIDR('192.168.0.0')", NULL, NULL, CF_ERR_CEL_CONVERT},
    {"cidr('2001:db8::/32').containsCIDR(cidr('2001:db8::/33'))", NULL, "true"},
    {"cidr('::/0').containsCIDR('0.0.0.0/0')", NULL, "false"},
    {"cidr('0.0.0.0/0').containsCIDR('::/0')", NULL, "false"},
    {"cidr('192.168.0.0/24').ip() == ip('192.168.0.0')", NULL, "true"},
    {"cidr('192.168.0.7/24').ip() == ip('192.168.0.7')", NULL, "true"},
    {"cidr('2001:db8::/32').ip() == ip('2001:db8::')", NULL, "true"},
    {"cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24')", NULL, "true"},
    {"string(cidr('10.255.255.255/9').masked())", NULL, "\"10.128.0.0/9\""},
    {"string(cidr('1.2.3.4/0').masked())", NULL, "\"0.0.0.0/0\""},
    {"string(cidr('1.2.3.4/32').masked())", NULL, "\"1.2.3.4/32\""},
    {"string(cidr('2001:db8:ffff::1/33').masked())", NULL, "\"2001:db8:8000::/33\""},
    {"string(cidr('ffff::1/0').masked())", NULL, "\"::/0\""},
    {"string(cidr('ffff::1/128').masked())", NULL, "\"ffff::1/128\""},
    {"cidr('192.168.0.0/24').isMask()", NULL, "true"},
    {"cidr('192.168.0.1/24').isMask()", NULL, "false"},
    {"cidr('2001:db8::/32').isMask()", NULL, "true"},
    {"cidr('192.168.0.0/24').prefixLength()", NULL, "24"},
    {"cidr('2001:db8::/32').prefixLength()", NULL, "32"},
    {"cidr('127.0.0.1/24') == cidr('127.0.0.1/24')", NULL, "true"},
    {"cidr('127.0.0.1/24') == cidr('127.0.0.0/24')", NULL, "false"},
    {"cidr('192.0.0.1/32') == cidr('10.0.0.1/8')", NULL, "false"},
    {"cidr('2001:db8::/32') == cidr('10.0.0.1/32')", NULL, "false"},
};

#define ROWS_OF(table)                                                                             \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        CEL_ROWS(table);                                                                           \
    }

ROWS_OF(kinds)
ROWS_OF(prefixes_read)
ROWS_OF(prefixes_used)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_strictly),
        cmocka_unit_test(the_c_library_agrees),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_prefixes_read),
        cmocka_unit_test(test_prefixes_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
