// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/openers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/util/cleanup.h"

/* Of containers, and of the host: each. Some 1 KB is kept of one. */
#define OPENERS_MAX 4096
/* As many as the kernel side follows. */
#define LIKE_MAX 32768

enum shelf {
	SHELF_CONTAINERS,
	SHELF_HOST,
	SHELF_CONTAINERS_LIKE,
	SHELF_HOST_LIKE,
	SHELVES,
};

/* In the order of last use: uthash keeps the order of insertion. */
struct entry {
	uint64_t connection;
	struct opener *opener;
	UT_hash_handle hh;
};

struct openers {
	struct entry *shelves[SHELVES];
};

/* --- openers ------------------------------------------------------------------------------ */

struct opener *opener_new(const struct record *r, const struct sighting *s,
			  const struct mount_use *use, const char *parent_exe, bool already_open)
{
	AUTO_OPENER struct opener *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->refs = 1;
	o->pack = record_pack(r);
	if (!o->pack || (use && mount_use_copy(use, &o->use)))
		return NULL;
	if (parent_exe) {
		o->parent_exe = strdup(parent_exe);
		if (!o->parent_exe)
			return NULL;
	}
	if (sighting_copy(s, &o->sighting))
		return NULL;
	o->tgid = r->raw.tgid;
	o->start_ns = r->raw.start_ns;
	o->already_open = already_open;
	memcpy(o->comm, r->raw.comm, sizeof(o->comm));
	return take_ptr(o);
}

struct opener *opener_ref(struct opener *o)
{
	o->refs++;
	return o;
}

void opener_unref(struct opener *o)
{
	if (!o || --o->refs)
		return;
	free(o->pack);
	free(o->parent_exe);
	sighting_clear(&o->sighting);
	mount_use_clear(&o->use);
	free(o);
}

/* --- connections -------------------------------------------------------------------------- */

struct openers *openers_new(void)
{
	return calloc(1, sizeof(struct openers));
}

static void entry_remove(struct openers *o, int shelf, struct entry *e)
{
	HASH_DEL(o->shelves[shelf], e);
	opener_unref(e->opener);
	free(e);
}

void openers_free(struct openers *o)
{
	if (!o)
		return;
	for (int i = 0; i < SHELVES; i++) {
		struct entry *e = NULL, *tmp = NULL;

		HASH_ITER(hh, o->shelves[i], e, tmp)
		entry_remove(o, i, e);
	}
	free(o);
}

static struct entry *entry_find(struct openers *o, uint64_t connection, int *shelf)
{
	for (int i = 0; i < SHELVES; i++) {
		struct entry *e = NULL;

		HASH_FIND(hh, o->shelves[i], &connection, sizeof(connection), e);
		*shelf = i;
		if (e)
			return e;
	}
	return NULL;
}

static int entry_add(struct openers *o, int shelf, uint64_t connection, struct opener *opener,
		     size_t max)
{
	struct entry *e = NULL;
	int other;

	if (!connection || entry_find(o, connection, &other))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->connection = connection;
	e->opener = opener_ref(opener);
	if (HASH_COUNT(o->shelves[shelf]) >= max)
		entry_remove(o, shelf, o->shelves[shelf]);
	HASH_ADD(hh, o->shelves[shelf], connection, sizeof(e->connection), e);
	return 0;
}

int openers_add(struct openers *o, uint64_t connection, struct opener *opener)
{
	return entry_add(o, opener->sighting.host ? SHELF_HOST : SHELF_CONTAINERS, connection,
			 opener, OPENERS_MAX);
}

int openers_add_like(struct openers *o, uint64_t connection, uint64_t like)
{
	int shelf = 0;
	const struct entry *e = entry_find(o, like, &shelf);

	if (!e)
		return 0;
	return entry_add(o, e->opener->sighting.host ? SHELF_HOST_LIKE : SHELF_CONTAINERS_LIKE,
			 connection, e->opener, LIKE_MAX);
}

struct opener *openers_find(struct openers *o, uint64_t connection)
{
	int shelf = 0;
	struct entry *e = entry_find(o, connection, &shelf);

	if (!e)
		return NULL;
	HASH_DEL(o->shelves[shelf], e);
	HASH_ADD(hh, o->shelves[shelf], connection, sizeof(e->connection), e);
	return e->opener;
}

void openers_remove(struct openers *o, uint64_t connection)
{
	int shelf = 0;
	struct entry *e = entry_find(o, connection, &shelf);

	if (e)
		entry_remove(o, shelf, e);
}
