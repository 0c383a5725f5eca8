/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_DOCKER_COMMAND_H
#define DOCKSNOOP_AUDIT_DOCKER_COMMAND_H

#include "user/audit/report.h"
#include "user/audit/shell_words.h"

/*
 * Commands that start containers: docker, podman and nerdctl with run, create,
 * "container run", "service create" and "compose run" (docker/cli: cli/command/container/
 * opts.go has the options). What came before in the same text is kept in mind: volumes
 * that were made, containers whose volumes another one takes.
 */
struct docker_text;

struct docker_text *docker_text_new(const struct report *report); /* NULL without memory */
void docker_text_free(struct docker_text *text);		  /* NULL is allowed */

enum docker_start {
	DOCKER_STARTS_NOTHING,
	DOCKER_RUN,	    /* what follows the options is an image */
	DOCKER_COMPOSE_RUN, /* what follows is a service of a Compose file */
	DOCKER_OPTIONS,	    /* all of it is options */
};

/* What does it start? *words is where what follows the subcommand begins then. */
enum docker_start docker_command_starts(struct docker_text *text,
					const struct shell_command *command, size_t *words);
/* Options from word @from on. 0, -ENOMEM, or what the report's fn returned. */
int docker_options_read(struct docker_text *text, const struct shell_command *command, size_t from,
			enum docker_start start);

#endif
