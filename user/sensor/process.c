// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"

#define PROC_FILE_MAX (64 * 1024)
/* More than anybody nests; who does starts at the top of what we look at. */
#define ANCESTORS_MAX 256

/* A file of /proc/PID, read whole. */
static int process_read(int procfd, uint32_t pid, const char *name, char **out)
{
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/%s", pid, name);
	return file_read(procfd, path, PROC_FILE_MAX, out, NULL);
}

/*
 * The same of a file that the kernel makes in one go (single_open() in fs/proc/array.c and
 * base.c), and so hands out with the first read, as far as there is room: these are read
 * for each event.
 */
static int process_read_small(int procfd, uint32_t pid, const char *name, char *out, size_t size)
{
	AUTO_CLOSE int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%" PRIu32 "/%s", pid, name);
	fd = openat(procfd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

int process_comm(int procfd, uint32_t pid, char out[16])
{
	char text[64]; /* workers' names can be longer than comm is */
	size_t len;
	int err = process_read_small(procfd, pid, "comm", text, sizeof(text));

	if (err)
		return err;
	len = strlen(text);
	if (len && text[len - 1] == '\n') /* there may be others in it */
		text[len - 1] = '\0';
	snprintf(out, 16, "%.15s", text);
	return 0;
}

/* Fields 3, 4, 20 and 22 of proc_pid_stat(5). */
struct stat_fields {
	char state;
	uint32_t ppid;
	uint32_t threads;
	uint64_t start_ns;
};

static int stat_read(int procfd, uint32_t pid, struct stat_fields *out)
{
	char text[1024]; /* 52 numbers; those that count come first */
	struct stat_fields found = {0};
	const char *p = NULL;
	int err = process_read_small(procfd, pid, "stat", text, sizeof(text));

	if (err)
		return err;
	/* The name, field 2, may hold anything, spaces and ')' too: go by its last one. */
	p = strrchr(text, ')');
	if (!p || sscanf(p,
			 ") %c %" SCNu32 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			 "%*s %*s %" SCNu32 " %*s %" SCNu64,
			 &found.state, &found.ppid, &found.threads, &found.start_ns) != 4)
		return -EBADMSG;
	found.start_ns *= 1000000000ULL / sysconf(_SC_CLK_TCK);
	*out = found;
	return 0;
}

int process_start_ns(int procfd, uint32_t pid, uint64_t *out)
{
	struct stat_fields fields = {0};
	int err = stat_read(procfd, pid, &fields);

	if (!err)
		*out = fields.start_ns;
	return err;
}

bool process_same_start(uint64_t a_ns, uint64_t b_ns)
{
	uint64_t tick = 1000000000ULL / sysconf(_SC_CLK_TCK);

	return a_ns / tick == b_ns / tick;
}

bool process_is(int procfd, uint32_t pid, uint64_t start_ns)
{
	struct stat_fields fields = {0};

	return !stat_read(procfd, pid, &fields) && process_same_start(fields.start_ns, start_ns);
}

bool process_runs(int procfd, uint32_t pid, uint64_t start_ns)
{
	struct stat_fields fields = {0};

	if (stat_read(procfd, pid, &fields) || !process_same_start(fields.start_ns, start_ns))
		return false;
	/* A first thread that has ended is a zombie too, until the others have. */
	return (fields.state != 'Z' && fields.state != 'X') || fields.threads > 1;
}

uint32_t process_thread(int procfd, const struct record *r)
{
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/task/%" PRIu32, r->raw.tgid, r->raw.tid);
	return faccessat(procfd, path, F_OK, 0) ? r->raw.tgid : r->raw.tid;
}

static size_t path_depth(const char *path)
{
	size_t depth = 0;

	for (const char *c = path; *c; c++)
		depth += c[0] == '/' && c[1];
	return depth;
}

int process_cgroup(int procfd, uint32_t pid, char out[DS_CGROUP_MAX + 1])
{
	AUTO_FREE char *text = NULL;
	const char *v1 = NULL;
	const char *v2 = NULL;
	const char *found = NULL;
	char *save = NULL;
	int err = process_read(procfd, pid, "cgroup", &text);

	if (err)
		return err;
	/* Lines are "hierarchy:controllers:path" (cgroups(7)). */
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		if (!strncmp(line, "0:", 2))
			v2 = path;
		else if (!strcmp(controllers + 1, "pids"))
			v1 = path;
	}
	found = v1 && (!v2 || path_depth(v1) > path_depth(v2)) ? v1 : v2;
	if (!found)
		return -ENODATA;
	if (strlen(found) > DS_CGROUP_MAX)
		return -ENAMETOOLONG;
	strcpy(out, found);
	return 0;
}

int process_namespace(int procfd, uint32_t pid, const char *kind, uint32_t *out)
{
	AUTO_FREE char *link = NULL;
	char path[64];
	const char *open = NULL;
	int err;

	snprintf(path, sizeof(path), "%" PRIu32 "/ns/%s", pid, kind);
	err = file_readlink(procfd, path, &link);
	if (err)
		return err;
	open = strchr(link, '[');
	if (!open || sscanf(open, "[%" SCNu32 "]", out) != 1)
		return -EBADMSG;
	return 0;
}

int process_exe(int procfd, uint32_t pid, char **out)
{
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/exe", pid);
	return file_readlink(procfd, path, out);
}

int process_parent_exe(int procfd, const struct ds_record *raw, char **out)
{
	AUTO_FREE char *exe = NULL;
	char comm[16] = "";
	/* Read first, then make sure whose it was. */
	int err = process_exe(procfd, raw->ppid, &exe);

	err = err ? err : process_comm(procfd, raw->ppid, comm);
	if (err)
		return err;
	if (!process_is(procfd, raw->ppid, raw->parent_start_ns) ||
	    strncmp(comm, raw->parent_comm, sizeof(comm)) != 0)
		return -ESRCH;
	*out = take_ptr(exe);
	return 0;
}

/* Effective ids, as the kernel side takes them; "Uid:" has real, effective, saved, fs. */
static int status_fill(int procfd, struct ds_record *raw)
{
	AUTO_FREE char *text = NULL;
	const char *ppid = NULL, *uid = NULL, *gid = NULL;
	int err = process_read(procfd, raw->tgid, "status", &text);

	if (err)
		return err;
	/* "Name:" comes first and its newlines are escaped. */
	ppid = strstr(text, "\nPPid:");
	uid = strstr(text, "\nUid:");
	gid = strstr(text, "\nGid:");
	if (!ppid || sscanf(ppid, "\nPPid: %u", &raw->ppid) != 1 || !uid ||
	    sscanf(uid, "\nUid: %*u %u", &raw->uid) != 1 || !gid ||
	    sscanf(gid, "\nGid: %*u %u", &raw->gid) != 1)
		return -EBADMSG;
	return 0;
}

static void argv_fill(int procfd, struct record *r)
{
	char path[64];
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%" PRIu32 "/cmdline", r->raw.tgid);
	fd = openat(procfd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, r->argv, DS_ARGV_MAX);
	if (n <= 0)
		return;
	r->argv_len = n;
	if (n == DS_ARGV_MAX)
		r->raw.truncated |= 1U << DS_STR_ARGV;
}

int process_record(int procfd, uint32_t pid, struct record *r)
{
	struct ds_record *raw = &r->raw;
	AUTO_FREE char *exe = NULL;
	AUTO_FREE char *loginuid = NULL;
	uint64_t start = 0;
	uint64_t parent_start = 0;
	int err;

	memset(r, 0, sizeof(*r));
	raw->type = DS_RECORD_START;
	raw->tgid = pid;
	raw->tid = pid;
	raw->loginuid = (uint32_t)-1;
	raw->time_ns = clock_boot_ns();
	err = process_comm(procfd, pid, raw->comm);
	err = err ? err : process_start_ns(procfd, pid, &start);
	err = err ? err : status_fill(procfd, raw);
	err = err ? err : process_cgroup(procfd, pid, r->cgroup);
	if (err == -ENAMETOOLONG) {
		raw->truncated |= 1U << DS_STR_CGROUP;
		err = 0;
	}
	err = err ? err : process_namespace(procfd, pid, "mnt", &raw->mnt_ns);
	err = err ? err : process_namespace(procfd, pid, "pid", &raw->pid_ns);
	err = err ? err : process_namespace(procfd, pid, "user", &raw->user_ns);
	err = err ? err : process_namespace(procfd, pid, "net", &raw->net_ns);
	if (err)
		return err;
	raw->start_ns = start;
	if (!process_read(procfd, pid, "loginuid", &loginuid))
		sscanf(loginuid, "%u", &raw->loginuid);
	if (!process_start_ns(procfd, raw->ppid, &parent_start) &&
	    !process_comm(procfd, raw->ppid, raw->parent_comm))
		raw->parent_start_ns = parent_start;
	if (!process_exe(procfd, pid, &exe) && strlen(exe) < sizeof(r->exe))
		strcpy(r->exe, exe);
	argv_fill(procfd, r);
	/* All of it of one process: its number may have been given to another meanwhile. */
	return process_is(procfd, pid, start) ? 0 : -ESRCH;
}

static DIR *directory_open(int dirfd, const char *path)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		take_fd(&fd);
	return dir;
}

