// SPDX-License-Identifier: Apache-2.0
#include "user/container/openers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define OPENERS_MAX 32768 /* as many as the kernel side follows */

/* In the order of last use: uthash keeps the order of insertion. */
struct entry {
	uint64_t connection;
	struct opener opener;
	UT_hash_handle hh;
};

struct openers {
	struct entry *entries;
};

struct openers *openers_new(void)
{
	return calloc(1, sizeof(struct openers));
}

static void entry_remove(struct openers *o, struct entry *e)
{
	HASH_DEL(o->entries, e);
	sighting_clear(&e->opener.sighting);
	free(e);
}

void openers_free(struct openers *o)
{
	struct entry *e = NULL, *tmp = NULL;

	if (!o)
		return;
	HASH_ITER(hh, o->entries, e, tmp)
	entry_remove(o, e);
	free(o);
}

static struct entry *entry_find(struct openers *o, uint64_t connection)
{
	struct entry *e = NULL;

	HASH_FIND(hh, o->entries, &connection, sizeof(connection), e);
	return e;
}

int openers_add(struct openers *o, const struct record *r, const struct sighting *s,
		bool already_open)
{
	struct entry *e = NULL;

	if (!r->raw.connection || entry_find(o, r->raw.connection))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->connection = r->raw.connection;
	e->opener.sighting = *s;
	if (s->container)
		e->opener.sighting.container = container_ref(s->container);
	e->opener.tgid = r->raw.tgid;
	e->opener.start_ns = r->raw.start_ns;
	e->opener.already_open = already_open;
	memcpy(e->opener.comm, r->raw.comm, sizeof(e->opener.comm));
	if (HASH_COUNT(o->entries) >= OPENERS_MAX)
		entry_remove(o, o->entries);
	HASH_ADD(hh, o->entries, connection, sizeof(e->connection), e);
	return 0;
}

const struct opener *openers_find(struct openers *o, uint64_t connection)
{
	struct entry *e = entry_find(o, connection);

	if (!e)
		return NULL;
	HASH_DEL(o->entries, e);
	HASH_ADD(hh, o->entries, connection, sizeof(e->connection), e);
	return &e->opener;
}
