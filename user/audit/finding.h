/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FINDING_H
#define DOCKSNOOP_FINDING_H

#include "user/container/container.h"
#include "user/exposure/mount.h"
#include "user/sensor/listener.h"

/* What the audit finds: one way by which somebody can reach a daemon. */

enum finding_way {
	WAY_MOUNT,	/* a mount brings a daemon's socket, or a directory above it */
	WAY_API_SOCKET, /* Compose's use_api_socket: the socket and the registries' credentials */
	WAY_TCP,	/* over the network: DOCKER_HOST, or a proxy that listens */
	WAY_PRIVILEGED, /* privileged: the host's disks and /proc/1/root */
	WAY_HOST_PID,	/* the host's processes show: /proc/1/root */
	WAY_UNDECIDED,	/* what is written cannot be decided from here */
};

const char *finding_way_name(enum finding_way way); /* "mount", "undecided", … */

/*
 * It owns nothing: whoever fills it in keeps what it points at alive for the call it
 * is handed over in. NULL, VIA_UNKNOWN and DAEMON_NONE: not known.
 */
struct finding {
	enum finding_way way;
	const char *file;  /* where it is written; NULL on the live host */
	unsigned int line; /* from 1; 0: not known */
	/* What is said there of the container; what is not said is NULL, also its id. */
	const struct container *container;
	const char *service;  /* of a Compose file, a pod, a unit; NULL without */
	const char *spelling; /* what was written; on the live host what stands for it */
	enum mount_via via;
	enum daemon daemon;
	const char *socket; /* its path on the host, or its address "tcp://…" */
	bool read_only;
	bool stale;	     /* the socket was made anew since: the mount leads nowhere */
	bool stopped;	     /* the container does not run */
	const char *unknown; /* WAY_UNDECIDED: what would have to be known, in words */
};

/* "socket-bind", …, as in docksnoop.mount.via of events; "tcp" over the network. */
const char *finding_via_name(const struct finding *finding);

/* Not 0 stops whoever calls it, and is what that returns. */
typedef int (*finding_fn)(void *ctx, const struct finding *finding);

#endif
