// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/exposure/mountinfo.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define PATH_SIZE 256

struct stage {
	char dir[PATH_SIZE];
	char socket[PATH_SIZE];
	char other[PATH_SIZE];
	char target[PATH_SIZE];
	char cgroup_parent[PATH_MAX];
	char cgroup[PATH_MAX];
	char id[65];
	int listener;
	int other_listener;
	pid_t other_pid;
	pid_t child; /* the last that connected; it lives until stage_release() */
	int hold;    /* closing it ends the child */
};

const char *stage_socket(const struct stage *stage)
{
	return stage->socket;
}

const char *stage_target(const struct stage *stage)
{
	return stage->target;
}

const char *stage_container(const struct stage *stage)
{
	return stage->id;
}

pid_t stage_other_pid(const struct stage *stage)
{
	return stage->other_pid;
}

static int address_make(const char *path, struct sockaddr_un *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	*out = a;
	return 0;
}

static int listener_open(const char *path, int *out)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int err = address_make(path, &a);

	if (err)
		return err;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
		return -errno;
	*out = take_fd(&fd);
	return 0;
}

/* Where the cgroup hierarchy that attribution goes by is mounted: v2, else pids. */
static int cgroup_root(int procfd, char out[PATH_SIZE])
{
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	const char *v1 = NULL;
	const char *v2 = NULL;
	int err = mount_table_read(procfd, getpid(), &table);

	if (err)
		return err;
	for (size_t i = 0; i < table->count; i++) {
		const struct mount_entry *e = &table->entries[i];
		const char *base = strrchr(e->target, '/');

		if (!strcmp(e->fstype, "cgroup2"))
			v2 = e->target;
		else if (!strcmp(e->fstype, "cgroup") && base && strstr(base, "pids"))
			v1 = e->target;
	}
	if (!v2 && !v1)
		return -ENOENT;
	snprintf(out, PATH_SIZE, "%s", v2 ? v2 : v1);
	return 0;
}

static int cgroup_make(struct stage *s, int procfd, char *why, size_t size)
{
	char root[PATH_SIZE];
	int err = cgroup_root(procfd, root);

	if (err) {
		snprintf(why, size, "no cgroup hierarchy is mounted: %s", strerror(-err));
		return err;
	}
	snprintf(s->cgroup_parent, sizeof(s->cgroup_parent), "%s/docksnoop-selftest.%d", root,
		 (int)getpid());
	if (mkdir(s->cgroup_parent, 0755)) {
		err = -errno;
		snprintf(why, size, "%s: %s", s->cgroup_parent, strerror(-err));
		s->cgroup_parent[0] = '\0';
		return err;
	}
	snprintf(s->cgroup, sizeof(s->cgroup), "%.*s/%s", PATH_MAX - 80, s->cgroup_parent, s->id);
	if (mkdir(s->cgroup, 0755)) {
		err = -errno;
		snprintf(why, size, "%s: %s", s->cgroup, strerror(-err));
		s->cgroup[0] = '\0';
	}
	return err;
}

