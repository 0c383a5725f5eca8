// SPDX-License-Identifier: Apache-2.0
#include "user/output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/output/sink_impl.h"
#include "user/util/cleanup.h"

/* Lines to a descriptor: a stream that is the caller's, or a file of our own. */
struct line_sink {
	struct sink base;
	int fd;
	bool midline; /* what was written last does not end a line */
	bool json;
	bool color;
	char *path; /* NULL for a stream */
};

/*
 * The whole line in one write(2), so that lines of several writers do not mix.
 * Where only a part of it gets out, the next line begins with a newline: a line
 * that was cut must not spoil the one after it as well.
 */
static int line_write(struct line_sink *sink, const char *text)
{
	size_t text_len = strlen(text);
	size_t len = 0;
	size_t done = 0;
	int64_t deadline = sink_deadline();
	int err = 0;
	AUTO_FREE char *line = malloc(text_len + 2);

	if (!line)
		return -ENOMEM;
	if (sink->midline)
		line[len++] = '\n';
	memcpy(line + len, text, text_len);
	len += text_len;
	line[len++] = '\n';

	while (done < len && !err) {
		ssize_t n = write(sink->fd, line + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			err = -EIO;
		else if (errno == EAGAIN && (done || !sink->base.failing))
			err = sink_wait(sink->fd, deadline);
		else if (errno != EINTR)
			err = -errno;
	}
	if (done)
		sink->midline = line[done - 1] != '\n';
	return err;
}

static int line_sink_write(struct sink *base, const struct event *event, const char *json)
{
	struct line_sink *sink = (struct line_sink *)base;
	AUTO_FREE char *text = NULL;

	if (sink->json)
		return line_write(sink, json);
	text = event_to_text(event, sink->color);
	if (!text)
		return -ENOMEM;
	text[strcspn(text, "\n")] = '\0';
	return line_write(sink, text);
}

static void line_sink_free(struct sink *base)
{
	struct line_sink *sink = (struct line_sink *)base;

	if (sink->path)
		close(sink->fd);
	free(sink->path);
	free(sink);
}

int sink_open_stream(int fd, bool json, struct sink **out)
{
	static const struct sink_ops ops = {.write = line_sink_write, .free = line_sink_free};
	struct line_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return -ENOMEM;
	sink->base.ops = &ops;
	sink->base.name = "stdout";
	sink->fd = fd;
	sink->json = json;
	sink->color = !json && isatty(fd);
	*out = &sink->base;
	return 0;
}

/* *fd is written on success only; *midline: the file ends in the middle of a line. */
static int log_open(const char *path, int *out, bool *midline)
{
	/*
	 * O_NOFOLLOW: where others may write the folder, a link must not lead
	 * our lines elsewhere. O_NONBLOCK: a FIFO of that name does not stop us.
	 */
	AUTO_CLOSE int fd = open(
		path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		0600);
	struct stat st = {0};
	char last = '\n';

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* by whoever was killed, or ran out of space, before us */
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) < 0)
		return -errno;
	*midline = last != '\n';
	*out = take_fd(&fd);
	return 0;
}

static int file_sink_reopen(struct sink *base)
{
	struct line_sink *sink = (struct line_sink *)base;
	bool midline = false;
	int fd = -1;
	int err = log_open(sink->path, &fd, &midline);

	/* the old one goes on being written rather than none */
	if (err)
		return err;
	close(sink->fd);
	sink->fd = fd;
	sink->midline = midline;
	return 0;
}

int sink_open_file(const char *path, struct sink **out)
{
	static const struct sink_ops ops = {
		.write = line_sink_write,
		.reopen = file_sink_reopen,
		.free = line_sink_free,
	};
	AUTO_FREE struct line_sink *sink = calloc(1, sizeof(*sink));
	AUTO_FREE char *copy = strdup(path);
	int err = 0;

	if (!sink || !copy)
		return -ENOMEM;
	err = log_open(path, &sink->fd, &sink->midline);
	if (err)
		return err;
	sink->base.ops = &ops;
	sink->base.name = "file";
	sink->json = true;
	sink->path = take_ptr(copy);
	*out = &take_ptr(sink)->base;
	return 0;
}
