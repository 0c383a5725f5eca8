// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/container/shim.h"
#include "user/container/tracker_impl.h"
#include "user/sensor/process.h"
#include "user/util/clock.h"

/* Of whom a process is the child: what it can leave last. */

/* A family that changes while it is looked at is looked at again. */
#define ANCESTRY_TRIES 4

/*
 * One process that connects again and again has the same ancestors each time. What is kept
 * is of no use once any namespace's owner is known that was not before, or after a second.
 */
#define FAMILIES_MAX  256
#define FAMILY_AGE_NS 1000000000ULL

/*
 * A process can leave its cgroup and all of its namespaces. It cannot leave its
 * family: whoever loses its parent is given to its container's first process or
 * to the container's shim (PR_SET_CHILD_SUBREAPER), never to one of the host's.
 */
struct ancestry {
	struct tracker *tracker;
	struct cgroup_owner owner;
	bool contained; /* in a container, though in none that is known if owner is empty */
	bool agreeing;	/* pass over those whose cgroup and mounts are not the same container's */
};

void owner_from_binding(const struct binding *b, struct cgroup_owner *out)
{
	struct cgroup_owner owner = {.runtime = b->runtime};

	snprintf(owner.id, sizeof(owner.id), "%s", b->id);
	if (b->outer_id)
		snprintf(owner.outer_id, sizeof(owner.outer_id), "%s", b->outer_id);
	*out = owner;
}

/*
 * A container's shim names it on its command line, and has all that it has
 * started, until it is the container's. Anybody can call himself a shim: it must
 * be root, with all of the host's, and have no container among its own ancestors,
 * which are looked at next.
 */
static void shim_look(struct ancestry *a, uint32_t pid)
{
	const uint32_t host = DS_F_INIT_MNT_NS | DS_F_INIT_PID_NS | DS_F_INIT_USER_NS;
	struct tracker *t = a->tracker;
	const struct ds_record *raw = &t->ancestor.raw;
	struct cgroup_owner owner = {0};
	struct shim shim = {0};
	char name[16] = "";

	if (process_comm(t->procfd, pid, name) || !shim_is_called(name) ||
	    tracker_read(t, pid, &t->ancestor) || (raw->flags & host) != host || raw->uid)
		return;
	if (!shim_read_cmdline(t->procfd, pid, &shim) && !shim.pod) {
		owner.runtime = shim.runtime;
		memcpy(owner.id, shim.id, sizeof(owner.id));
	}
	a->owner = owner;
	a->contained = true;
}

static int ancestor_look(void *ctx, uint32_t pid)
{
	struct ancestry *a = ctx;
	struct tracker *t = a->tracker;
	char cgroup[DS_CGROUP_MAX + 1] = "";
	struct placed placed = {0};
	const struct binding *b = NULL;
	uint32_t inum = 0;
	bool owned =
		!process_cgroup(t->procfd, pid, cgroup) && tracker_owner_of(t, cgroup, &placed);

	if (!process_namespace(t->procfd, pid, "mnt", &inum) && inum != t->host_mnt_ns)
		b = bindings_find(&t->bindings, inum);
	if (a->agreeing && (owned || b)) {
		if (!owned || !binding_is_of(b, placed.owner.id))
			return 0;
		a->owner = placed.owner;
		return 1;
	}
	if (!b && !process_namespace(t->procfd, pid, "pid", &inum) && inum != INIT_PID_NS_INUM)
		b = bindings_find(&t->bindings, inum);
	if (!owned && !b) {
		shim_look(a, pid);
		return 0;
	}
	if (b && !binding_is_of(b, placed.owner.id))
		owner_from_binding(b, &a->owner);
	else
		a->owner = placed.owner;
	a->contained = true;
	return 1;
}

static bool ancestry_find(struct tracker *t, const struct record *r, bool agreeing,
			  struct cgroup_owner *out)
{
	for (int i = 0; i < ANCESTRY_TRIES; i++) {
		struct ancestry a = {.tracker = t, .agreeing = agreeing};
		int ret = process_each_ancestor(t->procfd, &r->raw, ancestor_look, &a);

		if (ret == -EAGAIN)
			continue;
		if (!ret && !a.contained)
			return false;
		*out = a.owner;
		return true;
	}
	/* Not host is all that can be said of a family that never holds still. */
	if (!agreeing)
		*out = (struct cgroup_owner){0};
	return !agreeing;
}

/* All of a process that decides whose it is, but for its ancestors. */
struct family_key {
	uint64_t start_ns;
	uint64_t parent_start_ns;
	uint64_t cgroup_id;
	uint32_t tgid;
	uint32_t ppid;
	uint32_t mnt_ns;
	uint32_t pid_ns;
	uint32_t user_ns;
	uint32_t flags;
	uint64_t agreeing;
};

/* In the order in which they were looked at: uthash keeps the order of insertion. */
struct family {
	struct family_key key;
	uint64_t looked_ns;
	uint64_t changes; /* of the bindings, then */
	bool contained;
	struct cgroup_owner owner;
	UT_hash_handle hh;
};

static struct family_key family_key(const struct ds_record *raw, bool agreeing)
{
	return (struct family_key){
		.start_ns = raw->start_ns,
		.parent_start_ns = raw->parent_start_ns,
		.cgroup_id = raw->cgroup_id,
		.tgid = raw->tgid,
		.ppid = raw->ppid,
		.mnt_ns = raw->mnt_ns,
		.pid_ns = raw->pid_ns,
		.user_ns = raw->user_ns,
		.flags = raw->flags,
		.agreeing = agreeing,
	};
}

static void family_drop(struct tracker *t, struct family *f)
{
	HASH_DEL(t->families, f);
	free(f);
}

void families_free(struct tracker *t)
{
	while (t->families)
		family_drop(t, t->families);
}

/* Without memory it is looked at each time. */
static void family_keep(struct tracker *t, const struct family *found)
{
	struct family *f = malloc(sizeof(*f));

	if (!f)
		return;
	*f = *found;
	HASH_ADD(hh, t->families, key, sizeof(f->key), f);
	if (HASH_COUNT(t->families) > FAMILIES_MAX)
		family_drop(t, t->families);
}

bool family_find(struct tracker *t, const struct record *r, bool agreeing, struct cgroup_owner *out)
{
	struct family found = {
		.key = family_key(&r->raw, agreeing),
		.looked_ns = clock_boot_ns(),
		.changes = t->bindings.changes,
	};
	struct family *f = NULL;

	HASH_FIND(hh, t->families, &found.key, sizeof(found.key), f);
	if (f && f->changes == found.changes && found.looked_ns - f->looked_ns < FAMILY_AGE_NS) {
		if (f->contained)
			*out = f->owner;
		return f->contained;
	}
	if (f)
		family_drop(t, f);
	found.contained = ancestry_find(t, r, agreeing, &found.owner);
	/* What could not be told may be told the next time. */
	if (!found.contained || found.owner.id[0])
		family_keep(t, &found);
	if (found.contained)
		*out = found.owner;
	return found.contained;
}
