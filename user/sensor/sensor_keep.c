// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/sensor/attach.h"
#include "user/sensor/sensor_impl.h"
#include "user/util/cleanup.h"

/* How a sensor outlives the process that has opened it, and who goes on with it. */

/* Raise it with anything that is kept: a map, or what is in it (bpf/event.h, ledger.h). */
#define LAYOUT_VERSION 3

_Static_assert(sizeof(struct ledger) <= sizeof(((struct ds_control *)0)->ledger), "it fits");
_Static_assert(DS_LOST_COUNT <= LEDGER_KINDS && DS_RING_COUNT == 2 && LEDGER_SOURCES == 2,
	       "it has room for all kinds");

int sensor_resume(struct sensor *sensor, const struct sensor_options *options)
{
	AUTO_CLOSE int fd = -1;
	struct ds_control control = {0};
	uint32_t last;
	__u32 zero = 0;
	int err;

	sensor->generation = 1;
	sensor->skel->rodata->generation = sensor->generation;
	sensor->pins = options->pins;
	/* Other programs work with other maps, or with these in another way. */
	snprintf(sensor->layout, sizeof(sensor->layout), "v%d-%s%s", LAYOUT_VERSION,
		 sensor_mode_name(sensor->mode), options->streams ? "" : "-no-requests");
	if (!sensor->pins)
		return 0;
	err = pins_reuse(sensor->pins, sensor->layout, sensor->skel->obj);
	if (err)
		return err;
	fd = pins_map(sensor->pins, sensor->layout, "control");
	sensor->reused = fd >= 0;
	if (fd >= 0)
		(void)bpf_map_lookup_elem(fd, &zero, &control);
	/* One that was killed while it began may have got further; or it had another layout. */
	last = pins_generation(sensor->pins);
	sensor->generation = (last > control.generation ? last : control.generation) + 1;
	sensor->skel->rodata->generation = sensor->generation;
	return 0;
}

int sensor_control_map(struct sensor *sensor)
{
	void *at = mmap(NULL, sizeof(*sensor->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(sensor->skel->maps.control), 0);

	if (at == MAP_FAILED)
		return -errno;
	sensor->control = at;
	/* One that was killed may have been looking when it was. */
	sensor->control->polled = sensor->control->bytes_polled = 0;
	/* Where there are others at work these wait; else there is nothing to wait for. */
	if (!sensor->control->generation) {
		sensor->control->generation = sensor->generation;
		sensor->control->pid = getpid();
	}
	return 0;
}

static int links_keep(struct sensor *sensor)
{
	int err = 0;

	for (size_t i = 0; !err && i < sensor->link_count; i++)
		err = pins_keep_link(sensor->pins, sensor->generation,
				     bpf_program__name(sensor->attached[i]), sensor->links[i]);
	return err;
}

void sensor_keep(struct sensor *sensor)
{
	int err;

	if (!sensor->pins)
		return;
	err = pins_keep_maps(sensor->pins, sensor->layout, sensor->skel->obj);
	err = err ? err : links_keep(sensor);
	if (!err) {
		sensor->kept = true;
		return;
	}
	/* Kprobes were no bpf_link before Linux 5.15 (b89fbfbb854c), and cannot be pinned. */
	snprintf(sensor->unkept, sizeof(sensor->unkept), "%s",
		 err == -EINVAL && sensor->mode == SENSOR_MODE_KPROBE
			 ? "this kernel cannot keep kprobes"
			 : strerror(-err));
	/* What others have kept there ends with it: ours are at work from here on. */
	sensor->control->generation = sensor->generation;
	pins_remove(sensor->pins);
	sensor->pins = NULL;
}

static void link_missed(void *ctx, const char *name, int link)
{
	struct sensor_legacy *legacy = ctx;
	struct bpf_link_info info = {0};
	struct bpf_prog_info program = {0};
	AUTO_CLOSE int fd = -1;
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &len))
		return;
	fd = bpf_prog_get_fd_by_id(info.prog_id);
	len = sizeof(program);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &program, &len))
		legacy->missed[program_missed(name)] += program.recursion_misses;
}

static int record_count(void *ctx, void *data, size_t size)
{
	uint64_t *count = ctx;

	(void)data;
	(void)size;
	(*count)++;
	return 0;
}

struct others {
	struct sensor *sensor;
	struct sensor_legacy *legacy;
};

static void layout_leave(void *ctx, const char *layout)
{
	static const char *const rings[] = {"records", "host_records"};
	struct others *o = ctx;

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		AUTO_CLOSE int fd = pins_map(o->sensor->pins, layout, rings[i]);
		struct ring_buffer *ring = NULL;

		if (fd >= 0)
			ring = ring_buffer__new(fd, record_count, &o->legacy->unreadable, NULL);
		if (ring)
			ring_buffer__consume(ring);
		ring_buffer__free(ring);
	}
	pins_drop_layout(o->sensor->pins, layout);
}

void sensor_take_over(struct sensor *sensor, struct sensor_legacy *legacy)
{
	struct others others = {sensor, legacy};
	struct ledger *ledger = sensor_ledger(sensor);

	memset(legacy, 0, sizeof(*legacy));
	legacy->resumed = sensor->reused;
	__atomic_store_n(&sensor->control->generation, sensor->generation, __ATOMIC_SEQ_CST);
	sensor->control->pid = getpid();
	if (!sensor->pins)
		return;
	pins_each_old_link(sensor->pins, sensor->generation, link_missed, legacy);
	for (int i = 0; i < DS_LOST_COUNT; i++) {
		legacy->missed[i] -= legacy->missed[i] < ledger->missed[i] ? legacy->missed[i]
									   : ledger->missed[i];
		ledger->missed[i] = 0;
	}
	pins_drop_old_links(sensor->pins, sensor->generation);
	pins_each_other_layout(sensor->pins, sensor->layout, layout_leave, &others);
}

void sensor_release(struct sensor *sensor)
{
	if (sensor->control)
		munmap(sensor->control, sizeof(*sensor->control));
}

struct ledger *sensor_ledger(struct sensor *sensor)
{
	return control_ledger(sensor->control);
}

const char *sensor_unkept(const struct sensor *sensor)
{
	return sensor->unkept[0] ? sensor->unkept : NULL;
}
