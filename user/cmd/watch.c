// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user/cmd/cmd.h"
#include "user/cmd/notify.h"
#include "user/cmd/pipeline.h"
#include "user/cmd/policy_file.h"
#include "user/cmd/watch_options.h"
#include "user/sensor/pins.h"
#include "user/sensor/preflight.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/confine.h"
#include "user/util/file.h"
#include "user/util/log.h"
#include "user/util/text.h"

#define SYSLOG_SOCKET "/dev/log"
#define TICK_NS	      200000000L
#define TRIM_NS	      1000000000ULL

struct watch {
	struct watch_options options;
	struct event_host host;
	struct stream *stream;
	struct sensor *sensor;
	struct pipeline *pipeline;
	struct policy *policy; /* NULL: none */
	struct pins *pins;     /* NULL: nothing outlives us */
	int procfd;
	int epoll;
	int signals;
	int timer;
	uint64_t end_ns; /* 0: none */
	uint64_t trimmed_ns;
	bool worked; /* since memory was trimmed */
	bool stop;
};

static void watch_free(struct watch *w)
{
	pipeline_free(w->pipeline);
	policy_free(w->policy);
	/* It keeps its account in what is the sensor's. */
	stream_free(w->stream);
	sensor_free(w->sensor);
	pins_close(w->pins);
	free(w->host.hostname);
	free(w->host.machine_id);
	cleanup_close(&w->procfd);
	cleanup_close(&w->epoll);
	cleanup_close(&w->signals);
	cleanup_close(&w->timer);
	watch_options_clear(&w->options);
}
#define AUTO_WATCH __attribute__((cleanup(watch_free)))

/* --- setting up ------------------------------------------------------------------- */

static int host_describe(struct event_host *host)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	host->hostname = strdup(name);
	if (!host->hostname)
		return -ENOMEM;
	if (!file_read(AT_FDCWD, "/etc/machine-id", 64, &host->machine_id, NULL))
		host->machine_id[strcspn(host->machine_id, "\n")] = '\0';
	return 0;
}

static int sink_take(struct watch *w, int err, struct sink *sink, const char *what)
{
	if (!err)
		err = stream_add_sink(w->stream, sink);
	if (err)
		log_error("%s: %s", what,
			  err == -EBUSY ? "another docksnoop writes to it" : strerror(-err));
	return err;
}

/* From the sinks' own threads. */
static void sink_trouble(void *ctx, const struct outlet_trouble *t)
{
	(void)ctx;
	if (t->gone)
		log_warn("%s: %s, and %" PRIu64 " lines with it; a new one was begun", t->sink,
			 t->gone, t->lines);
	else if (t->error == -EPIPE)
		log_warn("%s: nobody reads it any more; what would go there is lost", t->sink);
	else if (t->error == -EAGAIN)
		log_warn("%s: its reader does not read; up to %lu MiB of lines wait for it",
			 t->sink, OUTLET_BYTES >> 20);
	else if (t->error)
		log_warn("%s: %s; up to %lu MiB of lines wait until it takes them again", t->sink,
			 strerror(-t->error), OUTLET_BYTES >> 20);
	else
		log_info("%s: takes lines again", t->sink);
}

static int sinks_open(struct watch *w)
{
	const struct watch_options *o = &w->options;
	struct sink *sink = NULL;
	int err = 0;

	w->stream = stream_new(&w->host, sink_trouble, NULL);
	if (!w->stream)
		return -ENOMEM;
	if (!o->no_stdout) {
		err = sink_open_stream(STDOUT_FILENO, o->json, &sink);
		err = sink_take(w, err, sink, "stdout");
	}
	if (!err && o->file) {
		err = sink_open_file(o->file, &sink);
		err = sink_take(w, err, sink, o->file);
	}
	if (!err && o->syslog) {
		err = sink_open_syslog(SYSLOG_SOCKET, o->facility, &sink);
		err = sink_take(w, err, sink, SYSLOG_SOCKET);
	}
	return err;
}

