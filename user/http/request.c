// SPDX-License-Identifier: Apache-2.0
#include "user/http/request.h"

#include <stdlib.h>
#include <string.h>

/* http.DefaultMaxHeaderBytes and conn.initialReadLimitSize(), of bytes read ... */
#define HEADER_MAX ((1u << 20) + 4096)
/* ... and so many may have been there already. */
#define BUFFERED_MAX 4096

static void word_put(struct http_word *word, uint8_t c)
{
	if (word->size == word->capacity) {
		size_t capacity = word->capacity ? word->capacity * 2 : 128;
		char *grown = NULL;

		if (word->size < HTTP_TARGET_MAX)
			grown = realloc(word->data, capacity);
		if (!grown) {
			word->cut = true;
			return;
		}
		word->data = grown;
		word->capacity = capacity;
	}
	word->data[word->size++] = (char)c;
}

static void word_clear(struct http_word *word)
{
	word->size = 0;
	word->cut = false;
}

static void line_begin(struct http_request *request)
{
	request->in_header = request->cr = request->line_bad = false;
	request->words = 0;
	request->method[0] = '\0';
	request->method_size = 0;
	request->size = 0;
	request->version = 0;
	request->http2 = false;
	word_clear(&request->target);
	word_clear(&request->word);
}

void http_request_begin(struct http_request *request, bool first, bool scanning)
{
	line_begin(request);
	request->scanning = scanning;
	request->limit = HEADER_MAX + (first ? 0 : BUFFERED_MAX);
	request->framing = HTTP_LENGTH;
	request->length = 0;
	request->last = true;
	request->header.content_type[0] = request->header.upgrade[0] = '\0';
}

void http_request_free(struct http_request *request)
{
	free(request->target.data);
	free(request->word.data);
	memset(request, 0, sizeof(*request));
}

static void method_put(struct http_request *request, uint8_t c)
{
	bool token = http_is_token(c);

	request->line_bad |= !token && !request->scanning;
	/* In a search, what does not belong to a token may have been in front of it. */
	if (!token && request->scanning) {
		request->method_size = 0;
		request->method[0] = '\0';
		return;
	}
	if (request->method_size == HTTP_METHOD_MAX && request->scanning) {
		request->method_size /= 2;
		memmove(request->method, request->method + request->method_size,
			HTTP_METHOD_MAX - request->method_size);
	}
	if (request->method_size == HTTP_METHOD_MAX)
		return;
	request->method[request->method_size++] = (char)c;
	request->method[request->method_size] = '\0';
}

/* A word of the line has ended. In a search, the last two may be a method and its target. */
static void line_blank(struct http_request *request)
{
	struct http_word ended = request->word;

	request->words++;
	if (request->words > 2 && !request->scanning) {
		request->line_bad = true;
		return;
	}
	if (request->words > 2) {
		request->method_size = 0;
		request->method[0] = '\0';
		for (size_t i = 0; i < request->target.size; i++)
			method_put(request, (uint8_t)request->target.data[i]);
	}
	if (request->words > 1) {
		request->word = request->target;
		request->target = ended;
	}
	word_clear(&request->word);
}

static void line_byte(struct http_request *request, uint8_t c)
{
	if (c == ' ')
		line_blank(request);
	else if (request->words == 0)
		method_put(request, c);
	else
		word_put(&request->word, c);
}

/* http.ParseHTTPVersion(), and what Go serves: HTTP/1.x, and one of HTTP/2. */
static bool version_parse(struct http_request *request)
{
	const struct http_word *word = &request->word;
	unsigned int version = 0;

	if (word->size != 8 || word->cut || memcmp(word->data, "HTTP/", 5) != 0 ||
	    word->data[6] != '.' || word->data[5] < '0' || word->data[5] > '9' ||
	    word->data[7] < '0' || word->data[7] > '9')
		return false;
	version = (unsigned int)(word->data[5] - '0') * 10 + (unsigned int)(word->data[7] - '0');
	request->http2 = version == 20 && strcmp(request->method, "PRI") == 0 &&
			 request->target.size == 1 && request->target.data[0] == '*';
	request->version = version;
	return version / 10 == 1 || request->http2;
}

