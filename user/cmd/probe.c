// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "user/cmd/cmd.h"
#include "user/sensor/preflight.h"
#include "user/sensor/sensor.h"
#include "user/util/log.h"

static const char help[] =
	"usage: docksnoop probe [--json]\n"
	"\n"
	"What this kernel and these privileges offer, feature by feature, and why not.\n"
	"Each is tried by loading and attaching, never guessed from a version.\n"
	"\n"
	"  --json      one JSON object\n"
	"  -h, --help  this\n"
	"\n"
	"Exit code 0 when docksnoop can watch here in some mode, 3 when it cannot.\n";

/* Either prints as it goes, or collects. */
struct report {
	json_t *features; /* NULL: text for people */
	json_t *modes;
};

static void report_line(struct report *r, json_t *list, const char *name, const char *what,
			bool available, const char *why)
{
	json_t *entry = NULL;

	if (!r->features) {
		printf("  %-3s  %-40s %s\n", available ? "yes" : "no", name,
		       available ? what : why);
		return;
	}
	entry = json_pack("{s:s, s:b}", "name", name, "available", available);
	if (!available)
		json_object_set_new(entry, "why", json_string(why));
	json_array_append_new(list, entry);
}

static const struct {
	const char *section;
	const char *what;
} hooks[] = {
	{"fexit/kern_path", "what a name led to and through which mount, trampoline mode"},
	{"fexit/security_unix_stream_connect", "who connects, trampoline mode"},
	{"fexit/unix_stream_connect", "connects that fail, trampoline mode"},
	{"kprobe/kern_path", "kprobe mode"},
	{"kretprobe/kern_path", "what a name led to and through which mount, kprobe mode"},
	{"kprobe/security_unix_stream_connect", "kprobe mode"},
	{"kretprobe/security_unix_stream_connect", "who connects, kprobe mode"},
	{"kprobe/unix_stream_connect", "kprobe mode"},
	{"kretprobe/unix_stream_connect", "connects that fail, kprobe mode"},
	{"tp_btf/sk_data_ready", "who connects, who uses a connection, tracepoint mode"},
	{"cgroup/connect_unix", "connects that fail, tracepoint mode (by their name)"},
	{"tp_btf/sock_recv_length", "what is asked, tracepoint mode"},
	{"tp_btf/sock_send_length", "what is answered, tracepoint mode"},
	{"fentry/unix_stream_sendmsg", "who uses a connection, trampoline mode"},
	{"fexit/unix_stream_sendmsg", "what is answered, trampoline mode"},
	{"fentry/unix_stream_recvmsg", "trampoline mode"},
	{"fexit/unix_stream_recvmsg", "what is asked, trampoline mode"},
	{"fentry/unix_stream_sendpage",
	 "who uses a connection by sendfile(2), trampoline mode before 6.5"},
	{"fexit/unix_stream_sendpage", "what it has passed that way, trampoline mode before 6.5"},
	{"kprobe/unix_stream_sendmsg", "who uses a connection, kprobe mode"},
	{"kretprobe/unix_stream_sendmsg", "what is answered, kprobe mode"},
	{"kprobe/unix_stream_recvmsg", "kprobe mode"},
	{"kretprobe/unix_stream_recvmsg", "what is asked, kprobe mode"},
	{"kprobe/unix_stream_sendpage", "the same for sendfile(2), kprobe mode before 6.5"},
	{"tp_btf/sched_process_exec", "containers' and daemons' starts"},
	{"tp_btf/cgroup_mkdir", "containers about to start"},
	{"tp_btf/inet_sock_set_state", "who connects to a daemon's TCP side (optional)"},
};

static void report_hook(void *ctx, const char *section, const struct sensor_reason *reason)
{
	struct report *r = ctx;
	const char *what = "";

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (!strcmp(hooks[i].section, section))
			what = hooks[i].what;
	report_line(r, r->features, section, what, !reason->error, reason->text);
}

/* The strongest mode that can be had, or NULL. */
static const char *report_modes(struct report *r)
{
	const char *best = NULL;

	for (int m = SENSOR_MODE_AUTO + 1; m < SENSOR_MODE_COUNT; m++) {
		struct sensor_reason reasons[SENSOR_MODE_COUNT] = {0};
		AUTO_SENSOR struct sensor *sensor = NULL;
		const struct sensor_options options = {.mode = m, .streams = true};
		int err = sensor_open(&options, reasons, &sensor);

		if (!err && !best)
			best = sensor_mode_name(m);
		report_line(r, r->modes, sensor_mode_name(m), "", !err, reasons[m].text);
	}
	return best;
}

/* Loading would only repeat what is missing already. */
static bool report_checks(struct report *r)
{
	bool able = true;

	for (const struct preflight_check *c = preflight_checks; c->name; c++) {
		char why[512] = "";
		int err = c->run(why, sizeof(why));

		report_line(r, r->features, c->name, c->what, !err, why);
		if (err && c->required)
			able = false;
	}
	return able;
}

static const char *probe(struct report *r)
{
	if (!r->features)
		puts("host");
	if (!report_checks(r))
		return NULL;
	if (!r->features)
		puts("hooks");
	sensor_probe(report_hook, r);
	if (!r->features)
		puts("modes");
	return report_modes(r);
}

int cmd_probe(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct report r = {0};
	struct utsname u = {0};
	const char *best = NULL;
	json_t *out = NULL;
	bool json = false;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (opt != 'j')
			return EXIT_USAGE;
		json = true;
	}
	if (optind < argc) {
		log_error("probe takes no argument '%s'", argv[optind]);
		return EXIT_USAGE;
	}
	uname(&u);
	if (json) {
		r.features = json_array();
		r.modes = json_array();
	} else {
		printf("docksnoop %s on %s %s (%s)\n", DOCKSNOOP_VERSION, u.sysname, u.release,
		       u.machine);
	}
	best = probe(&r);
	if (!json) {
		printf("%s%s\n",
		       best ? "docksnoop watches here in mode: " : "docksnoop cannot watch here",
		       best ? best : "");
		return best ? EXIT_DONE : EXIT_UNABLE;
	}
	out = json_pack("{s:s, s:s, s:s, s:o, s:o}", "version", DOCKSNOOP_VERSION, "kernel",
			u.release, "architecture", u.machine, "features", r.features, "modes",
			r.modes);
	if (out && best)
		json_object_set_new(out, "mode", json_string(best));
	if (!out || json_dumpf(out, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER)) {
		log_error("no memory");
		json_decref(out);
		return EXIT_BROKE;
	}
	putchar('\n');
	json_decref(out);
	return best ? EXIT_DONE : EXIT_UNABLE;
}
