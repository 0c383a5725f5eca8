// SPDX-License-Identifier: Apache-2.0
/*
 * The ways round that somebody who has read docksnoop's source would try. Each
 * connects once, tells as one JSON object on stdout who did it and what came of
 * it, and stays until it is killed, so that a test can look at it.
 *
 * routes serve FIFO DIR        for each line N on FIFO, run the program and
 *                              arguments in DIR/N.request (each ended by NUL)
 *                              with DIR/N.answer as its output
 * routes connect PATH [DIR]    change to DIR first
 * routes exact PATH JUNK       no NUL after the address: its length ends it
 * routes edge PATH             the same, and the next page is not there
 * routes nonblock PATH         SOCK_NONBLOCK
 * routes seqpacket PATH        SOCK_SEQPACKET
 * routes symlink PATH LINK     through a LINK that it makes
 * routes hardlink PATH LINK    the same; LINK is gone again after the connect
 * routes descriptor PATH       /proc/self/fd/N of an O_PATH descriptor
 * routes chroot PATH DIR       with DIR as its root directory
 * routes unshare PATH          from user and mount namespaces of its own
 * routes unshare-bind PATH NAME
 *                              the same, through a NAME that it mounted there
 * routes bind PATH NAME        through a NAME that it mounted
 * routes user PATH UID         as this user
 * routes setns PATH NS         in the mount namespace NS, a file of /proc/PID/ns
 * routes cgroup PATH PROCS     in another cgroup, the one of this cgroup.procs
 * routes leave PATH PROCS      the same, in the mount namespace of process 1
 * routes thread PATH           from a thread that is not the first
 * routes thread-bind PATH NAME the same, through a NAME that it mounted for itself alone
 * routes leaderless PATH       from a thread whose first thread has ended
 * routes vfork PATH            from a vfork child
 * routes rename PATH NAME      calling itself NAME
 * routes racing PATH COUNT     while another thread goes on changing the
 *                              address; tries until COUNT connects succeeded
 * routes uring PATH            io_uring
 * routes uring-async PATH      io_uring, in a worker
 * routes uring-sqpoll PATH     io_uring, in the kernel's polling thread
 * routes int80 PATH            the 32-bit connect
 * routes socketcall PATH       the 32-bit socketcall
 * routes decoy PATH            listens at PATH itself; a child connects
 * routes left-decoy PATH       the same, after the one that listened has ended
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "truth.h"

#define PAGE_BYTES    4096
#define REQUEST_BYTES (128 * 1024)
#define ARGS_MAX      64

static void pause_ms(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* --- connecting -------------------------------------------------------------------- */

static int socket_new(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* The address's length: that of all of sun_path may be used, without a NUL. */
static socklen_t address_set(struct sockaddr_un *addr, const char *path)
{
	size_t len = strlen(path);

	if (len > sizeof(addr->sun_path))
		die(path);
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, len);
	return sizeof(*addr);
}

/* 0 or the errno of connect(2); the connection stays open. */
static int connect_type(const char *path, int type)
{
	struct sockaddr_un addr;
	socklen_t len = address_set(&addr, path);

	return connect(socket_new(type), (struct sockaddr *)&addr, len) ? errno : 0;
}

static int connect_path(const char *path)
{
	return connect_type(path, SOCK_STREAM);
}

/* --- the routes: what the address is like -------------------------------------------- */

static void route_connect(const char *path, const char *dir)
{
	if (dir && chdir(dir))
		die(dir);
	tell_and_stay(connect_path(path));
}

static void route_exact(const char *path, const char *junk)
{
	struct sockaddr_un addr;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);

	address_set(&addr, path);
	strncpy(addr.sun_path + strlen(path), junk, sizeof(addr.sun_path) - strlen(path));
	tell_and_stay(connect(socket_new(SOCK_STREAM), (struct sockaddr *)&addr, len) ? errno : 0);
}

static void route_edge(const char *path, const char *unused)
{
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	char *pages = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_un addr;

	(void)unused;
	if (pages == MAP_FAILED || munmap(pages + PAGE_BYTES, PAGE_BYTES))
		die("mmap");
	address_set(&addr, path);
	memcpy(pages + PAGE_BYTES - len, &addr, len);
	tell_and_stay(
		connect(socket_new(SOCK_STREAM), (struct sockaddr *)(pages + PAGE_BYTES - len), len)
			? errno
			: 0);
}

