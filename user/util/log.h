/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LOG_H
#define DOCKSNOOP_LOG_H

/*
 * Diagnostics, on stderr, one "docksnoop: …" line a call; the newline is
 * added. Only commands call these, library code returns -errno. What another
 * process could have chosen must go through text_escape() first.
 */

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
