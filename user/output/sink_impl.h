/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_SINK_IMPL_H
#define DOCKSNOOP_OUTPUT_SINK_IMPL_H

/* What the kinds of sinks have in common. For this folder only. */

#include "user/output/sink.h"

struct sink_ops {
	int (*render)(const struct sink *sink, const struct event *event, const char *json,
		      char **line);
	int (*write)(struct sink *sink, const char *line, uint64_t accesses);
	int (*reopen)(struct sink *sink);	      /* NULL: nothing to reopen */
	int (*look)(struct sink *sink);		      /* NULL: nothing to look after */
	void (*account)(struct sink *sink);	      /* account is set: close what is open in it */
	const char *(*head)(const struct sink *sink); /* NULL: there is none */
	void (*free)(struct sink *sink);	      /* the whole sink */
};

struct sink {
	const struct sink_ops *ops;
	const char *name;
	struct ledger_sink *account; /* NULL: none */
	struct sink_gone gone;
};

/*
 * How long one try waits for a reader that has no room just now: whoever tries can be
 * told to stop in between.
 */
#define SINK_PATIENCE_MS 200

/* Wait until @fd takes bytes again: 0; -EAGAIN when it does not for that long. */
int sink_wait(int fd);

/* The line got out. */
void sink_settle(struct sink *sink, uint64_t accesses);

#endif
