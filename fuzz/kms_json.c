/* SPDX-License-Identifier: Apache-2.0 */
/* cf_policy_parse and cf_policy_decide, cf_in_check and cf_in_context, cf_blob_parse, cf_keyfile_open, cf_alias_decode,
 * cf_grant_decode. The input: one octet that chooses an operation's table of members, then a policy, a request body, a blob, or a
 * file of a key, an alias or a grant. */
#include "fuzz/check.h"
#include "host/kmsd/blob.h"
#include "host/kmsd/ops.h"

static const cf_policy_pair context[] = {{CF_LIT_INIT("tenant"), CF_LIT_INIT("acme")},
                                         {CF_LIT_INIT("vault_id"), CF_LIT_INIT("v_1")}};

static cf_policy_decision decide(const cf_policy *p, const char *action, bool attested)
{
    cf_policy_request q = {.action = cf_view_str(action),
                           .caller = CF_LIT("arn:aws:iam::000000000000:user/local"),
                           .account = CF_LIT("000000000000"),
                           .account_root = CF_LIT("arn:aws:iam::000000000000:root"),
                           .context = context,
                           .context_n = 2};
    if (attested) {
        q.pcrs[0] = CF_LIT("aaaa");
        q.pcrs[31] = CF_LIT("bbbb");
    }
    return cf_policy_decide(p, &q);
}

static void policy(cf_view in)
{
    CF_AUTO(cf_policy_free) cf_policy *p = NULL;
    CF_BUF(why);
    cf_result r = cf_policy_parse(in, &p, &why);
    fuzz_check(cf_is_ok(r) == (p != NULL));
    fuzz_check(cf_is_ok(r) || r.code == CF_ERR_MALFORMED || r.code == CF_ERR_SIZE);
    fuzz_check((r.code == CF_ERR_MALFORMED) == (why.len > 0));
    if (p != NULL) {
        /* the same question has the same answer */
        fuzz_check(decide(p, "kms:Decrypt", true) == decide(p, "kms:Decrypt", true));
        (void)decide(p, "kms:PutKeyPolicy", false);
    }
}

static void request(uint8_t choice, cf_view in)
{
    CF_JSON(j);
    size_t ops = 0;
    while (cf_kmsd_ops[ops].name != NULL) {
        ops++;
    }
    if (!cf_is_ok(cf_json_parse(in, CF_KMSD_BODY_BYTES_MAX, &j)) || !json_is_object(j)) {
        return;
    }
    CF_AUTO(cf_in_report_free) cf_in_report report;
    cf_result r = cf_in_check(j, cf_kmsd_ops[choice % ops].members, &report);
    fuzz_check(cf_is_ok(r) ? report.message.len == 0
                           : r.code == CF_ERR_ARGUMENT && report.message.len > 0);
    fuzz_check(cf_utf8_ok(cf_buf_view(&report.message)));
    if (!cf_is_ok(r)) {
        return;
    }
    CF_ARENA(arena, CF_KMSD_ARENA_BYTES_MAX);
    CF_BUF(canonical);
    CF_BUF(octets);
    const cf_policy_pair *pairs;
    size_t n;
    if (cf_is_ok(cf_in_context(j, "EncryptionContext", &arena, &pairs, &n, &canonical))) {
        for (size_t i = 1; i < n; i++) {
            fuzz_check(cf_view_cmp(pairs[i - 1].name, pairs[i].name) < 0);
        }
        fuzz_check(canonical.len >= 1 && canonical.len <= CF_KMSD_CONTEXT_BYTES_MAX);
    }
    cf_ignore(cf_in_blob(j, "Plaintext", &octets));
    cf_kmsd_names names;
    cf_uuid id;
    cf_view rest;
    fuzz_ok(cf_kmsd_names_init("us-east-1", "000000000000", &names));
    (void)cf_kmsd_key_id(&names, cf_in_text(j, "KeyId"), &id, &rest);
}

static void stored(cf_view in)
{
    static const cf_secret root = {{1, 2, 3}, 32};
    static uint8_t octets[32];
    cf_blob b;
    cf_material m = {.secret = {octets, sizeof octets, sizeof octets}};
    CF_BUF(out);
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_AUTO(cf_grant_clear) cf_grant g = {.created_ms = 0};
    cf_alias a;
    if (cf_is_ok(cf_blob_parse(in, &b))) {
        cf_copy(m.id, b.material_id.data, CF_MATERIAL_ID_BYTES);
        fuzz_check(!cf_is_ok(cf_blob_open(&b, &m, CF_VIEW_EMPTY, &out)) && out.len == 0);
    }
    fuzz_check(!cf_is_ok(cf_keyfile_open(&root, in, &k)) && k.policy.len == 0);
    fuzz_check(!cf_is_ok(cf_alias_decode(&root, in, &a)) && a.name[0] == '\0');
    fuzz_check(!cf_is_ok(cf_grant_decode(&root, in, &g)) && g.context.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice = size > 0 ? data[0] : 0;
    cf_view in = size > 0 ? cf_view_make(data + 1, size - 1) : CF_VIEW_EMPTY;
    policy(in);
    request(choice, in);
    stored(in);
    return 0;
}
