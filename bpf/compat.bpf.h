/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_COMPAT_BPF_H
#define DOCKSNOOP_COMPAT_BPF_H

/* What differs between kernels, each decided by looking at the running one's BTF. */

#include "bpf/read.bpf.h"
#include <bpf/bpf_tracing.h>

#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define TCP_ESTABLISHED 1 /* include/net/tcp_states.h */
#define TCP_SYN_SENT	2
#define TCP_SYN_RECV	3
#define TCP_CLOSE	7
#define TCP_LISTEN	10
#define S_IFMT		0170000
#define S_IFSOCK	0140000
#define MNT_READONLY	0x40	   /* include/linux/mount.h */
#define PF_IO_WORKER	0x00000010 /* include/linux/sched.h, since 5.12 */
#define PF_KTHREAD	0x00200000
#define PIDTYPE_TGID	1 /* enum pid_type */

/*
 * kernfs_node.parent became __parent, under RCU, in 6.15 (741c10b096bc,
 * "kernfs: Use RCU to access kernfs_node::parent").
 */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___rcu *rcu = (void *)kn;

	if (bpf_core_field_exists(rcu->__parent))
		return READ(rcu, __parent);
	return READ(kn, parent);
}

/* type became iter_type, without a direction, in 5.14 (8cd54c1c8480, "iov_iter: separate
 * direction from flavour"). */
struct iov_iter___5_10 {
	unsigned int type;
} __attribute__((preserve_access_index));

/* One segment without an iovec, since 6.0 (fcb14cb1bdac, "new iov_iter flavour - ITER_UBUF"). */
struct iov_iter___6_0 {
	void *ubuf;
} __attribute__((preserve_access_index));

enum iter_type___ubuf {
	ITER_UBUF,
};

/* iov became __iov in 6.4 (de4f5fed3f23, "iov_iter: add iter_iovec() helper"). */
struct iov_iter___6_3 {
	const struct iovec *iov;
} __attribute__((preserve_access_index));

/* Since 6.18 all kinds of namespaces have such a number, and mnt_namespace.seq is gone. */
struct ns_common___id {
	u64 ns_id;
} __attribute__((preserve_access_index));

/* A number that no other mount namespace gets while the host is up, unlike ns.inum. */
static __always_inline u64 mnt_ns_id(struct mnt_namespace *ns)
{
	struct ns_common___id *common = (void *)&ns->ns;

	if (bpf_core_field_exists(ns->seq))
		return READ(ns, seq);
	if (bpf_core_field_exists(common->ns_id))
		return READ(common, ns_id);
	return READ(ns, ns.inum);
}

/*
 * Bound a length or an offset where the verifier can see it: the compiler knows
 * the bound already, and would leave a plain & out or apply it to a copy.
 */
#define BOUND(var, mask) asm volatile("%0 &= %1" : "+r"(var) : "i"(mask))

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* What a connect(2) was given. */
struct connect_args {
	const void *at; /* of the address, in the process's memory; NULL: not known, nor the rest */
	u32 len;
	u32 fd;
};

/*
 * The arguments of the connect(2) under way, from the system call's registers;
 * not known when the connect came another way (io_uring). The numbers of the
 * 64-bit and the 32-bit tables cannot be mistaken for each other: no other call
 * that has one of them connects a socket.
 */
static __always_inline struct connect_args connect_args_of(struct pt_regs *regs)
{
	struct connect_args connect = {};
#if defined(__TARGET_ARCH_x86)
	u64 nr = READ(regs, orig_ax);
	u32 args[3] = {};

	switch ((u32)nr) {
	case 42: /* connect */
		connect.fd = READ(regs, di);
		connect.at = (const void *)READ(regs, si);
		connect.len = READ(regs, dx);
		break;
	case 362: /* connect, i386 */
		connect.fd = READ(regs, bx);
		connect.at = (const void *)(u64)(u32)READ(regs, cx);
		connect.len = READ(regs, dx);
		break;
	case 102: /* socketcall, i386: the arguments lie in memory */
		if (bpf_probe_read_user(args, sizeof(args), (const void *)(u64)(u32)READ(regs, cx)))
			break;
		connect.fd = args[0];
		connect.at = (const void *)(u64)args[1];
		connect.len = args[2];
		break;
	}
#elif defined(__TARGET_ARCH_arm64)
	if (READ(regs, syscallno) == 203) {
		connect.fd = READ(regs, regs[0]);
		connect.at = (const void *)READ(regs, regs[1]);
		connect.len = READ(regs, regs[2]);
	}
#endif
	return connect;
}

#endif
