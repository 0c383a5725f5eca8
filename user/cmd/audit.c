// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/audit/advice.h"
#include "user/audit/files.h"
#include "user/cmd/cmd.h"
#include "user/cmd/live.h"
#include "user/cmd/policy_file.h"
#include "user/output/event.h"
#include "user/output/finding.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"

static const char help[] =
	"usage: docksnoop audit [OPTION]... [PATH]...\n"
	"\n"
	"Find every way in which a container can reach a container daemon. Without a\n"
	"PATH: on this host, all containers of all runtimes, running or stopped. With\n"
	"one: in files, and all files below folders: Compose, shell scripts, CI files,\n"
	"unit files, Dockerfiles, Markdown, Kubernetes manifests, 'docker inspect' as\n"
	"JSON. '-' is standard input.\n"
	"\n"
	"  --json           a JSON object a line for each finding\n"
	"  --sarif          one SARIF 2.1.0 log, for code review tools\n"
	"  --policy FILE    what is justified (default: /etc/docksnoop/policy.yaml, where\n"
	"                   it exists)\n"
	"  --seen FILE      JSON lines of 'docksnoop watch': say what was used, and how\n"
	"                   (of this host only)\n"
	"  -h, --help       this\n"
	"\n"
	"Exit codes: 0 all that was found is justified; 1 something is not; 2 bad usage,\n"
	"or a file that cannot be read (the others are looked at all the same); 3 these\n"
	"privileges cannot do it; 4 it broke while running.\n";

enum {
	OPT_JSON = 256,
	OPT_SARIF,
	OPT_POLICY,
	OPT_SEEN,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"sarif", no_argument, NULL, OPT_SARIF},
	{"policy", required_argument, NULL, OPT_POLICY},
	{"seen", required_argument, NULL, OPT_SEEN},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct audit {
	bool json;
	bool color;
	const char *policy_file;
	const char *seen_file;
	char **paths; /* argv's; ended by NULL */
	struct policy *policy;
	struct seen *seen;
	struct sarif *sarif; /* NULL: not asked for */
	size_t found;
	size_t not_justified;
	size_t errors;
};

static void audit_clear(struct audit *a)
{
	policy_free(a->policy);
	seen_free(a->seen);
	sarif_free(a->sarif);
}
#define AUTO_AUDIT __attribute__((cleanup(audit_clear)))

/* --- options --------------------------------------------------------------------------------- */

/* 0; 1 when there is nothing to do; -EINVAL, which has been said. */
static int options_parse(int argc, char **argv, struct audit *a)
{
	bool sarif = false;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (opt == OPT_JSON)
			a->json = true;
		else if (opt == OPT_SARIF)
			sarif = true;
		else if (opt == OPT_POLICY)
			a->policy_file = optarg;
		else if (opt == OPT_SEEN)
			a->seen_file = optarg;
		else
			return -EINVAL; /* getopt has said what is wrong */
	}
	a->paths = argv + optind;
	if (a->json && sarif)
		log_error("--json and --sarif do not go together");
	else if (a->seen_file && *a->paths)
		log_error("--seen tells of this host's containers, not of files");
	else if (sarif && !(a->sarif = sarif_new()))
		log_error("out of memory");
	else
		return 0;
	return -EINVAL;
}

/* --- findings ---------------------------------------------------------------------------------- */

static int finding_print(struct audit *a, const struct judged_finding *judged)
{
	json_t *object = NULL;
	int err = 0;

	if (a->sarif)
		return sarif_add(a->sarif, judged);
	if (!a->json)
		return finding_to_text(judged, a->color, stdout);
	object = finding_to_json(judged);
	if (!object)
		return -ENOMEM;
	if (json_dumpf(object, stdout, EVENT_JSON_FLAGS) || putchar('\n') == EOF)
		err = -EIO;
	json_decref(object);
	return err;
}

static enum verdict verdict_by(enum policy_said said)
{
	return said == POLICY_GRANTS	? VERDICT_JUSTIFIED
	       : said == POLICY_EXPIRED ? VERDICT_EXPIRED
					: VERDICT_FLAGGED;
}

static int finding_take(void *ctx, const struct finding *f)
{
	struct audit *a = ctx;
	const struct policy_subject subject = {
		.container = f->container,
		.daemon = f->daemon != DAEMON_NONE ? f->daemon : DAEMON_DOCKER,
		.socket_path = f->socket,
		.time_ns = clock_epoch_ns(),
	};
	const struct policy_answer answer = policy_ask(a->policy, &subject);
	CLEANUP(usage_clear) struct usage usage = {0};
	bool looked = a->seen && f->container;
	AUTO_FREE char *advice = NULL;
	struct judged_finding judged = {
		.finding = f,
		.verdict = verdict_by(answer.said),
		.rule = answer.rule,
		.usage = looked ? &usage : NULL,
	};

	if (looked && seen_find(a->seen, f->container, &usage))
		return -ENOMEM;
	advice = finding_advice(f, judged.usage);
	if (!advice)
		return -ENOMEM;
	judged.advice = advice;
	a->found++;
	a->not_justified += judged.verdict != VERDICT_JUSTIFIED;
	return finding_print(a, &judged);
}

