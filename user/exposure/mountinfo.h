/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_MOUNTINFO_H
#define DOCKSNOOP_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A process's mount table, /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
struct mount_entry {
	int id;
	int parent_id;
	uint32_t dev;	/* the kernel's dev_t: major << 20 | minor */
	char *root;	/* within its filesystem, unescaped, without "//deleted" */
	char *target;	/* as the process sees it, unescaped */
	char *fstype;
	bool read_only; /* of the mount, not of the filesystem */
	bool deleted;	/* the root was unlinked: a stale bind */
};

struct mount_table {
	struct mount_entry *entries; /* in the kernel's order */
	size_t count;
};

/*
 * Parse a mount table's text. 0 and a table to be released with
 * mount_table_free(), or -EINVAL for a line that is no line of mountinfo.
 */
int mount_table_parse(const char *text, size_t len, struct mount_table **out);
/* The table of /proc/@pid below @procfd (a descriptor of a /proc); -errno of the read. */
int mount_table_read(int procfd, uint32_t pid, struct mount_table **out);
void mount_table_free(struct mount_table *table);

static inline void cleanup_mount_table(struct mount_table **t)
{
	mount_table_free(*t);
}
#define AUTO_MOUNT_TABLE __attribute__((cleanup(cleanup_mount_table)))

/*
 * The entry under which (@dev, @fs_path) can be reached: of the same device, its
 * root a path prefix of @fs_path, and its place not hidden by a later mount on
 * top of it. @nth picks one of several (0: the first in the kernel's order); NULL when there is none.
 * A deleted entry matches nothing.
 */
const struct mount_entry *mount_table_find(const struct mount_table *table, uint32_t dev,
					   const char *fs_path, size_t nth);

/*
 * Where (@dev, @fs_path) lies in this table's own view, as a malloc'd path:
 * the host's path of a bind's source when the table is the host's. The mount
 * whose root is the shortest prefix is preferred. -ENOENT when it does not show there.
 */
int mount_table_path(const struct mount_table *table, uint32_t dev, const char *fs_path, char **out);

#endif
