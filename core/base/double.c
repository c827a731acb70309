/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles and their decimal text. Everything beyond the short cut for small numbers is exact integer arithmetic on the stack, so
 * that neither a locale, nor the rounding mode, nor the C library has a say in it. */
#include "core/base/number.h"

#include <math.h>

_Static_assert(__FLT_EVAL_METHOD__ == 0, "the short cuts need doubles that are rounded to 53 bits");

__extension__ typedef unsigned __int128 wide;

#define MANTISSA_BITS 53
#define EXPONENT_MIN (-1074) /* of the lowest bit of a double: 2^-1074 */
#define HIDDEN_BIT (UINT64_C(1) << (MANTISSA_BITS - 1))
#define CHUNK_DIGITS 19 /* decimal digits that 64 bits hold */
#define CHUNK UINT64_C(10000000000000000000)
#define EXACT_POWER_MAX 22 /* 10^22 = 2^22 * 5^22 is the last power of ten without rounding */

/* A halfway point between two doubles is below 2^54 times 2^-1075 and has at most 768 digits: what follows after so many matters only
 * by being zero or not. */
#define DIGITS_KEPT_MAX 768
#define LIMBS_MAX 64

/* ---- Natural numbers, least limb first; no limb above n, and limb n - 1 is not 0 ---- */

typedef struct {
    size_t n;
    uint64_t limb[LIMBS_MAX];
} natural;

/* The longest: 10^1093, the divisor for 769 digits that end at 10^-1093, has 3 631 bits; one limb more for a shift. */
_Static_assert((DIGITS_KEPT_MAX + 1 + 324) * 3322 / 1000 + 2 * 64 < LIMBS_MAX * 64,
               "the longest divisor has room");

static void set(natural *a, uint64_t n)
{
    a->n = n != 0;
    a->limb[0] = n;
}

static void multiply_add(natural *a, uint64_t factor, uint64_t more)
{
    for (size_t i = 0; i < a->n; i++) {
        wide product = (wide)a->limb[i] * factor + more;
        a->limb[i] = (uint64_t)product;
        more = (uint64_t)(product >> 64);
    }
    if (more != 0) {
        a->limb[a->n] = more;
        a->n++;
    }
}

static void multiply_power10(natural *a, unsigned power)
{
    for (; power >= CHUNK_DIGITS; power -= CHUNK_DIGITS) {
        multiply_add(a, CHUNK, 0);
    }
    uint64_t rest = 1;
    for (; power > 0; power--) {
        rest *= 10;
    }
    multiply_add(a, rest, 0);
}

static unsigned bits_of(const natural *a)
{
    return a->n == 0 ? 0 : (unsigned)(64 * a->n) - (unsigned)__builtin_clzll(a->limb[a->n - 1]);
}

static void shift_left(natural *a, unsigned bits)
{
    size_t limbs = bits / 64;
    bits %= 64;
    if (a->n == 0) {
        return;
    }
    uint64_t top = bits == 0 ? 0 : a->limb[a->n - 1] >> (64 - bits);
    for (size_t i = a->n; i > 0; i--) {
        uint64_t below = bits == 0 || i == 1 ? 0 : a->limb[i - 2] >> (64 - bits);
        a->limb[i - 1 + limbs] = a->limb[i - 1] << bits | below;
    }
    for (size_t i = 0; i < limbs; i++) {
        a->limb[i] = 0;
    }
    a->n += limbs;
    if (top != 0) {
        a->limb[a->n] = top;
        a->n++;
    }
}

static int compare(const natural *a, const natural *b)
{
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (size_t i = a->n; i > 0; i--) {
        if (a->limb[i - 1] != b->limb[i - 1]) {
            return a->limb[i - 1] < b->limb[i - 1] ? -1 : 1;
        }
    }
    return 0;
}

