/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_SHELL_WORDS_H
#define DOCKSNOOP_AUDIT_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A shell's text as lists of words (POSIX.1, XCU 2), without running anything: a variable
 * that was set to fixed words before has them, what else stands for something is
 * LEAD_UNKNOWN.
 */
struct shell_word {
	char *text;	   /* with values put in, without quotes */
	char *raw;	   /* as written, without quotes */
	unsigned int line; /* from 1 */
	bool open;	   /* wholly what is not known, and not in quotes: any number of words */
};

struct shell_command {
	struct shell_word *words;
	size_t count;
};

struct shell_reader;
typedef int (*shell_command_fn)(void *ctx, struct shell_reader *reader,
				const struct shell_command *command);

/* What variables hold stays from one text to the next. NULL without memory. */
struct shell_reader *shell_reader_new(shell_command_fn fn, void *ctx);
void shell_reader_free(struct shell_reader *reader); /* NULL is allowed */

/*
 * Hand each command to fn, those within substitutions and here-documents for shells
 * included. May be called from within fn. 0, -ENOMEM, or what fn returned.
 */
int shell_reader_read(struct shell_reader *reader, const char *text, size_t len,
		      unsigned int first_line);

#endif
