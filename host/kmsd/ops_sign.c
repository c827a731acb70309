/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of keys that sign, authenticate and agree. */
#include "core/crypto/dh.h"
#include "host/kmsd/ops.h"

static cf_result prepare(cf_kmsd_call *c, cf_key_use use, const char *algorithm_member,
                         const cf_algorithm **ret)
{
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY_OR_ALIAS));
    if (use == CF_USE_AGREE) { /* of these operations its one alone has a recipient */
        CF_TRY(cf_kmsd_read_recipient(c));
    }
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(cf_kmsd_need_enabled(c, &c->target));
    CF_TRY(cf_kmsd_need_use(c, &c->target, use));
    return cf_kmsd_algorithm(c, &c->target, algorithm_member, NULL, ret);
}

/* --- signatures --- */

/* What is signed: the message, or a digest, made here or by the caller. */
typedef struct {
    cf_buf message;
    cf_digest digest;
    cf_view input;
} signed_input;

static void signed_input_clear(signed_input *s)
{
    cf_buf_free(&s->message);
}

static cf_result read_digest(cf_kmsd_call *c, const cf_algorithm *a, signed_input *ret)
{
    if (a->as.signing.form == CF_SIGN_ED25519) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "MessageType DIGEST is not valid for the algorithm %s.", a->name);
    }
    if (ret->message.len != cf_hash_bytes(a->as.signing.hash)) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION, "Digest is invalid length for algorithm %s.",
                              a->name);
    }
    ret->input = cf_buf_view(&ret->message);
    return cf_ok();
}

static cf_result read_signed(cf_kmsd_call *c, const cf_algorithm *a, signed_input *ret)
{
    cf_view type = cf_in_text(c->in, "MessageType");
    bool raw = !cf_in_has(c->in, "MessageType") || cf_view_eq(type, CF_LIT("RAW"));
    CF_TRY(cf_in_blob(c->in, "Message", &ret->message));
    if (!raw && !cf_view_eq(type, CF_LIT("DIGEST"))) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "MessageType %.*s is not valid for the algorithm %s.",
                              cf_kmsd_shown(type), (const char *)type.data, a->name);
    }
    if (!raw) {
        return read_digest(c, a, ret);
    }
    if (a->as.signing.form == CF_SIGN_ED25519) {
        ret->input = cf_buf_view(&ret->message);
        return cf_ok();
    }
    if (a->as.signing.form == CF_SIGN_ED25519PH) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "MessageType RAW is not valid for the algorithm %s.", a->name);
    }
    CF_TRY(cf_hash_of(a->as.signing.hash, cf_buf_view(&ret->message), &ret->digest));
    ret->input = cf_digest_view(&ret->digest);
    return cf_ok();
}

/* What only one of the two crypto libraries can do. */
static cf_result refuse_algorithm(cf_kmsd_call *c, const cf_algorithm *a)
{
    return cf_kmsd_refuse(c, CF_KX_UNSUPPORTED, "%s is not supported by this build of the service.",
                          a->name);
}

static const cf_pair *pair_of(const cf_kmsd_call *c)
{
    return cf_keyfile_current(cf_kmsd_file(c))->pair;
}

cf_result cf_op_sign(cf_kmsd_call *c)
{
    CF_BUF(signature);
    CF_AUTO(signed_input_clear) signed_input in = {.input = CF_VIEW_EMPTY};
    const cf_algorithm *a;
    CF_TRY(prepare(c, CF_USE_SIGN, "SigningAlgorithm", &a));
    CF_TRY(read_signed(c, a, &in));
    CF_TRY(cf_kmsd_end_dry_run(c));
    cf_result r = cf_pair_sign(pair_of(c), a->as.signing, in.input, &signature);
    if (r.code == CF_ERR_UNSUPPORTED) {
        return refuse_algorithm(c, a);
    }
    CF_TRY(r);
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_blob(c, "Signature", cf_buf_view(&signature));
    cf_kmsd_put_text(c, "SigningAlgorithm", a->name);
    return cf_ok();
}

