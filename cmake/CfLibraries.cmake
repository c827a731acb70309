# SPDX-License-Identifier: Apache-2.0
# Third-party libraries other than libcrypto (CfCrypto.cmake). Components name them in LIBS:
#   core/codec  jansson      sys/linux   seccomp         host/http   microhttpd            host/store  sqlite3
# Programs that ask for STATIC need the static libraries, which Debian's -dev packages of these hold; without them such a program is
# linked dynamically, which cf_program says at configure time, and in a release refuses.
option(CF_ALLOW_DYNAMIC_ENCLAVE "Let a release link the enclave dynamically where static libraries are missing" OFF)
set(CF_STATIC_LACKS "")
foreach(name jansson seccomp)
    find_library(CF_LIB_${name}_A NAMES lib${name}.a)
    if(NOT CF_LIB_${name}_A)
        list(APPEND CF_STATIC_LACKS lib${name}.a)
    endif()
endforeach()

# What only tests and benches use: RE2 is in C++, which core/regex is compared with. Both are left out where they are not installed.
find_library(CF_LIB_re2 NAMES re2)
find_path(CF_RE2_INCLUDE re2/re2.h)
include(CheckLanguage)
check_language(CXX)
if(CF_LIB_re2 AND CF_RE2_INCLUDE AND CMAKE_CXX_COMPILER)
    enable_language(CXX)
    set(CF_RE2 TRUE)
else()
    set(CF_RE2 FALSE)
    message(STATUS "RE2 or a C++ compiler is not installed: core/regex is not compared with it (scripts/setup installs libre2-dev)")
endif()
