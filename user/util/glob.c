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

/* Every pair of places once: without a memory of them two rows of stars take for ever. */
static bool overlap_at(const char *a, const char *b, size_t i, size_t j, size_t width, bool *seen)
{
	size_t alen = 0, blen = 0;
	int x, y;

	if (seen[i * width + j])
		return false;
	seen[i * width + j] = true;
	if (!a[i] && !b[j])
		return true;
	x = a[i] ? element_at(a + i, &alen) : -2;
	y = b[j] ? element_at(b + j, &blen) : -2;
	if (x == -1 && overlap_at(a, b, i + alen, j, width, seen))
		return true;
	if (y == -1 && overlap_at(a, b, i, j + blen, width, seen))
		return true;
	if (x == -1)
		return y != -2 && overlap_at(a, b, i, j + blen, width, seen);
	if (y == -1)
		return x != -2 && overlap_at(a, b, i + alen, j, width, seen);
	if (x == -2 || y == -2 || (x && y && x != y))
		return false;
	return overlap_at(a, b, i + alen, j + blen, width, seen);
}

bool glob_overlaps(const char *a, const char *b)
{
	size_t width = strlen(b) + 1;
	AUTO_FREE bool *seen = calloc(strlen(a) + 1, width);

	return !seen || overlap_at(a, b, 0, 0, width, seen);
}

/* --- paths ------------------------------------------------------------------------------------ */

static bool part_matches(const char *pattern, size_t pattern_len, const char *part, size_t len)
{
	AUTO_FREE char *p = strndup(pattern, pattern_len);
	AUTO_FREE char *t = strndup(part, len);

	return p && t && !fnmatch(p, t, 0);
}

bool glob_matches_path(const char *pattern, const char *path)
{
	size_t pattern_len, len;

	if (*pattern != '/' || *path != '/')
		return !*pattern && !*path;
	pattern++;
	path++;
	pattern_len = strcspn(pattern, "/");
	len = strcspn(path, "/");
	if (pattern_len == 2 && !strncmp(pattern, "**", 2)) {
		for (const char *rest = path + len;; rest += 1 + strcspn(rest + 1, "/")) {
			if (glob_matches_path(pattern + 2, rest))
				return true;
			if (!*rest)
				return false;
		}
	}
	return part_matches(pattern, pattern_len, path, len) &&
	       glob_matches_path(pattern + pattern_len, path + len);
}
