/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_VERDICT_H
#define DOCKSNOOP_VERDICT_H

#include "user/container/tracker.h"
#include "user/sensor/listener.h"

enum verdict {
	VERDICT_NONE, /* nobody judges: monitor events, a container at a nested daemon */
	VERDICT_FLAGGED,
	VERDICT_HOST,
};

/* What to think of a process that reaches a listener. Who is not known is flagged. */
enum verdict verdict_of(const struct sighting *who, const struct listener *listener);

#endif
