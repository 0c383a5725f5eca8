/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_EVENT_H
#define DOCKSNOOP_EVENT_H

/*
 * The one contract between the kernel side and user space.
 *
 * A record is a fixed part (struct ds_record) followed by the bytes of its
 * strings. Every field has a fixed width and there is no implicit padding, so
 * that clang for the BPF target and any C compiler for the host lay it out
 * alike; the assertions at the end hold both to it. Integers are in the byte
 * order of the machine: a record never leaves it.
 *
 * Strings are what the kernel could read when it happened and are hostile: any
 * byte may occur. Those marked "leaf first" are paths, written one component
 * at a time from the last to the first, each ended by NUL, because the kernel
 * walks upwards; user space turns them round.
 */

#include <linux/types.h>

#define DS_RECORD_VERSION 1

enum ds_record_type {
	DS_RECORD_CONNECT = 1, /* somebody connected, or tried to */
	DS_RECORD_START = 2,   /* first exec in a (cgroup, mount namespace) pair */
	DS_RECORD_CGROUP = 3,  /* a cgroup was made: metadata can be read ahead */
	DS_RECORD_DAEMON = 4,  /* a program with a container daemon's name started */
	DS_RECORD_HANDOFF = 5, /* somebody uses a connection that another has opened */
	DS_RECORD_TCP = 6,     /* TCP: a connect began or ended, somebody listens; see tcp_state */
};

enum ds_string {
	DS_STR_EXE,	    /* leaf first, as its mount namespace shows it */
	DS_STR_ARGV,	    /* as in memory: arguments ended by NUL */
	DS_STR_CGROUP,	    /* leaf first, below the hierarchy's root */
	DS_STR_CLIENT_PATH, /* sun_path as the client spelled it */
	DS_STR_BOUND_PATH,  /* sun_path as the listener bound it, '\0' first if abstract */
	DS_STR_FS_PATH,	    /* leaf first: the socket's file below its filesystem's root */
	DS_STR_MOUNT_POINT, /* leaf first: where the client's mount sits, below the client's root */
	DS_STR_MOUNT_ROOT, /* leaf first: what the client's mount shows, below its filesystem's root */
	DS_STR_COUNT,
};

/* ds_record.flags */
#define DS_F_INIT_MNT_NS  (1U << 0) /* the process is in the host's mount namespace */
#define DS_F_INIT_PID_NS  (1U << 1)
#define DS_F_INIT_USER_NS (1U << 2)
#define DS_F_KTHREAD	  (1U << 3) /* PF_KTHREAD: uid, exe and argv are not a user's */
#define DS_F_IO_WORKER	  (1U << 4) /* PF_IO_WORKER: an io_uring thread acted for the process */
#define DS_F_ABSTRACT	  (1U << 5) /* the listener's name is abstract, it has no file */
#define DS_F_HAS_MOUNT	  (1U << 6) /* mount_* are set (trampoline mode) */
#define DS_F_MOUNT_RO	  (1U << 7) /* the client's mount is read-only */
#define DS_F_CGROUP_V1	  (1U << 8) /* the cgroup is of a v1 hierarchy (pids) */
#define DS_F_INIT_ROOT	  (1U << 9) /* its root directory is the host's own */
#define DS_F_BY_NAME	  (1U << 10) /* no file, no listener: it was meant for a name like a daemon's */
#define DS_F_UNANSWERED	  (1U << 11) /* it did not come about, result does not tell why */

/* ds_record.truncated: bit N is set when string N did not fit */

struct ds_str {
	__u16 off; /* from the end of the fixed part */
	__u16 len;
};

struct ds_record {
	__u16 type;    /* enum ds_record_type */
	__u16 version; /* DS_RECORD_VERSION */
	__u32 size;    /* of the whole record, strings included */
	__u64 time_ns; /* CLOCK_BOOTTIME */

	/* who */
	__u32 tgid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 loginuid; /* (__u32)-1: not set */
	__u64 start_ns; /* of the process (group leader), CLOCK_BOOTTIME */
	__u64 parent_start_ns;
	__u64 cgroup_id; /* kernfs node id of the cgroup in DS_STR_CGROUP */
	__u32 mnt_ns;
	__u32 pid_ns;
	__u32 user_ns;
	__u32 net_ns;
	__u32 flags;
	__u32 pad0;
	char comm[16];
	char parent_comm[16];

	/* the listener */
	__u64 listener_cookie; /* 0: the kernel has not given it one yet */
	__u64 listener_ino;    /* of the socket itself, in sockfs */
	__u64 socket_ino;      /* of the file it is bound to */
	__u32 socket_dev;
	__u32 listener_pid; /* who called listen(2), in the host's numbering */
	__u32 listener_net_ns;
	__u32 pad1;
	__u64 connection; /* names this connection; 0 when there is none */

	/* the client's mount (DS_F_HAS_MOUNT) */
	__u32 mount_dev;
	__u32 mount_id;
	__u32 mount_mnt_ns; /* of the mount: another than mnt_ns means through another's root */
	__s32 result;	    /* 0 or -errno */

