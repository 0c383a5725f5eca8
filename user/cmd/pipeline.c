// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/container/dataroot.h"
#include "user/container/tracker.h"
#include "user/exposure/exposed.h"
#include "user/exposure/exposure.h"
#include "user/exposure/reach.h"
#include "user/exposure/socket_path.h"
#include "user/policy/verdict.h"
#include "user/sensor/connections.h"
#include "user/sensor/listener.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"

#define SECOND_NS 1000000000ULL
/* After a daemon's program has started it takes a moment until it listens. */
#define REFRESH_FAST_NS	 (SECOND_NS / 5)
#define REFRESH_FAST_FOR (10 * SECOND_NS)
#define REFRESH_NS	 (2 * SECOND_NS)
#define REFRESH_DEEP_NS	 (60 * SECOND_NS)
#define LOST_LOOK_NS	 SECOND_NS
/* What a runtime may take from making a container's process to running its program. */
#define SET_UP_NS   (60 * SECOND_NS)
#define SOCKETS_MAX 256

struct pipeline {
	struct pipeline_options options;
	struct runtime_dirs *dirs;
	struct tracker *tracker;
	struct reach *reach;
	struct exposed *exposed;
	struct listeners *listeners;

	uint64_t refreshed_ns;
	uint64_t refreshed_deep_ns;
	uint64_t fast_until_ns;
	uint64_t lost_looked_ns;
	bool armed;
	bool rescan; /* look at all containers again */

	uint64_t written;
	uint64_t limit;
	int emit_error;
	uint64_t lost;
	uint64_t lost_seen[DS_LOST_COUNT];
	uint64_t misses_seen;
	uint64_t undecoded;
	uint64_t undecoded_seen;

	/* The sockets that a container could be exposed to, as they are now. */
	struct socket_file files[SOCKETS_MAX];
	const struct listener *file_listeners[SOCKETS_MAX];
	size_t file_count;

	struct record record; /* the one being worked on: too large for the stack */
};

/* Was --count reached? Nothing more is to be written then. */
static bool limit_reached(const struct pipeline *p)
{
	return p->limit && p->written >= p->limit;
}

/* --- out -------------------------------------------------------------------------- */

static void event_emit(struct pipeline *p, struct event *event)
{
	/* The sinks count what they could not take, and say so once they take lines again. */
	p->emit_error = stream_emit(p->options.stream, event);
}

static void lost_emit(struct pipeline *p, uint64_t count, const char *kind, const char *place)
{
	struct event event = {
		.action = EVENT_EVENTS_LOST,
		.time_ns = clock_epoch_ns(),
		.lost = {.count = count, .kind = kind, .place = place},
	};

	p->lost += count;
	event_emit(p, &event);
}

/* --- exposures ----------------------------------------------------------------------- */

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
		.verdict = verdict_of(s, listener),
	};

	if (limit_reached(p))
		return -ECANCELED;
	if (use->stale)
		return 0;
	namespace_label(&p->record, namespace);
	if (!exposed_add(p->exposed, s->container ? s->container->id : namespace, listener->path,
			 use->target ? use->target : ""))
		return 0;
	p->written++;
	event_emit(p, &event);
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
	p->file_count = 0;
	listeners_each(p->listeners, file_collect, p);
	table = reach_table(p->reach, &p->record);
	host = reach_host(p->reach);
	if (table && host && p->file_count)
		exposure_scan(table, host, s->container, p->files, p->file_count, exposure_emit,
			      &seen);
}

/* --- connections from before ----------------------------------------------------------- */

static void connection_open(void *ctx, uint32_t pid, const struct listener *listener)
{
	struct pipeline *p = ctx;
	struct sighting s = {0};
	struct mount_use use = {0};
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.time_ns = clock_epoch_ns(),
		.record = &p->record,
		.listener = listener,
		.already_open = true,
	};

	if (tracker_process(p->tracker, pid, &p->record, &s))
		return; /* gone meanwhile */
	p->record.raw.socket_dev = listener->dev;
	p->record.raw.socket_ino = listener->file_ino;
	memcpy(p->record.bound_path, listener->path, sizeof(p->record.bound_path));
	if (!s.host)
		reach_connect(p->reach, &p->record, s.container, listener, &use);
	event.container = s.container;
	event.attribution = s.attribution;
	event.mount = s.host ? NULL : &use;
	event.verdict = verdict_of(&s, listener);
	if ((!s.host || p->options.all) && !limit_reached(p)) {
		p->written++;
		event_emit(p, &event);
	}
	mount_use_clear(&use);
	sighting_clear(&s);
}

