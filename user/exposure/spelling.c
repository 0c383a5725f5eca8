// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/spelling.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "user/exposure/socket_path.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* "4294967295/task/4294967295/fd/2147483647" */
#define LINK_MAX_LEN 64

void spelling_clear(struct spelling *spelling)
{
	mount_table_free(spelling->other);
	*spelling = (struct spelling){0};
}

/* A link of a procfs that leads to a file as its process has it, and not by a name. */
struct proc_link {
	uint32_t pid;		 /* in that procfs's numbering; 0: the reader itself */
	char name[LINK_MAX_LEN]; /* "root", "cwd", "fd/3" */
	const char *rest;	 /* "/…" behind it, or "" */
};

/* The next component of *path, which goes on behind it. */
static size_t component(const char **path, const char **out)
{
	size_t len = 0;

	*path += strspn(*path, "/");
	*out = *path;
	len = strcspn(*path, "/");
	*path += len;
	return len;
}

static bool component_is(const char *s, size_t len, const char *wanted)
{
	return strlen(wanted) == len && memcmp(s, wanted, len) == 0;
}

static int component_number(const char *s, size_t len, uint32_t *out)
{
	char text[LINK_MAX_LEN] = "";
	unsigned long long n = 0;
	int err = -EINVAL;

	if (len >= sizeof(text))
		return err;
	memcpy(text, s, len);
	err = str_parse_uint(text, 0, UINT32_MAX, &n);
	if (!err)
		*out = (uint32_t)n;
	return err;
}

/* @path without what leads nowhere: "//" and "/./". ".." can come after a link, and stays. */
static void path_plain(const char *path, char out[sizeof(((struct record *)0)->client_path)])
{
	const char *s = NULL;
	char *end = out;
	size_t len;

	while ((len = component(&path, &s))) {
		if (component_is(s, len, "."))
			continue;
		*end++ = '/';
		memcpy(end, s, len);
		end += len;
	}
	*end = '\0';
}

/* @path, below the top of a procfs: "/N/root/…", "/self/task/N/fd/3", … -ENOENT: none of them. */
static int proc_link_parse(const char *path, struct proc_link *out)
{
	struct proc_link link = {0};
	const char *s = NULL;
	uint32_t number = 0;
	size_t len = component(&path, &s);

	if (!component_is(s, len, "self") && !component_is(s, len, "thread-self") &&
	    (component_number(s, len, &link.pid) || !link.pid))
		return -ENOENT;
	len = component(&path, &s);
	if (component_is(s, len, "task")) {
		len = component(&path, &s);
		if (component_number(s, len, &number))
			return -ENOENT;
		len = component(&path, &s);
	}
	if (component_is(s, len, "root") || component_is(s, len, "cwd")) {
		snprintf(link.name, sizeof(link.name), "%.*s", (int)len, s);
	} else if (component_is(s, len, "fd")) {
		len = component(&path, &s);
		if (component_number(s, len, &number))
			return -ENOENT;
		snprintf(link.name, sizeof(link.name), "fd/%" PRIu32, number);
	} else {
		return -ENOENT;
	}
	link.rest = path;
	*out = link;
	return 0;
}

/* The procfs that the client sees at @target. */
static int client_proc_open(int procfd, uint32_t tid, const char *target)
{
	char path[LINK_MAX_LEN] = "";
	AUTO_CLOSE int rootfd = -1;
	AUTO_CLOSE int fd = -1;
	struct statfs st = {0};

	snprintf(path, sizeof(path), "%" PRIu32 "/root", tid);
	rootfd = openat(procfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rootfd < 0)
		return -errno;
	fd = file_open_cached_in_root(rootfd, target, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st))
		return -errno;
	return st.f_type == PROC_SUPER_MAGIC ? take_fd(&fd) : -ENOENT;
}

