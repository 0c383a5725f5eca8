/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_TYPES_H
#define DOCKSNOOP_TYPES_H

/*
 * The kernel's structs whose fields the programs read. Their numbers in the running
 * kernel's BTF are found by user space: see bpf/read.bpf.h.
 */
#define DS_TYPES(X)                                                                                \
	X(cgroup)                                                                                  \
	X(cgroup_subsys_state)                                                                     \
	X(cred)                                                                                    \
	X(css_set)                                                                                 \
	X(dentry)                                                                                  \
	X(fdtable)                                                                                 \
	X(file)                                                                                    \
	X(files_struct)                                                                            \
	X(fs_struct)                                                                               \
	X(inode)                                                                                   \
	X(iov_iter)                                                                                \
	X(kernfs_node)                                                                             \
	X(mm_struct)                                                                               \
	X(mnt_namespace)                                                                           \
	X(mount)                                                                                   \
	X(net)                                                                                     \
	X(nsproxy)                                                                                 \
	X(path)                                                                                    \
	X(pid)                                                                                     \
	X(pid_namespace)                                                                           \
	X(pt_regs)                                                                                 \
	X(sk_buff)                                                                                 \
	X(sock)                                                                                    \
	X(socket)                                                                                  \
	X(super_block)                                                                             \
	X(task_struct)                                                                             \
	X(timespec64)                                                                              \
	X(unix_address)                                                                            \
	X(unix_sock)                                                                               \
	X(user_namespace)

enum ds_type {
#define DS_TYPE(name) DS_TYPE_##name,
	DS_TYPES(DS_TYPE)
#undef DS_TYPE
	DS_TYPE_COUNT,
};

#endif
