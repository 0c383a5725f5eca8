// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/notify.h"

#include <inttypes.h>
#include <stdint.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "user/util/clock.h"

void notify_ready(const char *mode)
{
	sd_notifyf(0, "READY=1\nSTATUS=Watching in %s mode", mode);
}

void notify_reloading(void)
{
	struct timespec now = {0};

	/* systemd 253 and newer ask for the time (Type=notify-reload), older ones ignore it. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading",
		   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void notify_watchdog(void)
{
	static uint64_t last_ns;
	uint64_t now = clock_boot_ns();
	uint64_t limit_us = 0;

	if (sd_watchdog_enabled(0, &limit_us) <= 0 || now - last_ns < limit_us * 1000 / 2)
		return;
	sd_notify(0, "WATCHDOG=1");
	last_ns = now;
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}
