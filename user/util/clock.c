// SPDX-License-Identifier: Apache-2.0
#include "user/util/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_S 1000000000ULL

/* A step of the wall clock that is smaller than this is not followed. */
#define STEP_MIN_NS 100000

static uint64_t clock_read_ns(clockid_t id)
{
	struct timespec ts = {0};

	/* cannot fail: both clocks are there since Linux 2.6.39 */
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_epoch_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

uint64_t clock_boot_ns(void)
{
	return clock_read_ns(CLOCK_BOOTTIME);
}

uint64_t clock_boot_to_epoch_ns(uint64_t boot_ns)
{
	/* what to add, modulo 2^64; 0 is before the first call */
	static _Atomic uint64_t known;
	uint64_t offset = atomic_load(&known);
	uint64_t before = clock_boot_ns();
	uint64_t now = clock_epoch_ns();
	uint64_t after = clock_boot_ns();
	uint64_t least = now - after - STEP_MIN_NS;
	uint64_t width = after - before + 2 * STEP_MIN_NS;

	/*
	 * The true offset lies between now - after and now - before. Measuring
	 * anew each time would give one process many starts, so the old one
	 * stays for as long as it can still be true.
	 */
	if (!offset || offset - least > width) {
		offset = now - before - (after - before) / 2;
		atomic_store(&known, offset);
	}
	return boot_ns + offset;
}

void clock_format_iso8601(uint64_t epoch_ns, char out[CLOCK_ISO8601_SIZE])
{
	time_t seconds = (time_t)(epoch_ns / NS_PER_S);
	struct tm tm = {0};
	char date[CLOCK_ISO8601_SIZE - sizeof(".123456789Z") + 1] = "";

	/* 2^64 ns end in the year 2554, so neither call can run out of range */
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, CLOCK_ISO8601_SIZE, "%s.%09uZ", date, (unsigned int)(epoch_ns % NS_PER_S));
}
