// SPDX-License-Identifier: Apache-2.0
/* A policy, which says what it means, what is odd about it, and who is granted what. */
#include "input.h"
#include "user/policy/policy.h"
#include "user/util/cleanup.h"

#define NOW_NS 1795465867123456789ULL

static void complain(void *ctx, unsigned int line, unsigned int column, const char *text)
{
	(void)line;
	(void)column;
	++*(size_t *)ctx;
	check_printable(text, 0);
}

static void warn(void *ctx, const struct rule *rule, const char *text)
{
	(void)ctx;
	CHECK(rule && text[0]);
}

static void ask(const struct policy *policy, const struct container *c)
{
	static struct api_request request = {
		.method = (char *)"GET",
		.path = (char *)"/v1.41/containers/a/json",
		.query = (char *)"",
		.endpoint = (char *)"/containers/{}/json",
		.api_version = (char *)"1.41",
		.object = (char *)"a",
		.complete = true,
		.grade = {.level = GRADE_READ},
	};
	struct policy_subject s = {
		.container = c,
		.creator = c,
		.daemon = DAEMON_DOCKER,
		.socket_path = "/var/run/docker.sock",
		.socket_host_path = "/run/docker.sock",
		.time_ns = NOW_NS,
	};
	struct policy_answer answer = policy_ask(policy, &s);

	CHECK(!answer.rule == (answer.said == POLICY_SILENT));
	request.route = request.path + strlen("/v1.41");
	s.request = &request;
	answer = policy_ask(policy, &s);
	CHECK(!answer.rule == (answer.said == POLICY_SILENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	AUTO_POLICY struct policy *policy = NULL;
	AUTO_CONTAINER struct container *c = container_new(RUNTIME_DOCKER, "a");
	AUTO_FREE char *text = malloc(in.size + 1);
	size_t wrong = 0;
	int err;

	CHECK(c && text);
	memcpy(text, in.data, in.size);
	text[in.size] = '\0';
	err = policy_parse("p", text, in.size, complain, &wrong, &policy);
	CHECK((err == 0) == (wrong == 0));
	if (err)
		return 0;
	for (size_t i = 0; i < policy->count; i++) {
		AUTO_FREE char *words = rule_explain(&policy->rules[i]);

		check_printable(words, SIZE_MAX);
	}
	policy_lint(policy, NOW_NS, warn, NULL);
	(void)policy_next_expiry(policy, NOW_NS);
	CHECK(!container_set(&c->name, "web-1") && !container_set(&c->image, "traefik:v2"));
	ask(policy, c);
	return 0;
}
