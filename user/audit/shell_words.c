// SPDX-License-Identifier: Apache-2.0
#include "user/audit/shell_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/lead.h"
#include "user/audit/shell_variables.h"
#include "user/util/cleanup.h"

#define DEPTH_MAX   16
#define HEREDOC_MAX 8
/* Substitutions are read again, within each other: bounded in all. */
#define WORK_MAX (64U << 20)

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
	bool split; /* it is a piece of a variable's value */
	bool array; /* in NAME=( … ) */
	struct {
		char *delimiter;
		bool tabs;
	} heredocs[HEREDOC_MAX];
	size_t heredoc_count;
	int err;
};

static void text_read(struct cursor *c);

/* --- words ------------------------------------------------------------------------------------ */

static void put(struct cursor *c, char byte)
{
	c->word = true;
	fputc(byte, c->text_out);
	fputc(byte, c->raw_out);
}

static void put_raw(struct cursor *c, const char *from, const char *to)
{
	c->word = true;
	fwrite(from, 1, (size_t)(to - from), c->raw_out);
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

/* The word is over. */
static void word_end(struct cursor *c)
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
	streams_open(c);
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

	word_end(c);
	if (!c->err && c->command.count) {
		c->err = shell_variables_take(r->variables, &c->command);
		if (!c->err)
			c->err = r->fn(r->ctx, r, &c->command);
	}
	command_clear(&c->command);
}

/* --- what stands for something else --------------------------------------------------------------- */

/* A value: outside of quotes blanks within it part words, as do an array's own limits anywhere. */
static void put_value(struct cursor *c, const char *value, bool quoted)
{
	c->word = c->word || *value || quoted;
	for (const char *v = value; *v; v++) {
		bool part = *v == SHELL_ARRAY_BETWEEN || (!quoted && strchr(" \t\n", *v));

		if (!part) {
			c->word = true;
			fputc(*v, c->text_out);
			continue;
		}
		c->split = true;
		c->word = c->word && ftell(c->text_out) > 0;
		word_end(c);
		c->split = true;
		c->word_line = c->line;
	}
}

/* The end of what a bracket begins, quotes and the like within it respected; NULL: none. */
static const char *closing(const char *p, const char *end, char open, char close)
{
	int depth = 1;
	char quote = '\0';

	for (; p < end; p++) {
		if (*p == '\\' && quote != '\'')
			p++;
		else if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (*p == open)
			depth++;
		else if (*p == close && !--depth)
			return p;
	}
	return NULL;
}

