// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "user/cmd/pipeline_impl.h"
#include "user/exposure/attempt.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

/* Somebody reached a daemon. */

/* An event that p->record's process, which is @s, has caused. */
static void access_emit(struct pipeline *p, struct event *event, const struct sighting *s)
{
	if ((s->host && !p->options.all) || pipeline_limit_reached(p)) {
		stream_settle(p->options.stream, event->accesses);
		return;
	}
	event->record = &p->record;
	event->container = s->container;
	event->attribution = s->attribution;
	pipeline_judge(p, event, s);
	p->written++;
	pipeline_emit(p, event);
}

/* Who opened it is needed once something is asked over it, or another uses it. */
static void opener_keep(struct pipeline *p, const struct event *event, const struct sighting *s)
{
	AUTO_OPENER struct opener *opener = NULL;

	if (!p->record.raw.connection)
		return;
	opener = opener_new(&p->record, s, event->mount, event->parent_exe, event->already_open);
	if (!opener || openers_add(p->openers, p->record.raw.connection, opener))
		pipeline_emit_lost(p, 1, "opener", "memory");
}

/*
 * Somebody has opened a connection, or tried to, or held one before. @told: there is no
 * more to be said of it than who that is.
 */
static void access_take(struct pipeline *p, struct event *event, const struct sighting *s,
			bool told)
{
	AUTO_FREE char *parent_exe = NULL;
	struct mount_use use = {0};

	if (!s->host && event->listener) {
		reach_connect(p->reach, &p->record, s->container, event->listener, &use);
		event->mount = &use;
		pipeline_tcp_holds(p, s, event->listener, &use);
	}
	if (!s->host || p->options.all)
		process_parent_exe(p->options.procfd, &p->record.raw, &parent_exe);
	event->parent_exe = parent_exe;
	opener_keep(p, event, s);
	if (!told)
		access_emit(p, event, s);
	mount_use_clear(&use);
}

void pipeline_take_open(void *ctx, uint32_t pid, struct open_connection *connection)
{
	const struct listener *listener = connection->listener;
	struct pipeline *p = ctx;
	struct sighting s = {0};
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.time_ns = clock_epoch_ns(),
		.listener = listener,
		.already_open = true,
	};
	uint64_t id = 0;
	bool told = false; /* by the docksnoop that was killed */

	if (connection->known || tracker_process(p->tracker, pid, &p->record, &s))
		return;				    /* told by its record, or gone meanwhile */
	if (pipeline_half_set_up(&p->record, &s)) { /* the runtime's, which is asked as well */
		sighting_clear(&s);
		return;
	}
	p->record.raw.connection = connection->id;
	p->record.raw.socket_dev = listener->dev;
	p->record.raw.socket_ino = listener->file_ino;
	memcpy(p->record.bound_path, listener->path, sizeof(p->record.bound_path));
	if (!connection->last_pid &&
	    sensor_connection_add(p->options.sensor, connection->ino, &p->record.raw) == -EEXIST) {
		connection->known = true;
		told = p->resumed &&
		       !sensor_connection_find(p->options.sensor, connection->ino, &id) &&
		       !openers_find(p->openers, id);
		if (told)
			p->record.raw.connection = id;
	}
	if (told || !connection->known)
		access_take(p, &event, &s, told);
	sighting_clear(&s);
}

/*
 * A connect that is known by its name only: what does its process see there?
 * NULL when that is no watched socket.
 */
static const struct listener *attempt_resolve(struct pipeline *p)
{
	struct ds_record *raw = &p->record.raw;
	const struct listener *listener = NULL;

	attempt_look(p->options.procfd, &p->record);
	if (!raw->socket_ino)
		return NULL;
	listener = listeners_resolve(p->listeners, &p->record);
	if (raw->flags & DS_F_UNANSWERED && !raw->result && (!listener || listener->gone))
		raw->result = -ECONNREFUSED; /* nobody listens there */
	return listener;
}

void pipeline_take_connect(struct pipeline *p, const struct feed_folded *folded)
{
	const struct ds_record *raw = &p->record.raw;
	bool by_name = raw->flags & DS_F_BY_NAME;
	struct sighting s = {0};
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.time_ns = clock_boot_to_epoch_ns(raw->time_ns),
		.accesses = 1,
	};

	if (folded) {
		event.count = folded->count;
		event.accesses = folded->count;
		event.end_ns = clock_boot_to_epoch_ns(folded->last_ns);
	}

	event.listener = by_name ? attempt_resolve(p) : listeners_resolve(p->listeners, &p->record);
	if (!event.listener && !by_name) {
		pipeline_requests_ignore(p);
		stream_settle(p->options.stream, event.accesses);
		return;
	}
	event.error = -raw->result;
	if (tracker_resolve(p->tracker, &p->record, &s)) {
		pipeline_emit_lost_accesses(p, event.accesses, "memory");
		return;
	}
	access_take(p, &event, &s, false);
	sighting_clear(&s);
}

/* Does the connection stay where it was: in its container, or in its process on the host? */
static bool same_user(const struct opener *opener, const struct sighting *s,
		      const struct ds_record *raw)
{
	if (s->container && opener->sighting.container)
		return !strcmp(s->container->id, opener->sighting.container->id);
	return s->host && opener->sighting.host && raw->tgid == opener->tgid &&
	       process_same_start(raw->start_ns, opener->start_ns);
}

void pipeline_take_handoff(struct pipeline *p)
{
	const struct ds_record *raw = &p->record.raw;
	AUTO_OPENER struct opener *user = NULL;
	AUTO_FREE char *parent_exe = NULL;
	struct mount_use use = {.via = VIA_HANDOFF};
	struct sighting s = {0};
	struct event event = {
		.action = EVENT_SOCKET_HANDOFF,
		.time_ns = clock_boot_to_epoch_ns(raw->time_ns),
		.listener = listeners_of_end(p->listeners, p->record.bound_path, raw->socket_dev,
					     raw->socket_ino),
		.opener = openers_find(p->openers, raw->connection),
		.mount = &use,
	};

	if (!event.listener)
		return;
	if (tracker_resolve(p->tracker, &p->record, &s)) {
		pipeline_emit_lost(p, 1, "handoff", "memory");
		return;
	}
	process_parent_exe(p->options.procfd, raw, &parent_exe);
	event.parent_exe = parent_exe;
	user = opener_new(&p->record, &s, &use, parent_exe, false);
	pipeline_requests_user(p, raw->connection, user);
	if (!event.opener || !same_user(event.opener, &s, raw))
		access_emit(p, &event, &s);
	sighting_clear(&s);
}
