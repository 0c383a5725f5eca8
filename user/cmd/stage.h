/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_STAGE_H
#define DOCKSNOOP_STAGE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * What selftest plays on: a listening socket, a cgroup with a container's
 * name, and processes in it that see the socket under another name, in a mount
 * namespace of their own.
 */
struct stage;

/* 0, or -errno with one line in @why. Needs root. */
int stage_new(int procfd, char *why, size_t size, struct stage **out);
/* Removes what is left of it too; NULL is allowed. */
void stage_free(struct stage *stage);
/* Remove everything; 0, or the first -errno. */
int stage_remove(struct stage *stage);

/*
 * A new process connects to the socket and stays until the next one does, or
 * stage_release(), so that /proc tells of it as of a container that runs. 0 or
 * -errno; its number in *pid.
 */
int stage_connect(struct stage *stage, pid_t *pid);
/* The same to a socket that is no daemon's. */
int stage_connect_other(struct stage *stage, pid_t *pid);

#define STAGE_REQUEST "/docksnoop-selftest"
#define STAGE_STATUS  204
/*
 * Be the daemon for the process that connected first: read that it asks for
 * STAGE_REQUEST, and answer with STAGE_STATUS. 0 or -errno.
 */
int stage_serve(struct stage *stage);

void stage_release(struct stage *stage);
pid_t stage_other_pid(const struct stage *stage);

const char *stage_socket(const struct stage *stage);	/* as it was bound */
const char *stage_target(const struct stage *stage);	/* where the processes see it */
const char *stage_container(const struct stage *stage); /* the id in the cgroup's name */

#endif
