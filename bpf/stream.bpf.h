/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_STREAM_BPF_H
#define DOCKSNOOP_STREAM_BPF_H

/*
 * What goes over a connection to a watched socket, taken where the daemon has
 * its end: what it read, from its own memory after it has read it, and what it
 * wrote. Its own memory nobody else can change, as the sender can the pages that
 * it has spliced into a socket.
 */

#include "bpf/connection.bpf.h"

#define STREAM_CHUNK  16384 /* bytes in one record; a power of two */
#define STREAM_CHUNKS 16    /* records of one transfer: what is beyond is a gap */
#define MSG_PEEK      2	    /* include/linux/socket.h */
#define SHUTDOWN_MASK 3	    /* include/net/sock.h */

/* User space's: follow what goes over connections. */
const volatile bool follow_streams;
/* User space's: those that were open before are in connections. */
bool connections_known;

struct stream {
	u64 id;	    /* as in ds_record.connection */
	u64 number; /* of the client's socket, key of connections */
	const void *addr;
	u64 passed[2]; /* bytes so far, by enum ds_side */
	u64 midway;    /* it had begun before that */
};

/*
 * By the address of the daemon's end. Sockets' memory is used again: one that
 * is not bound to what the listener is bound to is another. The longest unused
 * goes when it is full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct stream);
} streams SEC(".maps");

struct stream_side {
	u64 id;
	u64 side; /* enum ds_side */
};

/* User space's: up to which byte it has no use for what goes over a side. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct stream_side);
	__type(value, u64);
} stream_skips SEC(".maps");

/* On their way to user space: apart from the others, which they must not crowd out. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} stream_bytes SEC(".maps");

/* Twice as large as needed: so a mask bounds what is copied, where the verifier sees it. */
struct stream_scratch {
	struct ds_bytes head;
	char data[2 * STREAM_CHUNK - sizeof(struct ds_bytes)];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* by enum ds_side: each has a program of its own */
	__type(key, u32);
	__type(value, struct stream_scratch);
} stream_scratches SEC(".maps");

/*
 * Memory of the daemon's that a call has filled, or emptied. Only the first
 * segment is looked at: daemons use one, what is in further ones is a gap.
 */
struct segments {
	const void *at; /* one segment; or NULL, and: */
	const struct iovec *iov;
	u64 offset;	    /* into the first */
	u32 in_user_memory; /* iov itself */
	u32 known;	    /* all of this */
};

static __always_inline u32 bound_ino(struct sock *sock)
{
	struct dentry *dentry = READ((struct unix_sock *)sock, path.dentry);

	return dentry ? READ(dentry, d_inode, i_ino) : 0;
}

/* false: no. Without a name it is a client's end, mostly. */
static __always_inline bool may_be_followed(struct sock *end)
{
	struct ds_control *c = control_get();

	return READ((struct unix_sock *)end, addr) && c && c->followed[ds_slot(bound_ino(end))];
}

/* Before anything can go over it. */
static __always_inline void will_be_followed(struct sock *listener)
{
	struct ds_control *c = control_get();

	if (c)
		c->followed[ds_slot(bound_ino(listener))] = 1;
}

/* @end gets the address of @listener, if it has not got it yet. */
static __always_inline void stream_begin(struct ds_record *rec, struct sock *client,
					 struct sock *end, struct sock *listener)
{
	u64 key = (u64)end;
	struct stream stream = {.id = rec->connection};
	struct socket *socket;

	if (!follow_streams || !client || !end)
		return;
	socket = READ(client, sk_socket);
	stream.number = socket ? socket_number(socket) : 0;
	stream.addr = READ((struct unix_sock *)listener, addr);
	will_be_followed(listener);
	if (bpf_map_update_elem(&streams, &key, &stream, BPF_ANY))
		lost_add(DS_LOST_STREAM);
}

/* Is this end bound to a file of a watched socket? */
static __always_inline bool end_is_watched(struct sock *end)
{
	struct dentry *dentry = READ((struct unix_sock *)end, path.dentry);
	struct file_key key = {};

	if (!dentry)
		return false;
	key.dev = READ(dentry, d_sb, s_dev);
	key.ino = READ(dentry, d_inode, i_ino);
	return bpf_map_lookup_elem(&socket_files, &key);
}

/*
 * The connection was open before, or was pushed out by too many others: then it is
 * another one from here on, and who uses it is told again.
 */
