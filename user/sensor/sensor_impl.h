/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SENSOR_IMPL_H
#define DOCKSNOOP_SENSOR_IMPL_H

/* What the parts of the sensor share; nobody else's. */

#include <bpf/libbpf.h>

#include "build/docksnoop.skel.h"
#include "user/sensor/sensor.h"

#define PROGRAMS_MAX 32

struct sensor_ring {
	struct ring_buffer *ring;
	sensor_fn fn; /* during a consume */
	void *ctx;
};

struct sensor {
	struct docksnoop_bpf *skel;
	struct sensor_ring records;
	struct sensor_ring bytes;
	int epoll; /* of both */
	bool sees_attempts;
	struct sensor_reason tcp; /* why connects over TCP are not seen */
	struct bpf_link *links[PROGRAMS_MAX];
	size_t link_count;
	enum sensor_mode mode;
};

#endif
