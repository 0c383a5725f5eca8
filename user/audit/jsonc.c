// SPDX-License-Identifier: Apache-2.0
#include "user/audit/jsonc.h"

#include <stdbool.h>
#include <string.h>

static void blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Behind the comment that begins at @p; @p itself: there is none. */
static char *comment_end(char *p, char *end)
{
	if (end - p < 2 || *p != '/')
		return p;
	if (p[1] == '/') {
		char *eol = memchr(p, '\n', (size_t)(end - p));

		return eol ? eol : end;
	}
	if (p[1] != '*')
		return p;
	for (char *q = p + 2; q + 1 < end; q++)
		if (q[0] == '*' && q[1] == '/')
			return q + 2;
	return end;
}

void jsonc_plain(char *text, size_t len)
{
	char *end = text + len;
	char *comma = NULL; /* that nothing has followed yet */

	for (char *p = text; p < end; p++) {
		char *behind = comment_end(p, end);

		if (behind > p) {
			blank(p, behind);
			p = behind - 1;
		} else if (*p == '"') {
			for (p++; p < end && *p != '"'; p++)
				p += *p == '\\';
			comma = NULL;
		} else if (*p == ',') {
			comma = comma ? NULL : p; /* two are none of an editor's */
		} else if ((*p == '}' || *p == ']') && comma) {
			*comma = ' ';
			comma = NULL;
		} else if (!strchr(" \t\r\n", *p)) {
			comma = NULL;
		}
	}
}
