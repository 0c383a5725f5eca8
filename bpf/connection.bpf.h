/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_CONNECTION_BPF_H
#define DOCKSNOOP_CONNECTION_BPF_H

/*
 * Connections to watched sockets, from the connect on: a descriptor of one can
 * be handed to a process that never connects itself (SCM_RIGHTS), or be taken
 * into a container by whoever holds it. Its first use there is what shows.
 */

#include "bpf/task.bpf.h"

struct connection {
	u64 id; /* as in ds_record.connection */
	u64 cgroup_id;
	u32 mnt_ns;
	u32 tgid;
	/* who has sent on it last; 0: nobody yet */
	u64 user_cgroup_id;
	u32 user_mnt_ns;
	u32 user_tgid;
};

/*
 * By the number of the client's socket in sockfs, which user space knows too of
 * those that were open before. A number comes back after 2^32 sockets at the
 * soonest. The longest unused goes when it is full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct connection);
} connections SEC(".maps");

struct connection_user {
	u64 id;
	u64 cgroup_id;
	u32 mnt_ns;
	u32 pad;
};

/* Users that were reported: each once. One that was pushed out is reported again: harmless. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct connection_user);
	__type(value, u8);
} connection_users SEC(".maps");

static __always_inline u64 socket_number(struct socket *socket)
{
	return READ((struct inode *)((void *)socket +
				     bpf_core_field_offset(struct socket_alloc, vfs_inode) -
				     bpf_core_field_offset(struct socket_alloc, socket)),
		    i_ino);
}

/* What @sock is bound to; the server's end of a connection has its listener's. */
static __always_inline void bound_fill(struct scratch *s, struct unix_sock *sock)
{
	struct unix_address *addr = READ(sock, addr);
	struct dentry *dentry = READ(sock, path.dentry);
	u32 len = READ(addr, len);

	if (dentry) {
		s->rec.socket_ino = READ(dentry, d_inode, i_ino);
		s->rec.socket_dev = READ(dentry, d_sb, s_dev);
		string_dentry(s, DS_STR_FS_PATH, dentry);
	} else {
		s->rec.flags |= DS_F_ABSTRACT;
	}

	/* The length counts the family; an abstract name is all of the rest. */
	if (len > sizeof(u16) && len <= sizeof(struct sockaddr_un))
		string_bytes(s, DS_STR_BOUND_PATH, (void *)addr->name + sizeof(u16),
			     len - sizeof(u16));
}

/* Does @client's connection lead to @listener? Its end there has the listener's address. */
static __always_inline bool connected_to(struct sock *client, struct sock *listener)
{
	struct unix_sock *end = (void *)READ((struct unix_sock *)client, peer);

	return end && READ(end, addr) == READ((struct unix_sock *)listener, addr);
}

static __always_inline struct sock *client_by_descriptor(struct task_struct *task,
							 struct sock *listener,
							 struct pt_regs *regs)
{
	struct connect_args args = connect_args_of(regs);
	struct fdtable *table;
	struct file **files;
	struct file *file = NULL;
	struct socket *socket;
	struct sock *client;

	if (!args.at)
		return NULL;
	table = READ(task, files, fdt);
	if (args.fd >= READ(table, max_fds))
		return NULL;
	files = READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + args.fd) || !file ||
	    (READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = READ(file, private_data);
	client = READ(socket, sk);
	return connected_to(client, listener) ? client : NULL;
}

#define QUEUE_STEPS 16

/* Among what waits to be accepted, newest first: what this process has made. */
static __always_inline struct sock *client_by_queue(struct task_struct *task, struct sock *listener)
{
	struct pid *self = READ(task, group_leader, thread_pid);
	struct sk_buff *skb = READ(listener, sk_receive_queue.prev);

	for (int i = 0; i < QUEUE_STEPS; i++) {
		struct sock *end = READ(skb, sk);

		if ((void *)skb == (void *)&listener->sk_receive_queue)
			break;
		if (READ(end, sk_peer_pid) == self)
			return READ((struct unix_sock *)end, peer);
		skb = READ(skb, prev);
	}
	return NULL;
}

/*
 * The client's end of a connection that the current task has just made to
 * @listener, where the hook does not hand it over. The descriptor of the system
 * call tells, unless it is none (io_uring) or another thread has changed it.
 */
static __always_inline struct sock *connect_client(struct task_struct *task, struct sock *listener,
						   struct pt_regs *regs)
{
	struct sock *client = client_by_descriptor(task, listener, regs);

	return client ? client : client_by_queue(task, listener);
}

static __always_inline void connection_remember(const struct ds_record *rec, struct sock *client)
{
	struct connection c = {
		.id = rec->connection,
		.cgroup_id = rec->cgroup_id,
		.mnt_ns = rec->mnt_ns,
		.tgid = rec->tgid,
	};
	struct socket *socket = client ? READ(client, sk_socket) : NULL;
	u64 number = socket ? socket_number(socket) : 0;

	/* A kernel thread (io_uring before 5.12) says nothing about whose it is. */
	if (rec->flags & DS_F_KTHREAD)
		return;
	if (!number || bpf_map_update_elem(&connections, &number, &c, BPF_ANY))
		lost_add(DS_LOST_HANDOFF);
}

/* The current task sends on @socket, which may be anything of AF_UNIX. */
static __always_inline int connection_used(struct socket *socket)
{
	u64 number = socket_number(socket);
	struct connection *c = bpf_map_lookup_elem(&connections, &number);
	struct connection_user user = {};
	struct task_struct *task;
	struct unix_sock *client, *end;
	struct scratch *s;
	u8 one = 1;
	bool v1;

	if (!c || relieved())
		return 0;
	task = (void *)bpf_get_current_task();
	user.id = c->id;
	user.cgroup_id = READ(task_cgroup(task, &v1), kn, id);
	user.mnt_ns = READ(task, nsproxy, mnt_ns, ns.inum);
	if (!(READ(task, flags) & PF_KTHREAD)) {
		c->user_cgroup_id = user.cgroup_id;
		c->user_mnt_ns = user.mnt_ns;
		c->user_tgid = bpf_get_current_pid_tgid() >> 32;
	}
	if (user.cgroup_id == c->cgroup_id && user.mnt_ns == c->mnt_ns)
		return 0;
	if (bpf_map_lookup_elem(&connection_users, &user) || READ(task, flags) & PF_KTHREAD)
		return 0;
	bpf_map_update_elem(&connection_users, &user, &one, BPF_ANY);

	s = record_begin(SCRATCH_HANDOFF, DS_RECORD_HANDOFF);
	if (!s)
		return 0;
	s->rec.connection = c->id;
	s->rec.from_cgroup_id = c->cgroup_id;
	s->rec.from_mnt_ns = c->mnt_ns;
	s->rec.from_tgid = c->tgid;
	task_fill(s, task);
	task_fill_cgroup(s);
	client = (void *)READ(socket, sk);
	end = (void *)READ(client, peer);
	if (end)
		bound_fill(s, end);
	task_fill_exe(s, task);
	record_send(s, DS_LOST_HANDOFF);
	return 0;
}

#endif
