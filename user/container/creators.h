/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CREATORS_H
#define DOCKSNOOP_CREATORS_H

#include "user/container/container.h"

/*
 * Which container made which, through a daemon's socket. Bounded: the oldest go
 * first.
 */
struct creators;

struct creators *creators_new(void);	       /* NULL without memory */
void creators_free(struct creators *creators); /* NULL is allowed */

/* @by has made the container @id. 0 or -ENOMEM. */
int creators_add(struct creators *creators, const char *id, struct container *by);

/* Who has made it; NULL: nobody that was seen to. Valid until the next creators_add(). */
const struct container *creators_find(const struct creators *creators, const char *id);

#endif
