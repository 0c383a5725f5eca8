/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OPENERS_H
#define DOCKSNOOP_OPENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/container/tracker.h"
#include "user/sensor/record.h"

/*
 * Who opened a connection: what is needed when another turns out to use it.
 * Bounded: of the connections, the longest unused go first.
 */
struct openers;

struct opener {
	struct sighting sighting;
	uint32_t tgid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	char comm[16];
	bool already_open; /* held it when docksnoop started; who opened it is not known */
};

struct openers *openers_new(void); /* NULL without memory */
void openers_free(struct openers *openers);

/* 0 or -ENOMEM. @record's connection is the key; a second time for the same one does nothing. */
int openers_add(struct openers *openers, const struct record *record,
		const struct sighting *sighting, bool already_open);

/* NULL when not known (any more); valid until the next call of openers_add(). */
const struct opener *openers_find(struct openers *openers, uint64_t connection);

#endif
