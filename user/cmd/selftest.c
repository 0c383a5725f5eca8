// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/cmd/cmd.h"
#include "user/cmd/pipeline.h"
#include "user/cmd/stage.h"
#include "user/sensor/preflight.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"
#include "user/util/log.h"

static const char help[] =
	"usage: docksnoop selftest [--mode MODE]\n"
	"\n"
	"Prove on this host, end to end and without Docker, that an access is seen: a\n"
	"listener, a cgroup and a mount namespace are made, the socket is bound to\n"
	"another name there, a process connects through it and asks for something, and\n"
	"each thing that must be known of that is checked. Nothing is left behind.\n"
	"\n"
	"  --mode MODE   auto, trampoline, kprobe or tracepoint\n"
	"  -h, --help    this\n"
	"\n"
	"Exit code 0 when all was seen, 1 when not, 3 when it cannot run here.\n";

#define FLUSH_MS       1000 /* for what was emitted to be in the file */
#define SEEN_WITHIN_NS 3000000000ULL
#define EVENTS_MAX     (16 << 20)

struct selftest {
	enum sensor_mode mode;
	struct event_host host;
	struct sensor *sensor;
	struct stream *stream;
	struct pipeline *pipeline;
	struct stage *stage;
	int procfd;
	int events; /* a file in memory that the stream writes to */
	unsigned int failed;
};

static void step(struct selftest *t, bool ok, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void step(struct selftest *t, bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("  %-6s ", ok ? "ok" : "FAILED");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	t->failed += !ok;
}

static void selftest_free(struct selftest *t)
{
	stage_free(t->stage);
	pipeline_free(t->pipeline);
	stream_free(t->stream);
	sensor_free(t->sensor);
	cleanup_close(&t->events);
	cleanup_close(&t->procfd);
}
#define AUTO_SELFTEST __attribute__((cleanup(selftest_free)))

/* --- what was seen -------------------------------------------------------------------- */

/* A string or number deep inside an object, by a path such as "process.name". */
static json_t *json_at(json_t *object, const char *path)
{
	char part[64];

	while (object && *path) {
		size_t len = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		object = json_object_get(object, part);
		path += len + (path[len] == '.');
	}
	return object;
}

static bool text_is(json_t *event, const char *path, const char *want)
{
	const char *is = json_string_value(json_at(event, path));

	return is && !strcmp(is, want);
}

/* Events of this kind by @pid among those so far, as an array. */
static json_t *events_find(struct selftest *t, const char *action, pid_t pid)
{
	AUTO_FREE char *text = NULL;
	json_t *found = json_array();
	struct stat st = {0};
	char *save = NULL;
	off_t size;

	stream_finish(t->stream, FLUSH_MS);
	size = fstat(t->events, &st) ? 0 : st.st_size;
	if (size <= 0 || size > EVENTS_MAX)
		return found;
	text = calloc(1, size + 1);
	if (!text || pread(t->events, text, size, 0) != size)
		return found;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *event = json_loads(line, 0, NULL);

		if (text_is(event, "event.action", action) &&
		    json_integer_value(json_at(event, "process.pid")) == pid)
			json_array_append(found, event);
		json_decref(event);
	}
	return found;
}

/* Let records come in until one was seen, or for as long as it may take. */
static json_t *events_wait(struct selftest *t, const char *action, pid_t pid)
{
	uint64_t end = clock_boot_ns() + SEEN_WITHIN_NS;
	struct pollfd poll_fd = {.fd = sensor_fd(t->sensor), .events = POLLIN};
	json_t *found = NULL;

	do {
		poll(&poll_fd, 1, 50);
		pipeline_drain(t->pipeline);
		json_decref(found);
		found = events_find(t, action, pid);
	} while (!json_array_size(found) && clock_boot_ns() < end);
	return found;
}

/* --- the steps ------------------------------------------------------------------------ */

static int attach(struct selftest *t)
{
	struct sensor_reason reasons[SENSOR_MODE_COUNT] = {0};
	const struct sensor_options options = {.mode = t->mode, .streams = true};
	int err = sensor_open(&options, reasons, &t->sensor);

	for (int m = SENSOR_MODE_AUTO + 1; m < SENSOR_MODE_COUNT; m++)
		if (reasons[m].error)
			printf("  %-6s %s mode: %s\n", err ? "FAILED" : "-", sensor_mode_name(m),
			       reasons[m].text);
	if (err)
		return err;
	t->host.mode = sensor_mode_name(sensor_mode(t->sensor));
	step(t, true, "attached in %s mode", t->host.mode);
	return 0;
}

static int watch_stage(struct selftest *t)
{
	const char *sockets[] = {stage_socket(t->stage), NULL};
	struct pipeline_options options = {
		.procfd = t->procfd,
		.sensor = t->sensor,
		.sockets = sockets,
		.requests = true,
	};
	struct sink *sink = NULL;
	int err;

	t->events = memfd_create("docksnoop-selftest", MFD_CLOEXEC);
	t->stream = stream_new(&t->host, NULL, NULL);
	if (t->events < 0 || !t->stream)
		return -ENOMEM;
	err = sink_open_stream(t->events, true, &sink);
	err = err ? err : stream_add_sink(t->stream, sink);
	options.stream = t->stream;
	if (!err)
		stream_set_ledger(t->stream, sensor_ledger(t->sensor));
	err = err ? err : stream_start(t->stream);
	err = err ? err : pipeline_new(&options, &t->pipeline);
	return err ? err : pipeline_start(t->pipeline);
}

