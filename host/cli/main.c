/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/codec/json.h"
#include "host/cli/verbs.h"

/* jansson's memory: never NULL (see core/codec/json.h), and wiped, since answers hold values. */
static void *json_memory(size_t size)
{
    void *p = malloc(size);
    if (p == NULL) {
        fprintf(stderr, "coffer: no memory\n");
        exit(CLI_FAILED);
    }
    return p;
}

static void json_forget(void *p)
{
    if (p != NULL) {
        cf_wipe(p, malloc_usable_size(p));
        free(p);
    }
}

int main(int argc, char **argv)
{
    /* a service that goes away in mid-request is an error to report, not a reason to die */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    json_set_alloc_funcs(json_memory, json_forget);
    json_object_seed(0); /* here, before the threads of an import */
    return cli_main(argc - 1, argv + 1);
}
