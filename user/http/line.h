/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HTTP_LINE_H
#define DOCKSNOOP_HTTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/http/conversation.h"
#include "user/http/header.h"

/* A word of a request line; its memory is used again for the next one. */
struct http_word {
	char *data;
	size_t size, capacity;
	bool cut; /* longer than HTTP_TARGET_MAX, or no memory */
};

/*
 * A request line, read as Go's parseRequestLine() does: method, target and version
 * with one blank between them. Searching, only its last three words count, and the
 * method is what it can be: the letters at the end of its word.
 */
struct http_line {
	char method[HTTP_METHOD_MAX + 1];
	struct http_word target;
	unsigned int version; /* 11 for HTTP/1.1; 0 when it is none */
	bool http2;	      /* the line of its preface */
	uint64_t time_ns;     /* of its first byte */

	/* Where it is. */
	struct http_word word;
	bool searching, cr, bad;
	unsigned int words;
	size_t method_size, size;
};

void http_line_begin(struct http_line *line, bool searching);
void http_line_free(struct http_line *line);
/* HTTP_END when it is one; HTTP_BAD, at its end, when Go refuses it or it is none. */
enum http_progress http_line_feed(struct http_line *line, uint64_t time_ns, const uint8_t *data,
				  size_t size, size_t *used);
/* The target, or what there is of one when the line is cut short. */
const struct http_word *http_line_target(const struct http_line *line);

/*
 * Would Go's url.ParseRequestURI() take it? For CONNECT as readRequest() calls it.
 * Newer versions refuse more.
 */
bool http_target_valid(const char *method, const char *target, size_t size);

#endif
