// SPDX-License-Identifier: Apache-2.0
#include "user/audit/shell_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/lead.h"
#include "user/audit/shell_words_impl.h"
#include "user/util/cleanup.h"

/* Substitutions are read again, within each other: bounded in all. */
#define WORK_MAX (64U << 20)

static void text_read(struct cursor *c);

/* --- words ------------------------------------------------------------------------------------ */

void shell_put(struct cursor *c, char byte)
{
	c->word = true;
	fputc(byte, c->text_out);
	fputc(byte, c->raw_out);
}

static void streams_open(struct cursor *c)
{
	c->text_out = open_memstream(&c->text, &c->text_len);
	c->raw_out = open_memstream(&c->raw, &c->raw_len);
	if (!c->text_out || !c->raw_out)
		c->err = -ENOMEM;
}

static void streams_close(struct cursor *c)
{
	if ((c->text_out && fclose(c->text_out)) || (c->raw_out && fclose(c->raw_out)))
		c->err = -ENOMEM;
	c->text_out = NULL;
	c->raw_out = NULL;
}

void shell_word_end(struct cursor *c)
{
	struct shell_command *command = &c->command;
	struct shell_word *more = NULL;
	struct shell_word *w = NULL;

	if (!c->word || c->err)
		return;
	streams_close(c);
	more = reallocarray(command->words, command->count + 1, sizeof(*more));
	if (c->err || !more) {
		c->err = -ENOMEM;
		if (more)
			command->words = more;
		streams_open(c);
		return;
	}
	command->words = more;
	w = &more[command->count++];
	*w = (struct shell_word){
		.text = c->text,
		.raw = c->raw,
		.line = c->word_line,
		.open = !c->quoted && c->text_len == 1 && *c->text == LEAD_UNKNOWN,
	};
	if (c->split) {
		free(w->raw);
		w->raw = strdup(w->text);
		for (char *p = w->raw; p && *p; p++)
			*p = *p == LEAD_UNKNOWN ? '?' : *p;
		if (!w->raw) {
			free(w->text);
			command->count--;
			c->err = -ENOMEM;
		}
	}
	c->text = NULL;
	c->raw = NULL;
	c->word = false;
	c->quoted = false;
	c->split = false;
	if (c->target || (c->nothing && !*w->text)) {
		c->target = false;
		command->count--;
		free(command->words[command->count].text);
		free(command->words[command->count].raw);
	}
	c->nothing = false;
	streams_open(c);
}

/* "<name>", as documentation has it: something that is to be put in. */
static const char *placeholder_end(const struct cursor *c)
{
	const char *p = c->p + 1;

	if (*c->p != '<' || p == c->end || !isalpha((unsigned char)*p))
		return NULL;
	while (p < c->end && (isalnum((unsigned char)*p) || strchr("_-.:/", *p)))
		p++;
	return p < c->end && *p == '>' ? p + 1 : NULL;
}

static void placeholder(struct cursor *c, const char *end)
{
	c->word = true;
	fputc(LEAD_UNKNOWN, c->text_out);
	fwrite(c->p, 1, (size_t)(end - c->p), c->raw_out);
	c->p = end;
}

/* "2" of "2>&1" is no word of its own. */
static void redirection(struct cursor *c)
{
	fflush(c->text_out);
	c->target = c->word && !c->quoted && strspn(c->text, "0123456789") == c->text_len;
	shell_word_end(c);
	while (c->p < c->end && strchr("<>&|", *c->p))
		c->p++;
	c->target = true;
}

static void command_clear(struct shell_command *command)
{
	for (size_t i = 0; i < command->count; i++) {
		free(command->words[i].text);
		free(command->words[i].raw);
	}
	free(command->words);
	*command = (struct shell_command){0};
}

static void command_end(struct cursor *c)
{
	struct shell_reader *r = c->reader;

	shell_word_end(c);
	c->target = false;
	if (!c->err && c->command.count) {
		c->err = shell_variables_take(r->variables, &c->command);
		if (!c->err)
			c->err = r->fn(r->ctx, r, &c->command);
	}
	command_clear(&c->command);
}

