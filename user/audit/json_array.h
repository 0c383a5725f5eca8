/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_JSON_ARRAY_H
#define DOCKSNOOP_AUDIT_JSON_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Does the text begin as a JSON array? */
bool json_array_is(const char *text, size_t len);

/*
 * Take a large array apart: @fn gets some of its elements at a time, as an array of their
 * own, with the line that it begins in; so that what they become in memory never is there
 * as a whole. @piece: from how many bytes on it is enough. Not 0 stops, and is returned;
 * -EINVAL when the array does not end; -ENOMEM.
 */
typedef int (*json_piece_fn)(void *ctx, const char *text, size_t len, unsigned int first_line);
int json_array_each(const char *text, size_t len, size_t piece, json_piece_fn fn, void *ctx);

#endif
