// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/sensor.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build/docksnoop.skel.h"
#include "user/sensor/attach.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

#define PROGRAMS_MAX 32

struct sensor {
	struct docksnoop_bpf *skel;
	struct ring_buffer *ring;
	bool sees_attempts;
	struct sensor_reason tcp; /* why connects over TCP are not seen */
	struct bpf_link *links[PROGRAMS_MAX];
	size_t link_count;
	enum sensor_mode mode;
	sensor_fn fn;
	void *ctx;
};

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
static int sensor_choose(struct docksnoop_bpf *skel, enum sensor_mode mode, int without)
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
		bpf_program__set_autoload(
			prog, wanted && (!program_level(prog) || program_level(prog) > without));
	}
	/* 2 MiB that no other mode has a use for */
	return bpf_map__set_autocreate(skel->maps.attempts, mode == SENSOR_MODE_TRACEPOINT);
}

static void libbpf_forget(void)
{
	libbpf_said[0] = '\0';
	verifier_said[0] = '\0';
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

static int record_forward(void *ctx, void *data, size_t size)
{
	struct sensor *sensor = ctx;

	return sensor->fn(sensor->ctx, data, size);
}

static int sensor_attach(struct sensor *sensor, const struct bpf_program *prog)
{
	int err;

	if (sensor->link_count == PROGRAMS_MAX)
		return -ENOSPC;
	err = program_attach(prog, &sensor->links[sensor->link_count]);
	if (!err)
		sensor->link_count++;
	return err;
}

static int sensor_open_with(enum sensor_mode mode, int without, struct sensor_reason *reason,
			    struct sensor **out)
{
	AUTO_SENSOR struct sensor *sensor = calloc(1, sizeof(*sensor));
	struct bpf_program *prog = NULL;
	int err;

	if (!sensor)
		return -ENOMEM;
	libbpf_forget();
	sensor->mode = mode;
	sensor->skel = docksnoop_bpf__open();
	if (!sensor->skel)
		return sensor_fail(reason, "open", -errno);
	sensor->skel->rodata->self_tgid = getpid();
	err = sensor_choose(sensor->skel, mode, without);
	err = err ? err : docksnoop_bpf__load(sensor->skel);
	if (err)
		return sensor_fail(reason, "load", err);
	sensor->ring = ring_buffer__new(bpf_map__fd(sensor->skel->maps.records), record_forward,
					sensor, NULL);
	if (!sensor->ring)
		return sensor_fail(reason, "ring buffer", -errno);
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
	*out = take_ptr(sensor);
	return 0;
}

/* Rather without what is optional than not at all. */
static int sensor_open_mode(enum sensor_mode mode, struct sensor_reason *reason,
			    struct sensor **out)
{
	struct sensor_reason before = {0};
	int err = sensor_open_with(mode, 0, reason, out);

	for (int without = 1; err && without <= PROGRAM_LEVELS; without++) {
		before = *reason;
		err = sensor_open_with(mode, without, reason, out);
		if (!err && without == PROGRAM_LEVELS)
			(*out)->tcp = before;
	}
	return err;
}

int sensor_open(enum sensor_mode mode, struct sensor_reason *reasons, struct sensor **out)
{
	libbpf_print_fn_t before = libbpf_set_print(libbpf_keep);
	int err = -EINVAL;

	for (int m = SENSOR_MODE_AUTO + 1; m < SENSOR_MODE_COUNT; m++) {
		if (mode != SENSOR_MODE_AUTO && mode != (enum sensor_mode)m)
			continue;
		err = sensor_open_mode(m, &reasons[m], out);
		if (!err)
			break;
	}
	libbpf_set_print(before);
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
	for (size_t i = 0; i < sensor->link_count; i++)
		bpf_link__destroy(sensor->links[i]);
	ring_buffer__free(sensor->ring);
	docksnoop_bpf__destroy(sensor->skel);
	free(sensor);
}

enum sensor_mode sensor_mode(const struct sensor *sensor)
{
	return sensor->mode;
}

int sensor_fd(const struct sensor *sensor)
{
	return ring_buffer__epoll_fd(sensor->ring);
}

int sensor_consume(struct sensor *sensor, sensor_fn fn, void *ctx)
{
	sensor->fn = fn;
	sensor->ctx = ctx;
	return ring_buffer__consume(sensor->ring);
}

int sensor_listener_ignore(struct sensor *sensor, uint64_t cookie)
{
	__u8 one = 1;

	return bpf_map__update_elem(sensor->skel->maps.ignored_listeners, &cookie, sizeof(cookie),
				    &one, sizeof(one), BPF_ANY);
}

int sensor_listener_forget(struct sensor *sensor, uint64_t cookie)
{
	return bpf_map__delete_elem(sensor->skel->maps.ignored_listeners, &cookie, sizeof(cookie),
				    0);
}

int sensor_file_add(struct sensor *sensor, uint32_t dev, uint64_t ino)
{
	__u32 key[2] = {dev, ino}; /* struct file_key */
	__u32 one = 1;

	return bpf_map__update_elem(sensor->skel->maps.socket_files, key, sizeof(key), &one,
				    sizeof(one), BPF_ANY);
}

int sensor_daemon_name_add(struct sensor *sensor, const char *name)
{
	char key[16] = "";
	__u8 one = 1;

	strncpy(key, name, sizeof(key) - 1);
	return bpf_map__update_elem(sensor->skel->maps.daemon_names, key, sizeof(key), &one,
				    sizeof(one), BPF_ANY);
}

int sensor_socket_name_add(struct sensor *sensor, const char *name)
{
	char key[32] = ""; /* struct socket_name */
	__u8 one = 1;

	strncpy(key, name, sizeof(key) - 1);
	return bpf_map__update_elem(sensor->skel->maps.socket_names, key, sizeof(key), &one,
				    sizeof(one), BPF_ANY);
}

int sensor_connection_add(struct sensor *sensor, uint64_t ino, const struct ds_record *record)
{
	/* struct connection */
	const struct {
		__u64 id;
		__u64 cgroup_id;
		__u32 mnt_ns;
		__u32 tgid;
	} value = {record->connection, record->cgroup_id, record->mnt_ns, record->tgid};

	return bpf_map__update_elem(sensor->skel->maps.connections, &ino, sizeof(ino), &value,
				    sizeof(value), BPF_NOEXIST);
}

bool sensor_sees_failures(const struct sensor *sensor)
{
	return sensor->mode != SENSOR_MODE_TRACEPOINT || sensor->sees_attempts;
}

int sensor_attempts(struct sensor *sensor, uint64_t age_ns, sensor_fn fn, void *ctx)
{
	int map = bpf_map__fd(sensor->skel->maps.attempts);
	uint64_t now = clock_boot_ns();
	AUTO_FREE struct ds_record *value = NULL;
	__u64 keys[64];
	size_t n = 0;
	int err = 0;

	if (!sensor->sees_attempts)
		return 0;
	/* Others come and go meanwhile; a walk that loses its place begins again next time. */
	while (n < 64 && !bpf_map_get_next_key(map, n ? &keys[n - 1] : NULL, &keys[n]))
		n++;
	if (!n)
		return 0;
	value = malloc(bpf_map__value_size(sensor->skel->maps.attempts));
	if (!value)
		return -ENOMEM;
	for (size_t i = 0; i < n && err >= 0; i++) {
		if (bpf_map_lookup_elem(map, &keys[i], value) || now - value->time_ns < age_ns)
			continue;
		/* It may have come about just now: only who takes it out may say that it did not. */
		if (!bpf_map_lookup_and_delete_elem(map, &keys[i], value))
			err = fn(ctx, value, value->size);
	}
	return err;
}

/* As in bpf/tcp.bpf.h. */
struct tcp_key {
	uint8_t address[16];
	uint32_t net_ns;
	uint16_t port;
	uint16_t pad;
};

int sensor_tcp_add(struct sensor *sensor, const uint8_t address[16], uint16_t port, uint32_t net_ns)
{
	struct tcp_key key = {.net_ns = net_ns, .port = htons(port)};
	__u8 one = 1;
	int err;

	memcpy(key.address, address, sizeof(key.address));
	err = bpf_map__update_elem(sensor->skel->maps.tcp_ends, &key, sizeof(key), &one,
				   sizeof(one), BPF_NOEXIST);
	if (!err)
		sensor->skel->bss->tcp_end_count++;
	return err == -EEXIST ? 0 : err;
}

int sensor_tcp_remove(struct sensor *sensor, const uint8_t address[16], uint16_t port,
		      uint32_t net_ns)
{
	struct tcp_key key = {.net_ns = net_ns, .port = htons(port)};
	int err;

	memcpy(key.address, address, sizeof(key.address));
	err = bpf_map__delete_elem(sensor->skel->maps.tcp_ends, &key, sizeof(key), 0);
	if (!err)
		sensor->skel->bss->tcp_end_count--;
	return err;
}

const char *sensor_tcp_missing(const struct sensor *sensor)
{
	return sensor->tcp.error ? sensor->tcp.text : NULL;
}

int sensor_lost(const struct sensor *sensor, uint64_t lost[DS_LOST_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	AUTO_FREE __u64 *values = NULL;
	uint64_t sums[DS_LOST_COUNT] = {0};
	int err;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (__u32 kind = 0; kind < DS_LOST_COUNT; kind++) {
		err = bpf_map__lookup_elem(sensor->skel->maps.lost_counts, &kind, sizeof(kind),
					   values, cpus * sizeof(*values), 0);
		if (err)
			return err;
		for (int i = 0; i < cpus; i++)
			sums[kind] += values[i];
	}
	memcpy(lost, sums, sizeof(sums));
	return 0;
}

uint64_t sensor_misses(const struct sensor *sensor)
{
	struct bpf_program *prog = NULL;
	uint64_t misses = 0;

	bpf_object__for_each_program(prog, sensor->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			misses += info.recursion_misses;
	}
	return misses;
}
