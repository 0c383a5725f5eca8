// SPDX-License-Identifier: Apache-2.0
#include "user/audit/variables.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/audit/lead.h"
#include "user/util/cleanup.h"

#define DEPTH_MAX 32

struct variable {
	char *name;
	char *value;
	UT_hash_handle hh;
};

void variables_clear(struct variables *vars)
{
	struct variable *v = NULL, *tmp = NULL;

	HASH_ITER(hh, vars->list, v, tmp)
	{
		HASH_DEL(vars->list, v);
		free(v->name);
		free(v->value);
		free(v);
	}
}

static struct variable *find(const struct variables *vars, const char *name, size_t len)
{
	struct variable *v = NULL;

	if (vars->above)
		v = find(vars->above, name, len);
	if (!v)
		HASH_FIND(hh, vars->list, name, len, v);
	return v;
}

int variables_add(struct variables *vars, const char *name, size_t name_len, const char *value)
{
	struct variable *v = NULL;

	if (find(vars, name, name_len))
		return 0;
	v = calloc(1, sizeof(*v));
	if (v)
		v->name = strndup(name, name_len);
	if (v)
		v->value = strdup(value);
	if (!v || !v->name || !v->value) {
		if (v) {
			free(v->name);
			free(v->value);
		}
		free(v);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, vars->list, v->name, name_len, v);
	return 0;
}

int variables_set(struct variables *vars, const char *name, const char *value)
{
	struct variable *v = find(vars, name, strlen(name));
	char *own = NULL;

	if (!v)
		return variables_add(vars, name, strlen(name), value);
	own = strdup(value);
	if (!own)
		return -ENOMEM;
	free(v->value);
	v->value = own;
	return 0;
}

const char *variables_find(const struct variables *vars, const char *name, size_t len)
{
	const struct variable *v = find(vars, name, len);

	return v ? v->value : NULL;
}

const char *variables_get(const struct variables *vars, const char *name)
{
	return variables_find(vars, name, strlen(name));
}

/* --- putting values in ---------------------------------------------------------------------- */

static size_t name_length(const char *s)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*s) && *s != '_')
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

static void expand(const struct variables *vars, const char *text, size_t len, int depth,
		   FILE *out);

/* The '}' that ends what follows a "${"; NULL: there is none. */
static const char *brace_end(const char *text, const char *end)
{
	int depth = 1;

	for (const char *p = text; p < end; p++) {
		if (*p == '$' && p + 1 < end && p[1] == '{') {
			depth++;
			p++;
		} else if (*p == '}' && !--depth) {
			return p;
		}
	}
	return NULL;
}

/* What is between the braces. */
static void expand_braced(const struct variables *vars, const char *text, size_t len, int depth,
			  FILE *out)
{
	size_t name = name_length(text);
	const struct variable *v = name <= len ? find(vars, text, name) : NULL;
	const char *op = text + name;
	bool empty_counts = name < len && *op == ':';
	bool have = v && (!empty_counts || *v->value);
	size_t rest = 0;

	if (!name || name > len) {
		fputc(LEAD_UNKNOWN, out);
		return;
	}
	op += empty_counts;
	rest = len - (size_t)(op - text);
	if (!rest) {
		if (v && !empty_counts)
			fputs(v->value, out);
		else
			fputc(LEAD_UNKNOWN, out);
	} else if (*op == '-' || *op == '?') {
		if (have)
			fputs(v->value, out);
		else if (*op == '?')
			fputc(LEAD_UNKNOWN, out); /* Compose ends there */
		else
			expand(vars, op + 1, rest - 1, depth + 1, out);
	} else if (*op == '+') {
		if (have)
			expand(vars, op + 1, rest - 1, depth + 1, out);
	} else {
		fputc(LEAD_UNKNOWN, out);
	}
}

