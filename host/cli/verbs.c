/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/verbs.h"

static const cli_option up_options[] = {
    {"state", "DIR", "state folder (default: $COFFER_STATE, else ./coffer-state)"},
    {"listen", "HOST:PORT", "address of the API (default 127.0.0.1:8400)"},
    {"tls-cert", "FILE", "serve over TLS: certificate in PEM, and those between it and a root"},
    {"tls-key", "FILE", "its private key in PEM, a file that nobody else may read"},
    {"trust-enclave", NULL, "let the enclave program beside this command open existing vaults"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
static const cli_option client_options[] = {CLI_OPTIONS_CLIENT, {NULL, NULL, NULL}};
static const cli_option create_options[] = {
    {"schema", "NAME", "schema of the vault (default: person)"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option get_options[] = {
    {"fields", "A,B", "only these fields (default: all of the schema)"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option update_options[] = {
    {"if-match", "VERSION", "only if the vault still has this version"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option delete_options[] = {
    {"fields", "A,B", "delete these fields, and what is derived from them"},
    {"all", NULL, "delete the vault: its key is destroyed"},
    {"if-match", "VERSION", "only if the vault still has this version"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option decrypt_options[] = {
    {"fields", "A,B", "the fields to open, in the order of the answer"},
    {"expr", "NAME=EXPRESSION...",
     "compute this from the fields, in the enclave; again for others, which see the earlier ones"},
    {"results-only", NULL, "answer no field, only what is computed"},
    {"reason", "TEXT", "why; it is kept in the audit log"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option import_options[] = {
    {"jobs", "N", "vaults made at a time, 1 to 64 (default 8)"},
    {"journal", "FILE", "the journal (default: FILE.jsonl.import)"},
    {"restart", NULL, "forget the journal and import every line"},
    {"schema", "NAME", "schema of the vaults (default: person)"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option export_options[] = {
    {"ciphertext", NULL, "rows as stored: nothing is opened"},
    {"out", "FILE", "write here instead of to standard output"},
    CLI_OPTIONS_LOCAL,
    {NULL, NULL, NULL}};
static const cli_option tail_options[] = {{"vault", "ID", "only this vault's entries"},
                                          {"limit", "N", "how many, 1 to 1000 (default 20)"},
                                          CLI_OPTIONS_CLIENT,
                                          {NULL, NULL, NULL}};
static const cli_option verify_options[] = {
    {"no-anchor", NULL,
     "the store is a backup, or was put back from one: it need not have an anchor"},
    CLI_OPTIONS_LOCAL,
    {NULL, NULL, NULL}};
static const cli_option token_options[] = {{"name", "NAME", "what the token is for"},
                                           {"scopes", "A,B", "of write, read, decrypt, admin"},
                                           {"days", "N", "days until it expires (default: never)"},
                                           CLI_OPTIONS_CLIENT,
                                           {NULL, NULL, NULL}};
static const cli_option attest_options[] = {
    {"root", "FILE", "the root to trust, PEM or DER (default: that of AWS Nitro Enclaves)"},
    {"pcr", "N=HEX...",
     "a value that register N may have; again, or behind a comma, for others. Values of one "
     "register are alternatives"},
    {"nonce", "HEX", "the nonce that it must bear"},
    {"at", "TIME",
     "judge it as of then: now (default), document, 2026-01-31T23:59:59Z, or seconds or "
     "milliseconds since 1970"},
    {"max-age", "TIME", "how old it may be, in seconds or as 10m, 36h (default 300)"},
    {"allow-debug", NULL, "accept an enclave in debug mode"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
static const cli_option attest_get_options[] = {
    {"nonce", "HEX", "a nonce that the document is to bear"},
    CLI_OPTIONS_CLIENT,
    {NULL, NULL, NULL}};
static const cli_option cel_options[] = {
    {"file", "FILE", "read the expression from here"},
    {"bindings", "FILE", "a JSON object: its members are variables (of type dyn)"},
    {"types", "TEXT", "types of variables: \"x: int; y: list(string)\""},
    {"unchecked", NULL,
     "leave out the type checker: what it would refuse fails when it is evaluated"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
static const cli_option kms_lint_options[] = {{"format", "FORMAT", "text (default) or json"},
                                              {"json", NULL, "print JSON"},
                                              {"help", NULL, "print this help"},
                                              {NULL, NULL, NULL}};
static const cli_option kms_policy_options[] = {
    {"principal", "ARN...", "who may seal, and open inside the enclave: the parent's role"},
    {"admin", "ARN...", "who may do the rest, the policy included (default: nobody, ever)"},
    {"eif", "FILE...", "an enclave image that may open; again for the next one"},
    {"program", "FILE...", "the same of an enclave program that runs without Nitro"},
    {"pcr", "N=HEX[,HEX]...", "values that register N may have"},
    {"context", "NAME=VALUE...", "a pair that every encryption context must hold (default: any)"},
    {"json", NULL, "print JSON, which a policy is anyway"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
static const cli_option kms_principal_options[] = {
    {"kms", "ADDR", "the service (default: unix:DIR/run/kms.sock of the state folder)"},
    {"state", "DIR", "state folder (default: $COFFER_STATE, else ./coffer-state)"},
    {"account", "NUMBER", "account of the principal (default: the service's)"},
    {"access-key", "FILE", "take the key of this JSON file instead of a new one"},
    {"session-name", "NAME", "name of the session (default: session)"},
    {"seconds", "N", "how long the session lasts, 1 to 43200 (default 3600)"},
    {"json", NULL, "print JSON; of credentials what a credential_process prints"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
/* For help and completion: kms_tool.c takes them apart. */
#define KMS_TOOL_OPTIONS                                                                           \
    {"region", "REGION", "region of the KMS (us-east-1)"},                                         \
        {"proxy-port", "PORT", "port of the proxy on the parent (8000)"},                          \
        {"aws-access-key-id", "ID", "access key"}, {"aws-secret-access-key", "KEY", "its secret"}, \
        {"aws-session-token", "TOKEN", "session token; \"\" for none"},                            \
        {"fips", NULL, "the FIPS endpoint of the region"},                                         \
        {"endpoint", "URL", "https://HOST[:PORT][,REGION] instead"},                               \
        {"roots", "FILE", "certificates in PEM to trust instead of Amazon's"},                     \
        {"via", "ADDR", "way to the KMS instead of the proxy"},                                    \
        {"nsm", "ADDR", "stream to a software security module"},                                   \
        {"help", NULL, "print this help"},                                                         \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }
static const cli_option kms_decrypt_options[] = {
    {"ciphertext", "BASE64", "what is to be decrypted"},
    {"key-id", "ID", "key: its id, ARN or alias"},
    {"encryption-algorithm", "NAME", "of an asymmetric key"},
    {"encryption-context", "PAIRS", "a JSON object of strings, or NAME=VALUE,NAME=VALUE"},
    KMS_TOOL_OPTIONS};
static const cli_option kms_genkey_options[] = {
    {"key-id", "ID", "key: its id, ARN or alias"},
    {"key-spec", "SPEC", "AES-256 or AES-128"},
    {"encryption-context", "PAIRS", "a JSON object of strings, or NAME=VALUE,NAME=VALUE"},
    KMS_TOOL_OPTIONS};
static const cli_option kms_genrandom_options[] = {{"length", "N", "octets, 1 to 1024"},
                                                   KMS_TOOL_OPTIONS};
static const cli_option kms_genkeypair_options[] = {
    {"key-id", "ID", "key: its id, ARN or alias"},
    {"key-pair-spec", "SPEC", "ECC_NIST_P384, RSA_3072, or another that the KMS has"},
    {"encryption-context", "PAIRS", "a JSON object of strings, or NAME=VALUE,NAME=VALUE"},
    KMS_TOOL_OPTIONS};
static const cli_option kms_derive_options[] = {
    {"key-id", "ID", "key: its id, ARN or alias"},
    {"public-key", "BASE64|@FILE", "the other side's: SubjectPublicKeyInfo"},
    {"key-agreement-algorithm", "NAME", "ECDH"},
    KMS_TOOL_OPTIONS};
static const cli_option kms_link_options[] = {
    {"roots", "FILE", "the certificates of --kms-roots (default: those compiled in)"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL}};
static const cli_option plain_options[] = {
    {"json", NULL, "print JSON"}, {"help", NULL, "print this help"}, {NULL, NULL, NULL}};

const cli_verb cli_verbs[] = {
    {NULL, "up", "", 0, 0, "run the whole service on this machine, in the foreground",
     "Prints `ready URL` on standard output once it serves. The first admin token is in "
     "DIR/admin.token.",
     up_options, cli_up},
    {NULL, "status", "", 0, 0, "ask the service how it is", "", client_options, cli_status},
    {"vault", "create", "[FILE]", 0, 1, "seal a new vault from a JSON object",
     "The object is read from FILE, or from standard input: values never stand on the command "
     "line. Prints the vault's id.",
     create_options, cli_vault_create},
    {"vault", "get", "ID", 1, 1, "tell which fields are set", "Names only; nothing is opened.",
     get_options, cli_vault_get},
    {"vault", "update", "ID [FILE]", 1, 2, "seal new values of some fields",
     "Reads a JSON object as `vault create` does.", update_options, cli_vault_update},
    {"vault", "delete", "ID", 1, 1, "delete fields, or the whole vault", "", delete_options,
     cli_vault_delete},
    {"vault", "decrypt", "ID", 1, 1, "open fields inside the enclave",
     "Fields that do not open and expressions that fail go to standard error; exit status 4.\n"
     "docs/cel.md describes expressions.",
     decrypt_options, cli_vault_decrypt},
    {NULL, "import", "FILE.jsonl", 1, 1, "make a vault of every line",
     "Keeps a journal in FILE.jsonl.import: the same command goes on where an interrupted one "
     "stopped.\n"
     "Lines that are refused are reported by number, with field names and reasons, never with "
     "values; exit status 4.",
     import_options, cli_import},
    {NULL, "export", "", 0, 0, "write every stored row as a line of JSON",
     "Reads the store of a local service.", export_options, cli_export},
    {"audit", "tail", "", 0, 0, "print the newest audit entries", "", tail_options, cli_audit_tail},
    {"audit", "verify", "", 0, 0, "check the whole audit log and every row against it",
     "Exit status 0 only if everything holds. Each finding is one line.", verify_options,
     cli_audit_verify},
    {"token", "create", "", 0, 0, "make an access token; its text is shown once", "", token_options,
     cli_token_create},
    {"token", "list", "", 0, 0, "list tokens, without their text", "", client_options,
     cli_token_list},
    {"token", "revoke", "ID", 1, 1, "make a token invalid at once", "", client_options,
     cli_token_revoke},
    {"secret", "create", "NAME", 1, 1, "make a secret for hmac_*, which nobody sees",
     "The key service makes it; only the enclave ever has it. It cannot be deleted.",
     client_options, cli_secret_create},
    {"secret", "list", "", 0, 0, "list the secrets by name", "", client_options, cli_secret_list},
    {"attest", "inspect", "FILE", 1, 1, "tell what an attestation document says",
     "Reads the document itself, its base64 or hexadecimal text, or the answer of `attest get`; - "
     "is standard input. Exit status 1 for what is no document.",
     plain_options, cli_attest_inspect},
    {"attest", "verify", "FILE", 1, 1, "tell whether an attestation document can be relied on",
     "Prints what holds and what does not, in words. The certificates are judged at the document's "
     "own time; how old it may be is asked apart. Exit status 0 only if all holds.",
     attest_options, cli_attest_verify},
    {"attest", "get", "", 0, 0, "ask the service for a document of its enclave",
     "Prints the answer as it came, for `attest verify`.", attest_get_options, cli_attest_get},
    {"cel", "eval", "[EXPRESSION]", 0, 1, "evaluate an expression",
     "Prints the result as JSON. An error goes to standard error with its code and place; exit "
     "status 1. docs/cel.md describes the language.",
     cel_options, cli_cel_eval},
    {"cel", "check", "[EXPRESSION]", 0, 1, "print the type of an expression's result",
     "Checks and compiles it, and does not evaluate it.", cel_options, cli_cel_check},
    {"cel", "conformance", "FILE.jsonl...", 1, CF_CLI_WORDS_MAX,
     "run rows of expressions and what they must give",
     "Prints failures by id, and `N passed, M failed` as the last line; exit status 1 if any "
     "failed.\n"
     "Rows that expect a value are also run without the type checker, which never changes a "
     "result.",
     plain_options, cli_cel_conformance},
    {"kms", "lint-policy", "FILE", 1, 1, "tell what in a key policy defeats attestation",
     "One line for each finding: severity, code, statement, what is wrong. Exit status 1 if there "
     "is an error or a warning, or the file is no policy.",
     kms_lint_options, cli_kms_lint_policy},
    {"kms", "policy", "", 0, 0, "write a key policy that binds a key to enclaves",
     "Two images may stand in it, so that a new one can be rolled in beside the old one. What "
     "would not hold is not written; exit status 1.",
     kms_policy_options, cli_kms_policy},
    {"kms", "principal", "ACTION [NAME]", 1, 2, "make and remove callers of a local key service",
     "Actions: list, add-user NAME, add-role NAME, session ROLE, remove-key ID, remove-role NAME.\n"
     "Credentials are printed once, as variables of the environment.",
     kms_principal_options, cli_kms_principal},
    {"kms", "decrypt", "", 0, CLI_WORDS_OWN, "decrypt, from within an enclave", "",
     kms_decrypt_options, cli_kms_tool},
    {"kms", "genkey", "", 0, CLI_WORDS_OWN, "make a data key, from within an enclave", "",
     kms_genkey_options, cli_kms_tool},
    {"kms", "genrandom", "", 0, CLI_WORDS_OWN, "get random octets, from within an enclave", "",
     kms_genrandom_options, cli_kms_tool},
    {"kms", "genkeypair", "", 0, CLI_WORDS_OWN, "make a key pair, from within an enclave", "",
     kms_genkeypair_options, cli_kms_tool},
    {"kms", "derive", "", 0, CLI_WORDS_OWN, "agree on a secret, from within an enclave", "",
     kms_derive_options, cli_kms_tool},
    {"kms", "link", "KMS", 1, 1, "tell how an enclave's way to its KMS is measured",
     "KMS as the agent's --kms names it. Prints the value that register 16 of its attestation "
     "documents has, for a key policy: kms:RecipientAttestation:PCR16.",
     kms_link_options, cli_kms_link},
    {NULL, "version", "", 0, 0, "print version and libraries", "", plain_options, cli_version},
    {NULL, "completion", "", 0, 0, "print completion for bash",
     "Use it with: source <(coffer completion)", plain_options, cli_completion},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL}};
