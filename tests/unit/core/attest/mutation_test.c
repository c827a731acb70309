/* SPDX-License-Identifier: Apache-2.0 */
/* No octet of a document can change without its being refused: every octet of one, and thousands of generated changes of each. */
#include "core/attest/attest.h"
#include "tests/support/vectors.h"

#define MAX_FILE_NAME 128

static cf_buf root;

static int load(void **state)
{
    (void)state;
    vec_file("aws-nitro-root-g1.der", &root);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    cf_buf_free(&root);
    return 0;
}

/* The same sequence in every run, so that what fails once can be looked at again. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void load_doc(const char *file, cf_buf *ret_doc)
{
    char path[MAX_FILE_NAME];
    (void)snprintf(path, sizeof path, "attestation/%s", file);
    vec_file(path, ret_doc);
}

static cf_attest_policy lenient_policy(void)
{
    return (cf_attest_policy){.root = cf_buf_view(&root), .archived = true, .allow_debug = true};
}

/* The stage at which the changed document is refused; fails the test when it is not. */
static cf_attest_stage refused_at(const cf_buf *doc, size_t off)
{
    cf_attest_policy policy = lenient_policy();
    cf_attest_stage stage = CF_ATTEST_HOLDS;
    cf_attest_payload p;
    cf_result r = cf_attest_verify(cf_buf_view(doc), &policy, &stage, &p);
    if (r.code != CF_ERR_ATTESTATION || stage >= CF_ATTEST_FRESHNESS) {
        fail_msg("change %zu: %s at stage %s", off, cf_err_code(r.code),
                 cf_attest_stage_name(stage));
    }
    return stage;
}

static bool inside(const cf_buf *doc, size_t off, cf_view v)
{
    size_t from = (size_t)(v.data - doc->data);
    return v.len > 0 && off >= from && off < from + v.len;
}

/* The stages that may refuse a change at this place, as bits. */
static unsigned stages_of(const cf_buf *doc, size_t off, const cf_attest_envelope *env,
                          const cf_attest_payload *p)
{
    const unsigned syntax = 1 << CF_ATTEST_SYNTAX, chain = 1 << CF_ATTEST_CHAIN,
                   signature = 1 << CF_ATTEST_SIGNATURE;
    if (inside(doc, off, env->signature)) {
        return signature;
    }
    if (!inside(doc, off, env->payload)) {
        return syntax;
    }
    if (inside(doc, off, p->cabundle[0])) {
        return 1 << CF_ATTEST_ROOT;
    }
    for (size_t i = 1; i < p->cabundle_n; i++) {
        if (inside(doc, off, p->cabundle[i])) {
            return chain | signature;
        }
    }
    if (inside(doc, off, p->certificate)) {
        return chain | signature;
    }
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        if (inside(doc, off, p->pcrs[i])) {
            return signature;
        }
    }
    if (inside(doc, off, p->public_key) || inside(doc, off, p->user_data) ||
        inside(doc, off, p->nonce)) {
        return signature;
    }
    return syntax | chain | signature; /* names, heads, and the time that the chain is judged at */
}

static void test_every_octet(void **state)
{
    (void)state;
    CF_BUF(doc);
    load_doc("prod-signed-2022.bin", &doc);
    CF_BUF(pristine);
    assert_ok(cf_buf_set(&pristine, cf_buf_view(&doc)));
    cf_attest_envelope env;
    cf_attest_payload p;
    assert_ok(cf_attest_parse(cf_buf_view(&pristine), &env, &p));
    uint64_t seed = 0x9e3779b97f4a7c15;
    size_t count[CF_ATTEST_HOLDS + 1] = {0};
    for (size_t off = 0; off < doc.len; off++) {
        uint8_t change = (uint8_t)(next_random(&seed) % 255 + 1);
        doc.data[off] ^= change;
        cf_attest_stage stage = refused_at(&doc, off);
        unsigned may = stages_of(&pristine, off, &env, &p);
        if ((may >> stage & 1) == 0) {
            fail_msg("octet %zu: stage %d", off, stage);
        }
        count[stage]++;
        doc.data[off] ^= change;
    }
    assert_view(cf_buf_view(&doc), cf_buf_view(&pristine));
    /* each stage had its share */
    assert_true(count[CF_ATTEST_SYNTAX] > 50);
    assert_int_equal(count[CF_ATTEST_ROOT], p.cabundle[0].len);
    assert_true(count[CF_ATTEST_CHAIN] > 2000);
    assert_true(count[CF_ATTEST_SIGNATURE] > 1000);
}

/* --- generated changes of every genuine document --- */

static const char *const files[] = {
    "prod-signed-2022.bin",   "debug-2022.bin",          "prod-2024.bin",
    "prod-indefmap-2025.bin", "debug-indefmap-2026.bin",
};
#define FILES (sizeof files / sizeof files[0])

typedef struct {
    cf_buf docs[FILES];
    cf_attest_envelope envs[FILES];
    cf_attest_payload payloads[FILES];
    uint64_t seed;
} corpus;

static void corpus_free(corpus *c)
{
    for (size_t f = 0; f < FILES; f++) {
        cf_buf_free(&c->docs[f]);
    }
}

static void corpus_load(corpus *c)
{
    for (size_t f = 0; f < FILES; f++) {
        load_doc(files[f], &c->docs[f]);
        assert_ok(cf_attest_parse(cf_buf_view(&c->docs[f]), &c->envs[f], &c->payloads[f]));
    }
}

static size_t below(corpus *c, size_t n)
{
    return next_random(&c->seed) % n;
}

