/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_MOUNT_H
#define DOCKSNOOP_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/container/container.h"
#include "user/exposure/mountinfo.h"

enum mount_via {
	VIA_UNKNOWN = 0,
	VIA_SOCKET_BIND,    /* the socket's file itself is bound */
	VIA_DIRECTORY_BIND, /* a directory above it */
	VIA_HOST_ROOT,	    /* the host's root directory */
	VIA_VOLUME,	    /* a volume with the socket, or a directory above it, behind it */
	VIA_PROC_ROOT,
	VIA_HOST_NAMESPACE,
	VIA_HANDOFF,
};

const char *mount_via_name(enum mount_via via); /* "socket-bind", …, "unknown" */

/* Through which mount a container reaches a socket. Strings are malloc'd, NULL when not known. */
struct mount_use {
	enum mount_via via;
	char *source; /* on the host, as the runtime was told; else as the host's mount table shows it */
	char *target; /* the mount's place in the container, as the runtime was told; else as mounted */
	bool read_only; /* of the mount that is really passed through */
	bool known;	/* read_only, source and target come from a mount that was found */
	bool stale;	/* a bind of a socket file that has been unlinked since: it leads nowhere */
};

void mount_use_clear(struct mount_use *use);
/* 0 and *out a copy of its own, or -ENOMEM. */
int mount_use_copy(const struct mount_use *use, struct mount_use *out);

/* A socket's file, as the kernel knows it. */
struct socket_file {
	uint32_t dev;	     /* kernel's dev_t */
	const char *fs_path; /* below its filesystem's root */
	const char *path;    /* on the host; NULL when not known */
};

/* Where a mount in a container came from. */
struct mount_origin {
	const struct mount_entry *entry; /* that was mounted: the one asked for, or one above it */
	const struct container_mount *configured; /* NULL: not by the container's configuration */
	bool along;	/* the one asked for came along with it, and is not it */
	bool host_root; /* entry shows the host's root directory */
};

/*
 * What brought @entry into the container: the configured mount that it is, or
 * that brought it along (a bind takes the mounts below its source with it: /run
 * comes with "-v /:/host").
 *
 * The mount table counts, not the configuration. What a privileged container
 * mounted by itself, under or over a configured place, is its own origin: it is
 * taken as brought along only when the host has the same mount at the same
 * place below the source, and as configured only when the host's table does not
 * speak against the configured source.
 *
 * An image's symbolic links move a mount: "/var/run/docker.sock" is mounted at
 * "/run/docker.sock" where /var/run is a link. A configured destination that is
 * not in the table is matched by the last component of destination and source,
 * when only one mount fits.
 *
 * @entry need not be of @table: what the kernel said of a mount will do, with an
 * empty table when the process was gone before its own could be read.
 * @container may be NULL, tables may be empty but not NULL. 0 or -ENOMEM.
 */
int mount_origin_find(const struct mount_table *table, const struct mount_entry *entry,
		      const struct mount_table *host, const struct container *container,
		      struct mount_origin *out);

/*
 * Classify the mount @entry of a container's own table @table, by its origin
 * (mount_origin_find(), the same arguments) and the host's table @host.
 * 0 and *out filled (release with mount_use_clear()), or -ENOMEM.
 */
int mount_use_from_entry(const struct mount_table *table, const struct mount_entry *entry,
			 const struct mount_table *host, const struct container *container,
			 const struct socket_file *socket, struct mount_use *out);

/*
 * The same from the container's configuration alone, for a container whose
 * processes are gone: of the configured mounts whose source is a path prefix of
 * the socket's path on the host, the one with the longest source. Symbolic links
 * in both are resolved by the caller's @resolve, which returns a malloc'd path,
 * or NULL: the path is then taken as it is. -ENOENT when none leads there, -ENOMEM.
 */
int mount_use_from_config(const struct container *container, const struct socket_file *socket,
			  char *(*resolve)(const char *path), struct mount_use *out);

#endif
