/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_BINDINGS_H
#define DOCKSNOOP_BINDINGS_H

#include <uthash.h>

#include "user/container/cgroup.h"
#include "user/sensor/record.h"

/*
 * Whose a mount or pid namespace is, by the process that was seen in it first.
 * One counter numbers namespaces of all kinds. Bounded: the oldest go first.
 */
struct binding {
	uint32_t inum;
	char *id;
	char *outer_id; /* NULL when not nested */
	enum runtime runtime;
	bool by_cgroup; /* the container's processes have a cgroup that names it */
	uint32_t pid;	/* of that process */
	uint64_t start_ns;
	UT_hash_handle hh;
};

struct bindings {
	int procfd;
	uint64_t changes; /* how often whose a namespace is has become another */
	struct binding *first;
};

/* NULL: nobody's that we know. */
const struct binding *bindings_find(const struct bindings *bindings, uint32_t inum);

/*
 * Bind a namespace of the record's process to @owner, unless the process that it
 * is bound to by now still runs.
 */
void bindings_set(struct bindings *bindings, uint32_t inum, const struct cgroup_owner *owner,
		  bool by_cgroup, const struct ds_record *raw);

/* Forget whose it was, if that is gone: the kernel gives numbers out again. */
void bindings_clear(struct bindings *bindings, uint32_t inum);

void bindings_free(struct bindings *bindings);

#endif
