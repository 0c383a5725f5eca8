/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FUZZ_INPUT_H
#define DOCKSNOOP_FUZZ_INPUT_H

/* What a target makes of libFuzzer's bytes, and how it says that something is wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(3), which NDEBUG cannot take away. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct input {
	const uint8_t *data;
	size_t size;
};

static inline uint8_t input_byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

/*
 * The bytes up to the next @end, which is passed over, or all that are left; a NUL follows
 * them. malloc'd, and of its own size, so that reading beyond it is seen.
 */
static inline char *input_part(struct input *in, uint8_t end, size_t *len)
{
	const uint8_t *at = in->size ? memchr(in->data, end, in->size) : NULL;
	size_t n = at ? (size_t)(at - in->data) : in->size;
	char *part = malloc(n + 1);

	CHECK(part);
	if (n)
		memcpy(part, in->data, n);
	part[n] = '\0';
	in->data += at ? n + 1 : n;
	in->size -= at ? n + 1 : n;
	if (len)
		*len = n;
	return part;
}

/* A text to be printed has @lines lines, and nothing that a terminal would take for an order. */
static inline void check_printable(const char *text, size_t lines)
{
	CHECK(text);
	for (const char *c = text; *c; c++) {
		CHECK(((unsigned char)*c >= ' ' && *c != 0x7f) || *c == '\n');
		CHECK(*c != '\n' || lines-- > 0);
	}
}

/* A line of JSON is read on terminals too, and is ASCII. */
static inline void check_json_line(const char *line)
{
	CHECK(line);
	for (const char *c = line; *c; c++)
		CHECK((unsigned char)*c >= ' ' && (unsigned char)*c < 0x80);
}

#endif
