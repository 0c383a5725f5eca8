/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TRACKER_H
#define DOCKSNOOP_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/container/container.h"
#include "user/sensor/record.h"

/* Which container a process belongs to, and how we know. */

enum attribution_by {
	ATTRIBUTED_BY_NONE,
	ATTRIBUTED_BY_CGROUP,
	ATTRIBUTED_BY_NAMESPACE,
	ATTRIBUTED_BY_ANCESTOR,
	ATTRIBUTED_BY_MOUNTINFO,
};

struct attribution {
	enum attribution_by by;
	const char *outer_id; /* NULL when not nested; whoever it is of keeps it */
	const char *anomaly;  /* "left-cgroup", "foreign-namespace", "claimed-id", or NULL */
};

struct sighting {
	bool host;		     /* a process of the host, beyond doubt */
	bool first;		     /* its shim calls it the container's first process */
	struct container *container; /* a reference; NULL: the host's, or not known */
	struct attribution attribution;
	char *outer_id; /* its own, of attribution */
};

void sighting_clear(struct sighting *sighting);
/* -ENOMEM; then *out is as it was. */
int sighting_copy(const struct sighting *sighting, struct sighting *out);

/*
 * Remembers containers: what their runtime said when they first appeared, and
 * which mount namespace is whose. Bounded: the longest unused go first.
 */
struct tracker;

/* @procfd and @dirs stay the caller's. */
int tracker_new(int procfd, struct runtime_dirs *dirs, struct tracker **out);
void tracker_free(struct tracker *tracker); /* NULL is allowed */

/* A cgroup was made: read what its container's runtime has written already. */
void tracker_cgroup(struct tracker *tracker, const char *cgroup);

/*
 * A process was seen that can be trusted to be where it was put: the first of a
 * container (DS_RECORD_START), or any that was there before us. Binds its mount
 * namespace to its container. 0 and *out (to be cleared), or -ENOMEM.
 */
int tracker_start(struct tracker *tracker, const struct record *record, struct sighting *out);

/*
 * Whose is the process of a record? Its cgroup says so; its mount namespace
 * has the second vote, since a process with enough rights can write itself into any cgroup.
 */
int tracker_resolve(struct tracker *tracker, const struct record *record, struct sighting *out);

/* The same as tracker_start() for a process that runs already; -errno when it is gone. */
int tracker_process(struct tracker *tracker, uint32_t pid, struct record *record,
		    struct sighting *out);

/*
 * The container that its daemon goes by under this id, name, or beginning of an id,
 * among those that were seen; NULL when there is none, or more than one. Valid until the next
 * call.
 */
const struct container *tracker_named(struct tracker *tracker, const char *name);

/* How often a runtime's files could not be read in time, since the last call. */
uint64_t tracker_take_unread(struct tracker *tracker);

/*
 * Does this process live in a container, so that what it serves is no daemon of the
 * host? Its namespaces must say so as well as its cgroup, into which anybody with
 * the rights can move a daemon of the host's.
 */
bool tracker_contained(struct tracker *tracker, uint32_t pid);

#endif
