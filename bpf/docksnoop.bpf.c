// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * One thin program an attach point; what they do is in the *.bpf.h beside
 * this. All are optional ("?"): user space loads those of the mode it tries.
 * Each looks first at what tells most of its calls apart from ours.
 */

#include "bpf/connect.bpf.h"
#include "bpf/life.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline bool is_unix_listener(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->__sk_common.skc_state == TCP_LISTEN;
}

/*
 * tracepoint mode: unix_stream_connect() wakes the listener in the connecting
 * task once the connection is queued (40e0b0908142, "net: Introduce
 * sk_data_ready() tracepoint", 6.3).
 */
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(tracepoint_data_ready, const struct sock *sk)
{
	if (!is_unix_listener(sk) || listener_ignored(sk->__sk_common.skc_cookie.counter))
		return 0;
	return connect_resolved((struct sock *)sk,
				(void *)bpf_task_pt_regs(bpf_get_current_task_btf()), 0);
}

/* trampoline mode */
SEC("?fexit/kern_path")
int BPF_PROG(trampoline_kern_path, const char *name, unsigned int flags, struct path *path, int ret)
{
	return ret ? 0 : connect_lookup(name, path);
}

SEC("?fexit/security_unix_stream_connect")
int BPF_PROG(trampoline_security, struct sock *sock, struct sock *other, struct sock *newsk,
	     int ret)
{
	if (listener_ignored(other->__sk_common.skc_cookie.counter))
		return 0;
	/* From here unix_stream_connect() cannot fail any more, unless ret says so. */
	return connect_resolved(other, NULL, ret);
}

SEC("?fexit/unix_stream_connect")
int BPF_PROG(trampoline_connect, struct socket *sock, struct sockaddr *uaddr, int addr_len,
	     int flags, int ret)
{
	return ret ? connect_failed((const char *)uaddr + sizeof(u16), ret) : 0;
}

/* all modes */
SEC("?tp_btf/sched_process_exec")
int BPF_PROG(common_exec, struct task_struct *task)
{
	return exec_seen();
}

SEC("?tp_btf/cgroup_mkdir")
int BPF_PROG(common_cgroup_mkdir, struct cgroup *cgroup)
{
	return cgroup_made(cgroup);
}