static void error_take(void *ctx, const char *file, unsigned int line, unsigned int column,
		       const char *text)
{
	struct audit *a = ctx;
	char name[1024], shown[1024];

	text_escape(name, sizeof(name), file, strlen(file));
	text_escape(shown, sizeof(shown), text, strlen(text));
	if (line)
		log_error("%s:%u:%u: %s", name, line, column, shown);
	else
		log_error("%s: %s", name, shown);
	a->errors++;
	if (a->sarif && sarif_add_error(a->sarif, file, line, column, text))
		log_error("out of memory: the log will not be whole");
}

static void seen_complain(void *ctx, unsigned int line, const char *text)
{
	struct audit *a = ctx;

	error_take(a, a->seen_file, line, 1, text);
}

/* --- running ------------------------------------------------------------------------------------ */

static int stdin_read(const struct audit_options *options, struct audit_counts *counts)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0, size = 0;
	ssize_t n;

	do {
		if (size - len < (64 << 10)) {
			char *more = realloc(text, size += 1 << 20);

			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(STDIN_FILENO, text + len, size - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	} while (n && len <= AUDIT_FILE_MAX);
	if (len > AUDIT_FILE_MAX) {
		options->error(options->ctx, "-", 0, 0, "it is larger than is read (64 MiB)");
		return 0;
	}
	return audit_text("-", text, len, options, counts);
}

static int files_audit(struct audit *a)
{
	const struct audit_options options = {
		.finding = finding_take, .error = error_take, .ctx = a};
	struct audit_counts counts = {0};
	int err = 0;

	for (char **path = a->paths; !err && *path; path++)
		err = strcmp(*path, "-") ? audit_path(*path, &options, &counts)
					 : stdin_read(&options, &counts);
	log_info("%zu finding%s, %zu not justified, in %zu files; %zu of other kinds were left "
		 "alone",
		 a->found, a->found == 1 ? "" : "s", a->not_justified, counts.files, counts.other);
	if (counts.external_volumes)
		log_info("%zu external volume%s: what is behind is not written there; "
			 "'docksnoop audit' on the host tells",
			 counts.external_volumes, counts.external_volumes == 1 ? "" : "s");
	return err;
}

static int live_audit(struct audit *a)
{
	int err = live_look(finding_take, a);

	if (!err)
		log_info("%zu finding%s, %zu not justified, on this host", a->found,
			 a->found == 1 ? "" : "s", a->not_justified);
	return err;
}

static int sarif_print(struct audit *a)
{
	json_t *log = sarif_finish(a->sarif);
	int err = log ? 0 : -ENOMEM;

	if (log && (json_dumpf(log, stdout, JSON_INDENT(2)) || putchar('\n') == EOF))
		err = -EIO;
	json_decref(log);
	return err;
}

int cmd_audit(int argc, char **argv)
{
	AUTO_AUDIT struct audit a = {.color = isatty(STDOUT_FILENO)};
	char why[POLICY_WHY_SIZE];
	int err = options_parse(argc, argv, &a);

	if (err)
		return err > 0 ? EXIT_DONE : EXIT_USAGE;
	if (policy_open(a.policy_file, why, &a.policy))
		return EXIT_USAGE;
	if (a.seen_file) {
		err = seen_load(a.seen_file, seen_complain, &a, &a.seen);
		if (err) {
			error_take(&a, a.seen_file, 0, 0, strerror(-err));
			return EXIT_USAGE;
		}
	}
	if (!*a.paths && geteuid()) {
		log_error("not root: the mounts of other users' processes cannot be read; "
			  "give the files to be looked at, or run it as root");
		return EXIT_UNABLE;
	}
	err = *a.paths ? files_audit(&a) : live_audit(&a);
	if (!err && a.sarif)
		err = sarif_print(&a);
	if (!err && fflush(stdout))
		err = -errno;
	if (err) {
		log_error("auditing: %s", strerror(-err));
		/* No socket diagnostics: live_look() has said which module they need. */
		return err == -ENOENT ? EXIT_UNABLE : EXIT_BROKE;
	}
	return a.errors ? EXIT_USAGE : a.not_justified ? EXIT_FINDING : EXIT_DONE;
}
