// SPDX-License-Identifier: Apache-2.0
#include "user/http/request.h"

#include <string.h>

/* http.DefaultMaxHeaderBytes and conn.initialReadLimitSize(), of bytes read ... */
#define HEADER_MAX ((1u << 20) + 4096)
/* ... and so many may have been there already. */
#define BUFFERED_MAX 4096

void http_request_begin(struct http_request *request, bool first, bool searching)
{
	bool inner = searching && request->doubtful;

	if (inner) {
		struct http_line line = request->line;

		request->line = request->inner;
		request->inner = line;
		request->size = request->line.size;
	} else {
		http_line_begin(&request->line, searching);
		request->size = 0;
	}
	http_line_begin(&request->inner, true);
	http_header_begin(&request->header);
	request->searching = searching;
	request->in_header = inner;
	request->doubtful = false;
	request->limit = HEADER_MAX + (first ? 0 : BUFFERED_MAX);
	request->framing = HTTP_LENGTH;
	request->length = 0;
	request->last = true;
}

void http_request_free(struct http_request *request)
{
	http_line_free(&request->line);
	http_line_free(&request->inner);
}

/* What readTransfer() and conn.readRequest() make of a header. */
static enum http_progress header_end(struct http_request *request)
{
	const struct http_header *header = &request->header;
	const struct http_line *line = &request->line;
	const unsigned int *seen = header->seen;
	bool chunked = seen[HTTP_FIELD_TRANSFER_ENCODING] > 0 && line->version > 10;
	bool bad = header->host_bad || header->name_bad || header->value_bad;

	if (seen[HTTP_FIELD_HOST] > 1)
		bad = true;
	if (seen[HTTP_FIELD_HOST] == 0 && line->version > 10 && !line->http2 &&
	    strcmp(line->method, "CONNECT") != 0)
		bad = true;
	if (chunked) {
		bad |= !header->chunked || seen[HTTP_FIELD_TRANSFER_ENCODING] > 1;
		bad |= header->trailer_bad;
	} else {
		bad |= header->length_bad || header->trailer_control;
		bad |= header->length_control && header->length_digits > 0 &&
		       seen[HTTP_FIELD_CONTENT_LENGTH] == 1;
	}
	/* 417, from version 1.0 on */
	bad |= header->expect_set && !header->expect_continue;

	request->framing = chunked ? HTTP_CHUNKED : HTTP_LENGTH;
	request->length = chunked || bad ? 0 : header->length;
	request->last = bad || line->http2;
	if (line->version > 10)
		request->last |= header->close_any || header->close_first;
	else
		request->last |= !header->keep_alive_first;
	return bad ? HTTP_BAD : HTTP_END;
}

/* Searching, it was none. */
static enum http_progress refuse(struct http_request *request)
{
	if (!request->searching)
		return HTTP_BAD;
	http_request_begin(request, false, true);
	return HTTP_MORE;
}

/* A line of a header at most: it may be the line of a request. */
static enum http_progress header_step(struct http_request *request, uint64_t time_ns,
				      const uint8_t *data, size_t size, size_t *used)
{
	enum http_progress progress = HTTP_MORE;

	if (request->searching) {
		progress = http_line_feed(&request->inner, time_ns, data, size, &size);
		if (progress == HTTP_BAD)
			http_line_begin(&request->inner, true);
		if (progress == HTTP_END) {
			request->doubtful = true;
			*used = size;
			return HTTP_END;
		}
	}
	progress = http_header_feed(&request->header, data, size, used);
	return progress == HTTP_END ? header_end(request) : progress;
}

enum http_progress http_request_feed(struct http_request *request, uint64_t time_ns,
				     const uint8_t *data, size_t size, size_t *used, bool *too_big)
{
	enum http_progress progress = HTTP_MORE;
	size_t i = 0;

	*too_big = false;
	while (i < size && progress == HTTP_MORE) {
		size_t room = size - i, n = 0;

		if (room > request->limit - request->size)
			room = request->limit - request->size;
		*too_big = room == 0;
		if (room == 0) {
			progress = HTTP_BAD;
		} else if (request->in_header) {
			progress = header_step(request, time_ns, data + i, room, &n);
		} else {
			progress = http_line_feed(&request->line, time_ns, data + i, room, &n);
			request->in_header = progress == HTTP_END;
			if (progress == HTTP_END)
				progress = HTTP_MORE;
		}
		request->size += n;
		i += n;
		if (progress == HTTP_BAD)
			progress = refuse(request);
	}
	*used = i;
	return progress;
}
