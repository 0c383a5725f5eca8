// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/thread.h"

#define CHUNK_BYTES 65536

struct item {
	uint64_t size;
	char data[];
};

struct chunk {
	struct chunk *next;
	size_t used;
	char data[CHUNK_BYTES];
};

struct queue {
	pthread_mutex_t lock;
	struct chunk *first; /* being put in: from here on it is shared, under the lock */
	struct chunk *last;
	size_t bytes; /* held, by both ends */
	size_t limit;
	/* The taker's own: */
	struct chunk *taking;
	size_t taken;
};

struct queue *queue_new(size_t limit)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	mutex_init_inherit(&q->lock);
	q->limit = limit;
	return q;
}

static void chunks_free(struct chunk *chunk)
{
	while (chunk) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	chunks_free(q->first);
	chunks_free(q->taking);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static size_t item_bytes(size_t size)
{
	return sizeof(struct item) + (size + 7) / 8 * 8;
}

bool queue_full(struct queue *q)
{
	bool full;

	pthread_mutex_lock(&q->lock);
	full = q->bytes >= q->limit;
	pthread_mutex_unlock(&q->lock);
	return full;
}

static struct chunk *chunk_with_room(struct queue *q, size_t bytes)
{
	struct chunk *chunk = q->last;

	if (chunk && chunk->used + bytes <= CHUNK_BYTES)
		return chunk;
	/* not calloc(): memory that is never written to is never there */
	chunk = malloc(sizeof(*chunk));
	if (!chunk)
		return NULL;
	chunk->next = NULL;
	chunk->used = 0;
	if (q->last)
		q->last->next = chunk;
	else
		q->first = chunk;
	q->last = chunk;
	return chunk;
}

int queue_put(struct queue *q, const void *data, size_t size)
{
	size_t bytes = item_bytes(size);
	struct chunk *chunk = NULL;
	struct item *item = NULL;

	pthread_mutex_lock(&q->lock);
	chunk = chunk_with_room(q, bytes);
	if (chunk) {
		item = (struct item *)(chunk->data + chunk->used);
		item->size = size;
		memcpy(item->data, data, size);
		chunk->used += bytes;
		q->bytes += bytes;
	}
	pthread_mutex_unlock(&q->lock);
	return chunk ? 0 : -ENOMEM;
}

static void chunk_done(struct queue *q)
{
	struct chunk *chunk = q->taking;

	pthread_mutex_lock(&q->lock);
	q->bytes -= chunk->used;
	pthread_mutex_unlock(&q->lock);
	q->taking = chunk->next;
	q->taken = 0;
	free(chunk);
}

const void *queue_peek(struct queue *q, size_t *size)
{
	const struct item *item = NULL;

	while (q->taking && q->taken == q->taking->used)
		chunk_done(q);
	if (!q->taking) {
		pthread_mutex_lock(&q->lock);
		q->taking = q->first;
		q->first = NULL;
		q->last = NULL;
		pthread_mutex_unlock(&q->lock);
	}
	if (!q->taking)
		return NULL;
	item = (const struct item *)(q->taking->data + q->taken);
	*size = item->size;
	return item->data;
}

void queue_pop(struct queue *q)
{
	const struct item *item = (const struct item *)(q->taking->data + q->taken);

	q->taken += item_bytes(item->size);
}
