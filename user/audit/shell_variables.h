/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_SHELL_VARIABLES_H
#define DOCKSNOOP_AUDIT_SHELL_VARIABLES_H

#include "user/audit/shell_words.h"

/* What a shell's text has set. */
struct shell_variables;

/* Between the words of an array. */
#define SHELL_ARRAY_BETWEEN '\002'
/* A folder that leads to no daemon, as the one that the shell is in. */
#define SHELL_SOME_FOLDER "/nowhere/here"

struct shell_variables *shell_variables_new(void); /* NULL without memory */
void shell_variables_free(struct shell_variables *variables);

/* NULL: not known. */
const char *shell_variables_get(const struct shell_variables *variables, const char *name,
				size_t len);

/* The assignments that a command begins with, or is: "A=b", "export A=b". -ENOMEM. */
int shell_variables_take(struct shell_variables *variables, const struct shell_command *command);
/* NAME=( … ), or with @more NAME+=( … ) */
int shell_variables_set_array(struct shell_variables *variables, const char *name,
			      const struct shell_command *words, bool more);

#endif
