/* SPDX-License-Identifier: Apache-2.0 */
/* The program in one piece of memory: what the generator made, copied behind one head, and pointed to from there. */
#include "core/cel/gen_priv.h"

/* What the piece consists of. Each part is rounded so that any type may follow. */
enum { HEAD, CODE, OFFSETS, OPERANDS, SITES, LOOPS, CATCHERS, READS, CONSTANTS, TYPE, TEXT, PARTS };

static size_t rounded(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

static bool has_text(const cf_cel_value *v)
{
    return v->kind == CF_CEL_STRING || v->kind == CF_CEL_BYTES;
}

static size_t text_bytes(const cf_cel_generator *g)
{
    size_t n = 0;
    for (uint32_t i = 0; i < g->constants_n; i++) {
        n += has_text(&g->constants[i]) ? g->constants[i].len : 0;
    }
    return n;
}

/* Points the constants to their copies. Items of lists stand twice, each with its own text. */
static void relocate(const cf_cel_generator *g, cf_cel_value *constants, uint8_t *text)
{
    for (uint32_t i = 0; i < g->constants_n; i++) {
        cf_cel_value *v = &constants[i];
        if (v->kind == CF_CEL_LIST) {
            v->items = constants + v->u;
        } else if (has_text(v)) {
            cf_copy(text, v->s, v->len);
            v->s = text;
            text += v->len;
        }
    }
}

/* The parts, one behind the other in zeroed memory. TEXT is left to relocate. */
static cf_cel_program *pack(const cf_view parts[PARTS], void *at[PARTS], size_t *ret_bytes)
{
    size_t bytes = 0;
    for (int i = 0; i < PARTS; i++) {
        bytes += rounded(parts[i].len);
    }
    uint8_t *piece = cf_mem_new(1, bytes);
    for (int i = 0; piece != NULL && i < PARTS; i++) {
        at[i] = i == 0 ? piece : (uint8_t *)at[i - 1] + rounded(parts[i - 1].len);
        if (parts[i].data != NULL) {
            cf_copy(at[i], parts[i].data, parts[i].len);
        }
    }
    *ret_bytes = bytes;
    return (cf_cel_program *)(void *)piece;
}

#define PART(array, n) cf_view_make(array, (n) * sizeof *(array))

CF_MUST_USE cf_result cf_cel_program_make(const cf_cel_generator *g, cf_view type,
                                          cf_cel_program **ret)
{
    const cf_view parts[PARTS] = {
        [HEAD] = cf_view_make(NULL, sizeof **ret),
        [CODE] = PART(g->code, g->code_n),
        [OFFSETS] = PART(g->offsets, g->code_n),
        [OPERANDS] = PART(g->operands, g->operands_n),
        [SITES] = PART(g->sites, g->sites_n),
        [LOOPS] = PART(g->loops, g->tape->loops_n),
        [CATCHERS] = PART(g->catchers, g->catchers_n),
        [READS] = PART(g->reads, g->reads_n),
        [CONSTANTS] = PART(g->constants, g->constants_n),
        [TYPE] = type,
        [TEXT] = cf_view_make(NULL, text_bytes(g)),
    };
    void *at[PARTS];
    size_t bytes;
    cf_cel_program *program = pack(parts, at, &bytes);
    if (program == NULL) {
        return cf_cel_fail_at(g->c, CF_ERR_NO_MEMORY, 0);
    }
    *program = (cf_cel_program){
        .code = at[CODE],
        .offsets = at[OFFSETS],
        .operands = at[OPERANDS],
        .sites = at[SITES],
        .loops = at[LOOPS],
        .catchers = at[CATCHERS],
        .reads = at[READS],
        .constants = at[CONSTANTS],
        .type = cf_view_make(at[TYPE], type.len),
        .code_n = g->code_n,
        .sites_n = g->sites_n,
        .loops_n = g->tape->loops_n,
        .registers = g->registers,
        .reads_n = g->reads_n,
        .budget = g->c->opt.budget,
        .bytes = bytes,
    };
    relocate(g, at[CONSTANTS], at[TEXT]);
    *ret = program;
    return cf_ok();
}

void cf_cel_program_free(cf_cel_program **program)
{
    cf_cel_program *p = *program;
    if (p != NULL) {
        for (uint32_t i = 0; i < p->sites_n; i++) {
            cf_regex_free(&p->sites[i].pattern);
        }
        cf_wipe(p, p->bytes); /* a literal may be somebody's */
        cf_mem_free(p);
    }
    *program = NULL;
}

size_t cf_cel_program_bytes(const cf_cel_program *program)
{
    size_t bytes = program->bytes;
    for (uint32_t i = 0; i < program->sites_n; i++) {
        bytes += program->sites[i].pattern == NULL ? 0 : cf_regex_bytes(program->sites[i].pattern);
    }
    return bytes;
}

cf_view cf_cel_program_type(const cf_cel_program *program)
{
    return program->type;
}

bool cf_cel_program_reads(const cf_cel_program *program, uint32_t slot)
{
    for (uint32_t i = 0; i < program->reads_n; i++) {
        if (program->reads[i] == slot) {
            return true;
        }
    }
    return false;
}
