// SPDX-License-Identifier: Apache-2.0
#include "user/policy/verdict.h"

/* A rule is about a container. Who only passes for one of its processes is nobody's. */
static struct judgement judge(const struct policy_answer *answer, bool anomaly)
{
	struct judgement j = {.verdict = VERDICT_FLAGGED, .rule = answer->rule};

	if (anomaly) {
		j.but = answer->rule ? BUT_ANOMALY : BUT_NOTHING;
		return j;
	}
	switch (answer->said) {
	case POLICY_SILENT:
		break;
	case POLICY_GRANTS:
		j.verdict = VERDICT_JUSTIFIED;
		break;
	case POLICY_EXPIRED:
		j.verdict = VERDICT_EXPIRED;
		break;
	case POLICY_BEYOND:
		j.but = BUT_BEYOND;
		break;
	}
	return j;
}

struct judgement verdict_of(const struct policy *policy, const struct access *access)
{
	const struct listener *listener = access->listener;
	const struct policy_subject subject = {
		.container = access->who->container,
		.creator = access->creator,
		.daemon = listener ? listener->daemon : DAEMON_NONE,
		.socket_path = listener ? listener->path : NULL,
		.socket_host_path = listener ? listener->host_path : NULL,
		.request = access->request,
		.time_ns = access->time_ns,
	};
	struct policy_answer answer;

	if (access->who->host)
		return (struct judgement){.verdict = VERDICT_HOST};
	/* A daemon in a container is as good as root there, not on the host. */
	if (listener && listener->scope == SCOPE_NESTED)
		return (struct judgement){.verdict = VERDICT_NONE};
	answer = policy_ask(policy, &subject);
	return judge(&answer, access->who->attribution.anomaly);
}
