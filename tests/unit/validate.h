/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TEST_VALIDATE_H
#define DOCKSNOOP_TEST_VALIDATE_H

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* tests/e2e/validate on the lines of @file: its exit status. */
static inline int validate(const char *file, bool silent)
{
	char script[4096] = "";
	char *argv[] = {script, (char *)file, NULL};
	posix_spawn_file_actions_t actions;
	int status = 0;
	pid_t pid = 0;

	snprintf(script, sizeof(script), "%s/../../e2e/validate", TEST_DATA);
	posix_spawn_file_actions_init(&actions);
	if (silent)
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, script, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2) {
		print_message("skipped: python3-jsonschema is not installed\n");
		skip();
	}
	return WEXITSTATUS(status);
}

#endif
