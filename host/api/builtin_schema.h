/* SPDX-License-Identifier: Apache-2.0 */
/* The document of schemas/person.json, carried in the program. The build generates the definitions. */
#pragma once
#include <stddef.h>
#include <stdint.h>

extern const uint8_t cf_builtin_schema[];
extern const size_t cf_builtin_schema_len;
