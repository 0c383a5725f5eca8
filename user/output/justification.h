/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_JUSTIFICATION_H
#define DOCKSNOOP_OUTPUT_JUSTIFICATION_H

/* For this folder only. */

#include "user/output/json_build.h"
#include "user/policy/policy.h"

/* What a rule says to whoever asks why: docksnoop.justification of events and findings. */
json_t *justification_object(struct build *b, const struct rule *rule);

#endif
