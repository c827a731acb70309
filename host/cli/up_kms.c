/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/up_kms.h"

#include <stdio.h>
#include <string.h>

#include "core/attest/attest.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "host/http/client.h"
#include "sys/linux/file.h"

#define CONFIG_BYTES_MAX 65536
#define IMAGE_BYTES_MAX ((size_t)64 << 20)
#define CF_CLI_KMS_TIMEOUT_MS 10000
#define MEASURE_KEY "kms:RecipientAttestation:ImageSha384"

/* The measure a launcher will give this program, as lower-case hex with a NUL. */
static cf_result measure_enclave(const char *path, cf_buf *ret_hex)
{
    CF_BUF(image);
    uint8_t pcr0[CF_PCR_BYTES_SHA384];
    CF_TRY(cf_file_read(path, IMAGE_BYTES_MAX, &image));
    CF_TRY(cf_pcr_measure(cf_buf_view(&image), pcr0));
    CF_TRY(cf_hex_encode(CF_VIEW_OF(pcr0), ret_hex));
    return cf_buf_append(ret_hex, cf_view_make("", 1));
}

static cf_result kms_call(const up_kms *k, const char *operation, const json_t *request,
                          json_t **ret)
{
    CF_BUF(body);
    CF_BUF(answer);
    CF_AUTO(cf_http_client_free) cf_http_client *http = NULL;
    char target[64];
    unsigned status = 0;
    CF_TRY(cf_json_dump(request, &body));
    CF_TRY(cf_http_client_new(k->kms_addr, &http));
    (void)snprintf(target, sizeof target, "X-Amz-Target: TrentService.%s", operation);
    const char *headers[] = {"Content-Type: application/x-amz-json-1.1", target, NULL};
    cf_http_request req = {.method = "POST",
                           .path = "/",
                           .headers = headers,
                           .body = cf_buf_view(&body),
                           .timeout_ms = CF_CLI_KMS_TIMEOUT_MS,
                           .answer_bytes_max = CONFIG_BYTES_MAX};
    CF_TRY(cf_http_client_call(http, &req, &status, &answer));
    CF_REQUIRE(status == 200, KMS_REFUSED);
    if (ret != NULL) {
        CF_TRY(cf_json_parse(cf_buf_view(&answer), CONFIG_BYTES_MAX, ret));
    }
    return cf_ok();
}

/* Everything but decrypting for the service itself; decrypting only for an attested enclave of a listed measure. */
static json_t *new_policy(const char *measure)
{
    return json_pack(
        "{s:s,s:[{s:s,s:s,s:{s:s},s:[sssss],s:s},{s:s,s:s,s:{s:s},s:s,s:s,s:{s:{s:[s]}}}]}",
        "Version", "2012-10-17", "Statement", "Sid", "Service", "Effect", "Allow", "Principal",
        "AWS", "*", "Action", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy",
        "kms:GenerateDataKeyPairWithoutPlaintext", "kms:Encrypt", "Resource", "*", "Sid",
        "AttestedDecrypt", "Effect", "Allow", "Principal", "AWS", "*", "Action", "kms:Decrypt",
        "Resource", "*", "Condition", "StringEqualsIgnoreCase", MEASURE_KEY, measure);
}

static cf_result create_key(const up_kms *k, const char *measure, cf_buf *ret_key_id)
{
    CF_JSON(policy);
    CF_JSON(request);
    CF_JSON(answer);
    CF_JSON(config);
    CF_BUF(text);
    CF_BUF(file);
    cf_view id;
    policy = new_policy(measure);
    CF_REQUIRE(policy != NULL, NO_MEMORY);
    CF_TRY(cf_json_dump(policy, &text));
    request = json_pack("{s:s,s:o}", "Description", "vault keys", "Policy",
                        cf_json_str(cf_buf_view(&text)));
    CF_REQUIRE(request != NULL, NO_MEMORY);
    CF_TRY(kms_call(k, "CreateKey", request, &answer));
    CF_TRY(cf_json_get_str(json_object_get(answer, "KeyMetadata"), "Arn", 2048, &id));
    config = json_pack("{s:o}", "kms_key", cf_json_str(id));
    CF_REQUIRE(config != NULL, NO_MEMORY);
    CF_TRY(cf_json_dump(config, &file));
    CF_TRY(cf_buf_append(&file, CF_LIT("\n")));
    CF_TRY(cf_file_create(k->config_path, cf_buf_view(&file), 0600));
    return cf_buf_append(ret_key_id, id);
}

