// SPDX-License-Identifier: Apache-2.0
#include "user/audit/docker_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

/*
 * Those that take no value, of docker (docker/cli v28, container/{run,create,opts}.go,
 * service/opts.go), compose run, podman (containers/podman v5, cmd/podman/common/create.go)
 * and nerdctl. Every other one takes one.
 */
static const char *const flags[] = {
	"detach",
	"init",
	"interactive",
	"tty",
	"rm",
	"privileged",
	"publish-all",
	"read-only",
	"no-healthcheck",
	"oom-kill-disable",
	"sig-proxy",
	"disable-content-trust",
	"quiet",
	"help",
	"use-api-socket",
	"with-registry-auth",
	"no-resolve-image",
	"insecure",
	"build",
	"no-deps",
	"no-TTY",
	"quiet-pull",
	"quiet-build",
	"service-ports",
	"use-aliases",
	"remove-orphans",
	"replace",
	"no-hosts",
	"no-hostname",
	"http-proxy",
	"env-host",
	"rmi",
	"rootfs",
	"unsetenv-all",
	"passwd",
	"read-only-tmpfs",
	"tls-verify",
	"systemd",
	"userns-uid-map",
};
#define FLAG_LETTERS "ditPqT"

static const struct {
	char letter;
	const char *name;
} letters[] = {{'v', "volume"}, {'e', "env"}, {'l', "label"}};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void docker_option_clear(struct docker_option *option)
{
	free(option->name);
	free(option->raw);
}

static bool is_flag(const char *name)
{
	for (size_t i = 0; i < COUNT(flags); i++)
		if (!strcmp(flags[i], name))
			return true;
	return false;
}

/* The word behind is the value. */
static int value_follows(const struct shell_command *command, size_t *at, const char *raw,
			 struct docker_option *o)
{
	if (*at >= command->count)
		return str_format(&o->raw, "%s", raw);
	o->value = command->words[*at].text;
	return str_format(&o->raw, "%s %s", raw, command->words[(*at)++].raw);
}

static int long_take(const struct shell_command *command, size_t *at, struct docker_option *o)
{
	const struct shell_word *w = &command->words[(*at)++];
	const char *name = w->text + 2;
	const char *equals = strchr(name, '=');

	o->name = strndup(name, equals ? (size_t)(equals - name) : strlen(name));
	if (!o->name)
		return -ENOMEM;
	if (equals)
		o->value = equals + 1;
	if (equals || is_flag(o->name))
		return str_format(&o->raw, "%s", w->raw);
	return value_follows(command, at, w->raw, o);
}

static int short_take(const struct shell_command *command, size_t *at, struct docker_option *o)
{
	const struct shell_word *w = &command->words[(*at)++];
	const char *p = w->text + 1;
	const char *name = "";

	while (*p && strchr(FLAG_LETTERS, *p))
		p++;
	for (size_t i = 0; *p && i < COUNT(letters); i++)
		if (*p == letters[i].letter)
			name = letters[i].name;
	o->name = strdup(name);
	if (!o->name)
		return -ENOMEM;
	/* "-t=false": a flag with a value */
	if (!*p || *p == '=')
		return str_format(&o->raw, "%s", w->raw);
	if (!p[1])
		return value_follows(command, at, w->raw, o);
	o->value = p[1] == '=' ? p + 2 : p + 1;
	return str_format(&o->raw, "%s", w->raw);
}

int docker_option_take(const struct shell_command *command, size_t *at, struct docker_option *out)
{
	struct docker_option o = {.line = command->words[*at].line};
	int err = command->words[*at].text[1] == '-' ? long_take(command, at, &o)
						     : short_take(command, at, &o);

	if (err)
		docker_option_clear(&o);
	else
		*out = o;
	return err;
}
