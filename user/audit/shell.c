// SPDX-License-Identifier: Apache-2.0
#include "user/audit/shell.h"

#include <errno.h>
#include <string.h>

#include "user/audit/docker_command.h"
#include "user/audit/shell_words.h"

struct reading {
	struct docker_text *text;
	bool options; /* they are options already */
};

/* A word that is a command of its own: of "sh -c '…'", "ssh host '…'". */
static bool is_script(const struct shell_word *word)
{
	return strpbrk(word->raw, " \t\n") &&
	       (strstr(word->raw, "docker ") || strstr(word->raw, "podman ") ||
		strstr(word->raw, "nerdctl ") || strstr(word->raw, "docker-compose "));
}

static bool runs_scripts(const struct shell_command *command)
{
	static const char *const runners[] = {"sh",  "bash", "dash", "ash",   "zsh",	 "ksh",
					      "ssh", "su",   "eval", "alias", "runuser", "watch"};

	for (size_t i = 0; i < command->count; i++) {
		const char *slash = strrchr(command->words[i].text, '/');
		const char *base = slash ? slash + 1 : command->words[i].text;

		for (size_t r = 0; r < sizeof(runners) / sizeof(runners[0]); r++)
			if (!strcmp(base, runners[r]))
				return true;
	}
	return false;
}

static int script_read(struct shell_reader *reader, const struct shell_word *word)
{
	/* "ll='docker run …'" of an alias */
	size_t name = strcspn(word->raw, "= \t\n");
	const char *script = word->raw[name] == '=' ? word->raw + name + 1 : word->raw;

	return shell_reader_read(reader, script, strlen(script), word->line);
}

static int command_take(void *ctx, struct shell_reader *reader, const struct shell_command *command)
{
	const struct reading *reading = ctx;
	enum docker_start start;
	size_t from = 0;
	int err = 0;

	start = reading->options ? DOCKER_OPTIONS
				 : docker_command_starts(reading->text, command, &from);
	if (start != DOCKER_STARTS_NOTHING)
		return docker_options_read(reading->text, command, from, start);
	if (!runs_scripts(command))
		return 0;
	for (size_t i = 0; !err && i < command->count; i++)
		if (is_script(&command->words[i]))
			err = script_read(reader, &command->words[i]);
	return err;
}

static int text_read(const char *text, size_t len, unsigned int first_line,
		     const struct report *report, bool options)
{
	struct reading reading = {.text = docker_text_new(report), .options = options};
	struct shell_reader *reader = shell_reader_new(command_take, &reading);
	int err =
		reading.text && reader ? shell_reader_read(reader, text, len, first_line) : -ENOMEM;

	shell_reader_free(reader);
	docker_text_free(reading.text);
	return err;
}

int shell_read(const char *text, size_t len, unsigned int first_line, const struct report *report)
{
	return text_read(text, len, first_line, report, false);
}

int shell_read_options(const char *text, size_t len, unsigned int first_line,
		       const struct report *report)
{
	return text_read(text, len, first_line, report, true);
}
