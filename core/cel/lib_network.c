/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and prefixes in CIDR notation. A strict reader of its own: decimal octets without zeros in front, no zones, and no
 * IPv4-mapped address in the dotted spelling, which other readers take for another address. One that is spelled in hexadecimal digits
 * is read as the IPv4 address that it stands for, so that no comparison and no prefix tells the two apart. */
#include "core/cel/lib_priv.h"

#define ADDRESS_BYTES 16u
#define GROUPS 8u
/* No prefix is spelled longer: six groups, a dotted end, a length. */
#define CIDR_TEXT_MAX (sizeof "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128" - 1)
#define MAPPED_BITS 96u /* of the 16 octets before those of an IPv4 address */

/* What the readers below make of a text. */
typedef struct {
    uint8_t octets[ADDRESS_BYTES];
    uint8_t family; /* 4 or 6 */
    uint8_t bits;   /* of a prefix, within its family */
} address;

/* ---- Reading ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The decimal number at the front of *text, without zeros in front of others. False when there is none up to max. */
static bool take_decimal(cf_view *text, uint32_t max, uint32_t *ret)
{
    uint32_t n = 0;
    size_t len = 0;
    while (len < text->len && is_digit(text->data[len]) && n <= max) {
        n = 10 * n + text->data[len++] - '0';
    }
    bool zero_in_front = len > 1 && text->data[0] == '0';
    *ret = n;
    *text = cf_view_sub(*text, len, text->len - len);
    return len > 0 && !zero_in_front && n <= max;
}

static bool take_char(cf_view *text, uint8_t c)
{
    if (text->len == 0 || text->data[0] != c) {
        return false;
    }
    *text = cf_view_sub(*text, 1, text->len - 1);
    return true;
}

