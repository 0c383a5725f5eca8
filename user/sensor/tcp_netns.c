// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sensor/process.h"

struct tcp_netns *tcp_netns_find(const struct tcp_namespaces *n, uint32_t inum)
{
	struct tcp_netns *ns = NULL;

	HASH_FIND(hh, n->all, &inum, sizeof(inum), ns);
	return ns;
}

struct tcp_netns *tcp_netns_get(struct tcp_namespaces *n, uint32_t inum, uint32_t pid)
{
	struct tcp_netns *ns = tcp_netns_find(n, inum);

	if (!ns) {
		ns = calloc(1, sizeof(*ns));
		if (!ns)
			return NULL;
		ns->inum = inum;
		HASH_ADD(hh, n->all, inum, sizeof(inum), ns);
	}
	ns->pid = pid;
	return ns;
}

static void netns_drop(struct tcp_namespaces *n, struct tcp_netns *ns)
{
	HASH_DEL(n->all, ns);
	free(ns->addresses);
	free(ns);
}

void tcp_namespaces_clear(struct tcp_namespaces *n)
{
	struct tcp_netns *ns = NULL, *tmp = NULL;

	HASH_ITER(hh, n->all, ns, tmp)
	netns_drop(n, ns);
}

bool tcp_netns_lives(const struct tcp_namespaces *n, const struct tcp_netns *ns)
{
	uint32_t inum = 0;

	return ns->pid && !process_namespace(n->procfd, ns->pid, "net", &inum) && inum == ns->inum;
}

static int netns_search(void *ctx, uint32_t pid)
{
	struct tcp_namespaces *n = ctx;
	struct tcp_netns *ns = NULL;
	uint32_t inum = 0;

	if (process_namespace(n->procfd, pid, "net", &inum))
		return 0;
	ns = tcp_netns_find(n, inum);
	if (ns && !ns->pid)
		ns->pid = pid;
	return 0;
}

void tcp_namespaces_settle(struct tcp_namespaces *n)
{
	struct tcp_netns *ns = NULL, *tmp = NULL;
	bool search = false;

	HASH_ITER(hh, n->all, ns, tmp)
	{
		if (tcp_netns_lives(n, ns))
			continue;
		ns->pid = 0;
		search = true;
	}
	if (search)
		process_each(n->procfd, netns_search, n);
	HASH_ITER(hh, n->all, ns, tmp)
	if (!ns->pid || !(ns->wanted || ns->used))
		netns_drop(n, ns);
}

int tcp_netns_open(const struct tcp_namespaces *n, const struct tcp_netns *ns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%" PRIu32 "/ns/net", ns->pid);
	fd = openat(n->procfd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool tcp_netns_has(const struct tcp_netns *ns, const uint8_t address[TCP_ADDRESS_SIZE])
{
	for (size_t i = 0; ns && i < ns->address_count; i++)
		if (!memcmp(ns->addresses[i], address, TCP_ADDRESS_SIZE))
			return true;
	return false;
}
