# SPDX-License-Identifier: Apache-2.0
# Language, warnings, sanitizers and hardening, the same for every target of the project.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckLinkerFlag)

option(CF_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(CF_FUZZ "Build the targets of fuzz/ for libFuzzer (clang)" OFF)
option(CF_COVERAGE "Build with coverage counters" OFF)
option(CF_WERROR "Warnings are errors" ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Debug CACHE STRING "Debug or Release" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
# Every object is compiled for position-independent programs (CMake's own switch would give archives -fPIC, whose functions may
# be replaced at load time and so are not inlined), and cf_executable links with -pie or -static-pie.
add_compile_options(-fPIE)
# Assertions stay in every build type: they guard contracts, not performance.
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")

# Defined as empty, as a file that defines it for itself would; C++ defines it anyway.
add_compile_definitions($<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=> CF_VERSION="${PROJECT_VERSION}")
add_compile_options(
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wswitch-enum -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wundef -Wpointer-arith -Wwrite-strings -Wcast-qual -Wformat=2
    -fno-common -fno-strict-aliasing -fno-omit-frame-pointer
)
if(CF_WERROR)
    add_compile_options(-Werror)
endif()

# cf_flag(-fxyz): adds the flag where the compiler has it and says so where it has not.
function(cf_flag flag)
    string(MAKE_C_IDENTIFIER "CF_HAVE${flag}" have)
    set(CMAKE_REQUIRED_FLAGS "-Werror")
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        add_compile_options(${flag})
    else()
        message(STATUS "compiler lacks ${flag}")
    endif()
endfunction()

set(CF_HARDENED OFF)
if(CF_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
    if(CF_FUZZ)
        if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
            message(FATAL_ERROR "CF_FUZZ needs clang (libFuzzer); this is ${CMAKE_C_COMPILER_ID}")
        endif()
        add_compile_options(-fsanitize=fuzzer-no-link)
        add_compile_definitions(FUZZING_BUILD_MODE)
    endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(CF_HARDENED ON)
    # FORTIFY level 3 needs both a compiler and a libc that know it; libc tells by the level that it settles on.
    set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
    check_c_source_compiles("
        #include <string.h>
        #if __USE_FORTIFY_LEVEL < 3
        #error no
        #endif
        int main(void) { return 0; }" CF_HAVE_FORTIFY_3)
    unset(CMAKE_REQUIRED_FLAGS)
    if(CF_HAVE_FORTIFY_3)
        add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    else()
        add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    endif()
    add_compile_options(-fstack-protector-strong -ffunction-sections -fdata-sections)
    cf_flag(-fstack-clash-protection)
    cf_flag(-fcf-protection=full)
    cf_flag(-ftrivial-auto-var-init=zero)
    add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--gc-sections)
else()
    add_compile_options(-fstack-protector-strong)
endif()

if(NOT CF_COVERAGE)
    # The same bytes from any folder: no path of this machine in objects, so that the enclave's measure does not move with it.
    # The last option that matches wins.
    add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=/coffer -ffile-prefix-map=${CMAKE_BINARY_DIR}=/coffer/build)
else()
    add_compile_options(--coverage -fprofile-abs-path)
    add_link_options(--coverage)
endif()
