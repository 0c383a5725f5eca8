// SPDX-License-Identifier: Apache-2.0
#include "user/container/known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"

#define CONTAINERS_MAX 8192
/* A container can be renamed: what is older is read again when it is needed. */
#define METADATA_AGE_NS 1000000000ULL

/* In the order of last use: uthash keeps the order of insertion. */
struct entry {
	char id[CONTAINER_ID_MAX + 1];
	struct container *container;
	uint64_t read_ns;
	bool by_cgroup;
	char *folder;	       /* where its own shim said that its files are, or NULL */
	enum runtime_dir kind; /* of folder */
	UT_hash_handle hh;
};

struct known {
	struct runtime_dirs *dirs;
	struct entry *entries;
};

struct known *known_new(struct runtime_dirs *dirs)
{
	struct known *known = calloc(1, sizeof(*known));

	if (known)
		known->dirs = dirs;
	return known;
}

static void entry_free(struct entry *e)
{
	container_unref(e->container);
	free(e->folder);
	free(e);
}

void known_free(struct known *known)
{
	struct entry *e = NULL, *tmp = NULL;

	if (!known)
		return;
	HASH_ITER(hh, known->entries, e, tmp)
	{
		HASH_DEL(known->entries, e);
		entry_free(e);
	}
	free(known);
}

static struct entry *entry_find(const struct known *known, const char *id)
{
	struct entry *e = NULL;

	HASH_FIND_STR(known->entries, id, e);
	return e;
}

static int entry_load(struct known *known, enum runtime runtime, const char *id,
		      const struct entry *e, struct container **out)
{
	int err = container_load(known->dirs, runtime, id, out);

	if (err != -ENOENT || !e || !e->folder)
		return err;
	return container_load_from(known->dirs, e->kind, e->folder, runtime, id, out);
}

struct container *known_get(struct known *known, enum runtime runtime, const char *id)
{
	AUTO_CONTAINER struct container *fresh = NULL;
	uint64_t now = clock_boot_ns();
	struct entry *e = entry_find(known, id);

	if (e) {
		HASH_DEL(known->entries, e);
		HASH_ADD_STR(known->entries, id, e); /* the youngest now */
		if (now - e->read_ns < METADATA_AGE_NS && e->container->described)
			return container_ref(e->container);
	}
	/*
	 * What was read stays when the files are gone (with --rm they go first) or
	 * can no longer be understood.
	 */
	if (entry_load(known, runtime, id, e, &fresh) && e && e->container->described) {
		container_unref(fresh);
		fresh = NULL;
	}
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return NULL;
		snprintf(e->id, sizeof(e->id), "%s", id);
		e->container = fresh ? container_ref(fresh) : container_new(runtime, id);
		if (!e->container) {
			entry_free(e);
			return NULL;
		}
		HASH_ADD_STR(known->entries, id, e);
	} else if (fresh) {
		container_unref(e->container);
		e->container = container_ref(fresh);
	}
	e->read_ns = now;
	if (HASH_COUNT(known->entries) > CONTAINERS_MAX) {
		struct entry *oldest = known->entries;

		HASH_DEL(known->entries, oldest);
		entry_free(oldest);
	}
	return container_ref(e->container);
}

void known_set_by_cgroup(struct known *known, const char *id)
{
	struct entry *e = entry_find(known, id);

	if (e)
		e->by_cgroup = true;
}

bool known_by_cgroup(const struct known *known, const char *id)
{
	const struct entry *e = entry_find(known, id);

	return e && e->by_cgroup;
}

void known_set_folder(struct known *known, const struct shim *shim)
{
	AUTO_CONTAINER struct container *c = known_get(known, shim->runtime, shim->id);
	struct entry *e = entry_find(known, shim->id);

	if (!e || !c || e->folder || c->described || !shim->folder[0])
		return;
	e->folder = strdup(shim->folder);
	e->kind = shim->kind;
}

/* A name is not to be mistaken for the beginning of another's id: dockerd looks for it first. */
const struct container *known_named(const struct known *known, const char *name)
{
	const struct entry *e = entry_find(known, name), *tmp = NULL;
	const struct entry *found = NULL;
	size_t len = strlen(name);

	if (e)
		return e->container;
	HASH_ITER(hh, known->entries, e, tmp)
	if (e->container->name && !strcmp(e->container->name, name))
		return e->container;
	HASH_ITER(hh, known->entries, e, tmp)
	{
		if (!len || strncmp(e->id, name, len) != 0)
			continue;
		if (found)
			return NULL;
		found = e;
	}
	return found ? found->container : NULL;
}
