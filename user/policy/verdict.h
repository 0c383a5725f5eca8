/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_VERDICT_H
#define DOCKSNOOP_VERDICT_H

#include "user/container/tracker.h"
#include "user/policy/policy.h"
#include "user/sensor/listener.h"

enum verdict {
	VERDICT_NONE, /* nobody judges: monitor events, a container at a nested daemon */
	VERDICT_FLAGGED,
	VERDICT_JUSTIFIED,
	VERDICT_EXPIRED, /* what justified it has run out: as bad as flagged */
	VERDICT_HOST,
};

/* Why a rule that is about the container did not justify it. */
enum verdict_but {
	BUT_NOTHING,
	BUT_BEYOND,  /* it asked for more than is granted */
	BUT_ANOMALY, /* that it is this container's process is in doubt */
};

struct judgement {
	enum verdict verdict;
	const struct rule *rule; /* that justifies it, did, or would have; NULL: none */
	enum verdict_but but;
};

struct access {
	const struct sighting *who;
	const struct listener *listener;   /* NULL: not known */
	const struct container *creator;   /* of its container, by a socket; NULL: nobody */
	const struct api_request *request; /* NULL: it connects, or could */
	uint64_t time_ns;		   /* since the epoch */
};

/*
 * What to think of a process that reaches a listener. Who is not known is flagged.
 * @policy may be NULL; the rule is valid for as long as it is.
 */
struct judgement verdict_of(const struct policy *policy, const struct access *access);

#endif
