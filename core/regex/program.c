/* SPDX-License-Identifier: Apache-2.0 */
/* Trees to instructions. Every node knows its size, so that every target is known when a jump is written; targets are relative, so that
 * a repeat is written once and copied. The walk needs no stack: nodes know their parents. */
#include "core/regex/regex_priv.h"

static void put(regex_compilation *c, regex_op op, unsigned aux, int64_t arg)
{
    c->program[c->program_n++] = (regex_inst){(uint8_t)op, (uint8_t)aux, (int32_t)arg};
}

/* Target of an instruction that is written next. */
static int64_t to(const regex_compilation *c, uint32_t pc)
{
    return (int64_t)pc - c->program_n;
}

/* x{2,4} is x x (x (x)?)?; x{2,} is x x+. x* is a split before x and a jump back to it, but where x matches the empty text it is (x+)?, so
 * that the empty match comes in its turn. RE2 writes the same, and where x is empty the groups show it. A repeat's splits go on inside
 * unless it is lazy. */
static void repeat_enter(regex_compilation *c, const regex_node *node)
{
    if (node->min == 0) {
        put(c, REGEX_SPLIT, node->lazy, to(c, node->pc + node->size));
    }
}

static void repeat_leave(regex_compilation *c, const regex_node *node)
{
    uint32_t begin = node->pc + (node->min == 0), size = c->program_n - begin;
    uint32_t end = node->pc + node->size;
    bool unbounded = node->max == REGEX_UNBOUNDED;
    unsigned copies = unbounded ? node->min : node->max; /* the first is there */
    for (unsigned i = 1; i < copies; i++) {
        if (i >= node->min) {
            put(c, REGEX_SPLIT, node->lazy, to(c, end));
        }
        cf_copy(c->program + c->program_n, c->program + begin, size * sizeof *c->program);
        c->program_n += size;
    }
    if (unbounded && node->min == 0 && !c->nodes[node->first].nullable) {
        put(c, REGEX_JUMP, 0, to(c, node->pc));
    } else if (unbounded) {
        put(c, REGEX_SPLIT, !node->lazy, to(c, c->program_n - size));
    }
}

/* True when the node's children are to be written. */
static bool enter(regex_compilation *c, regex_node *node)
{
    node->pc = c->program_n;
    switch ((regex_node_kind)node->kind) {
    case REGEX_NODE_CHAR:
        put(c, REGEX_CHAR, 0, node->value);
        break;
    case REGEX_NODE_CLASS:
        put(c, REGEX_CLASS, 0, node->value);
        break;
    case REGEX_NODE_ASSERT:
        put(c, REGEX_ASSERT, 0, node->value);
        break;
    case REGEX_NODE_REPEAT:
        if (node->max > 0) {
            repeat_enter(c, node);
        }
        return node->max > 0;
    case REGEX_NODE_GROUP:
        if (node->value != 0) {
            put(c, REGEX_SAVE, 0, 2 * (int64_t)node->value);
        }
        break;
    case REGEX_NODE_CONCAT:
    case REGEX_NODE_ALTERNATE:
        break;
    }
    return true;
}

static void leave(regex_compilation *c, const regex_node *node)
{
    if (node->kind == REGEX_NODE_REPEAT && node->max > 0) {
        repeat_leave(c, node);
    }
    if (node->kind == REGEX_NODE_GROUP && node->value != 0) {
        put(c, REGEX_SAVE, 0, 2 * (int64_t)node->value + 1);
    }
}

/* Before an alternative that is not the last: try it, else the one behind it and the jump. */
static void alternative_enter(regex_compilation *c, const regex_node *parent,
                              const regex_node *node)
{
    if (parent->kind == REGEX_NODE_ALTERNATE && node->next != 0) {
        put(c, REGEX_SPLIT, 0, (int64_t)node->size + 2);
    }
}

static void alternative_leave(regex_compilation *c, const regex_node *parent,
                              const regex_node *node)
{
    if (parent->kind == REGEX_NODE_ALTERNATE && node->next != 0) {
        put(c, REGEX_JUMP, 0, to(c, parent->pc + parent->size));
    }
}

static void walk(regex_compilation *c, uint32_t root)
{
    uint32_t i = root;
    bool down = true;
    for (;;) {
        regex_node *node = &c->nodes[i];
        const regex_node *parent = &c->nodes[node->parent];
        if (down) {
            alternative_enter(c, parent, node);
            if (enter(c, node) && node->first != 0) {
                i = node->first;
                continue;
            }
        }
        leave(c, node);
        if (i == root) {
            return;
        }
        alternative_leave(c, parent, node);
        down = node->next != 0;
        i = down ? node->next : node->parent;
    }
}

CF_MUST_USE cf_result regex_write(regex_compilation *c)
{
    const uint32_t root = 1;
    size_t n = (size_t)c->nodes[root].size + 1;
    CF_TRY(regex_work(c, n));
    c->program = cf_arena_new(c->scratch, n, sizeof *c->program);
    CF_REQUIRE(c->program != NULL, NO_MEMORY);
    walk(c, root);
    put(c, REGEX_MATCH, 0, 0);
    return cf_ok();
}
