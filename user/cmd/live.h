/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LIVE_H
#define DOCKSNOOP_LIVE_H

#include "user/audit/finding.h"

/* Each way in which a container of this host can reach a daemon. 0, -errno, or what @fn returned. */
int live_look(finding_fn fn, void *ctx);

#endif
