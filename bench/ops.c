// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * Does what is to be measured, and says how long it took: the median, in nanoseconds for
 * one, of batches that are timed as a whole. Reads what to do from stdin, a line each, so
 * that one and the same process does it with whatever runs beside it:
 *
 *   connect PATH BATCHES PAUSE   connect(2) to a listener of our own, made there if it is not
 *   send BATCHES PAUSE           send(2) of 64 bytes over a connection to it
 *   tcp BATCHES PAUSE            one byte there and one back over loopback, within one task
 *   ask PATH BATCHES PAUSE       GET /_ping and its answer over one connection to a daemon
 *   dial PATH BATCHES PAUSE      connect(2) to a daemon
 *   pace PATH COUNT RATE         COUNT connects, each by another spelling of PATH, RATE of them
 *                                a second (0: as fast as it goes)
 *   while PATH MS RATE           the same for so long; both print how many it were
 *   listen PATH COUNT -          accept at PATH.0 to PATH.COUNT-1 from now on, beside all else
 *   serve PATH - -               answer at PATH from now on, on the same processor
 *
 * PAUSE: microseconds between two batches. Without one it is as fast as it goes.
 */

#define BATCH_MAX 64

static uint64_t now_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "ops: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		die(path);
	strcpy(address.sun_path, path);
	return address;
}

static int stream_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int listening_at(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = stream_socket();

	unlink(path);
	if (bind(fd, (void *)&address, sizeof(address)) || listen(fd, 4096))
		die(path);
	return fd;
}

/* The one that was listened at last stays open. */
static int listener_at(const char *path)
{
	static char where[128];
	static int listener = -1;

	if (!strcmp(where, path))
		return listener;
	if (listener >= 0)
		close(listener);
	listener = listening_at(path);
	strcpy(where, path);
	return listener;
}

static int connected_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = stream_socket();

	if (connect(fd, (void *)&address, sizeof(address)))
		die(path);
	return fd;
}

/* --- the median of batches ------------------------------------------------------------- */

struct batches {
	double *ns; /* of one */
	size_t count;
	size_t room;
	unsigned int pause;
};

static int ns_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool batch_next(struct batches *b)
{
	if (b->count && b->pause)
		usleep(b->pause);
	return b->count < b->room;
}

static void batch_add(struct batches *b, uint64_t ns, unsigned int ops)
{
	b->ns[b->count++] = (double)ns / ops;
}

static void batches_say(struct batches *b)
{
	qsort(b->ns, b->count, sizeof(*b->ns), ns_compare);
	printf("%.1f\n", b->ns[b->count / 2]);
	free(b->ns);
}

/* --- what is measured -------------------------------------------------------------------- */

/* As a daemon does: it reads until there is no more. Who has connected has closed its end. */
static void accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char bytes[64];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	close(fd);
}

/* @listener < 0: somebody else accepts. */
static void measure_connect(struct batches *b, const char *path, int listener, unsigned int ops)
{
	struct sockaddr_un address = address_of(path);
	int fds[BATCH_MAX];
	uint64_t begin, end;

	while (batch_next(b)) {
		for (unsigned int i = 0; i < ops; i++)
			fds[i] = stream_socket();
		begin = now_ns();
		for (unsigned int i = 0; i < ops; i++)
			if (connect(fds[i], (void *)&address, sizeof(address)))
				die(path);
		end = now_ns();
		batch_add(b, end - begin, ops);
		for (unsigned int i = 0; i < ops; i++) {
			close(fds[i]);
			if (listener >= 0)
				accept_one(listener);
		}
	}
}

static void measure_send(struct batches *b)
{
	char room[64 * BATCH_MAX], bytes[64] = "";
	uint64_t begin, end;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	while (batch_next(b)) {
		begin = now_ns();
		for (unsigned int i = 0; i < BATCH_MAX; i++)
			if (send(pair[0], bytes, sizeof(bytes), 0) != sizeof(bytes))
				die("send");
		end = now_ns();
		batch_add(b, end - begin, BATCH_MAX);
		for (size_t got = 0; got < sizeof(room);)
			got += (size_t)recv(pair[1], room, sizeof(room), 0);
	}
	close(pair[0]);
	close(pair[1]);
}

/* It stays open: docksnoop looks at connects to one that has only just begun to listen. */
static int tcp_listener(struct sockaddr_in *address)
{
	static struct sockaddr_in where = {.sin_family = AF_INET};
	static int listener = -1;
	socklen_t len = sizeof(where);

	if (listener < 0) {
		where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(listener, (void *)&where, sizeof(where)) || listen(listener, 64) ||
		    getsockname(listener, (void *)&where, &len))
			die("tcp");
	}
	*address = where;
	return listener;
}

static void measure_tcp(struct batches *b)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t begin, end;
	int server, one = 1;
	char c = 'x';

	if (connect(client, (void *)&address, sizeof(address)))
		die("tcp");
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (batch_next(b)) {
		begin = now_ns();
		for (unsigned int i = 0; i < 16; i++)
			if (send(client, &c, 1, 0) != 1 || recv(server, &c, 1, 0) != 1 ||
			    send(server, &c, 1, 0) != 1 || recv(client, &c, 1, 0) != 1)
				die("tcp");
		end = now_ns();
		batch_add(b, end - begin, 16);
	}
	close(client);
	close(server);
}

