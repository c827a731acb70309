/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a document in plain words: a sentence for each stage, and the document's members. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/codec/base64.h"
#include "core/time/time.h"
#include "host/cli/attest.h"
#include "host/cli/session.h"
#include "sys/nsm/nsm.h"

#define MS_PER_S 1000
#define LAUNCH_DIGITS 12 /* of the 16 behind "-enc": ms since 1970 */
#define NAME_BYTES 96
#define SHOWN_OCTETS_MAX 48 /* of user_data and nonce as text */

/* --- small facts --- */

void cli_time_text(int64_t seconds, unsigned millis, char ret[CLI_TIME_BYTES])
{
    cf_timestamp t;
    cf_time_text text;
    bool good = cf_is_ok(cf_timestamp_make(seconds, &t));
    t.nanos = millis * 1000000U;
    good = good && cf_is_ok(cf_timestamp_format(t, &text));
    (void)snprintf(ret, CLI_TIME_BYTES, "%.*s", good ? (int)text.len : 1,
                   good ? (const char *)text.text : "?");
}

static void time_of_ms(uint64_t ms, char ret[CLI_TIME_BYTES])
{
    cli_time_text((int64_t)(ms / MS_PER_S), (unsigned)(ms % MS_PER_S), ret);
}

/* "3 days", "17 minutes", "2.5 seconds": in the largest unit of which there are two. */
static void span_text(uint64_t ms, char ret[CLI_TIME_BYTES])
{
    static const struct {
        uint64_t ms;
        const char *name;
    } units[] = {{UINT64_C(31557600000), "years"},
                 {86400000, "days"},
                 {3600000, "hours"},
                 {60000, "minutes"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms >= 2 * units[i].ms) {
            (void)snprintf(ret, CLI_TIME_BYTES, "%" PRIu64 " %s", ms / units[i].ms, units[i].name);
            return;
        }
    }
    (void)snprintf(ret, CLI_TIME_BYTES, "%" PRIu64 ".%" PRIu64 " seconds", ms / MS_PER_S,
                   ms % MS_PER_S / 100);
}

const char *cli_pcr_meaning(size_t index)
{
    static const char *const meanings[] = {
        "the whole image", "kernel and bootstrap",
        "the application", "the instance's role",
        "the instance",    [8] = "the certificate that signed the image",
    };
    if (index < sizeof meanings / sizeof meanings[0] && meanings[index] != NULL) {
        return meanings[index];
    }
    return index >= 16 ? "the enclave's own" : "";
}

static bool all_zero(cf_view v)
{
    size_t i = 0;
    while (i < v.len && v.data[i] == 0) {
        i++;
    }
    return i == v.len;
}

/* Where "-enc" stands in a module id, or its length. */
static size_t enclave_part(cf_view id)
{
    const uint8_t *at = id.len > 0 ? memmem(id.data, id.len, "-enc", 4) : NULL;
    return at == NULL ? id.len : (size_t)(at - id.data);
}

cf_view cli_instance_of(cf_view module_id)
{
    size_t at = enclave_part(module_id);
    return at < module_id.len ? cf_view_sub(module_id, 0, at) : CF_VIEW_EMPTY;
}

uint64_t cli_launched_ms(cf_view module_id)
{
    CF_BUF(octets);
    cf_view digits = cf_view_sub(module_id, enclave_part(module_id) + 4, LAUNCH_DIGITS);
    uint64_t ms = 0;
    if (digits.len != LAUNCH_DIGITS || !cf_is_ok(cf_hex_decode(digits, &octets))) {
        return 0;
    }
    for (size_t i = 0; i < octets.len; i++) {
        ms = ms << 8 | octets.data[i];
    }
    return ms;
}

const char *cli_key_kind(cf_view public_key)
{
    cf_curve curve;
    cf_dh_public key;
    CF_BUF(sealed);
    if (cf_is_ok(cf_dh_public_from_spki(public_key, &curve, &key))) {
        return curve == CF_P256     ? "P-256 key"
               : curve == CF_P384   ? "P-384 key"
               : curve == CF_P521   ? "P-521 key"
               : curve == CF_X25519 ? "X25519 key"
                                    : "";
    }
    /* Whether a key can be sealed to is asked of who would do it. */
    bool rsa = cf_is_ok(cf_rsa_oaep_encrypt(public_key, CF_LIT("x"), &sealed));
    return rsa ? "RSA-2048 key" : "";
}

