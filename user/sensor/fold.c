// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/fold.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Others at the same time push out the oldest, of which is told at once then. */
#define GROUPS_MAX 512

struct group {
	UT_hash_handle hh;
	uint64_t window_ns; /* when it began */
	uint64_t seen;	    /* in this window */
	uint64_t like;	    /* the connection of the last that was handed over */
	struct feed_folded head;
	/* Follows head as it does in what is handed over; without what may differ. */
	struct ds_record key;
	char strings[];
};

/* In the order in which their windows began: uthash keeps the order of insertion. */
struct fold {
	struct group *groups;
	struct ds_record *key; /* room for the one that is looked at */
	size_t room;
};

struct fold *fold_new(void)
{
	return calloc(1, sizeof(struct fold));
}

void fold_free(struct fold *f)
{
	struct group *g = NULL, *tmp = NULL;

	if (!f)
		return;
	HASH_ITER(hh, f->groups, g, tmp)
	{
		HASH_DEL(f->groups, g);
		free(g);
	}
	free(f->key);
	free(f);
}

/* A copy of it without what may differ. */
static const struct ds_record *key_of(struct fold *f, const struct ds_record *record)
{
	if (f->room < record->size) {
		struct ds_record *more = realloc(f->key, record->size);

		if (!more)
			return NULL;
		f->key = more;
		f->room = record->size;
	}
	memcpy(f->key, record, record->size);
	f->key->time_ns = 0;
	f->key->tid = 0;
	f->key->connection = 0;
	return f->key;
}

static void group_tell(struct group *g, fold_fn fn, void *ctx)
{
	if (!g->head.count)
		return;
	fn(ctx, &g->head, sizeof(g->head) + g->key.size);
	g->head.count = 0;
}

static void group_end(struct fold *f, struct group *g, fold_fn fn, void *ctx)
{
	group_tell(g, fn, ctx);
	HASH_DEL(f->groups, g);
	free(g);
}

static struct group *group_get(struct fold *f, const struct ds_record *record, fold_fn fn,
			       void *ctx)
{
	const struct ds_record *key = key_of(f, record);
	struct group *g = NULL;

	if (!key)
		return NULL;
	HASH_FIND(hh, f->groups, key, key->size, g);
	/* From several CPUs they come in nearly the order in which they happened. */
	if (g && (int64_t)(record->time_ns - g->window_ns) < (int64_t)FOLD_WINDOW_NS)
		return g;
	if (g)
		group_end(f, g, fn, ctx);
	g = calloc(1, sizeof(*g) + key->size - sizeof(*key));
	if (!g)
		return NULL;
	memcpy(&g->key, key, key->size);
	g->window_ns = record->time_ns;
	g->head.type = FEED_FOLDED;
	HASH_ADD_KEYPTR(hh, f->groups, &g->key, key->size, g);
	if (HASH_COUNT(f->groups) > GROUPS_MAX)
		group_end(f, f->groups, fn, ctx);
	return g;
}

bool fold_take(struct fold *f, const struct ds_record *record, fold_fn fn, void *ctx)
{
	struct feed_same same = {
		.type = FEED_SAME,
		.time_ns = record->time_ns,
		.connection = record->connection,
	};
	struct group *g = NULL;

	if (record->type != DS_RECORD_CONNECT)
		return false;
	g = group_get(f, record, fn, ctx);
	if (!g)
		return false;
	if (g->seen++ < FOLD_BURST) {
		g->like = record->connection;
		return false;
	}
	if (!g->head.count++) {
		g->head.time_ns = record->time_ns;
		g->head.connection = record->connection;
	}
	g->head.last_ns = record->time_ns;
	same.like = g->like;
	if (record->connection)
		fn(ctx, &same, sizeof(same));
	return true;
}

void fold_flush(struct fold *f, uint64_t now_ns, bool all, fold_fn fn, void *ctx)
{
	struct group *g = NULL, *tmp = NULL;

	HASH_ITER(hh, f->groups, g, tmp)
	{
		if (!all && (int64_t)(now_ns - g->window_ns) < (int64_t)FOLD_WINDOW_NS)
			break; /* those after it are younger */
		group_end(f, g, fn, ctx);
	}
}
