/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/kms_tool.h"
#include "host/cli/verbs.h"
#include "sys/json/json_memory.h"
#include "sys/linux/daemon.h"

/* Programs that call AWS's tool by its name find this one under it. */
static bool is_kms_tool(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    return strcmp(name, "kmstool_enclave_cli") == 0 || strcmp(name, "kmstool-enclave-cli") == 0;
}

int main(int argc, char **argv)
{
    cf_private_process();
    /* a service that goes away in mid-request is an error to report, not a reason to die */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (!cf_is_ok(cf_json_prepare())) {
        fprintf(stderr, "coffer: the system gives no random numbers\n");
        return CLI_FAILED;
    }
    if (argc > 0 && is_kms_tool(argv[0])) {
        return cf_kms_tool_main(argc - 1, argv + 1);
    }
    return cli_main(argc - 1, argv + 1);
}