	/* DS_RECORD_HANDOFF: who opened the connection, or held it when docksnoop started */
	__u64 from_cgroup_id;
	__u32 from_tgid;
	__u32 from_mnt_ns;
	/*
	 * DS_RECORD_TCP. The kernel's states (include/net/tcp_states.h) are part of
	 * its API for users: TCP_SYN_SENT: a connect to this address began, connection
	 * names it, listener_net_ns is the client's socket's. TCP_ESTABLISHED, TCP_CLOSE:
	 * how it ended, with connection and result only. TCP_LISTEN: tgid listens at
	 * this port in listener_net_ns; no more is told.
	 */
	__u8 tcp_address[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
	__u16 tcp_port;	      /* in the machine's byte order */
	__u8 tcp_state;
	__u8 pad3;
	__u32 pad4;

	__u32 truncated;
	struct ds_str str[DS_STR_COUNT];
	__u32 pad2;
};

/* Enough for a path of PATH_MAX bytes and the rest beside it. */
#define DS_STR_BYTES	8192
#define DS_CGROUP_MAX	1024
#define DS_ARGV_MAX	1024
#define DS_SUN_PATH_MAX 108

/*
 * Bytes that went over a connection, in the order in which the daemon read, or
 * wrote, them. They come through a ring of their own. Those between the end of one
 * record and the offset of the next of the same side were not taken.
 */
enum ds_side {
	DS_SIDE_REQUESTS, /* what the daemon read */
	DS_SIDE_ANSWERS,  /* what it wrote */
	DS_SIDES,
};

enum ds_end {
	DS_END_HALF = 1, /* the client sends no more, and may still read */
	DS_END_CLOSED,	 /* the client has closed it */
};

struct ds_bytes {
	__u32 size;    /* of the record, with the bytes that follow it */
	__u16 version; /* DS_RECORD_VERSION */
	__u8 side;     /* enum ds_side */
	__u8 ended;    /* enum ds_end: nothing follows on this side */
	__u64 time_ns; /* CLOCK_BOOTTIME */
	__u64 connection;
	__u64 offset; /* of the first byte, since docksnoop follows the connection */
	/* Requests: who sent on the connection last; 0 when nobody has been seen to. */
	__u64 user_cgroup_id;
	__u32 user_mnt_ns;
	__u32 user_tgid;
	__u32 captured; /* bytes that follow */
	__u32 midway;	/* 1: the connection was in use before byte 0 */
};

#define DS_SLOTS 2048

/*
 * What outlives a docksnoop that is killed: pinned, and mapped by user space, whose
 * business all but the first field is. The next one goes on where it ended.
 */
struct ds_control {
	__u32 generation; /* of the programs that are at work: others attached have been relieved */
	__u32 pid;	  /* who reads what they hand over, or has until it was killed */
	/* Connects under way that are remembered by name; where there are none, none ends. */
	__u64 attempts;
	/*
	 * 1: user space looks by itself every few milliseconds; do not wake it. Into the rings
	 * of records, and into that of bytes.
	 */
	__u32 polled;
	__u32 bytes_polled;
	/*
	 * By ds_slot() of a socket's file: 1 where something may be followed that goes over a
	 * connection to it, so that most reads and writes need not be looked up. What is 1
	 * once stays so.
	 */
	__u8 followed[DS_SLOTS];
	__u8 ledger[2024];
};

/*
 * @bits of it that depend on all of @value: multiplicative hashing (Knuth, The Art of Computer
 * Programming, 6.4, with 2^64 divided by the golden ratio).
 */
static inline unsigned int ds_hash(__u64 value, unsigned int bits)
{
	return value * 0x9E3779B97F4A7C15ULL >> (64 - bits);
}

/* @ino: 0 where the socket has no file. */
static inline unsigned int ds_slot(__u32 ino)
{
	return ds_hash(ino, 11); /* DS_SLOTS */
}

/* Which of 64 bits stands for the last eight bytes of a name. */
static inline unsigned int ds_name_end_bit(__u64 end)
{
	return ds_hash(end, 6);
}

/* What the kernel could not hand over, by kind and ring (ds_ring * DS_LOST_COUNT + ds_lost); per
 * CPU. */
enum ds_ring {
	DS_RING_CONTAINERS,
	DS_RING_HOST, /* of processes that live on the host itself */
	DS_RING_COUNT,
};

enum ds_lost {
	DS_LOST_CONNECT, /* ring full: a connect */
	DS_LOST_START,	 /* ring full: a container's start */
	DS_LOST_CGROUP,	 /* ring full: a cgroup */
	DS_LOST_DAEMON,	 /* ring full: a daemon's start */
	DS_LOST_PENDING, /* no room to remember what a connect resolved to */
	DS_LOST_ATTEMPT, /* no room to remember a connect that may yet fail */
	DS_LOST_HANDOFF, /* a connection that could not be followed, or ring full: its new user */
	DS_LOST_LISTEN,	 /* ring full: somebody listens on TCP */
	DS_LOST_TCP,	 /* ring full: how a connect over TCP ended */
	DS_LOST_STREAM,	 /* no room to follow what goes over a connection: some of it is missing */
	DS_LOST_BYTES,	 /* ring full: some of what went over a connection */
	DS_LOST_COUNT,
};

_Static_assert(sizeof(struct ds_str) == 4, "ds_str is packed by hand");
_Static_assert(sizeof(struct ds_record) % 8 == 0, "ds_record ends aligned");
_Static_assert(sizeof(struct ds_bytes) == 56, "layout");
_Static_assert(sizeof(struct ds_control) == 4096, "layout");
_Static_assert(__builtin_offsetof(struct ds_record, listener_cookie) == 120, "layout");
_Static_assert(__builtin_offsetof(struct ds_record, str) == 228, "layout");
_Static_assert(sizeof(struct ds_record) == 264, "layout");

#endif
