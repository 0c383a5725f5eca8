/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_ADVICE_H
#define DOCKSNOOP_ADVICE_H

#include "user/audit/finding.h"
#include "user/audit/seen.h"

/* What a finding gives away, in one sentence; static. */
const char *finding_gives(const struct finding *finding);

/*
 * What to do instead, in a sentence or two; malloc'd, NULL without memory. @usage is what
 * was seen of the container, NULL where nobody looked.
 */
char *finding_advice(const struct finding *finding, const struct usage *usage);

#endif
