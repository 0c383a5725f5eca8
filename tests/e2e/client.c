// SPDX-License-Identifier: Apache-2.0
/*
 * What the tests let connect: it does what its options say, and tells as one
 * JSON object on stdout what it was and what came of it, so that a test
 * compares events with the truth and not with what it hoped for.
 *
 * client [OPTIONS] PATH [ANYTHING...]
 *   -c DIR   change to DIR first; PATH may then be relative
 *   -f       go through /proc/self/fd/N of an O_PATH descriptor of PATH
 *   -t       connect from a thread that is not the leader
 *   -N       non-blocking
 *   -n N     connect N times
 *   -k       keep connections open until the end
 *   -r       try again each millisecond until a connect succeeds
 *   -g       send GET /_ping, "status" is what the daemon answered
 *   -w FILE  wait for FILE to exist before the first connect
 *   -F FIFO  instead of all that, connect once for each byte read from FIFO
 *   -o FILE  write the object there instead, complete at once
 *   -s       stay until killed, after having said it
 *   -m       over Multipath TCP
 *   -O       with TCP Fast Open
 *
 * PATH may be an address, "tcp://10.0.0.2:2375" or "tcp://[::1]:2375".
 *
 * client -l PORT [-d DEVICE] [-w FILE] PATH
 *   a proxy: listen at PORT of every address, IPv4 and IPv6, on DEVICE only, and
 *   pass all on to PATH; with -l PORT alone listen, and accept nothing
 *
 * What follows PATH means nothing: it is there for tests of argv.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTS_MAX 1024

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct client {
	const char *path;
	const char *dir;
	const char *wait;
	const char *fifo;
	const char *out;
	const char *device;
	bool by_fd, thread, nonblock, keep, retry, get, stay, mptcp, fast_open;
	int count;
	int port;

	/* the truth */
	pid_t tid;
	int errors[CONNECTS_MAX];
	int done;
	long attempts;
	int status;
};

static void die(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pause_ms(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int http_status(int fd)
{
	static const char request[] = "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
	char reply[4096] = "";
	int status = 0;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return -1;
	if (recv(fd, reply, sizeof(reply) - 1, 0) < 0 || sscanf(reply, "HTTP/1.1 %d", &status) != 1)
		return -1;
	return status;
}

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* "tcp://10.0.0.2:2375" */
static union address tcp_address(const char *url)
{
	union address a = {0};
	char host[64] = "";
	int port = 0;

	if (sscanf(url, "tcp://[%63[^]]]:%d", host, &port) == 2 &&
	    inet_pton(AF_INET6, host, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
	} else if (sscanf(url, "tcp://%63[^:]:%d", host, &port) == 2 &&
		   inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
	} else {
		errno = EINVAL;
		die(url);
	}
	return a;
}

static int connect_tcp(struct client *c)
{
	union address a = tcp_address(c->path);
	int on = 1, error = 0;
	int fd = socket(a.any.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | (c->nonblock ? SOCK_NONBLOCK : 0),
			c->mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);

	if (fd < 0)
		die("socket");
	if (c->fast_open && setsockopt(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)))
		die("TCP_FASTOPEN_CONNECT");
	if (connect(fd, &a.any, sizeof(a)))
		error = errno;
	else if (c->get)
		c->status = http_status(fd);
	if (!c->keep)
		close(fd);
	return error;
}

/* 0 or the errno of connect(2). */
static int connect_once(struct client *c)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int pinned = -1, error = 0, fd;

	if (!strncmp(c->path, "tcp://", strlen("tcp://")))
		return connect_tcp(c);

	if (c->by_fd) {
		pinned = open(c->path, O_PATH | O_CLOEXEC);
		if (pinned < 0)
			return errno;
		snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", pinned);
	} else {
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (c->nonblock ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		error = errno;
	else if (c->get)
		c->status = http_status(fd);
	if (!c->keep || error)
		close(fd);
	if (pinned >= 0)
		close(pinned);
	return error;
}

/* Pass on what either side says until one of them ends. */
static void relay(int client, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd fds[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
	char buffer[4096];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(server, (struct sockaddr *)&addr, sizeof(addr)))
		die(path);
	while (poll(fds, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			ssize_t n = fds[i].revents ? read(fds[i].fd, buffer, sizeof(buffer)) : -1;

			if (n == 0 || (n > 0 && write(fds[!i].fd, buffer, n) != n))
				exit(0);
		}
	}
}

static void serve(const struct client *c)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(c->port)};
	int on = 1;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	signal(SIGCHLD, SIG_IGN);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		die("socket");
	if (c->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, c->device, strlen(c->device)))
		die(c->device);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, c->path ? 128 : 0))
		die("listen");
	while (!c->path)
		pause();
	for (;;) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			die("accept");
		if (!fork()) {
			relay(client, c->path);
			exit(0);
		}
		close(client);
	}
}

