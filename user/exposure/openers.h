/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OPENERS_H
#define DOCKSNOOP_OPENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/container/tracker.h"
#include "user/exposure/mount.h"
#include "user/sensor/record_pack.h"

/*
 * Who opened a connection: what is needed when something is asked over it, or another
 * turns out to use it. Bounded: of the connections, the longest unused go first; those
 * of the host's processes apart from containers', and those that are like another
 * (fold.h) apart from the rest, so that many of one sort do not push out the other.
 */
struct openers;

/* Shared between connections, and by whoever takes a reference. */
struct opener {
	unsigned int refs;
	struct record_pack *pack; /* of its record */
	struct sighting sighting;
	struct mount_use use; /* all zeroes: through no mount */
	char *parent_exe;     /* NULL: not known */
	uint32_t tgid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	char comm[16];
	bool already_open; /* held it when docksnoop started; who opened it is not known */
};

/* A reference, the caller's; NULL without memory. @use and @parent_exe may be NULL; copied. */
struct opener *opener_new(const struct record *record, const struct sighting *sighting,
			  const struct mount_use *use, const char *parent_exe, bool already_open);
struct opener *opener_ref(struct opener *opener);
void opener_unref(struct opener *opener); /* NULL is allowed */

struct openers *openers_new(void); /* NULL without memory */
void openers_free(struct openers *openers);

/* 0 or -ENOMEM. Takes a reference; a second time for the same connection does nothing. */
int openers_add(struct openers *openers, uint64_t connection, struct opener *opener);
/* The same for one that is like another, which is there; when it is not this does nothing. */
int openers_add_like(struct openers *openers, uint64_t connection, uint64_t like);

/* NULL when not known (any more); valid until the next call of openers_add*(), _remove(). */
struct opener *openers_find(struct openers *openers, uint64_t connection);
/* It is closed. */
void openers_remove(struct openers *openers, uint64_t connection);

static inline void cleanup_opener(struct opener **opener)
{
	opener_unref(*opener);
}
#define AUTO_OPENER __attribute__((cleanup(cleanup_opener)))

#endif
