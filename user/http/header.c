// SPDX-License-Identifier: Apache-2.0
#include "user/http/header.h"

#include <string.h>
#include <strings.h>

enum {
	AT_LINE,
	AT_NAME,
	AT_VALUE,
};

static const struct {
	const char *name;
	enum http_field field;
} known[] = {
	{"connection", HTTP_FIELD_CONNECTION},
	{"content-length", HTTP_FIELD_CONTENT_LENGTH},
	{"content-type", HTTP_FIELD_CONTENT_TYPE},
	{"expect", HTTP_FIELD_EXPECT},
	{"host", HTTP_FIELD_HOST},
	{"trailer", HTTP_FIELD_TRAILER},
	{"transfer-encoding", HTTP_FIELD_TRANSFER_ENCODING},
	{"upgrade", HTTP_FIELD_UPGRADE},
};

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool http_is_token(uint8_t c)
{
	return is_alphanumeric(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* validHostByte of golang.org/x/net/http/httpguts */
static bool is_host(uint8_t c)
{
	return is_alphanumeric(c) || (c && strchr("!$%&()*+,-.:;=['_]~", c));
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_control(uint8_t c)
{
	return (c < ' ' && c != '\t') || c == 0x7f;
}

void http_header_begin(struct http_header *header)
{
	memset(header, 0, sizeof(*header));
}

static bool text_is(const char *text, size_t size, const char *want)
{
	return size == strlen(want) && strncasecmp(text, want, size) == 0;
}

/* Text longer than its room counts on, and so is like nothing that it is compared with. */
static void text_put(char *text, size_t room, size_t *size, uint8_t c)
{
	if (*size < room)
		text[*size] = (char)c;
	if (*size <= room)
		(*size)++;
}

static bool word_is(const struct http_header *header, const char *want)
{
	return text_is(header->word, header->word_size, want);
}

/* Go's hasToken(): blanks and commas part words. */
static void word_end(struct http_header *header)
{
	if (!header->in_word)
		return;
	header->in_word = false;
	if (!header->first)
		return;
	if (header->field == HTTP_FIELD_CONNECTION) {
		header->close_first |= word_is(header, "close");
		header->keep_alive_first |= word_is(header, "keep-alive");
	} else if (header->field == HTTP_FIELD_EXPECT) {
		header->expect_continue |= word_is(header, "100-continue");
	}
}

/* An element of a list: commas alone part them. */
static void element_end(struct http_header *header)
{
	word_end(header);
	if (header->words == 1 && header->field == HTTP_FIELD_CONNECTION)
		header->close_any |= word_is(header, "close");
	if (header->words == 1 && header->field == HTTP_FIELD_TRAILER)
		header->trailer_bad |= word_is(header, "transfer-encoding") ||
				       word_is(header, "trailer") ||
				       word_is(header, "content-length");
	header->words = 0;
}

static void list_put(struct http_header *header, uint8_t c)
{
	if (c == ',') {
		element_end(header);
	} else if (is_blank(c)) {
		word_end(header);
	} else {
		if (!header->in_word) {
			header->in_word = true;
			header->words++;
			header->word_size = 0;
		}
		text_put(header->word, sizeof(header->word), &header->word_size, c);
	}
}

static void number_put(struct http_header *header, uint8_t c)
{
	uint64_t digit = c - '0';

	/* textproto.TrimString() takes CR for a blank too. */
	if (is_blank(c) || c == '\r') {
		header->number_end = header->digits > 0;
		return;
	}
	if (c < '0' || c > '9' || header->number_end) {
		header->number_bad = true;
		header->digits++;
		return;
	}
	header->digits++;
	if (header->number > ((uint64_t)INT64_MAX - digit) / 10)
		header->number_bad = true;
	else
		header->number = header->number * 10 + digit;
}

static void copy_put(char *out, size_t max, size_t at, uint8_t c)
{
	if (at < max)
		out[at] = (char)c;
}

static void value_put(struct http_header *header, uint8_t c)
{
	switch (header->field) {
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_EXPECT:
	case HTTP_FIELD_TRAILER:
		list_put(header, c);
		break;
	case HTTP_FIELD_CONTENT_LENGTH:
		number_put(header, c);
		break;
	case HTTP_FIELD_TRANSFER_ENCODING:
		text_put(header->word, sizeof(header->word), &header->word_size, c);
		break;
	case HTTP_FIELD_HOST:
		header->host_bad |= !is_host(c);
		break;
	case HTTP_FIELD_CONTENT_TYPE:
		if (header->first)
			copy_put(header->content_type, HTTP_TYPE_MAX, header->value_size, c);
		break;
	case HTTP_FIELD_UPGRADE:
		if (header->first)
			copy_put(header->upgrade, HTTP_UPGRADE_MAX, header->value_size, c);
		break;
	default:
		break;
	}
	header->value_size++;
	if (!is_control(c))
		return;
	/* What Go drops before it looks at values, or does not see as one. */
	if (header->field == HTTP_FIELD_TRAILER)
		header->trailer_control = true;
	else if (header->field == HTTP_FIELD_CONTENT_LENGTH)
		header->length_control = true;
	else if (header->field != HTTP_FIELD_TRANSFER_ENCODING &&
		 header->field != HTTP_FIELD_NAMELESS)
		header->value_bad = true;
}

static void value_byte(struct http_header *header, uint8_t c)
{
	if (is_blank(c)) {
		/* Those at both ends of a line do not count. */
		header->blanks += !header->lead;
		return;
	}
	for (; header->blanks > 0; header->blanks--)
		value_put(header, ' ');
	header->lead = false;
	value_put(header, c);
}

static void value_begin(struct http_header *header)
{
	header->field = HTTP_FIELD_OTHER;
	if (header->name_size == 0)
		header->field = HTTP_FIELD_NAMELESS;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (text_is(header->name, header->name_size, known[i].name))
			header->field = known[i].field;

	header->first = header->seen[header->field]++ == 0;
	header->number = header->digits = 0;
	header->number_bad = header->number_end = false;
	header->in_word = false;
	header->words = 0;
	header->word_size = header->value_size = header->blanks = 0;
	header->lead = true;
}

static void value_end(struct http_header *header)
{
	switch (header->field) {
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_TRAILER:
		element_end(header);
		break;
	case HTTP_FIELD_EXPECT:
		word_end(header);
		if (header->first)
			header->expect_set = header->value_size > 0;
		break;
	case HTTP_FIELD_CONTENT_LENGTH:
		if (!header->first &&
		    (header->digits != header->length_digits || header->number != header->length))
			header->length_bad = true;
		header->length_bad |= header->number_bad;
		header->length = header->number;
		header->length_digits = header->digits;
		break;
	case HTTP_FIELD_TRANSFER_ENCODING:
		if (header->first)
			header->chunked = word_is(header, "chunked");
		break;
	default:
		break;
	}
	header->field = HTTP_FIELD_OTHER;
}

static enum http_progress line_byte(struct http_header *header, uint8_t c)
{
	switch (header->at) {
	case AT_LINE:
		if (is_blank(c)) {
			if (!header->any_line)
				return HTTP_BAD;
			/* Folded: one blank stands for the break, unless the value begins here. */
			if (header->value_size > 0)
				value_put(header, ' ');
			header->lead = true;
			header->at = AT_VALUE;
			break;
		}
		value_end(header);
		header->name_size = 0;
		header->at = AT_NAME;
		/* fall through */
	case AT_NAME:
		if (c == ':') {
			header->at = AT_VALUE;
			value_begin(header);
			break;
		}
		header->name_bad |= !http_is_token(c);
		text_put(header->name, sizeof(header->name), &header->name_size, c);
		break;
	default:
		value_byte(header, c);
		break;
	}
	return HTTP_MORE;
}

static enum http_progress line_end(struct http_header *header)
{
	switch (header->at) {
	case AT_LINE:
		value_end(header);
		return HTTP_END;
	case AT_NAME:
		return HTTP_BAD;
	default:
		header->blanks = 0;
		header->any_line = true;
		header->at = AT_LINE;
		return HTTP_MORE;
	}
}

enum http_progress http_header_feed(struct http_header *header, const uint8_t *data, size_t size,
				    size_t *used)
{
	enum http_progress progress = HTTP_MORE;
	size_t i = 0;

	for (; i < size && progress == HTTP_MORE; i++) {
		uint8_t c = data[i];

		/* A CR belongs to the line unless an LF follows. */
		if (header->cr && c != '\n')
			progress = line_byte(header, '\r');
		header->cr = c == '\r';
		if (progress != HTTP_MORE || header->cr)
			continue;
		progress = c == '\n' ? line_end(header) : line_byte(header, c);
	}
	*used = i;
	return progress;
}
