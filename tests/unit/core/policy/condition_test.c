/* SPDX-License-Identifier: Apache-2.0 */
/* Every operator against values that are there, are not there, and are several. */
#include "tests/unit/core/policy/statements.h"

#define ROLE_ARN "arn:aws:iam::" ACCOUNT ":role/parent"
#define SESSION_ARN "arn:aws:sts::" ACCOUNT ":assumed-role/parent/i-1"

static const cf_policy_pair context[] = {{CF_LIT_INIT("Purpose"), CF_LIT_INIT("vault")},
                                         {CF_LIT_INIT("tenant"), CF_LIT_INIT("acme")}};
static const cf_policy_pair flags[] = {{CF_LIT_INIT("flag"), CF_LIT_INIT("true")},
                                       {CF_LIT_INIT("empty"), CF_LIT_INIT("")}};
static const cf_view aliases[] = {CF_LIT_INIT("alias/one"), CF_LIT_INIT("alias/two")};

/* FULL has all that a decryption has, FLAGS another context, PARAMETERS what no request has all of, BARE nothing but a user. */
typedef enum { FULL, FLAGS, PARAMETERS, BARE } with;

static const cf_view operations[] = {CF_LIT_INIT("Decrypt"), CF_LIT_INIT("Encrypt")};

static void set_parameters(cf_policy_request *q)
{
    q->grant_operations = operations;
    q->grant_operations_n = 2;
    q->parameters[CF_POLICY_SIGNING_ALGORITHM] = CF_LIT("ECDSA_SHA_384");
    q->parameters[CF_POLICY_MAC_ALGORITHM] = CF_LIT("HMAC_SHA_384");
    q->parameters[CF_POLICY_KEY_AGREEMENT_ALGORITHM] = CF_LIT("ECDH");
    q->parameters[CF_POLICY_MESSAGE_TYPE] = CF_LIT("DIGEST");
    q->parameters[CF_POLICY_DATA_KEY_PAIR_SPEC] = CF_LIT("ECC_NIST_P384");
    q->parameters[CF_POLICY_GRANTEE] = CF_LIT(ROLE_ARN);
    q->parameters[CF_POLICY_RETIRING] = CF_LIT(CALLER_ARN);
    q->parameters[CF_POLICY_GRANT_CONSTRAINT] = CF_LIT("EncryptionContextEquals");
    q->parameters[CF_POLICY_DELETION_WINDOW] = CF_LIT("7");
    q->parameters[CF_POLICY_ROTATION_PERIOD] = CF_LIT("365");
}

static cf_policy_request request_with(with w)
{
    cf_policy_request q = request_of("kms:Decrypt");
    if (w == BARE) {
        return q;
    }
    q.caller = CF_LIT(SESSION_ARN);
    q.caller_role = CF_LIT(ROLE_ARN);
    q.pcrs[0] = CF_LIT(A96);
    q.context = w == FULL ? context : flags;
    q.context_n = 2;
    q.key_spec = CF_LIT("SYMMETRIC_DEFAULT");
    q.key_usage = CF_LIT("ENCRYPT_DECRYPT");
    q.key_origin = CF_LIT("AWS_KMS");
    q.request_alias = CF_LIT("alias/one");
    q.aliases = aliases;
    q.aliases_n = w == FULL ? 2 : 1;
    q.parameters[CF_POLICY_ENCRYPTION_ALGORITHM] = CF_LIT("SYMMETRIC_DEFAULT");
    if (w == PARAMETERS) {
        set_parameters(&q);
    }
    return q;
}

#define SPEC "kms:KeySpec"
#define KEYS "kms:EncryptionContextKeys"
#define ALIASES "kms:ResourceAliases"
#define ARN "aws:PrincipalArn"
#define OPERATIONS "kms:GrantOperations"
#define WINDOW "kms:ScheduleKeyDeletionPendingWindowInDays"
#define PERIOD "kms:RotationPeriodInDays"