static int poll_add(struct watch *w, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int loop_open(struct watch *w)
{
	struct itimerspec tick = {
		.it_interval.tv_nsec = TICK_NS,
		.it_value.tv_nsec = TICK_NS,
	};
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	/* A sink's failure is that sink's: counted, and not the end of us. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->signals < 0 || w->timer < 0 || w->epoll < 0)
		return -errno;
	if (timerfd_settime(w->timer, 0, &tick, NULL))
		return -errno;
	err = poll_add(w, w->signals);
	err = err ? err : poll_add(w, w->timer);
	err = err ? err : poll_add(w, sensor_fd(w->sensor));
	return err;
}

/* Where it cannot be kept, that is said, and it is done without. */
static void pins_take(struct watch *w)
{
	char why[512] = "";
	int err;

	if (!strcmp(w->options.pin, WATCH_PIN_NONE))
		return;
	err = pins_open(w->options.pin, why, sizeof(why), &w->pins);
	if (err == -EBUSY)
		log_info("%s: this is a second docksnoop beside it, and what happens while it does "
			 "not run is not kept for it",
			 why);
	else if (err)
		log_info("%s: what happens after a crash, until the next start, is not kept", why);
}

static int watch_attach(struct watch *w)
{
	struct sensor_reason reasons[SENSOR_MODE_COUNT] = {0};
	const struct sensor_options options = {
		.mode = w->options.mode,
		.streams = !w->options.no_requests,
		.pins = w->pins,
	};
	int err = sensor_open(&options, reasons, &w->sensor);

	for (int m = SENSOR_MODE_AUTO + 1; m < SENSOR_MODE_COUNT; m++) {
		if (!reasons[m].error)
			continue;
		if (err)
			log_error("%s mode: %s", sensor_mode_name(m), reasons[m].text);
		else
			log_info("no %s mode: %s", sensor_mode_name(m), reasons[m].text);
	}
	if (!err && sensor_unkept(w->sensor))
		log_info("%s: what happens after a crash, until the next start, is not kept",
			 sensor_unkept(w->sensor));
	if (!err && sensor_untyped(w->sensor))
		log_warn("the kernel's structs are not read by their types, so each access that is "
			 "looked at takes longer: %s",
			 sensor_untyped(w->sensor));
	if (!err && !sensor_sees_failures(w->sensor))
		log_info("connects that fail are not seen in tracepoint mode on this kernel");
	if (err)
		log_error("this kernel lets docksnoop attach in no %smode; "
			  "'docksnoop probe' tells what is missing",
			  w->options.mode == SENSOR_MODE_AUTO ? "" : "such ");
	return err;
}

/* --- running ------------------------------------------------------------------------ */

static void policy_say(const struct watch *w)
{
	char shown[512];

	if (!w->policy)
		return;
	text_escape(shown, sizeof(shown), w->policy->file, strlen(w->policy->file));
	log_info("policy %s: %zu rule%s in force", shown, w->policy->count,
		 w->policy->count == 1 ? "" : "s");
}

/* A bad one is refused, and the old one stays in force: both is said in the stream. */
static void policy_reload(struct watch *w)
{
	const char *file = w->options.policy ? w->options.policy : POLICY_FILE;
	struct policy *policy = NULL;
	char why[POLICY_WHY_SIZE];

	if (policy_open(w->options.policy, why, &policy)) {
		log_warn("the policy in force stays as it was");
		pipeline_policy_said(w->pipeline, file, why);
		return;
	}
	if (!policy && !w->policy)
		return;
	pipeline_set_policy(w->pipeline, policy, file);
	policy_free(w->policy);
	w->policy = policy;
	policy_say(w);
}

/*
 * What is allocated by one thread and freed by another leaves holes in each one's heap: one
 * heap for all, and what is large, as chunks of a queue are, goes back at once.
 */
static void memory_spare(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 64 << 10);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

/* What was read in between, files of JSON above all, leaves holes of whole pages. */
static void memory_trim(struct watch *w)
{
	uint64_t now = clock_boot_ns();

	if (!w->worked || now - w->trimmed_ns < TRIM_NS)
		return;
	w->worked = false;
	w->trimmed_ns = now;
	malloc_trim(0);
}

static void signals_take(struct watch *w)
{
	struct signalfd_siginfo info = {0};

	while (read(w->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			w->stop = true;
			continue;
		}
		notify_reloading();
		stream_reopen(w->stream);
		policy_reload(w);
		notify_ready(w->host.mode);
	}
}

static int watch_run(struct watch *w)
{
	struct epoll_event events[4];
	uint64_t expired = 0;
	int n, err = 0;

	while (!err && !w->stop) {
		n = epoll_wait(w->epoll, events, 4, -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == w->signals)
				signals_take(w);
			else if (events[i].data.fd == w->timer)
				(void)!read(w->timer, &expired, sizeof(expired));
			else
				w->worked = true;
		}
		/* Before the tick: what came first is judged by what was known first. */
		err = pipeline_drain(w->pipeline);
		pipeline_tick(w->pipeline);
		stream_flush(w->stream);
		memory_trim(w);
		notify_watchdog();
		if (stream_dead(w->stream)) {
			log_error("stdout was closed, and there is no other place to write to");
			err = -EPIPE;
		}
		if (w->end_ns && clock_boot_ns() >= w->end_ns)
			w->stop = true;
		if (w->options.count && pipeline_written(w->pipeline) >= w->options.count)
			w->stop = true;
	}
	return err;
}

static int watch_start(struct watch *w)
{
	struct pipeline_options po = {
		.procfd = w->procfd,
		.sensor = w->sensor,
		.stream = w->stream,
		.sockets = w->options.sockets,
		.all = w->options.all,
		.requests = !w->options.no_requests,
		.policy = w->policy,
	};
	int err = pipeline_new(&po, &w->pipeline);

	if (err == -ENOENT)
		log_error("this kernel has no socket diagnostics for AF_UNIX: load the module "
			  "unix_diag (CONFIG_UNIX_DIAG)");
	if (err)
		return err;
	pipeline_limit(w->pipeline, w->options.count);
	err = pipeline_start(w->pipeline);
	if (err)
		log_error("finding the daemons' sockets: %s", strerror(-err));
	return err;
}

/* Credentials that daemons were sent are in our memory: they must not get into a core file. */
static int core_forbid(void)
{
	const struct rlimit none = {0, 0};

	/* The second for the program that kernel.core_pattern may name: no limit counts for it. */
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}

/* Everything is open: nothing but what is needed from here on. */
static int watch_confine(struct watch *w)
{
	char why[256] = "";
	int err = process_confine(why, sizeof(why));

	if (err) {
		log_error("%s", why);
		return err;
	}
	stream_set_ledger(w->stream, sensor_ledger(w->sensor));
	err = stream_start(w->stream);
	err = err ? err : sensor_start(w->sensor);
	if (err)
		log_error("starting a thread: %s", strerror(-err));
	return err;
}

/* What has not got out by then will not: a reader that hangs must not keep us. */
#define FINISH_MS 3000

static void watch_finish(struct watch *w)
{
	uint64_t left = stream_finish(w->stream, FINISH_MS);

	if (left)
		log_warn("%" PRIu64 " lines could not be written any more, and are lost", left);
	if (stream_head(w->stream))
		log_info("%s ends with the hash %s", w->options.file, stream_head(w->stream));
	log_info("stopped: %" PRIu64 " events written, %" PRIu64 " lost", stream_emitted(w->stream),
		 pipeline_lost(w->pipeline));
}

static int watch_unpin(const char *dir)
{
	AUTO_PINS struct pins *pins = NULL;
	char why[512] = "";

	if (access(dir, F_OK) && errno == ENOENT) {
		log_info("%s: there is nothing to remove", dir);
		return EXIT_DONE;
	}
	if (pins_open(dir, why, sizeof(why), &pins)) {
		log_error("%s", why);
		return EXIT_BROKE;
	}
	pins_remove(pins);
	log_info("%s was removed: nothing is attached any more", dir);
	return EXIT_DONE;
}

int cmd_watch(int argc, char **argv)
{
	AUTO_WATCH struct watch w = {
		.procfd = -1,
		.epoll = -1,
		.signals = -1,
		.timer = -1,
		.worked = true, /* starting is work, too */
	};
	char why[POLICY_WHY_SIZE];
	int err = watch_options_parse(argc, argv, &w.options);

	if (err)
		return err > 0 ? EXIT_DONE : EXIT_USAGE;
	if (w.options.unpin)
		return watch_unpin(w.options.pin);
	if (policy_open(w.options.policy, why, &w.policy))
		return EXIT_USAGE;
	policy_say(&w);
	err = core_forbid();
	if (err) {
		log_error("forbidding core files: %s", strerror(-err));
		return EXIT_BROKE;
	}
	if (sensor_preflight(why, sizeof(why))) {
		log_error("%s", why);
		return EXIT_UNABLE;
	}
	memory_spare();
	w.procfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w.procfd < 0 || host_describe(&w.host))
		return EXIT_BROKE;
	if (sinks_open(&w))
		return EXIT_USAGE;
	pins_take(&w);
	if (watch_attach(&w))
		return EXIT_UNABLE;
	w.host.mode = sensor_mode_name(sensor_mode(w.sensor));
	if (watch_confine(&w))
		return EXIT_BROKE;
	err = loop_open(&w);
	err = err ? err : watch_start(&w);
	if (err) {
		log_error("starting: %s", strerror(-err));
		return EXIT_BROKE;
	}
	if (w.options.duration_s)
		w.end_ns = clock_boot_ns() + w.options.duration_s * 1000000000ULL;
	stream_flush(w.stream);
	pipeline_armed(w.pipeline);
	notify_ready(w.host.mode);

	err = watch_run(&w);
	notify_stopping();
	pipeline_stopped(w.pipeline);
	watch_finish(&w);
	if (err && err != -EPIPE)
		log_error("reading from the kernel: %s", strerror(-err));
	return err ? EXIT_BROKE : EXIT_DONE;
}
