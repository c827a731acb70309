/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/keyfile.h"

#include "core/codec/cbor.h"
#include "host/kmsd/sealed.h"

#define FORMAT_1 1 /* symmetric keys with one material and no states */
#define FORMAT 2
#define META_MEMBERS 11
#define DAY_MS UINT64_C(86400000)

static const cf_sealed_kind kind_1 = {CF_LIT_INIT("coffer-kms-seal-1"),
                                      CF_LIT_INIT("coffer-kms-key-1\0")};
static const cf_sealed_kind kind = {CF_LIT_INIT("coffer-kms-seal-1"),
                                    CF_LIT_INIT("coffer-kms-key-2\0")};

void cf_tag_clear(cf_tag *t)
{
    cf_buf_free(&t->name);
    cf_buf_free(&t->value);
}

void cf_keyfile_clear(cf_keyfile *k)
{
    cf_buf_free(&k->description);
    cf_buf_free(&k->policy);
    for (size_t i = 0; i < k->tags_n; i++) {
        cf_tag_clear(&k->tags[i]);
    }
    cf_mem_free(k->tags);
    for (size_t i = 0; i < k->materials_n; i++) {
        cf_material_clear(&k->materials[i]);
    }
    cf_mem_free(k->materials);
    *k = (cf_keyfile){.created_ms = 0};
}

