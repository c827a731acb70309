/* SPDX-License-Identifier: Apache-2.0 */
/* cf_answer_decode: what decodes encodes and decodes to the same answer. Octets may differ where a code was unknown or keys were
 * skipped. */
#include "core/wire/wire.h"

#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void same_fields(const cf_answer *a, const cf_answer *b)
{
    fuzz_check(a->fields_n == b->fields_n);
    for (size_t i = 0; i < a->fields_n; i++) {
        fuzz_check(a->fields[i].code == b->fields[i].code);
        fuzz_check(cf_view_eq(a->fields[i].name, b->fields[i].name));
        fuzz_check(cf_view_eq(a->fields[i].value, b->fields[i].value));
    }
}

static void same_expressions(const cf_answer *a, const cf_answer *b)
{
    fuzz_check(a->evaluated == b->evaluated && a->time_ms == b->time_ms);
    fuzz_check(a->expressions_n == b->expressions_n && a->read_n == b->read_n);
    for (size_t i = 0; i < a->expressions_n; i++) {
        fuzz_check(a->expressions[i].code == b->expressions[i].code);
        fuzz_check(a->expressions[i].offset == b->expressions[i].offset);
        fuzz_check(cf_view_eq(a->expressions[i].name, b->expressions[i].name));
        fuzz_check(cf_view_eq(a->expressions[i].json, b->expressions[i].json));
    }
    for (size_t i = 0; i < a->read_n; i++) {
        fuzz_check(a->read[i] == b->read[i] && (i == 0 || a->read[i] > a->read[i - 1]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(again);
    cf_answer first, second;
    if (!cf_is_ok(cf_answer_decode(cf_view_make(data, size), &arena, &first))) {
        fuzz_check(first.fields == NULL && first.fields_n == 0 && first.expressions == NULL);
        return 0;
    }
    if (!cf_is_ok(cf_answer_encode(&first, &again))) {
        return 0; /* the codes grew to "internal", and with them the body over its limit */
    }
    fuzz_ok(cf_answer_decode(cf_buf_view(&again), &arena, &second));
    same_fields(&first, &second);
    same_expressions(&first, &second);
    return 0;
}