static const struct {
    const char *condition;
    with with;
    bool holds;
} rows[] = {
    /* one value, each operator: equal, other, absent */
    {"{'StringEquals':{'" SPEC "':'SYMMETRIC_DEFAULT'}}", FULL, true},
    {"{'StringEquals':{'" SPEC "':'symmetric_default'}}", FULL, false},
    {"{'StringEquals':{'" SPEC "':['RSA_2048','SYMMETRIC_DEFAULT']}}", FULL, true},
    {"{'StringEquals':{'" SPEC "':'RSA_2048'}}", FULL, false},
    {"{'StringEquals':{'" SPEC "':'SYMMETRIC_DEFAULT'}}", BARE, false},
    {"{'StringEquals':{'KMS:keyspec':'SYMMETRIC_DEFAULT'}}", FULL, true},
    {"{'StringNotEquals':{'" SPEC "':'SYMMETRIC_DEFAULT'}}", FULL, false},
    {"{'StringNotEquals':{'" SPEC "':'RSA_2048'}}", FULL, true},
    {"{'StringNotEquals':{'" SPEC "':['RSA_2048','SYMMETRIC_DEFAULT']}}", FULL, false},
    {"{'StringNotEquals':{'" SPEC "':'RSA_2048'}}", BARE, true},
    {"{'StringEqualsIgnoreCase':{'" SPEC "':'symmetric_default'}}", FULL, true},
    {"{'StringEqualsIgnoreCase':{'" SPEC "':'rsa_2048'}}", FULL, false},
    {"{'StringEqualsIgnoreCase':{'" SPEC "':'symmetric_default'}}", BARE, false},
    {"{'StringNotEqualsIgnoreCase':{'" SPEC "':'symmetric_default'}}", FULL, false},
    {"{'StringNotEqualsIgnoreCase':{'" SPEC "':'rsa_2048'}}", FULL, true},
    {"{'StringNotEqualsIgnoreCase':{'" SPEC "':'rsa_2048'}}", BARE, true},
    {"{'StringLike':{'" SPEC "':'SYM*'}}", FULL, true},
    {"{'StringLike':{'" SPEC "':'sym*'}}", FULL, false},
    {"{'StringLike':{'" SPEC "':'*'}}", BARE, false},
    {"{'StringNotLike':{'" SPEC "':'SYM*'}}", FULL, false},
    {"{'StringNotLike':{'" SPEC "':'RSA*'}}", FULL, true},
    {"{'StringNotLike':{'" SPEC "':'*'}}", BARE, true},
    {"{'Bool':{'kms:EncryptionContext:flag':'true'}}", FLAGS, true},
    {"{'Bool':{'kms:EncryptionContext:flag':true}}", FLAGS, true},
    {"{'Bool':{'kms:EncryptionContext:flag':'false'}}", FLAGS, false},
    {"{'Bool':{'kms:EncryptionContext:flag':[false,true]}}", FLAGS, true},
    {"{'Bool':{'kms:EncryptionContext:flag':'false'}}", BARE, false},
    {"{'Null':{'" SPEC "':'true'}}", FULL, false},
    {"{'Null':{'" SPEC "':'true'}}", BARE, true},
    {"{'Null':{'" SPEC "':'false'}}", FULL, true},
    {"{'Null':{'" SPEC "':'false'}}", BARE, false},
    {"{'Null':{'kms:EncryptionContext:empty':'false'}}", FLAGS, true},
    {"{'StringEquals':{'kms:EncryptionContext:empty':''}}", FLAGS, true},
    {"{'StringEquals':{'kms:EncryptionContext:empty':''}}", FULL, false},
    /* IfExists: the same, and true when absent */
    {"{'StringEqualsIfExists':{'" SPEC "':'SYMMETRIC_DEFAULT'}}", FULL, true},
    {"{'StringEqualsIfExists':{'" SPEC "':'RSA_2048'}}", FULL, false},
    {"{'StringEqualsIfExists':{'" SPEC "':'RSA_2048'}}", BARE, true},
    {"{'StringNotEqualsIfExists':{'" SPEC "':'SYMMETRIC_DEFAULT'}}", FULL, false},
    {"{'StringNotEqualsIfExists':{'" SPEC "':'SYMMETRIC_DEFAULT'}}", BARE, true},
    {"{'StringEqualsIgnoreCaseIfExists':{'" SPEC "':'rsa_2048'}}", BARE, true},
    {"{'StringLikeIfExists':{'" SPEC "':'RSA*'}}", FULL, false},
    {"{'StringLikeIfExists':{'" SPEC "':'RSA*'}}", BARE, true},
    {"{'BoolIfExists':{'kms:EncryptionContext:flag':'false'}}", FLAGS, false},
    {"{'BoolIfExists':{'kms:EncryptionContext:flag':'false'}}", BARE, true},
    {"{'StringEqualsIfExists':{'" PCR(0) "':'" B96 "'}}", FULL, false},
    {"{'StringEqualsIfExists':{'" PCR(0) "':'" B96 "'}}", BARE, true},
    /* several values: names of the context */
    {"{'ForAnyValue:StringEquals':{'" KEYS "':'tenant'}}", FULL, true},
    {"{'ForAnyValue:StringEquals':{'" KEYS "':['x','Purpose']}}", FULL, true},
    {"{'ForAnyValue:StringEquals':{'" KEYS "':'Tenant'}}", FULL, false},
    {"{'ForAnyValue:StringEqualsIgnoreCase':{'" KEYS "':'Tenant'}}", FULL, true},
    {"{'ForAnyValue:StringEquals':{'" KEYS "':'tenant'}}", BARE, false},
    {"{'ForAnyValue:StringEqualsIfExists':{'" KEYS "':'tenant'}}", BARE, true},
    {"{'ForAnyValue:StringLike':{'" KEYS "':'ten*'}}", FULL, true},
    {"{'ForAllValues:StringEquals':{'" KEYS "':'tenant'}}", FULL, false},
    {"{'ForAllValues:StringEquals':{'" KEYS "':['Purpose','tenant','more']}}", FULL, true},
    {"{'ForAllValues:StringEquals':{'" KEYS "':'tenant'}}", BARE, true},
    {"{'ForAllValues:StringLike':{'" KEYS "':'*e*'}}", FULL, true},
    {"{'ForAnyValue:StringNotEquals':{'" KEYS "':'tenant'}}", FULL, true},
    {"{'ForAnyValue:StringNotEquals':{'" KEYS "':['Purpose','tenant']}}", FULL, false},
    {"{'ForAnyValue:StringNotEquals':{'" KEYS "':'tenant'}}", BARE, false},
    {"{'ForAllValues:StringNotEquals':{'" KEYS "':'tenant'}}", FULL, false},
    {"{'ForAllValues:StringNotEquals':{'" KEYS "':'other'}}", FULL, true},
    {"{'ForAllValues:StringNotEquals':{'" KEYS "':'tenant'}}", BARE, true},
    {"{'Null':{'" KEYS "':'false'}}", FULL, true},
    {"{'Null':{'" KEYS "':'false'}}", BARE, false},
    {"{'Null':{'" KEYS "':'true'}}", BARE, true},
    /* a set operator on a key that has one value at most */
    {"{'ForAnyValue:StringEquals':{'" PCR(0) "':'" A96 "'}}", FULL, true},
    {"{'ForAnyValue:StringEquals':{'" PCR(0) "':'" A96 "'}}", BARE, false},
    {"{'ForAllValues:StringEquals':{'" PCR(0) "':'" B96 "'}}", FULL, false},
    {"{'ForAllValues:StringEquals':{'" PCR(0) "':'" B96 "'}}", BARE, true},
    {"{'ForAllValues:Bool':{'kms:EncryptionContext:flag':'true'}}", FLAGS, true},
    /* aliases */
    {"{'ForAnyValue:StringEquals':{'" ALIASES "':'alias/two'}}", FULL, true},
    {"{'ForAnyValue:StringEquals':{'" ALIASES "':'alias/two'}}", FLAGS, false},
    {"{'ForAnyValue:StringEquals':{'" ALIASES "':'alias/two'}}", BARE, false},
    {"{'ForAllValues:StringLike':{'" ALIASES "':'alias/*'}}", FULL, true},
    {"{'ForAllValues:StringEquals':{'" ALIASES "':'alias/one'}}", FULL, false},
    {"{'StringEquals':{'kms:RequestAlias':'alias/one'}}", FULL, true},
    {"{'StringEquals':{'kms:RequestAlias':'alias/one'}}", BARE, false},
    /* the key, the caller */
    {"{'StringEquals':{'kms:KeyUsage':'ENCRYPT_DECRYPT'}}", FULL, true},
    {"{'StringEquals':{'kms:KeyUsage':'SIGN_VERIFY'}}", FULL, false},
    {"{'StringEquals':{'kms:KeyUsage':'ENCRYPT_DECRYPT'}}", BARE, false},
    {"{'StringEquals':{'kms:KeyOrigin':'AWS_KMS'}}", FULL, true},
    {"{'StringEquals':{'kms:KeyOrigin':'AWS_KMS'}}", BARE, false},
    {"{'StringEquals':{'kms:CallerAccount':'" ACCOUNT "'}}", FULL, true},
    {"{'StringEquals':{'kms:CallerAccount':'" ACCOUNT "'}}", BARE, true},
    {"{'StringEquals':{'kms:CallerAccount':'999999999999'}}", FULL, false},
    {"{'StringEquals':{'aws:PrincipalAccount':'" ACCOUNT "'}}", FULL, true},
    {"{'StringEquals':{'" ARN "':'" ROLE_ARN "'}}", FULL, true}, /* of a session the role's */
    {"{'StringEquals':{'" ARN "':'" SESSION_ARN "'}}", FULL, false},
    {"{'StringEquals':{'" ARN "':'" CALLER_ARN "'}}", BARE, true},
    {"{'ArnEquals':{'" ARN "':'arn:aws:iam::*:role/parent'}}", FULL, true},
    {"{'ArnLike':{'" ARN "':'arn:aws:iam::" ACCOUNT ":role/p?rent'}}", FULL, true},
    {"{'ArnLike':{'" ARN "':'arn:aws:iam::" ACCOUNT ":role/other'}}", FULL, false},
    {"{'ArnLike':{'" ARN "':'arn:aws:*:role/parent'}}", FULL, false}, /* a star stays in its part */
    {"{'StringLike':{'" ARN "':'arn:aws:*:role/parent'}}", FULL, true},
    {"{'ArnLike':{'" ARN "':'*'}}", FULL, true}, /* but by itself it is for all of them */
    {"{'ArnEquals':{'" ARN "':'*'}}", BARE, true},
    {"{'ArnNotLike':{'" ARN "':'*'}}", FULL, false},
    {"{'ArnLike':{'kms:GranteePrincipal':'*'}}", FULL, false}, /* of an absent key none holds */
    {"{'ArnLike':{'" ARN "':'**'}}", FULL, false},
    {"{'ArnLike':{'" ARN "':'arn:*'}}", FULL, false},
    {"{'ArnLike':{'" ARN "':'*:*:*:*:*:*'}}", FULL, true},
    {"{'ArnNotEquals':{'" ARN "':'arn:aws:iam::*:role/parent'}}", FULL, false},
    {"{'ArnNotLike':{'" ARN "':'arn:aws:iam::*:user/*'}}", FULL, true},
    {"{'ArnNotLike':{'" ARN "':'arn:aws:iam::*:user/*'}}", BARE, false},
    /* only operations on grants have it */
    {"{'Bool':{'kms:GrantIsForAWSResource':'true'}}", FULL, false},
    {"{'Bool':{'kms:GrantIsForAWSResource':'false'}}", FULL, false},
    {"{'Null':{'kms:GrantIsForAWSResource':'true'}}", FULL, true},
    /* parameters of the request */
    {"{'StringEquals':{'kms:EncryptionAlgorithm':'SYMMETRIC_DEFAULT'}}", FULL, true},
    {"{'StringEquals':{'kms:EncryptionAlgorithm':'RSAES_OAEP_SHA_256'}}", FULL, false},
    {"{'StringEquals':{'kms:EncryptionAlgorithm':'SYMMETRIC_DEFAULT'}}", BARE, false},
    {"{'StringNotEquals':{'kms:EncryptionAlgorithm':'SYMMETRIC_DEFAULT'}}", BARE, true},
    {"{'StringEquals':{'kms:SigningAlgorithm':'ECDSA_SHA_384'}}", PARAMETERS, true},
    {"{'StringLike':{'kms:SigningAlgorithm':'RSASSA_PSS_*'}}", PARAMETERS, false},
    {"{'StringEquals':{'kms:MacAlgorithm':'HMAC_SHA_384'}}", PARAMETERS, true},
    {"{'StringEquals':{'kms:MacAlgorithm':'HMAC_SHA_256'}}", PARAMETERS, false},
    {"{'StringEquals':{'kms:KeyAgreementAlgorithm':'ECDH'}}", PARAMETERS, true},
    {"{'StringEquals':{'kms:KeyAgreementAlgorithm':'ECDH'}}", FULL, false},
    {"{'StringEquals':{'kms:MessageType':'DIGEST'}}", PARAMETERS, true},
    {"{'StringEquals':{'kms:MessageType':'RAW'}}", PARAMETERS, false},
    {"{'StringEquals':{'kms:DataKeyPairSpec':['RSA_2048','ECC_NIST_P384']}}", PARAMETERS, true},
    {"{'StringLike':{'kms:DataKeyPairSpec':'RSA_*'}}", PARAMETERS, false},
    {"{'StringEquals':{'kms:GranteePrincipal':'" ROLE_ARN "'}}", PARAMETERS, true},
    {"{'ArnLike':{'kms:GranteePrincipal':'arn:aws:iam::*:role/p*'}}", PARAMETERS, true},
    {"{'StringEquals':{'kms:GranteePrincipal':'" CALLER_ARN "'}}", PARAMETERS, false},
    {"{'StringEquals':{'kms:RetiringPrincipal':'" CALLER_ARN "'}}", PARAMETERS, true},
    {"{'Null':{'kms:RetiringPrincipal':'true'}}", PARAMETERS, false},
    {"{'Null':{'kms:RetiringPrincipal':'true'}}", FULL, true},
    {"{'StringEquals':{'kms:GrantConstraintType':'EncryptionContextEquals'}}", PARAMETERS, true},
    {"{'StringEquals':{'kms:GrantConstraintType':'EncryptionContextSubset'}}", PARAMETERS, false},
    {"{'ForAllValues:StringEquals':{'" OPERATIONS "':['Encrypt','Decrypt','Sign']}}", PARAMETERS,
     true},
    {"{'ForAllValues:StringEquals':{'" OPERATIONS "':['Encrypt','DescribeKey']}}", PARAMETERS,
     false},
    {"{'ForAnyValue:StringEquals':{'" OPERATIONS "':['Encrypt','DescribeKey']}}", PARAMETERS, true},
    {"{'ForAnyValue:StringLike':{'" OPERATIONS "':'*Grant'}}", PARAMETERS, false},
    {"{'ForAnyValue:StringEquals':{'" OPERATIONS "':'Encrypt'}}", FULL, false},
    {"{'ForAllValues:StringEquals':{'" OPERATIONS "':'Encrypt'}}", FULL, true},
    /* numbers: 7 and 365 */
    {"{'NumericEquals':{'" WINDOW "':'7'}}", PARAMETERS, true},
    {"{'NumericEquals':{'" WINDOW "':7}}", PARAMETERS, true},
    {"{'NumericEquals':{'" WINDOW "':[30,'7.0']}}", PARAMETERS, true},
    {"{'NumericEquals':{'" WINDOW "':'8'}}", PARAMETERS, false},
    {"{'NumericEquals':{'" WINDOW "':'7'}}", FULL, false},
    {"{'NumericEqualsIfExists':{'" WINDOW "':'7'}}", FULL, true},
    {"{'NumericNotEquals':{'" WINDOW "':'7'}}", PARAMETERS, false},
    {"{'NumericNotEquals':{'" WINDOW "':['8','9']}}", PARAMETERS, true},
    {"{'NumericNotEquals':{'" WINDOW "':'7'}}", FULL, true},
    {"{'NumericLessThan':{'" WINDOW "':'8'}}", PARAMETERS, true},
    {"{'NumericLessThan':{'" WINDOW "':'7'}}", PARAMETERS, false},
    {"{'NumericLessThan':{'" WINDOW "':'10'}}", PARAMETERS, true}, /* not by their texts */
    {"{'NumericLessThan':{'" WINDOW "':'8'}}", FULL, false},
    {"{'NumericLessThanEquals':{'" WINDOW "':'7'}}", PARAMETERS, true},
    {"{'NumericLessThanEquals':{'" WINDOW "':'6.9'}}", PARAMETERS, false},
    {"{'NumericGreaterThan':{'" PERIOD "':'364'}}", PARAMETERS, true},
    {"{'NumericGreaterThan':{'" PERIOD "':365}}", PARAMETERS, false},
    {"{'NumericGreaterThanEquals':{'" PERIOD "':365}}", PARAMETERS, true},
    {"{'NumericGreaterThanEquals':{'" PERIOD "':'366'}}", PARAMETERS, false},
    {"{'NumericGreaterThanEquals':{'" PERIOD "':'-1'}}", PARAMETERS, true},
    {"{'ForAllValues:NumericEquals':{'" PERIOD "':'1'}}", FULL, true},
    {"{'Null':{'" PERIOD "':'false'}}", PARAMETERS, true},
    {"{'StringEquals':{'" PERIOD "':'365'}}", PARAMETERS, true},
    /* operators and keys are ANDed */
    {"{'StringEquals':{'" SPEC "':'SYMMETRIC_DEFAULT','kms:KeyOrigin':'AWS_KMS'},"
     "'ForAnyValue:StringEquals':{'" KEYS "':'tenant'}}",
     FULL, true},
    {"{'StringEquals':{'" SPEC "':'SYMMETRIC_DEFAULT','kms:KeyOrigin':'EXTERNAL'},"
     "'ForAnyValue:StringEquals':{'" KEYS "':'tenant'}}",
     FULL, false},
    {"{'StringEquals':{'" SPEC "':'SYMMETRIC_DEFAULT'},"
     "'ForAnyValue:StringEquals':{'" KEYS "':'other'}}",
     FULL, false},
};