/* Text of others with what could speak to the terminal as "?". */
static void name_text(cf_view name, char ret[NAME_BYTES])
{
    size_t n = name.len < NAME_BYTES - 1 ? name.len : NAME_BYTES - 1;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (char)(name.data[i] >= ' ' && name.data[i] < 0x7f ? name.data[i] : '?');
    }
    ret[n] = '\0';
}

/* The certificate of that place in the chain, the leaf behind the bundle. */
static cf_view cert_at(const cf_attest_payload *p, size_t at)
{
    return at < p->cabundle_n ? p->cabundle[at] : p->certificate;
}

static void cert_name(const cf_attest_payload *p, size_t at, char ret[NAME_BYTES])
{
    cf_cert cert;
    bool read = at <= p->cabundle_n && cf_is_ok(cf_cert_read(cert_at(p, at), &cert));
    name_text(read && cert.cn.len > 0 ? cert.cn : CF_LIT("a certificate without a name"), ret);
}

/* --- a sentence for each stage --- */

typedef void sentence(const cli_attest *a, char *ret);

static void on_syntax(const cli_attest *a, char *ret)
{
    cf_view doc = cf_buf_view(&a->doc);
    bool unsigned_ = cf_view_eq(cf_view_sub(doc, 0, 5), CF_LIT("\x84\x43\xa1\x01\x20"));
    if (a->report.syntax == CF_OK) {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES,
                       "COSE_Sign1 with ES384, and every member as it must be");
    } else if (unsigned_) {
        (void)snprintf(
            ret, CF_CLI_TEXT_BYTES,
            "it says of itself that nobody signed it: a document of QEMU's emulated module, "
            "which proves nothing");
    } else {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "not an attestation document: %s (%s)",
                       cf_err_text(a->report.syntax), cf_err_code(a->report.syntax));
    }
}

static void on_root(const cli_attest *a, char *ret)
{
    char name[NAME_BYTES];
    bool holds = a->report.marks[CF_ATTEST_ROOT] == CF_ATTEST_PASSED;
    cert_name(&a->report.payload, 0, name);
    if (holds) {
        (void)snprintf(
            ret, CF_CLI_TEXT_BYTES, "%s (%s)",
            a->own_root ? "the certificate of --root" : "the root of AWS Nitro Enclaves, G1", name);
    } else if (strcmp(name, CF_SOFT_ROOT_CN) == 0) {
        (void)snprintf(
            ret, CF_CLI_TEXT_BYTES,
            "a software module's root, made on some machine (%s): no proof of hardware; if it is "
            "yours, give its nsm-root.der as --root",
            name);
    } else {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "another root than %s: %s",
                       a->own_root ? "that of --root" : "that of AWS Nitro Enclaves", name);
    }
}

static const char *const faults[] = {
    [CF_CHAIN_HOLDS] = "",
    [CF_CHAIN_ROOT] = "is not the root",
    [CF_CHAIN_SYNTAX] = "is no certificate of this profile",
    [CF_CHAIN_ALGORITHM] = "is not signed with ecdsa-with-SHA384",
    [CF_CHAIN_CRITICAL] = "has a critical extension that nobody here understands",
    [CF_CHAIN_NAME] = "was issued by another than the one above it",
    [CF_CHAIN_CA] = "may not do what it does in this place",
    [CF_CHAIN_PATH_LENGTH] = "stands above more certificates than it allows",
    [CF_CHAIN_NOT_YET] = "was not valid yet when the document says it was made",
    [CF_CHAIN_EXPIRED] = "had expired when the document says it was made",
    [CF_CHAIN_SIGNATURE] = "was not signed by the one above it",
    [CF_CHAIN_KEY] = "has a key that is not of P-384",
};
_Static_assert(sizeof faults / sizeof faults[0] == CF_CHAIN_FAULT_COUNT, "every fault has words");

