/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/kms_priv.h"

CF_MUST_USE cf_result cf_kms_answer_result(cf_result r)
{
    return cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY ? r : cf_fail(CF_ERR_KMS_ANSWER);
}

CF_MUST_USE cf_result cf_kms_answer_parse(cf_view text, json_t **ret)
{
    CF_TRY(cf_kms_answer_result(cf_json_parse(text, CF_KMS_ANSWER_BYTES_MAX, ret)));
    CF_REQUIRE(json_is_object(*ret), KMS_ANSWER);
    return cf_ok();
}

bool cf_kms_answer_lacks(const json_t *j, const char *name)
{
    const json_t *member = json_object_get(j, name);
    return member == NULL || json_is_null(member) ||
           (json_is_string(member) && json_string_length(member) == 0);
}

CF_MUST_USE cf_result cf_kms_answer_octets(const json_t *j, const char *name, size_t max,
                                           cf_buf *ret)
{
    CF_TRY(cf_kms_answer_result(cf_json_get_base64(j, name, max, ret)));
    CF_REQUIRE(ret->len > 0, KMS_ANSWER);
    return cf_ok();
}
