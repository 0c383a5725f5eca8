// SPDX-License-Identifier: Apache-2.0
/* Bytes made fit to be shown, paths cleaned, and globs: a pattern, a NUL, a text. */
#include <jansson.h>

#include "input.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/glob.h"
#include "user/util/text.h"

#define ROOM 64

static void bytes_look(const uint8_t *data, size_t size)
{
	size_t whole = text_escape(NULL, 0, (const char *)data, size);
	size_t valid = text_utf8(NULL, 0, (const char *)data, size);
	AUTO_FREE char *escaped = malloc(whole + 1);
	AUTO_FREE char *utf8 = malloc(valid + 1);
	char cut[ROOM];
	json_t *json = NULL;

	CHECK(escaped && utf8);
	CHECK(text_escape(escaped, whole + 1, (const char *)data, size) == whole);
	CHECK(strlen(escaped) == whole);
	check_printable(escaped, 0);
	CHECK(text_escape(cut, sizeof(cut), (const char *)data, size) == whole);
	CHECK(!strncmp(cut, escaped, strlen(cut)));
	CHECK(text_utf8(utf8, valid + 1, (const char *)data, size) == valid && !utf8[valid]);
	json = json_stringn(utf8, valid);
	CHECK(json);
	json_decref(json);
	CHECK(text_utf8(cut, sizeof(cut), (const char *)data, size) == valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	AUTO_FREE char *pattern = NULL;
	AUTO_FREE char *text = NULL;
	char clean[ROOM], again[ROOM];
	static char whole[8192];

	bytes_look(data, size);
	pattern = input_part(&in, '\0', NULL);
	text = input_part(&in, '\0', NULL);
	CHECK(glob_overlaps(pattern, text) == glob_overlaps(text, pattern));
	if (glob_matches(pattern, text) && glob_is_plain(text))
		CHECK(glob_overlaps(pattern, text));
	(void)glob_matches_path(pattern, text);
	path_clean(pattern, clean, sizeof(clean));
	path_clean(clean, again, sizeof(again));
	CHECK(clean[0] == '/' && !strcmp(clean, again));
	CHECK(path_after(clean, "/"));
	/* What fits is the same whatever room there was on the way. */
	path_clean(pattern, whole, sizeof(whole));
	CHECK(strlen(whole) > ROOM - 2 || !strcmp(clean, whole));
	text_unescape_octal(text);
	return 0;
}
