// SPDX-License-Identifier: Apache-2.0
#include "user/http/line.h"

#include <stdlib.h>
#include <string.h>

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

void http_line_begin(struct http_line *line, bool searching)
{
	line->searching = searching;
	line->cr = line->bad = line->http2 = false;
	line->words = line->version = 0;
	line->method[0] = '\0';
	line->method_size = line->size = 0;
	word_clear(&line->target);
	word_clear(&line->word);
}

void http_line_free(struct http_line *line)
{
	free(line->target.data);
	free(line->word.data);
	memset(line, 0, sizeof(*line));
}

const struct http_word *http_line_target(const struct http_line *line)
{
	return line->words >= 2 ? &line->target : &line->word;
}

static void method_put(struct http_line *line, uint8_t c)
{
	bool token = http_is_token(c);

	line->bad |= !token && !line->searching;
	/* In a search, what does not belong to a token may have been in front of it. */
	if (!token && line->searching) {
		line->method_size = 0;
		line->method[0] = '\0';
		return;
	}
	if (line->method_size == HTTP_METHOD_MAX && line->searching) {
		line->method_size /= 2;
		memmove(line->method, line->method + line->method_size,
			HTTP_METHOD_MAX - line->method_size);
	}
	if (line->method_size == HTTP_METHOD_MAX)
		return;
	line->method[line->method_size++] = (char)c;
	line->method[line->method_size] = '\0';
}

/* A word of the line has ended. In a search, the last two may be a method and its target. */
static void line_blank(struct http_line *line)
{
	struct http_word ended = line->word;

	line->words++;
	if (line->words > 2 && !line->searching) {
		line->bad = true;
		return;
	}
	if (line->words > 2) {
		line->method_size = 0;
		line->method[0] = '\0';
		for (size_t i = 0; i < line->target.size; i++)
			method_put(line, (uint8_t)line->target.data[i]);
	}
	if (line->words > 1) {
		line->word = line->target;
		line->target = ended;
	}
	word_clear(&line->word);
}

static void line_byte(struct http_line *line, uint8_t c)
{
	if (c == ' ')
		line_blank(line);
	else if (line->words == 0)
		method_put(line, c);
	else
		word_put(&line->word, c);
}

/* http.ParseHTTPVersion(), and what Go serves: HTTP/1.x, and one of HTTP/2. */
static bool version_parse(struct http_line *line)
{
	const struct http_word *word = &line->word;
	unsigned int version = 0;

	if (word->size != 8 || word->cut || memcmp(word->data, "HTTP/", 5) != 0 ||
	    word->data[6] != '.' || word->data[5] < '0' || word->data[5] > '9' ||
	    word->data[7] < '0' || word->data[7] > '9')
		return false;
	version = (unsigned int)(word->data[5] - '0') * 10 + (unsigned int)(word->data[7] - '0');
	line->http2 = version == 20 && strcmp(line->method, "PRI") == 0 && line->target.size == 1 &&
		      line->target.data[0] == '*';
	line->version = version;
	return version / 10 == 1 || line->http2;
}

/* Where a method begins within a word is not known: its capitals at the end, if there are any. */
static void method_guess(struct http_line *line)
{
	size_t from = line->method_size;

	while (from > 0 && line->method[from - 1] >= 'A' && line->method[from - 1] <= 'Z')
		from--;
	if (from == line->method_size)
		return;
	memmove(line->method, line->method + from, line->method_size - from + 1);
	line->method_size -= from;
}

/* For as much as is kept of it; an escape that was cut is no offence. */
static bool target_parse(const struct http_line *line)
{
	const struct http_word *target = &line->target;
	size_t size = target->size;

	for (size_t i = 1; target->cut && i <= 2 && i <= target->size; i++)
		if (target->data[target->size - i] == '%')
			size = target->size - i;
	return http_target_valid(line->method, size ? target->data : "", size);
}

static bool line_valid(struct http_line *line)
{
	bool valid = line->words >= 2 && !line->bad && line->method_size > 0 &&
		     version_parse(line) && target_parse(line);

	/* HTTP/2 begins with a connection; believed elsewhere, it would hide the rest of it. */
	if (line->searching)
		valid &= !line->http2;
	if (line->searching && valid)
		method_guess(line);
	return valid;
}

enum http_progress http_line_feed(struct http_line *line, uint64_t time_ns, const uint8_t *data,
				  size_t size, size_t *used)
{
	size_t i = 0;

	for (; i < size; i++) {
		uint8_t c = data[i];

		if (line->size++ == 0)
			line->time_ns = time_ns;
		/* A CR belongs to the line unless an LF follows. */
		if (line->cr && c != '\n')
			line_byte(line, '\r');
		line->cr = c == '\r';
		if (c == '\n') {
			*used = i + 1;
			return line_valid(line) ? HTTP_END : HTTP_BAD;
		}
		if (!line->cr)
			line_byte(line, c);
	}
	*used = i;
	return HTTP_MORE;
}
