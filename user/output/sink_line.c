// SPDX-License-Identifier: Apache-2.0
#include "user/output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/output/sink_impl.h"
#include "user/util/cleanup.h"

/* Lines to a descriptor that is the caller's. */
struct line_sink {
	struct sink base;
	int fd;
	bool json;
	bool color;
	bool pipe;
	bool file;
	size_t done; /* of the line that is tried: what has been written goes on there */
};

/*
 * May a line of this size be begun? Into a pipe only when it has room for all of it: who
 * is told to stop meanwhile must not leave a half one behind. Up to PIPE_BUF bytes go in
 * at once or not at all (pipe(7)); more go into an empty one, if it is not too small.
 */
static int line_room(const struct line_sink *sink, size_t len)
{
	int held = 0;
	int err = sink->file ? 0 : sink_wait(sink->fd);

	if (err || !sink->pipe || len <= PIPE_BUF || (int)len > fcntl(sink->fd, F_GETPIPE_SZ))
		return err;
	for (int ms = 0; ms < SINK_PATIENCE_MS; ms += 5) {
		/* who reads is gone: the write says so */
		if (ioctl(sink->fd, FIONREAD, &held) || !held || sink_wait(sink->fd))
			return 0;
		usleep(5000);
	}
	return -EAGAIN;
}

static int line_sink_write(struct sink *base, const char *line, uint64_t accesses)
{
	struct line_sink *sink = (struct line_sink *)base;
	size_t len = strlen(line);
	int err = sink->done ? 0 : line_room(sink, len);

	while (!err && sink->done < len) {
		size_t left = len - sink->done;
		ssize_t n;

		/* A descriptor may block: what it has room for it takes at once. */
		if (!sink->file && sink->done)
			err = sink_wait(sink->fd);
		if (err)
			break;
		if (!sink->file && left > PIPE_BUF)
			left = PIPE_BUF;
		n = write(sink->fd, line + sink->done, left);
		if (n > 0)
			sink->done += (size_t)n;
		else if (n == 0)
			err = -EIO;
		else if (errno != EINTR)
			err = -errno;
	}
	if (err)
		return err;
	sink->done = 0;
	sink_settle(base, accesses);
	return 0;
}

static int line_sink_render(const struct sink *base, const struct event *event, const char *json,
			    char **line)
{
	const struct line_sink *sink = (const struct line_sink *)base;
	size_t len = strlen(json);
	char *text = NULL;

	if (sink->json) {
		text = malloc(len + 2);
		if (text)
			memcpy(mempcpy(text, json, len), "\n", 2);
	} else {
		text = event_to_text(event, sink->color);
	}
	if (!text)
		return -ENOMEM;
	*line = text;
	return 0;
}

static void line_sink_free(struct sink *base)
{
	free(base);
}

int sink_open_stream(int fd, bool json, struct sink **out)
{
	static const struct sink_ops ops = {
		.render = line_sink_render,
		.write = line_sink_write,
		.free = line_sink_free,
	};
	struct line_sink *sink = calloc(1, sizeof(*sink));
	struct stat st = {0};

	if (!sink)
		return -ENOMEM;
	sink->base.ops = &ops;
	sink->base.name = "stdout";
	sink->fd = fd;
	sink->json = json;
	sink->color = !json && isatty(fd);
	if (!fstat(fd, &st)) {
		sink->pipe = S_ISFIFO(st.st_mode);
		sink->file = S_ISREG(st.st_mode);
	}
	*out = &sink->base;
	return 0;
}
