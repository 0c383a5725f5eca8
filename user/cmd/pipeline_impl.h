/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_PIPELINE_IMPL_H
#define DOCKSNOOP_PIPELINE_IMPL_H

/* What the parts of the pipeline share; nobody else's. */

#include "user/cmd/pipeline.h"
#include "user/container/creators.h"
#include "user/container/dataroot.h"
#include "user/exposure/openers.h"
#include "user/container/tracker.h"
#include "user/exposure/exposed.h"
#include "user/exposure/reach.h"
#include "user/output/event.h"
#include "user/sensor/connections.h"
#include "user/sensor/listener.h"
#include "user/sensor/fold.h"
#include "user/sensor/record.h"

#define SECOND_NS   1000000000ULL
#define SOCKETS_MAX 256

struct pipeline {
	struct pipeline_options options;
	const struct policy *policy; /* the caller's; NULL: none */
	uint64_t policy_expires_ns;  /* when the next of its rules does */
	struct runtime_dirs *dirs;
	struct tracker *tracker;
	struct reach *reach;
	struct exposed *exposed;
	struct listeners *listeners;
	struct openers *openers;
	struct creators *creators;
	struct pipeline_audit *audit;	    /* pipeline_audit.c's own; NULL: none is under way */
	struct pipeline_tcp *tcp;	    /* pipeline_tcp.c's own */
	struct pipeline_requests *requests; /* pipeline_requests.c's own; NULL: not followed */

	uint64_t refreshed_ns;
	uint64_t refreshed_deep_ns;
	uint64_t fast_until_ns;
	uint64_t lost_looked_ns;
	bool armed;
	bool resumed; /* it goes on with what one that was killed has left */
	bool rescan;  /* look at all containers again */

	uint64_t written;
	uint64_t limit;
	uint64_t lost;
	uint64_t loss_logged_ns;
	uint64_t undecoded;
	uint64_t undecoded_seen;

	/* The sockets that a container could be exposed to, as they are now. */
	struct socket_file files[SOCKETS_MAX];
	const struct listener *file_listeners[SOCKETS_MAX];
	size_t file_count;

	struct record record; /* the one being worked on: too large for the stack */
};

/* Was --count reached? Nothing more is to be written then. */
static inline bool pipeline_limit_reached(const struct pipeline *p)
{
	return p->limit && p->written >= p->limit;
}

/* pipeline.c */
/* What the kernel has handed over: a sensor_fn. */
int pipeline_record_take(void *ctx, const void *data, size_t size);
/* Does this process live in a container? A callback of the sensor's parts. */
bool pipeline_process_nested(void *ctx, uint32_t pid);

/* pipeline_loss.c */
void pipeline_emit(struct pipeline *p, struct event *event);
void pipeline_emit_lost(struct pipeline *p, uint64_t count, const char *kind, const char *place);
/* The same of connects that were counted as taken. */
void pipeline_emit_lost_accesses(struct pipeline *p, uint64_t count, const char *place);
/* What the one before us has left, and was lost of it. */
void pipeline_legacy(struct pipeline *p, const struct sensor_legacy *legacy);
/* What was lost since it was called last: said, and made good where that is possible. */
void pipeline_look_lost(struct pipeline *p);

/* pipeline_policy.c */
/* Fill in what to think of @event, which @who has caused. */
void pipeline_judge(struct pipeline *p, struct event *event, const struct sighting *who);
void pipeline_policy_tick(struct pipeline *p);

/* pipeline_audit.c */
/* An event goes there, and not to the stream. */
void pipeline_audit_take(struct pipeline *p, const struct event *event);

/* pipeline_access.c */
/* A connect, in p->record; @folded: or more than one like that; else NULL. */
void pipeline_take_connect(struct pipeline *p, const struct feed_folded *folded);
/* A connection that was open before docksnoop: a connection_fn. */
void pipeline_take_open(void *ctx, uint32_t pid, struct open_connection *connection);
/* Somebody else uses a connection, in p->record. */
void pipeline_take_handoff(struct pipeline *p);

/* pipeline_exposure.c */
/* Fill p->files; valid until the listeners are looked at again. */
void pipeline_collect_files(struct pipeline *p);
/*
 * A container's first process still sees the host's files, and holds what its runtime
 * does, until that has changed its root; so do the runtime's hooks. It is looked at
 * once it starts its program.
 */
bool pipeline_half_set_up(const struct record *r, const struct sighting *s);
/* A program's start, in p->record, where none was seen before: a container's, or a service's. */
void pipeline_take_start(struct pipeline *p);
/* All processes, for that matter. */
void pipeline_scan(struct pipeline *p);

/* pipeline_sockets.c */
/* The callbacks of listeners_options. */
void pipeline_listener_found(void *ctx, struct listener *listener);
void pipeline_listener_gone(void *ctx, const struct listener *listener);
void pipeline_emit_monitor(struct pipeline *p, enum event_action action);

/* pipeline_requests.c */
int pipeline_requests_new(struct pipeline *p);
void pipeline_requests_free(struct pipeline *p);
/* @user sends on it as well; NULL: there was no memory to say who that is. */
void pipeline_requests_user(struct pipeline *p, uint64_t connection, struct opener *user);
/* What goes over the connection of p->record is nobody's concern. */
void pipeline_requests_ignore(struct pipeline *p);
/* Take in what went over connections. 0 or -errno. */
int pipeline_requests_drain(struct pipeline *p);
void pipeline_requests_tick(struct pipeline *p);
/* Tell of all that has not been answered. */
void pipeline_requests_stop(struct pipeline *p);

/* pipeline_tcp.c */
int pipeline_tcp_new(struct pipeline *p);
void pipeline_tcp_free(struct pipeline *p);
/* p->record's process is of a container that has a watched socket: what listens there is a proxy. */
void pipeline_tcp_holds(struct pipeline *p, const struct sighting *sighting,
			const struct listener *listener, const struct mount_use *use);
/* Say again who listens where a daemon is reached, unless that was said. */
void pipeline_tcp_say(struct pipeline *p);
/* Look at who listens, as listeners_refresh() does. */
void pipeline_tcp_refresh(struct pipeline *p, bool deep);
/* A DS_RECORD_TCP: p->record, and the bytes that it came in. */
void pipeline_take_tcp(struct pipeline *p, const void *data, size_t size);
/* Tell of connects that were not answered in time, or of @all that have not been. */
void pipeline_tcp_give_up(struct pipeline *p, bool all);
/* Say on stderr what is watched. */
void pipeline_tcp_armed(struct pipeline *p);

#endif
