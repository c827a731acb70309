/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas that the service knows, by name, with the documents they were read from. Read at start, never changed. */
#pragma once
#include "core/schema/schema.h"
#include "host/api/limits.h"

#define CF_SCHEMA_DEFAULT "person"

typedef struct cf_schemas cf_schemas; /* opaque; safe from many threads once filled */

/** With the built-in schema. error whatever cf_schema_parse says of it, NO_MEMORY. */
CF_MUST_USE cf_result cf_schemas_new(cf_schemas **ret);
void cf_schemas_free(cf_schemas **s);

/** Adds one document; its patterns are compiled here and serve all requests. ret_fault may be NULL. error EXISTS (its name is taken), SIZE
 *  over CF_API_SCHEMAS_MAX, those of cf_schema_parse. */
CF_MUST_USE cf_result cf_schemas_add(cf_schemas *s, cf_view document, cf_schema_fault *ret_fault);
/** Adds every "*.json" of a folder. error those of cf_schemas_add and cf_file_read; the file and field at fault are logged. NOT_FOUND: no
 *  folder. */
CF_MUST_USE cf_result cf_schemas_add_folder(cf_schemas *s, const char *path);

/** By name, or NULL. *ret_document may be NULL. */
const cf_schema *cf_schemas_find(const cf_schemas *s, cf_view name, cf_view *ret_document);
/** The i-th, in the order they were added; NULL behind the last. */
const cf_schema *cf_schemas_at(const cf_schemas *s, size_t i);