/* Each row as the condition of an Allow and of a Deny. */
static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_policy_request q = request_with(rows[i].with);
        char text[1500];
        (void)snprintf(text, sizeof text, POLICY(ALLOW("'Action':'kms:*','Condition':%s")),
                       rows[i].condition);
        if (decide(text, &q) != (rows[i].holds ? CF_POLICY_ALLOWED : CF_POLICY_NO_ALLOW)) {
            fail_msg("allow %zu: %s", i, text);
        }
        (void)snprintf(text, sizeof text,
                       POLICY(ALLOW_ALL "," DENY("'Action':'kms:*','Condition':%s")),
                       rows[i].condition);
        if (decide(text, &q) != (rows[i].holds ? CF_POLICY_DENIED : CF_POLICY_ALLOWED)) {
            fail_msg("deny %zu: %s", i, text);
        }
    }
}

static void test_grants(void **state)
{
    (void)state;
    const char *text =
        POLICY(ALLOW("'Action':'kms:*','Condition':{'Bool':{'kms:GrantIsForAWSResource':'true'}}"));
    cf_policy_request q = request_of("kms:CreateGrant");
    assert_int_equal(decide(text, &q), CF_POLICY_NO_ALLOW);
    text = POLICY(
        ALLOW("'Action':'kms:*','Condition':{'Bool':{'kms:GrantIsForAWSResource':'false'}}"));
    static const char *const actions[] = {"kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"};
    for (size_t i = 0; i < 3; i++) {
        q = request_of(actions[i]);
        assert_int_equal(decide(text, &q), CF_POLICY_ALLOWED);
    }
}