/* Where a method begins within a word is not known: its capitals at the end, if there are any. */
static void method_guess(struct http_request *request)
{
	size_t from = request->method_size;

	while (from > 0 && request->method[from - 1] >= 'A' && request->method[from - 1] <= 'Z')
		from--;
	if (from == request->method_size)
		return;
	memmove(request->method, request->method + from, request->method_size - from + 1);
	request->method_size -= from;
}

/* For as much as is kept of it; an escape that was cut is no offence. */
static bool target_parse(const struct http_request *request)
{
	const struct http_word *target = &request->target;
	size_t size = target->size;

	for (size_t i = 1; target->cut && i <= 2 && i <= target->size; i++)
		if (target->data[target->size - i] == '%')
			size = target->size - i;
	return http_target_valid(request->method, size ? target->data : "", size);
}

static enum http_progress line_end(struct http_request *request)
{
	bool valid = request->words >= 2 && !request->line_bad && request->method_size > 0 &&
		     version_parse(request) && target_parse(request);

	if (request->scanning) {
		/* HTTP/2 begins with a connection; believed here, it would hide the rest of it. */
		valid &= !request->http2;
		if (!valid) {
			line_begin(request);
			return HTTP_MORE;
		}
		method_guess(request);
	}
	request->in_header = true;
	http_header_begin(&request->header);
	return valid ? HTTP_MORE : HTTP_BAD;
}

/* @used is set; HTTP_END at the end of the line. */
static enum http_progress line_feed(struct http_request *request, uint64_t time_ns,
				    const uint8_t *data, size_t size, size_t *used)
{
	size_t i = 0;

	for (; i < size; i++) {
		uint8_t c = data[i];

		if (request->size + i == 0)
			request->time_ns = time_ns;
		if (request->cr && c != '\n')
			line_byte(request, '\r');
		request->cr = c == '\r';
		if (c == '\n') {
			*used = i + 1;
			return HTTP_END;
		}
		if (!request->cr)
			line_byte(request, c);
	}
	*used = i;
	return HTTP_MORE;
}

/* What readTransfer() and conn.readRequest() make of a header. */
static enum http_progress header_end(struct http_request *request)
{
	const struct http_header *header = &request->header;
	const unsigned int *seen = header->seen;
	bool chunked = seen[HTTP_FIELD_TRANSFER_ENCODING] > 0 && request->version > 10;
	bool bad = header->host_bad || header->name_bad || header->value_bad;

	if (seen[HTTP_FIELD_HOST] > 1)
		bad = true;
	if (seen[HTTP_FIELD_HOST] == 0 && request->version > 10 && !request->http2 &&
	    strcmp(request->method, "CONNECT") != 0)
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
	request->last = bad || request->http2;
	if (request->version > 10)
		request->last |= header->close_any || header->close_first;
	else
		request->last |= !header->keep_alive_first;
	return bad ? HTTP_BAD : HTTP_END;
}

static enum http_progress refuse(struct http_request *request)
{
	if (!request->scanning)
		return HTTP_BAD;
	line_begin(request);
	return HTTP_MORE;
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
		if (room == 0) {
			*too_big = !request->scanning;
			progress = refuse(request);
			continue;
		}
		if (request->in_header) {
			progress = http_header_feed(&request->header, data + i, room, &n);
			request->size += n;
			if (progress == HTTP_END)
				progress = header_end(request);
			if (progress == HTTP_BAD)
				progress = refuse(request);
		} else {
			progress = line_feed(request, time_ns, data + i, room, &n);
			request->size += n;
			if (progress == HTTP_END)
				progress = line_end(request);
		}
		i += n;
	}
	*used = i;
	return progress;
}
