/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/faulty.h"

#include <pthread.h>
#include <time.h>

#include "core/base/number.h"

typedef struct {
    cf_store inner;
    pthread_mutex_t lock;
    cf_fault faults[CF_FAULTS_MAX];
    size_t n;
    uint64_t calls[CF_STORE_OP_COUNT];
} faulty;

static const char *const op_names[CF_STORE_OP_COUNT] = {
    [CF_STORE_GET] = "get",
    [CF_STORE_CHANGE] = "change",
    [CF_STORE_TOKEN_BY_HASH] = "token_by_hash",
    [CF_STORE_TOKEN_BY_ID] = "token_by_id",
    [CF_STORE_TOKENS] = "tokens",
    [CF_STORE_AUDIT_PAGE] = "audit_page",
    [CF_STORE_AUDIT_WALK] = "audit_walk",
    [CF_STORE_AUDIT_HEAD] = "audit_head",
    [CF_STORE_AUDIT_ANCHOR] = "audit_anchor",
    [CF_STORE_ROWS_WALK] = "rows_walk",
    [CF_STORE_TOKENS_WALK] = "tokens_walk",
    [CF_STORE_SECRETS_WALK] = "secrets_walk",
    [CF_STORE_STRUCTURE] = "structure",
};

static void sleep_ms(uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

/* Counts the call and gives the fault that strikes it, or one that does nothing. */
static cf_fault fault_of(faulty *f, cf_store_op op)
{
    cf_fault struck = {.op = op, .err = CF_OK};
    pthread_mutex_lock(&f->lock);
    uint64_t call = ++f->calls[op];
    for (size_t i = 0; i < f->n; i++) {
        if (f->faults[i].op == op && (f->faults[i].nth == 0 || f->faults[i].nth == call)) {
            struck = f->faults[i];
            break;
        }
    }
    pthread_mutex_unlock(&f->lock);
    sleep_ms(struck.delay_ms);
    return struck;
}

/* True when the inner store is asked. */
static bool reaches(const cf_fault *f)
{
    return f->err == CF_OK || f->after;
}

static cf_result answer(const cf_fault *f, cf_result inner)
{
    return f->err == CF_OK ? inner : cf_fail(f->err);
}

static cf_result faulty_get(void *self, cf_view id, cf_buf *ret_row, cf_buf *ret_seal)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_GET);
    size_t row = ret_row->len, seal = ret_seal->len;
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->get(f->inner.self, id, ret_row, ret_seal);
    }
    if (fault.err != CF_OK) {
        ret_row->len = row;
        ret_seal->len = seal;
    }
    return answer(&fault, r);
}

static cf_result faulty_change(void *self, const cf_store_change *change, uint64_t deadline_ms,
                               uint64_t *ret_seq)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_CHANGE);
    uint64_t seq = 0;
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->change(f->inner.self, change, deadline_ms, &seq);
    }
    *ret_seq = fault.err == CF_OK ? seq : 0;
    return answer(&fault, r);
}

static cf_result faulty_token_by_hash(void *self, const uint8_t hash[32], cf_token *ret)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_TOKEN_BY_HASH);
    cf_token token = {.scopes = 0};
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->token_by_hash(f->inner.self, hash, &token);
    }
    *ret = fault.err == CF_OK ? token : (cf_token){.scopes = 0};
    return answer(&fault, r);
}

static cf_result faulty_token_by_id(void *self, const char *id, cf_token *ret)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_TOKEN_BY_ID);
    cf_token token = {.scopes = 0};
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->token_by_id(f->inner.self, id, &token);
    }
    *ret = fault.err == CF_OK ? token : (cf_token){.scopes = 0};
    return answer(&fault, r);
}

static cf_result faulty_tokens(void *self, cf_token *ret, size_t max, size_t *ret_n)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_TOKENS);
    size_t n = 0;
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->tokens(f->inner.self, ret, max, &n);
    }
    *ret_n = fault.err == CF_OK ? n : 0;
    return answer(&fault, r);
}

static cf_result faulty_audit_page(void *self, cf_view vault, uint64_t before, size_t max,
                                   cf_store_entry_fn *fn, void *ctx)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_AUDIT_PAGE);
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->audit_page(f->inner.self, vault, before, max, fn, ctx);
    }
    return answer(&fault, r);
}

static cf_result faulty_audit_walk(void *self, uint64_t from_seq, cf_store_entry_fn *fn, void *ctx)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_AUDIT_WALK);
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->audit_walk(f->inner.self, from_seq, fn, ctx);
    }
    return answer(&fault, r);
}

static cf_result faulty_audit_head(void *self, uint8_t ret[static CF_AUDIT_HEAD_BYTES])
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_AUDIT_HEAD);
    cf_result r = cf_ok();
    cf_wipe(ret, CF_AUDIT_HEAD_BYTES);
    if (reaches(&fault)) {
        r = f->inner.ops->audit_head(f->inner.self, ret);
    }
    if (fault.err != CF_OK) {
        cf_wipe(ret, CF_AUDIT_HEAD_BYTES);
    }
    return answer(&fault, r);
}

static cf_result faulty_audit_anchor(void *self, cf_buf *ret)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_AUDIT_ANCHOR);
    size_t len = ret->len;
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->audit_anchor(f->inner.self, ret);
    }
    if (fault.err != CF_OK) {
        ret->len = len;
    }
    return answer(&fault, r);
}

