// SPDX-License-Identifier: Apache-2.0
#include "user/output/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "user/output/reduce.h"
#include "user/output/sink_impl.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/*
 * Not by way of syslog(3), which says nothing when a message was not taken: it
 * returns void, and after a failed send it tries once more and gives up.
 */
struct syslog_sink {
	struct sink base;
	char *path;
	int facility;
	int fd;	     /* -1: not connected */
	bool stream; /* the receiver wants SOCK_STREAM */
};

/*
 * rsyslog cuts what is longer than 8096 bytes, all included (its $MaxMessageSize,
 * "8k", seen with 8.2302); and one that relays puts the host's name and a longer
 * timestamp before it, for another to take.
 */
#define MESSAGE_MAX (8096 - 256)

#define NS_PER_S 1000000000ULL

static int syslog_connect(struct syslog_sink *sink)
{
	/* as syslog(3): most receivers take datagrams, some a stream */
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int err = 0;

	if (strlen(sink->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, sink->path);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		AUTO_CLOSE int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
			sink->stream = types[i] == SOCK_STREAM;
			sink->fd = take_fd(&fd);
			return 0;
		}
		err = -errno;
		if (err != -EPROTOTYPE)
			break;
	}
	return err;
}

static void syslog_disconnect(struct syslog_sink *sink)
{
	if (sink->fd >= 0)
		close(take_fd(&sink->fd));
}

/* All of the message or an error; a stream that has taken a part of it is closed: half a
 * message that its receiver got it cannot take for a whole one, without the NUL. */
static int syslog_send(struct syslog_sink *sink, const char *message)
{
	/* on a stream a NUL ends the message, as syslog(3) has it */
	size_t len = strlen(message) + (sink->stream ? 1 : 0);
	size_t done = 0;
	int err = 0;

	while (done < len && !err) {
		ssize_t n = send(sink->fd, message + done, len - done, MSG_NOSIGNAL);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			err = sink_wait(sink->fd);
		else if (errno != EINTR)
			err = -errno;
	}
	/* no room is no reason to go; everything else, and half a message, is */
	if (err && (done || err != -EAGAIN))
		syslog_disconnect(sink);
	return err;
}

static int syslog_priority(const struct event *event)
{
	int severity = event_severity(event);

	if (severity >= 99)
		return LOG_ALERT;
	if (severity >= 73 || event->action == EVENT_EVENTS_LOST)
		return LOG_ERR;
	if (severity >= 47 || event->action == EVENT_SOCKET_EXPOSED || event->policy.error)
		return LOG_WARNING;
	if (event->action == EVENT_MONITOR_STARTED || event->action == EVENT_MONITOR_STOPPED ||
	    event->action == EVENT_POLICY_LOADED)
		return LOG_NOTICE;
	return LOG_INFO;
}

/* "<27>Nov 23 20:31:07 docksnoop[4242]: @cee: ", RFC 3164 without the host, as syslog(3) has it */
static int syslog_header(const struct syslog_sink *sink, const struct event *event, char **out)
{
	/* not strftime(3): the names of months are English in every locale */
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(event->time_ns / NS_PER_S);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	return str_format(out, "<%d>%s %2d %02d:%02d:%02d docksnoop[%d]: @cee: ",
			  sink->facility | syslog_priority(event), months[tm.tm_mon], tm.tm_mday,
			  tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
}

static int syslog_message(const struct syslog_sink *sink, const struct event *event,
			  const char *json, char **out)
{
	AUTO_FREE char *header = NULL;
	AUTO_FREE char *reduced = NULL;
	int err = syslog_header(sink, event, &header);
	size_t room = 0;

	if (err)
		return err;
	room = MESSAGE_MAX - strlen(header);
	if (strlen(json) > room) {
		err = event_reduce(json, room, &reduced);
		if (err)
			return err;
	}
	return str_format(out, "%s%s", header, reduced ? reduced : json);
}

static int syslog_sink_render(const struct sink *base, const struct event *event, const char *json,
			      char **line)
{
	return syslog_message((const struct syslog_sink *)base, event, json, line);
}

static int syslog_sink_write(struct sink *base, const char *line, uint64_t accesses)
{
	struct syslog_sink *sink = (struct syslog_sink *)base;
	int err = sink->fd >= 0 ? syslog_send(sink, line) : -ENOTCONN;

	/* the receiver went away, or was away already: it may be back under the same name */
	if (err && sink->fd < 0) {
		err = syslog_connect(sink);
		err = err ? err : syslog_send(sink, line);
	}
	/* Whoever takes messages now may be back later: there is no end to that. */
	if (err == -EPIPE)
		err = -ENOTCONN;
	if (!err)
		sink_settle(base, accesses);
	return err;
}

static void syslog_sink_free(struct sink *base)
{
	struct syslog_sink *sink = (struct syslog_sink *)base;

	syslog_disconnect(sink);
	free(sink->path);
	free(sink);
}

int sink_open_syslog(const char *path, int facility, struct sink **out)
{
	static const struct sink_ops ops = {
		.render = syslog_sink_render,
		.write = syslog_sink_write,
		.free = syslog_sink_free,
	};
	AUTO_FREE struct syslog_sink *sink = calloc(1, sizeof(*sink));
	AUTO_FREE char *copy = strdup(path);
	int err = 0;

	if (!sink || !copy)
		return -ENOMEM;
	sink->base.ops = &ops;
	sink->base.name = "syslog";
	sink->path = copy;
	sink->facility = facility;
	sink->fd = -1;
	err = syslog_connect(sink);
	if (err)
		return err;
	take_ptr(copy);
	*out = &take_ptr(sink)->base;
	return 0;
}

int syslog_facility_parse(const char *name, int *out)
{
	/* without kern, which is the kernel's own, and mark, which is the receiver's */
	static const struct {
		const char *name;
		int facility;
	} facilities[] = {
		{"auth", LOG_AUTH},	{"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
		{"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},	    {"lpr", LOG_LPR},
		{"mail", LOG_MAIL},	{"news", LOG_NEWS},	    {"syslog", LOG_SYSLOG},
		{"user", LOG_USER},	{"uucp", LOG_UUCP},	    {"local0", LOG_LOCAL0},
		{"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},	    {"local3", LOG_LOCAL3},
		{"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},	    {"local6", LOG_LOCAL6},
		{"local7", LOG_LOCAL7},
	};

	for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		if (strcmp(facilities[i].name, name) == 0) {
			*out = facilities[i].facility;
			return 0;
		}
	}
	return -EINVAL;
}
