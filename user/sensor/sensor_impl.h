/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SENSOR_IMPL_H
#define DOCKSNOOP_SENSOR_IMPL_H

/* What the parts of the sensor share; nobody else's. */

#include <bpf/libbpf.h>

#include "build/docksnoop.skel.h"
#include "user/sensor/feed.h"
#include "user/sensor/pins.h"
#include "user/sensor/sensor.h"

#define PROGRAMS_MAX 32

#define LAYOUT_NAME 32

struct sensor {
	struct docksnoop_bpf *skel;
	struct feed *feed;
	struct ds_control *control; /* mapped */
	uint32_t generation;
	struct pins *pins; /* NULL: nothing outlives us */
	char layout[LAYOUT_NAME];
	bool reused;	  /* maps that were in pins */
	bool kept;	  /* in pins */
	char unkept[256]; /* why not */
	bool sees_attempts;
	struct sensor_reason tcp;     /* why connects over TCP are not seen */
	struct sensor_reason untyped; /* why the kernel's structs are not read by their types */
	struct bpf_link *links[PROGRAMS_MAX];
	const struct bpf_program *attached[PROGRAMS_MAX]; /* by them */
	size_t link_count;
	enum sensor_mode mode;
};

/* sensor_keep.c */
/* Before loading: go on with what is kept, if anything is. */
int sensor_resume(struct sensor *sensor, const struct sensor_options *options);
/* After loading. */
int sensor_control_map(struct sensor *sensor);
/* After attaching: keep it all. */
void sensor_keep(struct sensor *sensor);
/* At the end: take it away. */
void sensor_release(struct sensor *sensor);

#endif
