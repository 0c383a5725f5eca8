// SPDX-License-Identifier: Apache-2.0
#include "user/output/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"

struct way {
	struct outlet *outlet;
	char *place;  /* "sink:file" */
	char *legacy; /* "restart:file" */
	/* what it has not been told of yet */
	uint64_t missed;
	uint64_t accesses; /* that these stood for */
	uint64_t gone;	   /* of them, those that it had written, and settled, before */
	uint64_t gone_accesses;
	/* what the one before us had not got out */
	uint64_t legacy_lines;
	uint64_t legacy_accesses;
};

struct stream {
	const struct event_host *host;
	struct ledger *ledger;
	struct ledger own; /* while nobody has given another */
	outlet_trouble_fn fn;
	void *ctx;
	struct way *ways;
	size_t count;
	uint64_t emitted;
	uint64_t lost;
};

static void no_trouble(void *ctx, const struct outlet_trouble *trouble)
{
	(void)ctx;
	(void)trouble;
}

struct stream *stream_new(const struct event_host *host, outlet_trouble_fn fn, void *ctx)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->host = host;
	stream->ledger = &stream->own;
	stream->fn = fn ? fn : no_trouble;
	stream->ctx = ctx;
	return stream;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	for (size_t i = 0; i < stream->count; i++) {
		outlet_free(stream->ways[i].outlet);
		free(stream->ways[i].place);
		free(stream->ways[i].legacy);
	}
	free(stream->ways);
	free(stream);
}

