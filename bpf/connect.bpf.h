/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_CONNECT_BPF_H
#define DOCKSNOOP_CONNECT_BPF_H

/* A connect: to which listener, by whom, with what result. */

#include "bpf/attempt.bpf.h"
#include "bpf/stream.bpf.h"

static __always_inline bool listener_ignored(u64 cookie)
{
	return cookie && bpf_map_lookup_elem(&ignored_listeners, &cookie);
}

static __always_inline void listener_fill(struct scratch *s, struct sock *listener)
{
	struct socket *socket = READ(listener, sk_socket);
	struct ds_record *rec = &s->rec;

	rec->listener_cookie = READ(listener, __sk_common.skc_cookie.counter);
	rec->listener_net_ns = READ(listener, __sk_common.skc_net.net, ns.inum);
	rec->listener_pid = READ(listener, sk_peer_pid, numbers[0].nr);
	if (socket)
		rec->listener_ino = socket_number(socket);
	bound_fill(s, (struct unix_sock *)listener);
}

/* The spelling, where no hook has kept it. */
static __always_inline void client_path_from_syscall(struct scratch *s, struct pt_regs *regs)
{
	struct connect_args args = connect_args_of(regs);
	u64 len = args.len;
	u64 off = s->used;

	if (!args.at || len <= sizeof(u16) || off > DS_STR_BYTES - COMPONENT_MAX)
		return;
	/* The name ends with the address, or with a NUL in it: user space cuts it there. */
	len -= sizeof(u16);
	if (len > DS_SUN_PATH_MAX)
		len = DS_SUN_PATH_MAX;
	BOUND(off, DS_STR_BYTES - 1);
	BOUND(len, SCRATCH_SLACK - 1);
	string_begin(s, DS_STR_CLIENT_PATH);
	if (!bpf_probe_read_user(s->data + off, len, args.at + sizeof(u16)))
		s->used = off + len;
	string_end(s, DS_STR_CLIENT_PATH);
}

static __always_inline void pending_string(struct scratch *s, u32 which, const struct pending *p)
{
	u64 off = p->rec.str[which].off;

	BOUND(off, PENDING_BYTES - 1);
	string_bytes(s, which, p->data + off, p->rec.str[which].len);
}

static __always_inline void pending_fill(struct scratch *s, const struct pending *p)
{
	struct ds_record *rec = &s->rec;

	rec->socket_dev = p->rec.socket_dev;
	rec->socket_ino = p->rec.socket_ino;
	rec->mount_dev = p->rec.mount_dev;
	rec->mount_id = p->rec.mount_id;
	rec->mount_mnt_ns = p->rec.mount_mnt_ns;
	rec->flags |= p->rec.flags;
	rec->truncated |= p->rec.truncated;
	pending_string(s, DS_STR_CLIENT_PATH, p);
	pending_string(s, DS_STR_MOUNT_POINT, p);
	pending_string(s, DS_STR_MOUNT_ROOT, p);
}

static __always_inline struct pending *pending_find(u64 thread)
{
	return bpf_map_lookup_elem(&pending_connects, &thread);
}

/*
 * A name was looked up and led to @path. Only the files of watched sockets are
 * remembered; whether it was for a connect shows when one ends.
 */
static __always_inline int connect_lookup(const char *name, struct path *path)
{
	struct dentry *dentry = READ(path, dentry);
	struct inode *inode = READ(dentry, d_inode);
	u64 thread = bpf_get_current_pid_tgid();
	struct file_key key = {};
	struct mount *mnt;
	struct scratch *s;
	u64 ino;

	if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	ino = READ(inode, i_ino);
	key.dev = READ(dentry, d_sb, s_dev);
	key.ino = ino;
	if (!bpf_map_lookup_elem(&socket_files, &key))
		return 0;

	s = record_begin(SCRATCH_RESOLVE, DS_RECORD_CONNECT);
	if (!s)
		return 0;
	mnt = mount_of(READ(path, mnt));
	s->rec.connection = (u64)name;
	s->rec.socket_dev = key.dev;
	s->rec.socket_ino = ino;
	s->rec.mount_dev = READ(mnt, mnt.mnt_sb, s_dev);
	s->rec.mount_id = READ(mnt, mnt_id);
	s->rec.mount_mnt_ns = READ(mnt, mnt_ns, ns.inum);
	s->rec.flags = DS_F_HAS_MOUNT;
	if (READ(mnt, mnt.mnt_flags) & MNT_READONLY)
		s->rec.flags |= DS_F_MOUNT_RO;

	string_begin(s, DS_STR_CLIENT_PATH);
	string_add(s, name, DS_SUN_PATH_MAX + 1);
	string_end(s, DS_STR_CLIENT_PATH);
	string_path(s, DS_STR_MOUNT_POINT, READ(mnt, mnt_parent), READ(mnt, mnt_mountpoint));
	string_dentry(s, DS_STR_MOUNT_ROOT, READ(mnt, mnt.mnt_root));
	if (s->used > PENDING_BYTES) {
		s->rec.str[DS_STR_MOUNT_POINT].len = 0;
		s->rec.str[DS_STR_MOUNT_ROOT].len = 0;
		s->rec.flags &= ~DS_F_HAS_MOUNT;
	}
	if (bpf_map_update_elem(&pending_connects, &thread, s, BPF_ANY))
		lost_add(DS_LOST_PENDING);
	return 0;
}

