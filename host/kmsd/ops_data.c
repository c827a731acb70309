/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on data: encrypting, decrypting, and both in one. */
#include "host/kmsd/blob.h"
#include "host/kmsd/ops.h"

static bool is_symmetric(const cf_kmsd_target *t)
{
    return cf_key_file(t->key)->spec == CF_SPEC_SYMMETRIC;
}

static cf_result refuse_ciphertext(cf_kmsd_call *c)
{
    return cf_kmsd_refuse(c, CF_KX_INVALID_CIPHERTEXT, "%s", "");
}

/* A context can only be bound to what a symmetric key seals. */
static cf_result check_no_context(cf_kmsd_call *c, const cf_kmsd_context *context)
{
    if (context->n > 0) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "An encryption context is valid for symmetric encryption keys only.");
    }
    return cf_ok();
}

/* --- sealing --- */

/* One side of an operation on data: how its members are called, and what they have turned out to be. */
typedef struct {
    const char *permission, *key_member, *algorithm_member;
    cf_kmsd_target *target;
    cf_kmsd_context *context;
    const cf_algorithm *algorithm;
    const cf_material *material;
} side;

static cf_result check_target(cf_kmsd_call *c, side *s)
{
    CF_TRY(cf_kmsd_authorise_for(c, s->permission, s->target, s->context));
    CF_TRY(cf_kmsd_need_enabled(c, s->target));
    CF_TRY(cf_kmsd_need_use(c, s->target, CF_USE_ENCRYPT));
    CF_TRY(
        cf_kmsd_algorithm(c, s->target, s->algorithm_member, "SYMMETRIC_DEFAULT", &s->algorithm));
    return is_symmetric(s->target) ? cf_ok() : check_no_context(c, s->context);
}

static cf_result prepare_seal(cf_kmsd_call *c, side *s)
{
    CF_TRY(cf_kmsd_find(c, s->key_member, CF_NAME_KEY_OR_ALIAS, s->target));
    CF_TRY(check_target(c, s));
    s->material = cf_keyfile_current(cf_key_file(s->target->key));
    return cf_ok();
}

static cf_result check_size(cf_kmsd_call *c, const side *s, cf_view plaintext)
{
    const cf_spec_info *info = cf_spec_info_of(cf_key_file(s->target->key)->spec);
    size_t max = is_symmetric(s->target) ? CF_KMSD_PLAINTEXT_BYTES_MAX
                                         : cf_pair_oaep_max(info->pair, s->algorithm->as.oaep);
    if (plaintext.len > max) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "Algorithm %s and key spec %s cannot encrypt data larger than %zu "
                              "bytes.",
                              s->algorithm->name, info->name, max);
    }
    return cf_ok();
}

static cf_result seal(const side *s, cf_view plaintext, cf_buf *out)
{
    if (!is_symmetric(s->target)) {
        return cf_pair_oaep_encrypt(s->material->pair, s->algorithm->as.oaep, plaintext, out);
    }
    return cf_blob_seal(cf_key_id(s->target->key), s->material, cf_buf_view(&s->context->canonical),
                        plaintext, out);
}

cf_result cf_op_encrypt(cf_kmsd_call *c)
{
    CF_BUF(plaintext);
    CF_BUF(blob);
    side s = {.permission = "Encrypt",
              .key_member = "KeyId",
              .algorithm_member = "EncryptionAlgorithm",
              .target = &c->target,
              .context = &c->context};
    CF_TRY(cf_kmsd_check_tokens(c));
    CF_TRY(cf_kmsd_read_context(c, "EncryptionContext", &c->context));
    CF_TRY(prepare_seal(c, &s));
    CF_TRY(cf_in_blob(c->in, "Plaintext", &plaintext));
    CF_TRY(check_size(c, &s, cf_buf_view(&plaintext)));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(seal(&s, cf_buf_view(&plaintext), &blob));
    cf_kmsd_put_blob(c, "CiphertextBlob", cf_buf_view(&blob));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_text(c, "EncryptionAlgorithm", s.algorithm->name);
    return cf_ok();
}

/* --- opening --- */

