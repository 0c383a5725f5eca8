// SPDX-License-Identifier: Apache-2.0
#include "user/http/grade.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/http/conversation.h"
#include "user/http/go_json.h"
#include "user/http/grade_body.h"
#include "user/http/grade_table.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/text.h"

static const struct level {
	const char *name;
	int severity;
} levels[] = {
	[GRADE_PROBE] = {"probe", 21},
	[GRADE_READ] = {"read", 21},
	[GRADE_SENSITIVE_READ] = {"sensitive-read", 47},
	[GRADE_WRITE] = {"write", 73},
	[GRADE_EXEC] = {"exec", 73},
	[GRADE_TAKEOVER] = {"takeover", 99},
	[GRADE_OPAQUE] = {"opaque", 73},
	[GRADE_UNKNOWN] = {"unknown", 73},
};

const char *grade_name(enum grade_level level)
{
	return levels[level].name;
}

int grade_parse(const char *name, enum grade_level *out)
{
	for (int level = GRADE_PROBE; level <= GRADE_UNKNOWN; level++) {
		if (strcmp(levels[level].name, name) != 0)
			continue;
		*out = (enum grade_level)level;
		return 0;
	}
	return -EINVAL;
}

int grade_severity(enum grade_level level)
{
	return levels[level].severity;
}

