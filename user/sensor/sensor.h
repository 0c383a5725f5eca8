/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SENSOR_H
#define DOCKSNOOP_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/*
 * The kernel side, loaded and attached.
 *
 * Which hooks a kernel really has is found out by loading and attaching, never
 * by its version: distributions carry changes back, and some kernels refuse
 * what their version has.
 */
struct sensor;

enum sensor_mode {
	SENSOR_MODE_AUTO, /* the strongest that loads */
	SENSOR_MODE_TRAMPOLINE,
	SENSOR_MODE_KPROBE,
	SENSOR_MODE_TRACEPOINT,
	SENSOR_MODE_COUNT,
};

const char *sensor_mode_name(enum sensor_mode mode);		/* "auto", "trampoline", … */
int sensor_mode_parse(const char *name, enum sensor_mode *out); /* -EINVAL */

/* Why a mode could not be had: one line, for people. */
struct sensor_reason {
	int error; /* positive errno, 0: it was had */
	char text[512];
};

struct ledger;
struct pins;

struct sensor_options {
	enum sensor_mode mode;
	bool streams;	   /* follow what goes over connections, too */
	struct pins *pins; /* where to keep it all; the sensor's until it is freed. NULL: nowhere */
};

/*
 * Load and attach. The caller becomes the one whose connects are not reported.
 * With what a docksnoop that was killed has left in options->pins it goes on: records wait
 * there, and its programs are at work until sensor_take_over().
 * On success *out is the caller's to sensor_free(), which detaches. On failure
 * -errno, and reasons[mode] says why for each mode that was tried; @reasons has
 * SENSOR_MODE_COUNT elements.
 */
int sensor_open(const struct sensor_options *options, struct sensor_reason *reasons,
		struct sensor **out);
/* Also removes what options->pins held; those stay the caller's. NULL is allowed. */
void sensor_free(struct sensor *sensor);

/* Nothing more is seen from here on; what was seen can still be consumed. */
void sensor_detach(struct sensor *sensor);

/* Take records from the kernel in a thread of their own from now on; 0 or -errno. */
int sensor_start(struct sensor *sensor);

/* What a docksnoop that was killed has left. */
struct sensor_legacy {
	bool resumed;	     /* it goes on with what that one kept */
	uint64_t unreadable; /* records of another version of docksnoop, or another mode: lost */
	uint64_t missed[DS_LOST_COUNT]; /* as sensor_misses() would have told it */
};

/*
 * From now on the programs of this sensor are at work, and no others: to be called when
 * they know what to look for.
 */
void sensor_take_over(struct sensor *sensor, struct sensor_legacy *legacy);

/* The ledger, which is kept with the rest. */
struct ledger *sensor_ledger(struct sensor *sensor);

/* Why what happens while no docksnoop runs is not kept, though it was asked for; else NULL. */
const char *sensor_unkept(const struct sensor *sensor);

/* fn(ctx, name, tag) for each program attached: its tag is the kernel's hash of its code. */
typedef void (*sensor_program_fn)(void *ctx, const char *name, const uint8_t tag[8]);
void sensor_each_program(const struct sensor *sensor, sensor_program_fn fn, void *ctx);

static inline void cleanup_sensor(struct sensor **sensor)
{
	sensor_free(*sensor);
}
#define AUTO_SENSOR __attribute__((cleanup(cleanup_sensor)))

/*
 * Try each attach point by itself: fn(ctx, section, reason) for each, as
 * "fexit/kern_path"; reason->error is 0 when it loaded and attached.
 */
typedef void (*sensor_probe_fn)(void *ctx, const char *section, const struct sensor_reason *reason);
int sensor_probe(sensor_probe_fn fn, void *ctx);

enum sensor_mode sensor_mode(const struct sensor *sensor);

/* Becomes readable (epoll) when there are records. */
int sensor_fd(const struct sensor *sensor);

/*
 * Hand over what the kernel has, oldest first: fn(ctx, data, size) for each
 * record, as it was in the ring and not yet checked, and what fold.h puts among them.
 * A negative return stops. Returns the number of records, or that negative value; with
 * many of them there may be more than were handed over, and sensor_fd() is still readable.
 */
typedef int (*sensor_fn)(void *ctx, const void *data, size_t size);
int sensor_consume(struct sensor *sensor, sensor_fn fn, void *ctx);

