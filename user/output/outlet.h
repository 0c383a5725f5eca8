/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_OUTLET_H
#define DOCKSNOOP_OUTPUT_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "user/output/sink.h"

/*
 * A sink and the lines that wait for it, in a bounded room. They are written by a thread
 * of the outlet's own: a sink that is slow, stuck or away holds up nobody else, and what
 * comes meanwhile is written once it takes lines again.
 */
struct outlet;

#define OUTLET_BYTES (4UL << 20)

/* What there is to be told of a sink, once each time it changes: from the outlet's thread. */
struct outlet_trouble {
	const char *sink;
	int error;	  /* -errno since when lines wait; 0: they are being written again */
	const char *gone; /* or what has happened to lines that were written; else NULL */
	uint64_t lines;	  /* how many those were */
};
typedef void (*outlet_trouble_fn)(void *ctx, const struct outlet_trouble *trouble);

/* Takes the sink over. 0 or -ENOMEM; then it is still the caller's. */
int outlet_new(struct sink *sink, outlet_trouble_fn fn, void *ctx, struct outlet **out);
/* The thread is ended; lines that wait are not written. NULL is allowed. */
void outlet_free(struct outlet *outlet);

/* Begin to write. 0 or -errno. */
int outlet_start(struct outlet *outlet);

const struct sink *outlet_sink(const struct outlet *outlet);
/* Its account in the ledger; before outlet_start(). */
void outlet_set_account(struct outlet *outlet, struct ledger_sink *account);

/*
 * A copy of a line that stands for @accesses. false: there is no room for it. After that
 * there is none until half of it is free again, so that what is missing is one gap and not
 * many.
 */
bool outlet_put(struct outlet *outlet, const char *line, uint64_t sequence, uint64_t accesses);
/* Write what waits now: until this is called, or enough waits, nobody is woken for a line. */
void outlet_flush(struct outlet *outlet);
/* Would outlet_put() find room? */
bool outlet_has_room(struct outlet *outlet);

/* sink_reopen(), when the thread gets to it. */
void outlet_reopen(struct outlet *outlet);

/* Lines that were put in and will never be written, and what became of others later. */
struct sink_gone outlet_take_gone(struct outlet *outlet);
/* Nobody will ever read what is written there. */
bool outlet_dead(struct outlet *outlet);

/* Wait until all has been written, at most @ms; how many lines have not. */
uint64_t outlet_finish(struct outlet *outlet, unsigned int ms);

#endif
