/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_ATTEMPT_BPF_H
#define DOCKSNOOP_ATTEMPT_BPF_H

/*
 * Connects that fail before the kernel has found a file: all that there is to
 * go by is the name, so these are marked DS_F_BY_NAME.
 */

#include "bpf/task.bpf.h"

#define SOCKET_NAME_MAX 32 /* longer ones are told by their beginning */

struct socket_name {
	char text[SOCKET_NAME_MAX];
};

/* Last components of watched sockets' paths; filled by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct socket_name);
	__type(value, u8);
} socket_names SEC(".maps");

/*
 * What those names end with, so that most connects need not be looked up: a bit for the
 * last eight bytes of each. User space's; it sets all of them for names that are shorter.
 */
__u64 socket_name_ends;

#define SUN_PATH_WORDS 14 /* sun_path is 108 bytes long */

/* Its first zero byte has its highest bit set, those before it nothing (Warren, Hacker's Delight, 6-1). */
static __always_inline u64 zero_byte(u64 word)
{
	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/* How many bytes there are before it. */
static __always_inline u32 bytes_before(u64 zero)
{
	u32 n = 0;

	if (!(u32)zero) {
		n += 4;
		zero >>= 32;
	}
	if (!(u16)zero) {
		n += 2;
		zero >>= 16;
	}
	return (u8)zero ? n : n + 1;
}

/*
 * Eight bytes of a name, wherever they begin. By the type of a struct that begins with so
 * many; the name lies in a sockaddr_storage (net/socket.c), so they are there.
 */
static __always_inline u64 name_word(const char *at)
{
	return READ((const struct timespec64 *)at, tv_sec);
}

/*
 * Can @sun_path, @max bytes long unless a NUL ends it, lead to a name of socket_names?
 * Often no, and then it is none. Looked through by words: several times as fast as by bytes.
 */
static __always_inline bool may_end_like_a_socket(const char *sun_path, u64 max)
{
	u64 before = 0, word = 0, zero = 0, left = max;
	u32 used;
	int i;

	if (!max || max > DS_SUN_PATH_MAX)
		return true;
	for (i = 0; i < SUN_PATH_WORDS; i++) {
		before = word;
		word = name_word(sun_path + i * sizeof(word));
		if (left < sizeof(word)) /* what follows is another's */
			word &= (1ULL << left * 8) - 1;
		zero = zero_byte(word);
		if (zero)
			break;
		left -= sizeof(word);
	}
	if (i == SUN_PATH_WORDS)
		return true;
	if (!i)
		return word & 0xff;
	/* The last eight bytes, as they lie in memory: the machines that we know begin with the lowest. */
	used = bytes_before(zero);
	if (used)
		before = before >> used * 8 | word << (64 - used * 8);
	return socket_name_ends >> ds_name_end_bit(before) & 1;
}

struct name_scratch {
	char path[128]; /* sun_path and more, a power of two */
	struct socket_name name;
	u32 busy;
};

/* One for each program that uses it, as in scratches. */
enum name_slot {
	NAME_FAILED,
	NAME_ATTEMPT,
	NAME_COUNT,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NAME_COUNT);
	__type(key, u32);
	__type(value, struct name_scratch);
} name_scratches SEC(".maps");

/*
 * Does the path that the kernel holds at @sun_path, @max bytes long unless a NUL ends it,
 * end like a daemon's socket?
 */
static __always_inline bool ends_like_a_socket(u32 slot, const char *sun_path, u64 max)
{
	struct name_scratch *n = bpf_map_lookup_elem(&name_scratches, &slot);
	u64 at;
	long len;

	if (!n)
		return false;
	BOUND(max, 127);
	if (max > DS_SUN_PATH_MAX)
		max = DS_SUN_PATH_MAX;
	len = bpf_probe_read_kernel_str(n->path, max + 1, sun_path);
	if (len <= 1)
		return false;
	at = len - 1;
	for (int i = 0; i < DS_SUN_PATH_MAX; i++) {
		u64 before = at - 1;

		if (!at)
			break;
		BOUND(before, sizeof(n->path) - 1);
		if (n->path[before] == '/')
			break;
		at--;
	}
	BOUND(at, sizeof(n->path) - 1);
	__builtin_memset(&n->name, 0, sizeof(n->name));
	bpf_probe_read_kernel_str(n->name.text, sizeof(n->name.text), n->path + at);
	return bpf_map_lookup_elem(&socket_names, &n->name);
}

/* A record of the current task's attempt to reach what it calls @sun_path. */
static __always_inline struct scratch *attempt_record(u32 slot, const char *sun_path, u64 max)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = record_begin(slot, DS_RECORD_CONNECT);

	if (!s)
		return NULL;
	s->rec.flags = DS_F_BY_NAME;
	task_fill(s, task);
	task_fill_cgroup(s);
	string_begin(s, DS_STR_CLIENT_PATH);
	BOUND(max, 127);
	string_add(s, sun_path, max + 1);
	string_end(s, DS_STR_CLIENT_PATH);
	task_fill_exe(s, task);
	return s;
}

