/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HTTP_REQUEST_H
#define DOCKSNOOP_HTTP_REQUEST_H

#include "user/http/body.h"
#include "user/http/conversation.h"
#include "user/http/header.h"

/* One word of a request line; its memory is used again for the next one. */
struct http_word {
	char *data;
	size_t size, capacity;
	bool cut; /* longer than HTTP_TARGET_MAX, or no memory */
};

/*
 * Reads a request's line and header as http.readRequest() and conn.readRequest()
 * do. Or it looks for one, when where it would begin is not known: any line that
 * ends in METHOD SP target SP HTTP/1.x with a valid header below counts, so that
 * nothing that is put in front can hide it; a method is then what it can be, the
 * letters at the end of a word.
 */
struct http_request {
	/* Once fed to its end; and what is known when it is bad. */
	char method[HTTP_METHOD_MAX + 1];
	struct http_word target;
	unsigned int version;
	bool http2;
	enum http_framing framing;
	uint64_t length; /* for HTTP_LENGTH; 0 is no body */
	bool last;	 /* Go closes after it */
	uint64_t time_ns;
	struct http_header header;

	/* Where it is. */
	bool scanning, in_header, cr, line_bad;
	unsigned int words;
	size_t method_size;
	uint64_t size, limit;
	struct http_word word;
};

/* @first: of its connection. Go's limit is on bytes read, it may have some already. */
void http_request_begin(struct http_request *request, bool first, bool scanning);
void http_request_free(struct http_request *request);
/*
 * HTTP_BAD: Go refuses it; never when scanning. @too_big is set when that is for
 * its size.
 */
enum http_progress http_request_feed(struct http_request *request, uint64_t time_ns,
				     const uint8_t *data, size_t size, size_t *used, bool *too_big);

/*
 * Would Go's url.ParseRequestURI() take it? For CONNECT as readRequest() calls it.
 * Newer versions refuse more.
 */
bool http_target_valid(const char *method, const char *target, size_t size);

#endif
