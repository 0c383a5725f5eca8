/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_MOUNTED_H
#define DOCKSNOOP_MOUNTED_H

#include "user/container/container.h"
#include "user/sensor/record.h"

/*
 * The last resort: whose a process is, by its own mount table. Docker and podman
 * bind resolv.conf, hosts and hostname over those in /etc, from a folder that has
 * the container's id for a name (moby: container/container_unix.go,
 * NetworkMounts(); podman: libpod/container_internal_common.go).
 *
 * Who may mount can bind a file of its own there, below folders of any name. So
 * an id that one of @dirs knows must come from that very folder, by device and
 * path in its filesystem, which the kernel tells and nobody can choose; and all
 * such mounts must tell the same id. An id that none of @dirs knows is believed:
 * it has no name.
 *
 * 0 and *out, or -ENOENT: nothing that could be believed.
 */
int mounted_owner(int procfd, const struct record *record, const struct runtime_dirs *dirs,
		  struct cgroup_owner *out);

#endif
