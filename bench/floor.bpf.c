// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * Nothing, at each of docksnoop's hooks and under the same names: what the hook itself
 * costs, below which no program can get. And the least that tells of a connect and of what
 * is asked: as many bytes handed over as docksnoop does, without a look at whose they are;
 * or with as many looks at the kernel's memory as that takes, and as many entries in tables.
 */

#include "bpf/read.bpf.h"
#include <bpf/bpf_tracing.h>

#define AF_UNIX	   1
#define TCP_LISTEN 10  /* include/net/tcp_states.h */
#define TOLD_BYTES 600 /* a record of a connect, mostly */
#define TOLD_HEAD  56  /* struct ds_bytes */
#define TOLD_MAX   4096

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, char[2 * TOLD_MAX]);
} tellings SEC(".maps");

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

/* Is it a server's end, or a listener? */
static __always_inline bool has_name(const struct sock *sk)
{
	struct unix_sock *unix_sk = bpf_skc_to_unix_sock((void *)sk);

	return unix_sk && unix_sk->addr;
}

static __always_inline int connect_tell(void)
{
	u32 zero = 0;
	char *text = bpf_map_lookup_elem(&tellings, &zero);

	if (text)
		bpf_ringbuf_output(&told, text, TOLD_BYTES, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline bool is_listener(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->__sk_common.skc_state == TCP_LISTEN;
}

SEC("?tp_btf/sk_data_ready")
int BPF_PROG(tell_data_ready, const struct sock *sk)
{
	return is_listener(sk) ? connect_tell() : 0;
}

/*
 * What connect_resolved() in bpf/connect.bpf.h reads for a process four directories deep, in
 * a cgroup as deep, as it reads it: counted in its source. Fields by their types, where the
 * kernel allows that; names, and what has another form, by helpers. They lie in some 64
 * lines of cache.
 */
#define READS  110
#define HELPED 20
#define LINES  64

struct entry {
	u64 is[8]; /* struct connection, struct stream */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct entry);
} firsts SEC(".maps"), seconds SEC(".maps");

SEC("?tp_btf/sk_data_ready")
int BPF_PROG(who_data_ready, const struct sock *sk)
{
	const char *task = (const char *)bpf_get_current_task();
	struct entry entry = {};
	u64 key;

	if (!is_listener(sk))
		return 0;
	for (u32 i = 0; i < READS; i++)
		entry.is[0] += READ((const struct timespec64 *)(task + i % LINES * 64), tv_sec);
	for (u32 i = 0; i < HELPED; i++)
		bpf_probe_read_kernel(&entry.is[1], sizeof(u64), task + i * 64);
	/* Not more than fit: where what is closed is taken out nothing is pushed out. */
	key = bpf_get_prandom_u32() & 4095;
	bpf_map_update_elem(&firsts, &key, &entry, BPF_ANY);
	bpf_map_update_elem(&seconds, &key, &entry, BPF_ANY);
	return connect_tell();
}

static __always_inline int bytes_tell(const struct sock *sk, u32 slot, int ret)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	char *text = bpf_map_lookup_elem(&tellings, &slot);
	u64 size = ret;

	if (sk->__sk_common.skc_family != AF_UNIX || ret <= 0 || !text || !has_name(sk))
		return 0;
	if (size > TOLD_MAX - TOLD_HEAD)
		size = TOLD_MAX - TOLD_HEAD;
	if (!bpf_probe_read_user(text + TOLD_HEAD, size, (void *)PT_REGS_PARM2_CORE(regs)))
		bpf_ringbuf_output(&told, text, TOLD_HEAD + size, BPF_RB_NO_WAKEUP);
	return 0;
}

/* With tell_data_ready and with who_data_ready. */
SEC("?tp_btf/sock_recv_length")
int BPF_PROG(tell_received, const struct sock *sk, int ret)
{
	return bytes_tell(sk, 0, ret);
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(tell_sent, const struct sock *sk, int ret)
{
	return bytes_tell(sk, 1, ret);
}
