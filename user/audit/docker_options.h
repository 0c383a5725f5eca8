/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_DOCKER_OPTIONS_H
#define DOCKSNOOP_AUDIT_DOCKER_OPTIONS_H

#include "user/audit/shell_words.h"

/* One option of "docker run" and its like. */
struct docker_option {
	char *name;	   /* "volume", also for -v; "" for one of no interest */
	const char *value; /* with values put in; NULL: it takes none */
	char *raw;	   /* as written, with the value: "-v /a:/b" */
	unsigned int line;
};

void docker_option_clear(struct docker_option *option);

/*
 * Take the options of one word, and its value from the next where it takes one: *at moves
 * behind. Of a cluster ("-itv /a:/b") only the last can be of interest. 0, or -ENOMEM.
 */
int docker_option_take(const struct shell_command *command, size_t *at, struct docker_option *out);

#endif
