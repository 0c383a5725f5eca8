// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * More containers than anybody has, each a process in a cgroup, namespaces and a root
 * of its own, and a daemon that answers whatever they ask.
 *
 *   dockerd --data-root DIR PATH      answer on PATH until killed; called so, it is taken for one
 *   crowd fill IDS CGROUPS RUN ROOT CROWDED FORKS FLOOD
 *       IDS: a file with an id a line. Each gets a cgroup below CGROUPS, and RUN as its
 *       /run, where docker.sock is; ROOT is an empty folder, of which nobody else sees more. Its process asks something over a connection that stays
 *       open; those of the first CROWDED have FORKS children as well, each with one
 *       connection and one request; the last makes FLOOD connections besides. What came
 *       of it is printed, and they stay until stdin ends.
 */

#define SOCKET	   "/run/docker.sock"
#define UNDER_WAY  8 /* containers that are being started */
#define REPORT_FD  3
#define HOLD_FD	   4
#define CLONE_BOTH (CLONE_NEWNS | CLONE_NEWPID | SIGCHLD)

struct tally {
	uint64_t connections;
	uint64_t requests;
	uint64_t failed;
};

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

static void raise_files(void)
{
	struct rlimit many = {0};

	getrlimit(RLIMIT_NOFILE, &many);
	many.rlim_cur = many.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &many))
		die("RLIMIT_NOFILE");
}

/* --- the daemon ---------------------------------------------------------------------- */

static void answer(int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
	char asked[4096];
	ssize_t n = read(fd, asked, sizeof(asked));

	if (n > 0)
		n = write(fd, text, sizeof(text) - 1);
	if (n <= 0)
		close(fd);
}

static int serve(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct epoll_event first = {.events = EPOLLIN, .data.fd = listener};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	raise_files();
	signal(SIGPIPE, SIG_IGN);
	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 4096) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first))
		die(path);
	puts("listening");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			struct epoll_event event = {.events = EPOLLIN};

			if (events[i].data.fd != listener) {
				answer(events[i].data.fd);
				continue;
			}
			event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (event.data.fd >= 0)
				epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
		}
	}
}

/* --- in a container ------------------------------------------------------------------ */

static int reach(struct tally *tally)
{
	struct sockaddr_un address = address_of(SOCKET);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (void *)&address, sizeof(address))) {
		tally->connections++;
		return fd;
	}
	tally->failed++;
	return -1;
}

static int ask(struct tally *tally, int fd)
{
	static const char text[] = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
	char answered[256];

	if (fd >= 0 && write(fd, text, sizeof(text) - 1) > 0 &&
	    read(fd, answered, sizeof(answered)) > 0)
		tally->requests++;
	else
		tally->failed++;
	return fd;
}

static void report(const struct tally *tally)
{
	if (write(REPORT_FD, tally, sizeof(*tally)) != sizeof(*tally))
		die("report");
}

static void fork_one(struct tally *tally)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		die("fork");
	if (!pid) {
		struct tally mine = {0};

		close(ask(&mine, reach(&mine)));
		_exit(mine.failed > 0);
	}
	waitpid(pid, &status, 0);
	tally->connections++;
	tally->requests++;
	tally->failed += status != 0;
}

static int inside(uint64_t forks, uint64_t flood)
{
	struct tally tally = {0};
	char c;

	ask(&tally, reach(&tally));
	for (uint64_t i = 0; i < forks; i++)
		fork_one(&tally);
	for (uint64_t i = 0; i < flood; i++)
		close(reach(&tally));
	report(&tally);
	(void)!read(HOLD_FD, &c, 1);
	return 0;
}

/* --- making them --------------------------------------------------------------------- */

/* A root with nothing in it but the program and /run; what it came from is out of sight. */
static void root_make(const char *run, const char *root)
{
	char path[PATH_MAX];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("crowd", root, "tmpfs", 0, "size=4m"))
		die(root);
	snprintf(path, sizeof(path), "%s/run", root);
	if (mkdir(path, 0755) || mount(run, path, NULL, MS_BIND, NULL))
		die(path);
	snprintf(path, sizeof(path), "%s/old", root);
	if (mkdir(path, 0755) || syscall(SYS_pivot_root, root, path) || chdir("/"))
		die("pivot_root");
	if (umount2("/old", MNT_DETACH) || rmdir("/old"))
		die("/old");
}

