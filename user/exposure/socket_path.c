// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/exposure/mountinfo.h"
#include "user/exposure/socket_path.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* "4294967295/root", "self/fd/2147483647" */
#define PROC_PATH_MAX 32

void socket_path_clear(struct socket_path *path)
{
	free(path->path);
	free(path->fs_path);
	*path = (struct socket_path){};
}

/* What the kernel calls an open file: a path from the top of the file's mount namespace. */
static int fd_path(int procfd, int fd, char **out)
{
	char link[PROC_PATH_MAX] = "";

	snprintf(link, sizeof(link), "self/fd/%d", fd);
	return file_readlink(procfd, link, out);
}

/* @path, from the top of a mount namespace, as seen by a process with the root @root. */
static int path_below_root(const char *path, const char *root, char **out)
{
	const char *rest = path_after(path, root);

	if (!rest)
		return -ENOENT;
	return str_format(out, "%s", *rest ? rest : "/");
}

/* @bound_path from the root of the process on. */
static int absolute_path(int procfd, uint32_t pid, const char *root, const char *bound_path,
			 char **out)
{
	AUTO_FREE char *cwd = NULL;
	AUTO_FREE char *cwd_below = NULL;
	char link[PROC_PATH_MAX] = "";
	int err = 0;

	if (*bound_path == '/')
		return str_format(out, "%s", bound_path);
	snprintf(link, sizeof(link), "%u/cwd", pid);
	err = file_readlink(procfd, link, &cwd);
	if (err < 0)
		return err;
	err = path_below_root(cwd, root, &cwd_below);
	if (err < 0)
		return err;
	return str_format(out, "%s/%s", cwd_below, bound_path);
}

/* statx(2) rather than fdinfo's "mnt_id:": the same number, with no text in between. */
static int socket_stat(int fd, struct statx *out)
{
	struct statx st = {};

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_NLINK | STATX_INO | STATX_MNT_ID, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.stx_mode))
		return -ENOTSOCK;
	if (!(st.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	*out = st;
	return 0;
}

/* The root directory of a process, and what the kernel calls it. */
static int root_open(int procfd, uint32_t pid, int *out, char **path)
{
	char link[PROC_PATH_MAX] = "";
	AUTO_CLOSE int fd = -1;
	int err = 0;

	snprintf(link, sizeof(link), "%u/root", pid);
	fd = openat(procfd, link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fd_path(procfd, fd, path);
	if (err < 0)
		return err;
	*out = take_fd(&fd);
	return 0;
}

int socket_mount_below(int rootfd, const char *path, uint64_t *ino, int *mount_id)
{
	AUTO_CLOSE int fd = *path ? file_open_cached_in_root(rootfd, path, O_PATH) : -1;
	struct statx st = {};
	int err = *path && fd < 0 ? fd : socket_stat(*path ? fd : rootfd, &st);

	if (err < 0)
		return err;
	*ino = st.stx_ino;
	*mount_id = (int)st.stx_mnt_id;
	return 0;
}

int socket_mount_of(int procfd, uint32_t pid, const char *name, uint64_t *ino, int *mount_id)
{
	AUTO_CLOSE int rootfd = -1;
	AUTO_FREE char *root = NULL;
	AUTO_FREE char *wanted = NULL;
	int err = root_open(procfd, pid, &rootfd, &root);

	if (!err)
		err = absolute_path(procfd, pid, root, name, &wanted);
	return err < 0 ? err : socket_mount_below(rootfd, wanted, ino, mount_id);
}

int socket_path_resolve(int procfd, uint32_t pid, const char *bound_path, struct socket_path *out)
{
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	AUTO_CLOSE int rootfd = -1;
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *root = NULL;
	AUTO_FREE char *wanted = NULL;
	AUTO_FREE char *full = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *fs_path = NULL;
	const struct mount_entry *entry = NULL;
	const char *rest = NULL;
	struct statx st = {};
	int err = 0;

	if (!*bound_path)
		return -EINVAL;
	err = root_open(procfd, pid, &rootfd, &root);
	if (err < 0)
		return err;
	err = absolute_path(procfd, pid, root, bound_path, &wanted);
	if (err < 0)
		return err;
	fd = file_open_in_root(rootfd, wanted, O_PATH);
	if (fd < 0)
		return fd;
	err = fd_path(procfd, fd, &full);
	if (err < 0)
		return err;
	err = path_below_root(full, root, &path);
	if (err < 0)
		return err;

	/* After the name: with a link left it has not been unlinked, and the name is whole. */
	err = socket_stat(fd, &st);
	if (err < 0)
		return err;
	if (!st.stx_nlink)
		return -ENOENT;
	err = mount_table_read(procfd, pid, &table);
	if (err < 0)
		return err;
	entry = mount_table_by_id(table, (int)st.stx_mnt_id);
	rest = entry && !entry->deleted ? path_after(path, entry->target) : NULL;
	if (!rest)
		return -ENOENT;
	err = mount_path_join(entry->root, rest, &fs_path);
	if (err < 0)
		return err;
	*out = (struct socket_path){
		.path = take_ptr(path),
		.fs_path = take_ptr(fs_path),
		.dev = entry->dev,
		.ino = st.stx_ino,
	};
	return 0;
}
