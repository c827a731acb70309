/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of payment cards: ISO/IEC 7812. Blanks and hyphens between digits are passed over; any other character makes the text no
 * number. What is done with a digit does not depend on which it is. */
#include "core/transform/transform_priv.h"

#define CARD_PREFIX_DIGITS 6

typedef struct {
    uint32_t digits, prefix; /* how many, and the first six of them as a number */
    uint32_t sums[2];        /* with every second digit doubled: the even places, or the odd ones */
    bool is_number;
} card;

/* The digit sum of twice the digit. */
static uint32_t doubled(uint32_t digit)
{
    return 2 * digit - (9 & (0u - (uint32_t)(digit > 4)));
}

static card read(cf_view text)
{
    card c = {.is_number = true};
    bool gap = true; /* before the first digit as after a gap: no other may follow */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = text.data[i];
        bool mark = ch == ' ' || ch == '-';
        bool digit = ch >= '0' && ch <= '9';
        c.is_number = c.is_number && (digit || (mark && !gap));
        gap = mark;
        if (!digit || c.digits == UINT32_MAX) {
            continue;
        }
        uint32_t d = ch - (uint32_t)'0';
        c.prefix = c.digits < CARD_PREFIX_DIGITS ? 10 * c.prefix + d : c.prefix;
        c.sums[c.digits & 1] = (c.sums[c.digits & 1] + doubled(d)) % 10;
        c.sums[~c.digits & 1] = (c.sums[~c.digits & 1] + d) % 10;
        c.digits++;
    }
    c.is_number = c.is_number && !gap;
    return c;
}

cf_result cf_fn_luhn_valid(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    CF_TRY(cf_cel_charge(run, 1 + args[0].len / 4));
    card c = read(cf_cel_text(&args[0]));
    /* The last digit is not doubled, the one before it is: of an even number of digits those at even places, from 0. */
    bool valid = c.is_number && c.digits >= 2 && c.sums[c.digits & 1] == 0;
    *ret = cf_cel_bool(valid);
    return cf_ok();
}

/* Prefixes of six digits, from and to, with the lengths that the network has. The first that fits. */
static const struct {
    uint32_t from, to;
    uint8_t digits_min, digits_max;
    const char *network;
} networks[] = {
    {400000, 499999, 13, 19, "visa"},       {222100, 272099, 16, 16, "mastercard"},
    {510000, 559999, 16, 16, "mastercard"}, {340000, 349999, 15, 15, "amex"},
    {370000, 379999, 15, 15, "amex"},       {601100, 601199, 16, 19, "discover"},
    {644000, 659999, 16, 19, "discover"},   {300000, 305999, 14, 19, "diners"},
    {309500, 309599, 14, 19, "diners"},     {360000, 369999, 14, 19, "diners"},
    {380000, 399999, 14, 19, "diners"},     {352800, 358999, 16, 19, "jcb"},
    {620000, 629999, 16, 19, "unionpay"},   {500000, 509999, 12, 19, "maestro"},
    {560000, 589999, 12, 19, "maestro"},    {630000, 639999, 12, 19, "maestro"},
    {670000, 679999, 12, 19, "maestro"},
};

static const char *network_of(const card *c)
{
    for (size_t i = 0; c->is_number && i < sizeof networks / sizeof *networks; i++) {
        if (c->prefix >= networks[i].from && c->prefix <= networks[i].to &&
            c->digits >= networks[i].digits_min && c->digits <= networks[i].digits_max) {
            return networks[i].network;
        }
    }
    return "unknown";
}

cf_result cf_fn_card_network(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                             cf_cel_value *ret)
{
    (void)n;
    CF_TRY(cf_cel_charge(run, TRANSFORM_SMALL_STEPS + args[0].len / 4));
    card c = read(cf_cel_text(&args[0]));
    *ret = cf_cel_string(cf_view_str(network_of(&c)));
    ret->flags = CF_CEL_ASCII;
    return cf_ok();
}
