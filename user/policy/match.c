// SPDX-License-Identifier: Apache-2.0
/* Which rule of a policy is about whom. */
#include <stdlib.h>
#include <string.h>

#include "user/policy/policy.h"
#include "user/util/glob.h"

static const char *subject_text(const struct policy_subject *s, enum match_key key)
{
	switch (key) {
	case MATCH_CONTAINER:
		return s->container->name;
	case MATCH_IMAGE:
		return s->container->image;
	case MATCH_IMAGE_DIGEST:
		return s->container->image_hash;
	case MATCH_COMPOSE_PROJECT:
		return container_label(s->container, "com.docker.compose.project");
	case MATCH_COMPOSE_SERVICE:
		return container_label(s->container, "com.docker.compose.service");
	case MATCH_KUBERNETES_NAMESPACE:
		return s->container->pod_namespace;
	case MATCH_CREATED_BY:
		return s->creator ? s->creator->name : NULL;
	case MATCH_KEYS:
		break;
	}
	return NULL;
}

static bool labels_match(const struct rule *rule, const struct container *container)
{
	for (size_t i = 0; i < rule->label_count; i++) {
		const char *value = container_label(container, rule->labels[i].key);

		if (!value || !glob_matches(rule->labels[i].glob, value))
			return false;
	}
	return true;
}

/*
 * Who can create containers can give them any name and labels. So one that was
 * made through a socket is nobody's whose rule does not speak of who made it.
 */
static bool creator_allowed(const struct rule *rule, const struct policy_subject *s)
{
	return !s->creator || rule->match[MATCH_CREATED_BY];
}

bool rule_matches(const struct rule *rule, const struct policy_subject *s)
{
	if (!s->container || !creator_allowed(rule, s))
		return false;
	for (int key = 0; key < MATCH_KEYS; key++) {
		const char *glob = rule->match[key];
		const char *text = glob ? subject_text(s, (enum match_key)key) : NULL;

		if (glob && (!text || !glob_matches(glob, text)))
			return false;
	}
	return labels_match(rule, s->container);
}

static bool socket_matches(const struct rule *rule, const struct policy_subject *s)
{
	if (rule->daemons & 1U << s->daemon)
		return true;
	for (size_t i = 0; i < rule->socket_count; i++) {
		const char *glob = rule->sockets[i];

		if ((s->socket_path && glob_matches(glob, s->socket_path)) ||
		    (s->socket_host_path && glob_matches(glob, s->socket_host_path)))
			return true;
	}
	return false;
}

/* What cannot be followed or read can be anything. */
static enum grade_level grade_limit(enum grade_level level)
{
	return level > GRADE_TAKEOVER ? GRADE_TAKEOVER : level;
}

/*
 * An exact request is a request that somebody thought about, not whatever its body
 * makes of it: a takeover is granted by that name only.
 */
static bool exact_grants(const struct rule *rule, const struct api_request *request)
{
	if (request->grade.level == GRADE_TAKEOVER || request->grade.level == GRADE_UNKNOWN)
		return false;
	for (size_t i = 0; i < rule->exact_count; i++) {
		const struct exact_request *e = &rule->exact[i];

		if ((!strcmp(e->method, "*") || !strcmp(e->method, request->method)) &&
		    glob_matches_path(e->path, request->route))
			return true;
	}
	return false;
}

static bool rule_grants(const struct rule *rule, const struct api_request *request)
{
	return !request || grade_limit(request->grade.level) <= rule->highest ||
	       exact_grants(rule, request);
}

static enum policy_said rule_says(const struct rule *rule, const struct policy_subject *s)
{
	if (!rule_matches(rule, s) || !socket_matches(rule, s))
		return POLICY_SILENT;
	if (!rule_grants(rule, s->request))
		return POLICY_BEYOND;
	return s->time_ns < rule->expires_ns ? POLICY_GRANTS : POLICY_EXPIRED;
}

struct policy_answer policy_ask(const struct policy *policy, const struct policy_subject *subject)
{
	struct policy_answer answer = {.said = POLICY_SILENT};

	for (size_t i = 0; policy && i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];
		enum policy_said said = rule_says(rule, subject);

		if (said == POLICY_GRANTS)
			return (struct policy_answer){said, rule};
		if (answer.said == POLICY_SILENT ||
		    (answer.said == POLICY_BEYOND && said == POLICY_EXPIRED))
			answer = (struct policy_answer){said, said ? rule : NULL};
	}
	return answer;
}

uint64_t policy_next_expiry(const struct policy *policy, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; policy && i < policy->count; i++) {
		uint64_t end = policy->rules[i].expires_ns;

		if (end > now_ns && end < next)
			next = end;
	}
	return next;
}
