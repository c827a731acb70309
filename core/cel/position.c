/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cel/cel.h"

void cf_cel_position(cf_view source, uint32_t offset, uint32_t *ret_line, uint32_t *ret_column)
{
    size_t end = offset < source.len ? offset : source.len;
    *ret_line = 1;
    *ret_column = 1;
    for (size_t i = 0; i < end; i++) {
        if (source.data[i] == '\n') {
            ++*ret_line;
            *ret_column = 1;
        } else if ((source.data[i] & 0xc0) != 0x80) { /* octets 10xxxxxx continue a code point */
            ++*ret_column;
        }
    }
}
