// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/audit/lead.h"
#include "user/cmd/pipeline_impl.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* One look at all containers, those that run and those that do not. */

struct known_id {
	char id[CONTAINER_ID_MAX + 1];
	UT_hash_handle hh;
};

struct pipeline_audit {
	finding_fn fn;
	void *ctx;
	struct known_id *running;
	struct known_id *looked_at;
	int err;
};

static bool ids_have(const struct known_id *ids, const char *id)
{
	const struct known_id *found = NULL;

	HASH_FIND_STR(ids, id, found);
	return found;
}

static int ids_add(struct known_id **ids, const char *id)
{
	struct known_id *one = NULL;

	if (ids_have(*ids, id))
		return 0;
	one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	snprintf(one->id, sizeof(one->id), "%s", id);
	HASH_ADD_STR(*ids, id, one);
	return 0;
}

static void ids_free(struct known_id **ids)
{
	struct known_id *one = NULL, *tmp = NULL;

	HASH_ITER(hh, *ids, one, tmp)
	{
		HASH_DEL(*ids, one);
		free(one);
	}
}

static void finding_tell(struct pipeline_audit *audit, const struct finding *finding)
{
	int err = audit->fn(audit->ctx, finding);

	audit->err = audit->err ? audit->err : err;
}

/* "/run:/hostrun:ro", as docker's -v spells it */
static int mount_spell(const struct mount_use *use, char **out)
{
	return str_format(out, "%s:%s%s", use->source ? use->source : "?",
			  use->target ? use->target : "?", use->read_only ? ":ro" : "");
}

void pipeline_audit_take(struct pipeline *p, const struct event *event)
{
	struct pipeline_audit *audit = p->audit;
	const struct mount_use *use = event->mount;
	AUTO_FREE char *spelling = NULL;
	struct finding finding = {
		.way = event->address ? WAY_TCP : WAY_MOUNT,
		.container = event->container,
		.via = use ? use->via : VIA_UNKNOWN,
		.read_only = use && use->read_only,
		.stale = use && use->stale,
	};
	int err = 0;

	if (event->action != EVENT_SOCKET_EXPOSED)
		return;
	if (event->listener)
		finding.daemon = event->listener->daemon;
	if (event->address) {
		finding.socket = event->address;
		err = str_format(&spelling, "%s at %s",
				 use ? "listens" : "the daemon itself listens", event->address);
	} else {
		if (event->listener)
			finding.socket = event->listener->host_path ? event->listener->host_path
								    : event->listener->path;
		err = mount_spell(use, &spelling);
	}
	finding.spelling = spelling;
	if (err)
		audit->err = err;
	else
		finding_tell(audit, &finding);
}

/* --- what a runtime's files say ---------------------------------------------------------------- */

static void powers_tell(struct pipeline *p, const struct container *c, bool stopped)
{
	struct finding finding = {
		.container = c,
		.via = VIA_PROC_ROOT,
		.daemon = DAEMON_DOCKER,
		.stopped = stopped,
	};

	if (c->privileged) {
		finding.way = WAY_PRIVILEGED;
		finding.spelling = "privileged: true";
		finding_tell(p->audit, &finding);
	}
	if (c->host_pid) {
		finding.way = WAY_HOST_PID;
		finding.spelling = "pid: host";
		finding_tell(p->audit, &finding);
	}
}

static enum mount_via config_via(const struct container_mount *m, const char *source,
				 const char *rest)
{
	if (m->volume)
		return VIA_VOLUME;
	if (!*rest)
		return VIA_SOCKET_BIND;
	return strcmp(source, "/") ? VIA_DIRECTORY_BIND : VIA_HOST_ROOT;
}

static void config_mount_tell(struct pipeline *p, const struct container *c,
			      const struct container_mount *m)
{
	/* The runtime follows the host's links when it mounts. */
	AUTO_FREE char *resolved = m->source ? realpath(m->source, NULL) : NULL;
	const char *source = resolved ? resolved : m->source;
	const struct lead lead = lead_find(source ? source : "");
	AUTO_FREE char *spelling = NULL;
	struct finding finding = {
		.way = WAY_MOUNT,
		.container = c,
		.read_only = m->read_only,
		.stopped = true,
	};
	struct finding from_lead;
	bool told = false;

	if (!source || str_format(&spelling, "%s:%s%s", m->volume ? m->volume : m->source,
				  m->destination, m->read_only ? ":ro" : ""))
		return;
	finding.spelling = spelling;
	for (size_t i = 0; i < p->file_count; i++) {
		const char *path = p->files[i].path;
		const char *rest = path ? path_after(path, source) : NULL;

		if (!rest)
			continue;
		finding.via = config_via(m, source, rest);
		finding.daemon = p->file_listeners[i]->daemon;
		finding.socket = path;
		finding_tell(p->audit, &finding);
		told = true;
	}
	/* No daemon listens there now: it will, once it is started. */
	if (told || lead.kind == LEAD_NOWHERE || lead.kind == LEAD_PERHAPS)
		return;
	from_lead = lead_finding(&lead, m->volume);
	finding.via = from_lead.via;
	finding.daemon = from_lead.daemon;
	finding.socket = from_lead.socket;
	finding_tell(p->audit, &finding);
}

static int container_audit(void *ctx, enum runtime runtime, const char *id)
{
	struct pipeline *p = ctx;
	struct pipeline_audit *audit = p->audit;
	AUTO_CONTAINER struct container *c = NULL;
	bool running = ids_have(audit->running, id);
	int err;

	if (ids_have(audit->looked_at, id))
		return 0;
	err = ids_add(&audit->looked_at, id);
	err = err ? err : container_load(p->dirs, runtime, id, &c);
	if (err == -ENOMEM)
		return err;
	if (!c)
		return 0; /* a folder that is no container's, or one that has gone meanwhile */
	if (err == -EINVAL) {
		const struct finding finding = {
			.way = WAY_UNDECIDED,
			.container = c,
			.spelling = "what its runtime keeps of it",
			.stopped = !running,
			.unknown = "its files could not be understood in full",
		};

		finding_tell(audit, &finding);
	}
	powers_tell(p, c, !running);
	for (size_t i = 0; !running && i < c->mount_count; i++)
		config_mount_tell(p, c, &c->mounts[i]);
	return audit->err;
}

static int running_note(void *ctx, uint32_t pid)
{
	struct pipeline *p = ctx;
	char cgroup[DS_CGROUP_MAX + 1];
	struct cgroup_owner owner;

	if (process_cgroup(p->options.procfd, pid, cgroup))
		return 0;
	cgroup_parse(cgroup, &owner);
	return owner.runtime == RUNTIME_NONE ? 0 : ids_add(&p->audit->running, owner.id);
}

int pipeline_audit(struct pipeline *p, finding_fn fn, void *ctx)
{
	struct pipeline_audit audit = {.fn = fn, .ctx = ctx};
	int err = listeners_refresh(p->listeners, true);

	if (err)
		return err;
	p->audit = &audit;
	err = process_each(p->options.procfd, running_note, p);
	if (!err) {
		pipeline_scan(p);
		pipeline_tcp_refresh(p, true);
		pipeline_collect_files(p);
		err = containers_each(p->dirs, container_audit, p);
	}
	p->audit = NULL;
	ids_free(&audit.running);
	ids_free(&audit.looked_at);
	return err ? err : audit.err;
}
