/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/kms_tool.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/verbs.h"

enum { DECRYPT = 1, GENKEY = 2, GENRANDOM = 4, GENKEYPAIR = 8, DERIVE = 16, ALL = 31 };

static const struct {
    const char *name;
    unsigned bit;
    cf_kms_op op;
} commands[] = {{"decrypt", DECRYPT, CF_KMS_DECRYPT},
                {"genkey", GENKEY, CF_KMS_DATA_KEY},
                {"genrandom", GENRANDOM, CF_KMS_RANDOM},
                {"genkeypair", GENKEYPAIR, CF_KMS_DATA_KEY_PAIR},
                {"derive", DERIVE, CF_KMS_SHARED_SECRET}};
#define COMMANDS (sizeof commands / sizeof *commands)

/* letter 0: an option that the other tool does not have. value NULL: a switch. */
static const struct {
    const char *name;
    char letter;
    unsigned takes, needs; /* commands */
    size_t at;             /* of its text */
    const char *value, *help;
} rows[] = {
#define AT(member) offsetof(cf_kms_tool, member)
    {"region", 'r', ALL, 0, AT(region), "REGION", "region of the KMS (us-east-1)"},
    {"proxy-port", 'x', ALL, 0, AT(proxy_port), "PORT",
     "port of the proxy on the parent, CID 3 (8000)"},
    {"aws-access-key-id", 'k', ALL, ALL, AT(access_key), "ID", "access key"},
    {"aws-secret-access-key", 's', ALL, ALL, AT(secret_key), "KEY", "its secret"},
    {"aws-session-token", 't', ALL, ALL, AT(token), "TOKEN", "session token; \"\" for none"},
    {"ciphertext", 'c', DECRYPT, DECRYPT, AT(ciphertext), "BASE64", "what is to be decrypted"},
    {"key-id", 'K', ALL & ~GENRANDOM, GENKEY | GENKEYPAIR | DERIVE, AT(key_id), "ID",
     "key: its id, ARN or alias"},
    {"encryption-algorithm", 'a', DECRYPT, 0, AT(algorithm), "NAME", "of an asymmetric key"},
    {"key-spec", 'p', GENKEY, GENKEY, AT(key_spec), "SPEC", "AES-256 or AES-128"},
    {"key-pair-spec", 0, GENKEYPAIR, GENKEYPAIR, AT(key_pair_spec), "SPEC",
     "ECC_NIST_P384, RSA_3072, or another that the KMS has"},
    {"public-key", 0, DERIVE, DERIVE, AT(public_key), "BASE64|@FILE",
     "the other side's, SubjectPublicKeyInfo; in a file DER, PEM or base64"},
    {"key-agreement-algorithm", 0, DERIVE, 0, AT(agreement), "NAME", "ECDH"},
    {"length", 'l', GENRANDOM, GENRANDOM, AT(length), "N", "octets, 1 to 1024"},
    {"encryption-context", 0, DECRYPT | GENKEY | GENKEYPAIR, 0, AT(context), "PAIRS",
     "a JSON object of strings, or NAME=VALUE,NAME=VALUE"},
    {"fips", 0, ALL, 0, AT(fips), NULL, "the FIPS endpoint of the region"},
    {"endpoint", 0, ALL, 0, AT(endpoint), "URL", "https://HOST[:PORT][,REGION] instead"},
    {"roots", 0, ALL, 0, AT(roots), "FILE", "certificates in PEM to trust instead of Amazon's"},
    {"via", 0, ALL, 0, AT(via), "ADDR",
     "way to the KMS instead of the proxy: vsock:CID:PORT, unix:PATH, HOST:PORT"},
    {"nsm", 0, ALL, 0, AT(nsm), "ADDR",
     "stream to a software security module, where there is no device"},
    {"help", 'h', ALL, 0, SIZE_MAX, NULL, "print this"},
#undef AT
};
#define ROWS (sizeof rows / sizeof *rows)

void cf_kms_tool_free(cf_kms_tool *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].at != SIZE_MAX) {
            cf_buf_free((cf_buf *)(void *)((char *)t + rows[i].at));
        }
    }
}

static int usage(size_t command)
{
    fprintf(stderr, "usage: coffer kms %s [options]\n\n Options:\n\n",
            command < COMMANDS ? commands[command].name
                               : "decrypt|genkey|genrandom|genkeypair|derive");
    for (size_t i = 0; i < ROWS; i++) {
        if (command == COMMANDS || (rows[i].takes & commands[command].bit) != 0) {
            char left[64], letter[] = {'-', rows[i].letter, ',', ' ', '\0'};
            (void)snprintf(left, sizeof left, "%s--%s %s", rows[i].letter != 0 ? letter : "    ",
                           rows[i].name, rows[i].value != NULL ? rows[i].value : "");
            fprintf(stderr, "    %-36s %s\n", left, rows[i].help);
        }
    }
    return KMS_TOOL_USAGE;
}