void grade_because(struct grade *out, const char *fmt, ...)
{
	char text[4 * GRADE_REASON_SIZE];
	va_list ap;
	int n;

	if (out->reason_count == GRADE_REASONS_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	text_escape(out->reasons[out->reason_count], GRADE_REASON_SIZE, text, (size_t)n);
	for (size_t i = 0; i < out->reason_count; i++)
		if (!strcmp(out->reasons[i], out->reasons[out->reason_count]))
			return; /* said already */
	out->reason_count++;
}

void grade_raise(struct grade *out, enum grade_level level)
{
	if (level > out->level)
		out->level = level;
}

static bool method_matches(const char *method, const char *of)
{
	if (*of == '*' || !strcmp(method, of))
		return true;
	return !strcmp(of, "GET") && !strcmp(method, "HEAD");
}

static const struct grade_row *row_find(const char *method, const struct target *target,
					const char **object, size_t *size)
{
	for (size_t i = 0; i < grade_row_count; i++) {
		*object = NULL;
		*size = 0;
		if (method_matches(method, grade_rows[i].method) &&
		    route_matches(target->route, grade_rows[i].route, object, size))
			return &grade_rows[i];
	}
	*object = NULL;
	*size = 0;
	return NULL;
}

void route_find(const char *method, const struct target *target, struct route *out)
{
	struct route route = {.endpoint = ""};
	const struct grade_row *row = row_find(method, target, &route.object, &route.object_size);

	if (row)
		route.endpoint = row->route;
	*out = route;
}

size_t grade_body_room(const char *method, const struct target *target)
{
	const char *object = NULL;
	size_t size = 0;
	const struct grade_row *row = row_find(method, target, &object, &size);

	if (!row)
		return 0;
	switch (row->look) {
	case LOOK_CREATE:
	case LOOK_SERVICE:
	case LOOK_VOLUME:
	case LOOK_EXEC:
		return HTTP_BODY_MAX;
	case LOOK_NOTHING:
	case LOOK_ARCHIVE:
	case LOOK_BUILD:
		break;
	}
	return 0;
}

static const struct container *container_find(const struct grade_context *context,
					      const char *object, size_t size)
{
	AUTO_FREE char *name = object ? strndup(object, size) : NULL;

	return name && context->container ? context->container(context->ctx, name) : NULL;
}

static bool holds_socket(const struct container *c, const struct grade_context *context)
{
	for (size_t i = 0; i < c->mount_count; i++)
		for (const char *const *s = context->sockets; s && *s && c->mounts[i].source; s++)
			if (path_after(*s, c->mounts[i].source))
				return true;
	return false;
}

/* What is done in a container that has the host itself. */
static void look_at_container(const struct container *c, const struct grade_context *context,
			      bool binds, struct grade *out)
{
	const char *what = NULL;

	if (!c)
		return;
	if (c->privileged)
		what = "in a privileged container";
	else if (c->host_pid)
		what = "in a container with the host's processes";
	else if (holds_socket(c, context))
		what = "in a container that holds the socket";
	for (size_t i = 0; binds && !what && i < c->mount_count; i++)
		if (!strcmp(c->mounts[i].type, "bind"))
			what = "in a container with folders of the host";
	if (!what)
		return;
	grade_raise(out, GRADE_TAKEOVER);
	grade_because(out, "%s", what);
}

static int look_at_body(const struct grade_input *in, const struct grade_row *row,
			const struct grade_context *context, struct grade *out)
{
	/* Neither is looked at: so it is not even read. */
	static const char *const secrets[] = {
		"env",		 "environment", "password", "auth",   "identitytoken",
		"registrytoken", "secret_env",	"data",	    "labels", NULL};
	struct go_json json = {0};
	int err = go_json_read(in->body, in->body_size, secrets, &json);

	if (err)
		return err;
	switch (row->look) {
	case LOOK_CREATE:
		if (in->target->libpod)
			grade_spec_body(json.root, context, out);
		else
			grade_create_body(json.root, context, out);
		break;
	case LOOK_SERVICE:
		grade_service_body(json.root, context, out);
		break;
	case LOOK_VOLUME:
		grade_volume_body(json.root, out);
		break;
	case LOOK_EXEC:
		if (json_is_true(go_json_get(json.root, "privileged"))) {
			grade_raise(out, GRADE_TAKEOVER);
			grade_because(out, "privileged");
		}
		break;
	case LOOK_NOTHING:
	case LOOK_ARCHIVE:
	case LOOK_BUILD:
		break;
	}
	/* No honest one is so large: what is behind is taken for what it would hide. */
	if (in->body_cut) {
		grade_raise(out, GRADE_TAKEOVER);
		grade_because(out, "the body is larger than what is looked at");
	} else if (!json.valid) {
		grade_because(out, "the body is no JSON");
	} else if (!in->body_whole || !json.whole) {
		grade_because(out, "the body was not seen whole");
	}
	go_json_clear(&json);
	return 0;
}

/* Of networks: the host's own. */
static int look_at_build(const struct target *target, struct grade *out)
{
	AUTO_FREE char *network = NULL;
	AUTO_FREE char *remote = NULL;
	int err = query_get(target->query, "networkmode", &network);

	if (err == -ENOMEM)
		return err;
	if (!err && !strcmp(network, "host")) {
		grade_raise(out, GRADE_TAKEOVER);
		grade_because(out, "network host");
	}
	err = query_get(target->query, "remote", &remote);
	if (!err && *remote)
		grade_because(out, "from elsewhere");
	return err == -ENOMEM ? err : 0;
}

static int look(const struct grade_input *in, const struct grade_row *row,
		const struct container *c, const struct grade_context *context, struct grade *out)
{
	switch (row->look) {
	case LOOK_NOTHING:
		return 0;
	case LOOK_ARCHIVE:
		look_at_container(c, context, true, out);
		return 0;
	case LOOK_BUILD:
		return look_at_build(in->target, out);
	case LOOK_EXEC:
		look_at_container(c, context, false, out);
		return look_at_body(in, row, context, out);
	case LOOK_CREATE:
	case LOOK_SERVICE:
	case LOOK_VOLUME:
		return look_at_body(in, row, context, out);
	}
	return 0;
}

int grade_request(const struct grade_input *in, const struct grade_context *context,
		  struct grade *out)
{
	AUTO_FREE struct grade *g = calloc(1, sizeof(*g));
	const char *object = NULL;
	size_t size = 0;
	const struct grade_row *row = row_find(in->method, in->target, &object, &size);
	int err = 0;

	if (!g)
		return -ENOMEM;
	if (row) {
		g->level = row->level;
		if (row->reason)
			grade_because(g, "%s", row->reason);
		err = look(in, row, container_find(context, object, size), context, g);
	} else {
		g->level = !strcmp(in->method, "GET") || !strcmp(in->method, "HEAD") ? GRADE_READ
										     : GRADE_WRITE;
	}
	if (!err)
		*out = *g;
	return err;
}
