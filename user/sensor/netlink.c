// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include "user/util/cleanup.h"

static int socket_open(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}

int netlink_open(int netns, int protocol)
{
	AUTO_CLOSE int own = -1;
	AUTO_CLOSE int fd = -1;

	if (netns < 0)
		return socket_open(protocol);
	/* A socket belongs to the namespace it was made in: go there and back. */
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(netns, CLONE_NEWNET))
		return -errno;
	fd = socket_open(protocol);
	if (setns(own, CLONE_NEWNET))
		return -errno;
	return take_fd(&fd);
}

int netlink_dump(int fd, const struct nlmsghdr *request, mnl_cb_t fn, void *ctx)
{
	char buffer[32 * 1024];
	ssize_t n;
	int more = MNL_CB_OK;

	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		n = recv(fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		more = mnl_cb_run(buffer, n, 0, 0, fn, ctx);
		if (more < 0)
			return -errno;
	}
	return 0;
}
