/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_EXPOSED_H
#define DOCKSNOOP_EXPOSED_H

#include <stdbool.h>

/* Which exposures have been said already: each is said once. */
struct exposed;

int exposed_new(struct exposed **out);	    /* -ENOMEM */
void exposed_free(struct exposed *exposed); /* NULL is allowed */

/*
 * Is it new that the container @owner reaches the socket at @path through its
 * mount at @target? Bounded: the longest known goes first, and would be said
 * again. Out of memory counts as new: rather twice than never.
 */
bool exposed_add(struct exposed *exposed, const char *owner, const char *path, const char *target);

/* @owner is another one from now on: what was said of it is new again. */
void exposed_forget(struct exposed *exposed, const char *owner);

/* All is new again. */
void exposed_clear(struct exposed *exposed);

#endif
