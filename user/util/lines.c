// SPDX-License-Identifier: Apache-2.0
#include "user/util/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "user/util/cleanup.h"

#define BLOCK_SIZE 65536

struct lines {
	gzFile gz;
	size_t max;
	int end; /* 1: there is more; 0 or -errno: there is not */
	size_t at, have;
	char *text;
	size_t len, size;
	char block[BLOCK_SIZE];
};

int lines_open(const char *path, size_t max, struct lines **out)
{
	bool input = !strcmp(path, "-");
	AUTO_CLOSE int fd = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				  : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE struct lines *lines = NULL;
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!input && !S_ISREG(st.st_mode))
		return -EINVAL;
	lines = calloc(1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	/* of a file that is not compressed it gives the bytes as they are */
	lines->gz = gzdopen(fd, "rb");
	if (!lines->gz)
		return -ENOMEM;
	take_fd(&fd);
	lines->max = max;
	lines->end = 1;
	*out = take_ptr(lines);
	return 0;
}

void lines_close(struct lines *lines)
{
	if (!lines)
		return;
	gzclose(lines->gz);
	free(lines->text);
	free(lines);
}

/* lines->end is 1 when there is something in the block afterwards. */
static void block_fill(struct lines *lines)
{
	int err = Z_OK;
	int n = 0;

	errno = 0;
	n = gzread(lines->gz, lines->block, BLOCK_SIZE);
	lines->at = 0;
	lines->have = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return;
	gzerror(lines->gz, &err);
	lines->end = err == Z_OK || err == Z_STREAM_END ? 0
		     : err == Z_BUF_ERROR		? -ENODATA
		     : err == Z_MEM_ERROR		? -ENOMEM
		     : err == Z_ERRNO && errno		? -errno
							: -EBADMSG;
}

static int line_add(struct lines *lines, const char *bytes, size_t len, bool *too_long)
{
	if (len > lines->max - lines->len) {
		len = lines->max - lines->len;
		*too_long = true;
	}
	if (lines->len + len > lines->size) {
		size_t size = (lines->len + len) * 2;
		char *more = realloc(lines->text, size);

		if (!more)
			return -ENOMEM;
		lines->text = more;
		lines->size = size;
	}
	if (len)
		memcpy(lines->text + lines->len, bytes, len);
	lines->len += len;
	return 0;
}

int lines_next(struct lines *lines, struct line *out)
{
	bool too_long = false;
	bool whole = false;
	bool any = false;

	lines->len = 0;
	while (!whole) {
		const char *bytes = NULL;
		const char *newline = NULL;
		size_t len = 0;
		int err = 0;

		if (lines->at == lines->have && lines->end == 1)
			block_fill(lines);
		if (lines->end != 1)
			break;
		bytes = lines->block + lines->at;
		newline = memchr(bytes, '\n', lines->have - lines->at);
		len = newline ? (size_t)(newline - bytes) : lines->have - lines->at;
		err = line_add(lines, bytes, len, &too_long);
		if (err)
			return err;
		any = true;
		whole = newline;
		lines->at += len + whole;
	}
	if (!any)
		return lines->end;
	*out = (struct line){lines->text ? lines->text : "", lines->len, whole, too_long};
	return 1;
}
