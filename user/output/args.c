// SPDX-License-Identifier: Apache-2.0
#include "user/output/args.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static void hide(char *from, char *end)
{
	memset(from, '*', (size_t)(end - from));
}

/* "Authorization: Basic eDp5", anywhere in the argument, spelled as a header or as in JSON. */
static void hide_headers(char *arg)
{
	static const char *const names[] = {"authorization", "x-registry-auth",
					    "x-registry-config"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *at = arg;

		while ((at = strcasestr(at, names[i]))) {
			char *value = at + strlen(names[i]);
			size_t between = strspn(value, "\"'\\ \t:=,");

			at = value;
			if (!memchr(value, ':', between) && !memchr(value, '=', between) &&
			    !memchr(value, ',', between))
				continue;
			value += between;
			at = value + strcspn(value, "\"'\r\n");
			hide(value, at);
		}
	}
}

static void hide_after_colon(char *user)
{
	char *colon = strchr(user, ':');

	if (colon)
		hide(colon + 1, colon + strlen(colon));
}

static bool is_curl(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return strcmp(slash ? slash + 1 : argv0, "curl") == 0;
}

void args_redact(char *argv, size_t len)
{
	bool curl = len && is_curl(argv);
	bool login = false;
	bool password_next = false;
	bool user_next = false;

	for (size_t at = 0; at < len; at += strlen(argv + at) + 1) {
		char *arg = argv + at;
		char *end = arg + strlen(arg);

		hide_headers(arg);
		if (password_next)
			hide(arg, end);
		else if (user_next)
			hide_after_colon(arg);
		else if (strncmp(arg, "--password=", 11) == 0)
			hide(arg + 11, end);
		else if (login && strncmp(arg, "-p", 2) == 0)
			hide(arg + 2, end);
		else if (curl && strncmp(arg, "--user=", 7) == 0)
			hide_after_colon(arg);
		else if (curl && strncmp(arg, "-u", 2) == 0)
			hide_after_colon(arg);
		password_next = !password_next && (strcmp(arg, "--password") == 0 ||
						   (login && strcmp(arg, "-p") == 0));
		user_next = !user_next && curl &&
			    (strcmp(arg, "-u") == 0 || strcmp(arg, "--user") == 0);
		login |= strcmp(arg, "login") == 0;
	}
}