static void on_chain(const cli_attest *a, char *ret)
{
    char name[NAME_BYTES], until[CLI_TIME_BYTES];
    const cf_attest_payload *p = &a->report.payload;
    cf_cert leaf;
    if (a->report.chain.fault != CF_CHAIN_HOLDS) {
        cert_name(p, a->report.chain.at, name);
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "certificate %zu of %zu (%s) %s",
                       a->report.chain.at + 1, p->cabundle_n + 1, name,
                       faults[a->report.chain.fault]);
        return;
    }
    cli_time_text(cf_is_ok(cf_cert_read(p->certificate, &leaf)) ? leaf.not_after_s : -1, 0, until);
    (void)snprintf(ret, CF_CLI_TEXT_BYTES,
                   "%zu certificates, all valid at the document's time; the leaf until %s%s",
                   p->cabundle_n + 1, until,
                   a->report.marks[CF_ATTEST_ROOT] == CF_ATTEST_FAILED
                       ? "; but only under the root that the document itself brings"
                       : "");
}

static void on_signature(const cli_attest *a, char *ret)
{
    cf_attest_mark mark = a->report.marks[CF_ATTEST_SIGNATURE];
    bool chain = a->report.marks[CF_ATTEST_CHAIN] == CF_ATTEST_PASSED;
    (void)snprintf(ret, CF_CLI_TEXT_BYTES, "%s%s",
                   mark == CF_ATTEST_PASSED ? "the document is signed with the leaf's key"
                   : mark == CF_ATTEST_UNKNOWN
                       ? "the leaf has no key to judge it by"
                       : "the document was changed, or signed with another key",
                   mark == CF_ATTEST_PASSED && !chain ? ", which nobody vouches for" : "");
}

static void on_freshness(const cli_attest *a, char *ret)
{
    char span[CLI_TIME_BYTES], window[CLI_TIME_BYTES], until[CLI_TIME_BYTES];
    uint64_t then = a->report.payload.timestamp_ms, now = a->policy.now_ms;
    cf_cert leaf;
    if (a->report.marks[CF_ATTEST_FRESHNESS] == CF_ATTEST_UNASKED) {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES,
                       "judged at the document's own time, so whether it is a replay is not known");
        return;
    }
    span_text(now > then ? now - then : then - now, span);
    span_text(a->policy.age_max_ms, window);
    if (a->report.marks[CF_ATTEST_FRESHNESS] == CF_ATTEST_PASSED) {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "made %s %s, which is within %s", span,
                       now >= then ? "before" : "after", window);
        return;
    }
    bool read = cf_is_ok(cf_cert_read(a->report.payload.certificate, &leaf));
    bool expired = read && (int64_t)(now / MS_PER_S) >= leaf.not_after_s;
    cli_time_text(read ? leaf.not_after_s : -1, 0, until);
    if (expired) {
        (void)snprintf(
            ret, CF_CLI_TEXT_BYTES,
            "made %s before, more than %s, and the leaf certificate expired at %s; if it was kept "
            "since then, verify at the document's time: --at document",
            span, window, until);
    } else {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "made %s %s, more than %s%s", span,
                       now >= then ? "before" : "after", window,
                       now >= then ? "; a replay, or --max-age is too short"
                                   : ": one of the clocks is wrong");
    }
}

static void on_nonce(const cli_attest *a, char *ret)
{
    bool has = a->report.payload.has_nonce;
    bool passed = a->report.marks[CF_ATTEST_NONCE] == CF_ATTEST_PASSED;
    if (a->report.marks[CF_ATTEST_NONCE] == CF_ATTEST_UNASKED) {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "not asked for%s",
                       has ? "; the document bears one" : "");
    } else {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "%s",
                       passed ? "the one that was asked for"
                       : has  ? "another than was asked for: made for somebody else, or a replay"
                              : "the document bears none");
    }
}

