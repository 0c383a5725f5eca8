// SPDX-License-Identifier: Apache-2.0
#include "user/container/creators.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define CREATORS_MAX 16384

struct creator {
	char id[CONTAINER_ID_MAX + 1];
	struct container *by;
	UT_hash_handle hh;
};

struct creators {
	struct creator *first; /* uthash keeps the order of insertion */
};

struct creators *creators_new(void)
{
	return calloc(1, sizeof(struct creators));
}

static void creator_remove(struct creators *creators, struct creator *c)
{
	HASH_DEL(creators->first, c);
	container_unref(c->by);
	free(c);
}

void creators_free(struct creators *creators)
{
	struct creator *c = NULL, *tmp = NULL;

	if (!creators)
		return;
	HASH_ITER(hh, creators->first, c, tmp)
	creator_remove(creators, c);
	free(creators);
}

int creators_add(struct creators *creators, const char *id, struct container *by)
{
	struct creator *c = NULL;

	HASH_FIND_STR(creators->first, id, c);
	if (c)
		creator_remove(creators, c);
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->by = container_ref(by);
	HASH_ADD_STR(creators->first, id, c);
	if (HASH_COUNT(creators->first) > CREATORS_MAX)
		creator_remove(creators, creators->first);
	return 0;
}

const struct container *creators_find(const struct creators *creators, const char *id)
{
	struct creator *c = NULL;

	HASH_FIND_STR(creators->first, id, c);
	return c ? c->by : NULL;
}
