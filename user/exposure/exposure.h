/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_EXPOSURE_H
#define DOCKSNOOP_EXPOSURE_H

#include <stddef.h>

#include "user/exposure/mount.h"

/*
 * One way by which a container can reach @socket; @use lasts for the call. Not 0
 * stops the scan, which returns it.
 */
typedef int (*exposure_fn)(const struct socket_file *socket, const struct mount_use *use,
			   void *ctx);

/*
 * Mounts looked at for one socket. A container that may mount can make 100,000
 * of the same socket; by then it is known that it can reach it. The runtime's
 * own mounts come first in the table.
 */
#define EXPOSURE_MOUNTS_MAX 128

/*
 * Every way from a container's mount table @table to each of the @n @sockets:
 * one call for each socket and each mount that brought it in
 * (mount_origin_find()), and one with use->stale set for a bind of the socket's
 * file that has been unlinked since. Sockets without an fs_path are passed over.
 * @host is the host's table, @container may be NULL. 0, -ENOMEM, or what @fn returned.
 */
int exposure_scan(const struct mount_table *table, const struct mount_table *host,
		  const struct container *container, const struct socket_file *sockets, size_t n,
		  exposure_fn fn, void *ctx);

#endif
