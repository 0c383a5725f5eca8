/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CLOCK_H
#define DOCKSNOOP_CLOCK_H

#include <stdint.h>

/* Nanoseconds since the epoch, now (CLOCK_REALTIME). */
uint64_t clock_epoch_ns(void);

/* Nanoseconds since boot, now, time asleep included (CLOCK_BOOTTIME). */
uint64_t clock_boot_ns(void);

/*
 * From nanoseconds since boot (CLOCK_BOOTTIME, as the kernel's records have
 * them) to nanoseconds since the epoch, by the wall clock as it is set now.
 * The same argument gives the same result to the nanosecond, so that a process
 * is known again by its start, until somebody steps the wall clock: NTP's
 * slewing moves both clocks alike.
 */
uint64_t clock_boot_to_epoch_ns(uint64_t boot_ns);

/* "2026-11-23T20:31:07.123456789Z" and its NUL. */
#define CLOCK_ISO8601_SIZE 32
void clock_format_iso8601(uint64_t epoch_ns, char out[CLOCK_ISO8601_SIZE]);

#endif