/* --- records --------------------------------------------------------------------------- */

static void record_connect(struct pipeline *p)
{
	const struct record *r = &p->record;
	const struct listener *listener = listeners_resolve(p->listeners, r);
	AUTO_FREE char *parent_exe = NULL;
	struct sighting s = {0};
	struct mount_use use = {0};
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.time_ns = clock_boot_to_epoch_ns(r->raw.time_ns),
		.record = r,
		.listener = listener,
		.error = -r->raw.result,
	};

	if (!listener)
		return;
	if (tracker_resolve(p->tracker, r, &s)) {
		lost_emit(p, 1, "connect", "memory");
		return;
	}
	if (!s.host || p->options.all) {
		if (!s.host)
			reach_connect(p->reach, r, s.container, listener, &use);
		if (process_is(p->options.procfd, r->raw.ppid, r->raw.parent_start_ns))
			process_exe(p->options.procfd, r->raw.ppid, &parent_exe);
		event.parent_exe = parent_exe;
		event.container = s.container;
		event.attribution = s.attribution;
		event.mount = s.host ? NULL : &use;
		event.verdict = verdict_of(&s, listener);
		p->written++;
		event_emit(p, &event);
	}
	mount_use_clear(&use);
	sighting_clear(&s);
}

/*
 * A container's first process still sees the host's files until its runtime has
 * changed its root, and so do the runtime's hooks. It is looked at once it
 * starts its program.
 */
static bool half_set_up(const struct record *r, const struct sighting *s)
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
	char namespace[NAMESPACE_LABEL];

	if (p->record.raw.flags & DS_F_INIT_MNT_NS)
		return;
	reach_forget(p->reach, &p->record);
	reach_table(p->reach, &p->record);
	namespace_label(&p->record, namespace);
	exposed_forget(p->exposed, namespace);
}

static void record_start(struct pipeline *p)
{
	struct sighting s = {0};

	namespace_started(p);
	if (tracker_start(p->tracker, &p->record, &s))
		return;
	if (!half_set_up(&p->record, &s))
		exposures_look(p, &s);
	sighting_clear(&s);
}

static void record_daemon(struct pipeline *p)
{
	listeners_daemon_started(p->listeners, p->record.raw.tgid);
	p->fast_until_ns = clock_boot_ns() + REFRESH_FAST_FOR;
	/* In a container it may be its first program as well. */
	if (!(p->record.raw.flags & DS_F_INIT_MNT_NS))
		record_start(p);
}

static int record_take(void *ctx, const void *data, size_t size)
{
	struct pipeline *p = ctx;

	if (record_decode(data, size, &p->record)) {
		p->undecoded++;
		return 0;
	}
	switch (p->record.raw.type) {
	case DS_RECORD_CONNECT:
		record_connect(p);
		break;
	case DS_RECORD_START:
		record_start(p);
		break;
	case DS_RECORD_CGROUP:
		tracker_cgroup(p->tracker, p->record.cgroup);
		break;
	case DS_RECORD_DAEMON:
		record_daemon(p);
		break;
	}
	return limit_reached(p) ? -ECANCELED : 0;
}

int pipeline_drain(struct pipeline *p)
{
	int n;

	if (limit_reached(p))
		return 0;
	n = sensor_consume(p->options.sensor, record_take, p);

	return n < 0 && n != -ECANCELED ? n : 0;
}

/* --- what is there already --------------------------------------------------------------- */

static int process_scan(void *ctx, uint32_t pid)
{
	struct pipeline *p = ctx;
	struct sighting s = {0};

	if (tracker_process(p->tracker, pid, &p->record, &s))
		return 0; /* gone meanwhile */
	if (!half_set_up(&p->record, &s))
		exposures_look(p, &s);
	sighting_clear(&s);
	return 0;
}

static void containers_scan(struct pipeline *p)
{
	p->rescan = false;
	process_each(p->options.procfd, process_scan, p);
}

