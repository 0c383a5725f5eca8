// SPDX-License-Identifier: Apache-2.0
/* What stands for something else in a shell's text. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "user/audit/lead.h"
#include "user/audit/shell_words_impl.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

static void put_raw(struct cursor *c, const char *from, const char *to)
{
	c->word = true;
	fwrite(from, 1, (size_t)(to - from), c->raw_out);
}

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
		shell_word_end(c);
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

		if (from[0] == '$' && to - from > 1 && from[1] == '{' && depth < SHELL_DEPTH_MAX) {
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

/* ${NAME:=value}: it has that value from now on. */
static void default_set(struct cursor *c, const char *name, const char *name_end, const char *value,
			const char *end)
{
	AUTO_FREE char *text = NULL;
	struct shell_word word = {0};
	const struct shell_command assignment = {&word, 1};

	if (str_format(&text, "%.*s=%.*s", (int)(name_end - name), name, (int)(end - value), value))
		c->err = -ENOMEM;
	word.text = text;
	if (!c->err)
		c->err = shell_variables_take(c->reader->variables, &assignment);
}

/* What is between "${" and "}". */
static void braces(struct cursor *c, const char *from, const char *to, bool quoted, int depth)
{
	const char *p = from;
	const char *name_end = NULL;
	const char *value = NULL;
	bool colon = false;
	bool all = false;

	while (p < to && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	name_end = p;
	value = shell_variables_get(c->reader->variables, from, (size_t)(p - from));
	all = to - p >= 3 && (!strncmp(p, "[@]", 3) || !strncmp(p, "[*]", 3));
	if (all) {
		/* None of its words is no word, in quotes too. */
		c->nothing = c->nothing || (value && !*value);
		p += 3;
	}
	colon = p < to && *p == ':';
	if (p + colon < to && p[colon] == '=' && !value && depth == 0 &&
	    !memchr(p, '$', (size_t)(to - p)))
		default_set(c, from, name_end, p + colon + 1, to);
	if (p + colon < to && strchr("-=", p[colon]) && (!value || (colon && !*value)))
		put_default(c, p + colon + 1, to, quoted, depth);
	else if (p + colon < to && p[colon] == '+')
		/* It may be set where nobody looks. */
		put_default(c, p + colon + 1, to, quoted, depth);
	else if (value && (p == to || strchr("-=?", p[colon])))
		put_value(c, value, quoted);
	else
		fputc(LEAD_UNKNOWN, c->text_out);
}

/* At a '$'. */
void shell_dollar(struct cursor *c, bool quoted)
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
			shell_put(c, '$');
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

void shell_backquote(struct cursor *c)
{
	const char *start = c->p;
	const char *close = memchr(c->p + 1, '`', (size_t)(c->end - c->p - 1));

	substitute(c, c->p + 1, close ? close : c->end);
	c->p = close ? close + 1 : c->end;
	put_raw(c, start, c->p);
	c->line += lines_in(start, c->p);
}
