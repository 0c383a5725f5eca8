/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_KNOWN_H
#define DOCKSNOOP_KNOWN_H

#include <stdbool.h>

#include "user/container/container.h"
#include "user/container/shim.h"

/*
 * The containers that were seen, with what their runtimes' files said when they were
 * read last. Bounded: the longest unused go first.
 */
struct known;

struct known *known_new(
	struct runtime_dirs *dirs); /* NULL without memory; @dirs stays the caller's */
/* How often a runtime's files could not be read in time, since the last call. */
uint64_t known_take_unread(struct known *known);
void known_free(struct known *known); /* NULL is allowed */

/* One that need not have been seen before; a new reference, NULL without memory. */
struct container *known_get(struct known *known, enum runtime runtime, const char *id);

/* It has a cgroup of its own. */
void known_set_by_cgroup(struct known *known, const char *id);
bool known_by_cgroup(const struct known *known, const char *id);

/* Keep what the shim says of its files, should they be in no usual place. */
void known_set_folder(struct known *known, const struct shim *shim);

/*
 * The one that its daemon goes by under this name, id, or beginning of an id; NULL
 * when there is none, or more than one. Valid until the next known_get().
 */
const struct container *known_named(const struct known *known, const char *name);

#endif
