// SPDX-License-Identifier: Apache-2.0
#include "user/audit/json_array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"

bool json_array_is(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]))
		i++;
	return i < len && text[i] == '[';
}

/* Behind the string that begins at @p. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

/* The ',' or ']' that ends the element at @p; @end when there is none. */
static const char *element_end(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = string_end(p, end);
			continue;
		}
		if (!depth && (*p == ',' || *p == ']'))
			return p;
		depth += *p == '[' || *p == '{';
		depth -= depth && (*p == ']' || *p == '}');
		p++;
	}
	return end;
}

static unsigned int lines_in(const char *from, const char *to)
{
	unsigned int n = 0;

	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

static int piece_hand(const char *from, const char *to, unsigned int line, json_piece_fn fn,
		      void *ctx)
{
	size_t len = (size_t)(to - from);
	AUTO_FREE char *piece = malloc(len + 3);

	if (!piece)
		return -ENOMEM;
	piece[0] = '[';
	memcpy(piece + 1, from, len);
	piece[len + 1] = ']';
	piece[len + 2] = '\0';
	return fn(ctx, piece, len + 2, line);
}

int json_array_each(const char *text, size_t len, size_t piece, json_piece_fn fn, void *ctx)
{
	const char *end = text + len;
	const char *from = (const char *)memchr(text, '[', len) + 1;
	unsigned int line = 1 + lines_in(text, from);
	int err = 0;

	for (const char *p = from; !err;) {
		const char *stop = element_end(p, end);

		if (stop == end)
			return -EINVAL;
		if (*stop == ']' || (size_t)(stop - from) >= piece) {
			err = piece_hand(from, stop, line, fn, ctx);
			line += lines_in(from, stop);
			from = stop + 1;
		}
		if (*stop == ']')
			break;
		p = stop + 1;
	}
	return err;
}