/* The command's options as getopt takes them: values from 256 on are rows. Switches tell themselves by a text. */
#define OPTION_BASE 256
static void tables(unsigned command, struct option longs[static ROWS + 1],
                   char shorts[static 2 * ROWS + 1])
{
    size_t n = 0, s = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if ((rows[i].takes & command) == 0) {
            continue;
        }
        longs[n++] =
            (struct option){rows[i].name, rows[i].value != NULL ? required_argument : no_argument,
                            NULL, OPTION_BASE + (int)i};
        if (rows[i].letter != 0) {
            shorts[s++] = rows[i].letter;
            if (rows[i].value != NULL) {
                shorts[s++] = ':';
            }
        }
    }
    longs[n] = (struct option){NULL, 0, NULL, 0};
    shorts[s] = '\0';
}

static size_t row_of(int got)
{
    size_t i = got >= OPTION_BASE ? (size_t)(got - OPTION_BASE) : 0;
    while (got < OPTION_BASE && i < ROWS && rows[i].letter != (char)got) {
        i++;
    }
    return i;
}

static cf_buf *text_of(cf_kms_tool *t, size_t row)
{
    return (cf_buf *)(void *)((char *)t + rows[row].at);
}

/* Takes the text, with a NUL behind it, and wipes the argument, which others can read in /proc. */
static bool keep(cf_kms_tool *t, size_t row, char *text)
{
    static char set[] = "yes";
    cf_view v = cf_view_str(rows[row].value != NULL ? text : set);
    cf_buf *to = text_of(t, row);
    if (v.len > CF_CLI_KMS_ARGUMENT_BYTES_MAX || !cf_is_ok(cf_buf_set(to, v)) ||
        !cf_is_ok(cf_buf_append(to, CF_LIT("\0")))) {
        return false;
    }
    if (rows[row].value != NULL) {
        cf_wipe(text, v.len);
    }
    return true;
}

static int parse(size_t command, int argc, char **argv, cf_kms_tool *t)
{
    struct option longs[ROWS + 1];
    char shorts[2 * ROWS + 1];
    tables(commands[command].bit, longs, shorts);
    optind = 1;
    for (int got; (got = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        size_t row = row_of(got);
        if (row >= ROWS || rows[row].at == SIZE_MAX) {
            if (row >= ROWS) {
                fprintf(stderr, "Unknown option\n");
            }
            return usage(command);
        }
        if (!keep(t, row, optarg)) {
            fprintf(stderr, "coffer: --%s is too long\n", rows[row].name);
            return KMS_TOOL_USAGE;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        if ((rows[i].needs & commands[command].bit) != 0 && text_of(t, i)->len == 0) {
            fprintf(stderr, "--%s must be set\n", rows[i].name);
            return KMS_TOOL_USAGE;
        }
    }
    return KMS_TOOL_OK;
}

/* Straight to the descriptor: no copy of the key stays in a stream's buffer. */
static bool print(cf_view text)
{
    while (text.len > 0) {
        ssize_t n = write(STDOUT_FILENO, text.data, text.len);
        if (n <= 0) {
            return false;
        }
        text = cf_view_sub(text, (size_t)n, text.len - (size_t)n);
    }
    return true;
}

int cf_kms_tool_main(int argc, char **argv)
{
    CF_AUTO(cf_kms_tool_free) cf_kms_tool t = {.op = CF_KMS_OP_COUNT};
    CF_BUF(out);
    size_t command = 0;
    while (command < COMMANDS && (argc < 1 || strcmp(argv[0], commands[command].name) != 0)) {
        command++;
    }
    if (command == COMMANDS) {
        return usage(COMMANDS);
    }
    t.op = commands[command].op;
    int status = parse(command, argc, argv, &t);
    if (status != KMS_TOOL_OK) {
        return status;
    }
    cf_result r = cf_kms_tool_run(&t, &out);
    if (r.code == CF_ERR_ARGUMENT) {
        return KMS_TOOL_USAGE;
    }
    if (!cf_is_ok(r) || !print(cf_buf_view(&out))) {
        return KMS_TOOL_FAILED;
    }
    return KMS_TOOL_OK;
}

int cli_kms_tool(const cli_args *args)
{
    return cf_kms_tool_main(args->argc, args->argv);
}
