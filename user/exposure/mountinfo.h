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
	uint32_t dev; /* the kernel's dev_t: major << 20 | minor (include/linux/kdev_t.h) */
	char *root;   /* within its filesystem, unescaped, without "//deleted"; nsfs: "net:[…]" */
	char *target; /* as the process sees it, unescaped */
	char *fstype;
	bool read_only; /* of the mount, not of the filesystem */
	bool deleted;	/* the root was unlinked: a stale bind */
	bool hidden;	/* its target's name leads elsewhere: another mount lies over it */
	const struct mount_entry *parent; /* NULL when the table does not show it */
};

/* Entries belong to the table and live as long as it does. */
struct mount_table {
	struct mount_entry *entries; /* in the kernel's order */
	size_t count;
	struct mount_entry **by_place; /* mountinfo.c's own: by parent, then target */
	char *text;		       /* mountinfo.c's own: the bytes of all strings */
};

/*
 * Parse a mount table's text. 0 and a table to be released with
 * mount_table_free(), or -EINVAL when a line is no line of mountinfo, the last
 * one without its newline included (the kernel never leaves it out: the text
 * was cut); -ENOMEM. No text at all is a table without entries: a process in a
 * chroot without mounts has one.
 */
int mount_table_parse(const char *text, size_t len, struct mount_table **out);
/*
 * The table of /proc/@pid below @procfd (a descriptor of a /proc). -ESRCH when
 * the process is gone or a zombie, -EFBIG beyond 64 MiB, else -errno of the read
 * or mount_table_parse()'s.
 */
int mount_table_read(int procfd, uint32_t pid, struct mount_table **out);
void mount_table_free(struct mount_table *table); /* NULL is allowed */

static inline void cleanup_mount_table(struct mount_table **t)
{
	mount_table_free(*t);
}
#define AUTO_MOUNT_TABLE __attribute__((cleanup(cleanup_mount_table)))

/*
 * The entry under which (@dev, @fs_path) can be reached: of the same device, its
 * root a path prefix of @fs_path, and neither its target nor the way from there
 * to the file covered by another mount. @nth picks one of several (0: the first
 * in the kernel's order); NULL when there is none. A deleted entry matches nothing.
 */
const struct mount_entry *mount_table_find(const struct mount_table *table, uint32_t dev,
					   const char *fs_path, size_t nth);
/* The same, one after the other: the next one after @prev, NULL to begin. */
const struct mount_entry *mount_table_next(const struct mount_table *table, uint32_t dev,
					   const char *fs_path, const struct mount_entry *prev);

/* The entry with this number, by which the kernel tells mounts apart; NULL: it has none. */
const struct mount_entry *mount_table_by_id(const struct mount_table *table, int id);

/* The entry that the absolute path @path lies in, symbolic links aside; NULL: none is shown. */
const struct mount_entry *mount_table_at(const struct mount_table *table, const char *path);

/*
 * Where (@dev, @fs_path) lies in this table's own view, as a malloc'd path:
 * the host's path of a bind's source when the table is the host's. The mount
 * whose root is the shortest prefix is preferred. -ENOENT when it does not show
 * there, -ENOMEM.
 */
int mount_table_path(const struct mount_table *table, uint32_t dev, const char *fs_path,
		     char **out);

/* @base and what path_after() left ("" or "/…") as one malloc'd path; -ENOMEM. */
int mount_path_join(const char *base, const char *rest, char **out);

#endif
