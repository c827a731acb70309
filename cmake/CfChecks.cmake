# SPDX-License-Identifier: Apache-2.0
# The checks of tools/, each a test, and each with a self-test that shows it fails on a tree that breaks its rule.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# cf_check(<name> <script> args...): the check on this tree, and its self-test.
function(cf_check name script)
    add_test(NAME check/${name} COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/${script}" ${ARGN}
             WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    add_test(NAME check/${name}_self_test COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/${script}" --self-test)
    set_tests_properties(check/${name} check/${name}_self_test PROPERTIES LABELS check TIMEOUT 120)
endfunction()

cf_check(layers check_layers.py "${CMAKE_SOURCE_DIR}")
cf_check(banned_calls check_banned_calls.py "${CMAKE_SOURCE_DIR}")
cf_check(style check_style.py "${CMAKE_SOURCE_DIR}")
cf_check(words check_words.py "${CMAKE_SOURCE_DIR}")
cf_check(limits check_limits.py "${CMAKE_SOURCE_DIR}")

# Checks of what was built. Sanitizers and coverage add writable data and objects of their own, so they are left out there.
if(NOT CF_SANITIZE AND NOT CF_COVERAGE)
    cf_check(pure_data check_pure_data.py "${CMAKE_ARCHIVE_OUTPUT_DIRECTORY}" "${CMAKE_SOURCE_DIR}/tools/pure_data_exceptions.txt")
endif()