/* The current task's connect failed, and nothing is known of what it was meant for. */
static __always_inline int attempt_failed(const char *sun_path, int result)
{
	struct scratch *s;

	if (bpf_get_current_pid_tgid() >> 32 == self_tgid ||
	    !ends_like_a_socket(NAME_FAILED, sun_path, DS_SUN_PATH_MAX))
		return 0;
	s = attempt_record(SCRATCH_CONNECT_FAILED, sun_path, DS_SUN_PATH_MAX);
	if (!s)
		return 0;
	s->rec.result = result;
	record_send(s, DS_LOST_CONNECT);
	return 0;
}

/* Cgroup and name, which come first, and a program with its arguments as they mostly are. */
#define ATTEMPT_BYTES 1280

struct attempt {
	struct ds_record rec;
	char data[ATTEMPT_BYTES];
};

/*
 * tracepoint mode sees connects begin, and those that come about. What began
 * and did not come about has failed: the thread's next attempt shows it, or
 * user space does that looks through these from time to time. By thread. When
 * full, further attempts are not remembered, and counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, u64);
	__type(value, struct attempt);
} attempts SEC(".maps");

static __always_inline void attempts_add(s64 n)
{
	struct ds_control *c = control_get();

	if (c)
		__sync_fetch_and_add(&c->attempts, n);
}

static __always_inline void attempt_forget(u64 thread)
{
	if (!bpf_map_delete_elem(&attempts, &thread))
		attempts_add(-1);
}

/* A connect of this thread begins: one that began before and is still here has failed. */
static __always_inline void attempt_before_failed(void)
{
	struct ds_control *c = control_get();
	struct attempt *before;
	u64 thread, size;

	if (!c || !c->attempts || relieved())
		return;
	thread = bpf_get_current_pid_tgid();
	before = bpf_map_lookup_elem(&attempts, &thread);
	if (!before)
		return;
	size = before->rec.size;
	BOUND(size, 0xfff);
	if (size <= sizeof(*before))
		record_hand_over(&before->rec, size, DS_LOST_CONNECT);
	attempt_forget(thread);
}

static __always_inline void attempt_remember(const char *sun_path, u64 max)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct scratch *s;

	if (relieved() || !ends_like_a_socket(NAME_ATTEMPT, sun_path, max))
		return;
	s = attempt_record(SCRATCH_ATTEMPT, sun_path, max);
	if (!s)
		return;
	s->rec.flags |= DS_F_UNANSWERED;
	/* cgroup and name come first and are short enough; the program and its arguments may not be */
	if (s->used > ATTEMPT_BYTES) {
		s->used = s->rec.str[DS_STR_EXE].off;
		s->rec.str[DS_STR_EXE] = (struct ds_str){};
		s->rec.str[DS_STR_ARGV] = (struct ds_str){};
		s->rec.truncated |= 1U << DS_STR_EXE | 1U << DS_STR_ARGV;
	}
	s->rec.size = sizeof(s->rec) + s->used;
	/* Before it is there: it must not be overlooked. */
	attempts_add(1);
	if (bpf_map_update_elem(&attempts, &thread, s, BPF_ANY)) {
		attempts_add(-1);
		lost_add(DS_LOST_ATTEMPT);
	}
}

/* @len: of the address, with its family. */
static __always_inline int attempt_begins(const char *sun_path, u64 len)
{
	u64 max = len - sizeof(u16);
	u32 slot = NAME_ATTEMPT;
	struct name_scratch *n;

	/* Whatever this one is to: what comes about after it is not the one before. */
	attempt_before_failed();
	if (len <= sizeof(u16) || !may_end_like_a_socket(sun_path, max))
		return 0;
	n = bpf_map_lookup_elem(&name_scratches, &slot);
	if (!n || bpf_get_current_pid_tgid() >> 32 == self_tgid)
		return 0;
	/*
	 * Unlike the others, a program of a cgroup can be preempted by itself: the
	 * scratches are the first one's then.
	 */
	if (__sync_lock_test_and_set(&n->busy, 1)) {
		lost_add(DS_LOST_ATTEMPT);
		return 0;
	}
	attempt_remember(sun_path, max);
	__sync_lock_test_and_set(&n->busy, 0);
	return 0;
}

/*
 * The current task's connect came about. What was written down when it began is moved into
 * @s, where that is not NULL and it holds all that is to be known of the task; else false.
 */
static __always_inline bool attempt_ends(struct scratch *s)
{
	struct ds_control *c = control_get();
	struct attempt *attempt;
	bool moved = false;
	u64 thread, size;

	if (!c || !c->attempts)
		return false;
	thread = bpf_get_current_pid_tgid();
	attempt = bpf_map_lookup_elem(&attempts, &thread);
	if (!attempt)
		return false;
	size = attempt->rec.size;
	if (s && !attempt->rec.truncated && size <= sizeof(*attempt)) {
		BOUND(size, 0xfff);
		moved = !bpf_probe_read_kernel(s, size, attempt);
	}
	attempt_forget(thread);
	if (!moved)
		return false;
	s->used = size - sizeof(s->rec);
	s->rec.flags &= ~(DS_F_BY_NAME | DS_F_UNANSWERED);
	s->rec.time_ns = bpf_ktime_get_boot_ns();
	return true;
}

#endif
