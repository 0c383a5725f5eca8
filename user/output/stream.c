// SPDX-License-Identifier: Apache-2.0
#include "user/output/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"

struct outlet {
	struct sink *sink;
	char *place;	 /* "sink:file" */
	uint64_t missed; /* lines that it has not been told of yet */
	int err;	 /* why not: what the last notice came to */
};

struct stream {
	const struct event_host *host;
	struct outlet *outlets;
	size_t count;
	uint64_t emitted;
	uint64_t lost;
};

struct stream *stream_new(const struct event_host *host)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream)
		stream->host = host;
	return stream;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	for (size_t i = 0; i < stream->count; i++) {
		sink_free(stream->outlets[i].sink);
		free(stream->outlets[i].place);
	}
	free(stream->outlets);
	free(stream);
}

int stream_add_sink(struct stream *stream, struct sink *sink)
{
	AUTO_FREE char *place = NULL;
	struct outlet *more = NULL;

	if (str_format(&place, "sink:%s", sink_name(sink)) < 0)
		return -ENOMEM;
	more = reallocarray(stream->outlets, stream->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	stream->outlets = more;
	stream->outlets[stream->count++] = (struct outlet){.sink = sink, .place = take_ptr(place)};
	return 0;
}

static char *event_line(const struct event *event)
{
	json_t *object = event_to_json(event);
	char *line = object ? json_dumps(object, EVENT_JSON_FLAGS) : NULL;

	json_decref(object);
	return line;
}

/* @json NULL: there was no memory for it. */
static int outlet_write(struct stream *stream, struct outlet *outlet, const struct event *event,
			const char *json)
{
	int err = json ? sink_write(outlet->sink, event, json) : -ENOMEM;
	uint64_t lost = json ? sink_take_lost(outlet->sink) : 1;

	outlet->missed += lost;
	stream->lost += lost;
	return err;
}

/* Tell the outlet, and if it listens all others, what it has missed. */
static int outlet_catch_up(struct stream *stream, struct outlet *outlet)
{
	const struct event notice = {
		.action = EVENT_EVENTS_LOST,
		.time_ns = clock_epoch_ns(),
		.sequence = stream->emitted + 1,
		.host = stream->host,
		.lost = {.count = outlet->missed, .kind = "event", .place = outlet->place},
	};
	AUTO_FREE char *json = event_line(&notice);
	int err = json ? sink_write(outlet->sink, &notice, json) : -ENOMEM;

	/* not a loss of its own: nobody has seen its number, and it will be tried again */
	sink_take_lost(outlet->sink);
	if (err)
		return err;
	stream->emitted++;
	outlet->missed = 0;
	for (size_t i = 0; i < stream->count; i++) {
		struct outlet *other = &stream->outlets[i];

		if (other == outlet)
			continue;
		if (other->missed) {
			/* it is due a notice itself, and nothing else before that */
			other->missed++;
			stream->lost++;
		} else {
			outlet_write(stream, other, &notice, json);
		}
	}
	return 0;
}

int stream_emit(struct stream *stream, struct event *event)
{
	AUTO_FREE char *json = NULL;
	int first = 0;

	for (size_t i = 0; i < stream->count; i++) {
		struct outlet *outlet = &stream->outlets[i];

		if (outlet->missed)
			outlet->err = outlet_catch_up(stream, outlet);
	}
	event->host = stream->host;
	event->sequence = ++stream->emitted;
	json = event_line(event);
	for (size_t i = 0; i < stream->count; i++) {
		struct outlet *outlet = &stream->outlets[i];
		int err = 0;

		if (!outlet->missed) {
			err = outlet_write(stream, outlet, event, json);
		} else {
			/* it did not even take the notice */
			outlet->missed++;
			stream->lost++;
			err = outlet->err;
		}
		if (err && !first)
			first = err;
	}
	return first;
}

int stream_reopen(struct stream *stream)
{
	int first = 0;

	for (size_t i = 0; i < stream->count; i++) {
		int err = sink_reopen(stream->outlets[i].sink);

		if (err && !first)
			first = err;
	}
	return first;
}

uint64_t stream_emitted(const struct stream *stream)
{
	return stream->emitted;
}

uint64_t stream_lost(const struct stream *stream)
{
	return stream->lost;
}
