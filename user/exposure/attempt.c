// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* By the file's mode alone: a capability, an ACL or another of its groups may let it in. */
static bool kept_out(const struct ds_record *raw, const struct stat *st)
{
	if (!raw->uid)
		return false;
	if (raw->uid == st->st_uid)
		return !(st->st_mode & S_IWUSR);
	return !(st->st_mode & (raw->gid == st->st_gid ? S_IWGRP : S_IWOTH));
}

/* What the process means by @path: 0 or -errno, which is connect(2)'s too where it is -ENOENT. */
static int path_stat(int procfd, uint32_t pid, const char *path, struct stat *out)
{
	AUTO_CLOSE int top = -1;
	AUTO_CLOSE int fd = -1;
	char link[32] = "";

	if (*path != '/' && strstr(path, ".."))
		return -EINVAL; /* it can lead out of where we look from */
	snprintf(link, sizeof(link), "%" PRIu32 "/%s", pid, *path == '/' ? "root" : "cwd");
	top = openat(procfd, link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -ESRCH;
	fd = file_open_in_root(top, path, O_PATH);
	if (fd < 0)
		return fd;
	return fstat(fd, out) ? -errno : 0;
}

void attempt_look(int procfd, struct record *r)
{
	struct stat st = {0};
	int result = 0;
	int err;

	if (!r->client_path[0] || !process_is(procfd, r->raw.tgid, r->raw.start_ns))
		return;
	err = path_stat(procfd, r->raw.tgid, r->client_path, &st);
	/* Was it that process all the while? */
	if (!process_is(procfd, r->raw.tgid, r->raw.start_ns))
		return;
	if (err == -ENOENT) {
		result = err;
	} else if (!err && !S_ISSOCK(st.st_mode)) {
		result = -ECONNREFUSED;
	} else if (!err) {
		r->raw.socket_dev = major(st.st_dev) << 20 | minor(st.st_dev);
		r->raw.socket_ino = st.st_ino;
		result = kept_out(&r->raw, &st) ? -EACCES : 0;
	}
	if (r->raw.flags & DS_F_UNANSWERED)
		r->raw.result = result;
}
