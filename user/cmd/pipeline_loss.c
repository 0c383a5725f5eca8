// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/pipeline_impl.h"
#include "user/util/clock.h"

/* What goes out, and what was lost on the way. */

void pipeline_emit(struct pipeline *p, struct event *event)
{
	/* The sinks count what they could not take, and say so once they take lines again. */
	const struct container *c = event->container;

	if (p->audit) {
		pipeline_audit_take(p, event);
		return;
	}
	for (size_t i = 0; i < CREATORS_SHOWN && c; i++) {
		c = creators_find(p->creators, c->id);
		event->creators[i] = c;
	}
	p->emit_error = stream_emit(p->options.stream, event);
}

void pipeline_emit_lost(struct pipeline *p, uint64_t count, const char *kind, const char *place)
{
	struct event event = {
		.action = EVENT_EVENTS_LOST,
		.time_ns = clock_epoch_ns(),
		.lost = {.count = count, .kind = kind, .place = place},
	};

	p->lost += count;
	pipeline_emit(p, &event);
}

static const char *const kinds[DS_LOST_COUNT] = {
	[DS_LOST_CONNECT] = "connect",
	[DS_LOST_START] = "container-start",
	[DS_LOST_CGROUP] = "cgroup",
	[DS_LOST_DAEMON] = "daemon-start",
	[DS_LOST_PENDING] = "mount",
	[DS_LOST_ATTEMPT] = "failed-connect",
	[DS_LOST_HANDOFF] = "handoff",
	[DS_LOST_LISTEN] = "listen",
	[DS_LOST_TCP] = "tcp",
	[DS_LOST_STREAM] = "stream",
	[DS_LOST_BYTES] = "request-bytes",
};

static void lost_tell(struct pipeline *p, const uint64_t now[DS_LOST_COUNT],
		      uint64_t seen[DS_LOST_COUNT], const char *place)
{
	/* What was lost on the way to us can still be found in /proc. */
	if (now[DS_LOST_START] != seen[DS_LOST_START])
		p->rescan = true;
	if (now[DS_LOST_DAEMON] != seen[DS_LOST_DAEMON])
		p->refreshed_deep_ns = 0;
	for (int i = 0; i < DS_LOST_COUNT; i++) {
		if (now[i] == seen[i])
			continue;
		pipeline_emit_lost(p, now[i] - seen[i], kinds[i], place);
		seen[i] = now[i];
	}
}

void pipeline_look_lost(struct pipeline *p)
{
	uint64_t now[DS_LOST_COUNT] = {0};

	if (!sensor_lost(p->options.sensor, now))
		lost_tell(p, now, p->lost_seen, "ring");
	sensor_misses(p->options.sensor, now);
	/* The hook of programs' starts tells of daemons as well. */
	if (now[DS_LOST_START] != p->missed_seen[DS_LOST_START])
		p->refreshed_deep_ns = 0;
	lost_tell(p, now, p->missed_seen, "recursion");
	if (p->undecoded != p->undecoded_seen) {
		pipeline_emit_lost(p, p->undecoded - p->undecoded_seen, "record", "decode");
		p->undecoded_seen = p->undecoded;
	}
}
