/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_TCP_BPF_H
#define DOCKSNOOP_TCP_BPF_H

/*
 * The daemons' TCP side. A connect is reported when it begins, in the task that
 * connects, and its outcome when that is known, which is in softirq mostly:
 * user space puts the two together by the connection's number.
 */

#include "bpf/task.bpf.h"
#include <bpf/bpf_endian.h>

#define IPPROTO_TCP  6
#define TCP_FRESH_NS 5000000000ULL
#define ECANCELED    125 /* asm-generic/errno.h */

/*
 * Where a watched end can be reached. A loopback address means another machine
 * in every network namespace, so those have one; all others have 0. An address
 * of all zeroes (of IPv4 or IPv6) stands for every loopback address there.
 */
struct tcp_key {
	u32 address[4]; /* as in6_addr; IPv4-mapped */
	u32 net_ns;
	u16 port; /* in network byte order */
	u16 pad;
};

/* Filled by user space, which says so when it is full. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tcp_key);
	__type(value, u8);
} tcp_ends SEC(".maps");

/*
 * When somebody last began to listen, by port: a connect to it is reported until
 * user space has had time to judge whom the listener belongs to.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} tcp_fresh SEC(".maps");

struct tcp_connect {
	u64 connection;
	u64 of_host; /* its record went by the host's ring: so must how it ended */
};

/*
 * Connects under way that were reported, by socket. The
 * oldest goes when it is full; how it ended is then not told.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct tcp_connect);
} tcp_connects SEC(".maps");

/* Nothing to do where both are 0: told before anything is looked up. */
__u32 tcp_end_count;   /* in tcp_ends; user space's */
__u64 tcp_listened_ns; /* the newest of tcp_fresh */

static __always_inline bool tcp_is(const struct sock *sk)
{
	return READ(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline void tcp_key_fill(struct tcp_key *key, const struct sock *sk)
{
	key->port = sk->__sk_common.skc_dport;
	if (sk->__sk_common.skc_family == AF_INET) {
		key->address[2] = bpf_htonl(0xffff);
		key->address[3] = sk->__sk_common.skc_daddr;
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) { /* CONFIG_IPV6 */
		bpf_core_read(key->address, sizeof(key->address), &sk->__sk_common.skc_v6_daddr);
	}
}

/* 127.0.0.0/8 and ::1, and what means them to a client: 0.0.0.0 and :: */
static __always_inline bool tcp_key_local(const struct tcp_key *key)
{
	u32 last = bpf_ntohl(key->address[3]);

	if (key->address[0] || key->address[1])
		return false;
	if (key->address[2] == bpf_htonl(0xffff))
		return !last || last >> 24 == 127;
	return !key->address[2] && last <= 1;
}

static __always_inline bool tcp_key_watched(struct tcp_key *key)
{
	u32 port = bpf_ntohs(key->port);
	u64 *since;

	if (bpf_map_lookup_elem(&tcp_ends, key))
		return true;
	if (key->net_ns) {
		key->address[3] = 0;
		if (bpf_map_lookup_elem(&tcp_ends, key))
			return true;
	}
	since = bpf_map_lookup_elem(&tcp_fresh, &port);
	return since && *since && bpf_ktime_get_boot_ns() - *since < TCP_FRESH_NS;
}

/* tcp_v4_connect() and tcp_v6_connect() have set where to, and send nothing yet. */
static __always_inline int tcp_connect_begun(const struct sock *sk)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 at = (u64)sk;
	struct tcp_connect connect = {};
	struct tcp_key key = {};
	struct scratch *s;

	if (!tcp_end_count && bpf_ktime_get_boot_ns() - tcp_listened_ns >= TCP_FRESH_NS)
		return 0;
	tcp_key_fill(&key, sk);
	if (tcp_key_local(&key))
		key.net_ns = READ(sk, __sk_common.skc_net.net, ns.inum);
	if (!tcp_key_watched(&key) || !tcp_is(sk) || bpf_get_current_pid_tgid() >> 32 == self_tgid)
		return 0;

	s = record_begin(SCRATCH_TCP, DS_RECORD_TCP);
	if (!s)
		return 0;
	__builtin_memset(key.address, 0, sizeof(key.address));
	tcp_key_fill(&key, sk);
	__builtin_memcpy(s->rec.tcp_address, key.address, sizeof(s->rec.tcp_address));
	s->rec.tcp_port = bpf_ntohs(key.port);
	s->rec.tcp_state = TCP_SYN_SENT;
	s->rec.listener_net_ns = READ(sk, __sk_common.skc_net.net, ns.inum);
	s->rec.connection = (u64)bpf_get_prandom_u32() << 32 | (u32)s->rec.time_ns;
	task_fill(s, task);
	task_fill_cgroup(s);
	connect.connection = s->rec.connection;
	connect.of_host = record_of_host(&s->rec);
	if (bpf_map_update_elem(&tcp_connects, &at, &connect, BPF_ANY))
		lost_add(DS_LOST_PENDING);
	task_fill_exe(s, task);
	record_send(s, DS_LOST_CONNECT);
	return 0;
}

/* Without strings, and without a scratch: a softirq may come in the middle of one. */
static __always_inline void tcp_record_begin(struct ds_record *rec)
{
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->type = DS_RECORD_TCP;
	rec->version = DS_RECORD_VERSION;
	rec->size = sizeof(*rec);
	rec->time_ns = bpf_ktime_get_boot_ns();
}

static __always_inline int tcp_connect_ended(const struct sock *sk, int state)
{
	struct tcp_connect *connect;
	struct ds_record rec;
	u64 at = (u64)sk;
	long lost = 0;
	int error;

	connect = bpf_map_lookup_elem(&tcp_connects, &at);
	if (!connect || relieved())
		return 0;
	/* TCP_SYN_RECV: two clients connect to each other, and no listener has a part in that. */
	if (state != TCP_SYN_RECV) {
		tcp_record_begin(&rec);
		rec.connection = connect->connection;
		rec.tcp_state = state;
		error = READ(sk, sk_err);
		/* Nobody has refused it: the client gave it up. */
		if (state == TCP_CLOSE)
			rec.result = error ? -error : -ECANCELED;
		if (connect->of_host)
			lost = bpf_ringbuf_output(&host_records, &rec, sizeof(rec), 0);
		else
			lost = bpf_ringbuf_output(&records, &rec, sizeof(rec), 0);
	}
	if (lost)
		lost_add_at(connect->of_host ? DS_RING_HOST : DS_RING_CONTAINERS, DS_LOST_TCP);
	bpf_map_delete_elem(&tcp_connects, &at);
	return 0;
}

static __always_inline int tcp_listening(const struct sock *sk)
{
	u64 now = bpf_ktime_get_boot_ns();
	u32 port = sk->__sk_common.skc_num;
	struct ds_record rec;

	if (!tcp_is(sk))
		return 0;
	bpf_map_update_elem(&tcp_fresh, &port, &now, BPF_ANY);
	tcp_listened_ns = now;
	if (relieved())
		return 0;
	tcp_record_begin(&rec);
	rec.tgid = bpf_get_current_pid_tgid() >> 32;
	rec.listener_net_ns = READ(sk, __sk_common.skc_net.net, ns.inum);
	rec.tcp_port = port;
	rec.tcp_state = TCP_LISTEN;
	if (bpf_ringbuf_output(&records, &rec, sizeof(rec), 0))
		lost_add(DS_LOST_LISTEN);
	return 0;
}

#endif
