/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_MOUNT_H
#define DOCKSNOOP_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/container/container.h"
#include "user/exposure/mountinfo.h"

enum mount_via {
	VIA_UNKNOWN = 0,
	VIA_SOCKET_BIND,
	VIA_DIRECTORY_BIND,
	VIA_HOST_ROOT,
	VIA_VOLUME,
	VIA_PROC_ROOT,
	VIA_HOST_NAMESPACE,
	VIA_HANDOFF,
};

const char *mount_via_name(enum mount_via via); /* "socket-bind", …, "unknown" */

/* Through which mount a container reaches a socket. Strings are malloc'd, NULL when not known. */
struct mount_use {
	enum mount_via via;
	char *source;	 /* on the host, as the runtime was told; else as the host's mount table shows it */
	char *target;	 /* the mount's place in the container */
	bool read_only;
	bool known;	 /* read_only, source and target come from a mount that was found */
};

void mount_use_clear(struct mount_use *use);

/* A socket's file, as the kernel knows it. */
struct socket_file {
	uint32_t dev;	     /* kernel's dev_t */
	const char *fs_path; /* below its filesystem's root */
	const char *path;    /* on the host */
};

/*
 * Classify the mount @entry of a container's own table @table: what the
 * container's configuration says (longest destination that is a prefix of the
 * entry's target), the host's table for what it does not say. @container may be NULL.
 * 0 and *out filled (release with mount_use_clear()), or -ENOMEM.
 */
int mount_use_from_entry(const struct mount_table *table, const struct mount_entry *entry,
			 const struct mount_table *host, const struct container *container,
			 const struct socket_file *socket, struct mount_use *out);

/*
 * The same from the container's configuration alone, for a container whose
 * processes are gone: the configured mount whose source is a path prefix of the
 * socket's path on the host (symbolic links resolved on both by the caller's
 * @resolve, which returns a malloc'd path or NULL). -ENOENT when none leads there.
 */
int mount_use_from_config(const struct container *container, const struct socket_file *socket,
			  char *(*resolve)(const char *path), struct mount_use *out);

#endif