/* --- who --- */

/* The callers of the table below. */
static cf_policy_request by(char who)
{
    cf_policy_request q = request_of("kms:Decrypt");
    switch (who) {
    case 's': /* a session of the role */
        q.caller = CF_LIT(SESSION_ARN);
        q.caller_role = CF_LIT(ROLE_ARN);
        break;
    case 'r':
        q.caller = CF_LIT(ROOT_ARN);
        break;
    case 'f': /* a user of another account */
        q.caller = CF_LIT("arn:aws:iam::999999999999:user/local");
        q.account = CF_LIT("999999999999");
        q.account_root = CF_LIT("arn:aws:iam::999999999999:root");
        break;
    default:
        break;
    }
    return q;
}

static const struct {
    const char *principal;
    const char *hit; /* u: user, s: session, r: root, f: of another account */
} whom[] = {
    {"'Principal':'*'", "usrf"},
    {"'Principal':{'AWS':'" ACCOUNT "'}", "usr"},
    {"'Principal':{'AWS':'" ROOT_ARN "'}", "usr"},
    {"'Principal':{'AWS':'" CALLER_ARN "'}", "u"},
    {"'Principal':{'AWS':'" ROLE_ARN "'}", "s"},
    {"'Principal':{'AWS':'" SESSION_ARN "'}", "s"},
    {"'Principal':{'AWS':'arn:aws:sts::" ACCOUNT ":assumed-role/parent/i-2'}", ""},
    {"'Principal':{'AWS':['" ROLE_ARN "','" CALLER_ARN "']}", "us"},
    {"'Principal':{'Service':'ec2.amazonaws.com'}", ""},
};

