/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FOLD_H
#define DOCKSNOOP_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/*
 * The same process connects to the same socket in the same way again and again: from
 * FOLD_BURST times within a second on the rest of that second is one record, with a
 * count. The same is what has the same bytes but for its time, thread and connection:
 * another process, program, path, mount or outcome is never folded into it.
 */
#define FOLD_BURST     100
#define FOLD_WINDOW_NS 1000000000ULL

/*
 * What user space itself puts among the records; told apart from them by its type,
 * which is where theirs is, as is time_ns.
 */
enum feed_type {
	FEED_SAME = 0x100, /* struct feed_same */
	FEED_FOLDED,	   /* struct feed_folded, then the first of the records */
};

/* A connection like another, which was handed over. */
struct feed_same {
	uint16_t type;
	uint16_t pad;
	uint32_t pad2;
	uint64_t time_ns;
	uint64_t connection;
	uint64_t like; /* that other's connection */
};

struct feed_folded {
	uint16_t type;
	uint16_t pad;
	uint32_t pad2;
	uint64_t time_ns; /* of the first, as for all times CLOCK_BOOTTIME */
	uint64_t last_ns;
	uint64_t count;	     /* never 0 */
	uint64_t connection; /* of the first */
};

struct fold;

/* Where folded records go: -errno is counted by who gives it. */
typedef int (*fold_fn)(void *ctx, const void *data, size_t size);

struct fold *fold_new(void);	   /* NULL: no memory */
void fold_free(struct fold *fold); /* NULL is allowed; what is held back is gone */

/*
 * Should this record be held back? It is counted then, and told of later; what has to be
 * told of it now is handed to @fn (struct feed_same). False: hand it over as it is.
 */
bool fold_take(struct fold *fold, const struct ds_record *record, fold_fn fn, void *ctx);

/* Tell of what was held back for long enough, or of @all: each is handed to @fn. */
void fold_flush(struct fold *fold, uint64_t now_ns, bool all, fold_fn fn, void *ctx);

#endif
