/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CMD_H
#define DOCKSNOOP_CMD_H

/* The commands. Each parses its own arguments, logs, and returns an exit code. */

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FINDING = 1, /* audit: not justified; verify: not as written; a selftest failed */
	EXIT_USAGE = 2,	  /* bad usage, bad input file */
	EXIT_UNABLE = 3,  /* this kernel or these privileges cannot do it */
	EXIT_BROKE = 4,	  /* it broke while running */
};

int cmd_audit(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_selftest(int argc, char **argv);

#endif
