# SPDX-License-Identifier: Apache-2.0
# cf_crypto: the one interface target for libcrypto, linked by core/crypto (and with cf_tls by sys/tls and host/tls) and by nobody else.
#   CF_CRYPTO=auto      AWS-LC if found, else OpenSSL >= 3.0, and the configure output says which
#   CF_CRYPTO=awslc     AWS-LC or an error
#   CF_CRYPTO=openssl   the system's OpenSSL
# AWS-LC is looked for in CF_AWSLC_ROOT (cache or environment variable), then in CMAKE_PREFIX_PATH, then in the cache that
# scripts/awslc fills.
set(CF_CRYPTO auto CACHE STRING "auto, awslc or openssl")
set_property(CACHE CF_CRYPTO PROPERTY STRINGS auto awslc openssl)
set(CF_AWSLC_ROOT "$ENV{CF_AWSLC_ROOT}" CACHE PATH "Prefix of an installed AWS-LC (holds include/openssl and lib/libcrypto.a)")

# cf_library_prefix(<name> <out>): the prefix of a library that a script of scripts/ built into the user's cache, or "".
function(cf_library_prefix name out)
    # The scripts say where the cache is, and whether others could have written to it. They link <name>-current-<system> to the
    # version that they built last.
    set(${out} "" PARENT_SCOPE)
    execute_process(COMMAND bash -c ". scripts/lib.sh && cache_folder" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
                    OUTPUT_VARIABLE cache ERROR_VARIABLE reason RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE
                    ERROR_STRIP_TRAILING_WHITESPACE)
    if(NOT status EQUAL 0)
        message(WARNING "Libraries in the user's cache are not used: ${reason}")
        return()
    endif()
    execute_process(COMMAND bash -c ". scripts/lib.sh && system_name" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
                    OUTPUT_VARIABLE system OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(prefix "${cache}/${name}-current-${system}")
    if(EXISTS "${prefix}/complete")
        file(REAL_PATH "${prefix}" prefix)
        set(${out} "${prefix}" PARENT_SCOPE)
    endif()
endfunction()

# cf_find_awslc(<out>): the first prefix that holds a static AWS-LC, or "".
function(cf_find_awslc out)
    cf_library_prefix(awslc cached)
    set(${out} "" PARENT_SCOPE)
    foreach(prefix IN LISTS CF_AWSLC_ROOT CMAKE_PREFIX_PATH cached)
        if(EXISTS "${prefix}/include/openssl/base.h" AND EXISTS "${prefix}/lib/libcrypto.a")
            file(STRINGS "${prefix}/include/openssl/base.h" is_awslc REGEX "define OPENSSL_IS_AWSLC" LIMIT_COUNT 1)
            if(is_awslc AND EXISTS "${prefix}/lib/libssl.a")
                set(${out} "${prefix}" PARENT_SCOPE)
                return()
            endif()
        endif()
    endforeach()
endfunction()

find_package(Threads REQUIRED)
add_library(cf_crypto INTERFACE)
add_library(cf_tls INTERFACE)

set(prefix "")
if(CF_CRYPTO STREQUAL "auto" OR CF_CRYPTO STREQUAL "awslc")
    cf_find_awslc(prefix)
elseif(NOT CF_CRYPTO STREQUAL "openssl")
    message(FATAL_ERROR "CF_CRYPTO is ${CF_CRYPTO}; it must be auto, awslc or openssl")
endif()

if(prefix)
    file(STRINGS "${prefix}/include/openssl/base.h" line REGEX "define AWSLC_VERSION_NUMBER_STRING" LIMIT_COUNT 1)
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" CF_CRYPTO_VERSION "${line}")
    set(CF_CRYPTO_KIND awslc)
    set(CF_CRYPTO_NAME "AWS-LC ${CF_CRYPTO_VERSION}")
    # -isystem is searched before /usr/include, so the system's OpenSSL headers cannot shadow these; cmake/awslc_headers.c is
    # compiled into everything that links cf_crypto and stops the build if they ever do.
    target_include_directories(cf_crypto SYSTEM INTERFACE "${prefix}/include")
    # A shared library that a host program loads may bring the system's OpenSSL along. Without --exclude-libs the linker would
    # export AWS-LC's functions of the same names from the program, and that library would run into them.
    target_link_options(cf_crypto INTERFACE "-Wl,--exclude-libs,libcrypto.a:libssl.a")
    target_sources(cf_crypto INTERFACE "${CMAKE_SOURCE_DIR}/cmake/awslc_headers.c")
    # As targets, so that CMake knows which of the two needs the other, and names it behind.
    add_library(awslc_crypto STATIC IMPORTED GLOBAL)
    set_target_properties(awslc_crypto PROPERTIES IMPORTED_LOCATION "${prefix}/lib/libcrypto.a" INTERFACE_LINK_LIBRARIES Threads::Threads)
    add_library(awslc_ssl STATIC IMPORTED GLOBAL)
    set_target_properties(awslc_ssl PROPERTIES IMPORTED_LOCATION "${prefix}/lib/libssl.a" INTERFACE_LINK_LIBRARIES awslc_crypto)
    target_link_libraries(cf_crypto INTERFACE awslc_crypto)
    target_link_libraries(cf_tls INTERFACE awslc_ssl)
    # What libssl has for servers, files and name resolution does not get into programs that call nothing of it.
    target_link_options(cf_tls INTERFACE "-Wl,--gc-sections")
    message(STATUS "libcrypto: ${CF_CRYPTO_NAME} in ${prefix}")
else()
    if(CF_CRYPTO STREQUAL "awslc")
        message(FATAL_ERROR "CF_CRYPTO=awslc, but no AWS-LC was found. Run scripts/awslc, or set CF_AWSLC_ROOT.")
    endif()
    find_package(OpenSSL 3.0 REQUIRED)
    set(CF_CRYPTO_KIND openssl)
    set(CF_CRYPTO_VERSION "${OPENSSL_VERSION}")
    set(CF_CRYPTO_NAME "OpenSSL ${OPENSSL_VERSION}")
    target_link_libraries(cf_crypto INTERFACE OpenSSL::Crypto Threads::Threads)
    target_link_libraries(cf_tls INTERFACE OpenSSL::SSL)
    if(CF_CRYPTO STREQUAL "auto")
        message(WARNING "AWS-LC was not found: building on the fallback, ${CF_CRYPTO_NAME}. All features work; P-384 is "
                        "about five times slower. Run scripts/awslc (or scripts/setup) and configure again to change that.")
    else()
        message(STATUS "libcrypto: ${CF_CRYPTO_NAME}")
    endif()
endif()
target_compile_definitions(cf_crypto INTERFACE CF_CRYPTO_NAME="${CF_CRYPTO_NAME}")
target_link_libraries(cf_tls INTERFACE cf_crypto)
