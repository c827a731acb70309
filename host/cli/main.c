/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>

#include "host/cli/verbs.h"
#include "sys/json/json_memory.h"
#include "sys/linux/daemon.h"

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
    return cli_main(argc - 1, argv + 1);
}