int stream_add_sink(struct stream *stream, struct sink *sink)
{
	AUTO_FREE char *place = NULL;
	AUTO_FREE char *legacy = NULL;
	struct way *more = NULL;
	struct outlet *outlet = NULL;

	if (str_format(&place, "sink:%s", sink_name(sink)) ||
	    str_format(&legacy, "restart:%s", sink_name(sink)))
		return -ENOMEM;
	more = reallocarray(stream->ways, stream->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	stream->ways = more;
	if (outlet_new(sink, stream->fn, stream->ctx, &outlet))
		return -ENOMEM;
	stream->ways[stream->count++] = (struct way){
		.outlet = outlet,
		.place = take_ptr(place),
		.legacy = take_ptr(legacy),
	};
	return 0;
}

/* --- what becomes of accesses --------------------------------------------------------------- */

/* A sink's place in the ledger does not depend on which others there are. */
static struct ledger_sink *account_of(struct ledger *ledger, const struct sink *sink)
{
	static const char *const names[LEDGER_SINKS] = {"stdout", "file", "syslog"};

	for (size_t i = 0; i < LEDGER_SINKS && names[i]; i++)
		if (!strcmp(sink_name(sink), names[i]))
			return &ledger->sinks[i];
	return NULL;
}

void stream_set_ledger(struct stream *stream, struct ledger *ledger)
{
	bool used[LEDGER_SINKS] = {0};

	stream->ledger = ledger;
	for (size_t i = 0; i < stream->count; i++) {
		struct way *way = &stream->ways[i];
		struct ledger_sink *account = account_of(ledger, outlet_sink(way->outlet));

		if (!account)
			continue;
		if (!account->used) {
			*account = (struct ledger_sink){.used = 1};
			account->settled = ledger_taken(ledger);
			account->sequence = ledger->sequence;
		}
		used[account - ledger->sinks] = true;
		outlet_set_account(way->outlet, account);
		way->legacy_lines = ledger->sequence - account->sequence;
		way->legacy_accesses = ledger_taken(ledger) - account->settled;
	}
	for (size_t i = 0; i < LEDGER_SINKS; i++)
		if (!used[i])
			ledger->sinks[i].used = 0;
}

void stream_settle(struct stream *stream, uint64_t accesses)
{
	for (size_t i = 0; i < stream->count; i++) {
		struct ledger_sink *account =
			account_of(stream->ledger, outlet_sink(stream->ways[i].outlet));

		if (account)
			__atomic_fetch_add(&account->settled, accesses, __ATOMIC_RELAXED);
	}
}

/* --- events --------------------------------------------------------------------------------- */

static char *event_line(const struct event *event)
{
	json_t *object = event_to_json(event);
	char *line = object ? json_dumps(object, EVENT_JSON_FLAGS) : NULL;

	json_decref(object);
	return line;
}

static void way_miss(struct stream *stream, struct way *way, uint64_t accesses)
{
	way->missed++;
	way->accesses += accesses;
	stream->lost++;
}

/* @json NULL: there was no memory for it. */
static bool way_put(struct way *way, const struct event *event, const char *json, uint64_t accesses)
{
	const struct sink *sink = outlet_sink(way->outlet);
	AUTO_FREE char *line = NULL;

	return json && !sink_render(sink, event, json, &line) &&
	       outlet_put(way->outlet, line, event->sequence, accesses);
}

/*
 * Hand it to all. With @one: it is a notice for that one, to which alone it means the
 * accesses; false: it did not take it, and nobody has seen it.
 */
static bool event_spread(struct stream *stream, struct event *event, struct way *one,
			 uint64_t accesses)
{
	AUTO_FREE char *json = NULL;

	event->host = stream->host;
	event->sequence = stream->ledger->sequence + 1;
	json = event_line(event);
	if (one && !way_put(one, event, json, accesses))
		return false;
	stream->ledger->sequence++;
	stream->emitted++;
	for (size_t i = 0; i < stream->count; i++) {
		struct way *way = &stream->ways[i];
		uint64_t weight = one ? 0 : accesses;

		/* one that is due a notice itself gets nothing else before that */
		if (way != one && (way->missed || !way_put(way, event, json, weight)))
			way_miss(stream, way, weight);
	}
	return true;
}

/* Tell the way, and if it listens all others, what it has missed. */
static void way_catch_up(struct stream *stream, struct way *way)
{
	struct event notice = {
		.action = EVENT_EVENTS_LOST,
		.time_ns = clock_epoch_ns(),
		.lost = {.count = way->missed + way->gone,
			 .accesses = way->accesses + way->gone_accesses,
			 .kind = "event",
			 .place = way->place},
	};

	if (!event_spread(stream, &notice, way, way->accesses))
		return; /* it is tried again */
	way->missed = 0;
	way->accesses = 0;
	way->gone = 0;
	way->gone_accesses = 0;
}

static void way_look(struct stream *stream, struct way *way)
{
	struct sink_gone gone = outlet_take_gone(way->outlet);

	way->gone += gone.lines;
	way->gone_accesses += gone.accesses;
	stream->lost += gone.lines;
	if ((way->missed || way->gone) && outlet_has_room(way->outlet))
		way_catch_up(stream, way);
}

void stream_look(struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		way_look(stream, &stream->ways[i]);
}

void stream_emit(struct stream *stream, struct event *event)
{
	stream_look(stream);
	event_spread(stream, event, NULL, event->accesses);
}

void stream_flush(struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		outlet_flush(stream->ways[i].outlet);
}

static void way_tell_legacy(struct stream *stream, struct way *way)
{
	struct event notice = {
		.action = EVENT_EVENTS_LOST,
		.time_ns = clock_epoch_ns(),
		.lost = {.count = way->legacy_lines, .kind = "event", .place = way->legacy},
	};
	uint64_t accesses = way->legacy_accesses;

	if (way->legacy_lines) {
		notice.lost.accesses = accesses;
	} else {
		notice.lost.count = accesses;
		notice.lost.kind = "connect";
	}
	way->legacy_lines = 0;
	way->legacy_accesses = 0;
	if (notice.lost.count && !event_spread(stream, &notice, way, accesses))
		way_miss(stream, way, accesses);
}

void stream_tell_legacy(struct stream *stream)
{
	/* A file's is the first line after its gap, which is how its chain is looked at. */
	for (size_t i = 0; i < stream->count; i++)
		if (sink_head(outlet_sink(stream->ways[i].outlet)))
			way_tell_legacy(stream, &stream->ways[i]);
	for (size_t i = 0; i < stream->count; i++)
		way_tell_legacy(stream, &stream->ways[i]);
}

/* --- life ----------------------------------------------------------------------------------- */

int stream_start(struct stream *stream)
{
	int err = 0;

	for (size_t i = 0; !err && i < stream->count; i++)
		err = outlet_start(stream->ways[i].outlet);
	return err;
}

void stream_reopen(struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		outlet_reopen(stream->ways[i].outlet);
}

uint64_t stream_finish(struct stream *stream, unsigned int ms)
{
	uint64_t end = clock_boot_ns() + ms * 1000000ULL;
	uint64_t left = 0;

	for (size_t i = 0; i < stream->count; i++) {
		struct way *way = &stream->ways[i];
		uint64_t now = clock_boot_ns();

		left += outlet_finish(way->outlet,
				      now < end ? (unsigned int)((end - now) / 1000000) : 0);
	}
	stream->lost += left;
	return left;
}

bool stream_dead(const struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (!outlet_dead(stream->ways[i].outlet))
			return false;
	return stream->count;
}

uint64_t stream_emitted(const struct stream *stream)
{
	return stream->emitted;
}

uint64_t stream_lost(const struct stream *stream)
{
	return stream->lost;
}

const char *stream_head(const struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		const char *head = sink_head(outlet_sink(stream->ways[i].outlet));

		if (head)
			return head;
	}
	return NULL;
}
