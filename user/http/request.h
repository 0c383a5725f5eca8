/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HTTP_REQUEST_H
#define DOCKSNOOP_HTTP_REQUEST_H

#include "user/http/body.h"
#include "user/http/conversation.h"
#include "user/http/header.h"
#include "user/http/line.h"

/*
 * Reads a request's line and header as http.readRequest() and conn.readRequest()
 * do. Or it searches for one, when where it would begin is not known: any line
 * that ends in METHOD SP target SP HTTP/1.x with a valid header below counts, so
 * that nothing that is put in front can hide it; a method is then what it can be,
 * the letters at the end of a word. When such a line stands in the header of
 * another, either may be the real one, and each comes out.
 */
struct http_request {
	/* Once fed to its end; and what is known when it is bad. */
	struct http_line line;
	struct http_header header;
	enum http_framing framing;
	uint64_t length; /* for HTTP_LENGTH; 0 is no body */
	bool last;	 /* Go closes after it */
	bool doubtful;	 /* another one began in its header: known up to there */

	/* Where it is. */
	bool searching, in_header;
	uint64_t size, limit;
	struct http_line inner; /* what a line of the header would be */
};

/*
 * The next one. @first: of its connection; Go's limit is on bytes read, it may have
 * some already. Searching, it goes on with what made the last one doubtful.
 */
void http_request_begin(struct http_request *request, bool first, bool searching);
void http_request_free(struct http_request *request);
/*
 * HTTP_BAD: Go refuses it; never when searching. @too_big is set when that is for
 * its size.
 */
enum http_progress http_request_feed(struct http_request *request, uint64_t time_ns,
				     const uint8_t *data, size_t size, size_t *used, bool *too_big);

#endif
