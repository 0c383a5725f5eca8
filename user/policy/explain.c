// SPDX-License-Identifier: Apache-2.0
/* A rule in words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/policy/policy.h"
#include "user/util/text.h"

static const char *const match_words[MATCH_KEYS] = {
	[MATCH_CONTAINER] = "named",
	[MATCH_IMAGE] = "of the image",
	[MATCH_IMAGE_DIGEST] = "of the image with the digest",
	[MATCH_COMPOSE_PROJECT] = "of the Compose project",
	[MATCH_COMPOSE_SERVICE] = "of the Compose service",
	[MATCH_KUBERNETES_NAMESPACE] = "in the Kubernetes namespace",
	[MATCH_CREATED_BY] = "made through the socket by the container",
};

static void put(FILE *out, const char *text)
{
	char shown[1024];

	text_escape(shown, sizeof(shown), text, strlen(text));
	fputs(shown, out);
}

static void put_match(FILE *out, const struct rule *rule)
{
	const char *between = " ";

	fputs("  Containers", out);
	for (int key = 0; key < MATCH_KEYS; key++) {
		if (!rule->match[key])
			continue;
		fprintf(out, "%s%s '", between, match_words[key]);
		put(out, rule->match[key]);
		fputs("'", out);
		between = ", ";
	}
	for (size_t i = 0; i < rule->label_count; i++) {
		fprintf(out, "%swith the label ", between);
		put(out, rule->labels[i].key);
		fputs(" '", out);
		put(out, rule->labels[i].glob);
		fputs("'", out);
		between = ", ";
	}
	if (!strcmp(between, " "))
		fputs(" of any name and image", out);
}

static void put_sockets(FILE *out, const struct rule *rule)
{
	const char *between = "";

	fputs("\n  may reach ", out);
	for (int d = DAEMON_DOCKER; d <= DAEMON_OTHER; d++) {
		if (!(rule->daemons & 1U << d))
			continue;
		fprintf(out, d == DAEMON_OTHER ? "%sdaemons of other kinds" : "%s%s", between,
			daemon_name((enum daemon)d));
		between = " and ";
	}
	for (size_t i = 0; i < rule->socket_count; i++) {
		fprintf(out, "%sthe socket ", between);
		put(out, rule->sockets[i]);
		between = " and ";
	}
}

static void put_requests(FILE *out, const struct rule *rule)
{
	static const char *const levels[] = {
		[GRADE_PROBE] = "only to ask whether it is there and what it is",
		[GRADE_READ] = "to read of containers, images and the like, but no secrets",
		[GRADE_SENSITIVE_READ] = "to read all that it tells, secrets and files included",
		[GRADE_WRITE] = "to read all, and to start, stop and change containers",
		[GRADE_EXEC] = "to read and change all, and to run programs in any container",
		[GRADE_TAKEOVER] = "for everything, and so has root on the host",
	};

	fprintf(out, "\n  %s", levels[rule->highest]);
	for (size_t i = 0; i < rule->exact_count; i++) {
		fputs(i ? ", " : "; besides: ", out);
		put(out, rule->exact[i].method);
		fputc(' ', out);
		put(out, rule->exact[i].path);
	}
}

char *rule_explain(const struct rule *rule)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	put_match(out, rule);
	put_sockets(out, rule);
	put_requests(out, rule);
	fputs(",\n  because: ", out);
	put(out, rule->reason);
	fputs(".\n  ", out);
	put(out, rule->owner);
	fprintf(out, " answers for it, until the end of %s (UTC).\n", rule->expires);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