static void single_quotes(struct cursor *c)
{
	c->word = true;
	c->quoted = true;
	for (c->p++; c->p < c->end && *c->p != '\''; c->p++) {
		c->line += *c->p == '\n';
		shell_put(c, *c->p);
	}
	c->p += c->p < c->end;
}

static void double_quotes(struct cursor *c)
{
	c->word = true;
	c->quoted = true;
	c->p++;
	while (c->p < c->end && *c->p != '"' && !c->err) {
		if (*c->p == '\\' && c->p + 1 < c->end && strchr("\"\\$`\n", c->p[1])) {
			c->p++;
			c->line += *c->p == '\n';
			if (*c->p != '\n')
				shell_put(c, *c->p);
			c->p++;
		} else if (*c->p == '$') {
			shell_dollar(c, true);
		} else if (*c->p == '`') {
			shell_backquote(c);
		} else {
			c->line += *c->p == '\n';
			shell_put(c, *c->p++);
		}
	}
	c->p += c->p < c->end;
}

/* --- here-documents ---------------------------------------------------------------------------------- */

static void heredoc_begin(struct cursor *c)
{
	bool tabs = c->p < c->end && *c->p == '-';
	const char *from = NULL;
	char *delimiter = NULL;

	c->p += tabs;
	while (c->p < c->end && strchr(" \t", *c->p))
		c->p++;
	c->p += c->p < c->end && strchr("'\"\\", *c->p);
	from = c->p;
	while (c->p < c->end && (isalnum((unsigned char)*c->p) || strchr("_-.", *c->p)))
		c->p++;
	if (c->p == from || c->heredoc_count == HEREDOC_MAX)
		return;
	delimiter = strndup(from, (size_t)(c->p - from));
	c->p += c->p < c->end && strchr("'\"", *c->p);
	if (!delimiter) {
		c->err = -ENOMEM;
		return;
	}
	c->heredocs[c->heredoc_count].delimiter = delimiter;
	c->heredocs[c->heredoc_count++].tabs = tabs;
}

static bool runs_a_shell(const struct shell_command *command)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", "ssh"};

	for (size_t i = 0; i < command->count; i++) {
		const char *slash = strrchr(command->words[i].text, '/');
		const char *base = slash ? slash + 1 : command->words[i].text;

		for (size_t s = 0; s < sizeof(shells) / sizeof(shells[0]); s++)
			if (!strcmp(base, shells[s]))
				return true;
	}
	return false;
}

/* At the beginning of a line after those that asked for them. */
static void heredocs_take(struct cursor *c, bool shell)
{
	for (size_t i = 0; i < c->heredoc_count; i++) {
		const char *delimiter = c->heredocs[i].delimiter;
		const char *from = c->p;
		unsigned int line = c->line;
		const char *to = NULL;

		while (c->p < c->end && !to) {
			const char *s = c->p;
			const char *eol = memchr(c->p, '\n', (size_t)(c->end - c->p));
			size_t len = (size_t)((eol ? eol : c->end) - s);

			for (; c->heredocs[i].tabs && len && *s == '\t'; len--)
				s++;
			if (len == strlen(delimiter) && !memcmp(s, delimiter, len))
				to = c->p;
			c->line += eol != NULL;
			c->p = eol ? eol + 1 : c->end;
		}
		if (!to) {
			/* It does not end: it was none, or all that follows would be hidden. */
			c->p = from;
			c->line = line;
		} else if (shell && !c->err) {
			c->err = shell_reader_read(c->reader, from, (size_t)(to - from), line);
		}
		free(c->heredocs[i].delimiter);
	}
	c->heredoc_count = 0;
}

/* --- the text -------------------------------------------------------------------------------------------- */

static void newline(struct cursor *c)
{
	bool shell;

	shell_word_end(c);
	c->line++;
	c->p++;
	if (c->array)
		return;
	shell = runs_a_shell(&c->command);
	command_end(c);
	if (c->heredoc_count)
		heredocs_take(c, shell);
}

