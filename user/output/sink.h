/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SINK_H
#define DOCKSNOOP_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/output/event.h"

/*
 * Where events go. A sink that fails does not stop the others: what it could
 * not take is counted in it, and said (events-lost, place "sink:<name>") once
 * it takes lines again.
 */
struct sink;

/* Text or JSON lines to a descriptor that stays the caller's (stdout). */
int sink_open_stream(int fd, bool json, struct sink **out);
/* JSON lines appended to @path, made with mode 0600; reopened by sink_reopen(). */
int sink_open_file(const char *path, struct sink **out);
/*
 * JSON behind "@cee: " to the local syslog socket (@path, normally "/dev/log"), RFC 3164
 * framing as syslog(3) writes it. @facility is one of <syslog.h>'s, shifted as there.
 */
int sink_open_syslog(const char *path, int facility, struct sink **out);
void sink_free(struct sink *sink); /* NULL is allowed */

const char *sink_name(const struct sink *sink); /* "stdout", "file", "syslog" */
/* 0, or -errno when the event did not get out; it is then counted in sink_lost(). */
int sink_write(struct sink *sink, const struct event *event, const char *json);
int sink_reopen(struct sink *sink); /* 0 for sinks that have nothing to reopen */
/* Events not written since the last call. */
uint64_t sink_take_lost(struct sink *sink);

/* "daemon", "local0", … as syslog.conf(5) spells them; -EINVAL. */
int syslog_facility_parse(const char *name, int *out);

#endif
