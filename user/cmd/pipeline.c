// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/pipeline_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"

/* After a daemon's program has started it takes a moment until it listens. */
#define REFRESH_FAST_NS	 (SECOND_NS / 5)
#define REFRESH_FAST_FOR (10 * SECOND_NS)
#define REFRESH_NS	 (2 * SECOND_NS)
/* By then a connect has come about, or has failed, or waits for a place in the backlog. */
#define ATTEMPT_NS	(SECOND_NS / 5)
#define REFRESH_DEEP_NS (60 * SECOND_NS)
#define LOST_LOOK_NS	SECOND_NS
/* A connection is one record, and several of what goes over it. */
#define ASKED_ROUNDS 8

/* --- records --------------------------------------------------------------------------- */

static void record_daemon(struct pipeline *p)
{
	listeners_daemon_started(p->listeners, p->record.raw.tgid);
	p->fast_until_ns = clock_boot_ns() + REFRESH_FAST_FOR;
	/* In a container it may be its first program as well. */
	if (!(p->record.raw.flags & DS_F_INIT_MNT_NS))
		pipeline_take_start(p);
}

/* What was folded on its way: see fold.h. */
static int folded_take(struct pipeline *p, const void *data, size_t size)
{
	const struct feed_folded *folded = data;
	const struct feed_same *same = data;

	if (folded->type == FEED_SAME) {
		if (openers_add_like(p->openers, same->connection, same->like))
			pipeline_emit_lost(p, 1, "opener", "memory");
		return 0;
	}
	if (record_decode(folded + 1, size - sizeof(*folded), &p->record)) {
		p->undecoded += folded->count;
		return 0;
	}
	p->record.raw.time_ns = folded->time_ns;
	p->record.raw.tid = p->record.raw.tgid;
	if (folded->count == 1)
		p->record.raw.connection = folded->connection;
	pipeline_take_connect(p, folded->count == 1 ? NULL : folded);
	return pipeline_limit_reached(p) ? -ECANCELED : 0;
}

int pipeline_record_take(void *ctx, const void *data, size_t size)
{
	const uint16_t *type = data;
	struct pipeline *p = ctx;

	if (size >= sizeof(struct feed_same) && *type >= FEED_SAME)
		return folded_take(p, data, size);
	if (record_decode(data, size, &p->record)) {
		p->undecoded++;
		return 0;
	}
	switch (p->record.raw.type) {
	case DS_RECORD_CONNECT:
		pipeline_take_connect(p, NULL);
		break;
	case DS_RECORD_START:
		pipeline_take_start(p);
		break;
	case DS_RECORD_CGROUP:
		tracker_cgroup(p->tracker, p->record.cgroup);
		break;
	case DS_RECORD_DAEMON:
		record_daemon(p);
		break;
	case DS_RECORD_HANDOFF:
		pipeline_take_handoff(p);
		break;
	case DS_RECORD_TCP:
		pipeline_take_tcp(p, data, size);
		break;
	}
	return pipeline_limit_reached(p) ? -ECANCELED : 0;
}

int pipeline_drain(struct pipeline *p)
{
	int n;

	if (pipeline_limit_reached(p))
		return 0;
	n = sensor_consume(p->options.sensor, pipeline_record_take, p);
	/* Of so many connections only it is kept who opened them: what is asked must keep up. */
	for (int i = 0; i < ASKED_ROUNDS && n >= 0; i++) {
		n = pipeline_requests_drain(p);
		if (!n)
			break;
	}
	return n < 0 && n != -ECANCELED ? n : 0;
}

/* All of it, once nothing more comes. */
static void drain_all(struct pipeline *p)
{
	sensor_unfold(p->options.sensor);
	while (!pipeline_limit_reached(p) &&
	       (sensor_consume(p->options.sensor, pipeline_record_take, p) > 0 ||
		pipeline_requests_drain(p) > 0))
		;
}

/* --- life ------------------------------------------------------------------------------ */

