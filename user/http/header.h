/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HTTP_HEADER_H
#define DOCKSNOOP_HTTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_TYPE_MAX	 127
#define HTTP_UPGRADE_MAX 31

enum http_progress {
	HTTP_MORE, /* all bytes were used, and it goes on */
	HTTP_END,
	HTTP_BAD,
};

enum http_field {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_NAMELESS, /* ": x", which Go skips */
	HTTP_FIELD_CONNECTION,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_HOST,
	HTTP_FIELD_TRAILER,
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_UPGRADE,
};

/*
 * A block of header lines up to its blank line, byte by byte, in constant memory,
 * as textproto.Reader.ReadMIMEHeader reads it: lines end in LF or CR LF, one that
 * begins with a blank continues the one before. It notes what framing needs, two
 * values, and whether Go would object; all other values it forgets at once, which
 * is how credentials never get anywhere.
 */
struct http_header {
	/* Content-Length: two are the same text where number and digits are the same. */
	bool length_bad;		/* no number of 63 bits, or two that differ */
	uint64_t length, length_digits; /* without digits it is as if there were none */

	bool chunked;  /* the first Transfer-Encoding is exactly that */
	bool host_bad; /* httpguts.ValidHostHeader */

	/* Connection: words of the first, as Go's hasToken() sees them; elements of any. */
	bool close_first, keep_alive_first, close_any;

	bool expect_set, expect_continue; /* the first */
	bool trailer_bad;		  /* announces what must not be in a trailer */

	/* httpguts.ValidHeaderFieldName, ValidHeaderFieldValue; two apart that Go may drop before */
	bool name_bad, value_bad, length_control, trailer_control;

	char content_type[HTTP_TYPE_MAX + 1];
	char upgrade[HTTP_UPGRADE_MAX + 1];
	unsigned int seen[HTTP_FIELD_UPGRADE + 1]; /* how many of each */

	/* Where it is. */
	uint8_t at, field;
	bool cr, any_line, first, lead, in_word;
	bool number_bad, number_end;
	unsigned int words;
	uint64_t number, digits;
	size_t blanks, value_size, name_size, word_size;
	char name[24], word[24];
};

void http_header_begin(struct http_header *header);
/* @used is always set. HTTP_BAD: Go gives up at this line. */
enum http_progress http_header_feed(struct http_header *header, const uint8_t *data, size_t size,
				    size_t *used);

/* RFC 9110, 5.6.2: a byte of a token. */
bool http_is_token(uint8_t c);

#endif
