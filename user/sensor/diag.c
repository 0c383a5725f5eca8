// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/diag.h"

#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "user/sensor/netlink.h"

int diag_open(int netns)
{
	return netlink_open(netns, NETLINK_SOCK_DIAG);
}

struct dump {
	int state; /* TCP_LISTEN or TCP_ESTABLISHED */
	diag_fn fn;
	void *ctx;
};

static void name_copy(struct diag_socket *out, const struct nlattr *attr)
{
	const char *name = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (len > sizeof(out->path) - 1)
		len = sizeof(out->path) - 1;
	if (len && !name[0]) {
		for (size_t i = 0; i < len; i++)
			out->path[i] = name[i] ? name[i] : '@';
		out->path[len] = '\0';
		return;
	}
	len = strnlen(name, len);
	memcpy(out->path, name, len);
	out->path[len] = '\0';
}

static int socket_attr(const struct nlattr *attr, void *ctx)
{
	struct diag_socket *out = ctx;
	const struct unix_diag_vfs *vfs = NULL;

	if (mnl_attr_get_type(attr) == UNIX_DIAG_NAME) {
		name_copy(out, attr);
	} else if (mnl_attr_get_type(attr) == UNIX_DIAG_VFS &&
		   mnl_attr_get_payload_len(attr) >= sizeof(*vfs)) {
		vfs = mnl_attr_get_payload(attr);
		out->has_file = true;
		out->dev = vfs->udiag_vfs_dev;
		out->file_ino = vfs->udiag_vfs_ino;
	} else if (mnl_attr_get_type(attr) == UNIX_DIAG_PEER &&
		   mnl_attr_get_payload_len(attr) >= sizeof(uint32_t)) {
		out->peer_ino = mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

static int socket_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct unix_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct dump *dump = ctx;
	struct diag_socket socket = {0};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) || msg->udiag_state != dump->state)
		return MNL_CB_OK;
	socket.ino = msg->udiag_ino;
	socket.cookie = (uint64_t)msg->udiag_cookie[1] << 32 | msg->udiag_cookie[0];
	if (dump->fn && mnl_attr_parse(nlh, sizeof(*msg), socket_attr, &socket) >= MNL_CB_OK)
		dump->fn(dump->ctx, &socket);
	return MNL_CB_OK;
}

static int diag_each(int fd, int state, diag_fn fn, void *ctx)
{
	struct {
		struct nlmsghdr nlh;
		struct unix_diag_req req;
	} request = {
		.nlh = {.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.req = {.sdiag_family = AF_UNIX,
			.udiag_states = 1U << state,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER},
	};
	struct dump dump = {.state = state, .fn = fn, .ctx = ctx};

	return netlink_dump(fd, &request.nlh, socket_message, &dump);
}

int diag_each_listener(int fd, diag_fn fn, void *ctx)
{
	return diag_each(fd, TCP_LISTEN, fn, ctx);
}

/* A client's end that was bound to a name of its own comes too: the caller knows it by that. */
int diag_each_connection(int fd, diag_fn fn, void *ctx)
{
	return diag_each(fd, TCP_ESTABLISHED, fn, ctx);
}