static __always_inline struct stream *stream_begin_midway(struct sock *end)
{
	struct unix_sock *client = (void *)READ((struct unix_sock *)end, peer);
	struct socket *socket = client ? READ(client, sk.sk_socket) : NULL;
	struct stream stream = {.midway = true};
	struct connection fresh = {};
	struct connection *c = NULL;
	u64 key = (u64)end;

	if (socket) {
		stream.number = socket_number(socket);
		c = bpf_map_lookup_elem(&connections, &stream.number);
	}
	if (!c) {
		fresh.id = (u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
		if (socket)
			bpf_map_update_elem(&connections, &stream.number, &fresh, BPF_ANY);
		lost_add(DS_LOST_STREAM);
	}
	stream.id = c ? c->id : fresh.id;
	stream.addr = READ((struct unix_sock *)end, addr);
	bpf_map_update_elem(&streams, &key, &stream, BPF_ANY);
	return bpf_map_lookup_elem(&streams, &key);
}

/*
 * NULL: not the daemon's end of a connection that is followed. @begin: something
 * goes over it, so begin to if it should be.
 */
static __always_inline struct stream *stream_find(struct sock *sk, bool begin)
{
	u64 key = (u64)sk;
	struct stream *stream;

	if (!may_be_followed(sk) || relieved())
		return NULL;
	stream = bpf_map_lookup_elem(&streams, &key);
	if (stream && stream->addr == READ((struct unix_sock *)sk, addr))
		return stream;
	if (!begin || !connections_known || !end_is_watched(sk))
		return NULL;
	return stream_begin_midway(sk);
}

static __always_inline void stream_send(struct stream_scratch *s, u64 captured)
{
	u64 size = captured + sizeof(s->head);
	struct ds_control *c = control_get();
	bool polled = c && c->bytes_polled;

	s->head.captured = captured;
	s->head.size = size;
	BOUND(size, 2 * STREAM_CHUNK - 1);
	if (bpf_ringbuf_output(&stream_bytes, s, size, wakeup_flags(&stream_bytes, polled)))
		lost_add(DS_LOST_BYTES);
}

/* struct iovec is part of the kernel's API for programs. */
struct segment {
	const void *at;
	u64 len;
};

/* Where it begins, and how much of it lies there in one piece. */
static __always_inline bool segments_first(const struct segments *segments, struct segment *out)
{
	long err;

	if (segments->at) {
		out->at = segments->at;
		out->len = ~0ULL;
		return true;
	}
	if (segments->in_user_memory)
		err = bpf_probe_read_user(out, sizeof(*out), segments->iov);
	else
		err = bpf_probe_read_kernel(out, sizeof(*out), segments->iov);
	if (err || out->len < segments->offset)
		return false;
	out->at += segments->offset;
	out->len -= segments->offset;
	return true;
}

static __always_inline void stream_send_segments(struct stream_scratch *s,
						 const struct segments *segments, u64 len)
{
	struct segment first = {};

	if (!segments_first(segments, &first))
		return;
	if (len > first.len)
		len = first.len;
	for (int i = 0; i < STREAM_CHUNKS; i++) {
		u64 n = len < STREAM_CHUNK ? len : STREAM_CHUNK;

		BOUND(n, 2 * STREAM_CHUNK - 1);
		if (!n || n > STREAM_CHUNK || bpf_probe_read_user(s->data, n, first.at))
			return;
		stream_send(s, n);
		s->head.offset += n;
		first.at += n;
		len -= n;
	}
}

/*
 * There is nothing to read any more. What is closed makes room at once: it would push
 * out others that are still open, were it to wait until it is the oldest.
 */
static __always_inline void stream_end(struct stream_scratch *s, struct stream *stream,
				       const struct sock *sk)
{
	u64 number = stream->number;
	u64 key = (u64)sk;

	/* unix_release_sock() of the client says so to its peer. */
	s->head.ended = READ(sk, sk_shutdown) == SHUTDOWN_MASK ? DS_END_CLOSED : DS_END_HALF;
	if (s->head.ended == DS_END_CLOSED) {
		bpf_map_delete_elem(&connections, &number);
		bpf_map_delete_elem(&streams, &key);
	}
	stream_send(s, 0);
}

/*
 * The daemon has read, or written, @len bytes at its end @sk; 0: there is nothing to
 * read any more. @segments: where in its memory they are.
 */
static __always_inline int stream_passed(struct stream *stream, const struct sock *sk, u32 side,
					 const struct segments *segments, u64 len)
{
	struct stream_side key = {.id = stream->id, .side = side};
	u32 slot = side; /* or the verifier loses sight of what @side is */
	struct stream_scratch *s = bpf_map_lookup_elem(&stream_scratches, &slot);
	struct connection *c;
	u64 *until;

	if (!s)
		return 0;
	__builtin_memset(&s->head, 0, sizeof(s->head));
	s->head.version = DS_RECORD_VERSION;
	s->head.time_ns = bpf_ktime_get_boot_ns();
	s->head.connection = stream->id;
	s->head.offset = stream->passed[side];
	s->head.side = side;
	s->head.midway = stream->midway;
	stream->passed[side] += len;
	until = bpf_map_lookup_elem(&stream_skips, &key);
	if (len && until && s->head.offset + len <= *until)
		return 0;
	if (side == DS_SIDE_REQUESTS) {
		c = bpf_map_lookup_elem(&connections, &stream->number);
		if (c && c->id == stream->id) {
			s->head.user_cgroup_id = c->user_cgroup_id;
			s->head.user_mnt_ns = c->user_mnt_ns;
			s->head.user_tgid = c->user_tgid;
		}
	}
	if (!len)
		stream_end(s, stream, sk);
	else if (segments->known)
		stream_send_segments(s, segments, len);
	return 0;
}

/*
 * Since 6.3 a tracepoint tells of each read and write of a socket when it has
 * ended (6e6eda44b939, "sock: add tracepoint for send recv length"). Where in
 * memory, the registers of the system call tell; not of one that came another
 * way (io_uring), nor of a 32-bit program's.
 */
static __always_inline void segments_of_syscall(struct pt_regs *regs, struct segments *out)
{
	struct user_msghdr *msg;
	bool header = false;
	const void *second;

#if defined(__TARGET_ARCH_x86)
	second = (const void *)READ(regs, si);
	switch (READ(regs, orig_ax)) {
	case 0:	 /* read */
	case 1:	 /* write */
	case 44: /* sendto */
	case 45: /* recvfrom */
		out->at = second;
		break;
	case 19: /* readv */
	case 20: /* writev */
		out->iov = second;
		break;
	case 46: /* sendmsg */
	case 47: /* recvmsg */
		header = true;
		break;
	default:
		return;
	}
#elif defined(__TARGET_ARCH_arm64)
	second = (const void *)READ(regs, regs[1]);
	switch (READ(regs, syscallno)) {
	case 63:  /* read */
	case 64:  /* write */
	case 206: /* sendto */
	case 207: /* recvfrom */
		out->at = second;
		break;
	case 65: /* readv */
	case 66: /* writev */
		out->iov = second;
		break;
	case 211: /* sendmsg */
	case 212: /* recvmsg */
		header = true;
		break;
	default:
		return;
	}
#endif
	if (header) {
		msg = (void *)second;
		out->iov = BPF_CORE_READ_USER(msg, msg_iov);
	}
	out->in_user_memory = true;
	out->known = true;
}

static __always_inline int stream_call_ended(struct sock *sk, u32 side, u32 len,
					     struct pt_regs *regs)
{
	struct stream *stream = stream_find(sk, len);
	struct segments segments = {};

	if (!stream)
		return 0;
	segments_of_syscall(regs, &segments);
	return stream_passed(stream, sk, side, &segments, len);
}

/* Pages that the daemon sends: they are nowhere in its memory. */
static __always_inline int stream_passed_unseen(struct socket *socket, u64 len)
{
	struct stream *stream = stream_find(READ(socket, sk), true);

	if (stream)
		stream->passed[DS_SIDE_ANSWERS] += len;
	return 0;
}

/* What the program's call was given, where its arguments tell. */
static __always_inline void segments_of_iter(struct iov_iter *iter, struct segments *out)
{
	struct iov_iter___5_10 *old = (void *)iter;
	struct iov_iter___6_3 *before = (void *)iter;
	struct iov_iter___6_0 *ubuf = (void *)iter;
	u32 type;

	out->offset = READ(iter, iov_offset);
	if (bpf_core_field_exists(old->type)) {
		/* with a direction in its lowest bit */
		if ((READ(old, type) & ~1U) != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
			return;
	} else {
		type = READ(iter, iter_type);
		if (bpf_core_enum_value_exists(enum iter_type___ubuf, ITER_UBUF) &&
		    type == bpf_core_enum_value(enum iter_type___ubuf, ITER_UBUF)) {
			out->at = READ(ubuf, ubuf) + out->offset;
			out->known = true;
			return;
		}
		if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
			return;
	}
	if (bpf_core_field_exists(before->iov))
		out->iov = READ(before, iov);
	else
		out->iov = READ(iter, __iov);
	out->known = true;
}

/* Calls under way on the daemon's ends, by thread and side; the oldest go when it is full. */
struct transfer_key {
	u64 thread;
	u64 side;
};

struct transfer {
	struct sock *end;
	struct segments segments;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct transfer_key);
	__type(value, struct transfer);
} transfers SEC(".maps");

static __always_inline int transfer_begins(struct socket *socket, struct msghdr *msg, u32 side)
{
	struct transfer_key key = {bpf_get_current_pid_tgid(), side};
	struct sock *end = READ(socket, sk);
	struct transfer transfer = {.end = end};

	/* Whether something goes over it shows at the end. */
	if (!may_be_followed(end) || (!stream_find(end, false) && !end_is_watched(end)))
		return 0;
	segments_of_iter(&msg->msg_iter, &transfer.segments);
	if (bpf_map_update_elem(&transfers, &key, &transfer, BPF_ANY))
		lost_add(DS_LOST_STREAM);
	return 0;
}

static __always_inline int transfer_ended(u32 side, int ret)
{
	struct transfer_key key = {bpf_get_current_pid_tgid(), side};
	struct transfer *transfer = bpf_map_lookup_elem(&transfers, &key);
	struct stream *stream;

	if (!transfer || relieved())
		return 0;
	stream = stream_find(transfer->end, ret > 0);
	if (stream && (ret > 0 || (!ret && side == DS_SIDE_REQUESTS)))
		stream_passed(stream, transfer->end, side, &transfer->segments, ret);
	bpf_map_delete_elem(&transfers, &key);
	return 0;
}

#endif
