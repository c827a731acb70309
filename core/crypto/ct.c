/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/ct_priv.h"

#define BLOCK_BYTES 16

/* 1 when a < b, for values below 2^31. */
static uint32_t below(uint32_t a, uint32_t b)
{
    return (a - b) >> 31;
}

uint32_t cf_ct_in_range(const uint8_t *scalar, const uint8_t *order, size_t len)
{
    /* scalar - order from the last octet on: a borrow is left when the scalar is the smaller one */
    uint32_t borrow = 0, any = 0;
    for (size_t i = len; i > 0; i--) {
        borrow = below(scalar[i - 1], order[i - 1] + borrow);
        any |= scalar[i - 1];
    }
    return borrow & below(0, any);
}

uint32_t cf_ct_padding(cf_view blocks)
{
    uint32_t pad = blocks.data[blocks.len - 1];
    uint32_t bad = below(pad, 1) | below(BLOCK_BYTES, pad);
    for (uint32_t i = 0; i < BLOCK_BYTES; i++) {
        uint32_t differ = blocks.data[blocks.len - 1 - i] ^ pad;
        bad |= below(i, pad) & below(0, differ);
    }
    return pad & (bad - 1);
}
