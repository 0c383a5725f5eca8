// SPDX-License-Identifier: Apache-2.0
/* Which words are a client's, and what it is told to do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/docker_command_impl.h"

struct docker_text *docker_text_new(const struct report *report)
{
	struct docker_text *text = calloc(1, sizeof(*text));

	if (text)
		text->report = report;
	return text;
}

void docker_text_free(struct docker_text *text)
{
	if (!text)
		return;
	for (size_t i = 0; i < text->named_count; i++) {
		free(text->named[i].name);
		free(text->named[i].device);
	}
	free(text);
}

const struct named *docker_named_find(const struct docker_text *text, const char *name)
{
	for (size_t i = 0; i < text->named_count; i++)
		if (!strcmp(text->named[i].name, name))
			return &text->named[i];
	return NULL;
}

int docker_named_add(struct docker_text *text, const char *name, const char *device)
{
	struct named *n = NULL;

	if (text->named_count == NAMED_MAX)
		return 0;
	n = &text->named[text->named_count];
	*n = (struct named){.name = strdup(name), .device = device ? strdup(device) : NULL};
	if (!n->name || (device && !n->device)) {
		free(n->name);
		free(n->device);
		return -ENOMEM;
	}
	text->named_count++;
	return 0;
}

/* --- which command it is -------------------------------------------------------------------------- */

static bool word_is(const struct shell_command *command, size_t i, const char *what)
{
	return i < command->count && !strcmp(command->words[i].text, what);
}

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, list[i]))
			return true;
	return false;
}
#define IS_ONE_OF(word, list) is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

static const char *base_of(const char *path)
{
	const char *slash = NULL;
	const char *equals = NULL;

	path += strspn(path, "@-+"); /* a Makefile's */
	slash = strrchr(path, '/');
	equals = strrchr(path, '=');

	/* "ExecStart=/usr/bin/docker" */
	return slash ? slash + 1 : equals ? equals + 1 : path;
}

/* Global options that take a value, of all the clients. */
static size_t globals_skip(const struct shell_command *command, size_t i)
{
	static const char *const with_value[] = {
		"-H",
		"--host",
		"-c",
		"--context",
		"--config",
		"-l",
		"--log-level",
		"--tlscacert",
		"--tlscert",
		"--tlskey",
		"--root",
		"--runroot",
		"--url",
		"--connection",
		"--storage-driver",
		"--storage-opt",
		"--tmpdir",
		"--cgroup-manager",
		"--runtime",
		"-n",
		"--namespace",
		"-a",
		"--address",
		"--snapshotter",
		"-f",
		"--file",
		"-p",
		"--project-name",
		"--profile",
		"--env-file",
		"--project-directory",
		"--ansi",
		"--progress",
	};

	while (i < command->count && (command->words[i].text[0] == '-' || command->words[i].open)) {
		const char *word = command->words[i].text;

		i += IS_ONE_OF(word, with_value) ? 2 : 1;
	}
	return i;
}

static int volume_create(struct docker_text *text, const struct shell_command *command, size_t i)
{
	const char *device = NULL;
	const char *name = NULL;
	bool bind = false;

	for (; i < command->count; i++) {
		const char *word = command->words[i].text;

		if (!strcmp(word, "-o") || !strcmp(word, "--opt"))
			continue;
		if (!strncmp(word, "--opt=", 6))
			word += 6;
		if (!strcmp(word, "-d") || !strcmp(word, "--driver") || !strcmp(word, "--label") ||
		    !strcmp(word, "--name"))
			i += strcmp(word, "--name") != 0;
		else if (!strncmp(word, "device=", 7))
			device = word + 7;
		else if (!strncmp(word, "o=", 2))
			bind = bind || strstr(word, "bind");
		else if (*word != '-' && !strchr(word, '='))
			name = word;
	}
	return name && device && bind ? docker_named_add(text, name, device) : 0;
}

/* What says something and does not do it. */
static bool only_talks(const struct shell_command *command)
{
	static const char *const talkers[] = {"echo",  "printf", "log",	  "info", "warn",
					      "error", "grep",	 "which", "man",  "type"};
	const char *first = command->words[0].text;

	return IS_ONE_OF(first, talkers);
}

static bool is_client(const struct shell_word *word)
{
	static const char *const clients[] = {"docker", "podman", "nerdctl", "docker.io"};

	if (IS_ONE_OF(base_of(word->text), clients))
		return true;
	/* "$DOCKER", "$(command -v podman)" */
	return word->text[0] == LEAD_UNKNOWN && !word->text[1] &&
	       (strcasestr(word->raw, "docker") || strcasestr(word->raw, "podman") ||
		strcasestr(word->raw, "nerdctl"));
}

enum docker_start docker_command_starts(struct docker_text *text,
					const struct shell_command *command, size_t *words)
{
	static const char *const composes[] = {"docker-compose", "podman-compose"};

	if (!command->count || only_talks(command))
		return DOCKER_STARTS_NOTHING;
	for (size_t i = 0; i < command->count; i++) {
		bool compose = IS_ONE_OF(base_of(command->words[i].text), composes);
		size_t at;

		if (!compose && !is_client(&command->words[i]))
			continue;
		at = globals_skip(command, i + 1);
		if (word_is(command, at, "compose")) {
			compose = true;
			at = globals_skip(command, at + 1);
		}
		if (word_is(command, at, "volume") && word_is(command, at + 1, "create")) {
			/* Without memory for it a volume's device is not known. */
			(void)volume_create(text, command, at + 2);
			return DOCKER_STARTS_NOTHING;
		}
		if ((word_is(command, at, "container") && !compose) ||
		    (word_is(command, at, "service") && word_is(command, at + 1, "create")))
			at++;
		if (!word_is(command, at, "run") && (compose || !word_is(command, at, "create")))
			continue;
		*words = at + 1;
		return compose ? DOCKER_COMPOSE_RUN : DOCKER_RUN;
	}
	return DOCKER_STARTS_NOTHING;
}
