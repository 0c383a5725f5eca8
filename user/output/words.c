// SPDX-License-Identifier: Apache-2.0
#include "user/output/words.h"

#include <errno.h>
#include <string.h>

#include "user/util/file.h"
#include "user/util/text.h"

/* The kernel's own, of a connect(2) that is interrupted and restarted (include/linux/errno.h). */
#define ERESTARTSYS 512

const char *action_name(enum event_action action)
{
	switch (action) {
	case EVENT_SOCKET_CONNECT:
		return "socket-connect";
	case EVENT_SOCKET_HANDOFF:
		return "socket-handoff";
	case EVENT_API_REQUEST:
		return "api-request";
	case EVENT_SOCKET_EXPOSED:
		return "socket-exposed";
	case EVENT_EVENTS_LOST:
		return "events-lost";
	case EVENT_MONITOR_STARTED:
		return "monitor-started";
	case EVENT_MONITOR_STOPPED:
		return "monitor-stopped";
	case EVENT_POLICY_LOADED:
		return "policy-loaded";
	}
	return NULL;
}

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_NONE:
		return NULL;
	case VERDICT_FLAGGED:
		return "flagged";
	case VERDICT_JUSTIFIED:
		return "justified";
	case VERDICT_EXPIRED:
		return "expired";
	case VERDICT_HOST:
		return "host";
	}
	return NULL;
}

const char *attribution_name(enum attribution_by by)
{
	switch (by) {
	case ATTRIBUTED_BY_NONE:
		return "none";
	case ATTRIBUTED_BY_CGROUP:
		return "cgroup";
	case ATTRIBUTED_BY_NAMESPACE:
		return "namespace";
	case ATTRIBUTED_BY_ANCESTOR:
		return "ancestor";
	case ATTRIBUTED_BY_MOUNTINFO:
		return "mountinfo";
	}
	return NULL;
}

const char *scope_name(enum listener_scope scope)
{
	switch (scope) {
	case SCOPE_HOST:
		return "host";
	case SCOPE_NESTED:
		return "nested";
	}
	return NULL;
}

const char *error_name(int error, char buf[ERROR_NAME_SIZE])
{
	const char *name = error == ERESTARTSYS ? "ERESTARTSYS" : strerrorname_np(error);

	if (name)
		return name;
	snprintf(buf, ERROR_NAME_SIZE, "%d", error);
	return buf;
}

int memstream_close(FILE *stream)
{
	bool failed = ferror(stream);

	return fclose(stream) || failed ? -ENOMEM : 0;
}

void put_escaped(FILE *out, const char *s)
{
	char shown[512] = "";
	size_t whole = text_escape(shown, sizeof(shown), s, strlen(s));

	fprintf(out, "%s%s", shown, whole >= sizeof(shown) ? "…" : "");
}

void put_id(FILE *out, const char *id)
{
	size_t digits = strspn(id, "0123456789abcdef");

	if (digits >= 32 && !id[digits])
		fprintf(out, "%.12s", id);
	else
		put_escaped(out, id);
}

void put_container(FILE *out, const struct event *event)
{
	const struct container *c = event->container;

	if (!c) {
		fputs("unknown", out);
		if (event->record && event->record->cgroup[0]) {
			fputs(" (cgroup ", out);
			put_escaped(out, event->record->cgroup);
			fputc(')', out);
		}
	} else {
		if (c->pod_namespace) {
			put_escaped(out, c->pod_namespace);
			fputc('/', out);
		}
		if (c->pod_name) {
			put_escaped(out, c->pod_name);
			fputc('/', out);
		}
		if (c->name)
			put_escaped(out, c->name);
		else
			put_id(out, c->id);
		if (c->image) {
			fputs(" (", out);
			put_escaped(out, c->image);
			fputc(')', out);
		}
	}
	if (event->attribution.outer_id) {
		fputs(" in ", out);
		put_id(out, event->attribution.outer_id);
	}
}

enum daemon event_daemon(const struct event *event)
{
	if (event->listener)
		return event->listener->daemon;
	return event_by_name(event) ? daemon_by_path(event->record->client_path) : DAEMON_NONE;
}

const char *socket_daemon(const struct event *event)
{
	const char *name = daemon_name(event_daemon(event));

	return name ? name : "unknown daemon";
}

const char *socket_path(const struct event *event)
{
	if (event->record && event->record->bound_path[0])
		return event->record->bound_path;
	return event->listener ? event->listener->path : "";
}

char *socket_path_inside(const struct event *event)
{
	const struct mount_use *mount = event->mount;
	const struct listener *listener = event->listener;
	const char *below = NULL;
	char *path = NULL;

	if (event->record && event->record->client_path[0])
		return strdup(event->record->client_path);
	if (!mount || !mount->target)
		return strdup("");
	if (listener && mount->source) {
		if (listener->host_path)
			below = path_after(listener->host_path, mount->source);
		if (!below)
			below = path_after(listener->path, mount->source);
	}
	/* a target of "/" must not give "//run" */
	if (str_format(&path, "%s%s",
		       strcmp(mount->target, "/") || !below || !*below ? mount->target : "",
		       below ? below : "") < 0)
		return NULL;
	return path;
}
