/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_STREAM_H
#define DOCKSNOOP_OUTPUT_STREAM_H

#include <stdint.h>

#include "user/output/event.h"
#include "user/output/sink.h"

/*
 * The one way out: gives each event its number and hands it to every sink.
 * What a sink could not take is counted, and once it takes lines again the
 * first that it gets is an events-lost (kind "event", place "sink:<name>")
 * with the number of those it has missed; the other sinks get that one too. So
 * a gap is never without its notice before the line that follows it.
 */
struct stream;

/* @host is the caller's and has to outlive the stream. NULL: no memory. */
struct stream *stream_new(const struct event_host *host);
/* Frees the sinks too; NULL is allowed. */
void stream_free(struct stream *stream);

/* Takes the sink over. -ENOMEM: it is still the caller's. */
int stream_add_sink(struct stream *stream, struct sink *sink);

/*
 * Number the event, name its host (event->sequence, event->host) and write it.
 * 0, or the -errno of the first sink that failed; the others have it all the same.
 */
int stream_emit(struct stream *stream, struct event *event);

/* sink_reopen() of all; 0 or the first -errno. */
int stream_reopen(struct stream *stream);

/* Events that were numbered, the stream's own notices included. */
uint64_t stream_emitted(const struct stream *stream);
/* Lines that did not get out: one for each event and each sink that missed it. */
uint64_t stream_lost(const struct stream *stream);

static inline void cleanup_stream(struct stream **stream)
{
	stream_free(*stream);
}
#define AUTO_STREAM __attribute__((cleanup(cleanup_stream)))

#endif