static void route_nonblock(const char *path, const char *unused)
{
	(void)unused;
	tell_and_stay(connect_type(path, SOCK_STREAM | SOCK_NONBLOCK));
}

static void route_seqpacket(const char *path, const char *unused)
{
	(void)unused;
	tell_and_stay(connect_type(path, SOCK_SEQPACKET));
}

static void route_symlink(const char *path, const char *name)
{
	unlink(name);
	if (symlink(path, name))
		die(name);
	tell_and_stay(connect_path(name));
}

static void route_hardlink(const char *path, const char *name)
{
	int error;

	unlink(name);
	if (link(path, name))
		die(name);
	error = connect_path(name);
	unlink(name);
	tell_and_stay(error);
}

static void route_descriptor(const char *path, const char *unused)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	char name[64];

	(void)unused;
	if (fd < 0)
		die(path);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	tell_and_stay(connect_path(name));
}

static struct sockaddr_un racing_addr;

static void *racing_change(void *arg)
{
	volatile char *last = arg;
	char kept = *last;

	for (;;) {
		*last = 'X';
		*last = kept;
	}
	return NULL;
}

static void route_racing(const char *path, const char *count)
{
	socklen_t len = address_set(&racing_addr, path);
	pthread_t thread;

	if (pthread_create(&thread, NULL, racing_change, racing_addr.sun_path + strlen(path) - 1))
		die("thread");
	for (int left = atoi(count); left > 0;) {
		int fd = socket_new(SOCK_STREAM);

		if (connect(fd, (struct sockaddr *)&racing_addr, len) == 0)
			left--;
		else if (errno != ENOENT)
			die("connect");
		close(fd);
	}
	pthread_cancel(thread);
	tell_and_stay(0);
}

/* --- who connects -------------------------------------------------------------------- */

static void route_chroot(const char *path, const char *dir)
{
	truth_learn(); /* /proc will be out of reach */
	if (chroot(dir) || chdir("/"))
		die(dir);
	tell_and_stay(connect_path(path));
}

static void route_unshare(const char *path, const char *unused)
{
	(void)unused;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		die("unshare");
	tell_and_stay(connect_path(path));
}

static void mount_file(const char *path, const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || mount(path, name, NULL, MS_BIND, NULL))
		die(name);
	close(fd);
}

static void route_unshare_bind(const char *path, const char *name)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		die("unshare");
	mount_file(path, name);
	tell_and_stay(connect_path(name));
}

static void route_bind(const char *path, const char *name)
{
	mount_file(path, name);
	tell_and_stay(connect_path(name));
}

static void route_user(const char *path, const char *uid)
{
	if (setuid((uid_t)strtoul(uid, NULL, 10)))
		die("setuid");
	tell_and_stay(connect_path(path));
}

static void namespace_enter(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, 0))
		die(file);
	close(fd);
}

static void route_setns(const char *path, const char *ns)
{
	namespace_enter(ns);
	tell_and_stay(connect_path(path));
}

static void cgroup_enter(const char *procs)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		die(procs);
	close(fd);
}

static void route_cgroup(const char *path, const char *procs)
{
	cgroup_enter(procs);
	tell_and_stay(connect_path(path));
}

static void route_leave(const char *path, const char *procs)
{
	namespace_enter("/proc/1/ns/mnt");
	route_cgroup(path, procs);
}

static void *thread_connect(void *path)
{
	tell_and_stay(connect_path(path));
	return NULL;
}

static void route_thread(const char *path, const char *unused)
{
	pthread_t thread;

	(void)unused;
	if (pthread_create(&thread, NULL, thread_connect, (void *)path))
		die("thread");
	pthread_join(thread, NULL);
}

static const char *thread_bind_name;

static void *thread_bind(void *path)
{
	if (unshare(CLONE_NEWNS))
		die("unshare");
	mount_file(path, thread_bind_name);
	return thread_connect((void *)thread_bind_name);
}