static void measure_ask(struct batches *b, const char *path)
{
	static const char text[] = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
	int fd = connected_to(path);
	char answer[4096];
	uint64_t begin, end;

	while (batch_next(b)) {
		begin = now_ns();
		if (send(fd, text, sizeof(text) - 1, 0) < 0 ||
		    recv(fd, answer, sizeof(answer), 0) <= 0)
			die(path);
		end = now_ns();
		batch_add(b, end - begin, 1);
	}
	close(fd);
}

/*
 * "/run/x", "//run/x", "/./run/x", …: each is another way to write it, and none is folded
 * into another. A bit each: "/" or "/./".
 */
static void spelling_of(const char *path, uint64_t number, char out[108])
{
	char *at = out;

	for (int bit = 0; bit < 20; bit++)
		at = stpcpy(at, number >> bit & 1 ? "/." : "/");
	if (strlen(out) + strlen(path) >= 108)
		die("the path is too long to be spelled in many ways");
	strcpy(at, path);
}

static void connect_otherwise(const char *path)
{
	static uint64_t number;
	char spelled[108];

	spelling_of(path, number++, spelled);
	close(connected_to(spelled));
}

/* By when each is due, whatever the ones before it took: who comes late catches up. */
static uint64_t pace(const char *path, uint64_t count, uint64_t ns, unsigned int rate)
{
	uint64_t begin = now_ns(), i;

	for (i = 0; i < count && now_ns() - begin < ns; i++) {
		uint64_t due = rate ? begin + i * 1000000000 / rate : 0;
		struct timespec until = {(time_t)(due / 1000000000), (long)(due % 1000000000)};

		if (due > now_ns())
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		connect_otherwise(path);
	}
	return i;
}

/* --- who accepts ----------------------------------------------------------------------------- */

static void accept_all(struct pollfd *listeners, nfds_t count)
{
	for (;;) {
		if (poll(listeners, count, -1) < 0)
			die("poll");
		for (nfds_t i = 0; i < count; i++)
			if (listeners[i].revents)
				accept_one(listeners[i].fd);
	}
}

static int listener_new(const char *path, uint64_t number)
{
	char *numbered = NULL;
	int fd;

	if (asprintf(&numbered, "%s.%" PRIu64, path, number) < 0)
		die("asprintf");
	fd = listening_at(numbered);
	free(numbered);
	return fd;
}

/* Goes on in a child that ends with us: true there. */
static bool beside(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(1);
	return !pid;
}

static void listen_at(const char *path, uint64_t count)
{
	struct pollfd *listeners = calloc(count, sizeof(*listeners));

	for (uint64_t i = 0; i < count; i++)
		listeners[i] = (struct pollfd){listener_new(path, i), POLLIN, 0};
	if (beside())
		accept_all(listeners, count);
	for (uint64_t i = 0; i < count; i++)
		close(listeners[i].fd);
	free(listeners);
	printf("0\n");
}

/* What dockerd says to GET /_ping, about as long; one connection after the other. */
static void serve(const char *path)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nCache-Control: no-cache\r\n"
		"Docker-Experimental: false\r\nOstype: linux\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: 2\r\n\r\nOK";
	int listener = listening_at(path);

	if (beside()) {
		for (;;) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			char request[4096];

			while (recv(fd, request, sizeof(request), 0) > 0)
				if (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) < 0)
					break;
			close(fd);
		}
	}
	close(listener);
	printf("0\n");
}

/* Those that have no batches. */
static bool do_other(const char *what, const char *path, uint64_t count, unsigned int pause)
{
	if (!strcmp(what, "pace"))
		printf("%" PRIu64 "\n", pace(path, count, UINT64_MAX, pause));
	else if (!strcmp(what, "while"))
		printf("%" PRIu64 "\n", pace(path, UINT64_MAX, count * 1000000, pause));
	else if (!strcmp(what, "listen"))
		listen_at(path, count);
	else if (!strcmp(what, "serve"))
		serve(path);
	else
		return false;
	fflush(stdout);
	return true;
}

int main(void)
{
	char what[16], path[108];
	unsigned int pause;
	char line[256];
	uint64_t count;

	while (fgets(line, sizeof(line), stdin)) {
		struct batches b = {0};

		if (sscanf(line, "%15s %107s %" SCNu64 " %u", what, path, &count, &pause) != 4)
			return 2;
		if (do_other(what, path, count, pause))
			continue;
		b = (struct batches){calloc(count, sizeof(double)), 0, count, pause};
		if (!strcmp(what, "connect"))
			measure_connect(&b, path, listener_at(path), pause ? 16 : BATCH_MAX);
		else if (!strcmp(what, "dial"))
			measure_connect(&b, path, -1, 1);
		else if (!strcmp(what, "send"))
			measure_send(&b);
		else if (!strcmp(what, "tcp"))
			measure_tcp(&b);
		else if (!strcmp(what, "ask"))
			measure_ask(&b, path);
		else
			return 2;
		batches_say(&b);
		fflush(stdout);
	}
	return 0;
}
