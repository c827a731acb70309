/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/input.h"

#include "core/crypto/primitives.h"
#include "host/kmsd/ops.h"
#include "tests/unit/host/kmsd/quoted.h"

static const cf_in_member *members_of(const char *op_name)
{
    for (const cf_kmsd_op *op = cf_kmsd_ops; op->name != NULL; op++) {
        if (strcmp(op->name, op_name) == 0) {
            return op->members;
        }
    }
    fail_msg("no operation %s", op_name);
    return NULL;
}

static cf_result check(const char *op, cf_view text, cf_in_report *ret)
{
    CF_JSON(j);
    assert_ok(cf_json_parse(text, CF_KMSD_BODY_BYTES_MAX, &j));
    return cf_in_check(j, members_of(op), ret);
}

#define CONSTRAINT "' failed to satisfy constraint: "

typedef struct {
    const char *op, *in, *message; /* message NULL: accepted; starting with '!': unreadable */
} sentence;

static void assert_sentences(const sentence *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CF_AUTO(cf_in_report_free) cf_in_report report;
        cf_result r = check(rows[i].op, quoted(rows[i].in), &report);
        if (rows[i].message == NULL) {
            if (!cf_is_ok(r)) {
                fail_msg("%s %s: %.*s", rows[i].op, rows[i].in, (int)report.message.len,
                         (const char *)report.message.data);
            }
            continue;
        }
        bool unreadable = rows[i].message[0] == '!';
        assert_err(r, ARGUMENT);
        assert_view(cf_buf_view(&report.message), cf_view_str(rows[i].message + unreadable));
        assert_int_equal(report.unreadable, unreadable);
    }
}

