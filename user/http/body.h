/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HTTP_BODY_H
#define DOCKSNOOP_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/http/header.h"

/* The beginning of a body. */
struct http_kept {
	uint8_t *data;
	size_t size, capacity, room;
	uint64_t sent;
	bool cut;	/* something before its end is missing: nothing more is kept */
	size_t *budget; /* shared by all of one conversation */
};

void http_kept_free(struct http_kept *kept);
/* Is anything more of it wanted? */
bool http_kept_wants(const struct http_kept *kept);

enum http_framing {
	HTTP_LENGTH,
	HTTP_CHUNKED,
	HTTP_TO_CLOSE,
};

/* Where in a body the reader is. */
struct http_body {
	enum http_framing framing;
	uint8_t at;
	uint64_t left; /* of the length, or of the chunk */
	unsigned int line, digits;
	bool blank;
	struct http_header trailer;
	unsigned int trailer_size;
};

/* @length counts for HTTP_LENGTH only; 0 is no body, and not to be fed. */
void http_body_begin(struct http_body *body, enum http_framing framing, uint64_t length);
/*
 * @kept may be NULL. HTTP_END when the body has ended, within @data or with it;
 * HTTP_BAD where Go stops to read. Memory that is not to be had cuts @kept.
 */
enum http_progress http_body_feed(struct http_body *body, struct http_kept *kept,
				  const uint8_t *data, size_t size, size_t *used);
/* How many of the next bytes are nothing but body; UINT64_MAX to the end of the connection. */
uint64_t http_body_ahead(const struct http_body *body);
/*
 * @size bytes, which were not seen, at most http_body_ahead(). HTTP_MORE or
 * HTTP_END.
 */
enum http_progress http_body_skip(struct http_body *body, struct http_kept *kept, uint64_t size);

#endif
