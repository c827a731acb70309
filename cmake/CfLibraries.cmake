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
