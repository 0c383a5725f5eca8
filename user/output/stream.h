/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_STREAM_H
#define DOCKSNOOP_OUTPUT_STREAM_H

#include <stdint.h>

#include "user/output/event.h"
#include "user/output/outlet.h"
#include "user/output/sink.h"
#include "user/util/ledger.h"

/*
 * The one way out: gives each event its number and hands it to every sink, each of which
 * has a thread that writes and a bounded room for what waits. What there was no room for
 * is counted, and once there is again the first that the sink gets is an events-lost
 * (kind "event", place "sink:<name>") with the number of those it has missed; the other
 * sinks get that one too. So a gap is never without its notice before the line that
 * follows it.
 */
struct stream;

/*
 * @host is the caller's and has to outlive the stream. @fn, which may be NULL: who is
 * told of sinks' troubles, from their threads. NULL: no memory.
 */
struct stream *stream_new(const struct event_host *host, outlet_trouble_fn fn, void *ctx);
/* Frees the sinks too; NULL is allowed. */
void stream_free(struct stream *stream);

/* Takes the sink over. -ENOMEM: it is still the caller's. */
int stream_add_sink(struct stream *stream, struct sink *sink);

/*
 * Keep account in @ledger, which has to outlive the stream, of what becomes of accesses,
 * and go on with its numbers. To be called when all sinks are there, before anything was
 * taken.
 */
void stream_set_ledger(struct stream *stream, struct ledger *ledger);
/*
 * Say (events-lost, place "restart:<sink>") what a docksnoop that was killed had taken,
 * and not got out any more, as stream_set_ledger() found it.
 */
void stream_tell_legacy(struct stream *stream);

/* Begin to write: up to then it only waits. 0 or -errno. */
int stream_start(struct stream *stream);

/* Number the event, name its host (event->sequence, event->host) and hand it to all sinks. */
void stream_emit(struct stream *stream, struct event *event);
/* All that is to be said for now has been: let it be written. */
void stream_flush(struct stream *stream);
/* To be called about once a second: say what was missed, where nothing else is to be said. */
void stream_look(struct stream *stream);
/* Accesses of which nobody is to be told. */
void stream_settle(struct stream *stream, uint64_t accesses);

/* sink_reopen() of all, soon. */
void stream_reopen(struct stream *stream);

/*
 * Wait until all has been written, at most @ms in all. How many lines were not: at the end
 * they are lost, and count as that.
 */
uint64_t stream_finish(struct stream *stream, unsigned int ms);

/* Is there nobody left who would ever read it? */
bool stream_dead(const struct stream *stream);
/* Events that were numbered, the stream's own notices included, by this process. */
uint64_t stream_emitted(const struct stream *stream);
/* Lines that did not get out: one for each event and each sink that missed it. */
uint64_t stream_lost(const struct stream *stream);
/* sink_head() of the first sink that has one, or NULL. Once it has ended. */
const char *stream_head(const struct stream *stream);

static inline void cleanup_stream(struct stream **stream)
{
	stream_free(*stream);
}
#define AUTO_STREAM __attribute__((cleanup(cleanup_stream)))

#endif