/* The document with len octets at off replaced. */
static void replace(const cf_buf *from, size_t off, size_t len, cf_view by, cf_buf *ret)
{
    cf_view doc = cf_buf_view(from);
    cf_buf_clear(ret);
    assert_ok(cf_buf_append(ret, cf_view_make(doc.data, off)));
    assert_ok(cf_buf_append(ret, by));
    assert_ok(cf_buf_append(ret, cf_view_make(doc.data + off + len, doc.len - off - len)));
}

/* A part of a document that means something: a certificate, a register, the signature, … */
static cf_view part_of(const corpus *c, size_t f, size_t which)
{
    const cf_attest_payload *p = &c->payloads[f];
    const cf_view parts[] = {
        p->cabundle[0],       p->cabundle[1], p->cabundle[2],     p->cabundle[3],
        p->certificate,       p->pcrs[0],     p->pcrs[4],         p->module_id,
        c->envs[f].signature, p->public_key,  c->envs[f].payload, p->nonce,
    };
    return parts[which % (sizeof parts / sizeof parts[0])];
}

enum { FLIP, FLIPS, STEP, DELETE, INSERT, CUT, GROW, ZERO, COPY_WITHIN, REPEAT, SPLICE, KINDS };

static void change_octets(corpus *c, int kind, cf_buf *doc)
{
    size_t times = kind == FLIPS ? 2 + below(c, 15) : 1;
    for (size_t i = 0; i < times; i++) {
        size_t off = below(c, doc->len);
        if (kind == STEP) {
            doc->data[off] = (uint8_t)(doc->data[off] + (below(c, 2) == 0 ? 1 : 255));
        } else {
            doc->data[off] ^= (uint8_t)(1 << below(c, 8));
        }
    }
}

/* One change of document f. */
static void mutate(corpus *c, size_t f, int kind, cf_buf *ret)
{
    const cf_buf *doc = &c->docs[f];
    uint8_t noise[8], zeros[64] = {0};
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)next_random(&c->seed);
    }
    size_t few = 1 + below(c, sizeof noise), some = 1 + below(c, sizeof zeros);
    size_t off = below(c, doc->len - sizeof zeros), from = below(c, doc->len - sizeof zeros);
    size_t other = below(c, FILES), which = below(c, 64);
    cf_view part = part_of(c, f, which), by = part_of(c, other, which);
    switch (kind) {
    case DELETE:
        replace(doc, off, few, CF_VIEW_EMPTY, ret);
        break;
    case INSERT:
        replace(doc, off, 0, cf_view_make(noise, few), ret);
        break;
    case CUT:
        replace(doc, off, doc->len - off, CF_VIEW_EMPTY, ret);
        break;
    case GROW:
        replace(doc, doc->len, 0, cf_view_make(noise, few), ret);
        break;
    case ZERO:
        replace(doc, off, some, cf_view_make(zeros, some), ret);
        break;
    case COPY_WITHIN:
        replace(doc, off, some, cf_view_make(doc->data + from, some), ret);
        break;
    case REPEAT:
        replace(doc, off, 0, cf_view_make(doc->data + off, some), ret);
        break;
    case SPLICE: /* the same part of another document, where this one has it */
        if (part.len > 0) {
            replace(doc, (size_t)(part.data - doc->data), part.len, by, ret);
            break;
        }
        /* fallthrough */
    default:
        assert_ok(cf_buf_set(ret, cf_buf_view(doc)));
        change_octets(c, kind, ret);
        break;
    }
}

static size_t mutations = 2000; /* of each document */

static void test_mutations(void **state)
{
    (void)state;
    CF_AUTO(corpus_free) corpus c = {.seed = 0x2545f4914f6cdd1d};
    corpus_load(&c);
    for (size_t f = 0; f < FILES; f++) {
        size_t count[CF_ATTEST_HOLDS + 1] = {0};
        for (size_t done = 0; done < mutations;) {
            CF_BUF(doc);
            mutate(&c, f, (int)(done % KINDS), &doc);
            if (cf_view_eq(cf_buf_view(&doc), cf_buf_view(&c.docs[f]))) {
                continue;
            }
            count[refused_at(&doc, done)]++;
            done++;
        }
        print_message("%s: %zu changes refused:", files[f], mutations);
        for (unsigned s = CF_ATTEST_SYNTAX; s < CF_ATTEST_FRESHNESS; s++) {
            print_message(" %zu %s", count[s], cf_attest_stage_name((cf_attest_stage)s));
            assert_true(count[s] > mutations / 100);
        }
        print_message("\n");
        cf_attest_policy policy = lenient_policy();
        cf_attest_stage stage = CF_ATTEST_SYNTAX;
        cf_attest_payload p;
        assert_ok(cf_attest_verify(cf_buf_view(&c.docs[f]), &policy, &stage, &p));
    }
}

/* An octet too few or too many, anywhere. */
static void test_cut_and_grown(void **state)
{
    (void)state;
    CF_BUF(doc);
    load_doc("prod-indefmap-2025.bin", &doc);
    for (size_t off = 0; off < doc.len; off += 7) {
        CF_BUF(changed);
        assert_ok(cf_buf_append(&changed, cf_view_make(doc.data, off)));
        assert_ok(cf_buf_append(&changed, cf_view_make(doc.data + off + 1, doc.len - off - 1)));
        (void)refused_at(&changed, off);
        assert_ok(cf_buf_set(&changed, cf_view_make(doc.data, off)));
        assert_ok(cf_buf_append(&changed, CF_LIT("\x00")));
        assert_ok(cf_buf_append(&changed, cf_view_make(doc.data + off, doc.len - off)));
        (void)refused_at(&changed, off);
    }
}

/* An argument says how many. */
int main(int argc, char **argv)
{
    if (argc > 1) {
        mutations = (size_t)strtoul(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_cut_and_grown),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
