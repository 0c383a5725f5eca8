/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_ENDS_H
#define DOCKSNOOP_TCP_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/sensor/listener.h"
#include "user/sensor/tcp_diag.h"

/*
 * Where a daemon is reached over TCP: it listens itself, or a process of a
 * container that has its socket does (a proxy), or Docker listens on the host for
 * such a container (a published port).
 */
struct tcp_end {
	struct listener listener; /* who listens; path: of the socket that lies behind, or "" */
	const void *proxy; /* what tcp_ends_options.proxy has told; NULL: the daemon itself */
	bool published;	   /* leads to the proxy from outside of its container */
	uint8_t address[TCP_ADDRESS_SIZE]; /* may be any (tcp_address_is_any()) */
	uint16_t port;
	bool ipv6_only;
	uint32_t net_ns;
};

struct tcp_ends;
struct sensor;

struct tcp_ends_options {
	int procfd;				 /* stays the caller's, as do the next two */
	struct sensor *sensor;			 /* is told what to report */
	const struct listeners *listeners;	 /* knows the daemons */
	bool (*nested)(void *ctx, uint32_t pid); /* does this process live in a container? */
	/*
	 * Does this process belong to a container that has a watched socket? Then fills
	 * in daemon, scope and path, and returns what tcp_end.proxy is to be, which has
	 * to live as long as there is an end with it (tcp_ends_each()); else NULL.
	 */
	const void *(*proxy)(void *ctx, uint32_t pid, struct listener *listener);
	/* One that was not known, before any record of it is answered for. */
	void (*found)(void *ctx, const struct tcp_end *end);
	void (*gone)(void *ctx, const struct tcp_end *end);
	void *ctx;
};

int tcp_ends_new(const struct tcp_ends_options *options, struct tcp_ends **out);
void tcp_ends_free(struct tcp_ends *ends); /* NULL is allowed */

/*
 * Look at the host again: at the daemons' network namespaces, and at those of
 * tcp_ends_add(). @deep also judges anew who holds the others' listeners. 0, or
 * the first -errno of listing a namespace (what is known of that one stays):
 * -ENOENT where the kernel has no tcp_diag.
 */
int tcp_ends_refresh(struct tcp_ends *ends, bool deep);

/* From now on: in this network namespace, that of process @pid, a proxy may listen. */
void tcp_ends_add(struct tcp_ends *ends, uint32_t net_ns, uint32_t pid);

/* Process @pid has begun to listen in this network namespace. */
void tcp_ends_listening(struct tcp_ends *ends, uint32_t net_ns, uint32_t pid);

/*
 * What does a client in the network namespace @net_ns reach at this address? NULL:
 * nothing of a daemon's. Where networks that do not know of each other use the same
 * address, one of the host's goes before a nested one. Valid until the next call of
 * a function of this header.
 */
const struct tcp_end *tcp_ends_resolve(struct tcp_ends *ends,
				       const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port,
				       uint32_t net_ns);

/* All there are now; fn returns nonzero to stop. */
typedef int (*tcp_end_fn)(void *ctx, const struct tcp_end *end);
int tcp_ends_each(const struct tcp_ends *ends, tcp_end_fn fn, void *ctx);

/* Addresses that are not watched, because the kernel side has no room for more. */
size_t tcp_ends_refused(const struct tcp_ends *ends);

#endif
