// SPDX-License-Identifier: Apache-2.0
#include "user/container/bindings.h"

#include <stdlib.h>
#include <string.h>

#include "user/sensor/process.h"

#define BINDINGS_MAX 32768

static struct binding *binding_find(const struct bindings *bindings, uint32_t inum)
{
	struct binding *b = NULL;

	HASH_FIND(hh, bindings->first, &inum, sizeof(inum), b);
	return b;
}

const struct binding *bindings_find(const struct bindings *bindings, uint32_t inum)
{
	return binding_find(bindings, inum);
}

static void binding_drop(struct bindings *bindings, struct binding *b)
{
	bindings->changes++;
	HASH_DEL(bindings->first, b);
	free(b->id);
	free(b->outer_id);
	free(b);
}

/* Does a binding still stand? Its number is given out again once the namespace is gone. */
static bool binding_alive(const struct bindings *bindings, const struct binding *b)
{
	return process_runs(bindings->procfd, b->pid, b->start_ns);
}

void bindings_set(struct bindings *bindings, uint32_t inum, const struct cgroup_owner *owner,
		  bool by_cgroup, const struct ds_record *raw)
{
	struct binding *b = binding_find(bindings, inum);
	char *id = NULL;

	/*
	 * A first exec in another cgroup is no new container while the one that
	 * the namespace was made for still runs: somebody moved.
	 */
	if (b && binding_alive(bindings, b))
		return;
	id = strdup(owner->id);
	if (!id)
		return;
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b) {
			free(id);
			return;
		}
		b->inum = inum;
		HASH_ADD(hh, bindings->first, inum, sizeof(inum), b);
	}
	bindings->changes++;
	free(b->id);
	b->id = id;
	free(b->outer_id);
	b->outer_id = owner->outer_id[0] ? strdup(owner->outer_id) : NULL;
	b->runtime = owner->runtime;
	b->by_cgroup = by_cgroup;
	b->pid = raw->tgid;
	b->start_ns = raw->start_ns;
	if (HASH_COUNT(bindings->first) > BINDINGS_MAX)
		binding_drop(bindings, bindings->first);
}

void bindings_clear(struct bindings *bindings, uint32_t inum)
{
	struct binding *b = binding_find(bindings, inum);

	if (b && !binding_alive(bindings, b))
		binding_drop(bindings, b);
}

void bindings_free(struct bindings *bindings)
{
	struct binding *b = NULL, *tmp = NULL;

	HASH_ITER(hh, bindings->first, b, tmp)
	binding_drop(bindings, b);
}
