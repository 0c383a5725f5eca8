/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_GLOB_H
#define DOCKSNOOP_GLOB_H

#include <stdbool.h>

/* Globs as in fnmatch(3) without flags: '*' and '?' go over '/', '\' takes the next as it is. */

bool glob_matches(const char *glob, const char *text);

/* Is there nothing in it that stands for anything else? */
bool glob_is_plain(const char *glob);

/* Could one text match both? Sets in brackets count as any character. */
bool glob_overlaps(const char *a, const char *b);

/*
 * A path's parts against a pattern's, each a glob of its own; "**" stands for one part or
 * more: "/images/ ** /json" (without the blanks).
 */
bool glob_matches_path(const char *pattern, const char *path);

#endif