static cf_result refuse_key(cf_kmsd_call *c)
{
    return cf_kmsd_refuse(
        c, CF_KX_INCORRECT_KEY,
        "The key ID in the request does not identify a CMK that can perform this operation.");
}

/* The key that the blob names; the one that the request names, if it does, must be the same. */
static cf_result find_blob_key(cf_kmsd_call *c, side *s, cf_view octets, cf_blob *ret)
{
    bool named = s->target->key != NULL;
    if (!cf_is_ok(cf_blob_parse(octets, ret))) {
        return refuse_ciphertext(c);
    }
    if (named && !cf_view_eq(cf_uuid_view(cf_key_id(s->target->key)), cf_uuid_view(&ret->key))) {
        return refuse_key(c);
    }
    if (named) {
        return cf_ok();
    }
    c->seeking = true;
    const cf_key *key = cf_keys_find(c->service->keys, &ret->key, c->now_ms);
    return key != NULL ? cf_kmsd_take_key(c, &key, s->target) : refuse_ciphertext(c);
}

/* Whether the request says by its algorithm that a key pair has made the ciphertext. */
static bool names_pair_algorithm(const cf_kmsd_call *c, const side *s)
{
    return cf_in_has(c->in, s->algorithm_member) &&
           !cf_view_eq(cf_in_text(c->in, s->algorithm_member), CF_LIT("SYMMETRIC_DEFAULT"));
}

/* The key, by its member or by the ciphertext; with ignored, by its member. */
static cf_result find_source(cf_kmsd_call *c, side *s, bool ignored, cf_view octets, cf_blob *blob)
{
    if (cf_in_has(c->in, s->key_member)) {
        CF_TRY(cf_kmsd_find(c, s->key_member, CF_NAME_KEY_OR_ALIAS, s->target));
    } else if (ignored || names_pair_algorithm(c, s)) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "%s is required in this request.",
                              s->key_member);
    }
    bool pair = s->target->key != NULL && !is_symmetric(s->target);
    return pair || ignored ? cf_ok() : find_blob_key(c, s, octets, blob);
}

static cf_result check_source(cf_kmsd_call *c, side *s)
{
    if (cf_key_file(s->target->key)->use != CF_USE_ENCRYPT) {
        CF_TRY(cf_kmsd_authorise_for(c, s->permission, s->target, s->context));
        return refuse_key(c);
    }
    return check_target(c, s);
}

static cf_result open_pair(cf_kmsd_call *c, side *s, cf_view octets, cf_buf *out)
{
    s->material = cf_keyfile_current(cf_key_file(s->target->key));
    cf_result r = cf_pair_oaep_decrypt(s->material->pair, s->algorithm->as.oaep, octets, out);
    return r.code == CF_ERR_OPEN ? refuse_ciphertext(c) : r;
}

static cf_result open_blob(cf_kmsd_call *c, side *s, const cf_blob *blob, cf_buf *out)
{
    s->material = cf_keyfile_material(cf_key_file(s->target->key), blob->material_id);
    if (s->material == NULL) {
        return refuse_ciphertext(c);
    }
    cf_result r = cf_blob_open(blob, s->material, cf_buf_view(&s->context->canonical), out);
    return r.code == CF_ERR_OPEN ? refuse_ciphertext(c) : r;
}

/* Whether a dry run asks for permissions alone, without a ciphertext. */
static cf_result read_ignored(cf_kmsd_call *c, bool *ret)
{
    *ret = json_array_size(json_object_get(c->in, "DryRunModifiers")) > 0;
    if (*ret && !cf_in_bool(c->in, "DryRun")) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "DryRunModifiers is valid with DryRun only.");
    }
    if (!*ret && !cf_in_has(c->in, "CiphertextBlob")) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "1 validation error detected: Value null at 'ciphertextBlob' failed "
                              "to satisfy constraint: Member must not be null");
    }
    return cf_ok();
}

/* Everything but the opening itself, so that of two sides both are known to be allowed before one is opened. */
typedef struct {
    side from;
    cf_buf octets;
    cf_blob blob;
    bool ignored;
} opening;

static void opening_clear(opening *o)
{
    cf_buf_free(&o->octets);
}