static unsigned int lines_in(const char *from, const char *to)
{
	unsigned int n = 0;

	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

/* Commands within: read on their own. What they print is not known, but for a few. */
static void substitute(struct cursor *c, const char *from, const char *to)
{
	static const char *const folders[] = {"pwd",	   "dirname ",	 "git rev-parse",
					      "shell pwd", "mktemp",	 "cd ",
					      "CURDIR",	   "realpath .", "readlink -f ."};
	const char *value = NULL;
	size_t len = (size_t)(to - from);
	bool name = len;

	for (size_t i = 0; i < len; i++)
		name = name && (isupper((unsigned char)from[i]) || from[i] == '_' ||
				(i && isdigit((unsigned char)from[i])));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (len >= strlen(folders[i]) && !strncmp(from, folders[i], strlen(folders[i])))
			value = SHELL_SOME_FOLDER;
	if (name && !value)
		value = shell_variables_get(c->reader->variables, from, len); /* make's */
	if (value) {
		put_value(c, value, true);
		return;
	}
	if (!c->err && !name)
		c->err = shell_reader_read(c->reader, from, len, c->line);
	c->word = true;
	fputc(LEAD_UNKNOWN, c->text_out);
}

static void braces(struct cursor *c, const char *from, const char *to, bool quoted, int depth);

/* A default is read as a word is, but that blanks stay in it. */
static void put_default(struct cursor *c, const char *from, const char *to, bool quoted, int depth)
{
	while (from < to) {
		const char *close = NULL;

		if (from[0] == '$' && to - from > 1 && from[1] == '{' && depth < DEPTH_MAX) {
			close = closing(from + 2, to, '{', '}');
			if (!close)
				break;
			braces(c, from + 2, close, quoted, depth + 1);
			from = close + 1;
		} else if (*from == '$') {
			fputc(LEAD_UNKNOWN, c->text_out);
			return;
		} else if (*from == '"' || *from == '\'') {
			from++;
		} else {
			char one[2] = {*from++, '\0'};

			put_value(c, one, quoted);
		}
	}
}

/* What is between "${" and "}". */
static void braces(struct cursor *c, const char *from, const char *to, bool quoted, int depth)
{
	const char *p = from;
	const char *value = NULL;
	bool colon = false;

	while (p < to && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	value = shell_variables_get(c->reader->variables, from, (size_t)(p - from));
	if (to - p >= 3 && (!strncmp(p, "[@]", 3) || !strncmp(p, "[*]", 3)))
		p += 3;
	colon = p < to && *p == ':';
	if (p + colon < to && strchr("-=", p[colon]) && (!value || (colon && !*value)))
		put_default(c, p + colon + 1, to, quoted, depth);
	else if (p + colon < to && p[colon] == '+')
		put_default(c, value ? p + colon + 1 : to, to, quoted, depth);
	else if (value && (p == to || strchr("-=?", p[colon])))
		put_value(c, value, quoted);
	else
		fputc(LEAD_UNKNOWN, c->text_out);
}

/* At a '$'. */
static void dollar(struct cursor *c, bool quoted)
{
	const char *start = c->p;
	const char *p = c->p + 1;
	const char *close = NULL;
	const char *value = NULL;
	size_t len = 0;

	/* make's own '$', before it hands the line to a shell */
	if (p + 1 < c->end && *p == '$' && (isalpha((unsigned char)p[1]) || strchr("({_", p[1])))
		p++;
	c->word = true;
	if (p < c->end && *p == '(') {
		close = closing(p + 1, c->end, '(', ')');
		substitute(c, p + 1, close ? close : c->end);
		c->p = close ? close + 1 : c->end;
	} else if (c->end - p > 1 && p[0] == '{' && p[1] == '{') {
		/* a CI's own, as ${{ github.workspace }} */
		for (close = p; close + 1 < c->end && strncmp(close, "}}", 2) != 0; close++)
			;
		value = memmem(p, (size_t)(close - p), "workspace", 9) ? SHELL_SOME_FOLDER : NULL;
		put_value(c, value ? value : (char[]){LEAD_UNKNOWN, '\0'}, true);
		c->p = close + 2 < c->end ? close + 2 : c->end;
	} else if (p < c->end && *p == '{') {
		close = closing(p + 1, c->end, '{', '}');
		braces(c, p + 1, close ? close : c->end, quoted, 0);
		c->p = close ? close + 1 : c->end;
	} else {
		while (p + len < c->end && (isalnum((unsigned char)p[len]) || p[len] == '_') &&
		       (len || !isdigit((unsigned char)*p)))
			len++;
		if (!len && p < c->end && (isdigit((unsigned char)*p) || strchr("@*#?!-", *p)))
			len = 1;
		if (!len) {
			put(c, '$');
			c->p++;
			return;
		}
		value = shell_variables_get(c->reader->variables, p, len);
		if (value)
			put_value(c, value, quoted);
		else
			fputc(LEAD_UNKNOWN, c->text_out);
		/* "$@" is any number of words, in quotes too. */
		c->quoted = c->quoted && *p != '@';
		c->p = p + len;
	}
	put_raw(c, start, c->p);
	c->line += lines_in(start, c->p);
}

static void backquote(struct cursor *c)
{
	const char *start = c->p;
	const char *close = memchr(c->p + 1, '`', (size_t)(c->end - c->p - 1));

	substitute(c, c->p + 1, close ? close : c->end);
	c->p = close ? close + 1 : c->end;
	put_raw(c, start, c->p);
	c->line += lines_in(start, c->p);
}

static void single_quotes(struct cursor *c)
{
	c->word = true;
	c->quoted = true;
	for (c->p++; c->p < c->end && *c->p != '\''; c->p++) {
		c->line += *c->p == '\n';
		put(c, *c->p);
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
				put(c, *c->p);
			c->p++;
		} else if (*c->p == '$') {
			dollar(c, true);
		} else if (*c->p == '`') {
			backquote(c);
		} else {
			c->line += *c->p == '\n';
			put(c, *c->p++);
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
		if (shell && !c->err)
			c->err = shell_reader_read(c->reader, from,
						   (size_t)((to ? to : c->p) - from), line);
		free(c->heredocs[i].delimiter);
	}
	c->heredoc_count = 0;
}

/* --- the text -------------------------------------------------------------------------------------------- */

static void newline(struct cursor *c)
{
	bool shell;

	word_end(c);
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
	word_end(c);
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
			put(c, c->p[1]);
		}
		c->p += 2;
	} else if (byte == '\n') {
		newline(c);
	} else if (strchr(" \t\r", byte)) {
		word_end(c);
		c->p++;
	} else if (byte == '#' && !c->word) {
		const char *eol = memchr(c->p, '\n', (size_t)(c->end - c->p));

		c->p = eol ? eol : c->end;
	} else if (byte == '\'') {
		single_quotes(c);
	} else if (byte == '"') {
		double_quotes(c);
	} else if (byte == '$') {
		dollar(c, false);
	} else if (byte == '`') {
		backquote(c);
	} else if (byte == '(' && before_is_assignment(c)) {
		array_read(c);
	} else if (strchr(";&|()", byte)) {
		command_end(c);
		c->p++;
	} else if (byte == '<' && c->end - c->p > 2 && c->p[1] == '<' && c->p[2] != '<') {
		word_end(c);
		c->p += 2;
		heredoc_begin(c);
	} else if (byte == '<' || byte == '>') {
		word_end(c);
		c->p++;
	} else {
		put(c, byte);
		c->p++;
	}
}

int shell_reader_read(struct shell_reader *reader, const char *text, size_t len,
		      unsigned int first_line)
{
	struct cursor c = {.reader = reader, .p = text, .end = text + len, .line = first_line};

	/* What is nested deeper than anybody writes is left. */
	if (reader->depth == DEPTH_MAX || len > WORK_MAX - reader->work)
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
