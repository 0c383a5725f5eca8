// SPDX-License-Identifier: Apache-2.0
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "user/util/text.h"

/* Output that keeps counting when it is full, and then never takes a later, shorter piece. */
struct sink {
	char *out;
	size_t size;
	size_t used;
	size_t total;
	bool full;
};

static void sink_put(struct sink *sink, const char *piece, size_t len)
{
	sink->total += len;
	if (sink->full || sink->size - sink->used <= len) {
		sink->full = true;
		return;
	}
	memcpy(sink->out + sink->used, piece, len);
	sink->used += len;
}

static struct sink sink_open(char *out, size_t size)
{
	return (struct sink){.out = out, .size = size, .full = size == 0};
}

static size_t sink_close(struct sink *sink)
{
	if (sink->size)
		sink->out[sink->used] = '\0';
	return sink->total;
}

/*
 * The well-formed byte sequences of Unicode 15, table 3-7: what the lead byte
 * allows as second byte; all later ones are 80..BF.
 */
static const struct {
	uint8_t first, last;
	uint8_t second_min, second_max;
	uint8_t len;
	uint8_t mask; /* the payload bits of the lead byte */
} utf8_forms[] = {
	{0x00, 0x7f, 0, 0, 1, 0x7f},	   {0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f},
	{0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f}, {0xe1, 0xec, 0x80, 0xbf, 3, 0x0f},
	{0xed, 0xed, 0x80, 0x9f, 3, 0x0f}, {0xee, 0xef, 0x80, 0xbf, 3, 0x0f},
	{0xf0, 0xf0, 0x90, 0xbf, 4, 0x07}, {0xf1, 0xf3, 0x80, 0xbf, 4, 0x07},
	{0xf4, 0xf4, 0x80, 0x8f, 4, 0x07},
};

/*
 * Look at the sequence at the start of @in (@len > 0). Returns how many bytes
 * belong together: a character, with its number in *code, or else the maximal
 * subpart of one, with *code -1.
 */
static size_t utf8_next(const uint8_t *in, size_t len, int32_t *code)
{
	*code = -1;
	for (size_t f = 0; f < sizeof(utf8_forms) / sizeof(utf8_forms[0]); f++) {
		uint8_t min = utf8_forms[f].second_min;
		uint8_t max = utf8_forms[f].second_max;
		int32_t value = 0;

		if (in[0] < utf8_forms[f].first || in[0] > utf8_forms[f].last)
			continue;
		value = in[0] & utf8_forms[f].mask;
		for (size_t i = 1; i < utf8_forms[f].len; i++) {
			if (i == len || in[i] < min || in[i] > max)
				return i;
			value = value << 6 | (in[i] & 0x3f);
			min = 0x80;
			max = 0xbf;
		}
		*code = value;
		return utf8_forms[f].len;
	}
	return 1;
}

size_t text_utf8_span(const char *in, size_t len)
{
	size_t i = 0;

	while (i < len) {
		int32_t code = 0;
		size_t step = utf8_next((const uint8_t *)in + i, len - i, &code);

		if (code < 0)
			break;
		i += step;
	}
	return i;
}

static bool turns_or_breaks_text(int32_t code)
{
	return code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

size_t text_escape(char *out, size_t size, const char *in, size_t len)
{
	struct sink sink = sink_open(out, size);

	for (size_t i = 0, step = 0; i < len; i += step) {
		char piece[16] = "";
		int32_t code = 0;

		step = utf8_next((const uint8_t *)in + i, len - i, &code);
		if (code == '\n') {
			sink_put(&sink, "\\n", 2);
		} else if (code == '\t') {
			sink_put(&sink, "\\t", 2);
		} else if (code == '\r') {
			sink_put(&sink, "\\r", 2);
		} else if (code == '\\') {
			sink_put(&sink, "\\\\", 2);
		} else if (turns_or_breaks_text(code)) {
			snprintf(piece, sizeof(piece), "\\u{%04X}", (unsigned int)code);
			sink_put(&sink, piece, strlen(piece));
		} else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
			for (size_t b = 0; b < step; b++) {
				snprintf(piece, sizeof(piece), "\\x%02x", (uint8_t)in[i + b]);
				sink_put(&sink, piece, 4);
			}
		} else {
			sink_put(&sink, in + i, step);
		}
	}
	return sink_close(&sink);
}

size_t text_utf8(char *out, size_t size, const char *in, size_t len)
{
	struct sink sink = sink_open(out, size);

	for (size_t i = 0, step = 0; i < len; i += step) {
		int32_t code = 0;

		step = utf8_next((const uint8_t *)in + i, len - i, &code);
		if (code < 0)
			sink_put(&sink, "\xef\xbf\xbd", 3);
		else
			sink_put(&sink, in + i, step);
	}
	return sink_close(&sink);
}

static bool is_octal(char c, char max)
{
	return c >= '0' && c <= max;
}

void text_unescape_octal(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s[1], '3') && is_octal(s[2], '7') &&
		    is_octal(s[3], '7') && memcmp(s + 1, "000", 3) != 0) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}
