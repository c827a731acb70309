/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets are declared uninitialised to MemorySanitizer, which then reports every branch and every address that depends on one.
 * Built and run by ct_msan.sh. With "leak" as argument it branches on a secret on purpose: the run must fail. */
#include <sanitizer/msan_interface.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto/ct_priv.h"

int main(int argc, char **argv)
{
    uint8_t scalar[48], order[48], blocks[32];
    memset(scalar, 3, sizeof scalar);
    memset(order, 5, sizeof order);
    memset(blocks, 4, sizeof blocks);
    __msan_allocated_memory(scalar, sizeof scalar);
    __msan_allocated_memory(blocks, sizeof blocks);
    if (argc > 1 && strcmp(argv[1], "leak") == 0) {
        return scalar[0] == 3; /* the branch that must be found */
    }
    uint32_t in_range = cf_ct_in_range(scalar, order, sizeof scalar);
    uint32_t padding = cf_ct_padding(CF_VIEW_OF(blocks));
    bool equal = cf_ct_eq(cf_view_make(scalar, 32), CF_VIEW_OF(blocks));
    /* only the outcomes are public */
    __msan_unpoison(&in_range, sizeof in_range);
    __msan_unpoison(&padding, sizeof padding);
    __msan_unpoison(&equal, sizeof equal);
    printf("%u %u %d\n", in_range, padding, equal);
    return in_range == 1 && padding == 4 && !equal ? 0 : 1;
}