/*
 * The current task has been connected to, or refused by, a listener that the
 * kernel has resolved. @client and @end: the two ends; or NULL, and @regs are
 * those of its system call.
 */
static __always_inline int connect_resolved(struct sock *listener, struct sock *client,
					    struct sock *end, struct pt_regs *regs, int result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 thread = bpf_get_current_pid_tgid();
	struct pending *pending;
	struct scratch *s;
	bool known;

	if (thread >> 32 == self_tgid)
		return 0;
	s = record_begin(SCRATCH_CONNECT, DS_RECORD_CONNECT);
	if (!s)
		return 0;
	/* Of the task and the name it used, as they were when it called connect(2). */
	known = regs && attempt_ends(s);
	s->rec.result = result;
	if (!known) {
		task_fill(s, task);
		/* What decides comes first: the strings share a bounded room. */
		task_fill_cgroup(s);
	}
	listener_fill(s, listener);
	if (!result) { /* not the socket's address: that would tell where the kernel lies */
		s->rec.connection = (u64)bpf_get_prandom_u32() << 32 | (u32)s->rec.time_ns;
		if (regs)
			client = connect_client(task, listener, regs);
		if (regs && client)
			end = READ((struct unix_sock *)client, peer);
		connection_remember(&s->rec, client);
		stream_begin(&s->rec, client, end, listener);
	}

	pending = regs ? NULL : pending_find(thread);
	if (pending && pending->rec.socket_dev == s->rec.socket_dev &&
	    pending->rec.socket_ino == s->rec.socket_ino)
		pending_fill(s, pending);
	else if (regs && !known)
		client_path_from_syscall(s, regs);
	if (pending)
		bpf_map_delete_elem(&pending_connects, &thread);

	if (!known)
		task_fill_exe(s, task);
	record_send(s, DS_LOST_CONNECT);
	return 0;
}

/*
 * A return probe does not see the arguments: they are kept, by thread and
 * function, from the entry on. The oldest go when it is full, with the access
 * that they belong to; more threads than entries would have to be in connect(2)
 * at once.
 */
enum probed_function {
	PROBED_KERN_PATH,
	PROBED_SECURITY,
	PROBED_CONNECT,
};

struct probed_key {
	u64 thread;
	u64 function; /* enum probed_function */
};

struct probed_args {
	const void *first;
	void *second;
	void *third;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct probed_key);
	__type(value, struct probed_args);
} probed_calls SEC(".maps");

static __always_inline int probe_enter(enum probed_function function, const void *first,
				       void *second, void *third)
{
	struct probed_key key = {bpf_get_current_pid_tgid(), function};
	struct probed_args args = {first, second, third};

	if (bpf_map_update_elem(&probed_calls, &key, &args, BPF_ANY))
		lost_add(DS_LOST_PENDING);
	return 0;
}

static __always_inline bool probe_leave(enum probed_function function, struct probed_args *out)
{
	struct probed_key key = {bpf_get_current_pid_tgid(), function};
	struct probed_args *args = bpf_map_lookup_elem(&probed_calls, &key);

	if (!args || relieved())
		return false;
	*out = *args;
	bpf_map_delete_elem(&probed_calls, &key);
	return true;
}

/* The current task's connect to @name failed. */
static __always_inline int connect_failed(const char *name, int result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 thread = bpf_get_current_pid_tgid();
	struct pending *pending = pending_find(thread);
	u64 now[14] = {}, then[14] = {}; /* sun_path and room for its NUL */
	struct scratch *s;

	/* ERESTARTSYS and its like: the call begins again, nothing has ended. */
	if (result <= -512)
		return 0;
	/* Left by something else that looked the file up, such as mount(2)? */
	if (!pending || pending->rec.connection != (u64)name)
		return attempt_failed(name, result);
	bpf_probe_read_kernel_str(now, sizeof(now), name);
	bpf_probe_read_kernel_str(then, sizeof(then), pending->data);
	for (int i = 0; i < (int)(sizeof(now) / sizeof(now[0])); i++)
		if (now[i] != then[i])
			return attempt_failed(name, result);
	s = record_begin(SCRATCH_CONNECT_FAILED, DS_RECORD_CONNECT);
	if (!s)
		return 0;
	s->rec.result = result;
	task_fill(s, task);
	task_fill_cgroup(s);
	pending_fill(s, pending);
	bpf_map_delete_elem(&pending_connects, &thread);
	task_fill_exe(s, task);
	if (thread >> 32 != self_tgid)
		record_send(s, DS_LOST_CONNECT);
	return 0;
}

#endif