static void test_sentences(void **state)
{
    (void)state;
    static const sentence rows[] = {
        {"DescribeKey", "{'KeyId':'x'}", NULL},
        {"DescribeKey", "{'KeyId':'x','Unknown':[{}],'GrantTokens':null}", NULL},
        {"DescribeKey", "{}",
         "1 validation error detected: Value null at 'keyId" CONSTRAINT "Member must not be null"},
        {"DescribeKey", "{'KeyId':null}",
         "1 validation error detected: Value null at 'keyId" CONSTRAINT "Member must not be null"},
        {"DescribeKey", "{'KeyId':''}",
         "1 validation error detected: Value '' at 'keyId" CONSTRAINT
         "Member must have length greater than or equal to 1"},
        {"DescribeKey", "{'KeyId':5}", "!The value of KeyId cannot be converted to its type"},
        {"DescribeKey", "{'KeyId':'x','GrantTokens':'t'}",
         "!The value of GrantTokens cannot be converted to its type"},
        {"DescribeKey", "{'KeyId':'x','GrantTokens':[1]}",
         "!The value of GrantTokens cannot be converted to its type"},
        {"DescribeKey", "{'KeyId':'x','GrantTokens':['1','2','3','4','5','6','7','8','9','10']}",
         NULL},
        {"DescribeKey",
         "{'KeyId':'x','GrantTokens':['1','2','3','4','5','6','7','8','9','10','11']}",
         "1 validation error detected: Value at 'grantTokens" CONSTRAINT
         "Member must have length less than or equal to 10"},
        {"DescribeKey", "{'KeyId':'x','GrantTokens':['']}",
         "1 validation error detected: Value at 'grantTokens" CONSTRAINT
         "Member must satisfy constraint: [Member must have length less than or equal to 8192, "
         "Member must have length greater than or equal to 1]"},
        {"ListKeys", "{}", NULL},
        {"ListKeys", "{'Limit':1}", NULL},
        {"ListKeys", "{'Limit':1000}", NULL},
        {"ListKeys", "{'Limit':0}",
         "1 validation error detected: Value '0' at 'limit" CONSTRAINT
         "Member must have value greater than or equal to 1"},
        {"ListKeys", "{'Limit':-5}",
         "1 validation error detected: Value '-5' at 'limit" CONSTRAINT
         "Member must have value greater than or equal to 1"},
        {"ListKeys", "{'Limit':1001}",
         "1 validation error detected: Value '1001' at 'limit" CONSTRAINT
         "Member must have value less than or equal to 1000"},
        {"ListKeys", "{'Limit':9223372036854775807}",
         "1 validation error detected: Value '9223372036854775807' at 'limit" CONSTRAINT
         "Member must have value less than or equal to 1000"},
        {"ListKeys", "{'Limit':1.5}", "!The value of Limit cannot be converted to its type"},
        {"ListKeys", "{'Limit':'1'}", "!The value of Limit cannot be converted to its type"},
        {"ListKeys", "{'Limit':true}", "!The value of Limit cannot be converted to its type"},
        {"GenerateDataKey", "{'KeyId':'x','NumberOfBytes':1024}", NULL},
        {"GenerateDataKey", "{'KeyId':'x','NumberOfBytes':1025}",
         "1 validation error detected: Value '1025' at 'numberOfBytes" CONSTRAINT
         "Member must have value less than or equal to 1024"},
        {"GenerateDataKey", "{'NumberOfBytes':1025,'KeySpec':'AES_512'}",
         "3 validation errors detected: Value null at 'keyId" CONSTRAINT "Member must not be null; "
         "Value '1025' at 'numberOfBytes" CONSTRAINT
         "Member must have value less than or equal to 1024; "
         "Value 'AES_512' at 'keySpec" CONSTRAINT
         "Member must satisfy enum value set: [AES_256, AES_128]"},
        {"GenerateDataKey", "{'KeyId':'x','EncryptionContext':{'a':'b'}}", NULL},
        {"GenerateDataKey", "{'KeyId':'x','EncryptionContext':{'a':1}}",
         "!The value of EncryptionContext cannot be converted to its type"},
        {"GenerateDataKey", "{'KeyId':'x','EncryptionContext':[]}",
         "!The value of EncryptionContext cannot be converted to its type"},
        {"Encrypt", "{'KeyId':'x','Plaintext':'AA=='}", NULL},
        {"Encrypt", "{'KeyId':'x','Plaintext':''}",
         "1 validation error detected: Value at 'plaintext" CONSTRAINT
         "Member must have length greater than or equal to 1"},
        {"Encrypt", "{'KeyId':'x','Plaintext':'AA'}",
         "!The value of Plaintext cannot be converted to its type"},
        {"Encrypt", "{'KeyId':'x','Plaintext':'AA==','DryRun':'yes'}",
         "!The value of DryRun cannot be converted to its type"},
        {"Decrypt",
         "{'CiphertextBlob':'AA==','Recipient':{'KeyEncryptionAlgorithm':'RSAES_OAEP_SHA_256','"
         "AttestationDocument':'AA=='}}",
         NULL},
        {"Decrypt", "{'CiphertextBlob':'AA==','Recipient':{}}", NULL},
        {"Decrypt", "{'CiphertextBlob':'AA==','Recipient':'x'}",
         "!The value of Recipient cannot be converted to its type"},
        {"Decrypt", "{'CiphertextBlob':'AA==','Recipient':{'AttestationDocument':'A'}}",
         "!The value of AttestationDocument cannot be converted to its type"},
        {"Decrypt",
         "{'CiphertextBlob':'AA==','Recipient':{'KeyEncryptionAlgorithm':'RSAES_OAEP_SHA_1','"
         "AttestationDocument':''}}",
         "2 validation errors detected: Value 'RSAES_OAEP_SHA_1' at "
         "'recipient.keyEncryptionAlgorithm" CONSTRAINT
         "Member must satisfy enum value set: [RSAES_OAEP_SHA_256]; Value at "
         "'recipient.attestationDocument" CONSTRAINT
         "Member must have length greater than or equal to 1"},
    };
    assert_sentences(rows, sizeof rows / sizeof rows[0]);
}

