// SPDX-License-Identifier: Apache-2.0
#include "user/http/body.h"

#include <stdlib.h>
#include <string.h>

#include "user/http/conversation.h"

/* internal.maxLineLength of net/http, and the size of its buffer, which bounds a trailer. */
#define CHUNK_LINE_MAX 4095
#define TRAILER_MAX    4096
/* parseHexUint() */
#define CHUNK_DIGITS_MAX 16

enum {
	AT_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	AT_SIZE,
	AT_EXTENSION,
	AT_TRAILER,
};

void http_kept_free(struct http_kept *kept)
{
	free(kept->data);
	if (kept->budget)
		*kept->budget += kept->capacity;
	kept->data = NULL;
	kept->size = kept->capacity = kept->room = 0;
}

bool http_kept_wants(const struct http_kept *kept)
{
	return !kept->cut && kept->size < kept->room;
}

/* A chunk can claim 2^64 - 1 bytes: where the sum does not fit it stays at its end. */
static void kept_count(struct http_kept *kept, uint64_t size)
{
	if (__builtin_add_overflow(kept->sent, size, &kept->sent))
		kept->sent = UINT64_MAX;
}

static void kept_add(struct http_kept *kept, const uint8_t *data, size_t size)
{
	size_t capacity = kept->capacity;
	uint8_t *grown = NULL;

	kept_count(kept, size);
	if (!http_kept_wants(kept))
		return;
	if (size > kept->room - kept->size)
		size = kept->room - kept->size;
	while (capacity < kept->size + size)
		capacity = capacity ? capacity * 2 : 512;
	if (capacity > kept->room)
		capacity = kept->room;
	if (capacity > kept->capacity) {
		if (capacity - kept->capacity <= *kept->budget)
			grown = realloc(kept->data, capacity);
		if (!grown) {
			kept->cut = true;
			return;
		}
		*kept->budget -= capacity - kept->capacity;
		kept->data = grown;
		kept->capacity = capacity;
	}
	memcpy(kept->data + kept->size, data, size);
	kept->size += size;
}

static void kept_skip(struct http_kept *kept, uint64_t size)
{
	kept_count(kept, size);
	if (size > 0 && http_kept_wants(kept))
		kept->cut = true;
}

void http_body_begin(struct http_body *body, enum http_framing framing, uint64_t length)
{
	body->framing = framing;
	body->at = framing == HTTP_CHUNKED ? AT_SIZE : AT_DATA;
	body->left = framing == HTTP_LENGTH ? length : 0;
	body->line = body->digits = 0;
	body->blank = false;
}

uint64_t http_body_ahead(const struct http_body *body)
{
	if (body->framing == HTTP_TO_CLOSE)
		return UINT64_MAX;
	return body->at == AT_DATA ? body->left : 0;
}

static enum http_progress data_end(struct http_body *body)
{
	if (body->framing == HTTP_LENGTH && body->left == 0)
		return HTTP_END;
	if (body->framing == HTTP_CHUNKED && body->left == 0)
		body->at = AT_DATA_CR;
	return HTTP_MORE;
}

enum http_progress http_body_skip(struct http_body *body, struct http_kept *kept, uint64_t size)
{
	if (kept)
		kept_skip(kept, size);
	if (body->framing != HTTP_TO_CLOSE)
		body->left -= size;
	return data_end(body);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum http_progress size_end(struct http_body *body)
{
	body->line = body->digits = 0;
	body->blank = false;
	body->at = AT_DATA;
	/* Without a digit it is 0 as well, before Go 1.22. */
	if (body->left > 0)
		return HTTP_MORE;
	body->at = AT_TRAILER;
	body->trailer_size = 0;
	http_header_begin(&body->trailer);
	return HTTP_MORE;
}

/* The line of a chunk's size: blanks at its end and what follows a semicolon do not count. */
static enum http_progress size_byte(struct http_body *body, uint8_t c)
{
	int digit = hex_digit(c);

	if (++body->line > CHUNK_LINE_MAX)
		return HTTP_BAD;
	if (c == '\n')
		return size_end(body);
	if (body->at == AT_EXTENSION)
		return HTTP_MORE;
	if (c == ' ' || c == '\t' || c == '\r') {
		body->blank = true;
		return HTTP_MORE;
	}
	if (body->blank)
		return HTTP_BAD;
	if (c == ';') {
		body->at = AT_EXTENSION;
		return HTTP_MORE;
	}
	if (digit < 0 || ++body->digits > CHUNK_DIGITS_MAX)
		return HTTP_BAD;
	body->left = body->left << 4 | (uint64_t)digit;
	return HTTP_MORE;
}

static enum http_progress trailer_feed(struct http_body *body, const uint8_t *data, size_t size,
				       size_t *used)
{
	enum http_progress progress = HTTP_MORE;
	size_t room = TRAILER_MAX - body->trailer_size;

	if (room == 0)
		return HTTP_BAD;
	progress = http_header_feed(&body->trailer, data, size < room ? size : room, used);
	body->trailer_size += *used;
	return progress;
}

static enum http_progress framing_byte(struct http_body *body, uint8_t c)
{
	switch (body->at) {
	case AT_DATA_CR:
		body->at = AT_DATA_LF;
		return c == '\r' ? HTTP_MORE : HTTP_BAD;
	case AT_DATA_LF:
		body->at = AT_SIZE;
		return c == '\n' ? HTTP_MORE : HTTP_BAD;
	default:
		return size_byte(body, c);
	}
}

enum http_progress http_body_feed(struct http_body *body, struct http_kept *kept,
				  const uint8_t *data, size_t size, size_t *used)
{
	enum http_progress progress = HTTP_MORE;
	size_t i = 0;

	while (i < size && progress == HTTP_MORE) {
		uint64_t ahead = http_body_ahead(body);
		size_t n = 1;

		if (body->at == AT_DATA) {
			n = size - i < ahead ? size - i : ahead;
			if (kept)
				kept_add(kept, data + i, n);
			if (body->framing != HTTP_TO_CLOSE)
				body->left -= n;
			progress = data_end(body);
		} else if (body->at == AT_TRAILER) {
			progress = trailer_feed(body, data + i, size - i, &n);
		} else {
			progress = framing_byte(body, data[i]);
		}
		i += n;
	}
	*used = i;
	return progress;
}
