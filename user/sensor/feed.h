/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FEED_H
#define DOCKSNOOP_FEED_H

#include "user/sensor/fold.h"
#include "user/sensor/sensor.h"
#include "user/util/ledger.h"

/*
 * Takes records out of the kernel's rings as they come, in a thread of its own, and holds
 * them until they are worked on: a disk that hangs, or a great many events to be written,
 * must not fill the rings. Repetitions are folded here (fold.h). When there is no room
 * any more they stay in the kernel, which counts what it has no room for.
 */
struct feed;

/* It lies in what the kernel side and user space share, as that outlives a crash. */
static inline struct ledger *control_ledger(struct ds_control *control)
{
	return (struct ledger *)control->ledger;
}

/* The kernel's rings, by descriptor. */
struct feed_rings {
	int records[DS_RING_COUNT];
	int bytes; /* -1: none */
};

/*
 * @control is the caller's: its ledger is told what was taken, and the kernel side, by it,
 * when it need not wake anybody. 0 or -errno; feed_start() starts the
 * thread, and without it feed_take() sees what is in the rings all the same.
 */
int feed_new(const struct feed_rings *rings, struct ds_control *control, struct feed **out);
int feed_start(struct feed *feed);
void feed_free(struct feed *feed); /* NULL is allowed */

/* Becomes readable (poll) when there is something to take. */
int feed_fd(const struct feed *feed);

/*
 * What there is up to now, or the first of it: records, and what fold.h puts among them,
 * in the order in which they happened; as sensor_consume(). Not from within @fn. What is
 * left keeps feed_fd() readable.
 */
int feed_take(struct feed *feed, sensor_fn fn, void *ctx);
/* The same for struct ds_bytes. @fn may call feed_take(). */
int feed_take_bytes(struct feed *feed, sensor_fn fn, void *ctx);

/* Let go of what is held back for folding: before the end. */
void feed_unfold(struct feed *feed);

#endif
