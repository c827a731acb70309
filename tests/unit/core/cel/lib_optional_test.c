/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of optionals, section 9 of the language sheet. The selections with a question mark and what is lazy are the engine's, and
 * are tested with it. */
#include "tests/unit/core/cel/cel_test.h"

static const cel_row made[] = {
    {"optional.of(1).hasValue()", NULL, "true"},
    {"optional.of(1).value()", NULL, "1"},
    {"optional.of(null).hasValue()", NULL, "true"},
    {"optional.of(null).value()", NULL, "null"},
    {"optional.none().hasValue()", NULL, "false"},
    {"optional.none().value()", NULL, NULL, CF_ERR_CEL_NONE},
    {"optional.of(optional.none()).hasValue()", NULL, "true"},
    {"optional.of(optional.of(3)).value().value()", NULL, "3"},
    {"type(optional.none()) == optional_type", NULL, "true"},
    {"type(optional.of(1)) == optional_type", NULL, "true"},
    {"dyn(1).hasValue()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn([]).value()", NULL, NULL, CF_ERR_CEL_TYPE},
    {"optional.of()", NULL, NULL, CEL_ANY_ERROR},
    {"optional.none(1)", NULL, NULL, CEL_ANY_ERROR},
};

static const cel_row of_non_zero[] = {
    {"[optional.ofNonZeroValue(false), optional.ofNonZeroValue(0), optional.ofNonZeroValue(0u), "
     "optional.ofNonZeroValue(0.0), optional.ofNonZeroValue(-0.0), optional.ofNonZeroValue(''), "
     "optional.ofNonZeroValue(b''), optional.ofNonZeroValue([]), optional.ofNonZeroValue({}), "
     "optional.ofNonZeroValue(null), optional.ofNonZeroValue(duration('0')), "
     "optional.ofNonZeroValue(timestamp(0))].exists(o, o.hasValue())",
     NULL, "false"},
    {"optional.ofNonZeroValue(true).value()", NULL, "true"},
    {"optional.ofNonZeroValue(-1).value()", NULL, "-1"},
    {"optional.ofNonZeroValue(1u).value()", NULL, "1"},
    {"optional.ofNonZeroValue(0.0 / 0.0).hasValue()", NULL, "true"},
    {"optional.ofNonZeroValue(' ').value()", NULL, "\" \""},
    {"optional.ofNonZeroValue([0]).value()", NULL, "[0]"},
    {"optional.ofNonZeroValue({'': 0}).value()", NULL, "{\"\":0}"},
    {"optional.ofNonZeroValue(duration('1ns')).hasValue()", NULL, "true"},
    {"optional.ofNonZeroValue(timestamp(-1)).hasValue()", NULL, "true"},
    {"optional.ofNonZeroValue(optional.none()).hasValue()", NULL, "true"},
    {"optional.ofNonZeroValue(int).hasValue()", NULL, "true"},
};

/* 5.3 */
static const cel_row equal[] = {
    {"optional.none() == optional.none()", NULL, "true"},
    {"optional.of(1) == optional.of(1)", NULL, "true"},
    {"optional.of(1) == optional.of(2)", NULL, "false"},
    {"optional.of(1) == optional.none()", NULL, "false"},
    {"optional.of(dyn(1)) == optional.of(dyn(1.0))", NULL, "true"},
    {"optional.of([optional.of(1)]) == optional.of([optional.of(1)])", NULL, "true"},
    {"dyn(optional.none()) == dyn(null)", NULL, "false"},
    {"dyn(optional.of(1)) == dyn(1)", NULL, "false"},
    {"optional.of(0.0 / 0.0) == optional.of(0.0 / 0.0)", NULL, "false"},
};

static const cel_row unwrapped[] = {
    {"optional.unwrap([optional.of(1), optional.none(), optional.of(2)])", NULL, "[1,2]"},
    {"[optional.of('a'), optional.none()].unwrapOpt()", NULL, "[\"a\"]"},
    {"optional.unwrap([])", NULL, "[]"},
    {"[optional.none()].unwrapOpt()", NULL, "[]"},
    {"[optional.of(optional.none())].unwrapOpt().size()", NULL, "1"},
    {"optional.unwrap(dyn([1]))", NULL, NULL, CF_ERR_CEL_TYPE},
    {"optional.unwrap([1])", NULL, NULL, CF_ERR_CEL_TYPE},
    {"dyn({}).unwrapOpt()", NULL, NULL, CF_ERR_CEL_TYPE},
};

#define ROWS_OF(table)                                                                             \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        CEL_ROWS(table);                                                                           \
    }

ROWS_OF(made)
ROWS_OF(of_non_zero)
ROWS_OF(equal)
ROWS_OF(unwrapped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_of_non_zero),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_unwrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
