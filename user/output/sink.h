/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SINK_H
#define DOCKSNOOP_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/output/event.h"

/*
 * Where events go. A sink that fails does not stop the others: what it could
 * not take is counted in it, and said (events-lost, place "sink:<name>") once
 * it takes lines again (stream.h).
 *
 * The program has to ignore SIGPIPE (a reader of stdout that went away is then
 * -EPIPE) and SIGXFSZ (a file at its limit is then -EFBIG).
 */
struct sink;

/*
 * Text or JSON lines to a descriptor that stays the caller's (stdout); text in
 * colour when it is a terminal. A blocking descriptor blocks for as long as its
 * reader does not read; a non-blocking one is waited for half a second.
 */
int sink_open_stream(int fd, bool json, struct sink **out);
/*
 * JSON lines appended to @path, made with mode 0600; sink_reopen() opens the
 * path anew, and goes on with the old file when that fails. -ELOOP when it is a
 * symbolic link, -EINVAL when it is anything else but a regular file.
 */
int sink_open_file(const char *path, struct sink **out);
/*
 * JSON behind "@cee: " to the local syslog socket (@path, normally "/dev/log"),
 * in RFC 3164's form as syslog(3) writes it. @facility is one of <syslog.h>'s,
 * shifted as there. -errno when nobody takes messages there now; one who goes
 * away later and comes back is found again.
 */
int sink_open_syslog(const char *path, int facility, struct sink **out);
void sink_free(struct sink *sink); /* NULL is allowed */

const char *sink_name(const struct sink *sink); /* "stdout", "file", "syslog" */
/*
 * @json: event_to_json() dumped with EVENT_JSON_FLAGS, once for all sinks. 0, or
 * -errno when the event did not get out; it is then counted for sink_take_lost().
 */
int sink_write(struct sink *sink, const struct event *event, const char *json);
int sink_reopen(struct sink *sink); /* 0 for sinks that have nothing to reopen */
/* Events not written since the last call. */
uint64_t sink_take_lost(struct sink *sink);

/* "daemon", "local0", … as syslog.conf(5) spells them; -EINVAL. */
int syslog_facility_parse(const char *name, int *out);

#endif
