/* SPDX-License-Identifier: Apache-2.0 */
/* The program in one piece of memory: what the generator made, copied behind one head, and pointed to from there. */
#include "core/cel/gen_priv.h"

typedef struct {
    uint8_t *at;
    size_t size;
} packer;

/* Room for an array behind what is packed, rounded so that any type may follow; counts only while at is NULL. */
static void *pack(packer *p, const void *from, size_t bytes)
{
    void *to = p->at == NULL ? NULL : p->at + p->size;
    p->size += (bytes + 15) / 16 * 16;
    if (to != NULL && bytes > 0 && from != NULL) {
        cf_copy(to, from, bytes);
    }
    return to;
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

static void pack_program(const cf_cel_generator *g, packer *pk, cf_view type, cf_cel_program *p)
{
    *p = (cf_cel_program){
        .code = pack(pk, g->code, g->code_n * sizeof *g->code),
        .offsets = pack(pk, g->offsets, g->code_n * sizeof *g->offsets),
        .operands = pack(pk, g->operands, g->operands_n * sizeof *g->operands),
        .sites = pack(pk, g->sites, g->sites_n * sizeof *g->sites),
        .loops = pack(pk, g->loops, g->tape->loops_n * sizeof *g->loops),
        .catchers = pack(pk, g->catchers, g->catchers_n * sizeof *g->catchers),
        .reads = pack(pk, g->reads, g->reads_n * sizeof *g->reads),
        .code_n = g->code_n,
        .sites_n = g->sites_n,
        .loops_n = g->tape->loops_n,
        .registers = g->registers,
        .reads_n = g->reads_n,
        .budget = g->c->opt.budget,
    };
    cf_cel_value *constants = pack(pk, g->constants, g->constants_n * sizeof *g->constants);
    p->constants = constants;
    p->type = cf_view_make(pack(pk, type.data, type.len), type.len);
    uint8_t *text = pack(pk, NULL, text_bytes(g));
    if (text != NULL) {
        relocate(g, constants, text);
    }
}

CF_MUST_USE cf_result cf_cel_program_make(const cf_cel_generator *g, cf_view type,
                                          cf_cel_program **ret)
{
    cf_cel_program sizes;
    packer counted = {NULL, 0};
    pack_program(g, &counted, type, &sizes);
    size_t head = (sizeof **ret + 15) / 16 * 16;
    cf_cel_program *program = cf_mem_new(1, head + counted.size);
    if (program == NULL) {
        return cf_cel_fail_at(g->c, CF_ERR_NO_MEMORY, 0);
    }
    packer packed = {(uint8_t *)program + head, 0};
    pack_program(g, &packed, type, program);
    program->bytes = head + counted.size;
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
