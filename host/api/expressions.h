/* SPDX-License-Identifier: Apache-2.0 */
/* What a decrypt computes of a vault, as the caller says it; and what the enclave needs for it: docs/design/0004-expressions.md. */
#pragma once
#include "host/api/call.h"

/** Views borrow from the body. */
typedef struct {
    const cf_expression *all; /* in the order given */
    size_t n;
    bool results_only;
} cf_api_expressions;

/** The members `expressions` and `results_only`. Faults of single expressions are told with their names.
 *  error the first fault's code; NO_MEMORY */
CF_MUST_USE cf_result cf_expressions_read(const json_t *body, cf_arena *arena,
                                          cf_api_faults *faults, cf_api_expressions *ret);

/** True if an expression has the name, and so takes a field's place. */
bool cf_expressions_has(const cf_api_expressions *e, cf_view name);

/** The fields of the schema that sources mention, each once: all that can be read, and maybe more. */
CF_MUST_USE cf_result cf_expressions_mentioned(const cf_api_expressions *e, const cf_schema *schema,
                                               cf_arena *arena, cf_names *ret);

/** The secrets whose names stand in sources that call hmac_*. Octets go to the arena.
 *  error ROW_ALTERED one of them was changed outside the service; SIZE (a fault) more than CF_REQUEST_SECRETS_MAX; STORE_UNAVAILABLE */
CF_MUST_USE cf_result cf_expressions_secrets(cf_api_call *c, const cf_api_expressions *e,
                                             const cf_secret_ref **ret, size_t *ret_n);

/** Notes names and the hash of the sources for the audit entry. */
CF_MUST_USE cf_result cf_expressions_note(cf_api_call *c, const cf_api_expressions *e);

/** The answer has a result for each expression, in order, and each text is one JSON value. error INTERNAL, NO_MEMORY */
CF_MUST_USE cf_result cf_expressions_check(const cf_api_expressions *e, const cf_answer *a);