/* Callers that NotPrincipal leaves out of an Allow, and out of a Deny: a Deny lets those go alone whose every name is listed. */
static const struct {
    const char *listed, *allow_hit, *deny_hit;
} whom_not[] = {
    {"'*'", "", ""},
    {"{'AWS':'" ROOT_ARN "'}", "f", "usf"},
    {"{'AWS':'" CALLER_ARN "'}", "srf", "usrf"},
    {"{'AWS':['" CALLER_ARN "','" ROOT_ARN "']}", "f", "sf"},
    {"{'AWS':['" CALLER_ARN "','" ACCOUNT "']}", "f", "srf"},
    {"{'AWS':['" ROLE_ARN "','" ROOT_ARN "']}", "f", "usf"},
    {"{'AWS':['" ROLE_ARN "','" SESSION_ARN "','" ROOT_ARN "']}", "f", "uf"},
    {"{'AWS':['" SESSION_ARN "','" ROOT_ARN "']}", "f", "usf"},
    {"{'AWS':'" ROLE_ARN "'}", "urf", "usrf"},
    {"{'Service':'ec2.amazonaws.com'}", "usrf", "usrf"},
};

static void expect_who(const char *statement, bool deny, const char *hit)
{
    for (const char *who = "usrf"; *who != '\0'; who++) {
        cf_policy_request q = by(*who);
        cf_policy_decision want = strchr(hit, *who) == NULL ? CF_POLICY_NO_ALLOW
                                  : deny                    ? CF_POLICY_DENIED
                                                            : CF_POLICY_ALLOWED;
        if (decide(statement, &q) != want) {
            fail_msg("%c: %s", *who, statement);
        }
    }
}

