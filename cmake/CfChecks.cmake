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
cf_check(ca_roots ca_roots.py "${CMAKE_SOURCE_DIR}")

add_test(NAME check/format COMMAND "${CMAKE_SOURCE_DIR}/scripts/format" --check)
add_test(NAME check/test_totals_self_test COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/test_totals.py" --self-test)
add_test(NAME check/scripts COMMAND bash "${CMAKE_SOURCE_DIR}/tools/check_scripts.sh" "${CMAKE_SOURCE_DIR}")
add_test(NAME check/cmake COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/check_cmake.py" "${CMAKE_SOURCE_DIR}")
set_tests_properties(check/format check/test_totals_self_test check/scripts check/cmake PROPERTIES LABELS check TIMEOUT 120 SKIP_RETURN_CODE 77)

# Checks of what was built. Sanitizers and coverage add writable data and objects of their own, so they are left out there.
if(NOT CF_SANITIZE AND NOT CF_COVERAGE)
    cf_check(pure_data check_pure_data.py "${CMAKE_ARCHIVE_OUTPUT_DIRECTORY}" "${CMAKE_SOURCE_DIR}/tools/pure_data_exceptions.txt")
endif()

get_property(CF_PROGRAM_LIST GLOBAL PROPERTY CF_PROGRAMS)
if(CF_HARDENED)
    list(TRANSFORM CF_PROGRAM_LIST PREPEND "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/")
    cf_check(hardening check_hardening.py --lib "${CMAKE_ARCHIVE_OUTPUT_DIRECTORY}" ${CF_PROGRAM_LIST})
endif()

# enclave/TCB.md is that of the release build with gcc and AWS-LC; in other builds only the absence of host code is looked at.
if(TARGET coffer-enclave)
    set(mode --host)
    if(CF_HARDENED AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CF_CRYPTO_KIND STREQUAL "awslc")
        set(mode "")
    endif()
    cf_check(tcb tcb_manifest.py "${CMAKE_SOURCE_DIR}" "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/coffer-enclave.map" ${mode})
endif()
