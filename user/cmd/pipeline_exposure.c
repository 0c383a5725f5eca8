// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "user/cmd/pipeline_impl.h"
#include "user/exposure/exposure.h"
#include "user/sensor/process.h"
#include "user/util/clock.h"

/* Who could reach a daemon. */

/* What a runtime may take from making a container's process to running its program. */
#define SET_UP_NS (60 * SECOND_NS)

static int file_collect(void *ctx, const struct listener *l)
{
	struct pipeline *p = ctx;

	if (l->scope != SCOPE_HOST || !l->fs_path)
		return 0;
	if (p->file_count == SOCKETS_MAX)
		return -ENOSPC;
	p->files[p->file_count] = (struct socket_file){
		.dev = l->dev,
		.fs_path = l->fs_path,
		.path = l->host_path,
	};
	p->file_listeners[p->file_count++] = l;
	return 0;
}

void pipeline_collect_files(struct pipeline *p)
{
	p->file_count = 0;
	listeners_each(p->listeners, file_collect, p);
}

/* What stands for a container that has no id. */
#define NAMESPACE_LABEL 32

static void namespace_label(const struct record *r, char out[NAMESPACE_LABEL])
{
	snprintf(out, NAMESPACE_LABEL, "mnt:%" PRIu32, r->raw.mnt_ns);
}

struct exposure_seen {
	struct pipeline *pipeline;
	const struct sighting *sighting;
};

static int exposure_emit(const struct socket_file *socket, const struct mount_use *use, void *ctx)
{
	const struct exposure_seen *seen = ctx;
	const struct sighting *s = seen->sighting;
	struct pipeline *p = seen->pipeline;
	const struct listener *listener = p->file_listeners[socket - p->files];
	char namespace[NAMESPACE_LABEL];
	struct event event = {
		.action = EVENT_SOCKET_EXPOSED,
		.time_ns = clock_epoch_ns(),
		.record = &p->record,
		.container = s->container,
		.attribution = s->attribution,
		.listener = listener,
		.mount = use,
	};

	if (pipeline_limit_reached(p))
		return -ECANCELED;
	/* What leads nowhere is nothing that happens; it is for an audit to tell. */
	if (use->stale && !p->audit)
		return 0;
	pipeline_tcp_holds(p, s, listener, use);
	namespace_label(&p->record, namespace);
	if (!exposed_add(p->exposed, s->container ? s->container->id : namespace, listener->path,
			 use->target ? use->target : ""))
		return 0;
	/* What it is called there is what its failed connects are known by. */
	if (use->via == VIA_SOCKET_BIND && use->target)
		listeners_name_add(p->listeners, use->target);
	pipeline_judge(p, &event, s);
	p->written++;
	pipeline_emit(p, &event);
	return 0;
}

/* Does p->record's process reach a socket by its mounts? */
static void exposures_look(struct pipeline *p, const struct sighting *s)
{
	struct exposure_seen seen = {.pipeline = p, .sighting = s};
	const struct mount_table *host = NULL;
	const struct mount_table *table = NULL;

	if (s->host)
		return;
	pipeline_collect_files(p);
	table = reach_table(p->reach, &p->record);
	host = reach_host(p->reach);
	if (table && host && p->file_count)
		exposure_scan(table, host, s->container, p->files, p->file_count, exposure_emit,
			      &seen);
}

bool pipeline_half_set_up(const struct record *r, const struct sighting *s)
{
	return s->container && !s->first && (r->raw.flags & DS_F_INIT_ROOT) &&
	       r->raw.time_ns - r->raw.start_ns < SET_UP_NS;
}

/*
 * The number of its mount namespace may have been another one's, gone by now.
 * The mount table comes first: the process can be gone in a moment.
 */
static void namespace_started(struct pipeline *p)
{
	char namespace[NAMESPACE_LABEL] = "";

	if (p->record.raw.flags & DS_F_INIT_MNT_NS)
		return;
	reach_forget(p->reach, &p->record);
	reach_table(p->reach, &p->record);
	namespace_label(&p->record, namespace);
	exposed_forget(p->exposed, namespace);
}

void pipeline_take_start(struct pipeline *p)
{
	struct sighting s = {0};

	namespace_started(p);
	if (tracker_start(p->tracker, &p->record, &s))
		return;
	if (!pipeline_half_set_up(&p->record, &s))
		exposures_look(p, &s);
	sighting_clear(&s);
}

static int process_scan(void *ctx, uint32_t pid)
{
	struct pipeline *p = ctx;
	struct sighting s = {0};

	if (tracker_process(p->tracker, pid, &p->record, &s))
		return 0; /* gone meanwhile */
	if (!pipeline_half_set_up(&p->record, &s))
		exposures_look(p, &s);
	sighting_clear(&s);
	return 0;
}

void pipeline_scan(struct pipeline *p)
{
	p->rescan = false;
	process_each(p->options.procfd, process_scan, p);
}