/* Patterns, and what is inside of lists and objects. */
static void test_inner_sentences(void **state)
{
    (void)state;
    static const sentence rows[] = {
        {"CreateKey", "{'Policy':'a\\u00ffb\\t\\n\\r'}", NULL},
        {"CreateKey", "{'Policy':'a\\u0100'}",
         "1 validation error detected: Value at 'policy" CONSTRAINT
         "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"},
        {"CreateKey", "{'Policy':'a\\u0001'}",
         "1 validation error detected: Value at 'policy" CONSTRAINT
         "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"},
        {"CreateKey", "{'Tags':{}}", "!The value of Tags cannot be converted to its type"},
        {"CreateKey", "{'Tags':['a']}", "!The value of Tags cannot be converted to its type"},
        {"CreateKey", "{'Tags':[{'TagKey':1}]}",
         "!The value of TagKey cannot be converted to its type"},
        {"CreateKey", "{'Tags':[]}", NULL},
        {"CreateKey", "{'Tags':[{'TagKey':'a','TagValue':''}]}", NULL},
        {"CreateKey", "{'Tags':[{'TagKey':'a','TagValue':'b'},{'TagKey':''}]}",
         "2 validation errors detected: Value '' at 'tags.2.member.tagKey" CONSTRAINT
         "Member must have length greater than or equal to 1; "
         "Value null at 'tags.2.member.tagValue" CONSTRAINT "Member must not be null"},
        {"CreateAlias", "{'AliasName':'alias/a b','TargetKeyId':'x'}",
         "1 validation error detected: Value 'alias/a b' at 'aliasName" CONSTRAINT
         "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"},
        {"CreateAlias", "{'AliasName':'alias/a:b/c_d-9','TargetKeyId':'x'}", NULL},
        {"GetKeyPolicy", "{'KeyId':'x','PolicyName':'de-fault'}",
         "1 validation error detected: Value 'de-fault' at 'policyName" CONSTRAINT
         "Member must satisfy regular expression pattern: [\\w]+"},
        {"CreateGrant", "{'KeyId':'x','Operations':['Decrypt'],'GranteePrincipal':'arn:a b'}",
         "1 validation error detected: Value 'arn:a b' at 'granteePrincipal" CONSTRAINT
         "Member must satisfy regular expression pattern: ^[\\w+=,.@:/-]+$"},
        {"CreateGrant",
         "{'KeyId':'x','Operations':['Decrypt'],'Constraints':{'EncryptionContextSubset':{'a':1}}}",
         "!The value of EncryptionContextSubset cannot be converted to its type"},
        {"UntagResource", "{'KeyId':'x','TagKeys':['']}",
         "1 validation error detected: Value at 'tagKeys" CONSTRAINT
         "Member must satisfy constraint: [Member must have length less than or equal to 128, "
         "Member must have length greater than or equal to 1]"},
        {"ListKeys", "{'ResourceOwners':['ME']}",
         "1 validation error detected: Value at 'resourceOwners" CONSTRAINT
         "Member must satisfy constraint: [Member must satisfy enum value set: [SELF, "
         "OTHER_ACCOUNTS_VIA_RAM]]"},
        {"ListKeys", "{'Marker':'a\\u0001'}",
         "1 validation error detected: Value 'a\001' at 'marker" CONSTRAINT
         "Member must satisfy regular expression pattern: [\\u0020-\\u00FF]*"},
    };
    assert_sentences(rows, sizeof rows / sizeof rows[0]);
}

/* {"KeyId":"x","<name>":"<len characters>"} or, for blobs, base64 of len octets. */
static void sized(const char *name, size_t len, bool blob, cf_buf *out)
{
    assert_ok(cf_buf_append(
        out,
        quoted(strcmp(name, "KeyId") == 0
                   ? "{'"
                   : "{'KeyId':'x','CiphertextBlob':'AAAA','Plaintext':'AAAA','Policy':'x','")));
    if (strcmp(name, "CiphertextBlob") == 0 || strcmp(name, "Plaintext") == 0 ||
        strcmp(name, "Policy") == 0) {
        cf_buf_clear(out);
        assert_ok(cf_buf_append(out, quoted("{'KeyId':'x','")));
    }
    assert_ok(cf_buf_append(out, cf_view_str(name)));
    assert_ok(cf_buf_append(out, quoted("':'")));
    for (size_t i = 0; i < (blob ? len / 3 : len); i++) {
        assert_ok(cf_buf_append(out, blob ? CF_LIT("AAAA") : CF_LIT("a")));
    }
    if (blob && len % 3 != 0) {
        assert_ok(cf_buf_append(out, len % 3 == 1 ? CF_LIT("AA==") : CF_LIT("AAA=")));
    }
    assert_ok(cf_buf_append(out, quoted("'}")));
}

/* One below, at, and one above each bound of the model. */
static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *op, *name;
        size_t max;
        bool blob;
    } rows[] = {
        {"DescribeKey", "KeyId", 2048, false},
        {"Encrypt", "Plaintext", CF_KMSD_PLAINTEXT_BYTES_MAX, true},
        {"Decrypt", "CiphertextBlob", 6144, true},
        {"CreateKey", "Description", 8192, false},
        {"CreateKey", "Policy", 131072, false},
        {"PutKeyPolicy", "PolicyName", 128, false},
        {"ListKeys", "Marker", 1024, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t len = rows[i].max - 1; len <= rows[i].max + 1; len++) {
            CF_BUF(text);
            CF_AUTO(cf_in_report_free) cf_in_report report;
            sized(rows[i].name, len, rows[i].blob, &text);
            cf_result r = check(rows[i].op, cf_buf_view(&text), &report);
            if (r.code != (len <= rows[i].max ? CF_OK : CF_ERR_ARGUMENT)) {
                fail_msg("%s %s of %zu: %.*s", rows[i].op, rows[i].name, len,
                         (int)report.message.len, (const char *)report.message.data);
            }
            /* what is repeated is cut */
            assert_true(report.message.len < CF_KMSD_ECHO_BYTES_MAX + 200);
        }
    }
}

