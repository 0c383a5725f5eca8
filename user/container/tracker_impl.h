/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TRACKER_IMPL_H
#define DOCKSNOOP_TRACKER_IMPL_H

/* What the parts of the tracker share; nobody else's. */

#include <sys/stat.h>

#include "user/container/bindings.h"
#include "user/container/known.h"
#include "user/container/tracker.h"

/* PROC_PID_INIT_INO and PROC_USER_INIT_INO, include/linux/proc_ns.h: the same on every kernel. */
#define INIT_PID_NS_INUM  0xEFFFFFFCU
#define INIT_USER_NS_INUM 0xEFFFFFFDU

struct family;

struct tracker {
	int procfd;
	struct runtime_dirs *dirs;
	struct known *known;
	struct bindings bindings;
	struct family *families; /* that were looked at a moment ago: tracker_family.c */
	uint32_t host_mnt_ns;
	struct stat host_root;
	/* Too large for the stack: who is asked about, and an ancestor of that. */
	struct record asked;
	struct record ancestor;
};

/* Whose a cgroup is, and whether the path is to be believed. */
struct placed {
	struct cgroup_owner owner;
	bool claimed;
};

/* tracker.c */
/* Whose is this cgroup? false: no container's. */
bool tracker_owner_of(struct tracker *t, const char *cgroup, struct placed *out);
/* A running process, with the flags that compare it with the host's first. */
int tracker_read(const struct tracker *t, uint32_t pid, struct record *r);

static inline bool binding_is_of(const struct binding *b, const char *id)
{
	return b && !strcmp(b->id, id);
}

/* tracker_family.c */
void owner_from_binding(const struct binding *b, struct cgroup_owner *out);
/*
 * Is there a container among the ancestors of the record's process? true: *out is which,
 * empty where that is not known. @agreeing: only those count whose cgroup and mounts are
 * the same container's.
 */
bool family_find(struct tracker *t, const struct record *r, bool agreeing,
		 struct cgroup_owner *out);
void families_free(struct tracker *t);

#endif
