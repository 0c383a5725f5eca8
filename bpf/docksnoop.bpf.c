// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * One thin program an attach point; what they do is in the *.bpf.h beside
 * this. All are optional ("?"): user space loads those of the mode it tries.
 * Each looks first at what tells most of its calls apart from ours.
 */

#include "bpf/connect.bpf.h"
#include "bpf/life.bpf.h"
#include "bpf/tcp.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym __weak;

/*
 * tracepoint mode: unix_stream_connect() wakes the listener in the connecting
 * task once the connection is queued (40e0b0908142, "net: Introduce
 * sk_data_ready() tracepoint", 6.3).
 */
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(tracepoint_data_ready, const struct sock *sk)
{
	struct unix_sock *end;

	if (sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	if (sk->__sk_common.skc_state != TCP_LISTEN) {
		/* A message: only a server's end has a name of its own and a peer. */
		end = bpf_skc_to_unix_sock((void *)sk);
		if (!end || !end->addr || !end->peer || !end->peer->sk_socket)
			return 0;
		return connection_used(end->peer->sk_socket);
	}
	if (listener_ignored(sk->__sk_common.skc_cookie.counter)) {
		attempt_ends(NULL);
		return 0;
	}
	return connect_resolved((struct sock *)sk, NULL, NULL,
				(void *)bpf_task_pt_regs(bpf_get_current_task_btf()), 0);
}

/*
 * What the daemon has read, or written, with what result (6e6eda44b939, "sock: add
 * tracepoint for send recv length", 6.3).
 */
SEC("?tp_btf/sock_recv_length")
int BPF_PROG(tracepoint_received, struct sock *sk, int ret, int flags)
{
	if (sk->__sk_common.skc_family != AF_UNIX || ret < 0 || flags & MSG_PEEK)
		return 0;
	return stream_call_ended(sk, DS_SIDE_REQUESTS, ret,
				 (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(tracepoint_sent, struct sock *sk, int ret, int flags)
{
	if (sk->__sk_common.skc_family != AF_UNIX || ret <= 0)
		return 0;
	return stream_call_ended(sk, DS_SIDE_ANSWERS, ret,
				 (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
}

/*
 * A connect begins (859051dd165e, "bpf: Implement cgroup sockaddr hooks for
 * unix sockets", 6.7). It must not be refused: hence 1.
 */
SEC("?cgroup/connect_unix")
int tracepoint_connect_begins(void *ctx)
{
	struct bpf_sock_addr_kern *kern = bpf_cast_to_kern_ctx(ctx);

	attempt_begins((const char *)kern->uaddr + sizeof(u16), kern->uaddrlen);
	return 1;
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
	return connect_resolved(other, sock, newsk, NULL, ret);
}

SEC("?fexit/unix_stream_connect")
int BPF_PROG(trampoline_connect, struct socket *sock, struct sockaddr *uaddr, int addr_len,
	     int flags, int ret)
{
	return ret ? connect_failed((const char *)uaddr + sizeof(u16), ret) : 0;
}

SEC("?fentry/unix_stream_sendmsg")
int BPF_PROG(trampoline_sendmsg, struct socket *sock, struct msghdr *msg)
{
	connection_used(sock);
	return transfer_begins(sock, msg, DS_SIDE_ANSWERS);
}

SEC("?fexit/unix_stream_sendmsg")
int BPF_PROG(trampoline_sendmsg_ends, struct socket *sock, struct msghdr *msg, u64 len, int ret)
{
	return transfer_ended(DS_SIDE_ANSWERS, ret);
}

SEC("?fentry/unix_stream_recvmsg")
int BPF_PROG(trampoline_recvmsg, struct socket *sock, struct msghdr *msg, u64 size, int flags)
{
	return flags & MSG_PEEK ? 0 : transfer_begins(sock, msg, DS_SIDE_REQUESTS);
}

SEC("?fexit/unix_stream_recvmsg")
int BPF_PROG(trampoline_recvmsg_ends, struct socket *sock, struct msghdr *msg, u64 size, int flags,
	     int ret)
{
	return transfer_ended(DS_SIDE_REQUESTS, ret);
}

/*
 * sendfile(2) and splice(2), until 6.5 (dc97391e6610): sendmsg since then. Who sends must be
 * known before the daemon can read it.
 */
SEC("?fentry/unix_stream_sendpage")
int BPF_PROG(trampoline_sendpage, struct socket *sock)
{
	return connection_used(sock);
}

SEC("?fexit/unix_stream_sendpage")
int BPF_PROG(trampoline_sendpage_ends, struct socket *sock, void *page, int offset, u64 size,
	     int flags, s64 ret)
{
	return ret > 0 ? stream_passed_unseen(sock, ret) : 0;
}

/* kprobe mode: where trampolines are refused and kprobes are not */
SEC("?kprobe/kern_path")
int BPF_KPROBE(kprobe_kern_path, const char *name, unsigned int flags, struct path *path)
{
	return probe_enter(PROBED_KERN_PATH, name, path, NULL);
}

SEC("?kretprobe/kern_path")
int BPF_KRETPROBE(kretprobe_kern_path, int ret)
{
	struct probed_args args = {};

	if (!probe_leave(PROBED_KERN_PATH, &args) || ret)
		return 0;
	return connect_lookup(args.first, args.second);
}

SEC("?kprobe/security_unix_stream_connect")
int BPF_KPROBE(kprobe_security, struct sock *sock, struct sock *other, struct sock *newsk)
{
	if (listener_ignored(READ(other, __sk_common.skc_cookie.counter)))
		return 0;
	return probe_enter(PROBED_SECURITY, sock, other, newsk);
}

SEC("?kretprobe/security_unix_stream_connect")
int BPF_KRETPROBE(kretprobe_security, int ret)
{
	struct probed_args args = {};

	if (!probe_leave(PROBED_SECURITY, &args))
		return 0;
	return connect_resolved(args.second, (struct sock *)args.first, args.third, NULL, ret);
}

SEC("?kprobe/unix_stream_connect")
int BPF_KPROBE(kprobe_connect, struct socket *sock, struct sockaddr *uaddr)
{
	return probe_enter(PROBED_CONNECT, uaddr, NULL, NULL);
}

SEC("?kretprobe/unix_stream_connect")
int BPF_KRETPROBE(kretprobe_connect, int ret)
{
	struct probed_args args = {};

	if (!probe_leave(PROBED_CONNECT, &args) || !ret)
		return 0;
	return connect_failed(args.first + sizeof(u16), ret);
}

SEC("?kprobe/unix_stream_sendmsg")
int BPF_KPROBE(kprobe_sendmsg, struct socket *sock, struct msghdr *msg)
{
	connection_used(sock);
	return transfer_begins(sock, msg, DS_SIDE_ANSWERS);
}

SEC("?kretprobe/unix_stream_sendmsg")
int BPF_KRETPROBE(kretprobe_sendmsg, int ret)
{
	return transfer_ended(DS_SIDE_ANSWERS, ret);
}

SEC("?kprobe/unix_stream_recvmsg")
int BPF_KPROBE(kprobe_recvmsg, struct socket *sock, struct msghdr *msg, u64 size, int flags)
{
	return flags & MSG_PEEK ? 0 : transfer_begins(sock, msg, DS_SIDE_REQUESTS);
}

SEC("?kretprobe/unix_stream_recvmsg")
int BPF_KRETPROBE(kretprobe_recvmsg, int ret)
{
	return transfer_ended(DS_SIDE_REQUESTS, ret);
}

SEC("?kprobe/unix_stream_sendpage")
int BPF_KPROBE(kprobe_sendpage, struct socket *sock, void *page, int offset, u64 size)
{
	connection_used(sock);
	return stream_passed_unseen(sock, size);
}

/* all modes */
SEC("?tp_btf/sched_process_exec")
int BPF_PROG(common_exec, struct task_struct *task)
{
	return exec_seen();
}

/*
 * Since 4.16 (563e0bb0dc74, "net: tracepoint: replace tcp_set_state tracepoint
 * with inet_sock_set_state tracepoint"). A mode can do without them. Since 6.2
 * the kernel leaves out a run of a program that it is in already on that CPU
 * (05b24ff9b2cf, "bpf: Prevent bpf program recursion for raw tracepoint probes"):
 * how a connect ended, which softirqs tell, must not be what comes in between.
 */
SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(common_tcp_begun, const struct sock *sk, int before, int after)
{
	if (after == TCP_SYN_SENT)
		return tcp_connect_begun(sk);
	if (after == TCP_LISTEN)
		return tcp_listening(sk);
	return 0;
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(common_tcp_ended, const struct sock *sk, int before, int after)
{
	return before == TCP_SYN_SENT ? tcp_connect_ended(sk, after) : 0;
}

SEC("?tp_btf/cgroup_mkdir")
int BPF_PROG(common_cgroup_mkdir, struct cgroup *cgroup)
{
	return cgroup_made(cgroup);
}
