// SPDX-License-Identifier: Apache-2.0

/* The parts of the sensor that need no privileges, on this host's own /proc and sockets. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/sensor/diag.h"
#include "user/sensor/listener.h"
#include "user/sensor/process.h"
#include "user/sensor/sensor.h"

static int procfd;

static void daemons_are_known_by_their_programs(void **state)
{
	(void)state;
	assert_int_equal(daemon_by_program("dockerd"), DAEMON_DOCKER);
	assert_int_equal(daemon_by_program("containerd"), DAEMON_CONTAINERD);
	assert_int_equal(daemon_by_program("crio"), DAEMON_CRIO);
	assert_int_equal(daemon_by_program("podman"), DAEMON_PODMAN);
	assert_int_equal(daemon_by_program("buildkitd"), DAEMON_BUILDKIT);
	/* comm ends after 15 bytes, a program's path does not */
	assert_int_equal(daemon_by_program("balena-engine-d"), DAEMON_DOCKER);
	assert_int_equal(daemon_by_program("balena-engine-daemon"), DAEMON_DOCKER);
	assert_int_equal(daemon_by_program("containerd-shim"), DAEMON_NONE);
	assert_int_equal(daemon_by_program("docker"), DAEMON_NONE);
	assert_int_equal(daemon_by_program("dockerd-x"), DAEMON_NONE);
	assert_int_equal(daemon_by_program(""), DAEMON_NONE);
	/* What the kernel side is told is what user space knows again. */
	for (const char *const *name = daemon_programs(); *name; name++)
		assert_int_not_equal(daemon_by_program(*name), DAEMON_NONE);
}

static void sockets_are_known_by_their_places(void **state)
{
	(void)state;
	assert_int_equal(daemon_by_path("/run/docker.sock"), DAEMON_DOCKER);
	assert_int_equal(daemon_by_path("/run/user/1000/podman/podman.sock"), DAEMON_PODMAN);
	assert_int_equal(daemon_by_path("docker.sock"), DAEMON_DOCKER);
	assert_int_equal(daemon_by_path("/run/not-docker.sock"), DAEMON_NONE);
	assert_int_equal(daemon_by_path("/run/docker.sock/x"), DAEMON_NONE);
	assert_int_equal(daemon_by_path("@docker"), DAEMON_NONE);
	assert_true(daemon_private_socket(DAEMON_DOCKER, "/run/docker/metrics.sock"));
	assert_true(daemon_private_socket(DAEMON_DOCKER, "/run/docker/libnetwork/5a.sock"));
	assert_false(daemon_private_socket(DAEMON_DOCKER, "/run/docker.sock"));
	assert_false(daemon_private_socket(DAEMON_PODMAN, "/run/metrics.sock"));
}

static void modes_have_names(void **state)
{
	enum sensor_mode mode = SENSOR_MODE_COUNT;

	(void)state;
	for (int m = 0; m < SENSOR_MODE_COUNT; m++) {
		assert_int_equal(sensor_mode_parse(sensor_mode_name(m), &mode), 0);
		assert_int_equal(mode, m);
	}
	assert_int_equal(sensor_mode_parse("fentry", &mode), -EINVAL);
	assert_int_equal(sensor_mode_parse("", &mode), -EINVAL);
}

struct wanted {
	const char *path;
	struct diag_socket found;
	int count;
};

static void listener_match(void *ctx, const struct diag_socket *listener)
{
	struct wanted *w = ctx;

	if (strcmp(listener->path, w->path))
		return;
	w->found = *listener;
	w->count++;
}

static int listen_at(const char *name, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, name, len);
	assert_true(fd >= 0);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + len), 0);
	return fd;
}