static cf_result copy_parts(const cf_keyfile *k, cf_keyfile *to)
{
    CF_TRY(cf_buf_append(&to->description, cf_buf_view(&k->description)));
    CF_TRY(cf_buf_append(&to->policy, cf_buf_view(&k->policy)));
    for (size_t i = 0; i < k->tags_n; i++) {
        cf_view name = cf_buf_view(&k->tags[i].name);
        CF_TRY(cf_keyfile_set_tag(to, name, cf_buf_view(&k->tags[i].value)));
    }
    for (size_t i = 0; i < k->materials_n; i++) {
        CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
        CF_TRY(cf_material_copy(&k->materials[i], &m));
        CF_TRY(cf_keyfile_add_material(to, &m));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_keyfile_copy(const cf_keyfile *k, cf_keyfile *ret)
{
    *ret = (cf_keyfile){.created_ms = 0};
    CF_AUTO(cf_keyfile_clear)
    cf_keyfile copy = {.id = k->id,
                       .created_ms = k->created_ms,
                       .spec = k->spec,
                       .use = k->use,
                       .enabled = k->enabled,
                       .delete_ms = k->delete_ms,
                       .delete_days = k->delete_days,
                       .rotation_days = k->rotation_days,
                       .rotation_from_ms = k->rotation_from_ms};
    CF_TRY(copy_parts(k, &copy));
    *ret = copy;
    copy = (cf_keyfile){.created_ms = 0};
    return cf_ok();
}

/* --- tags --- */

/* Place of the name, or where it would stand. */
static size_t tag_place(const cf_keyfile *k, cf_view name, bool *ret_found)
{
    size_t i = 0;
    while (i < k->tags_n && cf_view_cmp(cf_buf_view(&k->tags[i].name), name) < 0) {
        i++;
    }
    *ret_found = i < k->tags_n && cf_view_eq(cf_buf_view(&k->tags[i].name), name);
    return i;
}

CF_MUST_USE cf_result cf_keyfile_set_tag(cf_keyfile *k, cf_view name, cf_view value)
{
    bool found;
    size_t at = tag_place(k, name, &found);
    if (found) {
        return cf_buf_set(&k->tags[at].value, value);
    }
    CF_REQUIRE(k->tags_n < CF_KMSD_TAGS_MAX, LIMIT);
    if (k->tags == NULL) {
        k->tags = cf_mem_new(CF_KMSD_TAGS_MAX, sizeof *k->tags);
        CF_REQUIRE(k->tags != NULL, NO_MEMORY);
    }
    CF_AUTO(cf_tag_clear) cf_tag tag = {CF_BUF_EMPTY, CF_BUF_EMPTY};
    CF_TRY(cf_buf_append(&tag.name, name));
    CF_TRY(cf_buf_append(&tag.value, value));
    for (size_t i = k->tags_n; i > at; i--) {
        k->tags[i] = k->tags[i - 1];
    }
    k->tags[at] = (cf_tag){cf_buf_move(&tag.name), cf_buf_move(&tag.value)};
    k->tags_n++;
    return cf_ok();
}

void cf_keyfile_drop_tag(cf_keyfile *k, cf_view name)
{
    bool found;
    size_t at = tag_place(k, name, &found);
    if (!found) {
        return;
    }
    cf_tag_clear(&k->tags[at]);
    for (size_t i = at + 1; i < k->tags_n; i++) {
        k->tags[i - 1] = k->tags[i];
    }
    k->tags_n--;
    k->tags[k->tags_n] = (cf_tag){CF_BUF_EMPTY, CF_BUF_EMPTY};
}

/* --- materials --- */

const cf_material *cf_keyfile_current(const cf_keyfile *k)
{
    return &k->materials[k->materials_n - 1];
}

const cf_material *cf_keyfile_material(const cf_keyfile *k, cf_view id)
{
    for (size_t i = 0; i < k->materials_n; i++) {
        if (cf_view_eq(id, CF_VIEW_OF(k->materials[i].id))) {
            return &k->materials[i];
        }
    }
    return NULL;
}

CF_MUST_USE cf_result cf_keyfile_add_material(cf_keyfile *k, cf_material *m)
{
    CF_REQUIRE(k->materials_n < CF_KMSD_MATERIALS_MAX, LIMIT);
    cf_material *list = cf_mem_new(k->materials_n + 1, sizeof *list);
    CF_REQUIRE(list != NULL, NO_MEMORY);
    cf_copy(list, k->materials, k->materials_n * sizeof *list); /* secrets are behind pointers */
    list[k->materials_n] = *m;
    *m = (cf_material){.created_ms = 0};
    cf_mem_free(k->materials);
    k->materials = list;
    k->materials_n++;
    return cf_ok();
}

size_t cf_keyfile_bytes(const cf_keyfile *k)
{
    size_t n = k->description.cap + k->policy.cap;
    n += k->tags != NULL ? CF_KMSD_TAGS_MAX * sizeof *k->tags : 0;
    for (size_t i = 0; i < k->tags_n; i++) {
        n += k->tags[i].name.cap + k->tags[i].value.cap;
    }
    return n;
}

uint64_t cf_keyfile_rotation_due_ms(const cf_keyfile *k)
{
    return k->rotation_days == 0 ? 0 : k->rotation_from_ms + k->rotation_days * DAY_MS;
}

/* --- writing --- */

static void put_tags(cf_writer *w, const cf_keyfile *k)
{
    cf_cbor_put_array(w, k->tags_n);
    for (size_t i = 0; i < k->tags_n; i++) {
        cf_cbor_put_array(w, 2);
        cf_cbor_put_text(w, cf_buf_view(&k->tags[i].name));
        cf_cbor_put_text(w, cf_buf_view(&k->tags[i].value));
    }
}

static void put_materials(cf_writer *w, const cf_keyfile *k)
{
    cf_cbor_put_array(w, k->materials_n);
    for (size_t i = 0; i < k->materials_n; i++) {
        cf_cbor_put_array(w, 3);
        cf_cbor_put_bytes(w, CF_VIEW_OF(k->materials[i].id));
        cf_cbor_put_uint(w, k->materials[i].created_ms);
        cf_cbor_put_uint(w, k->materials[i].how);
    }
}

static cf_result put_meta(const cf_keyfile *k, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_KMSD_KEY_FILE_BYTES_MAX);
    cf_cbor_put_map(&w, META_MEMBERS);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_text(&w, cf_uuid_view(&k->id));
    cf_cbor_put_uint(&w, 2);
    cf_cbor_put_uint(&w, k->created_ms);
    cf_cbor_put_uint(&w, 3);
    cf_cbor_put_text(&w, cf_buf_view(&k->description));
    cf_cbor_put_uint(&w, 4);
    cf_cbor_put_text(&w, cf_buf_view(&k->policy));
    cf_cbor_put_uint(&w, 5);
    cf_cbor_put_uint(&w, k->spec);
    cf_cbor_put_uint(&w, 6);
    cf_cbor_put_uint(&w, k->use);
    cf_cbor_put_uint(&w, 7);
    cf_cbor_put_bool(&w, k->enabled);
    cf_cbor_put_uint(&w, 8);
    cf_cbor_put_array(&w, 2);
    cf_cbor_put_uint(&w, k->delete_ms);
    cf_cbor_put_uint(&w, k->delete_days);
    cf_cbor_put_uint(&w, 9);
    cf_cbor_put_array(&w, 2);
    cf_cbor_put_uint(&w, k->rotation_days);
    cf_cbor_put_uint(&w, k->rotation_from_ms);
    cf_cbor_put_uint(&w, 10);
    put_tags(&w, k);
    cf_cbor_put_uint(&w, 11);
    put_materials(&w, k);
    return cf_write_end(&w);
}

static cf_result put_secrets(const cf_keyfile *k, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_KMSD_KEY_FILE_BYTES_MAX);
    cf_cbor_put_array(&w, k->materials_n);
    for (size_t i = 0; i < k->materials_n; i++) {
        cf_cbor_put_bytes(&w, cf_buf_view(&k->materials[i].secret));
    }
    return cf_write_end(&w);
}

