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

/* Does it start one? *words is where what follows the subcommand begins then. */
bool docker_command_runs(struct docker_text *text, const struct shell_command *command,
			 size_t *words);
/*
 * Options from word @from on, up to the image; @all: to the end, and none is an image.
 * 0, -ENOMEM, or what the report's fn returned.
 */
int docker_options_read(struct docker_text *text, const struct shell_command *command, size_t from,
			bool all);

#endif