/* a.b.c.d and nothing behind it. */
static bool read_dotted(cf_view text, uint8_t ret[4])
{
    for (int i = 0; i < 4; i++) {
        uint32_t n;
        if ((i > 0 && !take_char(&text, '.')) || !take_decimal(&text, 255, &n)) {
            return false;
        }
        ret[i] = (uint8_t)n;
    }
    return text.len == 0;
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One to four hexadecimal digits at the front of *text. */
static bool take_group(cf_view *text, uint32_t *ret)
{
    size_t len = 0;
    *ret = 0;
    while (len < 4 && len < text->len && hex_digit(text->data[len]) >= 0) {
        *ret = *ret << 4 | (uint32_t)hex_digit(text->data[len++]);
    }
    *text = cf_view_sub(*text, len, text->len - len);
    return len > 0;
}

/* Groups while they are read, and how many stood before "::". */
typedef struct {
    uint32_t groups[GROUPS];
    uint32_t n, gap;
    bool dotted;
} group_list;

#define NO_GAP (GROUPS + 1)

/* The end of the text, when it is a.b.c.d: two groups. */
static bool read_dotted_end(cf_view text, group_list *l)
{
    uint8_t octets[4];
    if (l->n + 2 > GROUPS || !read_dotted(text, octets)) {
        return false;
    }
    l->groups[l->n++] = (uint32_t)octets[0] << 8 | octets[1];
    l->groups[l->n++] = (uint32_t)octets[2] << 8 | octets[3];
    l->dotted = true;
    return true;
}

static bool read_groups(cf_view text, group_list *l)
{
    if (text.len >= 2 && text.data[0] == ':' && text.data[1] == ':') {
        l->gap = 0;
        text = cf_view_sub(text, 2, text.len - 2);
        if (text.len == 0) {
            return true;
        }
    }
    while (l->n < GROUPS) {
        cf_view here = text;
        if (!take_group(&text, &l->groups[l->n])) {
            return false;
        }
        if (text.len > 0 && text.data[0] == '.') {
            return read_dotted_end(here, l);
        }
        l->n++;
        if (text.len == 0) {
            return true;
        }
        if (!take_char(&text, ':')) {
            return false;
        }
        if (take_char(&text, ':')) {
            if (l->gap != NO_GAP) {
                return false;
            }
            l->gap = l->n;
            if (text.len == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool is_mapped(const uint8_t octets[ADDRESS_BYTES])
{
    static const uint8_t front[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};
    return cf_view_eq((cf_view){octets, sizeof front}, CF_VIEW_OF(front));
}

/* RFC 4291 section 2.2. "::" stands for one group at least. */
static bool read_v6(cf_view text, address *ret)
{
    group_list l = {.gap = NO_GAP};
    if (!read_groups(text, &l) || (l.gap == NO_GAP) != (l.n == GROUPS)) {
        return false;
    }
    for (uint32_t i = 0; i < l.n; i++) {
        uint32_t at = i < l.gap ? i : i + GROUPS - l.n;
        ret->octets[2 * at] = (uint8_t)(l.groups[i] >> 8);
        ret->octets[2 * at + 1] = (uint8_t)l.groups[i];
    }
    ret->family = 6;
    return !(l.dotted && is_mapped(ret->octets));
}

/* An address as it is spelled: a mapped one still has family 6. */
static bool read_spelled(cf_view text, address *ret)
{
    *ret = (address){.family = 4, .octets = {[10] = 0xff, [11] = 0xff}};
    if (read_dotted(text, ret->octets + MAPPED_BITS / 8)) {
        return true;
    }
    *ret = (address){0};
    return read_v6(text, ret);
}

static bool read_ip(cf_view text, address *ret)
{
    if (!read_spelled(text, ret)) {
        return false;
    }
    ret->family = is_mapped(ret->octets) ? 4 : 6;
    return true;
}

/* A prefix within the mapped addresses is one of IPv4. */
static bool read_cidr(cf_view text, address *ret)
{
    size_t slash = 0;
    if (text.len > CIDR_TEXT_MAX) {
        return false;
    }
    while (slash < text.len && text.data[slash] != '/') {
        slash++;
    }
    if (slash == text.len || !read_spelled(cf_view_sub(text, 0, slash), ret)) {
        return false;
    }
    uint32_t bits;
    cf_view behind = cf_view_sub(text, slash + 1, text.len - slash - 1);
    if (!take_decimal(&behind, ret->family == 4 ? 32 : 128, &bits) || behind.len > 0) {
        return false;
    }
    if (ret->family == 6 && bits >= MAPPED_BITS && is_mapped(ret->octets)) {
        ret->family = 4;
        bits -= MAPPED_BITS;
    }
    ret->bits = (uint8_t)bits;
    return true;
}

/* ---- Values ---- */

static cf_result address_value(cf_cel_run *run, cf_cel_kind kind, const address *a,
                               cf_cel_value *ret)
{
    void *octets;
    CF_TRY(cf_cel_new(run, ADDRESS_BYTES, &octets));
    cf_copy(octets, a->octets, ADDRESS_BYTES);
    *ret = (cf_cel_value){.kind = (uint8_t)kind, .aux = a->family, .len = a->bits, .s = octets};
    return cf_ok();
}

CF_CEL_FUNCTION(ip_of)
{
    address a;
    CF_REQUIRE(read_ip(cf_cel_text(&args[0]), &a), CEL_CONVERT);
    return address_value(run, CF_CEL_IP, &a, ret);
}

CF_CEL_FUNCTION(cidr_of)
{
    address a;
    CF_REQUIRE(read_cidr(cf_cel_text(&args[0]), &a), CEL_CONVERT);
    return address_value(run, CF_CEL_CIDR, &a, ret);
}

CF_CEL_FUNCTION(is_ip)
{
    address a;
    return cf_cel_give(ret, cf_cel_bool(read_ip(cf_cel_text(&args[0]), &a)));
}

CF_CEL_FUNCTION(is_cidr)
{
    address a;
    return cf_cel_give(ret, cf_cel_bool(read_cidr(cf_cel_text(&args[0]), &a)));
}

CF_CEL_FUNCTION(is_canonical)
{
    address a;
    char text[CF_CEL_PRINT_BYTES];
    size_t len;
    CF_REQUIRE(read_ip(cf_cel_text(&args[0]), &a), CEL_CONVERT);
    const cf_cel_value v = {.kind = CF_CEL_IP, .aux = a.family, .s = a.octets};
    CF_TRY(cf_cel_print(&v, text, &len));
    return cf_cel_give(ret,
                       cf_cel_bool(cf_view_eq(cf_cel_text(&args[0]), cf_view_make(text, len))));
}

/* ---- Kinds of addresses ---- */

static bool starts_with(const uint8_t *octets, const uint8_t *front, uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;
    if (!cf_view_eq((cf_view){octets, whole}, (cf_view){front, whole})) {
        return false;
    }
    return rest == 0 || ((octets[whole] ^ front[whole]) >> (8 - rest)) == 0;
}

/* True if the address lies in the prefix of its family: v4 of 4 octets, v6 of two, the rest of it zero or not looked at. */
static bool is_in(const cf_cel_value *ip, const uint8_t v4[4], uint32_t v4_bits,
                  const uint8_t v6[ADDRESS_BYTES], uint32_t v6_bits)
{
    return ip->aux == 4 ? starts_with(ip->s + MAPPED_BITS / 8, v4, v4_bits)
                        : starts_with(ip->s, v6, v6_bits);
}

static const uint8_t zeros[ADDRESS_BYTES];

static bool unspecified(const cf_cel_value *ip)
{
    return is_in(ip, zeros, 32, zeros, 128);
}

static bool loopback(const cf_cel_value *ip)
{
    static const uint8_t v4[4] = {127}, v6[ADDRESS_BYTES] = {[15] = 1};
    return is_in(ip, v4, 8, v6, 128);
}

static bool multicast(const cf_cel_value *ip)
{
    static const uint8_t v4[4] = {224}, v6[ADDRESS_BYTES] = {0xff};
    return is_in(ip, v4, 4, v6, 8);
}

/* Of IPv6 the scope counts, whatever the flags before it. */
static bool link_local_multicast(const cf_cel_value *ip)
{
    static const uint8_t v4[4] = {224};
    return ip->aux == 4 ? starts_with(ip->s + MAPPED_BITS / 8, v4, 24)
                        : ip->s[0] == 0xff && (ip->s[1] & 0x0f) == 2;
}

static bool link_local_unicast(const cf_cel_value *ip)
{
    static const uint8_t v4[4] = {169, 254}, v6[ADDRESS_BYTES] = {0xfe, 0x80};
    return is_in(ip, v4, 16, v6, 10);
}

static bool broadcast(const cf_cel_value *ip)
{
    static const uint8_t v4[4] = {255, 255, 255, 255};
    return ip->aux == 4 && starts_with(ip->s + MAPPED_BITS / 8, v4, 32);
}

/* Private addresses count as global here: it is the shape of the address that is asked for. */
static bool global_unicast(const cf_cel_value *ip)
{
    return !unspecified(ip) && !broadcast(ip) && !loopback(ip) && !multicast(ip) &&
           !link_local_unicast(ip);
}

CF_CEL_FUNCTION(family)
{
    return cf_cel_give(ret, cf_cel_int(args[0].aux));
}

CF_CEL_FUNCTION(is_unspecified)
{
    return cf_cel_give(ret, cf_cel_bool(unspecified(&args[0])));
}

CF_CEL_FUNCTION(is_loopback)
{
    return cf_cel_give(ret, cf_cel_bool(loopback(&args[0])));
}

CF_CEL_FUNCTION(is_global_unicast)
{
    return cf_cel_give(ret, cf_cel_bool(global_unicast(&args[0])));
}

CF_CEL_FUNCTION(is_link_local_multicast)
{
    return cf_cel_give(ret, cf_cel_bool(link_local_multicast(&args[0])));
}

CF_CEL_FUNCTION(is_link_local_unicast)
{
    return cf_cel_give(ret, cf_cel_bool(link_local_unicast(&args[0])));
}

/* ---- Prefixes ---- */

/* Bits from the front of the 16 octets. */
static uint32_t bits_of(uint32_t family_bits, uint32_t family_no)
{
    return family_no == 4 ? family_bits + MAPPED_BITS : family_bits;
}

/* Families do not contain each other. */
static bool covers(const cf_cel_value *cidr, const uint8_t *octets, uint32_t family_no)
{
    return cidr->aux == family_no && starts_with(octets, cidr->s, bits_of(cidr->len, cidr->aux));
}

CF_CEL_FUNCTION(contains_ip)
{
    return cf_cel_give(ret, cf_cel_bool(covers(&args[0], args[1].s, args[1].aux)));
}

CF_CEL_FUNCTION(contains_ip_text)
{
    address a;
    CF_REQUIRE(read_ip(cf_cel_text(&args[1]), &a), CEL_CONVERT);
    return cf_cel_give(ret, cf_cel_bool(covers(&args[0], a.octets, a.family)));
}

CF_CEL_FUNCTION(contains_cidr)
{
    return cf_cel_give(
        ret, cf_cel_bool(args[0].len <= args[1].len && covers(&args[0], args[1].s, args[1].aux)));
}

CF_CEL_FUNCTION(contains_cidr_text)
{
    address a;
    CF_REQUIRE(read_cidr(cf_cel_text(&args[1]), &a), CEL_CONVERT);
    return cf_cel_give(ret,
                       cf_cel_bool(args[0].len <= a.bits && covers(&args[0], a.octets, a.family)));
}

CF_CEL_FUNCTION(prefix_length)
{
    return cf_cel_give(ret, cf_cel_int(args[0].len));
}

/* The address with host bits. Of a prefix wider than all mapped addresses it may be a mapped one. */
CF_CEL_FUNCTION(cidr_ip)
{
    return cf_cel_give(
        ret,
        (cf_cel_value){.kind = CF_CEL_IP, .aux = is_mapped(args[0].s) ? 4 : 6, .s = args[0].s});
}

static void mask(const cf_cel_value *cidr, address *ret)
{
    uint32_t bits = bits_of(cidr->len, cidr->aux);
    *ret = (address){.family = (uint8_t)cidr->aux, .bits = (uint8_t)cidr->len};
    cf_copy(ret->octets, cidr->s, (bits + 7) / 8);
    if (bits % 8 != 0) {
        ret->octets[bits / 8] &= (uint8_t)(0xff00u >> bits % 8);
    }
}

CF_CEL_FUNCTION(masked)
{
    address a;
    mask(&args[0], &a);
    return address_value(run, CF_CEL_CIDR, &a, ret);
}

CF_CEL_FUNCTION(is_mask)
{
    address a;
    mask(&args[0], &a);
    return cf_cel_give(
        ret, cf_cel_bool(cf_view_eq(CF_VIEW_OF(a.octets), (cf_view){args[0].s, ADDRESS_BYTES})));
}

static const cf_cel_function rows[] = {
    {"ip", "(string)->ip", ip_of, 0},
    {"ip", "cidr.()->ip", cidr_ip, 0},
    {"isIP", "(string)->bool", is_ip, 0},
    {"ip.isCanonical", "(string)->bool", is_canonical, 0},
    {"family", "ip.()->int", family, 0},
    {"isUnspecified", "ip.()->bool", is_unspecified, 0},
    {"isLoopback", "ip.()->bool", is_loopback, 0},
    {"isGlobalUnicast", "ip.()->bool", is_global_unicast, 0},
    {"isLinkLocalMulticast", "ip.()->bool", is_link_local_multicast, 0},
    {"isLinkLocalUnicast", "ip.()->bool", is_link_local_unicast, 0},
    {"cidr", "(string)->cidr", cidr_of, 0},
    {"isCIDR", "(string)->bool", is_cidr, 0},
    {"containsIP", "cidr.(ip)->bool", contains_ip, 0},
    {"containsIP", "cidr.(string)->bool", contains_ip_text, 0},
    {"containsCIDR", "cidr.(cidr)->bool", contains_cidr, 0},
    {"containsCIDR", "cidr.(string)->bool", contains_cidr_text, 0},
    {"prefixLength", "cidr.()->int", prefix_length, 0},
    {"masked", "cidr.()->cidr", masked, 0},
    {"isMask", "cidr.()->bool", is_mask, 0},
};

const cf_cel_library cf_cel_lib_network = {rows, sizeof rows / sizeof rows[0]};