int process_each(int procfd, process_fn fn, void *ctx)
{
	AUTO_CLOSEDIR DIR *dir = directory_open(procfd, ".");
	const struct dirent *entry = NULL;
	unsigned long long pid = 0;
	int err;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (str_parse_uint(entry->d_name, 1, UINT32_MAX, &pid))
			continue;
		err = fn(ctx, pid);
		if (err < 0)
			return err;
	}
	return 0;
}

int process_each_ancestor(int procfd, const struct ds_record *raw, process_fn fn, void *ctx)
{
	struct stat_fields before = {0}, after = {0};
	uint32_t child = raw->tgid;
	int ret;

	if (!process_is(procfd, raw->tgid, raw->start_ns)) {
		child = raw->ppid;
		if (!process_is(procfd, raw->ppid, raw->parent_start_ns))
			return 0;
		ret = fn(ctx, raw->ppid);
		if (!process_is(procfd, raw->ppid, raw->parent_start_ns))
			return -EAGAIN;
		if (ret)
			return ret;
	}
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		if (child == 1)
			return 0;
		if (stat_read(procfd, child, &before))
			return -EAGAIN;
		if (!before.ppid)
			return 0;
		ret = fn(ctx, before.ppid);
		/* A child whose parent has ended has another one: so it was the parent all along. */
		if (stat_read(procfd, child, &after) || after.ppid != before.ppid ||
		    after.start_ns != before.start_ns)
			return -EAGAIN;
		if (ret)
			return ret;
		child = before.ppid;
	}
	return 0;
}

int process_each_socket(int procfd, uint32_t pid, process_socket_fn fn, void *ctx)
{
	char path[64];
	AUTO_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry = NULL;

	snprintf(path, sizeof(path), "%" PRIu32 "/fd", pid);
	dir = directory_open(procfd, path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char link[64] = "";
		uint64_t ino = 0;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n > 0 && sscanf(link, "socket:[%" SCNu64 "]", &ino) == 1)
			fn(ctx, ino);
	}
	return 0;
}
