// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "user/cmd/pipeline_impl.h"
#include "user/policy/verdict.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

/* Somebody reached a daemon. */

void pipeline_take_open(void *ctx, uint32_t pid, const struct listener *listener)
{
	struct pipeline *p = ctx;
	struct sighting s = {0};
	struct mount_use use = {0};
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.time_ns = clock_epoch_ns(),
		.record = &p->record,
		.listener = listener,
		.already_open = true,
	};

	if (tracker_process(p->tracker, pid, &p->record, &s))
		return; /* gone meanwhile */
	p->record.raw.socket_dev = listener->dev;
	p->record.raw.socket_ino = listener->file_ino;
	memcpy(p->record.bound_path, listener->path, sizeof(p->record.bound_path));
	if (!s.host)
		reach_connect(p->reach, &p->record, s.container, listener, &use);
	event.container = s.container;
	event.attribution = s.attribution;
	event.mount = s.host ? NULL : &use;
	event.verdict = verdict_of(&s, listener);
	if ((!s.host || p->options.all) && !pipeline_limit_reached(p)) {
		p->written++;
		pipeline_emit(p, &event);
	}
	mount_use_clear(&use);
	sighting_clear(&s);
}

void pipeline_take_connect(struct pipeline *p)
{
	const struct record *r = &p->record;
	const struct listener *listener = listeners_resolve(p->listeners, r);
	AUTO_FREE char *parent_exe = NULL;
	struct sighting s = {0};
	struct mount_use use = {0};
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.time_ns = clock_boot_to_epoch_ns(r->raw.time_ns),
		.record = r,
		.listener = listener,
		.error = -r->raw.result,
	};

	if (!listener)
		return;
	if (tracker_resolve(p->tracker, r, &s)) {
		pipeline_emit_lost(p, 1, "connect", "memory");
		return;
	}
	if (!s.host || p->options.all) {
		if (!s.host)
			reach_connect(p->reach, r, s.container, listener, &use);
		if (process_is(p->options.procfd, r->raw.ppid, r->raw.parent_start_ns))
			process_exe(p->options.procfd, r->raw.ppid, &parent_exe);
		event.parent_exe = parent_exe;
		event.container = s.container;
		event.attribution = s.attribution;
		event.mount = s.host ? NULL : &use;
		event.verdict = verdict_of(&s, listener);
		pipeline_tcp_holds(p, &s, listener, &use);
		p->written++;
		pipeline_emit(p, &event);
	}
	mount_use_clear(&use);
	sighting_clear(&s);
}