/* Members inside members: a document in base64, and a token. */
static void test_nested_bounds(void **state)
{
    (void)state;
    for (size_t len = 262144 - 1; len <= 262144 + 1; len++) {
        CF_BUF(text);
        CF_AUTO(cf_in_report_free) cf_in_report report;
        assert_ok(cf_buf_append(
            &text, quoted("{'CiphertextBlob':'AAAA','Recipient':{'AttestationDocument':'")));
        for (size_t i = 0; i < len / 3; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT("AAAA")));
        }
        assert_ok(cf_buf_append(&text, len % 3 == 0   ? CF_VIEW_EMPTY
                                       : len % 3 == 1 ? CF_LIT("AA==")
                                                      : CF_LIT("AAA=")));
        assert_ok(cf_buf_append(&text, quoted("'}}")));
        assert_true(text.len <= CF_KMSD_BODY_BYTES_MAX);
        assert_code(check("Decrypt", cf_buf_view(&text), &report),
                    len <= 262144 ? CF_OK : CF_ERR_ARGUMENT);
    }
    for (size_t len = 8192 - 1; len <= 8192 + 1; len++) {
        CF_BUF(text);
        CF_AUTO(cf_in_report_free) cf_in_report report;
        assert_ok(cf_buf_append(&text, quoted("{'KeyId':'x','GrantTokens':['")));
        for (size_t i = 0; i < len; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT("\xc3\xa9"))); /* characters count, not octets */
        }
        assert_ok(cf_buf_append(&text, quoted("']}")));
        assert_code(check("DescribeKey", cf_buf_view(&text), &report),
                    len <= 8192 ? CF_OK : CF_ERR_ARGUMENT);
    }
}

/* A cut value never ends inside a character. */
static void test_echo_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        CF_BUF(text);
        CF_AUTO(cf_in_report_free) cf_in_report report;
        assert_ok(cf_buf_append(&text, quoted("{'KeyId':'x','KeyPairSpec':'")));
        for (size_t i = 0; i < shift; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT("a")));
        }
        for (size_t i = 0; i < 100; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT("\xf0\x9f\x97\x9d")));
        }
        assert_ok(cf_buf_append(&text, quoted("'}")));
        assert_err(check("GenerateDataKeyPair", cf_buf_view(&text), &report), ARGUMENT);
        assert_true(cf_utf8_ok(cf_buf_view(&report.message)));
    }
}

static cf_result canonical(const char *text, cf_buf *out)
{
    CF_JSON(j);
    CF_ARENA(arena, CF_KMSD_ARENA_BYTES_MAX);
    const cf_policy_pair *pairs;
    size_t n;
    assert_ok(cf_json_parse(quoted(text), CF_KMSD_BODY_BYTES_MAX, &j));
    return cf_in_context(j, "EncryptionContext", &arena, &pairs, &n, out);
}

static void test_context(void **state)
{
    (void)state;
    static const struct {
        const char *in, *hex;
    } rows[] = {
        {"{}", "a0"},
        {"{'EncryptionContext':null}", "a0"},
        {"{'EncryptionContext':{}}", "a0"},
        {"{'EncryptionContext':{'a':'1'}}", "a1 6161 6131"},
        {"{'EncryptionContext':{'b':'1','a':'2'}}", "a2 6161 6132 6162 6131"},
        {"{'EncryptionContext':{'a':'2','b':'1'}}", "a2 6161 6132 6162 6131"},
        {"{'EncryptionContext':{'b':'','aa':'','':'x','B':''}}",
         "a4 60 6178 6142 60 626161 60 6162 60"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(out);
        cf_view want = view_hex(rows[i].hex);
        assert_ok(canonical(rows[i].in, &out));
        assert_view(cf_buf_view(&out), want);
        view_free(want);
    }
}

static void test_context_limit(void **state)
{
    (void)state;
    /* one pair: a1 61 61 79 xx xx value */
    for (size_t len = CF_KMSD_CONTEXT_BYTES_MAX - 1; len <= CF_KMSD_CONTEXT_BYTES_MAX + 1; len++) {
        static char text[CF_KMSD_CONTEXT_BYTES_MAX + 64];
        CF_BUF(out);
        int head = snprintf(text, sizeof text, "{'EncryptionContext':{'a':'");
        memset(text + head, 'x', len - 6);
        (void)snprintf(text + (size_t)head + len - 6, 5, "'}}");
        cf_result r = canonical(text, &out);
        assert_code(r, len <= CF_KMSD_CONTEXT_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
        assert_int_equal(out.len, cf_is_ok(r) ? len : 0);
    }
}

/* --- the text --- */

/* Replaces each '@' by n characters of base64. */
static void lengthen(const char *text, size_t n, cf_buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text != '@') {
            assert_ok(cf_buf_append(out, cf_view_make(text, 1)));
        }
        for (size_t i = 0; *text == '@' && i < n; i++) {
            assert_ok(cf_buf_append(out, cf_view_make(&"Ab+/z09Z"[i % 8], 1)));
        }
    }
}

