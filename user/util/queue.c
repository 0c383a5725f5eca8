// SPDX-License-Identifier: Apache-2.0
#include "user/util/queue.h"

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
	size_t room;
	char data[];
};

struct queue {
	pthread_mutex_t lock;
	struct chunk *first; /* being put in: from here on it is shared, under the lock */
	struct chunk *last;
	size_t bytes; /* held, by both ends */
	size_t limit;
	struct chunk *spare; /* where there is little to do, it is the same again and again */
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
	free(q->spare);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static size_t item_bytes(size_t size)
{
	return sizeof(struct item) + (size + 7) / 8 * 8;
}

size_t queue_bytes(struct queue *q)
{
	size_t bytes;

	pthread_mutex_lock(&q->lock);
	bytes = q->bytes;
	pthread_mutex_unlock(&q->lock);
	return bytes;
}

bool queue_full(struct queue *q)
{
	return queue_bytes(q) >= q->limit;
}

static struct chunk *chunk_new(struct queue *q, size_t bytes)
{
	size_t room = bytes < CHUNK_BYTES ? CHUNK_BYTES : bytes;
	struct chunk *chunk = NULL;

	if (q->spare && room == CHUNK_BYTES) {
		chunk = q->spare;
		q->spare = NULL;
	} else {
		/* not calloc(): memory that is never written to is never there */
		chunk = malloc(sizeof(*chunk) + room);
	}
	if (!chunk)
		return NULL;
	chunk->next = NULL;
	chunk->used = 0;
	chunk->room = room;
	return chunk;
}

static struct chunk *chunk_with_room(struct queue *q, size_t bytes)
{
	struct chunk *chunk = q->last;

	if (chunk && chunk->used + bytes <= chunk->room)
		return chunk;
	chunk = chunk_new(q, bytes);
	if (!chunk)
		return NULL;
	if (q->last)
		q->last->next = chunk;
	else
		q->first = chunk;
	q->last = chunk;
	return chunk;
}

int queue_put_headed(struct queue *q, const void *head, size_t head_size, const void *data,
		     size_t size)
{
	size_t bytes = item_bytes(head_size + size);
	struct chunk *chunk = NULL;
	struct item *item = NULL;

	pthread_mutex_lock(&q->lock);
	chunk = chunk_with_room(q, bytes);
	if (chunk) {
		item = (struct item *)(chunk->data + chunk->used);
		item->size = head_size + size;
		if (head_size)
			memcpy(item->data, head, head_size);
		memcpy(item->data + head_size, data, size);
		chunk->used += bytes;
		q->bytes += bytes;
	}
	pthread_mutex_unlock(&q->lock);
	return chunk ? 0 : -ENOMEM;
}

int queue_put(struct queue *q, const void *data, size_t size)
{
	return queue_put_headed(q, NULL, 0, data, size);
}

static void chunk_done(struct queue *q)
{
	struct chunk *chunk = q->taking;

	q->taking = chunk->next;
	q->taken = 0;
	pthread_mutex_lock(&q->lock);
	q->bytes -= chunk->used;
	if (!q->spare && chunk->room == CHUNK_BYTES) {
		q->spare = chunk;
		chunk = NULL;
	}
	pthread_mutex_unlock(&q->lock);
	free(chunk);
}

const void *queue_peek(struct queue *q, size_t *size)
{
	const struct item *item = NULL;

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
	if (q->taken == q->taking->used)
		chunk_done(q);
}
