// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/exposure/mountinfo.h"
#include "user/exposure/socket_path.h"
#include "user/util/cleanup.h"

struct fixture {
	char dir[64];
	int procfd;
	int old_cwd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/socket-path.XXXXXX");
	f->procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	f->old_cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return !mkdtemp(f->dir) || chdir(f->dir) < 0 || f->procfd < 0 || f->old_cwd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const made[] = {"d.sock", "link.sock", "up", "file", "fifo"};
	struct fixture *f = *state;
	int err = 0;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		unlink(made[i]);
	err = fchdir(f->old_cwd) < 0 || rmdir(f->dir) < 0;
	close(f->procfd);
	close(f->old_cwd);
	free(f);
	return err ? -1 : 0;
}

static int socket_bind(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	return fd;
}

static void assert_resolved(const struct fixture *f, const char *bound_path)
{
	CLEANUP(socket_path_clear) struct socket_path found = {};
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *again = NULL;
	struct stat st = {};

	assert_int_equal(socket_path_resolve(f->procfd, (uint32_t)getpid(), bound_path, &found), 0);
	path = realpath("d.sock", NULL);
	assert_non_null(path);
	assert_string_equal(found.path, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(found.ino, st.st_ino);
	assert_int_equal(found.dev, major(st.st_dev) << 20 | minor(st.st_dev));
	/* And back. */
	assert_int_equal(mount_table_read(f->procfd, (uint32_t)getpid(), &table), 0);
	assert_int_equal(mount_table_path(table, found.dev, found.fs_path, &again), 0);
	assert_string_equal(again, path);
}

static void own_process(void **state)
{
	const struct fixture *f = *state;
	AUTO_CLOSE int fd = socket_bind("d.sock");
	AUTO_FREE char *absolute = NULL;
	AUTO_FREE char *linked = NULL;
	AUTO_FREE char *up = NULL;

	assert_true(fd >= 0);
	assert_int_equal(symlink("d.sock", "link.sock"), 0);
	assert_int_equal(symlink(f->dir, "up"), 0);
	assert_true(asprintf(&absolute, "%s/d.sock", f->dir) > 0);
	assert_true(asprintf(&linked, "%s/up/up/link.sock", f->dir) > 0);
	assert_true(asprintf(&up, "../%s/d.sock", strrchr(f->dir, '/') + 1) > 0);
	assert_resolved(f, absolute);
	assert_resolved(f, linked);
	assert_resolved(f, "d.sock");
	assert_resolved(f, "./up/d.sock");
	assert_resolved(f, up);
}

static void not_a_socket(void **state)
{
	const struct fixture *f = *state;
	const struct socket_path untouched = {.ino = 42};
	struct socket_path out = untouched;
	AUTO_CLOSE int file = open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	uint32_t self = (uint32_t)getpid();

	assert_true(file >= 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(socket_path_resolve(f->procfd, self, "file", &out), -ENOTSOCK);
	assert_int_equal(socket_path_resolve(f->procfd, self, "fifo", &out), -ENOTSOCK);
	assert_int_equal(socket_path_resolve(f->procfd, self, f->dir, &out), -ENOTSOCK);
	assert_int_equal(socket_path_resolve(f->procfd, self, "/", &out), -ENOTSOCK);
	assert_int_equal(socket_path_resolve(f->procfd, self, "d.sock", &out), -ENOENT);
	assert_int_equal(socket_path_resolve(f->procfd, self, "", &out), -EINVAL);
	assert_memory_equal(&out, &untouched, sizeof(out));
}

static void other_process(void **state)
{
	const struct fixture *f = *state;
	struct socket_path out = {};
	pid_t pid = fork();
	siginfo_t info = {};
	int err = 0;

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	err = socket_path_resolve(f->procfd, (uint32_t)pid, "/run/docker.sock", &out);
	assert_true(err == -ENOENT || err == -ESRCH || err == -EACCES);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(socket_path_resolve(f->procfd, (uint32_t)pid, "/d.sock", &out), -ENOENT);
	/* Refused, or looked for in vain: whatever may be done with PID 1 here. */
	assert_true(socket_path_resolve(f->procfd, 1, "/no/such.sock", &out) < 0);
	assert_null(out.path);
}

/* --- a process with mounts and a root of its own ----------------------------- */

struct told {
	int failed; /* errno, 0: all is set up */
	int line;
	uint64_t ino;
	uint64_t rel_ino;
	uint32_t dev;
};

static bool text_write(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool namespaces_enter(void)
{
	char uids[32] = "";
	char gids[32] = "";

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return unshare(CLONE_NEWNS) == 0;
	return text_write("/proc/self/setgroups", "deny") &&
	       text_write("/proc/self/uid_map", uids) && text_write("/proc/self/gid_map", gids);
}

#define TRY(what)                                                                                  \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			told.failed = errno;                                                       \
			told.line = __LINE__;                                                      \
			goto tell;                                                                 \
		}                                                                                  \
	} while (0)

/*
 * Below a root of its own, a tmpfs: /run is a link to /real, which is a bind of
 * /store/a. Says on @out how it went, and lives until @in is closed.
 */
static void child(const char *dir, int in, int out)
{
	struct told told = {};
	struct stat st = {};
	char c = 0;

	TRY(namespaces_enter());
	TRY(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	TRY(mount("none", dir, "tmpfs", 0, NULL) == 0);
	TRY(chdir(dir) == 0);
	TRY(mkdir("store", 0755) == 0 && mkdir("store/a", 0755) == 0 && mkdir("real", 0755) == 0);
	TRY(mount("store/a", "real", NULL, MS_BIND, NULL) == 0);
	TRY(symlink("/real", "run") == 0);
	TRY(chroot(".") == 0);
	TRY(socket_bind("/run/d.sock") >= 0);
	TRY(chdir("/run") == 0);
	TRY(socket_bind("rel.sock") >= 0);
	TRY(stat("/store/a/rel.sock", &st) == 0);
	told.rel_ino = st.st_ino;
	TRY(stat("/store/a/d.sock", &st) == 0);
	told.ino = st.st_ino;
	told.dev = (uint32_t)major(st.st_dev) << 20 | minor(st.st_dev);
tell:
	if (write(out, &told, sizeof(told)) == sizeof(told) && read(in, &c, 1) < 0)
		_exit(1);
	_exit(0);
}

static void assert_found(const struct fixture *f, pid_t pid, const char *bound_path,
			 const char *path, const char *fs_path, uint64_t ino, uint32_t dev)
{
	CLEANUP(socket_path_clear) struct socket_path found = {};

	assert_int_equal(socket_path_resolve(f->procfd, (uint32_t)pid, bound_path, &found), 0);
	assert_string_equal(found.path, path);
	assert_string_equal(found.fs_path, fs_path);
	assert_int_equal(found.ino, ino);
	assert_int_equal(found.dev, dev);
}

static void own_mounts(void **state)
{
	const struct fixture *f = *state;
	struct socket_path out = {};
	struct told told = {};
	int to_child[2] = {};
	int from_child[2] = {};
	pid_t pid = 0;

	assert_int_equal(pipe2(to_child, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from_child, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(to_child[1]);
		child(f->dir, to_child[0], from_child[1]);
	}
	close(to_child[0]);
	close(from_child[1]);
	assert_int_equal(read(from_child[0], &told, sizeof(told)), sizeof(told));
	if (!told.failed) {
		assert_found(f, pid, "/run/d.sock", "/real/d.sock", "/store/a/d.sock", told.ino,
			     told.dev);
		assert_found(f, pid, "/../run/../run/d.sock", "/real/d.sock", "/store/a/d.sock",
			     told.ino, told.dev);
		assert_found(f, pid, "/store/a/d.sock", "/store/a/d.sock", "/store/a/d.sock",
			     told.ino, told.dev);
		assert_found(f, pid, "rel.sock", "/real/rel.sock", "/store/a/rel.sock",
			     told.rel_ino, told.dev);
		assert_int_equal(socket_path_resolve(f->procfd, (uint32_t)pid, f->dir, &out),
				 -ENOENT);
	}
	close(to_child[1]);
	close(from_child[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	if (told.failed) {
		print_message("own_mounts: no mount namespace here: %s (line %d)\n",
			      strerror(told.failed), told.line);
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(own_process, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(other_process, setup, teardown),
		cmocka_unit_test_setup_teardown(own_mounts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