/* The list of accepted measures of the statement that grants Decrypt; borrowed from the policy. */
static json_t *accepted_measures(json_t *policy)
{
    size_t i;
    json_t *statement;
    json_array_foreach(json_object_get(policy, "Statement"), i, statement)
    {
        json_t *equals =
            json_object_get(json_object_get(statement, "Condition"), "StringEqualsIgnoreCase");
        json_t *list = json_object_get(equals, MEASURE_KEY);
        if (json_is_array(list)) {
            return list;
        }
    }
    return NULL;
}

/* Whether the policy is the one that new_policy makes, for any list of measures. */
static bool is_ours(const json_t *policy, json_t *list)
{
    CF_JSON(ours);
    ours = new_policy("");
    json_t *measures = accepted_measures(ours);
    return measures != NULL && json_array_clear(measures) == 0 &&
           json_array_extend(measures, list) == 0 && json_equal(ours, policy);
}

static bool lists_measure(const json_t *list, const char *measure)
{
    size_t i;
    json_t *value;
    json_array_foreach(list, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), measure) == 0) {
            return true;
        }
    }
    return false;
}

static cf_result put_policy(const up_kms *k, cf_view key_id, const json_t *policy)
{
    CF_JSON(request);
    CF_BUF(text);
    CF_TRY(cf_json_dump(policy, &text));
    request = json_pack("{s:o,s:o}", "KeyId", cf_json_str(key_id), "Policy",
                        cf_json_str(cf_buf_view(&text)));
    CF_REQUIRE(request != NULL, NO_MEMORY);
    return kms_call(k, "PutKeyPolicy", request, NULL);
}

/* The key is there already: its policy must be what this program makes of it, and name this enclave, or be told to. */
static cf_result check_policy(const up_kms *k, cf_view key_id, const char *measure)
{
    CF_JSON(request);
    CF_JSON(answer);
    CF_JSON(policy);
    cf_view text;
    request = json_pack("{s:o}", "KeyId", cf_json_str(key_id));
    CF_REQUIRE(request != NULL, NO_MEMORY);
    CF_TRY(kms_call(k, "GetKeyPolicy", request, &answer));
    CF_TRY(cf_json_get_str(answer, "Policy", CONFIG_BYTES_MAX, &text));
    CF_TRY(cf_json_parse(text, CONFIG_BYTES_MAX, &policy));
    json_t *list = accepted_measures(policy);
    if (list == NULL || !is_ours(policy, list)) {
        fprintf(stderr,
                "coffer: the key's policy is not the one that `coffer up` gave it: others than "
                "measured enclaves may be let in, and may have opened vaults already\n"
                "coffer: find out who changed it; the service starts once it is put back with "
                "PutKeyPolicy\n");
        return cf_fail(CF_ERR_STATE);
    }
    if (lists_measure(list, measure)) {
        return cf_ok();
    }
    CF_REQUIRE(k->trust_enclave, ATTESTATION);
    CF_REQUIRE(json_array_append_new(list, json_string(measure)) == 0, NO_MEMORY);
    return put_policy(k, key_id, policy);
}

CF_MUST_USE cf_result up_kms_key(const up_kms *k, cf_buf *ret_key_id)
{
    CF_BUF(measure);
    CF_BUF(file);
    CF_JSON(config);
    cf_view id;
    CF_TRY(measure_enclave(k->enclave_path, &measure));
    cf_result r = cf_file_read(k->config_path, CONFIG_BYTES_MAX, &file);
    if (r.code == CF_ERR_NOT_FOUND) {
        CF_TRY(create_key(k, (const char *)measure.data, ret_key_id));
    } else {
        CF_TRY(r);
        CF_TRY(cf_json_parse(cf_buf_view(&file), CONFIG_BYTES_MAX, &config));
        CF_TRY(cf_json_get_str(config, "kms_key", 2048, &id));
        CF_TRY(check_policy(k, id, (const char *)measure.data));
        CF_TRY(cf_buf_append(ret_key_id, id));
    }
    return cf_buf_append(ret_key_id, cf_view_make("", 1));
}
