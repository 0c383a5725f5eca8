/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SINK_H
#define DOCKSNOOP_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/output/event.h"
#include "user/util/ledger.h"

/*
 * Where events go. What is written is made where the event is (sink_render()), and
 * written elsewhere (sink_write()), by a thread that may wait: see outlet.h.
 *
 * The program has to ignore SIGPIPE (a reader of stdout that went away is then
 * -EPIPE) and SIGXFSZ (a file at its limit is then -EFBIG).
 */
struct sink;

/*
 * Text or JSON lines to a descriptor that stays the caller's (stdout); text in
 * colour when it is a terminal.
 */
int sink_open_stream(int fd, bool json, struct sink **out);
/*
 * JSON lines appended to @path, made with mode 0600, each with the hash of the one before
 * (chain.h); the file is locked (flock(2)) meanwhile. sink_reopen() opens the path anew, and
 * goes on with the old file when that fails. -ELOOP when it is a symbolic link, -EINVAL when
 * it is anything else but a regular file, -EBUSY when another process writes to it so.
 *
 * A line that could not be written whole is taken back. One that another docksnoop has
 * left so, which was killed, is taken away when the file is opened. Where the file is
 * deleted, or another lies where it was, that is noticed, and the path opened anew.
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
/* Where it is to note what it has written; NULL, as at first: nowhere. */
void sink_set_account(struct sink *sink, struct ledger_sink *account);

/*
 * What is to be written of an event; malloc'd. @json: event_to_json() dumped with
 * EVENT_JSON_FLAGS, once for all sinks. 0 or -ENOMEM.
 */
int sink_render(const struct sink *sink, const struct event *event, const char *json, char **line);
/*
 * Write what sink_render() has made, which stands for @accesses. 0, or -errno: try again
 * later with the same line, of which nothing is to be seen until then; -EAGAIN: the reader
 * has no room, and was waited for a short time; -EPIPE: the reader has gone for good.
 */
int sink_write(struct sink *sink, const char *line, uint64_t accesses);
int sink_reopen(struct sink *sink); /* 0 for sinks that have nothing to reopen */

/*
 * To be called about once a second while there is nothing to write: is all as it was? 0 or
 * -errno, as sink_write().
 */
int sink_look(struct sink *sink);

/* Something happened to lines that were written already. */
struct sink_gone {
	const char *what; /* "the file was deleted"; NULL: nothing */
	uint64_t lines;
	uint64_t accesses;
};
/* What has happened since the last call. */
struct sink_gone sink_take_gone(struct sink *sink);

/* In the file's chain, the hash of the last line; NULL for sinks without. */
const char *sink_head(const struct sink *sink);

/* "daemon", "local0", … as syslog.conf(5) spells them; -EINVAL. */
int syslog_facility_parse(const char *name, int *out);

#endif