cf_result cf_op_verify(cf_kmsd_call *c)
{
    CF_BUF(signature);
    CF_AUTO(signed_input_clear) signed_input in = {.input = CF_VIEW_EMPTY};
    const cf_algorithm *a;
    CF_TRY(prepare(c, CF_USE_SIGN, "SigningAlgorithm", &a));
    CF_TRY(read_signed(c, a, &in));
    CF_TRY(cf_in_blob(c->in, "Signature", &signature));
    cf_result r = cf_pair_verify(pair_of(c), a->as.signing, in.input, cf_buf_view(&signature));
    if (r.code == CF_ERR_SIGNATURE) {
        return cf_kmsd_refuse(c, CF_KX_WRONG_SIGNATURE, "%s", "");
    }
    if (r.code == CF_ERR_UNSUPPORTED) {
        return refuse_algorithm(c, a);
    }
    CF_TRY(r);
    CF_TRY(cf_kmsd_end_dry_run(c));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_bool(c, "SignatureValid", true);
    cf_kmsd_put_text(c, "SigningAlgorithm", a->name);
    return cf_ok();
}

/* --- MACs --- */

static cf_result make_mac(cf_kmsd_call *c, const cf_algorithm *a, cf_digest *ret)
{
    CF_BUF(message);
    CF_TRY(cf_in_blob(c->in, "Message", &message));
    cf_view parts[] = {cf_buf_view(&message)};
    const cf_material *m = cf_keyfile_current(cf_kmsd_file(c));
    return cf_hmac_parts(a->as.mac, cf_buf_view(&m->secret), parts, 1, ret);
}

cf_result cf_op_generate_mac(cf_kmsd_call *c)
{
    cf_digest mac;
    const cf_algorithm *a;
    CF_TRY(prepare(c, CF_USE_MAC, "MacAlgorithm", &a));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(make_mac(c, a, &mac));
    cf_kmsd_put_blob(c, "Mac", cf_digest_view(&mac));
    cf_kmsd_put_text(c, "MacAlgorithm", a->name);
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    return cf_ok();
}

cf_result cf_op_verify_mac(cf_kmsd_call *c)
{
    CF_BUF(given);
    cf_digest mac;
    const cf_algorithm *a;
    CF_TRY(prepare(c, CF_USE_MAC, "MacAlgorithm", &a));
    CF_TRY(cf_in_blob(c->in, "Mac", &given));
    CF_TRY(make_mac(c, a, &mac));
    if (!cf_ct_eq(cf_buf_view(&given), cf_digest_view(&mac))) {
        return cf_kmsd_refuse(c, CF_KX_WRONG_MAC, "%s", "");
    }
    CF_TRY(cf_kmsd_end_dry_run(c));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    cf_kmsd_put_bool(c, "MacValid", true);
    cf_kmsd_put_text(c, "MacAlgorithm", a->name);
    return cf_ok();
}

/* --- key agreement --- */

/* The other side's public key, which must be one of the same curve. */
static cf_result read_peer(cf_kmsd_call *c, cf_curve curve, cf_dh_public *ret)
{
    CF_BUF(spki);
    cf_curve peer_curve = curve;
    CF_TRY(cf_in_blob(c->in, "PublicKey", &spki));
    cf_result r = cf_dh_public_from_spki(cf_buf_view(&spki), &peer_curve, ret);
    if (r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    if (!cf_is_ok(r) || peer_curve != curve) {
        return cf_kmsd_refuse(c, CF_KX_VALIDATION,
                              "The public key is not one of the KMS key's curve.");
    }
    return cf_ok();
}

cf_result cf_op_derive(cf_kmsd_call *c)
{
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    CF_SECRET(shared);
    cf_dh_public peer;
    cf_curve curve = CF_P256;
    const cf_algorithm *a;
    CF_TRY(prepare(c, CF_USE_AGREE, "KeyAgreementAlgorithm", &a));
    const cf_material *m = cf_keyfile_current(cf_kmsd_file(c));
    CF_TRY(cf_dh_from_pkcs8(cf_buf_view(&m->secret), &curve, &key));
    CF_TRY(read_peer(c, curve, &peer));
    CF_TRY(cf_kmsd_end_dry_run(c));
    CF_TRY(cf_dh_shared(key, cf_dh_public_view(&peer), &shared));
    cf_kmsd_put_text(c, "KeyId", c->target.arn);
    CF_TRY(cf_kmsd_put_secret(c, "SharedSecret", cf_secret_view(&shared)));
    cf_kmsd_put_text(c, "KeyAgreementAlgorithm", a->name);
    cf_kmsd_put_text(c, "KeyOrigin", "AWS_KMS");
    return cf_ok();
}
