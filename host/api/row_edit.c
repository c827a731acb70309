/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/row_edit.h"

#include <stdlib.h>

void cf_sealed_free(cf_sealed *s)
{
    cf_sealer_free(&s->sealer);
    cf_buf_free(&s->octets);
    *s = (cf_sealed){NULL, CF_BUF_EMPTY, {.version = 0}, NULL, 0};
}

/* One field's octets are appended; where they begin is all that is known until the buffer has stopped moving. */
static CF_MUST_USE cf_result seal_one(const cf_binding *b, cf_view public_key,
                                      const cf_input_field *in, cf_sealed *s, cf_field *f)
{
    *f = (cf_field){.name = in->name, .encoding = s->sealer != NULL ? CF_ENC_WRITE : CF_ENC_BINARY};
    if (s->sealer == NULL) {
        return cf_seal_binary(b, public_key, in->name, in->value, &s->octets);
    }
    f->write = CF_WRITE_NEW;
    return cf_sealer_field(s->sealer, in->name, in->value, &f->seq, &s->octets);
}

static CF_MUST_USE cf_result seal_all(const cf_binding *b, cf_view public_key, const cf_input *in,
                                      cf_arena *arena, cf_sealed *s)
{
    size_t *ends = cf_arena_new(arena, in->n, sizeof *ends);
    CF_REQUIRE(ends != NULL, NO_MEMORY);
    for (size_t i = 0; i < in->n; i++) {
        CF_TRY(seal_one(b, public_key, &in->all[i], s, &s->fields[i]));
        ends[i] = s->octets.len;
    }
    for (size_t i = 0; i < in->n; i++) {
        size_t begin = i > 0 ? ends[i - 1] : 0;
        s->fields[i].value = cf_view_sub(cf_buf_view(&s->octets), begin, ends[i] - begin);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_seal_fields(const cf_binding *b, cf_view public_key, uint64_t version,
                                     cf_encoding encoding, const cf_input *in, cf_arena *arena,
                                     cf_sealed *ret)
{
    CF_SEALED(s);
    s.fields = cf_arena_new(arena, in->n, sizeof *s.fields);
    CF_REQUIRE(s.fields != NULL, NO_MEMORY);
    s.n = in->n;
    if (encoding == CF_ENC_WRITE && in->n > 0) {
        CF_TRY(cf_sealer_new(b, public_key, version, &s.sealer));
        s.write = cf_sealer_write(s.sealer);
    }
    CF_TRY(seal_all(b, public_key, in, arena, &s));
    *ret = s;
    s = (cf_sealed){NULL, CF_BUF_EMPTY, {.version = 0}, NULL, 0};
    return cf_ok();
}

static int by_name(const void *a, const void *b)
{
    return cf_view_cmp(((const cf_field *)a)->name, ((const cf_field *)b)->name);
}

static bool replaced(const cf_sealed *sealed, cf_view name)
{
    cf_field key = {.name = name};
    return sealed != NULL && sealed->n > 0 &&
           bsearch(&key, sealed->fields, sealed->n, sizeof key, by_name) != NULL;
}

/* Drops the writes that no field of the row refers to and moves the indices of the others. The new write comes last: it has the
 * highest version. */
static CF_MUST_USE cf_result settle_writes(const cf_row *old, const cf_sealed *sealed,
                                           cf_arena *arena, cf_field *fields, cf_row *row)
{
    uint32_t *place = cf_arena_new(arena, old->writes_n,
                                   sizeof *place); /* of an old write: its new index and one more */
    cf_write_ref *writes = cf_arena_new(arena, old->writes_n + 1, sizeof *writes);
    CF_REQUIRE(place != NULL && writes != NULL, NO_MEMORY);
    for (size_t i = 0; i < row->fields_n; i++) {
        if (fields[i].encoding == CF_ENC_WRITE && fields[i].write != CF_WRITE_NEW) {
            place[fields[i].write] = 1;
        }
    }
    size_t n = 0;
    for (size_t w = 0; w < old->writes_n; w++) {
        if (place[w] != 0) {
            writes[n] = old->writes[w];
            place[w] = (uint32_t)++n;
        }
    }
    for (size_t i = 0; i < row->fields_n; i++) {
        if (fields[i].encoding == CF_ENC_WRITE) {
            fields[i].write =
                fields[i].write == CF_WRITE_NEW ? (uint32_t)n : place[fields[i].write] - 1;
        }
    }
    if (sealed != NULL && sealed->sealer != NULL) {
        writes[n++] = sealed->write;
    }
    row->writes = writes;
    row->writes_n = n;
    return cf_ok();
}

/* Time may jump back; a row is never modified before it was created or last modified. */
static uint64_t later(const cf_row *old, uint64_t now_ms)
{
    return now_ms > old->modified_ms ? now_ms : old->modified_ms;
}

CF_MUST_USE cf_result cf_row_change(const cf_row *old, const cf_names *drop,
                                    const cf_sealed *sealed, uint64_t now_ms, cf_arena *arena,
                                    cf_row *ret)
{
    size_t fresh = sealed != NULL ? sealed->n : 0, n = 0;
    cf_row row = *old;
    cf_field *fields = cf_arena_new(arena, old->fields_n + fresh, sizeof *fields);
    CF_REQUIRE(fields != NULL, NO_MEMORY);
    for (size_t i = 0; i < old->fields_n; i++) {
        cf_view name = old->fields[i].name;
        if (!replaced(sealed, name) && (drop == NULL || !cf_names_has(drop, name))) {
            fields[n++] = old->fields[i];
        }
    }
    for (size_t i = 0; i < fresh; i++) {
        fields[n++] = sealed->fields[i];
    }
    if (n > 1) {
        qsort(fields, n, sizeof *fields, by_name);
    }
    row.fields = fields;
    row.fields_n = n;
    row.version = old->version + 1;
    row.modified_ms = later(old, now_ms);
    CF_TRY(settle_writes(old, sealed, arena, fields, &row));
    *ret = row;
    return cf_ok();
}

cf_row cf_row_tombstone(const cf_row *old, uint64_t now_ms)
{
    return (cf_row){
        .tenant = old->tenant,
        .id = old->id,
        .schema = old->schema,
        .version = old->version + 1,
        .created_ms = old->created_ms,
        .modified_ms = later(old, now_ms),
        .tombstone = true,
    };
}