static void program_copy(int from)
{
	int to = open("/crowd", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char block[65536];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)n) != n)
			die("/crowd");
	close(to);
}

static void container_start(const char *procs, int cgroups, uint64_t forks, uint64_t flood)
{
	char forks_text[24], flood_text[24];
	pid_t pid = syscall(SYS_clone, CLONE_BOTH, NULL, NULL, NULL, NULL);
	int fd;

	if (pid < 0)
		die("clone");
	if (pid)
		return;
	snprintf(forks_text, sizeof(forks_text), "%llu", (unsigned long long)forks);
	snprintf(flood_text, sizeof(flood_text), "%llu", (unsigned long long)flood);
	fd = openat(cgroups, procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(procs);
	execl("/crowd", "crowd", "inside", forks_text, flood_text, NULL);
	die("/crowd");
}

static void report_take(int reports, struct tally *sum)
{
	struct tally one;

	if (read(reports, &one, sizeof(one)) != sizeof(one))
		die("a container ended");
	sum->connections += one.connections;
	sum->requests += one.requests;
	sum->failed += one.failed;
}

static int fill(char **argv)
{
	FILE *ids = fopen(argv[0], "re");
	int cgroups = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t crowded = strtoull(argv[4], NULL, 10);
	uint64_t started = 0, reported = 0;
	struct tally sum = {0};
	int reports[2], hold[2];
	char id[128], next[128];
	char c;

	if (!ids || cgroups < 0 || program < 0 || pipe2(reports, O_CLOEXEC) ||
	    pipe2(hold, O_CLOEXEC))
		die("fill");
	/* Out of the way of the two that containers inherit. */
	ids = fdopen(fcntl(fileno(ids), F_DUPFD_CLOEXEC, 20), "r");
	cgroups = fcntl(cgroups, F_DUPFD_CLOEXEC, 20);
	program = fcntl(program, F_DUPFD_CLOEXEC, 20);
	for (int i = 0; i < 2; i++) {
		int ends[] = {reports[i], hold[i]};

		reports[i] = fcntl(ends[0], F_DUPFD_CLOEXEC, 20);
		hold[i] = fcntl(ends[1], F_DUPFD_CLOEXEC, 20);
		close(ends[0]);
		close(ends[1]);
	}
	if (dup2(reports[1], REPORT_FD) < 0 || dup2(hold[0], HOLD_FD) < 0)
		die("dup2");
	root_make(argv[2], argv[3]);
	program_copy(program);
	for (bool more = fscanf(ids, "%100s", id) == 1; more;) {
		char procs[160];

		more = fscanf(ids, "%100s", next) == 1;
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", id);
		if (mkdirat(cgroups, id, 0755))
			die(id);
		container_start(procs, cgroups, started < crowded ? strtoull(argv[5], NULL, 10) : 0,
				more ? 0 : strtoull(argv[6], NULL, 10));
		if (++started - reported >= UNDER_WAY) {
			report_take(reports[0], &sum);
			reported++;
		}
		strcpy(id, next);
	}
	for (; reported < started; reported++)
		report_take(reports[0], &sum);
	printf("{\"containers\": %llu, \"connections\": %llu, \"requests\": %llu, \"failed\": "
	       "%llu}\n",
	       (unsigned long long)started, (unsigned long long)sum.connections,
	       (unsigned long long)sum.requests, (unsigned long long)sum.failed);
	fflush(stdout);
	(void)!read(STDIN_FILENO, &c, 1);
	close(hold[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--data-root"))
		return serve(argv[3]);
	if (argc == 4 && !strcmp(argv[1], "inside"))
		return inside(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (argc == 9 && !strcmp(argv[1], "fill"))
		return fill(argv + 2);
	return 2;
}
