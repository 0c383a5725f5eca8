// SPDX-License-Identifier: Apache-2.0
#include "user/container/known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/patient.h"

#define CONTAINERS_MAX 8192
/* A container can be renamed: what is older is read again when it is needed. */
#define METADATA_AGE_NS 1000000000ULL

/*
 * A disk that hangs must not hold up everything: it is told without a name then. A host
 * that is merely busy is no such disk.
 */
#define PATIENCE_MS 2000

/* In the order of last use: uthash keeps the order of insertion. */
struct entry {
	char *id;
	struct container *container;
	uint64_t read_ns;
	bool by_cgroup;
	char *folder;	       /* where its own shim said that its files are, or NULL */
	enum runtime_dir kind; /* of folder */
	UT_hash_handle hh;
};

struct known {
	struct runtime_dirs *dirs;
	struct patient *patient;
	uint64_t unread;
	struct entry *entries;
};

struct known *known_new(struct runtime_dirs *dirs)
{
	struct known *known = calloc(1, sizeof(*known));

	if (!known)
		return NULL;
	known->dirs = dirs;
	known->patient = patient_new();
	if (!known->patient) {
		free(known);
		return NULL;
	}
	return known;
}

uint64_t known_take_unread(struct known *known)
{
	uint64_t unread = known->unread;

	known->unread = 0;
	return unread;
}

static void entry_free(struct entry *e)
{
	container_unref(e->container);
	free(e->id);
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
	patient_free(known->patient);
	free(known);
}

static struct entry *entry_find(const struct known *known, const char *id)
{
	struct entry *e = NULL;

	HASH_FIND_STR(known->entries, id, e);
	return e;
}

/* All that is needed to read: whoever reads may be left alone with it. */
struct load {
	struct runtime_dirs *dirs; /* a reference */
	enum runtime runtime;
	char id[CONTAINER_ID_MAX + 1];
	char *folder; /* NULL: none */
	enum runtime_dir kind;
	struct container *out;
	int err;
};

static void load_drop(void *job)
{
	struct load *load = job;

	runtime_dirs_free(load->dirs);
	container_unref(load->out);
	free(load->folder);
	free(load);
}

static void load_run(void *job)
{
	struct load *load = job;

	load->err = container_load(load->dirs, load->runtime, load->id, &load->out);
	if (load->err == -ENOENT && load->folder)
		load->err = container_load_from(load->dirs, load->kind, load->folder, load->runtime,
						load->id, &load->out);
}

static int entry_load(struct known *known, enum runtime runtime, const char *id,
		      const struct entry *e, struct container **out)
{
	struct load *load = calloc(1, sizeof(*load));
	int err = 0;

	if (!load)
		return -ENOMEM;
	load->dirs = runtime_dirs_ref(known->dirs);
	load->runtime = runtime;
	snprintf(load->id, sizeof(load->id), "%s", id);
	if (e && e->folder) {
		load->kind = e->kind;
		load->folder = strdup(e->folder);
		err = load->folder ? 0 : -ENOMEM;
	}
	err = err ? err : patient_run(known->patient, load_run, load_drop, load, PATIENCE_MS);
	if (err == -ETIMEDOUT || err == -EBUSY) {
		known->unread++;
		return err;
	}
	if (!err) {
		*out = take_ptr(load->out);
		err = load->err;
	}
	load_drop(load);
	return err;
}

struct container *known_get(struct known *known, enum runtime runtime, const char *id)
{
	AUTO_CONTAINER struct container *fresh = NULL;
	uint64_t now = clock_boot_ns();
	struct entry *e = entry_find(known, id);

	if (e) {
		HASH_DEL(known->entries, e);
		HASH_ADD_KEYPTR(hh, known->entries, e->id, strlen(e->id), e); /* the youngest now */
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
		e->id = strdup(id);
		e->container = fresh ? container_ref(fresh) : container_new(runtime, id);
		if (!e->id || !e->container) {
			entry_free(e);
			return NULL;
		}
		HASH_ADD_KEYPTR(hh, known->entries, e->id, strlen(e->id), e);
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