/* The same as by the parser alone, whether it takes the text or not. */
static bool assert_same(cf_view text)
{
    CF_JSON(plain);
    CF_JSON(fast);
    cf_result want = cf_json_parse(text, CF_KMSD_BODY_BYTES_MAX, &plain);
    cf_result got = cf_in_parse(text, &fast);
    assert_int_equal(cf_is_ok(got), cf_is_ok(want));
    assert_int_equal(fast != NULL, plain != NULL);
    assert_true(plain == NULL || json_equal(plain, fast));
    return plain != NULL;
}

static const struct {
    const char *text;
    bool taken;
} texts[] = {
    {"{'Recipient':{'AttestationDocument':'@==','KeyEncryptionAlgorithm':'x'},'KeyId':'k'}", true},
    {"{'CiphertextBlob':'@','KeyId':'k','b':[1,{'c':'@'}]}", true},
    {"{'a':{'b':'@'},'CiphertextBlob':'@='}", true},
    {"{'a':['@']}", true},
    {"['@']", true},
    {"'@'", true},
    {"@", false},
    {"{'@':1,'b':2}", true},
    {"{'@':1,'@':2}", false},
    {"{'a':'@','a':'@'}", false},
    {"{'a':{'b':{'c':'@'}}}", true},
    {"{'a':'x\\'@'}", true},
    {"{'a':'x\\'@','b':'@'}", true},
    {"{'a':'@\\n'}", true},
    {"{'a':'b'@'c':'d'}", false},
    {"{'a':'b',@'c':'d'}", false},
    {"{'a':'@'", false},
    {"{'a':'@", false},
    {"{'a':'@'}x", false},
    {"{'a':'@ @'}", true},
    {"{'a':'=@'}", true},
    {"{'a':'@==='}", true},
    {"{'a':'@'} \n", true},
};

static void test_long_texts(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 1021, 1022, 1023, 1024, 1025, 6500};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            CF_BUF(text);
            cf_view with = quoted(texts[i].text);
            char copy[256];
            assert_true(with.len < sizeof copy);
            cf_copy(copy, with.data, with.len);
            copy[with.len] = '\0';
            lengthen(copy, lengths[j], &text);
            bool taken = assert_same(cf_buf_view(&text));
            assert_true(taken == texts[i].taken || lengths[j] < 2);
        }
    }
    CF_JSON(j);
    CF_BUF(large);
    assert_err(cf_in_parse(CF_VIEW_EMPTY, &j), TRUNCATED);
    lengthen("\"@\"", CF_KMSD_BODY_BYTES_MAX - 2, &large);
    assert_true(assert_same(cf_buf_view(&large)));
    assert_ok(cf_buf_append(&large, CF_LIT(" ")));
    assert_err(cf_in_parse(cf_buf_view(&large), &j), SIZE);
}

static void test_long_texts_altered(void **state)
{
    (void)state;
    static const char set[] = "\"\\{}[],:=A0 \n\x80";
    CF_BUF(text);
    size_t taken = 0;
    lengthen("{\"a\":\"@\",\"Recipient\":{\"b\":\"@==\",\"c\":true},\"d\":[\"@\"]}", 1030, &text);
    for (uint32_t i = 0; i < 20000; i++) {
        CF_BUF(altered);
        uint32_t chance[3];
        assert_ok(cf_buf_append(&altered, cf_buf_view(&text)));
        assert_ok(cf_random((uint8_t *)chance, sizeof chance));
        altered.data[chance[0] % altered.len] = (uint8_t)set[chance[1] % (sizeof set - 1)];
        if (chance[2] % 4 == 0) {
            altered.data[chance[2] / 4 % 40] = (uint8_t)set[chance[1] / 16 % (sizeof set - 1)];
        }
        taken += assert_same(cf_buf_view(&altered));
    }
    assert_in_range(taken, 1000, 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_long_texts_altered),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_inner_sentences),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_nested_bounds),
        cmocka_unit_test(test_echo_is_cut_between_characters),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_context_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
