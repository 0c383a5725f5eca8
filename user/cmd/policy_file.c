// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/policy_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/util/log.h"
#include "user/util/text.h"

struct complaints {
	const char *file;
	char *why;
};

static void complaint_say(void *ctx, unsigned int line, unsigned int column, const char *text)
{
	struct complaints *c = ctx;
	char whole[POLICY_WHY_SIZE];

	if (line)
		snprintf(whole, sizeof(whole), "%s:%u:%u: %s", c->file, line, column, text);
	else
		snprintf(whole, sizeof(whole), "%s: %s", c->file, text);
	log_error("%s", whole);
	if (!*c->why)
		strcpy(c->why, whole);
}

int policy_open(const char *file, char why[POLICY_WHY_SIZE], struct policy **out)
{
	const char *name = file ? file : POLICY_FILE;
	char shown[512];
	struct complaints c = {.file = shown, .why = why};
	int err;

	text_escape(shown, sizeof(shown), name, strlen(name));
	*why = '\0';
	err = policy_load(name, complaint_say, &c, out);
	if (err == -ENOENT && !file) {
		*out = NULL;
		return 0;
	}
	if (err && !*why)
		complaint_say(&c, 0, 0, err == -EINVAL ? "it is no regular file" : strerror(-err));
	return err;
}