/* Repetitions that are held back: hand them over with the next sensor_consume(). */
void sensor_unfold(struct sensor *sensor);

/* The same for what went over connections: each @data is a struct ds_bytes and its bytes. */
int sensor_consume_bytes(struct sensor *sensor, sensor_fn fn, void *ctx);

/*
 * What goes over one side of a connection before byte @until is of no use: it
 * need not be handed over any more. 0 or -errno; then it goes on being so.
 */
int sensor_stream_skip(struct sensor *sensor, uint64_t connection, enum ds_side side,
		       uint64_t until);

/*
 * What the kernel side is to look for. Of the functions named *_ignore, *_forget, *_add
 * and *_remove those that take no record take NULL for a sensor: nothing is attached,
 * and nobody to be told.
 */

/*
 * A listener that is no daemon's, by its socket cookie: report it no more.
 * 0 or -errno (-E2BIG: there is no more room, it goes on being reported).
 */
int sensor_listener_ignore(struct sensor *sensor, uint64_t cookie);
int sensor_listener_forget(struct sensor *sensor, uint64_t cookie);

/* Remember the file of a watched socket, so that failed connects to it are seen. */
int sensor_file_add(struct sensor *sensor, uint32_t dev, uint64_t ino);

/* Report programs that start under this name (at most 15 bytes). */
int sensor_daemon_name_add(struct sensor *sensor, const char *name);

/* Report failed connects to names whose last component this is (its first 31 bytes). */
int sensor_socket_name_add(struct sensor *sensor, const char *name);

/*
 * Follow a connection that was there already: @ino is the client's socket's in
 * sockfs, @record has who holds it (connection, cgroup_id, mnt_ns, tgid).
 * -EEXIST: it was made since the hooks were attached, and has a record.
 */
int sensor_connection_add(struct sensor *sensor, uint64_t ino, const struct ds_record *record);

/* The number by which the kernel side knows it, as ds_record.connection. 0 or -errno. */
int sensor_connection_find(struct sensor *sensor, uint64_t ino, uint64_t *connection);

/* That was all of them: follow what goes over others as connections that were missed. */
void sensor_connections_known(struct sensor *sensor);

/* Are connects seen that fail? Not in tracepoint mode before Linux 6.7. */
bool sensor_sees_failures(const struct sensor *sensor);

/*
 * In tracepoint mode: connects that began at least @age_ns ago, by a name of
 * sensor_socket_name_add(), and have not come about. Each is handed to @fn once,
 * as sensor_consume() does; 64 at the most. 0, -ENOMEM, or what @fn returned.
 */
int sensor_attempts(struct sensor *sensor, uint64_t age_ns, sensor_fn fn, void *ctx);

/*
 * An address and port (machine's byte order) at which a watched TCP end can be
 * reached: connects to it are reported. @net_ns: 0, or for a loopback address
 * the network namespace; all of 127.0.0.0/8 there is ::ffff:0.0.0.0, ::1 also ::.
 * 0 or -errno (-E2BIG: there is no more room, they are not reported).
 */
int sensor_tcp_add(struct sensor *sensor, const uint8_t address[16], uint16_t port,
		   uint32_t net_ns);
int sensor_tcp_remove(struct sensor *sensor, const uint8_t address[16], uint16_t port,
		      uint32_t net_ns);

/* NULL when connects over TCP are seen; else why this kernel does not show them. */
const char *sensor_tcp_missing(const struct sensor *sensor);

/*
 * Why the programs read the kernel's structs by helpers though it could be done by types,
 * which costs those who are looked at less (bpf/read.bpf.h); else NULL. What they see is
 * the same.
 */
const char *sensor_untyped(const struct sensor *sensor);

/* Records that the kernel could not hand over, by ring and enum ds_lost, since it was attached. */
int sensor_lost(const struct sensor *sensor, uint64_t lost[DS_RING_COUNT][DS_LOST_COUNT]);

/*
 * Runs that the kernel skipped because the same program was already running on
 * that CPU (bpf_prog_info.recursion_misses, Linux 5.12), by what they would have told:
 * an upper bound, as most of them are of no concern. 0 where the kernel does not count them.
 */
void sensor_misses(const struct sensor *sensor, uint64_t misses[DS_LOST_COUNT]);

#endif
