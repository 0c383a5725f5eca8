// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/exposed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define EXPOSED_MAX 65536

/* Most have one or two, and there are thousands of them. */
struct owner {
	char *name;
	char *said; /* path and target of each, a NUL behind both */
	size_t size;
	size_t count;
	UT_hash_handle hh;
};

struct exposed {
	struct owner *owners; /* the oldest first */
	size_t count;	      /* of what was said of all of them */
};

int exposed_new(struct exposed **out)
{
	struct exposed *exposed = calloc(1, sizeof(*exposed));

	if (!exposed)
		return -ENOMEM;
	*out = exposed;
	return 0;
}

static void owner_drop(struct exposed *exposed, struct owner *o)
{
	HASH_DEL(exposed->owners, o);
	exposed->count -= o->count;
	free(o->name);
	free(o->said);
	free(o);
}

void exposed_clear(struct exposed *exposed)
{
	while (exposed->owners)
		owner_drop(exposed, exposed->owners);
}

void exposed_free(struct exposed *exposed)
{
	if (!exposed)
		return;
	exposed_clear(exposed);
	free(exposed);
}

static struct owner *owner_find(const struct exposed *exposed, const char *name)
{
	struct owner *o = NULL;

	HASH_FIND_STR(exposed->owners, name, o);
	return o;
}

static struct owner *owner_new(struct exposed *exposed, const char *name)
{
	struct owner *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->name = strdup(name);
	if (!o->name) {
		free(o);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, exposed->owners, o->name, strlen(o->name), o);
	return o;
}

static bool is_said(const struct owner *o, const char *path, const char *target)
{
	for (const char *at = o->said; at < o->said + o->size;) {
		const char *second = at + strlen(at) + 1;

		if (!strcmp(at, path) && !strcmp(second, target))
			return true;
		at = second + strlen(second) + 1;
	}
	return false;
}

bool exposed_add(struct exposed *exposed, const char *owner, const char *path, const char *target)
{
	struct owner *o = owner_find(exposed, owner);
	size_t size = strlen(path) + strlen(target) + 2;
	char *more = NULL;

	if (o && is_said(o, path, target))
		return false;
	o = o ? o : owner_new(exposed, owner);
	more = o ? realloc(o->said, o->size + size) : NULL;
	if (!more)
		return true;
	strcpy(stpcpy(more + o->size, path) + 1, target);
	o->said = more;
	o->size += size;
	o->count++;
	exposed->count++;
	while (exposed->count > EXPOSED_MAX && exposed->owners != o)
		owner_drop(exposed, exposed->owners);
	return true;
}

void exposed_forget(struct exposed *exposed, const char *owner)
{
	struct owner *o = owner_find(exposed, owner);

	if (o)
		owner_drop(exposed, o);
}
