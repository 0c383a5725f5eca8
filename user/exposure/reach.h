/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_REACH_H
#define DOCKSNOOP_REACH_H

#include "user/container/container.h"
#include "user/exposure/mount.h"
#include "user/sensor/listener.h"
#include "user/sensor/record.h"

/*
 * How a process reaches a socket. Keeps the mount tables of mount namespaces
 * that were seen, so that it still knows when the process is gone. Bounded:
 * the longest unused go first.
 */
struct reach;

int reach_new(int procfd, struct reach **out); /* @procfd stays the caller's */
void reach_free(struct reach *reach);	       /* NULL is allowed */

/*
 * The mount table of the record's process: as it is now or, when the process
 * is gone, as it was seen last in its mount namespace. NULL when it never was.
 * Valid until the next call.
 */
const struct mount_table *reach_table(struct reach *reach, const struct record *record);

/*
 * A mount namespace has come to life: what was known under its number was of
 * another one, which is gone.
 */
void reach_forget(struct reach *reach, const struct record *record);

/* The host's own, not older than a second; NULL when it cannot be read. */
const struct mount_table *reach_host(struct reach *reach);

/*
 * Through which mount did the process of a connect's record reach @listener?
 * Best first: the mount that the kernel used, the process's mount table, what
 * the container was configured with. via is VIA_UNKNOWN when none tells.
 * 0 and *out to be cleared, or -ENOMEM. @container may be NULL.
 */
int reach_connect(struct reach *reach, const struct record *record,
		  const struct container *container, const struct listener *listener,
		  struct mount_use *out);

#endif
