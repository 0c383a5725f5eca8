// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/cmd/pipeline_impl.h"
#include "user/exposure/socket_path.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"
#include "user/util/log.h"
#include "user/util/text.h"

/* Which sockets are watched, and saying so. */

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

void pipeline_listener_found(void *ctx, struct listener *l)
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

void pipeline_listener_gone(void *ctx, const struct listener *l)
{
	char label[1024];

	(void)ctx;
	listener_label(l, label, sizeof(label));
	log_info("%s listens no more", label);
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

static void program_note(void *ctx, const char *name, const uint8_t tag[8])
{
	char hex[17] = "";
	json_t *programs = ctx;

	for (int i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", tag[i]);
	json_object_set_new(programs, name, json_string(hex));
}

/* It is what the kernel has: a clock that was set back, or a host that was cloned, has not. */
static char *boot_id(struct pipeline *p)
{
	char *id = NULL;

	if (!file_read(p->options.procfd, "sys/kernel/random/boot_id", 64, &id, NULL))
		id[strcspn(id, "\n")] = '\0';
	return id;
}

void pipeline_emit_monitor(struct pipeline *p, enum event_action action)
{
	AUTO_FREE char *boot = action == EVENT_MONITOR_STARTED ? boot_id(p) : NULL;
	json_t *programs = json_object();
	struct listing list = {0};
	struct event event = {
		.action = action,
		.time_ns = clock_epoch_ns(),
		.monitor =
			{
				.version = DOCKSNOOP_VERSION,
				.sockets = list.listeners,
				.boot_id = boot,
				.programs = programs,
				.resumed = p->resumed,
				.emitted = stream_emitted(p->options.stream),
				.lost = pipeline_lost(p),
			},
	};

	listeners_each(p->listeners, listener_list, &list);
	sensor_each_program(p->options.sensor, program_note, programs);
	event.monitor.socket_count = list.count;
	pipeline_emit(p, &event);
	json_decref(programs);
}

void pipeline_armed(struct pipeline *p)
{
	const char *mode = sensor_mode_name(sensor_mode(p->options.sensor));
	struct listing list = {0};
	char line[4096] = "";
	char label[1024];
	size_t at = 0;

	pipeline_tcp_armed(p);
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
