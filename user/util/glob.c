// SPDX-License-Identifier: Apache-2.0
#include "user/util/glob.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"

bool glob_matches(const char *glob, const char *text)
{
	return !fnmatch(glob, text, 0);
}

bool glob_is_plain(const char *glob)
{
	return !strpbrk(glob, "*?[\\");
}

/* --- do two of them meet? --------------------------------------------------------------------- */

/* One element of a glob: its length in *len; 0 for any single character, -1 for '*'. */
static int element_at(const char *glob, size_t *len)
{
	const char *end = NULL;

	*len = 1;
	if (*glob == '*')
		return -1;
	if (*glob == '?')
		return 0;
	if (*glob == '\\' && glob[1]) {
		*len = 2;
		return (unsigned char)glob[1];
	}
	if (*glob == '[' && glob[1]) {
		end = strchr(glob + 2, ']');
		if (end) {
			*len = (size_t)(end - glob) + 1;
			return 0;
		}
	}
	return (unsigned char)*glob;
}

/* Its elements, of which there are at most as many as characters; NULL without memory. */
static int *elements_of(const char *glob, size_t *count)
{
	int *list = calloc(strlen(glob) + 1, sizeof(*list));
	size_t len = 0;

	*count = 0;
	for (; list && *glob; glob += len)
		list[(*count)++] = element_at(glob, &len);
	return list;
}

/*
 * From each pair of places that both can have come to, where they can go on to; a row
 * at a time, so that it takes neither a deep stack nor a table of all pairs.
 */
bool glob_overlaps(const char *a, const char *b)
{
	size_t rows = 0, columns = 0;
	AUTO_FREE int *x = elements_of(a, &rows);
	AUTO_FREE int *y = elements_of(b, &columns);
	AUTO_FREE bool *now = calloc(columns + 1, sizeof(*now));
	AUTO_FREE bool *next = calloc(columns + 1, sizeof(*next));

	if (!x || !y || !now || !next)
		return true;
	now[0] = true;
	for (size_t i = 0;; i++) {
		for (size_t j = 0; j <= columns; j++) {
			bool more_x = i < rows, more_y = j < columns;

			if (!now[j])
				continue;
			if ((more_x && x[i] == -1) || (more_y && y[j] == -1)) {
				next[j] = next[j] || more_x;
				if (more_y)
					now[j + 1] = true;
			} else if (more_x && more_y && (!x[i] || !y[j] || x[i] == y[j])) {
				next[j + 1] = true;
			}
		}
		if (i == rows)
			return now[columns];
		memcpy(now, next, (columns + 1) * sizeof(*now));
		memset(next, 0, (columns + 1) * sizeof(*next));
	}
}

/* --- paths ------------------------------------------------------------------------------------ */

static bool part_matches(const char *pattern, size_t pattern_len, const char *part, size_t len)
{
	AUTO_FREE char *p = strndup(pattern, pattern_len);
	AUTO_FREE char *t = strndup(part, len);

	return p && t && !fnmatch(p, t, 0);
}

/*
 * What a "**" stands for is made longer only until the next one is reached: whatever that
 * one can then stand for, it could have with more before it. So many of them, and a path
 * that somebody made long for it, take no longer than one.
 */
bool glob_matches_path(const char *pattern, const char *path)
{
	const char *star = NULL; /* behind the last "**" */
	const char *rest = NULL; /* behind what it stands for now */

	for (;;) {
		if (*pattern == '/' && *path == '/') {
			size_t pattern_len = strcspn(pattern + 1, "/");
			size_t len = strcspn(path + 1, "/");
			bool stars = pattern_len == 2 && !strncmp(pattern + 1, "**", 2);

			if (stars || part_matches(pattern + 1, pattern_len, path + 1, len)) {
				pattern += 1 + pattern_len;
				path += 1 + len;
				star = stars ? pattern : star;
				rest = stars ? path : rest;
				continue;
			}
		} else if (!*pattern && !*path) {
			return true;
		}
		if (!star || *rest != '/')
			return false;
		rest += 1 + strcspn(rest + 1, "/");
		pattern = star;
		path = rest;
	}
}
