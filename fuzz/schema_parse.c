/* SPDX-License-Identifier: Apache-2.0 */
/* cf_schema_parse and cf_schema_check_text. The input is a document, a NUL octet and a value. Of a document that is taken: the
 * fields are in order and found, and what is derived from a value that is accepted is accepted itself. */
#include "core/schema/schema.h"

#include "core/vault/record.h"
#include "fuzz/check.h"

static void check_field(const cf_schema *s, cf_view field, cf_view value)
{
    const char *reason = NULL;
    cf_result r = cf_schema_check_text(s, field, value, &reason);
    fuzz_check(cf_is_ok(r) == (reason == NULL));
    if (!cf_is_ok(r)) {
        return;
    }
    fuzz_check(cf_utf8_ok(value) && value.len <= CF_VALUE_BYTES_MAX);
    cf_view derived, part;
    for (size_t i = 0; cf_schema_derived(s, field, value, i, &derived, &part); i++) {
        fuzz_check(cf_schema_derives_from(s, derived, field));
        fuzz_check(cf_view_eq(cf_schema_source(s, derived), field));
        fuzz_ok(cf_schema_check_text(s, derived, part, &reason));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t end = 0;
    while (end < size && data[end] != 0) {
        end++;
    }
    cf_view value = end < size ? cf_view_make(data + end + 1, size - end - 1) : CF_VIEW_EMPTY;
    CF_AUTO(cf_schema_free) cf_schema *s = NULL;
    cf_result r = cf_schema_parse(cf_view_make(data, end), &s, NULL);
    fuzz_check(cf_is_ok(r) == (s != NULL));
    if (s == NULL) {
        return 0;
    }
    fuzz_check(cf_tenant_ok(cf_schema_name(s)));
    size_t n = cf_schema_fields(s);
    fuzz_check(n > 0 && n <= CF_SCHEMA_FIELDS_MAX);
    for (size_t i = 0; i < n; i++) {
        cf_view field = cf_schema_field_at(s, i);
        fuzz_check(cf_is_ok(cf_field_name_check(field)) && cf_schema_has(s, field));
        fuzz_check(i == 0 || cf_view_cmp(cf_schema_field_at(s, i - 1), field) < 0);
        check_field(s, field, value);
    }
    return 0;
}