static void test_who(void **state)
{
    (void)state;
    char text[800];
    for (size_t i = 0; i < sizeof whom / sizeof whom[0]; i++) {
        for (int deny = 0; deny < 2; deny++) {
            (void)snprintf(text, sizeof text,
                           "{'Statement':{'Effect':'%s',%s,'Action':'*','Resource':'*'}}",
                           deny == 1 ? "Deny" : "Allow", whom[i].principal);
            expect_who(text, deny == 1, whom[i].hit);
        }
    }
    for (size_t i = 0; i < sizeof whom_not / sizeof whom_not[0]; i++) {
        for (int deny = 0; deny < 2; deny++) {
            (void)snprintf(
                text, sizeof text,
                "{'Statement':{'Effect':'%s','NotPrincipal':%s,'Action':'*','Resource':'*'}}",
                deny == 1 ? "Deny" : "Allow", whom_not[i].listed);
            expect_who(text, deny == 1, deny == 1 ? whom_not[i].deny_hit : whom_not[i].allow_hit);
        }
    }
}

static void test_not_action(void **state)
{
    (void)state;
    static const struct {
        const char *not_action;
        bool hit; /* kms:Decrypt */
    } table[] = {
        {"'kms:Encrypt'", true}, {"'kms:Decrypt'", false}, {"['kms:Encrypt','KMS:DEC*']", false},
        {"'kms:*'", false},      {"'*'", false},           {"'kms:ReEncrypt*'", true},
    };
    cf_policy_request q = request_of("kms:Decrypt");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[300];
        (void)snprintf(text, sizeof text, POLICY(ALLOW("'NotAction':%s")), table[i].not_action);
        assert_int_equal(decide(text, &q), table[i].hit ? CF_POLICY_ALLOWED : CF_POLICY_NO_ALLOW);
        (void)snprintf(text, sizeof text, POLICY(ALLOW_ALL "," DENY("'NotAction':%s")),
                       table[i].not_action);
        assert_int_equal(decide(text, &q), table[i].hit ? CF_POLICY_DENIED : CF_POLICY_ALLOWED);
    }
    /* still nothing without a resource */
    assert_int_equal(
        decide("{'Statement':{'Effect':'Allow','Principal':'*','NotAction':'kms:Encrypt'}}", &q),
        CF_POLICY_NO_ALLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_not_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