static int link_mount(int procfd, uint32_t pid, const struct proc_link *link, uint64_t *ino,
		      int *mount_id)
{
	char path[LINK_MAX_LEN * 2] = "";
	AUTO_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "%" PRIu32 "/%s", pid, link->name);
	fd = openat(procfd, path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return socket_mount_below(fd, link->rest, ino, mount_id);
}

static bool same_inode(const struct record *r, uint64_t ino)
{
	return ino == r->raw.socket_ino;
}

/* The entry by its number or, where only names can be gone by, the one that a name lies in. */
static const struct mount_entry *entry_of(const struct mount_table *table, const struct record *r,
					  int mount_id, const char *path)
{
	const struct mount_entry *e =
		path ? mount_table_at(table, path) : mount_table_by_id(table, mount_id);

	return e && e->dev == r->raw.socket_dev ? e : NULL;
}

/* Through a link of process @pid, which is another than the client, in the procfs @procfd. */
static int find_by_other(int procfd, uint32_t pid, const struct proc_link *link,
			 const struct record *r, const struct mount_table *table,
			 struct spelling *out)
{
	AUTO_MOUNT_TABLE struct mount_table *other = NULL;
	const struct mount_entry *e = NULL;
	const char *by_name = NULL;
	uint64_t ino = 0;
	int id = -1;
	int err = link_mount(procfd, pid, link, &ino, &id);

	if (!err && !same_inode(r, ino))
		return -EXDEV;
	if (!err)
		e = entry_of(table, r, id, NULL);
	if (e) {
		*out = (struct spelling){.entry = e};
		return 0;
	}
	/* Some file systems have to be asked for every name: go by the names alone. */
	if (err == -EAGAIN && !strcmp(link->name, "root"))
		by_name = link->rest;
	else if (err)
		return -EXDEV;
	if (mount_table_read(procfd, pid, &other))
		return -EXDEV;
	e = entry_of(other, r, id, by_name);
	if (!e)
		return -EXDEV;
	*out = (struct spelling){.entry = e, .other = take_ptr(other)};
	return 0;
}

static int find_by_own(int procfd, uint32_t tid, const struct proc_link *link,
		       const struct record *r, const struct mount_table *table,
		       struct spelling *out)
{
	const struct mount_entry *e = NULL;
	uint64_t ino = 0;
	int id = -1;
	int err = link ? link_mount(procfd, tid, link, &ino, &id)
		       : socket_mount_of(procfd, tid, r->client_path, &ino, &id);

	if (err)
		return err;
	e = same_inode(r, ino) ? entry_of(table, r, id, NULL) : NULL;
	if (!e)
		return -ENOENT;
	*out = (struct spelling){.entry = e};
	return 0;
}

int spelling_find(int procfd, const struct record *r, const struct mount_table *table,
		  struct spelling *out)
{
	char plain[sizeof(r->client_path)] = "";
	const struct mount_entry *proc = NULL;
	uint32_t tid = process_thread(procfd, r);
	struct proc_link link = {0};
	AUTO_CLOSE int fd = -1;

	if (!r->client_path[0])
		return -ENOENT;
	if (r->client_path[0] == '/') {
		path_plain(r->client_path, plain);
		proc = mount_table_at(table, plain);
	}
	if (!proc || strcmp(proc->fstype, "proc") != 0 || strcmp(proc->root, "/") != 0 ||
	    proc_link_parse(path_after(plain, proc->target), &link))
		return find_by_own(procfd, tid, NULL, r, table, out);
	if (!link.pid)
		return find_by_own(procfd, tid, &link, r, table, out);
	fd = client_proc_open(procfd, tid, proc->target);
	if (fd >= 0)
		return find_by_other(fd, link.pid, &link, r, table, out);
	/* The client is gone. In the host's pid namespace its numbers were ours. */
	if (r->raw.flags & DS_F_INIT_PID_NS)
		return find_by_other(procfd, link.pid, &link, r, table, out);
	return -EXDEV;
}
