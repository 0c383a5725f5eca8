// SPDX-License-Identifier: Apache-2.0
#include "user/output/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/output/event_request.h"
#include "user/output/words.h"
#include "user/util/cleanup.h"

/* A list that is longer than this is for JSON, not for a sentence. */
#define SOCKETS_SHOWN 4

static void put_host_process(FILE *out, const char *comm, uint32_t pid)
{
	fputs("host process ", out);
	put_escaped(out, comm);
	fprintf(out, "[%" PRIu32 "]", pid);
}

static void put_who(FILE *out, const struct event *event)
{
	if (event->verdict == VERDICT_HOST && event->record) {
		put_host_process(out, event->record->raw.comm, event->record->raw.tgid);
	} else if (event->verdict == VERDICT_HOST) {
		fputs("a host process", out);
	} else {
		fputs(event->container ? "container " : "a container that is ", out);
		put_container(out, event);
	}
}

static void put_daemon(FILE *out, const struct event *event)
{
	const char *name = daemon_name(event_daemon(event));
	bool nested = event->listener && event->listener->scope == SCOPE_NESTED;

	if (name && strcmp(name, "other"))
		fprintf(out, "the %s daemon", name);
	else
		fputs("a daemon", out);
	if (nested)
		fputs(" of a container", out);
}

/* ", a bind mount of /var/run/docker.sock": what the path before it goes through */
static void put_mount(FILE *out, const struct mount_use *mount, const char *path)
{
	static const struct {
		const char *text;
		const char *before_source;
	} kinds[] = {
		[VIA_UNKNOWN] = {"by a mount that was not found", NULL},
		[VIA_SOCKET_BIND] = {"a bind mount", " of "},
		[VIA_DIRECTORY_BIND] = {"in the bind mount of the directory", " "},
		[VIA_HOST_ROOT] = {"in the bind mount of the host's root", " "},
		[VIA_VOLUME] = {"in a volume", " of "},
		[VIA_PROC_ROOT] = {"by way of the root of another process", NULL},
		[VIA_HOST_NAMESPACE] = {"being in the host's own mount namespace", NULL},
		[VIA_HANDOFF] = {"by a connection that was handed over", NULL},
	};

	fprintf(out, ", %s", kinds[mount->via].text);
	if (mount->source && kinds[mount->via].before_source) {
		fputs(kinds[mount->via].before_source, out);
		put_escaped(out, mount->source);
	}
	if (mount->target && strcmp(mount->target, path) != 0) {
		fputs(" at ", out);
		put_escaped(out, mount->target);
	}
	if (mount->stale)
		fputs("; the mount is stale and leads nowhere: the socket was made anew since",
		      out);
	else if (mount->known && mount->read_only)
		fputs("; read-only protects nothing: requests pass through it unchanged", out);
}

/* " by way of container proxy (image)": who listens there in the daemon's place */
static void put_proxy(FILE *out, const struct container *proxy)
{
	const struct event one = {.container = proxy};

	fputs(", by way of the container ", out);
	put_container(out, &one);
}

static void put_connect(FILE *out, const struct event *event, const char *path)
{
	char number[ERROR_NAME_SIZE] = "";

	put_who(out, event);
	fputs(event->already_open ? " holds a connection, from before docksnoop started, to "
	      : event_failed(event) || event->outcome_unknown ? " tried to reach "
							      : " reached ",
	      out);
	put_daemon(out, event);
	if (event->address)
		fprintf(out, " at %s", event->address);
	if (event->proxied)
		put_proxy(out, event->proxy);
	if (*path) {
		fputs(" through ", out);
		put_escaped(out, path);
	}
	if (event->mount)
		put_mount(out, event->mount, path);
	if (event->count)
		fprintf(out, ", %" PRIu64 " times", event->count);
	if (event->outcome_unknown)
		fputs("; whether it was answered is not known", out);
	if (event->error)
		fprintf(out, "; the connect failed with %s", error_name(event->error, number));
	else if (event_failed(event))
		fputs("; the connect failed, and why is not known", out);
	if (event_by_name(event))
		fputs("; what it was meant for is known by the name alone", out);
	if (event->attribution.anomaly) {
		fputs("; anomaly: ", out);
		put_escaped(out, event->attribution.anomaly);
	}
}

static void put_asked(FILE *out, const struct event *event)
{
	put_who(out, event);
	fputs(" asked ", out);
	put_daemon(out, event);
	fputs(": ", out);
	put_request(out, event->request);
	if (event->attribution.anomaly) {
		fputs("; anomaly: ", out);
		put_escaped(out, event->attribution.anomaly);
	}
}

static void put_handoff(FILE *out, const struct event *event)
{
	const struct opener *opener = event->opener;
	const struct event theirs = {
		.verdict = opener && opener->sighting.host ? VERDICT_HOST : VERDICT_NONE,
		.container = opener ? opener->sighting.container : NULL,
		.attribution = opener ? opener->sighting.attribution : (struct attribution){0},
	};

	put_who(out, event);
	fputs(" uses a connection to ", out);
	put_daemon(out, event);
	fputs(opener && opener->already_open ? ", held before by " : ", opened by ", out);
	if (theirs.verdict == VERDICT_HOST)
		put_host_process(out, opener->comm, opener->tgid);
	else
		put_who(out, &theirs);
	if (event->attribution.anomaly) {
		fputs("; anomaly: ", out);
		put_escaped(out, event->attribution.anomaly);
	}
}