static void route_thread_bind(const char *path, const char *name)
{
	pthread_t thread;

	thread_bind_name = name;
	if (pthread_create(&thread, NULL, thread_bind, (void *)path))
		die("thread");
	pthread_join(thread, NULL);
}

static void *leaderless_connect(void *path)
{
	char text[1024];

	while (*stat_field(text, sizeof(text), 3) != 'Z')
		pause_ms();
	return thread_connect(path);
}

static void route_leaderless(const char *path, const char *unused)
{
	pthread_t thread;

	(void)unused;
	if (pthread_create(&thread, NULL, leaderless_connect, (void *)path))
		die("thread");
	syscall(SYS_exit, 0); /* this thread alone */
}

static void route_vfork(const char *path, const char *unused)
{
	(void)unused;
	if (vfork() == 0)
		tell_and_stay(connect_path(path));
}

static void route_rename(const char *path, const char *name)
{
	if (prctl(PR_SET_NAME, name))
		die("prctl");
	tell_and_stay(connect_path(path));
}

/* --- which system call ----------------------------------------------------------------- */

struct ring {
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static void *ring_map(const struct ring *ring, size_t size, off_t at)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, at);

	if (p == MAP_FAILED)
		die("mmap of the ring");
	return p;
}

static void ring_open(struct ring *ring, unsigned int flags)
{
	struct io_uring_params *p = &ring->params;

	memset(ring, 0, sizeof(*ring));
	p->flags = flags;
	p->sq_thread_idle = 1000;
	ring->fd = (int)syscall(SYS_io_uring_setup, 1, p);
	if (ring->fd < 0)
		die("io_uring_setup");
	ring->sq = ring_map(ring, p->sq_off.array + p->sq_entries * sizeof(unsigned int),
			    IORING_OFF_SQ_RING);
	ring->cq = ring_map(ring, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			    IORING_OFF_CQ_RING);
	ring->sqes = ring_map(ring, p->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

/* Connect by the ring's first entry; 0 or an errno. */
static int ring_connect(struct ring *ring, const char *path, unsigned int flags)
{
	const struct io_uring_params *p = &ring->params;
	const struct io_uring_cqe *cqe = (const void *)(ring->cq + p->cq_off.cqes);
	unsigned int *array = (unsigned int *)(ring->sq + p->sq_off.array);
	unsigned int *tail = (unsigned int *)(ring->sq + p->sq_off.tail);
	bool polled = p->flags & IORING_SETUP_SQPOLL;
	unsigned int enter = IORING_ENTER_GETEVENTS | (polled ? IORING_ENTER_SQ_WAKEUP : 0);
	struct sockaddr_un addr;
	socklen_t len = address_set(&addr, path);

	ring->sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT,
		.flags = (__u8)flags,
		.fd = socket_new(SOCK_STREAM),
		.addr = (uintptr_t)&addr,
		.off = len,
	};
	array[0] = 0;
	__atomic_store_n(tail, 1, __ATOMIC_SEQ_CST);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, enter, NULL, 0) < 0)
		die("io_uring_enter");
	return -cqe->res;
}

static void uring_run(const char *path, unsigned int setup, unsigned int flags)
{
	struct ring ring;

	ring_open(&ring, setup);
	tell_and_stay(ring_connect(&ring, path, flags));
}

static void route_uring(const char *path, const char *unused)
{
	(void)unused;
	uring_run(path, 0, 0);
}

static void route_uring_async(const char *path, const char *unused)
{
	(void)unused;
	uring_run(path, 0, IOSQE_ASYNC);
}

static void route_uring_sqpoll(const char *path, const char *unused)
{
	(void)unused;
	uring_run(path, IORING_SETUP_SQPOLL, 0);
}

#if defined(__x86_64__)
/* The numbers of arch/x86/entry/syscalls/syscall_32.tbl, and SYS_CONNECT of linux/net.h. */
#define I386_SOCKETCALL 102
#define I386_CONNECT	362
#define NET_CONNECT	3