CF_MUST_USE cf_result cf_keyfile_seal(const cf_secret *root, const cf_keyfile *k, cf_buf *out)
{
    CF_BUF(meta);
    CF_BUF(secrets);
    CF_TRY(put_meta(k, &meta));
    CF_TRY(put_secrets(k, &secrets));
    const cf_sealed parts = {FORMAT, cf_buf_view(&meta), cf_buf_view(&secrets)};
    return cf_sealed_make(root, &kind, cf_uuid_view(&k->id), &parts, CF_KMSD_KEY_FILE_BYTES_MAX,
                          out);
}

/* --- reading --- */

/* The number of the next member must be this one: they come all, in order. */
static void take_number(cf_cbor *c, uint64_t number)
{
    if (cf_cbor_uint(c) != number) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
    }
}

static void take_uuid(cf_cbor *c, cf_uuid *ret)
{
    if (!cf_is_ok(cf_uuid_parse(cf_cbor_text(c), ret))) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
    }
}

/* A number up to max, which the caller turns into an enumeration or 32 bits. */
static uint32_t take_small(cf_cbor *c, uint32_t max)
{
    uint64_t n = cf_cbor_uint(c);
    if (n > max) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
        return 0;
    }
    return (uint32_t)n;
}

static void take_text(cf_cbor *c, cf_buf *out)
{
    cf_view text = cf_cbor_text(c);
    cf_result r = cf_buf_append(out, text);
    if (!cf_is_ok(r)) {
        cf_reader_fail(&c->in, r.code);
    }
}

static void take_tags(cf_cbor *c, cf_keyfile *k)
{
    cf_cbor_array(c);
    while (cf_cbor_more(c)) {
        cf_cbor_array(c);
        cf_view name = cf_cbor_text(c), value = cf_cbor_text(c);
        cf_cbor_leave(c);
        if (cf_cbor_err(c) != CF_OK) {
            return;
        }
        cf_result r = cf_keyfile_set_tag(k, name, value);
        if (!cf_is_ok(r)) {
            cf_reader_fail(&c->in, r.code == CF_ERR_LIMIT ? CF_ERR_MALFORMED : r.code);
        }
    }
}

static void take_materials(cf_cbor *c, cf_keyfile *k)
{
    cf_cbor_array(c);
    while (cf_cbor_more(c)) {
        CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
        cf_cbor_array(c);
        cf_view id = cf_cbor_bytes(c);
        m.created_ms = cf_cbor_uint(c);
        m.how = (cf_material_how)take_small(c, CF_MATERIAL_HOW_COUNT - 1);
        cf_cbor_leave(c);
        if (id.len != sizeof m.id) {
            cf_reader_fail(&c->in, CF_ERR_MALFORMED);
            return;
        }
        cf_copy(m.id, id.data, id.len);
        cf_result r = cf_keyfile_add_material(k, &m);
        if (!cf_is_ok(r)) {
            cf_reader_fail(&c->in, r.code == CF_ERR_LIMIT ? CF_ERR_MALFORMED : r.code);
        }
    }
}

