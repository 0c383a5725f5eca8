/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_TASK_BPF_H
#define DOCKSNOOP_TASK_BPF_H

/* Who: everything that attributes the current task, taken while it is there. */

#include "bpf/record.bpf.h"

#define PAGE_BYTES 4096

/*
 * The cgroup to go by: the v2 one, or that of the pids controller where that lies
 * deeper. So it does under pure v1, where the v2 one is the root; for whatever a
 * hybrid host manages by v1 alone; and in a container of a runtime that itself
 * runs in one on a hybrid host, where it sees the v1 hierarchies only.
 */
static __always_inline struct cgroup *task_cgroup(struct task_struct *task, bool *v1)
{
	struct css_set *set = READ(task, cgroups);
	struct cgroup *cgroup = READ(set, dfl_cgrp);
	struct cgroup_subsys_state *css = NULL;
	struct cgroup *other;

	*v1 = false;
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return cgroup;
	bpf_core_read(&css, sizeof(css),
		      (void *)&set->subsys +
			      sizeof(css) *
				      bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
	other = READ(css, cgroup);
	if (!other || READ(other, level) <= READ(cgroup, level))
		return cgroup;
	*v1 = true;
	return other;
}

/* The host's first process, whose mount namespace and root directory are the host's own. */
static __always_inline struct task_struct *init_task_of(struct task_struct *task)
{
	return READ(task, thread_pid, numbers[0].ns, child_reaper);
}

/* Is its root directory the host's own? */
static __always_inline bool task_root_is_host(struct task_struct *task, struct task_struct *init)
{
	return READ(task, fs, root.dentry, d_inode) == READ(init, fs, root.dentry, d_inode);
}

static __always_inline void task_fill_ns(struct ds_record *rec, struct task_struct *task)
{
	struct pid *pid = READ(task, thread_pid);
	struct task_struct *init = init_task_of(task);
	struct mnt_namespace *mnt_ns = READ(task, nsproxy, mnt_ns);
	struct user_namespace *user_ns = READ(task, cred, user_ns);
	u32 level = READ(pid, level);
	struct upid upid = {};

	rec->mnt_ns = READ(mnt_ns, ns.inum);
	if (mnt_ns == READ(init, nsproxy, mnt_ns))
		rec->flags |= DS_F_INIT_MNT_NS;
	if (task_root_is_host(task, init))
		rec->flags |= DS_F_INIT_ROOT;

	/* Not pid_ns_for_children: the namespace that the task itself lives in. */
	bpf_core_read(&upid, bpf_core_type_size(struct upid),
		      (void *)&pid->numbers + level * bpf_core_type_size(struct upid));
	rec->pid_ns = READ(upid.ns, ns.inum);
	if (level == 0)
		rec->flags |= DS_F_INIT_PID_NS;

	rec->user_ns = READ(user_ns, ns.inum);
	if (!READ(user_ns, parent))
		rec->flags |= DS_F_INIT_USER_NS;

	rec->net_ns = READ(task, nsproxy, net_ns, ns.inum);
}

/* Append @len bytes of the process's own memory. */
static __always_inline bool argv_add(struct scratch *s, unsigned long from, u64 len)
{
	u64 off = s->used;
	u64 add = len;

	BOUND(off, DS_STR_BYTES - 1);
	BOUND(add, SCRATCH_SLACK - 1);
	if (bpf_probe_read_user(s->data + off, add, (const void *)from))
		return false;
	s->used = off + add;
	return true;
}

static __always_inline void task_fill_argv(struct scratch *s, struct mm_struct *mm)
{
	unsigned long start = READ(mm, arg_start);
	u64 len = READ(mm, arg_end) - start;
	u64 first = PAGE_BYTES - (start & (PAGE_BYTES - 1));
	bool whole = len <= DS_ARGV_MAX && s->used <= DS_STR_BYTES - SCRATCH_SLACK;

	string_begin(s, DS_STR_ARGV);
	if (len > DS_ARGV_MAX)
		len = DS_ARGV_MAX;
	if (s->used <= DS_STR_BYTES - SCRATCH_SLACK) {
		/* A read that meets a page that is not there fails whole: page by page, then. */
		if (first > len)
			first = len;
		if (!argv_add(s, start, first))
			whole = false;
		else if (len > first && !argv_add(s, start + first, len - first))
			whole = false;
	}
	if (!whole)
		s->rec.truncated |= 1U << DS_STR_ARGV;
	string_end(s, DS_STR_ARGV);
}

/* The numbers: all but the strings, so that a filter can look at them first. */
static __always_inline void task_fill(struct scratch *s, struct task_struct *task)
{
	struct task_struct *parent = READ(task, real_parent);
	const struct cred *cred = READ(task, cred);
	struct ds_record *rec = &s->rec;
	u32 flags = READ(task, flags);
	struct kernfs_node *kn;
	struct cgroup *cgroup;
	bool v1;

	rec->tgid = READ(task, tgid);
	rec->tid = READ(task, pid);
	rec->ppid = READ(parent, tgid);
	rec->uid = READ(cred, euid.val);
	rec->gid = READ(cred, egid.val);
	rec->loginuid = (u32)-1;
	if (bpf_core_field_exists(task->loginuid)) /* CONFIG_AUDIT */
		rec->loginuid = READ(task, loginuid.val);
	rec->start_ns = READ(task, group_leader, start_boottime);
	rec->parent_start_ns = READ(parent, group_leader, start_boottime);
	/* The leader's name is the process's; a thread may call itself anything. */
	BPF_CORE_READ_INTO(&rec->comm, task, group_leader, comm);
	BPF_CORE_READ_INTO(&rec->parent_comm, parent, group_leader, comm);
	if (flags & PF_KTHREAD)
		rec->flags |= DS_F_KTHREAD;
	if (flags & PF_IO_WORKER)
		rec->flags |= DS_F_IO_WORKER;

	task_fill_ns(rec, task);

	cgroup = task_cgroup(task, &v1);
	kn = READ(cgroup, kn);
	s->cgroup = kn;
	rec->cgroup_id = READ(kn, id);
	if (v1)
		rec->flags |= DS_F_CGROUP_V1;
}

/* After task_fill(). */
static __always_inline void task_fill_cgroup(struct scratch *s)
{
	string_kernfs(s, DS_STR_CGROUP, s->cgroup);
}

static __always_inline void task_fill_exe(struct scratch *s, struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);
	struct file *exe;

	if (!mm)
		return;
	exe = READ(mm, exe_file);
	if (exe)
		string_path(s, DS_STR_EXE, mount_of(READ(exe, f_path.mnt)),
			    READ(exe, f_path.dentry));
	task_fill_argv(s, mm);
}

#endif