static long i386_call(long number, long first, long second, long third)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(number), "b"(first), "c"(second), "d"(third)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* Pointers of 32 bits reach only so far. */
static void *low_memory(void)
{
	void *p = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void route_int80(const char *path, const char *unused)
{
	struct sockaddr_un *addr = low_memory();
	socklen_t len = address_set(addr, path);

	(void)unused;
	tell_and_stay((int)-i386_call(I386_CONNECT, socket_new(SOCK_STREAM), (long)addr, len));
}

static void route_socketcall(const char *path, const char *unused)
{
	struct {
		uint32_t args[3];
		struct sockaddr_un addr;
	} *low = low_memory();
	socklen_t len = address_set(&low->addr, path);

	(void)unused;
	low->args[0] = (uint32_t)socket_new(SOCK_STREAM);
	low->args[1] = (uint32_t)(uintptr_t)&low->addr;
	low->args[2] = len;
	tell_and_stay((int)-i386_call(I386_SOCKETCALL, NET_CONNECT, (long)low->args, 0));
}
#endif

/* --- what is connected to --------------------------------------------------------------- */

static void decoy_run(const char *path, bool leave)
{
	int fd = socket_new(SOCK_STREAM);
	struct sockaddr_un addr;
	socklen_t len = address_set(&addr, path);
	pid_t parent = getpid();

	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 1))
		die(path);
	if (fork() == 0) {
		while (leave && getppid() == parent)
			pause_ms();
		tell_and_stay(connect_path(path));
	}
	if (!leave)
		wait(NULL);
}

static void route_decoy(const char *path, const char *unused)
{
	(void)unused;
	decoy_run(path, false);
}

static void route_left_decoy(const char *path, const char *unused)
{
	(void)unused;
	decoy_run(path, true);
}

/* --- being told --------------------------------------------------------------------------- */

static void request_run(const char *dir, const char *number)
{
	static char text[REQUEST_BYTES];
	char path[256];
	char *argv[ARGS_MAX + 1] = {0};
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.request", dir, number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		die(path);
	for (ssize_t i = 0, at = 0; i < ARGS_MAX && at < len; i++) {
		argv[i] = text + at;
		at += (ssize_t)strlen(text + at) + 1;
	}
	snprintf(path, sizeof(path), "%s/%s.answer", dir, number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		die(path);
	execv(argv[0], argv);
	die(argv[0]);
}

static void route_serve(const char *fifo, const char *dir)
{
	FILE *f = fopen(fifo, "r+e"); /* its own writer: never ends */
	char line[64];

	if (!f)
		die(fifo);
	signal(SIGCHLD, SIG_IGN); /* nobody is waited for */
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (fork() == 0) {
			signal(SIGCHLD, SIG_DFL);
			request_run(dir, line);
		}
	}
	die(fifo);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *path, const char *more);
	} routes[] = {
		{"serve", route_serve},
		{"connect", route_connect},
		{"exact", route_exact},
		{"edge", route_edge},
		{"nonblock", route_nonblock},
		{"seqpacket", route_seqpacket},
		{"symlink", route_symlink},
		{"hardlink", route_hardlink},
		{"descriptor", route_descriptor},
		{"racing", route_racing},
		{"chroot", route_chroot},
		{"unshare", route_unshare},
		{"unshare-bind", route_unshare_bind},
		{"bind", route_bind},
		{"user", route_user},
		{"setns", route_setns},
		{"cgroup", route_cgroup},
		{"leave", route_leave},
		{"thread", route_thread},
		{"thread-bind", route_thread_bind},
		{"leaderless", route_leaderless},
		{"vfork", route_vfork},
		{"rename", route_rename},
		{"uring", route_uring},
		{"uring-async", route_uring_async},
		{"uring-sqpoll", route_uring_sqpoll},
#if defined(__x86_64__)
		{"int80", route_int80},
		{"socketcall", route_socketcall},
#endif
		{"decoy", route_decoy},
		{"left-decoy", route_left_decoy},
	};

	for (size_t i = 0; argc > 2 && i < sizeof(routes) / sizeof(routes[0]); i++)
		if (!strcmp(argv[1], routes[i].name)) {
			routes[i].run(argv[2], argv[3]);
			return 0;
		}
	fprintf(stderr, "routes: usage: routes ROUTE PATH [MORE]\n");
	return 2;
}
