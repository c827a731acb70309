/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys that a program makes, counted where it asks the library for them: linked with rsa_count (tests/CMakeLists.txt) each leaves a
 * line "rsa.made n=N" in the program's log. */
#pragma once

#define RSA_COUNT_EVENT "rsa.made"
