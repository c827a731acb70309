/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files, for builds without libFuzzer: every argument is a file or a folder of files. The empty
 * input is always run first, so that a target without a corpus is still exercised. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_FILE_BYTES_MAX = 16 * 1024 * 1024, REPLAY_PATH_BYTES_MAX = 4096 };

/* Each input gets its own allocation of its exact size, so that AddressSanitizer sees a read past its end. */
static int replay_file(const char *path, off_t size)
{
    if (size < 0 || size > REPLAY_FILE_BYTES_MAX) {
        fprintf(stderr, "%s: larger than %d bytes\n", path, REPLAY_FILE_BYTES_MAX);
        return 1;
    }
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size == 0 ? 1 : (size_t)size);
    if (file == NULL || data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s: cannot read\n", path);
        if (file != NULL) {
            (void)fclose(file);
        }
        free(data);
        return 1;
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 0;
}

static int replay_folder(const char *path, size_t *count)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    int failed = 0;
    for (int i = 0; i < n; i++) {
        char full[REPLAY_PATH_BYTES_MAX];
        struct stat st;
        int len = snprintf(full, sizeof full, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && len > 0 && (size_t)len < sizeof full &&
            stat(full, &st) == 0 && S_ISREG(st.st_mode)) {
            failed |= replay_file(full, st.st_size);
            (*count)++;
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    size_t count = 1;
    int failed = 0;
    uint8_t nothing = 0;
    (void)LLVMFuzzerTestOneInput(&nothing, 0);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0) {
            printf("%s: no corpus\n", argv[i]);
        } else if (S_ISDIR(st.st_mode)) {
            failed |= replay_folder(argv[i], &count);
        } else {
            failed |= replay_file(argv[i], st.st_size);
            count++;
        }
    }
    printf("replayed %zu inputs\n", count);
    return failed;
}
