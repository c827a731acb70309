/* SPDX-License-Identifier: Apache-2.0 */
/* What a function prints, for tests of the command line. */
#pragma once
#include <stddef.h>

/** Sends the stream's descriptor (1 or 2) into a file until capture_end, which gives back what was written, with a NUL, to be freed. */
void capture_begin(int fd);
char *capture_end(void);
