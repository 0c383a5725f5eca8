/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SPELLING_H
#define DOCKSNOOP_SPELLING_H

#include "user/exposure/mountinfo.h"
#include "user/sensor/record.h"

/* The mount that a client's own spelling of a socket's name leads through. */
struct spelling {
	const struct mount_entry *entry; /* of the client's own table, or of @other */
	struct mount_table *other; /* of another's mount namespace; NULL: it is the client's own */
};

void spelling_clear(struct spelling *spelling);

/*
 * Look the name of a connect's record up again, as its process would now, and
 * take the answer only when it is that very socket. @table is the process's mount
 * table, all of its namespace. Links of /proc are followed one level deep
 * ("/proc/N/root/…", "cwd", "fd/N"), be they another process's: their mounts are
 * looked for in the table of that process. No file system is waited for.
 *
 * 0 and *out to be cleared; -EXDEV when the name goes through another process,
 * which does not tell (it is gone, for one): not even the namespace is known then;
 * any other -errno when nothing is known.
 */
int spelling_find(int procfd, const struct record *record, const struct mount_table *table,
		  struct spelling *out);

#endif
