/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_NOTIFY_H
#define DOCKSNOOP_NOTIFY_H

/*
 * What the service manager is told, by sd_notify(3). Where none listens (no
 * $NOTIFY_SOCKET) nothing happens. What cannot be sent is not said: systemd
 * draws its own conclusions from silence.
 */

/* The sensor is armed, and watches in the mode of this name. */
void notify_ready(const char *mode);

/* SIGHUP came; notify_ready() tells that it was dealt with. */
void notify_reloading(void);

/*
 * To be called by the main loop each time round, and by nobody else: a loop that
 * hangs must fall silent. It sends at half of $WATCHDOG_USEC, seldom enough not
 * to fill systemd's queue, which would block us.
 */
void notify_watchdog(void);

void notify_stopping(void);

#endif
