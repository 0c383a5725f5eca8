// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The shared bodies, entered by BPF_PROG_TEST_RUN in the context of the test's
 * own process, whose truth the test can read from /proc.
 */

#include "bpf/connect.bpf.h"
#include "bpf/life.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct fs_struct___pwd {
	struct path pwd;
} __attribute__((preserve_access_index));

/* Everything of the current task, with the working directory's path where a mount's would be. */
SEC("raw_tp")
int body_task(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = record_begin(SCRATCH_EXEC, DS_RECORD_START);
	struct fs_struct___pwd *fs = (void *)BPF_CORE_READ(task, fs);

	if (!s)
		return 1;
	task_fill(s, task);
	task_fill_cgroup(s);
	string_path(s, DS_STR_MOUNT_POINT, mount_of(BPF_CORE_READ(fs, pwd.mnt)),
		    BPF_CORE_READ(fs, pwd.dentry));
	string_dentry(s, DS_STR_FS_PATH, BPF_CORE_READ(fs, pwd.dentry));
	task_fill_exe(s, task);
	record_send(s, DS_LOST_START);
	return 0;
}

/* A record with nothing in it, to fill the ring. */
SEC("raw_tp")
int body_empty(void *ctx)
{
	struct scratch *s = record_begin(SCRATCH_CGROUP, DS_RECORD_CGROUP);

	if (!s)
		return 1;
	record_send(s, DS_LOST_CGROUP);
	return 0;
}

/* The test's: what a connect is given. */
char name[128];
__u64 name_max;
bool name_may_end;

SEC("raw_tp")
int body_name(void *ctx)
{
	name_may_end = may_end_like_a_socket(name, name_max);
	return 0;
}
