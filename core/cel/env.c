/* SPDX-License-Identifier: Apache-2.0 */
/* The environment: hash tables from names to variables and to groups of overloads. An environment over a base holds what was added to
 * it and looks the rest up in the base. Its first variables have their place inside the structure itself, so that an environment of a
 * request's variables is one allocation. */
#include "core/cel/env_priv.h"

#define INLINE_VARIABLES 32u
#define BUCKETS_MIN 16u
/* Signatures and tables of an environment; that of the libraries takes about a tenth. */
#define CF_CEL_ENV_BYTES_MAX ((size_t)1 << 20)

struct cf_cel_env {
    const cf_cel_env *base;
    cf_arena arena;
    cf_cel_pool pool;
    /* Variables by slot, from `first` on, and an index of twice as many places: the upper half of the name's hash and the number + 1. */
    cf_cel_variable *variables;
    uint32_t *index;
    uint32_t first, n, cap;
    uint32_t dots;
    cf_cel_group **buckets; /* as many as a power of two, at least one for two groups */
    uint32_t buckets_n, groups_n;
    cf_cel_variable inline_variables[INLINE_VARIABLES];
    uint32_t inline_index[2 * INLINE_VARIABLES];
};

_Static_assert(CF_CEL_VARIABLES_MAX < 65536, "numbers of variables have 16 bits in the index");

static const cf_cel_library *const libraries[] = {
    &cf_cel_lib_convert,  &cf_cel_lib_strings, &cf_cel_lib_regex, &cf_cel_lib_encoders,
    &cf_cel_lib_time,     &cf_cel_lib_math,    &cf_cel_lib_lists, &cf_cel_lib_sets,
    &cf_cel_lib_optional, &cf_cel_lib_network,
};

