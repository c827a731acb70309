/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/option.h"

#include <stdio.h>
#include <stdlib.h>

static const char *env_of(const char *name)
{
    return secure_getenv(name);
}

CF_MUST_USE cf_result cf_creds_option(const char *from, const char *program, cf_creds_keeper **ret)
{
    cf_creds_chain_opts opts = {.env = env_of, .program = program};
    *ret = NULL;
    if (from == NULL || cf_view_eq(cf_view_str(from), CF_LIT("none"))) {
        return cf_ok();
    }
    if (!cf_view_eq(cf_view_str(from), CF_LIT("auto"))) {
        opts.single = true;
        opts.file = from;
        if (!cf_creds_source_of(cf_view_str(from), &opts.source)) {
            opts.source = CF_CREDS_FROM_FILE;
        }
    }
    return cf_creds_keeper_new(&opts, ret);
}

CF_MUST_USE cf_result cf_creds_option_first(cf_creds_keeper *k, const char *program,
                                            cf_buf *ret_body)
{
    cf_creds_story story;
    if (k == NULL) {
        return cf_ok();
    }
    cf_result r = cf_creds_keeper_first(k, ret_body, &story);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "%s: --credentials: %s: %s: %s (%s)\n", program,
                cf_creds_source_name(story.source), story.what, cf_creds_fault_text(story.fault),
                cf_err_text(story.cause));
    }
    return r;
}
