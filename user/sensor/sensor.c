// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/sensor/attach.h"
#include "user/sensor/kprobe.h"
#include "user/sensor/sensor_impl.h"
#include "user/sensor/types.h"
#include "user/util/cleanup.h"

static const char *const mode_names[SENSOR_MODE_COUNT] = {
	[SENSOR_MODE_AUTO] = "auto",
	[SENSOR_MODE_TRAMPOLINE] = "trampoline",
	[SENSOR_MODE_KPROBE] = "kprobe",
	[SENSOR_MODE_TRACEPOINT] = "tracepoint",
};

const char *sensor_mode_name(enum sensor_mode mode)
{
	return mode_names[mode];
}

int sensor_mode_parse(const char *name, enum sensor_mode *out)
{
	for (int i = 0; i < SENSOR_MODE_COUNT; i++) {
		if (!strcmp(name, mode_names[i])) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* libbpf tells why only in its log: keep the line that matters, and the verifier's last. */
static char libbpf_said[256];
static char verifier_said[256];

static void verifier_keep(const char *log)
{
	const char *end = strstr(log, "\n-- END PROG LOAD LOG");
	const char *line = NULL;

	/* "processed N insns …" closes the log and tells nothing. */
	for (const char *p = log; end && p < end; p = strchr(p, '\n') + 1)
		if (strncmp(p, "processed ", 10) && strncmp(p, "-- ", 3) && *p != '\n')
			line = p;
	if (line)
		snprintf(verifier_said, sizeof(verifier_said), "%.*s", (int)strcspn(line, "\n"),
			 line);
}

static int libbpf_keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	AUTO_FREE char *text = NULL;
	const char *log = NULL;

	if (level != LIBBPF_WARN || vasprintf(&text, fmt, ap) < 0)
		return 0;
	log = strstr(text, "-- BEGIN PROG LOAD LOG --\n");
	if (log)
		verifier_keep(strchr(log, '\n') + 1);
	text[strcspn(text, "\n")] = '\0';
	if (!libbpf_said[0] || strstr(text, "failed to load"))
		snprintf(libbpf_said, sizeof(libbpf_said), "%s", text);
	return 0;
}

/* A program belongs to the mode that its name begins with, or is common to all. */
static int sensor_choose(struct docksnoop_bpf *skel, enum sensor_mode mode, int without,
			 bool streams)
{
	static const char *const prefixes[SENSOR_MODE_COUNT] = {
		[SENSOR_MODE_TRAMPOLINE] = "trampoline_",
		[SENSOR_MODE_KPROBE] = "k",
		[SENSOR_MODE_TRACEPOINT] = "tracepoint_",
	};
	struct bpf_program *prog = NULL;

	bpf_object__for_each_program(prog, skel->obj)
	{
		const char *name = bpf_program__name(prog);
		bool wanted = !strncmp(name, "common_", 7) ||
			      !strncmp(name, prefixes[mode], strlen(prefixes[mode]));
		int err = program_prepare(prog);

		if (err)
			return err;
		if (program_level(prog) && program_level(prog) <= without)
			wanted = false;
		if (program_of_streams(prog) && !streams)
			wanted = false;
		wanted = wanted && program_has_place(prog);
		bpf_program__set_autoload(prog, wanted);
	}
	if (!streams)
		bpf_map__set_max_entries(skel->maps.stream_bytes, sysconf(_SC_PAGESIZE));
	/* 2 MiB that no other mode has a use for */
	return bpf_map__set_autocreate(skel->maps.attempts, mode == SENSOR_MODE_TRACEPOINT);
}

static void libbpf_forget(void)
{
	libbpf_said[0] = '\0';
	verifier_said[0] = '\0';
}

/* Can it be done without the one that could not be loaded? */
static bool failed_is_optional(const struct docksnoop_bpf *skel)
{
	const struct bpf_program *prog = NULL;
	char name[64] = "";

	if (sscanf(libbpf_said, "libbpf: prog '%63[^']'", name) != 1)
		return true; /* it does not tell: that is to be tried */
	prog = bpf_object__find_program_by_name(skel->obj, name);
	return !prog || program_level(prog);
}

static int sensor_fail(struct sensor_reason *reason, const char *step, int error)
{
	const char *said = verifier_said[0] ? verifier_said : libbpf_said;

	reason->error = -error;
	/* Some kernels refuse BPF trampolines as a whole, and their verifier never gets a say. */
	if (error == -EPERM && !verifier_said[0])
		said = "refused before the verifier looked at it: this kernel allows no such "
		       "program";
	if (error == -ESRCH || error == -ENOENT) /* libbpf, kprobe_attach(): found no such name */
		said = "this kernel has no such function, tracepoint or kind of probe";
	snprintf(reason->text, sizeof(reason->text), "%s: %s%s%s%s", step, strerror(-error),
		 said[0] ? " (" : "", said, said[0] ? ")" : "");
	return error;
}

static int feed_open(struct sensor *sensor, bool streams)
{
	const struct feed_rings rings = {
		.records =
			{
				[DS_RING_CONTAINERS] = bpf_map__fd(sensor->skel->maps.records),
				[DS_RING_HOST] = bpf_map__fd(sensor->skel->maps.host_records),
			},
		.bytes = streams ? bpf_map__fd(sensor->skel->maps.stream_bytes) : -1,
	};

	return feed_new(&rings, sensor->control, &sensor->feed);
}

static int sensor_attach(struct sensor *sensor, const struct bpf_program *prog)
{
	int err;

	if (sensor->link_count == PROGRAMS_MAX)
		return -ENOSPC;
	err = program_attach(prog, &sensor->links[sensor->link_count]);
	if (!err)
		sensor->attached[sensor->link_count++] = prog;
	return err;
}

/* How it is tried. */
struct trial {
	enum sensor_mode mode;
	int without;	       /* the optional programs up to that level */
	const uint32_t *types; /* of DS_TYPES, for rodata; NULL: fields are read by helpers */
};

/* *hopeless: nor would it do with less. */
static int sensor_open_with(const struct sensor_options *options, const struct trial *trial,
			    struct sensor_reason *reason, bool *hopeless, struct sensor **out)
{
	AUTO_SENSOR struct sensor *sensor = calloc(1, sizeof(*sensor));
	struct bpf_program *prog = NULL;
	int err;

	if (!sensor)
		return -ENOMEM;
	libbpf_forget();
	sensor->mode = trial->mode;
	sensor->skel = docksnoop_bpf__open();
	if (!sensor->skel)
		return sensor_fail(reason, "open", -errno);
	if (trial->types)
		memcpy((void *)sensor->skel->rodata->types, trial->types,
		       sizeof(sensor->skel->rodata->types));
	sensor->skel->rodata->self_tgid = getpid();
	sensor->skel->rodata->follow_streams = options->streams;
	err = sensor_choose(sensor->skel, trial->mode, trial->without, options->streams);
	err = err ? err : sensor_resume(sensor, options);
	err = err ? err : docksnoop_bpf__load(sensor->skel);
	if (err) {
		*hopeless = !failed_is_optional(sensor->skel);
		return sensor_fail(reason, "load", err);
	}
	*hopeless = true;
	err = sensor_control_map(sensor);
	err = err ? err : feed_open(sensor, options->streams);
	if (err)
		return sensor_fail(reason, "ring buffer", err);
	bpf_object__for_each_program(prog, sensor->skel->obj)
	{
		err = bpf_program__autoload(prog) ? sensor_attach(sensor, prog) : 0;
		if (err && !program_level(prog))
			return sensor_fail(reason, "attach", err);
		if (err && program_level(prog) == PROGRAM_LEVELS)
			sensor_fail(&sensor->tcp, "attach", err);
		if (!err && prog == sensor->skel->progs.tracepoint_connect_begins)
			sensor->sees_attempts = bpf_program__autoload(prog);
	}
	reason->error = 0;
	sensor_keep(sensor);
	*out = take_ptr(sensor);
	return 0;
}

/* Rather slowly than with less, where the verifier does not agree with the types. */
static int sensor_open_typed(const struct sensor_options *options, const struct trial *trial,
			     struct sensor_reason *reason, bool *hopeless, struct sensor **out)
{
	struct trial untyped = *trial;
	struct sensor_reason before = {0};
	int err = sensor_open_with(options, trial, reason, hopeless, out);

	if (!err || !trial->types)
		return err;
	before = *reason;
	untyped.types = NULL;
	err = sensor_open_with(options, &untyped, reason, hopeless, out);
	if (!err)
		(*out)->untyped = before;
	return err;
}

/* Rather without what is optional than not at all. */
static int sensor_open_mode(const struct sensor_options *options, enum sensor_mode mode,
			    const uint32_t *types, struct sensor_reason *reason,
			    struct sensor **out)
{
	struct trial trial = {.mode = mode, .types = types};
	struct sensor_reason before = {0};
	bool hopeless = false;
	int err = 0;

	libbpf_forget();
	/* Before all of it is verified for nothing. */
	if (mode == SENSOR_MODE_KPROBE)
		err = kprobe_available();
	if (mode == SENSOR_MODE_TRAMPOLINE)
		err = trampoline_available();
	if (err)
		return sensor_fail(reason, mode == SENSOR_MODE_KPROBE ? "attach" : "load", err);
	err = sensor_open_typed(options, &trial, reason, &hopeless, out);
	while (err && !hopeless && trial.without++ < PROGRAM_LEVELS) {
		before = *reason;
		err = sensor_open_typed(options, &trial, reason, &hopeless, out);
		if (!err && trial.without == PROGRAM_LEVELS)
			(*out)->tcp = before;
	}
	return err;
}

int sensor_open(const struct sensor_options *options, struct sensor_reason *reasons,
		struct sensor **out)
{
	libbpf_print_fn_t before = libbpf_set_print(libbpf_keep);
	uint32_t numbers[DS_TYPE_COUNT] = {0};
	const uint32_t *types = types_find(numbers) ? NULL : numbers;
	int err = -EINVAL;

	for (int m = SENSOR_MODE_AUTO + 1; m < SENSOR_MODE_COUNT; m++) {
		if (options->mode != SENSOR_MODE_AUTO && options->mode != (enum sensor_mode)m)
			continue;
		err = sensor_open_mode(options, m, types, &reasons[m], out);
		if (!err)
			break;
	}
	libbpf_set_print(before);
	/* The kernel's types, which are gone through while loading, take megabytes. */
	malloc_trim(0);
	return err;
}

/* Load and attach the program at @index alone; its section goes to *section, static. */
static int program_try(int index, const char **section, struct sensor_reason *reason)
{
	AUTO_SENSOR struct sensor *sensor = calloc(1, sizeof(*sensor));
	struct bpf_program *prog = NULL;
	static char name[128];
	int err, at = 0;

	if (!sensor)
		return -ENOMEM;
	libbpf_forget();
	sensor->skel = docksnoop_bpf__open();
	if (!sensor->skel)
		return -errno;
	bpf_object__for_each_program(prog, sensor->skel->obj)
		bpf_program__set_autoload(prog, at++ == index);
	if (index >= at)
		return -ENOENT;
	at = 0;
	bpf_object__for_each_program(prog, sensor->skel->obj) if (at++ == index) break;
	err = program_prepare(prog);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s", bpf_program__section_name(prog));
	*section = name;
	err = docksnoop_bpf__load(sensor->skel);
	if (err) {
		sensor_fail(reason, "load", err);
		return 0;
	}
	err = sensor_attach(sensor, prog);
	if (err)
		sensor_fail(reason, "attach", err);
	return 0;
}

int sensor_probe(sensor_probe_fn fn, void *ctx)
{
	libbpf_print_fn_t before = libbpf_set_print(libbpf_keep);
	int err = 0;

	for (int i = 0; !err; i++) {
		struct sensor_reason reason = {0};
		const char *section = NULL;

		err = program_try(i, &section, &reason);
		if (!err)
			fn(ctx, section, &reason);
	}
	libbpf_set_print(before);
	return err == -ENOENT ? 0 : err;
}

void sensor_free(struct sensor *sensor)
{
	if (!sensor)
		return;
	sensor_detach(sensor);
	feed_free(sensor->feed);
	sensor_release(sensor);
	docksnoop_bpf__destroy(sensor->skel);
	free(sensor);
}

void sensor_detach(struct sensor *sensor)
{
	if (sensor->kept)
		pins_remove(sensor->pins);
	while (sensor->link_count)
		bpf_link__destroy(sensor->links[--sensor->link_count]);
}

int sensor_start(struct sensor *sensor)
{
	return feed_start(sensor->feed);
}

enum sensor_mode sensor_mode(const struct sensor *sensor)
{
	return sensor->mode;
}

int sensor_fd(const struct sensor *sensor)
{
	return feed_fd(sensor->feed);
}

int sensor_consume(struct sensor *sensor, sensor_fn fn, void *ctx)
{
	return feed_take(sensor->feed, fn, ctx);
}

int sensor_consume_bytes(struct sensor *sensor, sensor_fn fn, void *ctx)
{
	return feed_take_bytes(sensor->feed, fn, ctx);
}

void sensor_unfold(struct sensor *sensor)
{
	feed_unfold(sensor->feed);
}

bool sensor_sees_failures(const struct sensor *sensor)
{
	return sensor->mode != SENSOR_MODE_TRACEPOINT || sensor->sees_attempts;
}

const char *sensor_tcp_missing(const struct sensor *sensor)
{
	return sensor->tcp.error ? sensor->tcp.text : NULL;
}

const char *sensor_untyped(const struct sensor *sensor)
{
	return sensor->untyped.error ? sensor->untyped.text : NULL;
}

void sensor_each_program(const struct sensor *sensor, sensor_program_fn fn, void *ctx)
{
	struct bpf_program *prog = NULL;

	bpf_object__for_each_program(prog, sensor->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			fn(ctx, bpf_program__name(prog), info.tag);
	}
}

void sensor_misses(const struct sensor *sensor, uint64_t misses[DS_LOST_COUNT])
{
	struct bpf_program *prog = NULL;

	memset(misses, 0, DS_LOST_COUNT * sizeof(*misses));
	bpf_object__for_each_program(prog, sensor->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			misses[program_missed(bpf_program__name(prog))] += info.recursion_misses;
	}
}
