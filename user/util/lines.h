/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LINES_H
#define DOCKSNOOP_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* The lines of a file, plain or compressed by gzip, whatever bytes they have. */
struct lines;

struct line {
	const char *text; /* without its newline; not NUL-terminated; until the next call */
	size_t len;
	bool whole;    /* it ends with a newline */
	bool too_long; /* longer than @max: @text has its beginning, the rest was passed over */
};

/*
 * "-" is standard input; anything else has to be a regular file: -EISDIR, -EINVAL.
 * Does not block on a FIFO. @max bounds what is kept of a line.
 */
int lines_open(const char *path, size_t max, struct lines **out);
/*
 * 1: a line; 0: the end; -ENODATA: a compressed file ends too early; -EBADMSG:
 * it is damaged; or another -errno. What could be read before is given out first.
 */
int lines_next(struct lines *lines, struct line *out);
void lines_close(struct lines *lines); /* NULL is allowed */

static inline void cleanup_lines(struct lines **lines)
{
	lines_close(*lines);
}
#define AUTO_LINES __attribute__((cleanup(cleanup_lines)))

#endif