static void listener_label(const struct listener *l, char *out, size_t size)
{
	char path[4 * sizeof(l->path)];
	char name[4 * sizeof(l->name)];

	text_escape(path, sizeof(path), l->path, strlen(l->path));
	text_escape(name, sizeof(name), l->name, strlen(l->name));
	if (l->pid)
		snprintf(out, size, "%s %s (%s[%" PRIu32 "]%s)", daemon_name(l->daemon), path, name,
			 l->pid, l->scope == SCOPE_NESTED ? ", in a container" : "");
	else
		snprintf(out, size, "%s %s", daemon_name(l->daemon), path);
}

static void listener_found(void *ctx, struct listener *l)
{
	struct pipeline *p = ctx;
	struct socket_path where = {0};
	char label[1024];

	if (l->scope == SCOPE_HOST) {
		/* Through whom it is held; where that is not allowed, by our own eyes. */
		if (!l->pid || socket_path_resolve(p->options.procfd, l->pid, l->path, &where))
			socket_path_resolve(p->options.procfd, getpid(), l->path, &where);
		if ((uint32_t)where.ino == (uint32_t)l->file_ino) {
			l->host_path = take_ptr(where.path);
			l->fs_path = take_ptr(where.fs_path);
		}
		socket_path_clear(&where);
		if (l->pid && daemon_by_program(l->name) != DAEMON_NONE)
			runtime_dirs_add_daemon(p->dirs, p->options.procfd, l->pid);
		p->rescan = true;
	}
	if (p->armed) {
		listener_label(l, label, sizeof(label));
		log_info("now watching %s", label);
	}
}

static void listener_gone(void *ctx, const struct listener *l)
{
	char label[1024];

	(void)ctx;
	listener_label(l, label, sizeof(label));
	log_info("%s listens no more", label);
}

static bool process_nested(void *ctx, uint32_t pid)
{
	struct pipeline *p = ctx;

	return tracker_contained(p->tracker, pid);
}

int pipeline_new(const struct pipeline_options *options, struct pipeline **out)
{
	AUTO_PIPELINE struct pipeline *p = calloc(1, sizeof(*p));
	struct listeners_options lo = {
		.procfd = options->procfd,
		.sensor = options->sensor,
		.sockets = options->sockets,
		.nested = process_nested,
		.found = listener_found,
		.gone = listener_gone,
		.ctx = p,
	};
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->options = *options;
	p->dirs = runtime_dirs_new("/");
	if (!p->dirs)
		return -ENOMEM;
	err = tracker_new(options->procfd, p->dirs, &p->tracker);
	err = err ? err : reach_new(options->procfd, &p->reach);
	err = err ? err : exposed_new(&p->exposed);
	err = err ? err : listeners_new(&lo, &p->listeners);
	if (err)
		return err;
	*out = take_ptr(p);
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	listeners_free(p->listeners);
	exposed_free(p->exposed);
	reach_free(p->reach);
	tracker_free(p->tracker);
	runtime_dirs_free(p->dirs);
	free(p);
}

struct listing {
	const struct listener *listeners[SOCKETS_MAX];
	size_t count;
};

static int listener_list(void *ctx, const struct listener *l)
{
	struct listing *list = ctx;

	if (list->count == SOCKETS_MAX)
		return -ENOSPC;
	list->listeners[list->count++] = l;
	return 0;
}

/* Does something listen at a path that was given with --socket? */
static bool socket_listed(const struct listing *list, const char *path)
{
	AUTO_FREE char *resolved = realpath(path, NULL);

	for (size_t i = 0; i < list->count; i++) {
		const struct listener *l = list->listeners[i];

		if (!strcmp(l->path, path) ||
		    (l->host_path && resolved && !strcmp(l->host_path, resolved)))
			return true;
	}
	return false;
}

static void monitor_emit(struct pipeline *p, enum event_action action, const struct listing *list)
{
	struct event event = {
		.action = action,
		.time_ns = clock_epoch_ns(),
		.monitor =
			{
				.version = DOCKSNOOP_VERSION,
				.sockets = list->listeners,
				.socket_count = list->count,
				.emitted = stream_emitted(p->options.stream),
				.lost = pipeline_lost(p),
			},
	};

	event_emit(p, &event);
}

