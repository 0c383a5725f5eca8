// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/pipeline_impl.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define LOSS_LOG_NS (60 * SECOND_NS)

/* What goes out, and what was lost on the way. */

void pipeline_emit(struct pipeline *p, struct event *event)
{
	const struct container *c = event->container;

	if (p->audit) {
		pipeline_audit_take(p, event);
		return;
	}
	for (size_t i = 0; i < CREATORS_SHOWN && c; i++) {
		c = creators_find(p->creators, c->id);
		event->creators[i] = c;
	}
	stream_emit(p->options.stream, event);
}

/* One line for a time of losses, not one for each: the stream has them all. */
static void loss_log(struct pipeline *p, const struct event *event)
{
	uint64_t now = clock_boot_ns();
	AUTO_FREE char *reason = NULL;

	if (p->loss_logged_ns && now - p->loss_logged_ns < LOSS_LOG_NS)
		return;
	p->loss_logged_ns = now;
	reason = event_reason(event);
	log_warn("%s", reason ? reason : "no memory");
}

static void emit_lost(struct pipeline *p, uint64_t count, const char *kind, const char *place,
		      uint64_t accesses)
{
	struct event event = {
		.action = EVENT_EVENTS_LOST,
		.time_ns = clock_epoch_ns(),
		.lost = {.count = count, .kind = kind, .place = place},
		.accesses = accesses,
	};

	p->lost += count;
	loss_log(p, &event);
	pipeline_emit(p, &event);
}

void pipeline_emit_lost(struct pipeline *p, uint64_t count, const char *kind, const char *place)
{
	emit_lost(p, count, kind, place, 0);
}

void pipeline_emit_lost_accesses(struct pipeline *p, uint64_t count, const char *place)
{
	emit_lost(p, count, "connect", place, count);
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

/* What was lost on the way to us can still be found in /proc. */
static void make_good(struct pipeline *p, enum ds_lost kind)
{
	if (kind == DS_LOST_START)
		p->rescan = true;
	if (kind == DS_LOST_DAEMON)
		p->refreshed_deep_ns = 0;
}

/*
 * @told: what was said already; in the ledger, for whoever comes after us. Who is killed in
 * between has it told twice rather than never.
 */
static void lost_tell(struct pipeline *p, const uint64_t now[DS_LOST_COUNT], uint64_t *told,
		      const char *place)
{
	for (int i = 0; i < DS_LOST_COUNT; i++) {
		uint64_t count = now[i] - told[i];

		if (!count)
			continue;
		make_good(p, i);
		if (i == DS_LOST_CONNECT)
			ledger_take(sensor_ledger(p->options.sensor), count);
		told[i] = now[i];
		if (i == DS_LOST_CONNECT)
			pipeline_emit_lost_accesses(p, count, place);
		else
			pipeline_emit_lost(p, count, kinds[i], place);
	}
}

void pipeline_legacy(struct pipeline *p, const struct sensor_legacy *legacy)
{
	uint64_t told[DS_LOST_COUNT] = {0};

	stream_tell_legacy(p->options.stream);
	lost_tell(p, legacy->missed, told, "recursion");
	if (legacy->unreadable)
		pipeline_emit_lost(p, legacy->unreadable, "record", "restart");
}

void pipeline_look_lost(struct pipeline *p)
{
	struct ledger *ledger = sensor_ledger(p->options.sensor);
	uint64_t lost[DS_RING_COUNT][DS_LOST_COUNT] = {0};
	uint64_t missed[DS_LOST_COUNT] = {0};
	uint64_t unread;

	if (!sensor_lost(p->options.sensor, lost)) {
		lost_tell(p, lost[DS_RING_CONTAINERS], ledger->told[DS_RING_CONTAINERS], "ring");
		lost_tell(p, lost[DS_RING_HOST], ledger->told[DS_RING_HOST], "host-ring");
	}
	sensor_misses(p->options.sensor, missed);
	/* The hook of programs' starts tells of daemons as well. */
	if (missed[DS_LOST_START] != ledger->missed[DS_LOST_START])
		p->refreshed_deep_ns = 0;
	lost_tell(p, missed, ledger->missed, "recursion");
	unread = tracker_take_unread(p->tracker);
	if (unread)
		pipeline_emit_lost(p, unread, "name", "slow-disk");
	if (p->undecoded != p->undecoded_seen) {
		pipeline_emit_lost(p, p->undecoded - p->undecoded_seen, "record", "decode");
		p->undecoded_seen = p->undecoded;
	}
}
