// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * Nothing, at each of docksnoop's hooks and under the same names: what the hook itself
 * costs, below which no program can get.
 */

#include "vmlinux/vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define FLOOR(section, name)                                                                       \
	SEC("?" section) int name(void *ctx)                                                       \
	{                                                                                          \
		return 0;                                                                          \
	}

FLOOR("tp_btf/sk_data_ready", tracepoint_data_ready)
FLOOR("tp_btf/sock_recv_length", tracepoint_received)
FLOOR("tp_btf/sock_send_length", tracepoint_sent)

SEC("?cgroup/connect_unix")
int tracepoint_connect_begins(void *ctx)
{
	return 1; /* 0 would refuse it */
}

FLOOR("fexit/kern_path", trampoline_kern_path)
FLOOR("fexit/security_unix_stream_connect", trampoline_security)
FLOOR("fexit/unix_stream_connect", trampoline_connect)
FLOOR("fentry/unix_stream_sendmsg", trampoline_sendmsg)
FLOOR("fexit/unix_stream_sendmsg", trampoline_sendmsg_ends)
FLOOR("fentry/unix_stream_recvmsg", trampoline_recvmsg)
FLOOR("fexit/unix_stream_recvmsg", trampoline_recvmsg_ends)

FLOOR("kprobe/kern_path", kprobe_kern_path)
FLOOR("kretprobe/kern_path", kretprobe_kern_path)
FLOOR("kprobe/security_unix_stream_connect", kprobe_security)
FLOOR("kretprobe/security_unix_stream_connect", kretprobe_security)
FLOOR("kprobe/unix_stream_connect", kprobe_connect)
FLOOR("kretprobe/unix_stream_connect", kretprobe_connect)
FLOOR("kprobe/unix_stream_sendmsg", kprobe_sendmsg)
FLOOR("kretprobe/unix_stream_sendmsg", kretprobe_sendmsg)
FLOOR("kprobe/unix_stream_recvmsg", kprobe_recvmsg)
FLOOR("kretprobe/unix_stream_recvmsg", kretprobe_recvmsg)

FLOOR("tp_btf/sched_process_exec", common_exec)
FLOOR("tp_btf/inet_sock_set_state", common_tcp_begun)
FLOOR("tp_btf/inet_sock_set_state", common_tcp_ended)
FLOOR("tp_btf/cgroup_mkdir", common_cgroup_mkdir)
