/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host/cli/capture.h"

#include <unistd.h>

#include "tests/support/test.h"

static FILE *file;
static int saved, captured;

void capture_begin(int fd)
{
    (void)fflush(NULL);
    file = tmpfile();
    assert_non_null(file);
    captured = fd;
    saved = dup(fd);
    assert_true(saved >= 0 && dup2(fileno(file), fd) == fd);
}

char *capture_end(void)
{
    (void)fflush(NULL);
    assert_true(dup2(saved, captured) == captured);
    (void)close(saved);
    long size = 0;
    assert_true(fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    (void)fclose(file);
    return text;
}