static cf_result begin_open(cf_kmsd_call *c, opening *o)
{
    CF_TRY(read_ignored(c, &o->ignored));
    CF_TRY(cf_in_blob(c->in, "CiphertextBlob", &o->octets));
    return find_source(c, &o->from, o->ignored, cf_buf_view(&o->octets), &o->blob);
}

static cf_result end_open(cf_kmsd_call *c, opening *o, cf_buf *out)
{
    if (o->ignored) {
        return cf_ok(); /* a dry run, which ends behind this */
    }
    return is_symmetric(o->from.target) ? open_blob(c, &o->from, &o->blob, out)
                                        : open_pair(c, &o->from, cf_buf_view(&o->octets), out);
}

cf_result cf_op_decrypt(cf_kmsd_call *c)
{
    CF_BUF(plaintext);
    CF_AUTO(opening_clear)
    opening o = {.from = {.permission = "Decrypt",
                          .key_member = "KeyId",
                          .algorithm_member = "EncryptionAlgorithm",
                          .target = &c->target,
                          .context = &c->context}};
    CF_TRY(cf_kmsd_check_tokens(c));
    CF_TRY(cf_kmsd_read_context(c, "EncryptionContext", &c->context));
    CF_TRY(begin_open(c, &o));
    CF_TRY(cf_kmsd_read_recipient(c));
    CF_TRY(check_source(c, &o.from));
    CF_TRY(end_open(c, &o, &plaintext));
    CF_TRY(cf_kmsd_end_dry_run(c));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    CF_TRY(cf_kmsd_put_secret(c, "Plaintext", cf_buf_view(&plaintext)));
    cf_kmsd_put_text(c, "EncryptionAlgorithm", o.from.algorithm->name);
    cf_kmsd_put_material_id(c, "KeyMaterialId", cf_kmsd_file(c), o.from.material);
    return cf_ok();
}

/* --- ReEncrypt --- */

static void put_reencrypted(cf_kmsd_call *c, const side *from, const side *to, cf_view blob)
{
    cf_kmsd_put_blob(c, "CiphertextBlob", blob);
    cf_kmsd_put_text(c, "SourceKeyId", from->target->arn);
    cf_kmsd_put_text(c, "KeyId", to->target->arn);
    cf_kmsd_put_text(c, "SourceEncryptionAlgorithm", from->algorithm->name);
    cf_kmsd_put_text(c, "DestinationEncryptionAlgorithm", to->algorithm->name);
    cf_kmsd_put_material_id(c, "SourceKeyMaterialId", cf_key_file(from->target->key),
                            from->material);
    cf_kmsd_put_material_id(c, "DestinationKeyMaterialId", cf_key_file(to->target->key),
                            to->material);
}

cf_result cf_op_reencrypt(cf_kmsd_call *c)
{
    CF_BUF(plaintext);
    CF_BUF(blob);
    CF_AUTO(opening_clear)
    opening o = {.from = {.permission = "ReEncryptFrom",
                          .key_member = "SourceKeyId",
                          .algorithm_member = "SourceEncryptionAlgorithm",
                          .target = &c->source,
                          .context = &c->source_context}};
    side to = {.permission = "ReEncryptTo",
               .key_member = "DestinationKeyId",
               .algorithm_member = "DestinationEncryptionAlgorithm",
               .target = &c->target,
               .context = &c->context};
    CF_TRY(cf_kmsd_check_tokens(c));
    CF_TRY(cf_kmsd_read_context(c, "SourceEncryptionContext", &c->source_context));
    CF_TRY(cf_kmsd_read_context(c, "DestinationEncryptionContext", &c->context));
    CF_TRY(begin_open(c, &o));
    CF_TRY(check_source(c, &o.from));
    CF_TRY(prepare_seal(c, &to));
    CF_TRY(end_open(c, &o, &plaintext));
    CF_TRY(check_size(c, &to, cf_buf_view(&plaintext)));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(seal(&to, cf_buf_view(&plaintext), &blob));
    put_reencrypted(c, &o.from, &to, cf_buf_view(&blob));
    return cf_ok();
}