bool pipeline_process_nested(void *ctx, uint32_t pid)
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
		.nested = pipeline_process_nested,
		.found = pipeline_listener_found,
		.gone = pipeline_listener_gone,
		.ctx = p,
	};
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->options = *options;
	p->policy = options->policy;
	p->policy_expires_ns = policy_next_expiry(p->policy, clock_epoch_ns());
	p->dirs = runtime_dirs_new("/");
	if (!p->dirs)
		return -ENOMEM;
	err = tracker_new(options->procfd, p->dirs, &p->tracker);
	err = err ? err : reach_new(options->procfd, &p->reach);
	err = err ? err : exposed_new(&p->exposed);
	p->openers = openers_new();
	p->creators = creators_new();
	if (!p->openers || !p->creators)
		return -ENOMEM;
	err = err ? err : listeners_new(&lo, &p->listeners);
	err = err ? err : pipeline_tcp_new(p);
	err = err ? err : pipeline_requests_new(p);
	if (err)
		return err;
	*out = take_ptr(p);
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	pipeline_requests_free(p);
	pipeline_tcp_free(p);
	listeners_free(p->listeners);
	creators_free(p->creators);
	openers_free(p->openers);
	exposed_free(p->exposed);
	reach_free(p->reach);
	tracker_free(p->tracker);
	runtime_dirs_free(p->dirs);
	free(p);
}

int pipeline_start(struct pipeline *p)
{
	uint64_t now = clock_boot_ns();
	int err = listeners_refresh(p->listeners, true);
	struct sensor_legacy legacy = {0};

	if (err)
		return err;
	/* From here on the kernel side knows what is whose. */
	sensor_take_over(p->options.sensor, &legacy);
	p->resumed = legacy.resumed;
	p->refreshed_ns = now;
	p->refreshed_deep_ns = now;
	p->lost_looked_ns = now;
	/* First: the gap is before all that follows. */
	pipeline_legacy(p, &legacy);
	pipeline_emit_monitor(p, EVENT_MONITOR_STARTED);
	if (p->policy)
		pipeline_policy_said(p, p->policy->file, NULL);
	pipeline_scan(p);
	pipeline_tcp_refresh(p, true);
	err = connections_find(p->options.procfd, p->listeners, pipeline_take_open, p);
	sensor_connections_known(p->options.sensor);
	return err;
}

void pipeline_tick(struct pipeline *p)
{
	uint64_t now = clock_boot_ns();
	uint64_t every = now < p->fast_until_ns ? REFRESH_FAST_NS : REFRESH_NS;

	if (now - p->lost_looked_ns >= LOST_LOOK_NS) {
		pipeline_look_lost(p);
		stream_look(p->options.stream);
		p->lost_looked_ns = now;
	}
	if (now - p->refreshed_deep_ns >= REFRESH_DEEP_NS) {
		listeners_refresh(p->listeners, true);
		pipeline_tcp_refresh(p, true);
		p->refreshed_deep_ns = now;
		p->refreshed_ns = now;
	} else if (now - p->refreshed_ns >= every) {
		listeners_refresh(p->listeners, false);
		pipeline_tcp_refresh(p, false);
		p->refreshed_ns = now;
	}
	sensor_attempts(p->options.sensor, ATTEMPT_NS, pipeline_record_take, p);
	pipeline_policy_tick(p);
	if (p->rescan)
		pipeline_scan(p);
	pipeline_tcp_give_up(p, false);
	pipeline_requests_tick(p);
}

void pipeline_stopped(struct pipeline *p)
{
	sensor_detach(p->options.sensor);
	drain_all(p);
	sensor_attempts(p->options.sensor, 0, pipeline_record_take, p);
	pipeline_tcp_give_up(p, true);
	pipeline_requests_stop(p);
	pipeline_look_lost(p);
	pipeline_emit_monitor(p, EVENT_MONITOR_STOPPED);
}

uint64_t pipeline_written(const struct pipeline *p)
{
	return p->written;
}

uint64_t pipeline_lost(const struct pipeline *p)
{
	return p->lost + stream_lost(p->options.stream);
}

void pipeline_limit(struct pipeline *p, uint64_t count)
{
	p->limit = count;
}
