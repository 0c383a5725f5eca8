/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LISTENER_H
#define DOCKSNOOP_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"

enum daemon {
	DAEMON_NONE = 0,
	DAEMON_DOCKER,
	DAEMON_PODMAN,
	DAEMON_CONTAINERD,
	DAEMON_CRIO,
	DAEMON_BUILDKIT,
	DAEMON_OTHER,
};

const char *daemon_name(enum daemon daemon); /* "docker", …, "other" */

enum listener_scope {
	SCOPE_HOST,   /* a daemon of the host */
	SCOPE_NESTED, /* a daemon that itself runs in a container */
};

/* A listening socket of a container daemon, past or present. */
struct listener {
	uint64_t cookie; /* socket cookie: never used twice while the host is up */
	uint64_t ino;	 /* of the socket, in sockfs */
	uint32_t dev;	 /* of the file it is bound to, the kernel's dev_t; 0 when abstract */
	uint64_t file_ino;
	enum daemon daemon;
	enum listener_scope scope;
	char path[DS_SUN_PATH_MAX + 2]; /* as bound, "@name" when abstract */
	char *host_path; /* where its file lies on the host, links resolved; NULL when not known */
	char *fs_path;	 /* the file below its filesystem's root; NULL when not known */
	uint32_t pid;	 /* of the process that holds it; 0 when not known */
	char name[16];	 /* that process's name */
	bool wanted;	 /* named with --socket */
	bool gone;	 /* it listens no more */
};

#endif
