/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_MAPS_BPF_H
#define DOCKSNOOP_MAPS_BPF_H

#include "bpf/compat.bpf.h"
#include "bpf/event.h"

/* docksnoop itself, whose own connects are nobody's access. */
const volatile __u32 self_tgid;
/* Which start of docksnoop these programs belong to: see relieved(). */
const volatile __u32 generation;

#define RING_BYTES (1 << 20)

/*
 * Records on their way to user space. When it is full the newest is dropped
 * and counted in lost_counts. Those of the host's own processes go apart, so that
 * they cannot crowd out a container's. User space takes them out at once: they need
 * to hold what comes while it waits for a CPU. Each page of a ring counts twice as
 * resident memory of who reads it, as it is mapped twice.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} host_records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ds_control);
} control SEC(".maps");

/*
 * While one docksnoop takes over from another the programs of both are attached:
 * only those of the generation that user space has named do anything, so that what
 * happens meanwhile is told, and told once.
 */
static __always_inline struct ds_control *control_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline bool relieved(void)
{
	struct ds_control *c = control_get();

	return c && c->generation != generation;
}

/*
 * Waking takes an interrupt, which on a virtual machine takes longer than all the rest of
 * a record. Who looks by itself every few milliseconds need not be woken, unless @ring may
 * be full by then.
 */
static __always_inline u64 wakeup_flags(void *ring, bool polled)
{
	if (!polled)
		return 0;
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > RING_BYTES / 4 ? BPF_RB_FORCE_WAKEUP
									   : BPF_RB_NO_WAKEUP;
}

/*
 * Listeners that are no container daemon's, by socket cookie: user space has
 * looked. One that is not here is reported, so that a daemon that appeared a
 * moment ago is not missed; when the map is full, or the kernel has not given
 * the socket a cookie yet, that costs time and loses nothing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, u8);
} ignored_listeners SEC(".maps");

/* A file that a watched listener is, or was, bound to. */
struct file_key {
	u32 dev;
	u32 ino; /* low 32 bits: all that unix_diag tells (udiag_vfs_ino) */
};

/*
 * Files of watched sockets, dead ones included: a connect that fails leaves
 * nothing but the file. When full, failed connects to further ones are not seen.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct file_key);
	__type(value, u32);
} socket_files SEC(".maps");

/*
 * Where records are put together: too large for the stack. One for each
 * attach point, because a program can be preempted by another task that runs
 * another program on the same CPU (the same program is never entered twice on
 * one CPU: the kernel counts that as a miss, which user space reads and says).
 */
enum scratch_slot {
	SCRATCH_CONNECT,
	SCRATCH_CONNECT_FAILED,
	SCRATCH_RESOLVE,
	SCRATCH_ATTEMPT,
	SCRATCH_HANDOFF,
	SCRATCH_TCP,
	SCRATCH_EXEC,
	SCRATCH_CGROUP,
	SCRATCH_COUNT,
};

#define SCRATCH_SLACK 2048 /* a power of two, over the longest single append */

struct scratch {
	struct ds_record rec;
	char data[DS_STR_BYTES + SCRATCH_SLACK];
	u32 used;
	struct kernfs_node *cgroup; /* of the task, once task_fill() has looked */
	u64 walked;		    /* string_path()'s */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

#define PENDING_BYTES 2048 /* a power of two */

/*
 * What a connect under way was resolved to, taken while the kernel holds it:
 * the beginning of a scratch, whose rec.connection holds the address of the
 * kernel's copy of the name.
 */
struct pending {
	struct ds_record rec;
	char data[PENDING_BYTES];
};

/*
 * Between resolving the name and the end of the connect, by thread. The oldest
 * goes when it is full; then the mount is read from /proc instead.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, u64);
	__type(value, struct pending);
} pending_connects SEC(".maps");

/*
 * (cgroup, mount namespace) pairs whose first exec was reported. Not by
 * ns.inum, which is used again at once: containers of a rootless daemon can
 * all share one cgroup. A hook that the runtime runs before it has changed the
 * root directory is not the container's start. The oldest goes when it is full
 * and would be reported again: harmless.
 */
struct start_key {
	u64 cgroup_id;
	u64 mnt_ns_id;
	u64 host_root;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct start_key);
	__type(value, u8);
} starts_seen SEC(".maps");

/* Names (comm) under which container daemons run; filled by user space, small. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, char[16]);
	__type(value, u8);
} daemon_names SEC(".maps");

/* What could not be handed over, by enum ds_lost. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DS_RING_COUNT *DS_LOST_COUNT);
	__type(key, u32);
	__type(value, u64);
} lost_counts SEC(".maps");

static __always_inline void lost_add_at(u32 ring, u32 kind)
{
	u32 at = ring * DS_LOST_COUNT + kind;
	u64 *count = bpf_map_lookup_elem(&lost_counts, &at);

	/* A softirq, or a task that preempts this one, may do the same. */
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline void lost_add(u32 kind)
{
	lost_add_at(DS_RING_CONTAINERS, kind);
}

#endif
