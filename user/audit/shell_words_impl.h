/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_SHELL_WORDS_IMPL_H
#define DOCKSNOOP_AUDIT_SHELL_WORDS_IMPL_H

/* What the parts of reading a shell's text share; nobody else's. */

#include <stdio.h>

#include "user/audit/shell_variables.h"
#include "user/audit/shell_words.h"

#define SHELL_DEPTH_MAX 16
#define HEREDOC_MAX	8

struct shell_reader {
	shell_command_fn fn;
	void *ctx;
	struct shell_variables *variables;
	int depth;
	size_t work;
};

/* A place in a text, and the word that is being put together. */
struct cursor {
	struct shell_reader *reader;
	const char *p;
	const char *end;
	unsigned int line;
	struct shell_command command;
	char *text;
	size_t text_len;
	FILE *text_out;
	char *raw;
	size_t raw_len;
	FILE *raw_out;
	unsigned int word_line;
	bool word; /* there is one, be it empty */
	bool quoted;
	bool split;   /* it is a piece of a variable's value */
	bool array;   /* in NAME=( … ) */
	bool nothing; /* it is, or has, an array without words: alone it is no word */
	bool target;  /* the next word is a redirection's: no argument */
	struct {
		char *delimiter;
		bool tabs;
	} heredocs[HEREDOC_MAX];
	size_t heredoc_count;
	int err;
};

/* A byte as it is written. */
void shell_put(struct cursor *c, char byte);
/* The word is over. */
void shell_word_end(struct cursor *c);

/* shell_expand.c: at a '$', at a '`'. */
void shell_dollar(struct cursor *c, bool quoted);
void shell_backquote(struct cursor *c);

#endif
