/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SEEN_H
#define DOCKSNOOP_SEEN_H

#include <stdint.h>

#include "user/container/container.h"
#include "user/http/grade.h"

/* What containers did with the sockets they have, as "docksnoop watch --json" recorded it. */
struct seen;

struct usage {
	uint64_t connects;
	uint64_t requests;
	enum grade_level highest; /* of the requests */
	char *sections; /* of the API, sorted: "CONTAINERS EVENTS"; "" without. malloc'd */
};
void usage_clear(struct usage *usage);

/* A line, from 1, that is no event. */
typedef void (*seen_complain_fn)(void *ctx, unsigned int line, const char *text);

/*
 * Read a file of JSON lines, of any length. Lines that cannot be read are told to
 * @complain, and the others count. 0, -errno.
 */
int seen_load(const char *file, seen_complain_fn complain, void *ctx, struct seen **out);
void seen_free(struct seen *seen); /* NULL is allowed */

/*
 * What a container did: by its id, or else by its name, for a container that was made
 * anew since. 0 and *out, to be cleared, all zero when it did nothing; -ENOMEM.
 */
int seen_find(const struct seen *seen, const struct container *container, struct usage *out);

#endif
