/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_RECORD_BPF_H
#define DOCKSNOOP_RECORD_BPF_H

/* Putting a record together: its strings, and sending it off. */

#include "bpf/maps.bpf.h"

#define COMPONENT_MAX 256 /* NAME_MAX and its NUL */
#define PATH_STEPS    64  /* components and mounts walked; a path beyond is marked truncated */

static __always_inline struct scratch *record_begin(u32 slot, u16 type)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);

	if (!s || relieved())
		return NULL;
	__builtin_memset(&s->rec, 0, sizeof(s->rec));
	s->used = 0;
	s->rec.type = type;
	s->rec.version = DS_RECORD_VERSION;
	s->rec.time_ns = bpf_ktime_get_boot_ns();
	return s;
}

/* Is it of a process that lives on the host itself? */
static __always_inline bool record_of_host(const struct ds_record *rec)
{
	return (rec->flags & DS_F_INIT_MNT_NS) && (rec->flags & DS_F_INIT_ROOT);
}

static __always_inline void record_hand_over(const struct ds_record *rec, u64 size, u32 lost_kind)
{
	struct ds_control *c = control_get();
	bool polled = c && c->polled;

	if (record_of_host(rec)) {
		if (bpf_ringbuf_output(&host_records, (void *)rec, size,
				       wakeup_flags(&host_records, polled)))
			lost_add_at(DS_RING_HOST, lost_kind);
	} else if (bpf_ringbuf_output(&records, (void *)rec, size,
				      wakeup_flags(&records, polled))) {
		lost_add(lost_kind);
	}
}

static __always_inline void record_send(struct scratch *s, u32 lost_kind)
{
	u64 size = s->used;

	if (size > DS_STR_BYTES)
		size = DS_STR_BYTES;
	size += sizeof(s->rec);
	s->rec.size = size;
	BOUND(size, 0x3fff);
	if (size > sizeof(s->rec) + DS_STR_BYTES)
		return;
	record_hand_over(&s->rec, size, lost_kind);
}

static __always_inline void string_begin(struct scratch *s, u32 which)
{
	s->rec.str[which].off = s->used;
}

static __always_inline void string_end(struct scratch *s, u32 which)
{
	s->rec.str[which].len = s->used - s->rec.str[which].off;
}

/* Append a NUL-terminated kernel string with its NUL; false when it did not fit. */
static __always_inline bool string_add(struct scratch *s, const void *name, u32 max)
{
	u64 off = s->used;
	long n;

	if (off > DS_STR_BYTES - COMPONENT_MAX)
		return false;
	BOUND(off, DS_STR_BYTES - 1);
	n = bpf_probe_read_kernel_str(s->data + off, max, name);
	if (n <= 0)
		return false;
	s->used = off + n;
	return true;
}

static __always_inline void string_add_name(struct scratch *s, u32 which, const void *name)
{
	if (!string_add(s, name, COMPONENT_MAX))
		s->rec.truncated |= 1U << which;
}

/* Append @len bytes as they are. */
static __always_inline void string_bytes(struct scratch *s, u32 which, const void *from, u64 len)
{
	u64 off = s->used;

	string_begin(s, which);
	BOUND(off, DS_STR_BYTES - 1);
	BOUND(len, SCRATCH_SLACK - 1);
	if (off <= DS_STR_BYTES - SCRATCH_SLACK && !bpf_probe_read_kernel(s->data + off, len, from))
		s->used = off + len;
	else
		s->rec.truncated |= 1U << which;
	string_end(s, which);
}

/* A directory entry's path within its filesystem. */
static __always_inline void string_dentry(struct scratch *s, u32 which, struct dentry *dentry)
{
	struct dentry *parent;
	int i;

	string_begin(s, which);
	for (i = 0; i < PATH_STEPS; i++) {
		parent = READ(dentry, d_parent);
		if (!parent || parent == dentry)
			break;
		string_add_name(s, which, READ(dentry, d_name.name));
		dentry = parent;
	}
	if (i == PATH_STEPS)
		s->rec.truncated |= 1U << which;
	string_end(s, which);
}

/*
 * The verifier goes through a loop anew for each combination of pointers whose types it
 * knows: of these it knows none. (Without, it takes ten times as long for a path.)
 */
static __always_inline void *typeless(struct scratch *s, const void *pointer)
{
	volatile u64 *at = &s->walked;

	*at = (u64)pointer;
	return (void *)*at;
}

/* A path as its mount namespace shows it. */
static __always_inline void string_path(struct scratch *s, u32 which, struct mount *mnt,
					struct dentry *dentry)
{
	struct dentry *parent;
	struct mount *above;
	int i;

	mnt = typeless(s, mnt);
	dentry = typeless(s, dentry);
	string_begin(s, which);
	for (i = 0; i < PATH_STEPS; i++) {
		if (dentry == READ(mnt, mnt.mnt_root)) {
			above = READ(mnt, mnt_parent);
			if (!above || above == mnt)
				break;
			dentry = typeless(s, READ(mnt, mnt_mountpoint));
			mnt = typeless(s, above);
			continue;
		}
		parent = READ(dentry, d_parent);
		if (!parent || parent == dentry)
			break;
		string_add_name(s, which, READ(dentry, d_name.name));
		dentry = typeless(s, parent);
	}
	if (i == PATH_STEPS)
		s->rec.truncated |= 1U << which;
	string_end(s, which);
}

static __always_inline void string_kernfs(struct scratch *s, u32 which, struct kernfs_node *kn)
{
	struct kernfs_node *parent;
	int i;

	string_begin(s, which);
	for (i = 0; i < PATH_STEPS && kn; i++) {
		parent = kernfs_parent(kn);
		if (!parent)
			break;
		if (s->used - s->rec.str[which].off > DS_CGROUP_MAX - COMPONENT_MAX) {
			i = PATH_STEPS;
			break;
		}
		string_add_name(s, which, READ(kn, name));
		kn = parent;
	}
	if (i == PATH_STEPS)
		s->rec.truncated |= 1U << which;
	string_end(s, which);
}

#endif