static void *work(void *arg)
{
	struct client *c = arg;

	c->tid = (pid_t)syscall(SYS_gettid);
	while (c->done < c->count) {
		int error = connect_once(c);

		c->attempts++;
		if (error && c->retry) {
			pause_ms();
			continue;
		}
		c->errors[c->done++] = error;
	}
	return NULL;
}

static unsigned long long namespace_number(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return stat(path, &st) ? 0 : (unsigned long long)st.st_ino;
}

/* Field 22 of /proc/self/stat: clock ticks since boot. */
static unsigned long long start_ticks(void)
{
	unsigned long long ticks = 0;
	char text[1024] = "";
	FILE *f = fopen("/proc/self/stat", "re");
	char *p;

	if (!f || !fgets(text, sizeof(text), f))
		die("/proc/self/stat");
	fclose(f);
	p = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu", &ticks) != 1)
		die("/proc/self/stat");
	return ticks;
}

static void tell(const struct client *c)
{
	char temporary[4096];
	FILE *f = stdout;

	if (c->out) {
		snprintf(temporary, sizeof(temporary), "%s.new", c->out);
		f = fopen(temporary, "we");
		if (!f)
			die(temporary);
	}
	fprintf(f, "{\"pid\":%d,\"tid\":%d,\"ppid\":%d,\"uid\":%u,\"gid\":%u,\"start\":%llu,",
		getpid(), c->tid, getppid(), getuid(), getgid(), start_ticks());
	fprintf(f, "\"ns\":{\"mnt\":%llu,\"pid\":%llu,\"user\":%llu,\"net\":%llu},",
		namespace_number("mnt"), namespace_number("pid"), namespace_number("user"),
		namespace_number("net"));
	fprintf(f, "\"attempts\":%ld,\"status\":%d,\"errors\":[", c->attempts, c->status);
	for (int i = 0; i < c->done; i++)
		fprintf(f, "%s%d", i ? "," : "", c->errors[i]);
	fprintf(f, "]}\n");
	if (fflush(f))
		die("write");
	if (c->out && rename(temporary, c->out))
		die(c->out);
}

static void parse_options(int argc, char **argv, struct client *c)
{
	int option;

	while ((option = getopt(argc, argv, "+c:ftNn:krgw:F:o:smOl:d:")) != -1) {
		switch (option) {
		case 'c':
			c->dir = optarg;
			break;
		case 'f':
			c->by_fd = true;
			break;
		case 't':
			c->thread = true;
			break;
		case 'N':
			c->nonblock = true;
			break;
		case 'n':
			c->count = atoi(optarg);
			break;
		case 'k':
			c->keep = true;
			break;
		case 'r':
			c->retry = true;
			break;
		case 'g':
			c->get = true;
			break;
		case 'w':
			c->wait = optarg;
			break;
		case 'F':
			c->fifo = optarg;
			break;
		case 'o':
			c->out = optarg;
			break;
		case 's':
			c->stay = true;
			break;
		case 'm':
			c->mptcp = true;
			break;
		case 'O':
			c->fast_open = true;
			break;
		case 'l':
			c->port = atoi(optarg);
			break;
		case 'd':
			c->device = optarg;
			break;
		default:
			exit(2);
		}
	}
	if ((optind >= argc && !c->port) || c->count < 1 || c->count > CONNECTS_MAX) {
		fprintf(stderr, "client: usage: client [OPTIONS] PATH\n");
		exit(2);
	}
	c->path = argv[optind];
}

int main(int argc, char **argv)
{
	static struct client c = {.count = 1};
	pthread_t thread;
	char byte;

	parse_options(argc, argv, &c);
	if (c.dir && chdir(c.dir))
		die(c.dir);
	if (c.fifo) {
		int fd = open(c.fifo, O_RDWR | O_CLOEXEC); /* its own writer: never ends */

		if (fd < 0)
			die(c.fifo);
		while (read(fd, &byte, 1) == 1)
			connect_once(&c);
		die("fifo");
	}
	while (c.wait && access(c.wait, F_OK))
		pause_ms();
	if (c.port)
		serve(&c);
	if (!c.thread)
		work(&c);
	else if (pthread_create(&thread, NULL, work, &c) || pthread_join(thread, NULL))
		die("thread");
	tell(&c);
	while (c.stay)
		pause();
	return 0;
}
