// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/pipeline_impl.h"
#include "user/policy/verdict.h"
#include "user/util/clock.h"

/* What the policy makes of it. */

void pipeline_judge(struct pipeline *p, struct event *event, const struct sighting *who)
{
	const struct container *c = who->container;
	const struct access access = {
		.who = who,
		.listener = event->listener,
		.creator = c ? creators_find(p->creators, c->id) : NULL,
		.request = event->request,
		.time_ns = event->time_ns,
	};
	struct judgement j = verdict_of(p->policy, &access);

	event->verdict = j.verdict;
	event->rule = j.rule;
	event->but = j.but;
}

/* What is exposed is said once. Now it may be thought of in another way. */
static void exposures_anew(struct pipeline *p)
{
	uint64_t now = clock_epoch_ns();

	p->policy_expires_ns = policy_next_expiry(p->policy, now);
	exposed_clear(p->exposed);
	p->rescan = true;
	pipeline_tcp_say(p);
}

void pipeline_policy_said(struct pipeline *p, const char *file, const char *error)
{
	struct event event = {
		.action = EVENT_POLICY_LOADED,
		.time_ns = clock_epoch_ns(),
		.policy = {.file = file, .error = error},
	};

	event.policy.rules = p->policy ? p->policy->count : 0;
	pipeline_emit(p, &event);
}

void pipeline_set_policy(struct pipeline *p, const struct policy *policy, const char *file)
{
	p->policy = policy;
	pipeline_policy_said(p, file, NULL);
	exposures_anew(p);
}

void pipeline_policy_tick(struct pipeline *p)
{
	if (clock_epoch_ns() >= p->policy_expires_ns)
		exposures_anew(p);
}
