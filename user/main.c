// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "user/cmd/cmd.h"
#include "user/util/log.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{"watch", cmd_watch, "stream who reaches the container daemons (the default)"},
	{"audit", cmd_audit, "where a daemon's socket is exposed: live, or in files"},
	{"policy", cmd_policy, "check what is justified, or suggest it"},
	{"verify", cmd_verify, "whether lines of --file were changed, removed or moved"},
	{"probe", cmd_probe, "what this kernel offers, feature by feature, and why not"},
	{"selftest", cmd_selftest, "prove on this host, end to end, that an access is seen"},
};

static void usage(FILE *to)
{
	fputs("usage: docksnoop [COMMAND] [OPTION]...\n"
	      "\n"
	      "Which container talked to the Docker daemon, through which mount?\n"
	      "\n",
	      to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].about);
	fputs("\n"
	      "  -h, --help     this; docksnoop COMMAND --help tells a command's options\n"
	      "  -V, --version\n"
	      "\n"
	      "Exit codes: 0 done; 1 an audit found something not justified, a record is not\n"
	      "as it was written, or a selftest failed; 2 bad usage or a bad file; 3 this\n"
	      "kernel or these privileges cannot do it; 4 it broke while running. More in\n"
	      "docksnoop(1).\n",
	      to);
}

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
		puts("docksnoop " DOCKSNOOP_VERSION);
		return EXIT_DONE;
	}
	/* Options without a command are watch's. */
	if (argc < 2 || argv[1][0] == '-')
		return cmd_watch(argc, argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	log_error("there is no command '%s' (docksnoop --help lists them)", argv[1]);
	return EXIT_USAGE;
}