/* A daemon of the host that listens on TCP itself. */
static void put_exposed_daemon(FILE *out, const struct event *event)
{
	put_daemon(out, event);
	fprintf(out, " listens at %s, for %s", event->address,
		event->address_local ? "every process in its network namespace"
				     : "whoever reaches that address");
}

static void put_exposed(FILE *out, const struct event *event, const char *path)
{
	if (event->address && !event->mount) {
		put_exposed_daemon(out, event);
		return;
	}
	put_who(out, event);
	if (event->address)
		fprintf(out, " listens at %s, for %s, and", event->address,
			event->address_local ? "every process in its network namespace"
					     : "whoever reaches that address");
	fputs(event->mount && event->mount->stale ? " was given " : " can reach ", out);
	put_daemon(out, event);
	if (*path) {
		fputs(" through ", out);
		put_escaped(out, path);
	}
	if (event->mount)
		put_mount(out, event->mount, path);
}

/* What to do about it, where anything can be done. */
static void put_lost_advice(FILE *out, const char *place)
{
	static const struct {
		const char *place; /* or how it begins */
		const char *advice;
	} known[] = {
		{"ring", "docksnoop did not get a CPU in time, or a container starts processes by "
			 "the thousand: see whose connects come before and after"},
		{"host-ring", "docksnoop did not get a CPU in time, or the host's own processes "
			      "connect by the thousand"},
		{"sink:", "see why that output took no lines"},
		{"restart",
		 "docksnoop was killed: see who did that, or the kernel's log for a lack "
		 "of memory"},
		{"memory", "docksnoop had no memory left"},
		{"slow-disk",
		 "the runtime's files could not be read in time: see what its disk does"},
		{"decode", "programs of another docksnoop may be attached: stop both, and unpin"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strncmp(place, known[i].place, strlen(known[i].place)) != 0)
			continue;
		fprintf(out, "; %s", known[i].advice);
		return;
	}
}

static void put_lost(FILE *out, const struct event_lost *lost)
{
	bool one = lost->count == 1;

	fprintf(out, "%" PRIu64 " %s record%s lost (%s)", lost->count, lost->kind,
		one ? " was" : "s were", lost->place);
	if (lost->accesses)
		fprintf(out, ", which stood for %" PRIu64 " access%s", lost->accesses,
			lost->accesses == 1 ? "" : "es");
	fputs(": what is recorded has a gap here", out);
	put_lost_advice(out, lost->place);
}

static void put_rule(FILE *out, const struct event *event)
{
	const struct rule *rule = event->rule;

	if (!rule)
		return;
	fputs(event->verdict == VERDICT_JUSTIFIED ? "; justified by the rule '"
	      : event->verdict == VERDICT_EXPIRED ? "; what justified it has run out: the rule '"
	      : event->but == BUT_BEYOND ? "; that is beyond what it is granted by the rule '"
					 : "; in doubt of who it is nothing counts of the rule '",
	      out);
	put_escaped(out, rule->name);
	fprintf(out, "', until %s", rule->expires);
}

static void put_policy(FILE *out, const struct event_policy *policy)
{
	fputs("the policy ", out);
	put_escaped(out, policy->file);
	fputs(policy->error ? " was refused" : " is in force", out);
	if (policy->error) {
		fputs(" (", out);
		put_escaped(out, policy->error);
		fputs("), and the one before stays", out);
	}
	fprintf(out, ", with %zu rule%s", policy->rules, policy->rules == 1 ? "" : "s");
}

static void put_started(FILE *out, const struct event *event)
{
	const struct event_monitor *monitor = &event->monitor;
	size_t shown =
		monitor->socket_count < SOCKETS_SHOWN ? monitor->socket_count : SOCKETS_SHOWN;

	fprintf(out, "docksnoop %s %s in mode %s", monitor->version,
		monitor->resumed ? "goes on where one that was killed ended, and watches"
				 : "watches",
		event->host->mode);
	if (!monitor->socket_count)
		fputs("; no container daemon listens yet", out);
	for (size_t i = 0; i < shown; i++) {
		const char *name = daemon_name(monitor->sockets[i]->daemon);

		fprintf(out, "%s%s ", i ? ", " : ": ", name ? name : "unknown daemon");
		put_escaped(out, monitor->sockets[i]->path);
	}
	if (shown < monitor->socket_count)
		fprintf(out, " and %zu more", monitor->socket_count - shown);
}

char *event_reason(const struct event *event)
{
	AUTO_FREE char *path = socket_path_inside(event);
	char *text = NULL;
	size_t len = 0;
	FILE *out = NULL;

	if (!path)
		return NULL;
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	switch (event->action) {
	case EVENT_SOCKET_CONNECT:
		put_connect(out, event, path);
		break;
	case EVENT_SOCKET_HANDOFF:
		put_handoff(out, event);
		break;
	case EVENT_API_REQUEST:
		put_asked(out, event);
		break;
	case EVENT_SOCKET_EXPOSED:
		put_exposed(out, event, path);
		break;
	case EVENT_EVENTS_LOST:
		put_lost(out, &event->lost);
		break;
	case EVENT_MONITOR_STARTED:
		put_started(out, event);
		break;
	case EVENT_POLICY_LOADED:
		put_policy(out, &event->policy);
		break;
	case EVENT_MONITOR_STOPPED:
		fprintf(out, "docksnoop %s stopped after %" PRIu64 " events, with %" PRIu64 " lost",
			event->monitor.version, event->monitor.emitted, event->monitor.lost);
		break;
	}
	put_rule(out, event);
	if (memstream_close(out)) {
		free(text);
		return NULL;
	}
	return text;
}