static void add(natural *a, const natural *b)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < b->n || (carry != 0 && i < a->n); i++) {
        wide sum = (wide)(i < a->n ? a->limb[i] : 0) + (i < b->n ? b->limb[i] : 0) + carry;
        a->limb[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    a->n = a->n > b->n ? a->n : b->n;
    if (carry != 0) {
        a->limb[a->n] = carry;
        a->n++;
    }
}

/* a -= b * factor over b's limbs and the one above; returns true when the outcome is negative, a is then 2^64^(b->n + 1) too large. */
static bool subtract_product(natural *a, const natural *b, uint64_t factor)
{
    uint64_t carry = 0, borrow = 0;
    for (size_t i = 0; i <= b->n; i++) {
        wide product = (wide)(i < b->n ? b->limb[i] : 0) * factor + carry;
        carry = (uint64_t)(product >> 64);
        wide difference = (wide)a->limb[i] - (uint64_t)product - borrow;
        a->limb[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow != 0;
}

/* Quotient of one limb; a becomes the remainder. b's highest bit is set, and a < b * 2^64. This is one step of Knuth's algorithm D
 * (The Art of Computer Programming 4.3.1): the guess from the highest limbs is at most 2 too large. */
static uint64_t divide(natural *a, const natural *b)
{
    if (compare(a, b) < 0) {
        return 0;
    }
    if (a->n == b->n) {
        a->limb[a->n] = 0;
    }
    uint64_t top = b->limb[b->n - 1];
    wide head = (wide)a->limb[b->n] << 64 | a->limb[b->n - 1];
    uint64_t guess = a->limb[b->n] >= top ? UINT64_MAX : (uint64_t)(head / top);
    bool negative = subtract_product(a, b, guess);
    while (negative) {
        guess--;
        uint64_t carry = 0;
        for (size_t i = 0; i <= b->n; i++) {
            wide sum = (wide)a->limb[i] + (i < b->n ? b->limb[i] : 0) + carry;
            a->limb[i] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        negative = carry == 0;
    }
    for (a->n = b->n + 1; a->n > 0 && a->limb[a->n - 1] == 0; a->n--) {
    }
    return guess;
}

/* ---- A double and its parts ---- */

/* mantissa * 2^exponent for a finite d; the sign is not looked at. */
static uint64_t split(double d, int *ret_exponent)
{
    uint64_t bits = 0;
    cf_copy(&bits, &d, sizeof bits);
    uint64_t mantissa = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> (MANTISSA_BITS - 1) & 0x7FF);
    *ret_exponent = EXPONENT_MIN + (biased > 0 ? biased - 1 : 0);
    return biased > 0 ? mantissa | HIDDEN_BIT : mantissa;
}

/* The double nearest to n * 2^exponent, n >= 2^62, ties to even; more: the number is a little larger than n says. RANGE: too large. */
static cf_result round_to_double(uint64_t n, int exponent, bool more, double *ret)
{
    int unit = exponent + 64 - __builtin_clzll(n) - MANTISSA_BITS;
    unit = unit > EXPONENT_MIN ? unit : EXPONENT_MIN;
    int drop = unit - exponent; /* at least 9 */
    uint64_t mantissa = drop < 64 ? n >> drop : 0;
    uint64_t rest = drop < 64 ? n << (64 - drop) : drop == 64 ? n : 0;
    more |= drop > 64;
    uint64_t half = UINT64_C(1) << 63;
    if (rest > half || (rest == half && (more || (mantissa & 1) == 1))) {
        mantissa++;
    }
    /* The hidden bit, or a carry into the next power of two, moves the exponent's field up by itself. */
    uint64_t bits = ((uint64_t)(unit - EXPONENT_MIN) << (MANTISSA_BITS - 1)) + mantissa;
    CF_REQUIRE(bits >> (MANTISSA_BITS - 1) < 0x7FF, RANGE);
    cf_copy(ret, &bits, sizeof bits);
    return cf_ok();
}

static double exact_power10(int power)
{
    static const double powers[EXACT_POWER_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return powers[power];
}

/* ---- From text ---- */

typedef struct {
    bool negative;
    uint64_t head;    /* the first CHUNK_DIGITS significant digits */
    size_t digits;    /* from the first significant one to the last */
    size_t first;     /* where that is in the text */
    int64_t exponent; /* the value is all digits as one integer times 10^exponent */
} decimal;

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* [+-] at text[*at], if there is one. */
static bool scan_sign(cf_view text, size_t *at)
{
    bool sign = *at < text.len && (text.data[*at] == '-' || text.data[*at] == '+');
    *at += sign;
    return sign && text.data[*at - 1] == '-';
}

static cf_result scan_exponent(cf_view text, size_t at, int64_t *ret)
{
    bool negative = scan_sign(text, &at);
    CF_REQUIRE(at < text.len, MALFORMED);
    int64_t n = 0;
    for (; at < text.len; at++) {
        CF_REQUIRE(is_digit(text.data[at]), MALFORMED);
        /* The bound is far beyond what the digits of any text can make up for. */
        n = n < INT64_MAX / 100 ? n * 10 + (text.data[at] - '0') : n;
    }
    *ret = negative ? -n : n;
    return cf_ok();
}

static cf_result scan(cf_view text, decimal *ret)
{
    size_t at = 0;
    *ret = (decimal){0};
    ret->negative = scan_sign(text, &at);
    bool point = false, any = false;
    int64_t fraction = 0;
    for (; at < text.len; at++) {
        uint8_t c = text.data[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c)) {
            break;
        }
        any = true;
        fraction += point;
        if (ret->digits == 0 && c == '0') {
            continue;
        }
        ret->first = ret->digits == 0 ? at : ret->first;
        if (ret->digits < CHUNK_DIGITS) {
            ret->head = ret->head * 10 + (c - '0');
        }
        ret->digits++;
    }
    CF_REQUIRE(any, MALFORMED);
    if (at < text.len) {
        CF_REQUIRE(text.data[at] == 'e' || text.data[at] == 'E', MALFORMED);
        CF_TRY(scan_exponent(text, at + 1, &ret->exponent));
    }
    ret->exponent -= fraction;
    return cf_ok();
}

/* All significant digits as one number, or the first DIGITS_KEPT_MAX and a 1 for a rest that is not 0. */
static void collect(cf_view text, const decimal *d, natural *ret, int64_t *ret_exponent)
{
    set(ret, 0);
    size_t seen = 0;
    bool rest = false;
    uint64_t chunk = 0, unit = 1;
    for (size_t at = d->first; seen < d->digits; at++) {
        uint8_t c = text.data[at];
        if (c == '.') {
            continue;
        }
        if (seen < DIGITS_KEPT_MAX) {
            chunk = chunk * 10 + (c - '0');
            unit *= 10;
        } else {
            rest |= c != '0';
        }
        if (unit == CHUNK) {
            multiply_add(ret, unit, chunk);
            chunk = 0;
            unit = 1;
        }
        seen++;
    }
    multiply_add(ret, unit, chunk);
    size_t kept = seen < DIGITS_KEPT_MAX ? seen : DIGITS_KEPT_MAX;
    *ret_exponent = d->exponent + (int64_t)(seen - kept);
    if (rest) {
        multiply_add(ret, 10, 1);
        *ret_exponent -= 1;
    }
}

/* The double nearest to digits * 10^exponent, which lies between 10^-325 and 10^309. */
static cf_result nearest(natural *digits, int exponent, double *ret)
{
    natural divisor;
    set(&divisor, 1);
    if (exponent >= 0) {
        multiply_power10(digits, (unsigned)exponent);
    } else {
        multiply_power10(&divisor, (unsigned)-exponent);
    }
    /* Shifts that give a quotient of 63 or 64 bits: the divisor fills its limbs, the dividend one limb less one bit more. */
    unsigned have = bits_of(digits), fill = (64 - bits_of(&divisor) % 64) % 64;
    if (have + 1 > bits_of(&divisor) + fill + 64) {
        fill += (have - bits_of(&divisor) - fill) / 64 * 64;
    }
    shift_left(&divisor, fill);
    unsigned lift = bits_of(&divisor) + 63 - have;
    shift_left(digits, lift);
    uint64_t quotient = divide(digits, &divisor);
    return round_to_double(quotient, (int)fill - (int)lift, digits->n > 0, ret);
}

CF_MUST_USE cf_result cf_double_parse(cf_view text, double *ret)
{
    *ret = 0;
    decimal d;
    CF_TRY(scan(text, &d));
    double magnitude = 0;
    /* Of a number that is not 0 the first digit stands for 10^order. */
    int64_t order = d.exponent + (int64_t)d.digits - 1;
    if (d.digits > 0 && order >= -324) {
        CF_REQUIRE(order <= 308, RANGE);
        if (d.digits <= CHUNK_DIGITS && d.head <= 2 * HIDDEN_BIT &&
            d.exponent >= -EXACT_POWER_MAX && d.exponent <= EXACT_POWER_MAX) {
            /* Both operands are exact, so the one rounding is the right one. */
            magnitude = d.exponent < 0 ? (double)d.head / exact_power10((int)-d.exponent)
                                       : (double)d.head * exact_power10((int)d.exponent);
        } else {
            natural digits;
            set(&digits, d.head);
            if (d.digits > CHUNK_DIGITS) {
                collect(text, &d, &digits, &d.exponent);
            }
            CF_TRY(nearest(&digits, (int)d.exponent, &magnitude));
        }
    }
    *ret = d.negative ? -magnitude : magnitude;
    return cf_ok();
}

/* ---- To text: the shortest digits ---- */

#define SHORTEST_MAX 17
#define FRIENDLY_DIGITS_MAX 15 /* any decimal of so many digits is the only one of its double */

/* 0.d1 d2 d3 ... * 10^point */
typedef struct {
    char digit[SHORTEST_MAX];
    unsigned n;
    int point;
} shortest;

static void put_digits(shortest *s, uint64_t n)
{
    char reversed[CHUNK_DIGITS + 1];
    unsigned count = 0;
    for (; n > 0; n /= 10) {
        reversed[count] = (char)('0' + n % 10);
        count++;
    }
    s->point += (int)count;
    for (s->n = 0; s->n < count; s->n++) {
        s->digit[s->n] = reversed[count - 1 - s->n];
    }
    while (s->digit[s->n - 1] == '0') {
        s->n--;
    }
}

/* Finds integers and decimals of few digits: if n / 10^k, rounded once, is d, then n's digits are d's. */
static bool few_digits(double d, shortest *ret)
{
    for (int k = 0; k <= EXACT_POWER_MAX && d * exact_power10(k) < 1e15; k++) {
        double lifted = d * exact_power10(k);
        if (lifted == (double)(uint64_t)lifted && lifted / exact_power10(k) == d) {
            ret->point = -k;
            put_digits(ret, (uint64_t)lifted);
            return true;
        }
    }
    return false;
}

/* d = r / s at any time; all that is nearer than low (below) or high = low or 2 low (above) reads back as d. */
typedef struct {
    natural r, s, low;
    bool wide_above; /* d is a power of two: its upper neighbour is twice as far */
    bool inclusive;  /* the borders themselves read back as d: ties go to even mantissas */
} gap;

static bool reaches_above(const gap *g)
{
    natural sum = g->r;
    add(&sum, &g->low);
    if (g->wide_above) {
        add(&sum, &g->low);
    }
    int order = compare(&sum, &g->s);
    return g->inclusive ? order >= 0 : order > 0;
}

static bool reaches_below(const gap *g)
{
    int order = compare(&g->r, &g->low);
    return g->inclusive ? order <= 0 : order < 0;
}

/* Steele and White, "How to print floating-point numbers accurately" (1990), with the scaling by estimate of Burger and Dybvig. */
static void generate(double d, shortest *ret)
{
    gap g;
    int e = 0;
    uint64_t mantissa = split(d, &e);
    g.wide_above = mantissa == HIDDEN_BIT && e > EXPONENT_MIN;
    g.inclusive = mantissa % 2 == 0;
    unsigned lift = g.wide_above ? 2 : 1; /* borders are halves, or quarters, of a unit */
    set(&g.r, mantissa);
    set(&g.s, 1);
    set(&g.low, 1);
    shift_left(&g.r, lift + (unsigned)(e > 0 ? e : 0));
    shift_left(&g.low, (unsigned)(e > 0 ? e : 0));
    shift_left(&g.s, lift + (unsigned)(e < 0 ? -e : 0));
    /* 78913 / 2^18 is log10(2) for all exponents of doubles; the estimate is right or one too small. */
    int log2 = e + 63 - __builtin_clzll(mantissa);
    int k =
        (log2 >= 0 ? log2 * 78913 / (1 << 18) : -((-log2 * 78913 + (1 << 18) - 1) / (1 << 18))) + 1;
    multiply_power10(&g.s, k > 0 ? (unsigned)k : 0);
    multiply_power10(&g.r, k < 0 ? (unsigned)-k : 0);
    multiply_power10(&g.low, k < 0 ? (unsigned)-k : 0);
    unsigned fill = (64 - bits_of(&g.s) % 64) % 64;
    shift_left(&g.s, fill);
    shift_left(&g.r, fill);
    shift_left(&g.low, fill);
    if (reaches_above(&g)) {
        k++;
    } else {
        multiply_add(&g.r, 10, 0);
        multiply_add(&g.low, 10, 0);
    }
    ret->point = k;
    for (ret->n = 0;;) {
        uint64_t digit = divide(&g.r, &g.s);
        bool below = reaches_below(&g), above = reaches_above(&g);
        if (below || above) {
            multiply_add(&g.r, 2, 0);
            int half = compare(&g.r, &g.s);
            bool up = above && (!below || half > 0 || (half == 0 && digit % 2 == 1));
            ret->digit[ret->n] = (char)('0' + digit + up);
            ret->n++;
            return;
        }
        ret->digit[ret->n] = (char)('0' + digit);
        ret->n++;
        multiply_add(&g.r, 10, 0);
        multiply_add(&g.low, 10, 0);
    }
}

/* ---- To text: layouts ---- */

typedef struct {
    char *at;
    size_t n;
} line;

static void put(line *l, char c)
{
    l->at[l->n] = c;
    l->n++;
}

static void put_exponent(line *l, int exponent)
{
    put(l, 'e');
    put(l, exponent < 0 ? '-' : '+');
    unsigned n = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (n >= 100) {
        put(l, (char)('0' + n / 100));
    }
    put(l, (char)('0' + n / 10 % 10));
    put(l, (char)('0' + n % 10));
}

static void put_plain(line *l, const shortest *s)
{
    if (s->point <= 0) {
        put(l, '0');
    }
    for (int i = 0; i < s->point; i++) {
        put(l, (unsigned)i < s->n ? s->digit[i] : '0');
    }
    if (s->point < (int)s->n) {
        put(l, '.');
    }
    for (int i = s->point; i < (int)s->n; i++) {
        put(l, i < 0 ? '0' : s->digit[i]);
    }
}

static void put_scientific(line *l, const shortest *s)
{
    put(l, s->digit[0]);
    if (s->n > 1) {
        put(l, '.');
    }
    for (unsigned i = 1; i < s->n; i++) {
        put(l, s->digit[i]);
    }
    put_exponent(l, s->point - 1);
}

/* Sign and digits of a finite number; 0 has the one digit 0. */
static void start(double d, line *l, shortest *ret)
{
    if (signbit(d)) {
        put(l, '-');
    }
    d = fabs(d);
    if (d == 0) {
        *ret = (shortest){.digit = "0", .n = 1, .point = 1};
    } else if (!few_digits(d, ret)) {
        generate(d, ret);
    }
}

size_t cf_double_print(double d, char out[CF_DOUBLE_PRINT_BYTES])
{
    line l = {out, 0};
    if (!isfinite(d)) {
        return 0;
    }
    shortest s;
    start(d, &l, &s);
    if (s.point - 1 < -4 || s.point - 1 >= 6) {
        put_scientific(&l, &s);
    } else {
        put_plain(&l, &s);
    }
    return l.n;
}

size_t cf_double_plain(double d, char out[CF_DOUBLE_TEXT_BYTES])
{
    line l = {out, 0};
    if (!isfinite(d)) {
        return 0;
    }
    shortest s;
    start(d, &l, &s);
    put_plain(&l, &s);
    return l.n;
}

/* ---- To text: a number of places ---- */

#define INTEGER_DIGITS_MAX 309 /* of the greatest double */
#define LEADING_ZEROS_MAX 323  /* behind the point, of the least double */
#define EXPANSION_BYTES                                                                            \
    (1 + INTEGER_DIGITS_MAX + LEADING_ZEROS_MAX + CF_DOUBLE_PRECISION_MAX + 2 + 2 * CHUNK_DIGITS)

/* All digits of the integer, and so many of the fraction; a leading zero is there for a carry. */
typedef struct {
    char digit[EXPANSION_BYTES];
    size_t n, integer; /* digits in all, before the point */
    bool rest;         /* what is left out is not 0 */
} expansion;

static void put_chunk(char *to, uint64_t n)
{
    for (size_t i = CHUNK_DIGITS; i > 0; i--) {
        to[i - 1] = (char)('0' + n % 10);
        n /= 10;
    }
}

static void expand_integer(natural *a, expansion *ret)
{
    uint64_t chunks[INTEGER_DIGITS_MAX / CHUNK_DIGITS + 1];
    size_t n = 0;
    while (a->n > 0) {
        uint64_t rest = 0;
        for (size_t i = a->n; i > 0; i--) {
            wide part = (wide)rest << 64 | a->limb[i - 1];
            a->limb[i - 1] = (uint64_t)(part / CHUNK);
            rest = (uint64_t)(part % CHUNK);
        }
        a->n -= a->limb[a->n - 1] == 0;
        chunks[n] = rest;
        n++;
    }
    ret->digit[0] = '0';
    ret->n = 1;
    for (; n > 0; n--) {
        put_chunk(ret->digit + ret->n, chunks[n - 1]);
        ret->n += CHUNK_DIGITS;
    }
    ret->integer = ret->n;
}

/* places: digits of the fraction, at least; one chunk more at most. */
static void expand(double d, size_t places, expansion *ret)
{
    int e = 0;
    uint64_t mantissa = split(d, &e);
    natural a;
    set(&a, e <= -64 ? 0 : e < 0 ? mantissa >> -e : mantissa);
    shift_left(&a, (unsigned)(e > 0 ? e : 0));
    expand_integer(&a, ret);
    /* The fraction as limbs[0..n) / 2^(64 n): what is carried out of the highest limb are its next digits. */
    unsigned bits = (unsigned)(e < 0 ? -e : 0);
    size_t n = (bits + 63) / 64;
    set(&a, bits == 0 ? 0 : bits >= 64 ? mantissa : mantissa & ((UINT64_C(1) << bits) - 1));
    shift_left(&a, (unsigned)(64 * n) - bits);
    for (size_t i = a.n; i < n; i++) {
        a.limb[i] = 0;
    }
    for (size_t end = ret->n + places; ret->n < end; ret->n += CHUNK_DIGITS) {
        uint64_t carry = 0;
        for (size_t i = 0; i < n; i++) {
            wide product = (wide)a.limb[i] * CHUNK + carry;
            a.limb[i] = (uint64_t)product;
            carry = (uint64_t)(product >> 64);
        }
        put_chunk(ret->digit + ret->n, carry);
    }
    ret->rest = false;
    for (size_t i = 0; i < n; i++) {
        ret->rest |= a.limb[i] != 0;
    }
}

/* Leaves n digits; a carry goes up to the leading zero at most. Ties by the exact value, to even. */
static void round_to(expansion *x, size_t n)
{
    bool more = x->rest;
    for (size_t i = n + 1; i < x->n; i++) {
        more |= x->digit[i] != '0';
    }
    char next = n < x->n ? x->digit[n] : '0';
    bool up = next > '5' || (next == '5' && (more || (x->digit[n - 1] - '0') % 2 == 1));
    x->n = n;
    for (size_t i = n; up; i--) {
        up = x->digit[i - 1] == '9';
        x->digit[i - 1] = up ? '0' : (char)(x->digit[i - 1] + 1);
    }
}

size_t cf_double_fixed(double d, unsigned precision, char out[CF_DOUBLE_TEXT_BYTES])
{
    line l = {out, 0};
    if (!isfinite(d) || precision > CF_DOUBLE_PRECISION_MAX) {
        return 0;
    }
    if (signbit(d)) {
        put(&l, '-');
    }
    expansion x;
    expand(d, precision + 1, &x);
    round_to(&x, x.integer + precision);
    size_t at = 0;
    while (at + 1 < x.integer && x.digit[at] == '0') {
        at++;
    }
    for (; at < x.n; at++) {
        if (at == x.integer) {
            put(&l, '.');
        }
        put(&l, x.digit[at]);
    }
    return l.n;
}

size_t cf_double_scientific(double d, unsigned precision, char out[CF_DOUBLE_TEXT_BYTES])
{
    line l = {out, 0};
    if (!isfinite(d) || precision > CF_DOUBLE_PRECISION_MAX) {
        return 0;
    }
    if (signbit(d)) {
        put(&l, '-');
    }
    expansion x;
    bool large = fabs(d) >= 1 || d == 0;
    expand(d, large ? precision + 1 : LEADING_ZEROS_MAX + precision + 2, &x);
    size_t first = 0;
    while (first < x.n && x.digit[first] == '0') {
        first++;
    }
    first = d == 0 ? x.integer - 1 : first;
    round_to(&x, first + precision + 1);
    if (first > 0 && x.digit[first - 1] != '0') {
        first--; /* 9.99 became 10.0 */
    }
    put(&l, x.digit[first]);
    for (size_t i = first + 1; i <= first + precision; i++) {
        if (i == first + 1) {
            put(&l, '.');
        }
        put(&l, x.digit[i]);
    }
    put_exponent(&l, (int)x.integer - 1 - (int)first);
    return l.n;
}