static cf_result faulty_rows_walk(void *self, cf_store_row_fn *fn, void *ctx)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_ROWS_WALK);
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->rows_walk(f->inner.self, fn, ctx);
    }
    return answer(&fault, r);
}

static cf_result faulty_tokens_walk(void *self, cf_store_token_fn *fn, void *ctx)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_TOKENS_WALK);
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->tokens_walk(f->inner.self, fn, ctx);
    }
    return answer(&fault, r);
}

static cf_result faulty_secrets_walk(void *self, cf_store_secret_fn *fn, void *ctx)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_SECRETS_WALK);
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->secrets_walk(f->inner.self, fn, ctx);
    }
    return answer(&fault, r);
}

static cf_result faulty_structure(void *self, bool *ret_schema, bool *ret_pages)
{
    faulty *f = self;
    cf_fault fault = fault_of(f, CF_STORE_STRUCTURE);
    bool schema = false, pages = false;
    cf_result r = cf_ok();
    if (reaches(&fault)) {
        r = f->inner.ops->structure(f->inner.self, &schema, &pages);
    }
    *ret_schema = fault.err == CF_OK && schema;
    *ret_pages = fault.err == CF_OK && pages;
    return answer(&fault, r);
}

static void faulty_close(void *self)
{
    faulty *f = self;
    cf_store_close(&f->inner);
    (void)pthread_mutex_destroy(&f->lock);
    cf_mem_free(f);
}

static const cf_store_ops faulty_ops = {
    .get = faulty_get,
    .change = faulty_change,
    .token_by_hash = faulty_token_by_hash,
    .token_by_id = faulty_token_by_id,
    .tokens = faulty_tokens,
    .audit_page = faulty_audit_page,
    .audit_walk = faulty_audit_walk,
    .audit_head = faulty_audit_head,
    .audit_anchor = faulty_audit_anchor,
    .rows_walk = faulty_rows_walk,
    .tokens_walk = faulty_tokens_walk,
    .secrets_walk = faulty_secrets_walk,
    .structure = faulty_structure,
    .close = faulty_close,
};

CF_MUST_USE cf_result cf_store_faulty_new(cf_store inner, cf_store *ret)
{
    *ret = (cf_store){NULL, NULL};
    faulty *f = cf_mem_new(1, sizeof *f);
    CF_REQUIRE(f != NULL, NO_MEMORY);
    f->inner = inner;
    (void)pthread_mutex_init(&f->lock, NULL);
    *ret = (cf_store){&faulty_ops, f};
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_faulty_set(const cf_store *s, const cf_fault *faults, size_t n)
{
    CF_REQUIRE(s->ops == &faulty_ops && n <= CF_FAULTS_MAX, ARGUMENT);
    faulty *f = s->self;
    pthread_mutex_lock(&f->lock);
    cf_copy(f->faults, faults, n * sizeof *faults);
    f->n = n;
    for (size_t i = 0; i < CF_STORE_OP_COUNT; i++) {
        f->calls[i] = 0;
    }
    pthread_mutex_unlock(&f->lock);
    return cf_ok();
}

uint64_t cf_store_faulty_calls(const cf_store *s, cf_store_op op)
{
    faulty *f = s->self;
    pthread_mutex_lock(&f->lock);
    uint64_t calls = f->calls[op];
    pthread_mutex_unlock(&f->lock);
    return calls;
}

/* The text up to the next mark, which is consumed with it; all of it when there is no mark. */
static cf_view part(cf_view *text, char mark)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != (uint8_t)mark) {
        len++;
    }
    cf_view taken = {text->data, len};
    size_t used = len < text->len ? len + 1 : len;
    *text = cf_view_sub(*text, used, text->len - used);
    return taken;
}

static cf_result code_parse(cf_view text, cf_err *ret)
{
    for (unsigned i = 0; i < CF_ERR_COUNT; i++) {
        if (cf_view_eq(text, cf_view_str(cf_err_code((cf_err)i)))) {
            *ret = (cf_err)i;
            return cf_ok();
        }
    }
    return cf_fail(CF_ERR_MALFORMED);
}

static cf_result fault_parse(cf_view text, cf_fault *ret)
{
    cf_view op = part(&text, ':'), nth = part(&text, ':'), when = part(&text, ':');
    cf_view code = part(&text, ':');
    unsigned i = 0;
    while (i < CF_STORE_OP_COUNT && !cf_view_eq(op, cf_view_str(op_names[i]))) {
        i++;
    }
    CF_REQUIRE(i < CF_STORE_OP_COUNT, MALFORMED);
    ret->op = (cf_store_op)i;
    CF_TRY(cf_parse_u64(nth, UINT64_MAX, &ret->nth));
    ret->after = cf_view_eq(when, CF_LIT("after"));
    CF_REQUIRE(ret->after || cf_view_eq(when, CF_LIT("before")), MALFORMED);
    CF_TRY(code_parse(code, &ret->err));
    return cf_parse_u64(text, UINT32_MAX, &ret->delay_ms);
}

CF_MUST_USE cf_result cf_store_faulty_parse(const char *text, cf_fault ret[static CF_FAULTS_MAX],
                                            size_t *ret_n)
{
    *ret_n = 0;
    cf_view left = cf_view_str(text);
    size_t n = 0;
    while (left.len > 0) {
        CF_REQUIRE(n < CF_FAULTS_MAX, ARGUMENT);
        CF_TRY(fault_parse(part(&left, ','), &ret[n]));
        n++;
    }
    *ret_n = n;
    return cf_ok();
}