static void check_access(struct selftest *t, pid_t pid, uint64_t since)
{
	json_t *seen = events_wait(t, "socket-connect", pid);
	json_t *event = json_array_get(seen, 0);
	const char *name = json_string_value(json_at(event, "process.name"));
	bool ro = json_is_true(json_at(event, "docksnoop.mount.read_only"));

	step(t, json_array_size(seen) == 1, "its connect was seen %s",
	     json_array_size(seen) == 1 ? "once"
	     : event			? "more than once"
					: "never");
	if (!event) {
		json_decref(seen);
		return;
	}
	step(t, clock_boot_ns() - since < SEEN_WITHIN_NS, "within %" PRIu64 " ms",
	     (clock_boot_ns() - since) / 1000000);
	step(t, name && text_is(event, "event.outcome", "success"),
	     "the process: %s[%d], parent %d", name ? name : "?", (int)pid, (int)getpid());
	step(t, text_is(event, "docksnoop.socket.path", stage_socket(t->stage)),
	     "the socket, as it was bound: %s", stage_socket(t->stage));
	step(t, text_is(event, "container.id", stage_container(t->stage)),
	     "the container, by its cgroup: %.12s", stage_container(t->stage));
	step(t,
	     text_is(event, "docksnoop.mount.via", "socket-bind") &&
		     text_is(event, "docksnoop.mount.target", stage_target(t->stage)) && !ro,
	     "the mount: a bind of the socket at %s", stage_target(t->stage));
	step(t, text_is(event, "docksnoop.verdict", "flagged"), "it is flagged");
	json_decref(seen);
}

static void check_request(struct selftest *t, pid_t pid)
{
	int err = stage_serve(t->stage);
	json_t *seen = events_wait(t, "api-request", pid);
	json_t *event = json_array_get(seen, 0);
	bool right =
		text_is(event, "http.request.method", "GET") &&
		text_is(event, "url.path", STAGE_REQUEST) &&
		text_is(event, "container.id", stage_container(t->stage)) &&
		json_integer_value(json_at(event, "http.response.status_code")) == STAGE_STATUS;

	step(t, !err && right && json_array_size(seen) == 1,
	     "what it asked for, and the answer: GET %s %d%s%s", STAGE_REQUEST, STAGE_STATUS,
	     err ? ": " : "", err ? strerror(-err) : "");
	json_decref(seen);
}

static void check_other(struct selftest *t)
{
	pid_t pid = 0;
	int err = stage_connect_other(t->stage, &pid);
	json_t *seen = NULL;

	if (err) {
		step(t, false, "a connect to another socket: %s", strerror(-err));
		return;
	}
	/* A second real access comes after it in the ring: once that is here, so is the other. */
	err = stage_connect(t->stage, &pid);
	seen = events_wait(t, "socket-connect", pid);
	step(t, !err && json_array_size(seen) == 1, "a second access was seen too");
	json_decref(seen);
	seen = events_find(t, "socket-connect", stage_other_pid(t->stage));
	step(t, json_array_size(seen) == 0, "a connect to another socket was left alone");
	json_decref(seen);
}

static void check_lost(struct selftest *t)
{
	uint64_t lost[DS_RING_COUNT][DS_LOST_COUNT] = {0};
	uint64_t sum = 0;
	int err = sensor_lost(t->sensor, lost);

	for (int i = 0; i < DS_RING_COUNT * DS_LOST_COUNT; i++)
		sum += lost[i / DS_LOST_COUNT][i % DS_LOST_COUNT];
	step(t, !err && !sum, "%" PRIu64 " records lost", sum);
}

static int selftest_run(struct selftest *t)
{
	char why[512] = "";
	uint64_t since = 0;
	pid_t pid = 0;
	int err = sensor_preflight(why, sizeof(why));

	if (err) {
		log_error("%s", why);
		return EXIT_UNABLE;
	}
	step(t, true, "privileges, BTF and socket diagnostics");
	if (attach(t))
		return EXIT_UNABLE;
	err = stage_new(t->procfd, why, sizeof(why), &t->stage);
	step(t, !err, "a listener, a cgroup and a directory of its own%s%s", err ? ": " : "",
	     err ? why : "");
	if (err)
		return EXIT_FINDING;
	err = watch_stage(t);
	step(t, !err, "the listener is watched%s%s", err ? ": " : "", err ? strerror(-err) : "");
	if (err)
		return EXIT_FINDING;

	since = clock_boot_ns();
	err = stage_connect(t->stage, &pid);
	step(t, !err, "a process in that cgroup, with mounts of its own, connects%s%s",
	     err ? ": " : "", err ? strerror(-err) : "");
	if (!err) {
		check_access(t, pid, since);
		check_request(t, pid);
		check_other(t);
		check_lost(t);
	}
	err = stage_remove(t->stage);
	step(t, !err, "nothing is left behind%s%s", err ? ": " : "", err ? strerror(-err) : "");
	return t->failed ? EXIT_FINDING : EXIT_DONE;
}

int cmd_selftest(int argc, char **argv)
{
	static const struct option options[] = {
		{"mode", required_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	AUTO_SELFTEST struct selftest t = {.procfd = -1, .events = -1, .host.hostname = ""};
	struct utsname u = {0};
	int opt, code;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (opt != 'm')
			return EXIT_USAGE;
		if (sensor_mode_parse(optarg, &t.mode)) {
			log_error("--mode takes auto, trampoline, kprobe or tracepoint, not '%s'",
				  optarg);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		log_error("selftest takes no argument '%s'", argv[optind]);
		return EXIT_USAGE;
	}
	t.procfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	uname(&u);
	printf("docksnoop %s selftest on %s %s\n", DOCKSNOOP_VERSION, u.sysname, u.release);
	fflush(stdout);
	code = selftest_run(&t);
	if (code == EXIT_DONE)
		printf("selftest passed in %s mode\n", t.host.mode);
	else
		puts(code == EXIT_UNABLE ? "selftest could not run here" : "selftest FAILED");
	return code;
}