int pipeline_start(struct pipeline *p)
{
	uint64_t now = clock_boot_ns();
	struct listing list = {0};
	int err = listeners_refresh(p->listeners, true);

	if (err)
		return err;
	p->refreshed_ns = now;
	p->refreshed_deep_ns = now;
	p->lost_looked_ns = now;
	listeners_each(p->listeners, listener_list, &list);
	monitor_emit(p, EVENT_MONITOR_STARTED, &list);
	containers_scan(p);
	return connections_find(p->options.procfd, p->listeners, connection_open, p);
}

/* --- as time goes by ------------------------------------------------------------------------ */

static void lost_look(struct pipeline *p)
{
	static const char *const kinds[DS_LOST_COUNT] = {
		[DS_LOST_CONNECT] = "connect", [DS_LOST_START] = "container-start",
		[DS_LOST_CGROUP] = "cgroup",   [DS_LOST_DAEMON] = "daemon-start",
		[DS_LOST_PENDING] = "mount",
	};
	uint64_t now[DS_LOST_COUNT] = {0};
	uint64_t misses = sensor_misses(p->options.sensor);

	if (!sensor_lost(p->options.sensor, now)) {
		/* What was lost on the way to us can still be found in /proc. */
		if (now[DS_LOST_START] != p->lost_seen[DS_LOST_START])
			p->rescan = true;
		if (now[DS_LOST_DAEMON] != p->lost_seen[DS_LOST_DAEMON])
			p->refreshed_deep_ns = 0;
		for (int i = 0; i < DS_LOST_COUNT; i++) {
			if (now[i] == p->lost_seen[i])
				continue;
			lost_emit(p, now[i] - p->lost_seen[i], kinds[i], "ring");
			p->lost_seen[i] = now[i];
		}
	}
	if (misses != p->misses_seen) {
		lost_emit(p, misses - p->misses_seen, "program-run", "recursion");
		p->misses_seen = misses;
	}
	if (p->undecoded != p->undecoded_seen) {
		lost_emit(p, p->undecoded - p->undecoded_seen, "record", "decode");
		p->undecoded_seen = p->undecoded;
	}
}

void pipeline_tick(struct pipeline *p)
{
	uint64_t now = clock_boot_ns();
	uint64_t every = now < p->fast_until_ns ? REFRESH_FAST_NS : REFRESH_NS;

	if (now - p->lost_looked_ns >= LOST_LOOK_NS) {
		lost_look(p);
		p->lost_looked_ns = now;
	}
	if (now - p->refreshed_deep_ns >= REFRESH_DEEP_NS) {
		listeners_refresh(p->listeners, true);
		p->refreshed_deep_ns = now;
		p->refreshed_ns = now;
	} else if (now - p->refreshed_ns >= every) {
		listeners_refresh(p->listeners, false);
		p->refreshed_ns = now;
	}
	if (p->rescan)
		containers_scan(p);
}

/* --- beginning and end ------------------------------------------------------------------------ */

void pipeline_armed(struct pipeline *p)
{
	const char *mode = sensor_mode_name(sensor_mode(p->options.sensor));
	struct listing list = {0};
	char line[4096] = "";
	char label[1024];
	size_t at = 0;

	listeners_each(p->listeners, listener_list, &list);
	for (size_t i = 0; i < list.count && at < sizeof(line); i++) {
		listener_label(list.listeners[i], label, sizeof(label));
		at += snprintf(line + at, sizeof(line) - at, "%s%s", i ? ", " : ": ", label);
	}
	for (const char *const *s = p->options.sockets; s && *s; s++)
		if (!socket_listed(&list, *s))
			log_info("--socket %s: nothing listens there yet", *s);
	if (list.count)
		log_info("watching %zu socket%s in %s mode%s", list.count,
			 list.count == 1 ? "" : "s", mode, line);
	else
		log_info("watching in %s mode; no container daemon listens yet, "
			 "each is taken up when it starts",
			 mode);
	p->armed = true;
}

void pipeline_stopped(struct pipeline *p)
{
	struct listing list = {0};

	lost_look(p);
	listeners_each(p->listeners, listener_list, &list);
	monitor_emit(p, EVENT_MONITOR_STOPPED, &list);
}

uint64_t pipeline_written(const struct pipeline *p)
{
	return p->written;
}

uint64_t pipeline_lost(const struct pipeline *p)
{
	return p->lost + stream_lost(p->options.stream);
}

int pipeline_emit_error(const struct pipeline *p)
{
	return p->emit_error;
}

void pipeline_limit(struct pipeline *p, uint64_t count)
{
	p->limit = count;
}
