/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_JSONC_H
#define DOCKSNOOP_AUDIT_JSONC_H

#include <stddef.h>

/*
 * Make JSON of JSON with comments, as editors and dev containers write it, in place:
 * comments, and commas before a closing bracket, become blanks, so that all stays where
 * it was.
 */
void jsonc_plain(char *text, size_t len);

#endif