static cf_result get_meta(cf_view octets, cf_keyfile *k)
{
    cf_cbor c = cf_cbor_strict(octets);
    cf_cbor_map(&c);
    take_number(&c, 1);
    take_uuid(&c, &k->id);
    take_number(&c, 2);
    k->created_ms = cf_cbor_uint(&c);
    take_number(&c, 3);
    take_text(&c, &k->description);
    take_number(&c, 4);
    take_text(&c, &k->policy);
    take_number(&c, 5);
    k->spec = (cf_key_spec)take_small(&c, CF_SPEC_COUNT - 1);
    take_number(&c, 6);
    k->use = (cf_key_use)take_small(&c, CF_USE_COUNT - 1);
    take_number(&c, 7);
    k->enabled = cf_cbor_bool(&c);
    take_number(&c, 8);
    cf_cbor_array(&c);
    k->delete_ms = cf_cbor_uint(&c);
    k->delete_days = take_small(&c, UINT32_MAX);
    cf_cbor_leave(&c);
    take_number(&c, 9);
    cf_cbor_array(&c);
    k->rotation_days = take_small(&c, UINT32_MAX);
    k->rotation_from_ms = cf_cbor_uint(&c);
    cf_cbor_leave(&c);
    take_number(&c, 10);
    take_tags(&c, k);
    take_number(&c, 11);
    take_materials(&c, k);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    bool known = cf_spec_info_of(k->spec) != NULL && k->use != 0 && cf_spec_takes(k->spec, k->use);
    CF_REQUIRE(known && k->materials_n > 0, MALFORMED);
    return cf_ok();
}

static cf_result get_secrets(cf_view octets, cf_keyfile *k)
{
    cf_cbor c = cf_cbor_strict(octets);
    cf_cbor_array(&c);
    for (size_t i = 0; i < k->materials_n && cf_cbor_err(&c) == CF_OK; i++) {
        cf_view secret = cf_cbor_bytes(&c);
        if (cf_cbor_err(&c) == CF_OK) {
            CF_TRY(cf_material_load(k->spec, secret, &k->materials[i]));
        }
    }
    cf_cbor_leave(&c);
    return cf_cbor_end(&c);
}

static cf_result open_2(const cf_secret *root, const cf_sealed *parts, cf_keyfile *k)
{
    CF_BUF(secrets);
    CF_TRY(get_meta(parts->meta, k));
    CF_TRY(cf_sealed_open(root, &kind, cf_uuid_view(&k->id), parts, &secrets));
    return get_secrets(cf_buf_view(&secrets), k);
}

static cf_result open_1(const cf_secret *root, const cf_sealed *parts, cf_keyfile *k)
{
    CF_BUF(secret);
    CF_AUTO(cf_material_clear) cf_material m = {.how = CF_MATERIAL_FIRST};
    cf_cbor c = cf_cbor_strict(parts->meta);
    cf_cbor_map(&c);
    take_number(&c, 1);
    take_uuid(&c, &k->id);
    take_number(&c, 2);
    k->created_ms = cf_cbor_uint(&c);
    take_number(&c, 3);
    take_text(&c, &k->description);
    take_number(&c, 4);
    cf_view id = cf_cbor_bytes(&c);
    take_number(&c, 5);
    take_text(&c, &k->policy);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(id.len == sizeof m.id, MALFORMED);
    CF_TRY(cf_sealed_open(root, &kind_1, cf_uuid_view(&k->id), parts, &secret));
    cf_copy(m.id, id.data, id.len);
    m.created_ms = k->created_ms;
    k->spec = CF_SPEC_SYMMETRIC;
    k->use = CF_USE_ENCRYPT;
    k->enabled = true;
    CF_TRY(cf_material_load(k->spec, cf_buf_view(&secret), &m));
    return cf_keyfile_add_material(k, &m);
}

CF_MUST_USE cf_result cf_keyfile_open(const cf_secret *root, cf_view octets, cf_keyfile *ret)
{
    cf_sealed parts;
    *ret = (cf_keyfile){.created_ms = 0};
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_sealed_parse(octets, CF_KMSD_KEY_FILE_BYTES_MAX, &parts));
    CF_REQUIRE(parts.format == FORMAT || parts.format == FORMAT_1, UNSUPPORTED);
    CF_TRY(parts.format == FORMAT ? open_2(root, &parts, &k) : open_1(root, &parts, &k));
    *ret = k;
    k = (cf_keyfile){.created_ms = 0};
    return cf_ok();
}
