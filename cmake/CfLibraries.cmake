# SPDX-License-Identifier: Apache-2.0
# Third-party libraries other than libcrypto (CfCrypto.cmake). Components name them in LIBS:
#   core/codec  cf_cbor jansson      sys/linux   seccomp         host/http   microhttpd curl       host/store  sqlite3
# Debian's libcbor-dev holds no static library; scripts/libcbor builds one from Debian's source where the mirror has it.
# Without it, programs that ask for STATIC are linked dynamically, which cf_program says at configure time.
set(CF_STATIC_LACKS "")
cf_library_prefix(libcbor prefix)
add_library(cf_cbor INTERFACE)
if(prefix)
    target_link_libraries(cf_cbor INTERFACE "${prefix}/lib/libcbor.a")
else()
    target_link_libraries(cf_cbor INTERFACE cbor)
    find_library(CF_LIBCBOR_A NAMES libcbor.a)
    if(NOT CF_LIBCBOR_A)
        list(APPEND CF_STATIC_LACKS libcbor.a)
    endif()
endif()
foreach(name jansson seccomp)
    find_library(CF_LIB_${name}_A NAMES lib${name}.a)
    if(NOT CF_LIB_${name}_A)
        list(APPEND CF_STATIC_LACKS lib${name}.a)
    endif()
endforeach()
