/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/unit/host/api/world.h"

/** A service that the fake calls are made to. */
cf_kms_service *fake_kms(void);

struct cf_http_call {
    const world_request *req;
    char authorization[128];
    world_answer *answer;
    bool deferred;
};