static int id_make(char out[65])
{
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int files_make(struct stage *s, char *why, size_t size)
{
	char dir[PATH_SIZE] = "/run/docksnoop-selftest.XXXXXX";
	AUTO_CLOSE int fd = -1;
	int err;

	if (!mkdtemp(dir)) {
		err = -errno;
		snprintf(why, size, "a directory in /run: %s", strerror(-err));
		return err;
	}
	strcpy(s->dir, dir);
	snprintf(s->socket, sizeof(s->socket), "%.200s/daemon.sock", dir);
	snprintf(s->other, sizeof(s->other), "%.200s/other.sock", dir);
	snprintf(s->target, sizeof(s->target), "%.200s/renamed", dir);
	err = listener_open(s->socket, &s->listener);
	err = err ? err : listener_open(s->other, &s->other_listener);
	if (!err) {
		fd = open(s->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		err = fd < 0 ? -errno : 0;
	}
	if (err)
		snprintf(why, size, "%s: %s", dir, strerror(-err));
	return err;
}

int stage_new(int procfd, char *why, size_t size, struct stage **out)
{
	struct stage *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->listener = -1;
	s->other_listener = -1;
	s->hold = -1;
	err = id_make(s->id);
	err = err ? err : files_make(s, why, size);
	err = err ? err : cgroup_make(s, procfd, why, size);
	if (err) {
		stage_free(s);
		return err;
	}
	*out = s;
	return 0;
}

/* A cgroup is busy until the kernel has put away the last process of it. */
static int cgroup_remove(char *path)
{
	if (!path[0])
		return 0;
	for (int i = 0; i < 100 && rmdir(path); i++) {
		if (errno != EBUSY)
			return -errno;
		usleep(10000);
	}
	if (!access(path, F_OK))
		return -EBUSY;
	path[0] = '\0';
	return 0;
}

static int file_remove(char *path, int (*remove_fn)(const char *))
{
	if (!path[0])
		return 0;
	if (remove_fn(path) && errno != ENOENT)
		return -errno;
	path[0] = '\0';
	return 0;
}

void stage_release(struct stage *s)
{
	if (s->child <= 0)
		return;
	cleanup_close(&s->hold);
	s->hold = -1;
	waitpid(s->child, NULL, 0);
	s->child = 0;
}

int stage_remove(struct stage *s)
{
	int err, one;

	stage_release(s);
	err = cgroup_remove(s->cgroup);
	one = cgroup_remove(s->cgroup_parent);
	err = err ? err : one;
	one = file_remove(s->socket, unlink);
	err = err ? err : one;
	one = file_remove(s->other, unlink);
	err = err ? err : one;
	one = file_remove(s->target, unlink);
	err = err ? err : one;
	one = file_remove(s->dir, rmdir);
	return err ? err : one;
}

void stage_free(struct stage *s)
{
	if (!s)
		return;
	stage_remove(s);
	cleanup_close(&s->listener);
	cleanup_close(&s->other_listener);
	cleanup_close(&s->hold);
	free(s);
}

/* In the child: become a container's process, connect, and ask. An errno; *out stays open. */
static int child_connect(const struct stage *s, const char *path, int *out)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *procs = NULL;
	AUTO_CLOSE int cgroup = -1;
	static const char request[] = "GET " STAGE_REQUEST " HTTP/1.1\r\nHost: selftest\r\n\r\n";
	struct sockaddr_un a;

	if (str_format(&procs, "%s/cgroup.procs", s->cgroup))
		return ENOMEM;
	cgroup = open(procs, O_WRONLY | O_CLOEXEC);
	if (cgroup < 0 || write(cgroup, "0", 1) != 1)
		return errno;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(s->socket, s->target, NULL, MS_BIND, NULL))
		return errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || address_make(path, &a))
		return errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		return errno;
	*out = take_fd(&fd);
	return 0;
}

static int child_run(struct stage *s, const char *path, pid_t *out)
{
	AUTO_CLOSE int wait_end = -1;
	AUTO_CLOSE int result_end = -1;
	AUTO_CLOSE int tell_end = -1;
	int child_errno = 0;
	int connection = -1;
	int fds[2];
	char c;

	stage_release(s);
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	wait_end = fds[0];
	s->hold = fds[1];
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	result_end = fds[0];
	tell_end = fds[1];
	s->child = fork();
	if (s->child < 0)
		return -errno;
	if (!s->child) {
		close(s->hold);
		child_errno = child_connect(s, path, &connection);
		(void)!write(tell_end, &child_errno, sizeof(child_errno));
		(void)!read(wait_end, &c, 1); /* until stage_release() */
		_exit(0);
	}
	close(take_fd(&tell_end));
	if (read(result_end, &child_errno, sizeof(child_errno)) != sizeof(child_errno))
		child_errno = EIO;
	if (child_errno)
		return -child_errno;
	*out = s->child;
	return 0;
}

int stage_connect(struct stage *s, pid_t *pid)
{
	return child_run(s, s->target, pid);
}

int stage_connect_other(struct stage *s, pid_t *pid)
{
	int err = child_run(s, s->other, pid);

	if (!err)
		s->other_pid = *pid;
	return err;
}

int stage_serve(struct stage *s)
{
	AUTO_CLOSE int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	char request[256] = "";
	int n;

	if (fd < 0 || read(fd, request, sizeof(request) - 1) < 0)
		return -errno;
	n = dprintf(fd, "HTTP/1.1 %d No Content\r\n\r\n", STAGE_STATUS);
	return n < 0 ? -errno : strstr(request, STAGE_REQUEST) ? 0 : -EPROTO;
}
