/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_NETNS_H
#define DOCKSNOOP_TCP_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "user/sensor/tcp_diag.h"

/*
 * The network namespaces that are looked into, each by a process that lives there:
 * a descriptor that is kept would keep the namespace alive.
 */
struct tcp_netns {
	uint32_t inum;
	uint32_t pid; /* lives there; 0 when none is known */
	uint8_t (*addresses)[TCP_ADDRESS_SIZE];
	size_t address_count;
	size_t socket_count;
	uint64_t generation; /* of the last look that succeeded */
	bool wanted;	     /* by a proxy: as long as somebody lives there */
	bool used;	     /* by a daemon, at the last refresh */
	bool due;	     /* somebody listens there who has not been looked at */
	int error;	     /* of the last look */
	UT_hash_handle hh;
};

struct tcp_namespaces {
	int procfd; /* stays the caller's */
	struct tcp_netns *all;
};

void tcp_namespaces_clear(struct tcp_namespaces *namespaces);

struct tcp_netns *tcp_netns_find(const struct tcp_namespaces *namespaces, uint32_t inum);
/* The same, made where it is not there, with @pid as who lives there; NULL: no memory. */
struct tcp_netns *tcp_netns_get(struct tcp_namespaces *namespaces, uint32_t inum, uint32_t pid);

/* Does its process still live there? */
bool tcp_netns_lives(const struct tcp_namespaces *namespaces, const struct tcp_netns *ns);
/* Find somebody who lives in each; drop those that nobody lives in, or nobody uses or wants. */
void tcp_namespaces_settle(struct tcp_namespaces *namespaces);

/* A descriptor for setns(2), the caller's to close; -errno. */
int tcp_netns_open(const struct tcp_namespaces *namespaces, const struct tcp_netns *ns);
/* Is it an address of this namespace? @ns may be NULL. */
bool tcp_netns_has(const struct tcp_netns *ns, const uint8_t address[TCP_ADDRESS_SIZE]);

#endif
