// SPDX-License-Identifier: Apache-2.0
#include "user/audit/shell_variables.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/variables.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* "A=$A$A" again and again would grow without end. */
#define VALUE_MAX (64 << 10)

struct shell_variables {
	struct variables list;
};

/* Set by shells and CIs, to folders that are nobody's daemon. */
static const char *const folders[] = {
	"PWD",
	"OLDPWD",
	"HOME",
	"CURDIR",
	"CI_PROJECT_DIR",
	"WORKSPACE",
	"TMPDIR",
	"GITHUB_WORKSPACE",
	"RUNNER_TEMP",
	"CI_BUILDS_DIR",
	"BASH_SOURCE",
	"PROJECT_DIR",
	"BUILD_SOURCESDIRECTORY",
};

struct shell_variables *shell_variables_new(void)
{
	return calloc(1, sizeof(struct shell_variables));
}

void shell_variables_free(struct shell_variables *variables)
{
	variables_clear(&variables->list);
	free(variables);
}

const char *shell_variables_get(const struct shell_variables *variables, const char *name,
				size_t len)
{
	const char *value = variables_find(&variables->list, name, len);

	for (size_t i = 0; !value && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (len == strlen(folders[i]) && !strncmp(name, folders[i], len))
			value = SHELL_SOME_FOLDER;
	return value;
}

/* Of two branches nobody knows which is run: what gives more away is kept. */
static bool gives_more(const char *value)
{
	return strstr(value, ".sock") || strstr(value, "privileged") || strstr(value, "/run") ||
	       strstr(value, "=host") || strstr(value, "/:") || !strcmp(value, "/");
}

static int set(struct shell_variables *variables, const char *name, const char *value)
{
	const char *before = variables_get(&variables->list, name);
	AUTO_FREE char *bounded = NULL;

	if (before && gives_more(before) && !gives_more(value))
		return 0;
	bounded = strndup(value, VALUE_MAX);
	return bounded ? variables_set(&variables->list, name, bounded) : -ENOMEM;
}

static int add(struct shell_variables *variables, const char *name, const char *value,
	       const char *between)
{
	const char *before = shell_variables_get(variables, name, strlen(name));
	AUTO_FREE char *whole = NULL;

	if (str_format(&whole, "%s%s%s", before ? before : "", before ? between : "", value))
		return -ENOMEM;
	return set(variables, name, whole);
}

/* The length of the name in "NAME=…" or "NAME+=…"; 0: it is no assignment. */
static size_t assigned(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	if (!n || isdigit((unsigned char)*text))
		return 0;
	return text[n] == '=' || (text[n] == '+' && text[n + 1] == '=') ? n : 0;
}

/* "for NAME in A B C": of these the one that gives more away. */
static int loop_take(struct shell_variables *variables, const struct shell_command *command)
{
	int err = 0;

	for (size_t i = 3; !err && i < command->count; i++)
		if (!command->words[i].open)
			err = set(variables, command->words[1].text, command->words[i].text);
	return err;
}

int shell_variables_take(struct shell_variables *variables, const struct shell_command *command)
{
	static const char *const before[] = {"export", "readonly", "local", "declare", "typeset",
					     "set",    "then",	   "else",  "do",      "if",
					     "while",  "{",	   "!",	    "elif",    "@"};
	int err = 0;

	if (command->count > 3 && !strcmp(command->words[0].text, "for") &&
	    !strcmp(command->words[2].text, "in"))
		return loop_take(variables, command);
	for (size_t i = 0; !err && i < command->count; i++) {
		const char *text = command->words[i].text;
		size_t len = assigned(text);
		bool passed = *text == '-';

		for (size_t k = 0; k < sizeof(before) / sizeof(before[0]); k++)
			passed = passed || !strcmp(text, before[k]);
		if (!len && passed)
			continue;
		if (!len) {
			/* make's "NAME := value" */
			if (i || command->count < 2 ||
			    (strcmp(command->words[1].text, ":=") != 0 &&
			     strcmp(command->words[1].text, "?=") != 0 &&
			     strcmp(command->words[1].text, "=") != 0))
				return 0;
			return command->count > 2
				       ? shell_variables_set_array(
						 variables, text,
						 &(struct shell_command){command->words + 2,
									 command->count - 2},
						 false)
				       : set(variables, text, "");
		}
		AUTO_FREE char *name = strndup(text, len);

		if (!name)
			return -ENOMEM;
		err = text[len] == '+' ? add(variables, name, text + len + 2, "")
				       : set(variables, name, text + len + 1);
	}
	return err;
}

int shell_variables_set_array(struct shell_variables *variables, const char *name,
			      const struct shell_command *words, bool more)
{
	static const char between[] = {SHELL_ARRAY_BETWEEN, '\0'};
	char *value = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&value, &len);
	int err = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < words->count; i++)
		fprintf(out, "%s%s", i ? between : "", words->words[i].text);
	if (fclose(out))
		err = -ENOMEM;
	else
		err = more ? add(variables, name, value, between) : set(variables, name, value);
	free(value);
	return err;
}