/* Eight octets; compilers make one load of it. */
static uint64_t load8(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* Who makes names collide on purpose makes look-ups of his own names slower, by the number of names he has. */
static uint32_t name_hash(cf_view name)
{
    uint64_t h = name.len * 0x9E3779B97F4A7C15u;
    const uint8_t *p = name.data;
    size_t left = name.len;
    for (; left > 8; left -= 8, p += 8) {
        h = (h ^ load8(p)) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    uint64_t last = 0;
    for (size_t i = 0; i < left; i++) {
        last = last << 8 | p[i];
    }
    h = (h ^ last) * 0xFF51AFD7ED558CCDu;
    return (uint32_t)(h >> 32);
}

/* Variables. */

static uint32_t index_mask(const cf_cel_env *env)
{
    return 2 * env->cap - 1;
}

static uint32_t index_entry(uint32_t hash, uint32_t number)
{
    return (hash & 0xFFFF0000u) | (number + 1);
}

/* The place in the index of the name, or the empty one where it would go. */
static uint32_t *index_slot(const cf_cel_env *env, cf_view name, uint32_t hash)
{
    uint32_t at = hash & index_mask(env);
    for (;; at = (at + 1) & index_mask(env)) {
        uint32_t entry = env->index[at];
        bool same = entry != 0 && (entry ^ hash) >> 16 == 0 &&
                    cf_view_eq(env->variables[(entry & 0xFFFF) - 1].name, name);
        if (entry == 0 || same) {
            return &env->index[at];
        }
    }
}

const cf_cel_variable *cf_cel_env_find_variable(const cf_cel_env *env, cf_view name)
{
    uint32_t hash = name_hash(name);
    for (; env != NULL; env = env->base) {
        uint32_t entry = env->n == 0 ? 0 : *index_slot(env, name, hash);
        if (entry != 0) {
            return &env->variables[(entry & 0xFFFF) - 1];
        }
    }
    return NULL;
}

cf_cel_type cf_cel_env_slot_type(const cf_cel_env *env, uint32_t slot)
{
    while (slot < env->first) {
        env = env->base;
    }
    return env->variables[slot - env->first].type;
}

uint32_t cf_cel_env_variables(const cf_cel_env *env)
{
    return env->first + env->n;
}

uint32_t cf_cel_env_dots(const cf_cel_env *env)
{
    uint32_t most = 0;
    for (; env != NULL; env = env->base) {
        most = env->dots > most ? env->dots : most;
    }
    return most;
}

static cf_result variables_grow(cf_cel_env *env)
{
    CF_REQUIRE(env->first + env->n < CF_CEL_VARIABLES_MAX, SIZE);
    if (env->n < env->cap) {
        return cf_ok();
    }
    uint32_t cap = 2 * env->cap;
    cf_cel_variable *variables = cf_arena_new(&env->arena, cap, sizeof *variables);
    uint32_t *index = cf_arena_new(&env->arena, (size_t)2 * cap, sizeof *index);
    CF_REQUIRE(variables != NULL && index != NULL, NO_MEMORY);
    cf_copy(variables, env->variables, env->n * sizeof *variables);
    env->variables = variables;
    env->index = index;
    env->cap = cap;
    for (uint32_t i = 0; i < env->n; i++) {
        uint32_t hash = name_hash(variables[i].name);
        *index_slot(env, variables[i].name, hash) = index_entry(hash, i);
    }
    return cf_ok();
}

/* Identifiers with dots between them. */
static bool name_ok(cf_view name, uint32_t *ret_dots)
{
    *ret_dots = 0;
    bool start = true;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        if (c == '.' ? start : !letter && (start || !digit)) {
            return false;
        }
        start = c == '.';
        *ret_dots += start;
    }
    return !start;
}

CF_MUST_USE cf_result cf_cel_env_variable(cf_cel_env *env, cf_view name, const char *type,
                                          uint32_t *ret_slot)
{
    *ret_slot = 0;
    uint32_t dots;
    CF_REQUIRE(name_ok(name, &dots), MALFORMED);
    cf_view text = cf_view_str(type);
    cf_cel_type t;
    CF_TRY(cf_cel_type_read(&env->pool, NULL, &text, &t));
    CF_REQUIRE(text.len == 0, MALFORMED);
    uint32_t hash = name_hash(name);
    CF_REQUIRE(*index_slot(env, name, hash) == 0, DUPLICATE);
    CF_TRY(variables_grow(env));
    *index_slot(env, name, hash) = index_entry(hash, env->n);
    *ret_slot = env->first + env->n;
    env->variables[env->n++] = (cf_cel_variable){name, t, *ret_slot};
    env->dots = dots > env->dots ? dots : env->dots;
    return cf_ok();
}

/* Functions. */

static cf_cel_group *own_group(const cf_cel_env *env, cf_view name, uint32_t hash, bool member,
                               uint32_t params)
{
    cf_cel_group *g = env->buckets_n == 0 ? NULL : env->buckets[hash & (env->buckets_n - 1)];
    while (g != NULL && (g->hash != hash || g->params != params || g->member != member ||
                         !cf_view_eq(g->name, name))) {
        g = g->next;
    }
    return g;
}

static const cf_cel_group *find_group(const cf_cel_env *env, cf_view name, uint32_t hash,
                                      bool member, uint32_t params)
{
    const cf_cel_group *g = NULL;
    for (; env != NULL && g == NULL; env = env->base) {
        g = own_group(env, name, hash, member, params);
    }
    return g;
}

const cf_cel_group *cf_cel_env_find_group(const cf_cel_env *env, cf_view name, bool member,
                                          uint32_t params)
{
    return find_group(env, name, name_hash(name), member, params);
}

bool cf_cel_env_has_function(const cf_cel_env *env, cf_view name, bool member)
{
    uint32_t hash = name_hash(name);
    for (; env != NULL; env = env->base) {
        const cf_cel_group *g =
            env->buckets_n == 0 ? NULL : env->buckets[hash & (env->buckets_n - 1)];
        for (; g != NULL; g = g->next) {
            if (g->hash == hash && g->member == member && cf_view_eq(g->name, name)) {
                return true;
            }
        }
    }
    return false;
}

static cf_result buckets_grow(cf_cel_env *env)
{
    if (env->groups_n < 2 * env->buckets_n) {
        return cf_ok();
    }
    uint32_t n = env->buckets_n == 0 ? BUCKETS_MIN : 4 * env->buckets_n;
    cf_cel_group **buckets = cf_arena_new(&env->arena, n, sizeof(cf_cel_group *));
    CF_REQUIRE(buckets != NULL, NO_MEMORY);
    for (uint32_t i = 0; i < env->buckets_n; i++) {
        for (cf_cel_group *g = env->buckets[i], *next = NULL; g != NULL; g = next) {
            next = g->next;
            g->next = buckets[g->hash & (n - 1)];
            buckets[g->hash & (n - 1)] = g;
        }
    }
    env->buckets = buckets;
    env->buckets_n = n;
    return cf_ok();
}

static cf_result overloads_grow(cf_cel_env *env, cf_cel_group *g)
{
    if (g->n < g->cap) {
        return cf_ok();
    }
    uint32_t cap = g->cap == 0 ? 1 : 2 * g->cap;
    cf_cel_overload *overloads = cf_arena_new(&env->arena, cap, sizeof *overloads);
    CF_REQUIRE(overloads != NULL, NO_MEMORY);
    cf_copy(overloads, g->overloads, g->n * sizeof *overloads);
    g->overloads = overloads;
    g->cap = cap;
    return cf_ok();
}

/* A group of env's own; where the base has one it starts as a copy of that. */
static cf_result group_make(cf_cel_env *env, cf_view name, const cf_cel_signature *s,
                            cf_cel_group **ret)
{
    uint32_t hash = name_hash(name);
    *ret = own_group(env, name, hash, s->member, s->n);
    if (*ret != NULL) {
        return cf_ok();
    }
    const cf_cel_group *before =
        env->base == NULL ? NULL : find_group(env->base, name, hash, s->member, s->n);
    CF_TRY(buckets_grow(env));
    cf_cel_group *g = cf_arena_new(&env->arena, 1, sizeof *g);
    CF_REQUIRE(g != NULL, NO_MEMORY);
    *g = (cf_cel_group){.name = name, .member = s->member, .params = s->n, .hash = hash};
    if (before != NULL) {
        /* full, so that the next overload moves them to memory of env's own */
        g->overloads = before->overloads;
        g->n = g->cap = before->n;
    }
    cf_cel_group **bucket = &env->buckets[hash & (env->buckets_n - 1)];
    g->next = *bucket;
    *bucket = g;
    env->groups_n++;
    *ret = g;
    return cf_ok();
}

static bool same_params(const cf_cel_signature *a, const cf_cel_signature *b)
{
    uint32_t i = 0;
    while (i < a->n && a->params[i] == b->params[i]) {
        i++;
    }
    return i == a->n;
}

static cf_result function_add(cf_cel_env *env, const cf_cel_function *row)
{
    cf_cel_overload o = {.impl = row->impl, .flags = row->flags};
    CF_TRY(cf_cel_signature_read(&env->pool, row->signature, &o.signature));
    cf_cel_group *g;
    CF_TRY(group_make(env, cf_view_str(row->name), &o.signature, &g));
    for (uint32_t i = 0; i < g->n; i++) {
        CF_REQUIRE(!same_params(&g->overloads[i].signature, &o.signature), DUPLICATE);
    }
    CF_TRY(overloads_grow(env, g));
    g->overloads[g->n++] = o;
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_env_functions(cf_cel_env *env, cf_cel_library library)
{
    for (size_t i = 0; i < library.n; i++) {
        CF_TRY(function_add(env, &library.rows[i]));
    }
    return cf_ok();
}

/* The whole. */

const cf_cel_pool *cf_cel_env_pool(const cf_cel_env *env)
{
    return &env->pool;
}

static void env_init(cf_cel_env *env, const cf_cel_env *base)
{
    env->base = base;
    env->arena.max = CF_CEL_ENV_BYTES_MAX;
    cf_cel_pool_init(&env->pool, base == NULL ? NULL : &base->pool, &env->arena,
                     CF_CEL_ENV_TYPES_MAX);
    env->variables = env->inline_variables;
    env->index = env->inline_index;
    env->cap = INLINE_VARIABLES;
    env->first = base == NULL ? 0 : cf_cel_env_variables(base);
}

CF_MUST_USE cf_result cf_cel_env_new(const cf_cel_env *base, cf_cel_env **ret)
{
    *ret = NULL;
    CF_CEL_ENV(env);
    env = cf_mem_new(1, sizeof *env);
    CF_REQUIRE(env != NULL, NO_MEMORY);
    env_init(env, base);
    for (size_t i = 0; base == NULL && i < sizeof libraries / sizeof(cf_cel_library *); i++) {
        CF_TRY(cf_cel_env_functions(env, *libraries[i]));
    }
    *ret = env;
    env = NULL;
    return cf_ok();
}

void cf_cel_env_free(cf_cel_env **env)
{
    if (*env != NULL) {
        cf_arena_free(&(*env)->arena);
        cf_mem_free(*env);
        *env = NULL;
    }
}