static void expand(const struct variables *vars, const char *text, size_t len, int depth, FILE *out)
{
	const char *end = text + len;

	if (depth > DEPTH_MAX) {
		fputc(LEAD_UNKNOWN, out);
		return;
	}
	for (const char *p = text; p < end; p++) {
		const struct variable *v = NULL;
		const char *close = NULL;
		size_t name;

		if (*p != '$' || p + 1 == end) {
			fputc(*p, out);
		} else if (p[1] == '$') {
			fputc(*p++, out);
		} else if (p[1] == '{') {
			close = brace_end(p + 2, end);
			if (!close) {
				fputc(LEAD_UNKNOWN, out);
				return;
			}
			expand_braced(vars, p + 2, (size_t)(close - p - 2), depth, out);
			p = close;
		} else if ((name = name_length(p + 1))) {
			name = name < (size_t)(end - p - 1) ? name : (size_t)(end - p - 1);
			v = find(vars, p + 1, name);
			if (v)
				fputs(v->value, out);
			else
				fputc(LEAD_UNKNOWN, out);
			p += name;
		} else {
			fputc(LEAD_UNKNOWN, out);
		}
	}
}

int variables_expand(const struct variables *vars, const char *text, char **out)
{
	char *result = NULL;
	size_t len = 0;
	FILE *f = NULL;

	if (!strchr(text, '$')) {
		*out = strdup(text);
		return *out ? 0 : -ENOMEM;
	}
	f = open_memstream(&result, &len);
	if (!f)
		return -ENOMEM;
	expand(vars, text, strlen(text), 0, f);
	if (fclose(f)) {
		free(result);
		return -ENOMEM;
	}
	*out = result;
	return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* A value in quotes may go over several lines. Returns where reading goes on. */
static const char *quoted_end(const char *value, char quote)
{
	const char *p = value;

	while (*p && *p != quote)
		p += *p == '\\' && quote == '"' && p[1] ? 2 : 1;
	return p;
}

static int value_take(struct variables *vars, const char *name, size_t name_len, const char *value,
		      size_t len, bool expands, variable_fn each, void *ctx, unsigned int line)
{
	AUTO_FREE char *written = strndup(value, len);
	AUTO_FREE char *key = strndup(name, name_len);
	AUTO_FREE char *result = NULL;
	int err = written && key ? 0 : -ENOMEM;

	if (!err)
		err = expands ? variables_expand(vars, written, &result)
			      : (result = strdup(written), result ? 0 : -ENOMEM);
	if (!err && each)
		err = each(ctx, key, result, line);
	return err ? err : variables_add(vars, name, name_len, result);
}

int variables_read(struct variables *vars, const char *text, variable_fn each, void *ctx)
{
	unsigned int line = 1;
	int err = 0;

	for (const char *p = text; *p && !err; line++) {
		const char *end = p + strcspn(p, "\n");
		const char *name = p + strspn(p, " \t");
		const char *value = NULL;
		size_t name_len, len;
		unsigned int first = line;
		char quote;

		if (!strncmp(name, "export ", 7))
			name += 7 + strspn(name + 7, " \t");
		name_len = strcspn(name, "=: \t\n#");
		value = name + name_len + strspn(name + name_len, " \t");
		if (!name_len || (*value != '=' && *value != ':')) {
			p = *end ? end + 1 : end;
			continue;
		}
		value += 1 + strspn(value + 1, " \t");
		quote = *value == '"' || *value == '\'' ? *value++ : '\0';
		if (quote) {
			end = quoted_end(value, quote);
			len = (size_t)(end - value);
			for (const char *c = value; c < end; c++)
				line += *c == '\n';
			end += strcspn(end, "\n");
		} else {
			len = (size_t)(end - value);
			for (size_t i = 1; i < len; i++)
				if (value[i] == '#' && strchr(" \t", value[i - 1]))
					len = i;
			while (len && strchr(" \t\r", value[len - 1]))
				len--;
		}
		err = value_take(vars, name, name_len, value, len, quote != '\'', each, ctx, first);
		p = *end ? end + 1 : end;
	}
	return err;
}
