// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/exposed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

#define EXPOSED_MAX 65536

/* Lists of what was said, by the owner's hash: not all of it is gone through to forget one. */
#define LISTS 1024

struct said {
	char *key;
	struct said *prev, *next; /* of its list */
	unsigned int list;
	UT_hash_handle hh;
};

struct exposed {
	struct said *said; /* the oldest first */
	struct said *lists[LISTS];
};

int exposed_new(struct exposed **out)
{
	struct exposed *exposed = calloc(1, sizeof(*exposed));

	if (!exposed)
		return -ENOMEM;
	*out = exposed;
	return 0;
}

static void said_drop(struct exposed *exposed, struct said *s)
{
	HASH_DEL(exposed->said, s);
	DL_DELETE(exposed->lists[s->list], s);
	free(s->key);
	free(s);
}

void exposed_clear(struct exposed *exposed)
{
	struct said *s = NULL, *tmp = NULL;

	HASH_ITER(hh, exposed->said, s, tmp)
	said_drop(exposed, s);
}

void exposed_free(struct exposed *exposed)
{
	if (!exposed)
		return;
	exposed_clear(exposed);
	free(exposed);
}

static unsigned int list_of(const char *owner)
{
	unsigned int hash = 0;

	HASH_VALUE(owner, strlen(owner), hash);
	return hash % LISTS;
}

/* The lengths keep the parts apart. */
bool exposed_add(struct exposed *exposed, const char *owner, const char *path, const char *target)
{
	AUTO_FREE char *key = NULL;
	struct said *s = NULL;

	if (str_format(&key, "%zu:%s%zu:%s%s", strlen(owner), owner, strlen(path), path, target))
		return true;
	HASH_FIND_STR(exposed->said, key, s);
	if (s)
		return false;
	s = calloc(1, sizeof(*s));
	if (!s)
		return true;
	s->key = take_ptr(key);
	s->list = list_of(owner);
	DL_APPEND(exposed->lists[s->list], s);
	HASH_ADD_KEYPTR(hh, exposed->said, s->key, strlen(s->key), s);
	if (HASH_COUNT(exposed->said) > EXPOSED_MAX)
		said_drop(exposed, exposed->said);
	return true;
}

void exposed_forget(struct exposed *exposed, const char *owner)
{
	AUTO_FREE char *key = NULL;
	struct said *s = NULL, *tmp = NULL;

	if (str_format(&key, "%zu:%s", strlen(owner), owner))
		return;
	DL_FOREACH_SAFE(exposed->lists[list_of(owner)], s, tmp)
	if (!strncmp(s->key, key, strlen(key)))
		said_drop(exposed, s);
}
