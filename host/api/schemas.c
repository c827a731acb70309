/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/schemas.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/api/builtin_schema.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"

typedef struct {
    cf_schema *schema;
    cf_buf document;
} one;

struct cf_schemas {
    one all[CF_API_SCHEMAS_MAX];
    size_t n;
};

CF_MUST_USE cf_result cf_schemas_new(cf_schemas **ret)
{
    CF_AUTO(cf_schemas_free) cf_schemas *s = cf_mem_new(1, sizeof *s);
    *ret = NULL;
    CF_REQUIRE(s != NULL, NO_MEMORY);
    CF_TRY(cf_schemas_add(s, cf_view_make(cf_builtin_schema, cf_builtin_schema_len), NULL));
    *ret = s;
    s = NULL;
    return cf_ok();
}

void cf_schemas_free(cf_schemas **s)
{
    if (*s == NULL) {
        return;
    }
    for (size_t i = 0; i < (*s)->n; i++) {
        cf_schema_free(&(*s)->all[i].schema);
        cf_buf_free(&(*s)->all[i].document);
    }
    cf_mem_free(*s);
    *s = NULL;
}

CF_MUST_USE cf_result cf_schemas_add(cf_schemas *s, cf_view document, cf_schema_fault *ret_fault)
{
    CF_AUTO(cf_schema_free) cf_schema *schema = NULL;
    CF_BUF(copy);
    CF_REQUIRE(s->n < CF_API_SCHEMAS_MAX, SIZE);
    CF_TRY(cf_schema_parse(document, &schema, ret_fault));
    CF_REQUIRE(cf_schemas_find(s, cf_schema_name(schema), NULL) == NULL, EXISTS);
    CF_TRY(cf_buf_set(&copy, document));
    s->all[s->n++] = (one){schema, cf_buf_move(&copy)};
    schema = NULL;
    return cf_ok();
}

static void folder_close(DIR **d)
{
    if (*d != NULL) {
        (void)closedir(*d);
    }
}

static bool is_json(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && name[0] != '.' && strcmp(name + len - 5, ".json") == 0;
}

static void log_refusal(const char *file, cf_result r, const cf_schema_fault *fault)
{
    char where[CF_FIELD_NAME_BYTES_MAX + 64] = "";
    int n = 0;
    if (fault->len > 0) {
        n = snprintf(where, sizeof where, " field=%.*s", (int)fault->len, fault->name);
    }
    if (n > 0 && fault->in_pattern) {
        (void)snprintf(where + n, sizeof where - (size_t)n, " pattern_offset=%zu", fault->offset);
    }
    cf_log(CF_LOG_ERROR, "schema.refused", "file=%s code=%s%s", file, cf_err_code(r.code), where);
}

CF_MUST_USE cf_result cf_schemas_add_folder(cf_schemas *s, const char *path)
{
    CF_AUTO(folder_close) DIR *d = opendir(path);
    CF_REQUIRE(d != NULL || errno != ENOENT, NOT_FOUND);
    CF_REQUIRE(d != NULL, IO);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (!is_json(e->d_name)) {
            continue;
        }
        CF_BUF(document);
        char file[4096];
        int n = snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        CF_REQUIRE(n > 0 && (size_t)n < sizeof file, SIZE);
        cf_schema_fault fault = {.len = 0};
        cf_result r = cf_file_read(file, CF_SCHEMA_BYTES_MAX, &document);
        if (cf_is_ok(r)) {
            r = cf_schemas_add(s, cf_buf_view(&document), &fault);
        }
        if (!cf_is_ok(r)) {
            log_refusal(e->d_name, r, &fault);
            return r;
        }
    }
    return cf_ok();
}

const cf_schema *cf_schemas_find(const cf_schemas *s, cf_view name, cf_view *ret_document)
{
    for (size_t i = 0; i < s->n; i++) {
        if (cf_view_eq(cf_schema_name(s->all[i].schema), name)) {
            if (ret_document != NULL) {
                *ret_document = cf_buf_view(&s->all[i].document);
            }
            return s->all[i].schema;
        }
    }
    return NULL;
}

const cf_schema *cf_schemas_at(const cf_schemas *s, size_t i)
{
    return i < s->n ? s->all[i].schema : NULL;
}
