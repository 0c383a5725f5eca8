/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_LIFE_BPF_H
#define DOCKSNOOP_LIFE_BPF_H

/* The life of containers and daemons: what lets user space read ahead. */

#include "bpf/task.bpf.h"

/*
 * The current task has begun another program. The first time in a cgroup and
 * mount namespace other than the host's is a container's start, as far as the
 * kernel can tell.
 */
static __always_inline int exec_seen(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *init = init_task_of(task);
	struct mnt_namespace *mnt_ns = READ(task, nsproxy, mnt_ns);
	struct start_key key = {};
	u16 type = DS_RECORD_START;
	struct scratch *s;
	char comm[16] = {};
	u8 one = 1;
	bool v1;

	if (relieved())
		return 0;
	bpf_get_current_comm(comm, sizeof(comm));
	if (bpf_map_lookup_elem(&daemon_names, comm)) {
		type = DS_RECORD_DAEMON;
	} else {
		if (mnt_ns == READ(init, nsproxy, mnt_ns))
			return 0;
		key.cgroup_id = READ(task_cgroup(task, &v1), kn, id);
		key.mnt_ns_id = mnt_ns_id(mnt_ns);
		key.host_root = task_root_is_host(task, init);
		if (bpf_map_lookup_elem(&starts_seen, &key))
			return 0;
		bpf_map_update_elem(&starts_seen, &key, &one, BPF_ANY);
	}

	s = record_begin(SCRATCH_EXEC, type);
	if (!s)
		return 0;
	task_fill(s, task);
	task_fill_cgroup(s);
	task_fill_exe(s, task);
	record_send(s, type == DS_RECORD_START ? DS_LOST_START : DS_LOST_DAEMON);
	return 0;
}

static __always_inline int cgroup_made(struct cgroup *cgroup)
{
	struct scratch *s = record_begin(SCRATCH_CGROUP, DS_RECORD_CGROUP);

	if (!s)
		return 0;
	s->rec.cgroup_id = READ(cgroup, kn, id);
	string_kernfs(s, DS_STR_CGROUP, READ(cgroup, kn));
	record_send(s, DS_LOST_CGROUP);
	return 0;
}

#endif
