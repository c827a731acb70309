/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/fault.h"

#include "core/kms/kms_priv.h"

static const cf_kms_fault faults[] = {
    {"AccessDeniedException", "kms_access_denied", CF_KMS_FINAL,
     "no statement of the key's policy, or of the role's, allows this caller the call with this "
     "context and document"},
    {"NotFoundException", "kms_key_unknown", CF_KMS_FINAL,
     "there is no such key in this account and region"},
    {"InvalidArnException", "kms_bad_arn", CF_KMS_FINAL,
     "the key's ARN is malformed, or of another region"},
    {"DisabledException", "kms_key_disabled", CF_KMS_FINAL, "the key is disabled"},
    {"KMSInvalidStateException", "kms_key_state", CF_KMS_FINAL,
     "the key waits for its deletion or for its material"},
    {"KeyUnavailableException", "kms_key_unavailable", CF_KMS_LATER,
     "the key cannot be used just now"},
    {"InvalidCiphertextException", "kms_bad_ciphertext", CF_KMS_FINAL,
     "what was wrapped is damaged, of another key, or was wrapped with another encryption context"},
    {"IncorrectKeyException", "kms_wrong_key", CF_KMS_FINAL,
     "what was wrapped is of another key than the one that the request names"},
    {"InvalidKeyUsageException", "kms_key_usage", CF_KMS_FINAL,
     "the key is not for this operation"},
    {"InvalidGrantTokenException", "kms_bad_grant", CF_KMS_FINAL, "the grant token is not valid"},
    {"KMSInvalidMacException", "kms_bad_mac", CF_KMS_FINAL, "the MAC does not verify"},
    {"KMSInvalidSignatureException", "kms_signature_refuted", CF_KMS_FINAL,
     "the signature that was to be verified does not"},
    {"DryRunOperationException", "kms_dry_run", CF_KMS_FINAL,
     "the dry run says that the call would have worked"},
    {"MalformedPolicyDocumentException", "kms_bad_policy", CF_KMS_FINAL,
     "the key policy is malformed"},
    {"AlreadyExistsException", "kms_exists", CF_KMS_FINAL, "it exists already"},
    {"LimitExceededException", "kms_quota", CF_KMS_FINAL, "a quota of the account is used up"},
    {"ConflictException", "kms_conflict", CF_KMS_LATER, "another change of the key is under way"},
    {"UnsupportedOperationException", "kms_unsupported", CF_KMS_FINAL,
     "the service or the key does not support the operation"},
    {"TagException", "kms_bad_tag", CF_KMS_FINAL, "a tag is not valid"},
    {"InvalidMarkerException", "kms_bad_marker", CF_KMS_FINAL, "the list cannot go on from there"},
    {"InvalidAliasNameException", "kms_bad_alias", CF_KMS_FINAL, "the alias is malformed"},
    {"ValidationException", "kms_bad_request", CF_KMS_FINAL,
     "the service finds a member of the request, perhaps the attestation document, not valid"},
    {"SerializationException", "kms_bad_request", CF_KMS_FINAL,
     "the service cannot read the request"},
    {"UnknownOperationException", "kms_unsupported", CF_KMS_FINAL,
     "the service does not know the operation"},
    {"UnrecognizedClientException", "kms_credentials_unknown", CF_KMS_CREDENTIALS,
     "the service does not know the access key, or the session token is not its"},
    {"ExpiredTokenException", "kms_credentials_expired", CF_KMS_CREDENTIALS,
     "the credentials have expired, and no others have come"},
    {"InvalidSignatureException", "kms_signature_refused", CF_KMS_CLOCK,
     "the secret key is another, the region in the signature is wrong, or a clock is more than "
     "five minutes off"},
    {"RequestExpired", "kms_signature_refused", CF_KMS_CLOCK,
     "a clock is more than five minutes off"},
    {"IncompleteSignature", "kms_signature_refused", CF_KMS_FINAL, "the signature is malformed"},
    {"IncompleteSignatureException", "kms_signature_refused", CF_KMS_FINAL,
     "the signature is malformed"},
    {"MissingAuthenticationTokenException", "kms_not_signed", CF_KMS_CREDENTIALS,
     "the request is not signed: there are no credentials"},
    {"ThrottlingException", "kms_throttled", CF_KMS_LATER,
     "more requests than the quota of account and region allows"},
    {"DependencyTimeoutException", "kms_internal", CF_KMS_LATER, "a fault within the service"},
    {"KMSInternalException", "kms_internal", CF_KMS_LATER, "a fault within the service"},
    {"ServiceUnavailable", "kms_internal", CF_KMS_LATER, "a fault within the service"},
    {"ServiceUnavailableException", "kms_internal", CF_KMS_LATER, "a fault within the service"},
    {"InternalFailure", "kms_internal", CF_KMS_LATER, "a fault within the service"},
    {"", "kms_error", CF_KMS_FINAL, "an error that is not known here, or no answer of a KMS"},
};

/* "com.amazonaws.kms#NotFoundException:http://..." means NotFoundException. */
static cf_view bare_name(cf_view type)
{
    size_t from = 0, to = type.len;
    for (size_t i = 0; i < to; i++) {
        if (type.data[i] == '#') {
            from = i + 1;
        } else if (type.data[i] == ':') {
            to = i;
        }
    }
    return cf_view_sub(type, from, to - from);
}

/* The last row is that of every other name. */
static const cf_kms_fault *row_of(cf_view type)
{
    const cf_kms_fault *f = faults;
    cf_view name = bare_name(type);
    while (f->name[0] != '\0' && !cf_view_eq(name, cf_view_str(f->name))) {
        f++;
    }
    return f;
}

const cf_kms_fault *cf_kms_fault_of(cf_view body, cf_view type_field)
{
    CF_JSON(j);
    cf_view type = CF_VIEW_EMPTY;
    if (cf_is_ok(cf_json_parse(body, CF_KMS_ANSWER_BYTES_MAX, &j))) {
        cf_ignore(cf_json_get_str(j, "__type", CF_KMS_ANSWER_BYTES_MAX, &type));
    }
    return row_of(type.len > 0 ? type : type_field);
}

cf_kms_remedy cf_kms_fault_remedy(const cf_kms_fault *f, unsigned status)
{
    return status >= 500 || status == 429 ? CF_KMS_LATER : f->remedy;
}

cf_err cf_kms_error(int status, cf_view text, cf_buf *ret_name)
{
    const cf_kms_fault *f = cf_kms_fault_of(text, CF_VIEW_EMPTY);
    cf_ignore(cf_buf_append(ret_name, cf_view_str(f->name)));
    return cf_kms_fault_remedy(f, (unsigned)status) == CF_KMS_LATER ? CF_ERR_KMS_UNAVAILABLE
                                                                    : CF_ERR_KMS_REFUSED;
}
