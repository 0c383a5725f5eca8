/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SHIM_H
#define DOCKSNOOP_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/container/container.h"

/*
 * The process of the host that a runtime leaves beside each container as the
 * parent of its first process: containerd's shim, conmon, systemd-nspawn. Its
 * command line names the container, also where the cgroup does not.
 */
struct shim {
	enum runtime runtime;
	char id[CONTAINER_ID_MAX + 1];
	bool pod; /* has all containers of a pod, of which the id names one */
	/* Where the runtime keeps its files of this container; folder "" when not told. */
	enum runtime_dir kind;
	char folder[4096];
};

/*
 * By a command line as /proc shows it: texts that each end in NUL. 0; -ENOENT
 * when it is no shim or does not say. containerd's tells the id of the first
 * container only, see shim_read(), and never the folder, which is where it runs.
 */
int shim_parse(const char *cmdline, size_t len, struct shim *out);

/* Does a shim have this for a name, /proc/PID/comm? Anybody can take it. */
bool shim_is_called(const char *comm);

/* The command line of @pid, by shim_parse(). */
int shim_read_cmdline(int procfd, uint32_t pid, struct shim *out);

/*
 * What does the shim @pid say of @child, a process that it started? Whether it
 * is the host's shim the caller has to know. 0, -ENOENT when it says nothing,
 * -errno when it is gone.
 */
int shim_read(int procfd, uint32_t pid, uint32_t child, struct shim *out);

#endif