static void on_debug(const cli_attest *a, char *ret)
{
    cf_attest_mark mark = a->report.marks[CF_ATTEST_DEBUG];
    const char *words = "production: PCR0 is set";
    if (a->report.debug) {
        words = "debug mode: PCR0 is all zero, and the host can look into the enclave (PCR3 and "
                "PCR4 keep "
                "their values, so a policy of those alone would not notice)";
    } else if (a->report.payload.pcrs[0].len == 0) {
        words = "PCR0 is not listed, so nothing is said of the image";
    }
    (void)snprintf(ret, CF_CLI_TEXT_BYTES, "%s%s", words,
                   a->verify && mark == CF_ATTEST_UNASKED && a->report.debug
                       ? "; accepted for --allow-debug"
                       : "");
}

static void on_pcrs(const cli_attest *a, char *ret)
{
    if (a->report.marks[CF_ATTEST_PCRS] == CF_ATTEST_UNASKED) {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES,
                       "not asked for: any enclave under this root would do; give --pcr 0=HEX");
        return;
    }
    if (a->report.wrong_pcrs == 0) {
        (void)snprintf(ret, CF_CLI_TEXT_BYTES, "each has one of the values that are accepted");
        return;
    }
    int n = snprintf(ret, CF_CLI_TEXT_BYTES, "none of the accepted values:");
    for (size_t i = 0; i < CF_PCR_COUNT && n > 0 && n < CF_CLI_TEXT_BYTES - 40; i++) {
        if ((a->report.wrong_pcrs >> i & 1) != 0) {
            cf_view v = a->report.payload.pcrs[i];
            n += snprintf(ret + n, (size_t)(CF_CLI_TEXT_BYTES - n), " PCR%zu%s", i,
                          v.len == 0    ? " (not listed, so not locked)"
                          : all_zero(v) ? " (zero)"
                                        : "");
        }
    }
}

void cli_attest_sentence(const cli_attest *a, cf_attest_stage stage, char ret[CF_CLI_TEXT_BYTES])
{
    static sentence *const all[] = {
        [CF_ATTEST_SYNTAX] = on_syntax,       [CF_ATTEST_ROOT] = on_root,
        [CF_ATTEST_CHAIN] = on_chain,         [CF_ATTEST_SIGNATURE] = on_signature,
        [CF_ATTEST_FRESHNESS] = on_freshness, [CF_ATTEST_NONCE] = on_nonce,
        [CF_ATTEST_DEBUG] = on_debug,         [CF_ATTEST_PCRS] = on_pcrs,
    };
    _Static_assert(sizeof all / sizeof all[0] == CF_ATTEST_HOLDS, "every stage has a sentence");
    ret[0] = '\0';
    if (stage < CF_ATTEST_HOLDS && (stage == CF_ATTEST_SYNTAX || a->report.syntax == CF_OK)) {
        all[stage](a, ret);
    }
}

/* --- the whole, for people --- */

static void print_hex(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        printf("%02x", v.data[i]);
    }
}

/* PCR4 is made of the instance's id, so the two can be held against each other. */
static bool is_of_instance(const cf_attest_payload *p)
{
    uint8_t pcr4[CF_PCR_BYTES_SHA384] = {0};
    cf_view instance = cli_instance_of(p->module_id);
    return instance.len > 0 && cf_is_ok(cf_pcr_extend(pcr4, instance)) &&
           cf_view_eq(p->pcrs[4], CF_VIEW_OF(pcr4));
}

/* What a register says that holds nothing. */
static const char *zero_meaning(size_t index)
{
    return index == 0   ? "debug mode"
           : index == 3 ? "the instance has no role"
           : index == 8 ? "the image is not signed"
                        : "";
}

static void print_registers(const cf_attest_payload *p)
{
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        bool plain = i >= 5 && i < 16 && i != 8 && all_zero(p->pcrs[i]);
        if (p->pcrs[i].len == 0 || plain) {
            continue;
        }
        printf("  PCR%-2zu      ", i);
        if (all_zero(p->pcrs[i])) {
            printf("zero");
        } else {
            print_hex(p->pcrs[i]);
        }
        const char *meaning = all_zero(p->pcrs[i]) ? zero_meaning(i) : cli_pcr_meaning(i);
        if (meaning[0] != '\0') {
            printf("  (%s%s)", meaning,
                   i == 4 && is_of_instance(p) ? ": that of the module id" : "");
        }
        printf("\n");
    }
}

