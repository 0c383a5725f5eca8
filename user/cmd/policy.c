// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cmd/cmd.h"
#include "user/cmd/policy_file.h"
#include "user/cmd/suggest.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"

static const char help[] =
	"usage: docksnoop policy check FILE\n"
	"       docksnoop policy suggest\n"
	"\n"
	"  check     explain each rule of a policy in words, and warn of rules that can\n"
	"            never match, overlap, expire soon, or match everything\n"
	"  suggest   write a policy for the containers of this host that can reach a\n"
	"            daemon now. Reason and owner are left empty: no docksnoop takes it\n"
	"            until somebody has filled them in\n"
	"\n"
	"  -h, --help\n"
	"\n"
	"Exit codes: 0 done; 2 the policy is not valid (said with line and column).\n"
	"The format is told in docksnoop(1), POLICY.\n";

static void warning_print(void *ctx, const struct rule *rule, const char *text)
{
	char shown[2048];

	if (rule != ctx)
		return;
	text_escape(shown, sizeof(shown), text, strlen(text));
	printf("  warning: %s\n", shown);
}

static int policy_check(const char *file)
{
	AUTO_POLICY struct policy *policy = NULL;
	char why[POLICY_WHY_SIZE], name[512];
	uint64_t now = clock_epoch_ns();

	if (policy_open(file, why, &policy))
		return EXIT_USAGE;
	for (size_t i = 0; i < policy->count; i++) {
		struct rule *rule = &policy->rules[i];
		AUTO_FREE char *words = rule_explain(rule);

		if (!words)
			return EXIT_BROKE;
		text_escape(name, sizeof(name), rule->name, strlen(rule->name));
		printf("%s (line %u)\n%s", name, rule->line, words);
		policy_lint(policy, now, warning_print, rule);
		putchar('\n');
	}
	printf("%zu rule%s; what no rule grants is flagged\n", policy->count,
	       policy->count == 1 ? "" : "s");
	return EXIT_DONE;
}

int cmd_policy(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	const char *what = NULL;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h')
			fputs(help, stdout);
		return opt == 'h' ? EXIT_DONE : EXIT_USAGE;
	}
	what = optind < argc ? argv[optind] : "";
	if (!strcmp(what, "check") && argc - optind == 2)
		return policy_check(argv[optind + 1]);
	if (!strcmp(what, "suggest") && argc - optind == 1)
		return policy_suggest();
	log_error("policy takes 'check FILE' or 'suggest' (docksnoop policy --help)");
	return EXIT_USAGE;
}