static void listeners_are_listed(void **state)
{
	char dir[] = "/tmp/docksnoop-test.XXXXXX";
	char path[64];
	struct wanted w = {.path = path};
	struct stat st = {0};
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int fd, diag;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/docker.sock", dir);
	fd = listen_at(path, strlen(path));
	diag = diag_open(-1);
	assert_true(diag >= 0);

	/* bound and not listening: no listener */
	assert_int_equal(diag_each_listener(diag, listener_match, &w), 0);
	assert_int_equal(w.count, 0);

	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(diag_each_listener(diag, listener_match, &w), 0);
	assert_int_equal(w.count, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_true(w.found.has_file);
	assert_int_equal(w.found.file_ino, (uint32_t)st.st_ino);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(w.found.ino, st.st_ino);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	assert_true(cookie != 0);
	assert_true(w.found.cookie == cookie);

	close(fd);
	w.count = 0;
	assert_int_equal(diag_each_listener(diag, listener_match, &w), 0);
	assert_int_equal(w.count, 0);
	close(diag);
	unlink(path);
	rmdir(dir);
}

static void abstract_listeners_are_listed(void **state)
{
	char name[64] = "";
	char shown[65] = "@";
	struct wanted w = {.path = shown};
	int len = snprintf(name + 1, sizeof(name) - 1, "docksnoop-test-%d", (int)getpid());
	int fd = listen_at(name, len + 1);
	int diag = diag_open(-1);

	(void)state;
	strcat(shown, name + 1);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(diag_each_listener(diag, listener_match, &w), 0);
	assert_int_equal(w.count, 1);
	assert_false(w.found.has_file);
	close(diag);
	close(fd);
}

static void socket_seen(void *ctx, uint64_t ino)
{
	uint64_t *want = ctx;

	if (ino == *want)
		*want = 0;
}

static int pid_seen(void *ctx, uint32_t pid)
{
	return pid == *(uint32_t *)ctx ? -EALREADY : 0;
}

static void processes_are_read(void **state)
{
	uint32_t self = getpid();
	uint32_t none = 0;
	int fds[2];
	struct stat st = {0};
	uint64_t ino = 0;
	uint64_t start = 0;
	char comm[16];

	(void)state;
	assert_int_equal(process_each(procfd, pid_seen, &self), -EALREADY);
	assert_int_equal(process_each(procfd, pid_seen, &none), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(fstat(fds[1], &st), 0);
	ino = st.st_ino;
	assert_int_equal(process_each_socket(procfd, self, socket_seen, &ino), 0);
	assert_int_equal(ino, 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(process_start_ns(procfd, self, &start), 0);
	assert_true(process_is(procfd, self, start));
	assert_int_equal(process_comm(procfd, self, comm), 0);
	assert_string_equal(comm, "test_sensor");
}

/* A name made to look like the fields behind it. */
static void hostile_name_moves_no_field(void **state)
{
	int fds[2];
	uint64_t plain = 0, hostile = 0;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		int comm = open("/proc/self/comm", O_WRONLY);

		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 && write(comm, ") R 1 1 (\n", 10) == 10 &&
				      read(fds[0], &c, 1) == 0
			      ? 0
			      : 1);
	}
	close(fds[0]);
	assert_int_equal(process_start_ns(procfd, pid, &plain), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	for (int i = 0; i < 200; i++) {
		char comm[16] = "";

		process_comm(procfd, pid, comm);
		if (comm[0] == ')')
			break;
		usleep(10000);
	}
	assert_int_equal(process_start_ns(procfd, pid, &hostile), 0);
	assert_int_equal(plain, hostile);
	close(fds[1]);
	waitpid(pid, NULL, 0);
	assert_int_not_equal(process_start_ns(procfd, pid, &plain), 0);
	assert_false(process_is(procfd, pid, plain));
}

static int proc_open(void **state)
{
	(void)state;
	procfd = open("/proc", O_RDONLY | O_DIRECTORY);
	return procfd < 0;
}

static int proc_close(void **state)
{
	(void)state;
	return close(procfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(daemons_are_known_by_their_programs),
		cmocka_unit_test(sockets_are_known_by_their_places),
		cmocka_unit_test(modes_have_names),
		cmocka_unit_test(listeners_are_listed),
		cmocka_unit_test(abstract_listeners_are_listed),
		cmocka_unit_test(processes_are_read),
		cmocka_unit_test(hostile_name_moves_no_field),
	};

	return cmocka_run_group_tests_name("sensor", tests, proc_open, proc_close);
}
