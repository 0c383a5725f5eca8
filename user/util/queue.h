/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_QUEUE_H
#define DOCKSNOOP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What one thread has for another: records for who works on them, lines for who writes
 * them. Bounded, in as much memory as it takes: a piece of memory of its own for each
 * would leave holes when it is given back. One puts in, one takes out; each end may be
 * another thread's.
 */
struct queue;

/* @limit: in bytes, all told. NULL: no memory. */
struct queue *queue_new(size_t limit);
void queue_free(struct queue *queue); /* NULL is allowed */

/* Held now; what was taken out is given back a piece at a time, of some 64 KiB. */
size_t queue_bytes(struct queue *queue);
/* Is there no room? What is put in all the same is kept, if there is memory. */
bool queue_full(struct queue *queue);
/* A copy of @size bytes. 0 or -ENOMEM. */
int queue_put(struct queue *queue, const void *data, size_t size);
/* The same, of two parts that queue_peek() gives as one. */
int queue_put_headed(struct queue *queue, const void *head, size_t head_size, const void *data,
		     size_t size);

/* The oldest; aligned to 8, and valid until queue_pop(). NULL: empty. */
const void *queue_peek(struct queue *queue, size_t *size);
/* Done with what queue_peek() has given. */
void queue_pop(struct queue *queue);

#endif
