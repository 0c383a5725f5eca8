/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_SINK_IMPL_H
#define DOCKSNOOP_OUTPUT_SINK_IMPL_H

/* What the kinds of sinks have in common. For this folder only. */

#include "user/output/sink.h"

struct sink_ops {
	/* 0 or -errno; counting is done around it */
	int (*write)(struct sink *sink, const struct event *event, const char *json);
	int (*reopen)(struct sink *sink); /* NULL: nothing to reopen */
	void (*free)(struct sink *sink);  /* the whole sink */
};

struct sink {
	const struct sink_ops *ops;
	const char *name;
	uint64_t lost;
	bool failing; /* the last write did not get out */
};

/*
 * A reader that has no room just now is waited for this long in one write, but
 * not before the first byte when the sink is failing already: it must not hold
 * up the others at every event.
 */
#define SINK_PATIENCE_MS 500

/* When the patience of a write that begins now ends: CLOCK_MONOTONIC, milliseconds. */
int64_t sink_deadline(void);
/* Wait until @fd takes bytes again: 0; -EAGAIN at the deadline. */
int sink_wait(int fd, int64_t deadline);

#endif
