// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "user/cmd/cmd.h"
#include "user/cmd/live.h"
#include "user/policy/policy.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/log.h"

/* Long enough to be worth the work, short enough to be looked at again. */
#define SUGGEST_DAYS 90

/* A container with what it reaches: one rule. */
struct suggestion {
	char *id;
	struct container *container;
	unsigned int daemons;
	UT_hash_handle hh;
};

static int suggestion_take(void *ctx, const struct finding *f)
{
	struct suggestion **all = ctx;
	struct suggestion *s = NULL;

	/* Nothing can be justified that no rule could match. */
	if (!f->container || f->way == WAY_UNDECIDED || f->stale)
		return 0;
	HASH_FIND_STR(*all, f->container->id, s);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->container = container_ref((struct container *)(uintptr_t)f->container);
		s->id = s->container->id;
		HASH_ADD_KEYPTR(hh, *all, s->id, strlen(s->id), s);
	}
	s->daemons |= 1U << (f->daemon != DAEMON_NONE ? f->daemon : DAEMON_DOCKER);
	return 0;
}

static void suggestions_free(struct suggestion **all)
{
	struct suggestion *s = NULL, *tmp = NULL;

	HASH_ITER(hh, *all, s, tmp)
	{
		HASH_DEL(*all, s);
		container_unref(s->container);
		free(s);
	}
}

/* A text in double quotes, as YAML 1.2 (5.7) has it; bytes that are no ASCII stay. */
static void put_quoted(const char *text, bool glob)
{
	putchar('"');
	for (const char *p = text; *p; p++) {
		if (glob && strchr("*?[\\", *p))
			fputs("\\\\", stdout);
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			printf("\\x%02x", (unsigned char)*p);
		else
			putchar(*p);
	}
	putchar('"');
}

static void put_match(const char *between, enum match_key key, const char *value, const char *after)
{
	printf("%s%s: ", between, match_key_name(key));
	put_quoted(value, true);
	fputs(after, stdout);
}

static void put_rule(const struct suggestion *s, const char *expires)
{
	const struct container *c = s->container;
	const char *project = container_label(c, "com.docker.compose.project");
	const char *between = "";

	fputs("  - name: ", stdout);
	put_quoted(c->name ? c->name : c->id, false);
	fputs("\n    match: {", stdout);
	if (c->name) {
		put_match(between, MATCH_CONTAINER, c->name, "");
		between = ", ";
	}
	if (c->image) {
		put_match(between, MATCH_IMAGE, c->image, "");
		between = ", ";
	}
	if (project)
		put_match(between, MATCH_COMPOSE_PROJECT, project, "");
	if (c->pod_namespace)
		put_match(between, MATCH_KUBERNETES_NAMESPACE, c->pod_namespace, "");
	fputs("}\n    sockets: [", stdout);
	between = "";
	for (int d = DAEMON_DOCKER; d <= DAEMON_OTHER; d++) {
		if (!(s->daemons & 1U << d))
			continue;
		printf("%s%s", between, daemon_name((enum daemon)d));
		between = ", ";
	}
	printf("]\n    requests: [read]\n    reason: \"\"\n    owner: \"\"\n    expires: %s\n",
	       expires);
}

int policy_suggest(void)
{
	CLEANUP(suggestions_free) struct suggestion *all = NULL;
	struct suggestion *s = NULL, *tmp = NULL;
	time_t end = time(NULL) + SUGGEST_DAYS * 86400L;
	char expires[16];
	struct tm tm;
	size_t nameless = 0;
	int err;

	if (geteuid()) {
		log_error("not root: the mounts of other users' processes cannot be read");
		return EXIT_UNABLE;
	}
	err = live_look(suggestion_take, &all);
	if (err) {
		log_error("looking at this host's containers: %s", strerror(-err));
		return err == -ENOENT ? EXIT_UNABLE : EXIT_BROKE;
	}
	strftime(expires, sizeof(expires), "%Y-%m-%d", gmtime_r(&end, &tm));
	printf("# What can reach a container daemon on this host now. Take out what should not,\n"
	       "# fill in reason and owner, grant more than reading only where it is needed, and\n"
	       "# look at it with: docksnoop policy check FILE\n"
	       "version: 1\njustified:%s\n",
	       all ? "" : " []");
	HASH_ITER(hh, all, s, tmp)
	{
		if (s->container->name || s->container->image)
			put_rule(s, expires);
		else
			nameless++;
	}
	if (nameless)
		log_warn("%zu container%s of which neither name nor image is known cannot be "
			 "justified",
			 nameless, nameless == 1 ? "" : "s");
	return fflush(stdout) ? EXIT_BROKE : EXIT_DONE;
}
