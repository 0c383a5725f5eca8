// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sensor/netlink.h"
#include "user/util/cleanup.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* --- addresses ------------------------------------------------------------------------ */

bool tcp_address_is_ipv4(const uint8_t address[TCP_ADDRESS_SIZE])
{
	return !memcmp(address, mapped, sizeof(mapped));
}

bool tcp_address_is_any(const uint8_t address[TCP_ADDRESS_SIZE])
{
	static const uint8_t none[TCP_ADDRESS_SIZE];

	if (tcp_address_is_ipv4(address))
		return !memcmp(address + sizeof(mapped), none, 4);
	return !memcmp(address, none, sizeof(none));
}

bool tcp_address_is_loopback(const uint8_t address[TCP_ADDRESS_SIZE])
{
	static const uint8_t loopback[TCP_ADDRESS_SIZE] = {[15] = 1};

	return tcp_address_is_any(address) ||
	       (tcp_address_is_ipv4(address) && address[sizeof(mapped)] == 127) ||
	       !memcmp(address, loopback, sizeof(loopback));
}

/* @len: 4 or 16 bytes in network byte order. */
static bool address_set(uint8_t out[TCP_ADDRESS_SIZE], const void *from, size_t len)
{
	if (len != 4 && len != TCP_ADDRESS_SIZE)
		return false;
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + TCP_ADDRESS_SIZE - len, from, len);
	return true;
}

int tcp_address_parse(const char *text, uint8_t out[TCP_ADDRESS_SIZE])
{
	uint8_t bytes[TCP_ADDRESS_SIZE];

	if (inet_pton(AF_INET, text, bytes) == 1)
		address_set(out, bytes, 4);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		address_set(out, bytes, sizeof(bytes));
	else
		return -EINVAL;
	return 0;
}

void tcp_url(const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port, char out[TCP_URL_SIZE])
{
	bool ipv4 = tcp_address_is_ipv4(address);
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? address + sizeof(mapped) : address, text,
		  sizeof(text));
	snprintf(out, TCP_URL_SIZE, ipv4 ? "tcp://%s:%u" : "tcp://[%s]:%u", text, port);
}

/* --- listeners -------------------------------------------------------------------------- */

struct dump {
	tcp_diag_fn fn;
	void *ctx;
};

static int socket_attr(const struct nlattr *attr, void *ctx)
{
	struct tcp_diag *out = ctx;

	if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY &&
	    mnl_attr_get_payload_len(attr) >= sizeof(uint8_t))
		out->ipv6_only = mnl_attr_get_u8(attr);
	return MNL_CB_OK;
}

static int socket_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct dump *dump = ctx;
	struct tcp_diag socket = {0};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) || msg->idiag_state != TCP_LISTEN)
		return MNL_CB_OK;
	address_set(socket.address, msg->id.idiag_src, msg->idiag_family == AF_INET ? 4 : 16);
	socket.port = ntohs(msg->id.idiag_sport);
	socket.ino = msg->idiag_inode;
	socket.cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
	if (dump->fn && mnl_attr_parse(nlh, sizeof(*msg), socket_attr, &socket) >= MNL_CB_OK)
		dump->fn(dump->ctx, &socket);
	return MNL_CB_OK;
}

int tcp_diag_each(int fd, tcp_diag_fn fn, void *ctx)
{
	struct {
		struct nlmsghdr nlh;
		struct inet_diag_req_v2 req;
	} request = {
		.nlh = {.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.req = {.sdiag_protocol = IPPROTO_TCP, .idiag_states = 1U << TCP_LISTEN},
	};
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct dump dump = {.fn = fn, .ctx = ctx};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(families); i++) {
		request.req.sdiag_family = families[i];
		err = netlink_dump(fd, &request.nlh, socket_message, &dump);
	}
	return err;
}

/* --- a namespace's addresses --------------------------------------------------------------- */

struct addresses {
	uint8_t (*list)[TCP_ADDRESS_SIZE];
	size_t count;
	size_t max;
	bool failed;
};

struct address {
	uint8_t bytes[TCP_ADDRESS_SIZE];
	bool known;
	bool local; /* IFA_LOCAL was there: IFA_ADDRESS is then the peer's, on a link between two */
};

static int address_attr(const struct nlattr *attr, void *ctx)
{
	struct address *a = ctx;
	bool local = mnl_attr_get_type(attr) == IFA_LOCAL;

	if (local || (mnl_attr_get_type(attr) == IFA_ADDRESS && !a->local)) {
		a->known = address_set(a->bytes, mnl_attr_get_payload(attr),
				       mnl_attr_get_payload_len(attr));
		a->local |= local;
	}
	return MNL_CB_OK;
}

static int address_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct addresses *all = ctx;
	struct address a = {0};
	void *more = NULL;

	if (nlh->nlmsg_type != RTM_NEWADDR || all->failed || all->count == all->max ||
	    mnl_attr_parse(nlh, sizeof(struct ifaddrmsg), address_attr, &a) < MNL_CB_OK || !a.known)
		return MNL_CB_OK;
	more = reallocarray(all->list, all->count + 1, sizeof(*all->list));
	if (!more) {
		all->failed = true;
		return MNL_CB_OK;
	}
	all->list = more;
	memcpy(all->list[all->count++], a.bytes, sizeof(a.bytes));
	return MNL_CB_OK;
}

int tcp_addresses(int netns, size_t max, uint8_t (**out)[TCP_ADDRESS_SIZE], size_t *count)
{
	const struct {
		struct nlmsghdr nlh;
		struct ifaddrmsg msg;
	} request = {
		.nlh = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.msg = {.ifa_family = AF_UNSPEC},
	};
	AUTO_CLOSE int fd = netlink_open(netns, NETLINK_ROUTE);
	struct addresses all = {.max = max};
	int err;

	if (fd < 0)
		return fd;
	err = netlink_dump(fd, &request.nlh, address_message, &all);
	if (!err && all.failed)
		err = -ENOMEM;
	if (err) {
		free(all.list);
		return err;
	}
	*out = all.list;
	*count = all.count;
	return 0;
}
