/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a call, for whoever reads the log: names and texts of fixed lists, nothing that was received but the status. */
#pragma once
#include "sys/kms/client.h"

/** A line about a call that failed: "kms.error" with the service's name for it, our code and a hint; "kms.unreachable" where there was no
 *  answer, or none that could be used.
 *  in    request: the id of the one that it was for; "-" where it was for several, or for none. operation: as the service calls it */
void cf_kms_tell(const char *request, const char *operation, cf_result r, const cf_kms_outcome *o);
/** True for a call that the service refused for want of permission. */
bool cf_kms_denied(const cf_kms_outcome *o);
