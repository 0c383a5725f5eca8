// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/watch_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "user/output/sink.h"
#include "user/sensor/pins.h"
#include "user/util/file.h"
#include "user/util/log.h"

static const char help[] =
	"usage: docksnoop [watch] [OPTION]...\n"
	"\n"
	"Stream who reaches the container daemons of this host, until stopped.\n"
	"\n"
	"  --json                JSON lines on stdout instead of text\n"
	"  --no-stdout           nothing on stdout\n"
	"  --syslog[=FACILITY]   also to syslog, JSON behind @cee: (default: daemon)\n"
	"  --file PATH           also append JSON lines to PATH, reopened on SIGHUP\n"
	"  --all                 also accesses by processes of the host\n"
	"  --socket PATH         watch this socket too; may be given several times\n"
	"                        (every container daemon's socket is found without)\n"
	"  --policy FILE         what is justified, reloaded on SIGHUP (default:\n"
	"                        /etc/docksnoop/policy.yaml, where it exists)\n"
	"  --no-requests         do not follow what is asked of the daemons\n"
	"  --pin DIR             folder in bpffs that keeps what happens while docksnoop\n"
	"                        is away after a crash (default: " PINS_DIR ";\n"
	"                        none: nothing is kept)\n"
	"  --unpin               remove what is kept there, and do nothing else\n"
	"  --mode MODE           auto, trampoline, kprobe or tracepoint (default:\n"
	"                        auto, the strongest that this kernel allows)\n"
	"  --duration SECONDS    stop after this time\n"
	"  --count N             stop after N events\n"
	"  -h, --help            this\n"
	"\n"
	"Data goes to stdout, diagnostics to stderr. SIGINT and SIGTERM stop it: what\n"
	"is in the kernel is written out, then a summary on stderr.\n";

enum {
	OPT_JSON = 256,
	OPT_NO_STDOUT,
	OPT_SYSLOG,
	OPT_FILE,
	OPT_ALL,
	OPT_SOCKET,
	OPT_POLICY,
	OPT_PIN,
	OPT_UNPIN,
	OPT_NO_REQUESTS,
	OPT_MODE,
	OPT_DURATION,
	OPT_COUNT,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"no-stdout", no_argument, NULL, OPT_NO_STDOUT},
	{"syslog", optional_argument, NULL, OPT_SYSLOG},
	{"file", required_argument, NULL, OPT_FILE},
	{"all", no_argument, NULL, OPT_ALL},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"policy", required_argument, NULL, OPT_POLICY},
	{"pin", required_argument, NULL, OPT_PIN},
	{"unpin", no_argument, NULL, OPT_UNPIN},
	{"no-requests", no_argument, NULL, OPT_NO_REQUESTS},
	{"mode", required_argument, NULL, OPT_MODE},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"count", required_argument, NULL, OPT_COUNT},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int number_parse(const char *option, const char *text, unsigned long long max,
			unsigned long long *out)
{
	if (!str_parse_uint(text, 1, max, out))
		return 0;
	log_error("%s takes a whole number from 1 to %llu, not '%s'", option, max, text);
	return -EINVAL;
}

static int option_take(int opt, struct watch_options *o, size_t *socket_count)
{
	switch (opt) {
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_NO_STDOUT:
		o->no_stdout = true;
		return 0;
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_NO_REQUESTS:
		o->no_requests = true;
		return 0;
	case OPT_FILE:
		o->file = optarg;
		return 0;
	case OPT_POLICY:
		o->policy = optarg;
		return 0;
	case OPT_PIN:
		o->pin = optarg;
		if (optarg[0] == '/' || !strcmp(optarg, WATCH_PIN_NONE))
			return 0;
		log_error("--pin takes an absolute path, or 'none', not '%s'", optarg);
		return -EINVAL;
	case OPT_UNPIN:
		o->unpin = true;
		return 0;
	case OPT_SYSLOG:
		o->syslog = true;
		if (!optarg || !syslog_facility_parse(optarg, &o->facility))
			return 0;
		log_error("--syslog knows no facility '%s'", optarg);
		return -EINVAL;
	case OPT_SOCKET:
		o->sockets[(*socket_count)++] = optarg;
		if (optarg[0] == '/' || optarg[0] == '@')
			return 0;
		log_error("--socket takes an absolute path, or @NAME, not '%s'", optarg);
		return -EINVAL;
	case OPT_MODE:
		if (!sensor_mode_parse(optarg, &o->mode))
			return 0;
		log_error("--mode takes auto, trampoline, kprobe or tracepoint, not '%s'", optarg);
		return -EINVAL;
	case OPT_DURATION:
		return number_parse("--duration", optarg, INT_MAX, &o->duration_s);
	case OPT_COUNT:
		return number_parse("--count", optarg, LLONG_MAX, &o->count);
	case 'h':
		fputs(help, stdout);
		return 1;
	default: /* getopt has said what is wrong */
		return -EINVAL;
	}
}

int watch_options_parse(int argc, char **argv, struct watch_options *out)
{
	struct watch_options o = {.facility = LOG_DAEMON, .pin = PINS_DIR};
	size_t socket_count = 0;
	int opt, err = 0;

	o.sockets = calloc(argc + 1, sizeof(*o.sockets));
	if (!o.sockets)
		return -ENOMEM;
	optind = 0;
	while (!err && (opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
		err = option_take(opt, &o, &socket_count);
	if (!err && optind < argc) {
		log_error("watch takes no argument '%s'", argv[optind]);
		err = -EINVAL;
	}
	if (!err && o.no_stdout && !o.file && !o.syslog) {
		log_error("--no-stdout leaves nowhere to write: give --file or --syslog");
		err = -EINVAL;
	}
	if (!err && o.unpin && !strcmp(o.pin, WATCH_PIN_NONE)) {
		log_error("--unpin has nothing to remove with --pin none");
		err = -EINVAL;
	}
	if (err) {
		watch_options_clear(&o);
		return err;
	}
	*out = o;
	return 0;
}

void watch_options_clear(struct watch_options *options)
{
	free(options->sockets);
	options->sockets = NULL;
}
