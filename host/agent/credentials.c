/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/credentials.h"

#include "core/codec/json.h"
#include "sys/linux/file.h"

cf_result cf_agent_credentials_of(cf_view text, cf_buf *out)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token", NULL};
    cf_credentials_view view = {0};
    CF_JSON(j);
    CF_TRY(cf_json_parse(text, CF_AGENT_CREDENTIALS_BYTES_MAX, &j));
    CF_TRY(cf_json_only(j, names));
    CF_TRY(cf_json_get_str(j, "AccessKeyId", CF_ACCESS_KEY_ID_BYTES_MAX, &view.access_key_id));
    CF_TRY(cf_json_get_str(j, "SecretAccessKey", CF_SECRET_KEY_BYTES_MAX, &view.secret_key));
    if (json_object_get(j, "Token") != NULL) {
        CF_TRY(cf_json_get_str(j, "Token", CF_SESSION_TOKEN_BYTES_MAX, &view.session_token));
    }
    CF_REQUIRE(view.access_key_id.len > 0 && view.secret_key.len > 0, EMPTY);
    return cf_credentials_encode(&view, out);
}

cf_result cf_agent_credentials(const char *path, cf_buf *out)
{
    CF_BUF(text);
    CF_TRY(cf_file_read(path, CF_AGENT_CREDENTIALS_BYTES_MAX, &text));
    return cf_agent_credentials_of(cf_buf_view(&text), out);
}
