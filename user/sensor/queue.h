/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_QUEUE_H
#define DOCKSNOOP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Records between the thread that takes them from the kernel and the one that works on
 * them: bounded, in as much memory as they take. One puts in, one takes out; each end
 * may be another thread's.
 */
struct queue;

/* @limit: in bytes, all told. NULL: no memory. */
struct queue *queue_new(size_t limit);
void queue_free(struct queue *queue); /* NULL is allowed */

/* Is there no room? What is put in all the same is kept, if there is memory. */
bool queue_full(struct queue *queue);
/* A copy of @size bytes, which are at most 65536 - 16. 0 or -ENOMEM. */
int queue_put(struct queue *queue, const void *data, size_t size);

/* The oldest; aligned to 8, and valid until queue_pop(). NULL: empty. */
const void *queue_peek(struct queue *queue, size_t *size);
/* Done with what queue_peek() has given. */
void queue_pop(struct queue *queue);

#endif
