// SPDX-License-Identifier: Apache-2.0
/*
 * A connection to the daemon that goes from hand to hand. Tells who it is like
 * routes.c does, once it has done its part, and stays until it is killed.
 *
 * handoff give PATH AT       connects to PATH, and hands the connection to the
 *                            first who connects to AT
 * handoff take AT HOW        takes a connection at AT and sends a request on it,
 *                            by HOW: write, splice or uring
 * handoff use FD HOW         sends a request on a descriptor that it was born with
 * handoff share PATH HOW     connects to PATH; a child that it forked before that
 *                            gets the connection and uses it
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "truth.h"

static const char request[] = "GET /_ping HTTP/1.0\r\n\r\n";

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	return addr;
}

static int socket_new(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = address(path);
	int fd = socket_new();

	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(path);
	return fd;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static void descriptor_send(int to, int fd)
{
	union control control = {0};
	char byte = 'x';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(to, &msg, 0) != 1)
		die("sendmsg");
}

static int descriptor_receive(int from)
{
	union control control = {0};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(from, &msg, 0) != 1 || control.header.cmsg_type != SCM_RIGHTS)
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static int uring_send(int fd)
{
	struct io_uring_params params = {0};
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	struct io_uring_sqe *sqes = NULL;
	char *sq = NULL;
	uint32_t *tail = NULL;

	if (ring < 0)
		die("io_uring_setup");
	sq = mmap(NULL, params.sq_off.array + sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED,
		  ring, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || sqes == MAP_FAILED)
		die("mmap");
	sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_SEND,
		.fd = fd,
		.addr = (uintptr_t)request,
		.len = sizeof(request) - 1,
	};
	*(uint32_t *)(sq + params.sq_off.array) = 0;
	tail = (uint32_t *)(sq + params.sq_off.tail);
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1;
}

static int splice_send(int fd)
{
	int pipes[2];

	if (pipe(pipes) || write(pipes[1], request, sizeof(request) - 1) != sizeof(request) - 1)
		die("pipe");
	return splice(pipes[0], NULL, fd, NULL, sizeof(request) - 1, 0) == sizeof(request) - 1;
}

/* Ask, and read what the daemon says: the connection does lead there. */
static void use(int fd, const char *how)
{
	char answer[16] = "";
	int sent = 0;

	if (!strcmp(how, "splice"))
		sent = splice_send(fd);
	else if (!strcmp(how, "uring"))
		sent = uring_send(fd);
	else
		sent = write(fd, request, sizeof(request) - 1) == sizeof(request) - 1;
	if (!sent)
		die(how);
	if (read(fd, answer, sizeof(answer) - 1) < 9 || strncmp(answer, "HTTP/1.", 7))
		die("answer");
}

static void give(const char *path, const char *at)
{
	struct sockaddr_un addr = address(at);
	int server = socket_new();
	int fd = connect_to(path);

	if (bind(server, (struct sockaddr *)&addr, sizeof(addr)) || chmod(at, 0666) ||
	    listen(server, 1))
		die(at);
	tell(0);
	descriptor_send(accept(server, NULL, NULL), fd);
	for (;;)
		pause();
}

static void share(const char *path, const char *how)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");
	if (fork() == 0) {
		use(descriptor_receive(pair[0]), how);
		tell_and_stay(0);
	}
	descriptor_send(pair[1], connect_to(path));
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: handoff give|take|use|share WHERE HOW\n");
		return 2;
	}
	if (!strcmp(argv[1], "give"))
		give(argv[2], argv[3]);
	if (!strcmp(argv[1], "share"))
		share(argv[2], argv[3]);
	use(!strcmp(argv[1], "use") ? atoi(argv[2]) : descriptor_receive(connect_to(argv[2])),
	    argv[3]);
	tell_and_stay(0);
}
