/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SOCKET_PATH_H
#define DOCKSNOOP_SOCKET_PATH_H

#include <stdint.h>

/* Where a socket that a process bound lies. Strings are malloc'd. */
struct socket_path {
	char *path;    /* in that process's view, from its root, links resolved */
	char *fs_path; /* below its filesystem's root */
	uint32_t dev;  /* of the filesystem, as in mountinfo: the kernel's dev_t */
	uint64_t ino;  /* of the file, as stat(2) says */
};

void socket_path_clear(struct socket_path *path);

/*
 * Find the file that process @pid bound as @bound_path (absolute, or relative to
 * its working directory, which may be another one by now), by looking the name up
 * in that process's own root and mounts. @procfd is a descriptor of a /proc in
 * which both @pid and the caller show.
 *
 * 0 and *out filled (release with socket_path_clear()); -ENOENT or -ESRCH when the
 * file or the process is not there (any more), or the file's mount is not in the
 * process's table (a chroot into a folder that is no mount); -ENOTSOCK when the
 * name is now something else's; -EACCES or -EPERM without ptrace access to the
 * process (CAP_SYS_PTRACE; some hosts refuse PID 1 to root too); else -errno.
 * Needs openat2(2), Linux 5.6, and STATX_MNT_ID, Linux 5.8: -ENOSYS, -EOPNOTSUPP.
 */
int socket_path_resolve(int procfd, uint32_t pid, const char *bound_path, struct socket_path *out);

/*
 * Which mount does the absolute path @path lead to below the directory @rootfd ("":
 * @rootfd is it), and to which socket there (its inode's number)? By the kernel's cache of names alone
 * (file_open_cached_in_root()), for a name that was used a moment ago. 0; -EAGAIN
 * when the cache does not tell, -EINVAL before Linux 5.12, or as above.
 */
int socket_mount_below(int rootfd, const char *path, uint64_t *ino, int *mount_id);
/* The same for what process @pid calls @name, which may be relative. */
int socket_mount_of(int procfd, uint32_t pid, const char *name, uint64_t *ino, int *mount_id);

#endif