/* NAME=( … ): its words are the array's. */
static void array_read(struct cursor *c)
{
	struct shell_command outer = c->command;
	AUTO_FREE char *name = NULL;
	bool more = false;

	fflush(c->text_out);
	name = strndup(c->text, c->text_len);
	if (!name) {
		c->err = -ENOMEM;
		return;
	}
	more = strlen(name) > 1 && name[strlen(name) - 2] == '+';
	name[strcspn(name, "+=")] = '\0';
	streams_close(c);
	free(c->text);
	free(c->raw);
	c->text = NULL;
	c->raw = NULL;
	streams_open(c);
	c->word = false;
	c->command = (struct shell_command){0};
	c->array = true;
	c->p++;
	while (c->p < c->end && *c->p != ')' && !c->err)
		text_read(c);
	shell_word_end(c);
	c->p += c->p < c->end;
	c->array = false;
	if (!c->err)
		c->err = shell_variables_set_array(c->reader->variables, name, &c->command, more);
	command_clear(&c->command);
	c->command = outer;
}

static bool before_is_assignment(struct cursor *c)
{
	fflush(c->text_out);
	return c->word && c->text_len > 1 && c->text[c->text_len - 1] == '=' && !c->array;
}

/* One character, or what it begins. */
static void text_read(struct cursor *c)
{
	char byte = *c->p;

	if (!c->word)
		c->word_line = c->line;
	if (byte == '\\' && c->p + 1 < c->end) {
		c->line += c->p[1] == '\n';
		/* A file of Windows has its '\r' before the newline. */
		if (c->p[1] == '\r' && c->p + 2 < c->end && c->p[2] == '\n') {
			c->line++;
			c->p++;
		} else if (c->p[1] != '\n') {
			shell_put(c, c->p[1]);
		}
		c->p += 2;
	} else if (byte == '\n') {
		newline(c);
	} else if (strchr(" \t\r", byte)) {
		shell_word_end(c);
		c->p++;
	} else if (byte == '#' && !c->word) {
		const char *eol = memchr(c->p, '\n', (size_t)(c->end - c->p));

		c->p = eol ? eol : c->end;
	} else if (byte == '\'') {
		single_quotes(c);
	} else if (byte == '"') {
		double_quotes(c);
	} else if (byte == '$') {
		shell_dollar(c, false);
	} else if (byte == '`') {
		shell_backquote(c);
	} else if (byte == '(' && before_is_assignment(c)) {
		array_read(c);
	} else if (strchr(";&|()", byte)) {
		command_end(c);
		c->p++;
	} else if (byte == '<' && c->end - c->p > 2 && c->p[1] == '<' && c->p[2] != '<') {
		shell_word_end(c);
		c->p += 2;
		heredoc_begin(c);
	} else if (placeholder_end(c)) {
		placeholder(c, placeholder_end(c));
	} else if (byte == '<' || byte == '>') {
		redirection(c);
	} else {
		shell_put(c, byte);
		c->p++;
	}
}

int shell_reader_read(struct shell_reader *reader, const char *text, size_t len,
		      unsigned int first_line)
{
	struct cursor c = {.reader = reader, .p = text, .end = text + len, .line = first_line};

	/* What is nested deeper than anybody writes is left. */
	if (reader->depth == SHELL_DEPTH_MAX || len > WORK_MAX - reader->work)
		return 0;
	reader->work += len;
	reader->depth++;
	streams_open(&c);
	while (c.p < c.end && !c.err) {
		/* No shell has one in a word. */
		if (!*c.p)
			c.p++;
		else
			text_read(&c);
	}
	if (!c.err)
		command_end(&c);
	command_clear(&c.command);
	for (size_t i = 0; i < c.heredoc_count; i++)
		free(c.heredocs[i].delimiter);
	streams_close(&c);
	free(c.text);
	free(c.raw);
	reader->depth--;
	return c.err;
}

struct shell_reader *shell_reader_new(shell_command_fn fn, void *ctx)
{
	struct shell_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->fn = fn;
	reader->ctx = ctx;
	reader->variables = shell_variables_new();
	if (!reader->variables) {
		free(reader);
		return NULL;
	}
	return reader;
}

void shell_reader_free(struct shell_reader *reader)
{
	if (!reader)
		return;
	shell_variables_free(reader->variables);
	free(reader);
}