/* Octets as text where they are printable, else in hexadecimal. */
static void print_octets(const char *name, bool has, cf_view v)
{
    printf("%-12s", name);
    bool text = v.len > 0 && v.len <= SHOWN_OCTETS_MAX;
    for (size_t i = 0; i < v.len; i++) {
        text = text && v.data[i] >= ' ' && v.data[i] < 0x7f;
    }
    if (!has) {
        printf("none\n");
    } else if (text) {
        printf("\"%.*s\"\n", (int)v.len, (const char *)v.data);
    } else {
        printf("%zu octets%s", v.len, v.len > 0 ? " " : "");
        print_hex(v);
        printf("\n");
    }
}

static void print_public_key(const cf_attest_payload *p)
{
    cf_attest_identity what;
    const char *kind = p->has_public_key ? cli_key_kind(p->public_key) : "";
    if (kind[0] == '\0') {
        print_octets("public_key", p->has_public_key, p->public_key);
        return;
    }
    printf("%-12s%s, %zu octets\n", "public_key", kind, p->public_key.len);
    if (p->has_user_data && cf_is_ok(cf_attest_identity_get(p->user_data, &what))) {
        printf("%-12sidentity of a Coffer enclave, boot ", "user_data");
        print_hex(what.boot_id);
        printf("\n");
    } else {
        print_octets("user_data", p->has_user_data, p->user_data);
    }
}

static void print_members(const cf_attest_payload *p)
{
    char text[CLI_TIME_BYTES], name[NAME_BYTES];
    name_text(p->module_id, name);
    printf("%-12s%s\n", "module_id", name);
    uint64_t launched = cli_launched_ms(p->module_id);
    if (launched > 0) {
        time_of_ms(launched, text);
        printf("%-12s%s, by its module id\n", "launched", text);
    }
    time_of_ms(p->timestamp_ms, text);
    printf("%-12s%s\n", "made", text);
    printf("registers\n");
    print_registers(p);
    print_public_key(p);
    if (cli_key_kind(p->has_public_key ? p->public_key : CF_VIEW_EMPTY)[0] == '\0') {
        print_octets("user_data", p->has_user_data, p->user_data);
    }
    print_octets("nonce", p->has_nonce, p->nonce);
    printf("certificates\n");
    for (size_t i = 0; i <= p->cabundle_n; i++) {
        cf_cert cert;
        cert_name(p, i, name);
        bool read = cf_is_ok(cf_cert_read(cert_at(p, i), &cert));
        cli_time_text(read ? cert.not_after_s : -1, 0, text);
        printf("  until %s  %s\n", read ? text : "?", name);
    }
}

static void print_stages(const cli_attest *a)
{
    static const char *const marks[] = {[CF_ATTEST_UNASKED] = "-",
                                        [CF_ATTEST_UNKNOWN] = "?",
                                        [CF_ATTEST_FAILED] = "FAILS",
                                        [CF_ATTEST_PASSED] = "ok"};
    for (unsigned s = CF_ATTEST_SYNTAX; s < CF_ATTEST_HOLDS; s++) {
        char text[CF_CLI_TEXT_BYTES];
        bool told = a->verify || s < CF_ATTEST_FRESHNESS || s == CF_ATTEST_DEBUG;
        cli_attest_sentence(a, (cf_attest_stage)s, text);
        if (told) {
            printf("%-12s%-6s%s%s\n", cf_attest_stage_name((cf_attest_stage)s),
                   marks[a->report.marks[s]], text[0] != '\0' ? " " : "", text);
        }
    }
}

void cli_attest_print(const cli_attest *a)
{
    if (a->report.syntax == CF_OK) {
        print_members(&a->report.payload);
        printf("\n");
    }
    print_stages(a);
    if (!a->verify) {
        printf("\nNothing was asked of it: `coffer attest verify` says whether it can be relied "
               "on.\n");
    } else if (a->report.stage == CF_ATTEST_HOLDS) {
        printf("\nThe document holds.\n");
    } else {
        printf("\nThe document does not hold: %s.\n", cf_attest_stage_name(a->report.stage));
    }
}
