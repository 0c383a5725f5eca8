/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TEXT_H
#define DOCKSNOOP_TEXT_H

#include <stddef.h>

/*
 * Bytes that another process chose, made fit to be shown. Both write at most
 * @size bytes including the NUL that is always written (when @size > 0), cut
 * only between whole characters or escapes, and return the length the whole
 * result would have had, as snprintf(3) does.
 *
 * text_escape(): for a terminal and for a line of text. Control bytes (C0, DEL,
 * C1), backslash, and bytes that are not UTF-8 (RFC 3629) come out as \n, \t,
 * \r, \\ or \xNN; so do the characters that turn the direction of text or
 * break lines (U+2028, U+2029, U+200E, U+200F, U+202A to U+202E, U+2066 to
 * U+2069), as \u{XXXX}. A NUL inside @in comes out as \x00.
 *
 * text_utf8(): for JSON. Bytes that are not UTF-8 come out as U+FFFD, one for
 * each maximal subpart (Unicode 15, section 3.9); the rest is left as it is,
 * JSON's own escapes being the writer's work. A NUL inside @in comes out as
 * U+0000 of one byte, so the result is to be used with its length.
 */
size_t text_escape(char *out, size_t size, const char *in, size_t len);
size_t text_utf8(char *out, size_t size, const char *in, size_t len);

/* How many bytes of @in there are before the first that is not UTF-8; @len: all are. */
size_t text_utf8_span(const char *in, size_t len);

/*
 * Undo in place what seq_path() of fs/seq_file.c does to paths in mountinfo: \040
 * and its like. Other backslashes stay.
 */
void text_unescape_octal(char *s);

#endif
