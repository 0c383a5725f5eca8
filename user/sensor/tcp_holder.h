/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_HOLDER_H
#define DOCKSNOOP_TCP_HOLDER_H

#include "user/sensor/tcp_ends.h"
#include "user/sensor/tcp_forward.h"

/* What a process that listens on TCP is to us. */
struct tcp_holder {
	struct listener
		listener;  /* daemon, scope, pid, name; DAEMON_NONE: neither proxy nor daemon */
	const void *proxy; /* tcp_ends_options.proxy */
	struct tcp_forward forward; /* of a docker-proxy, where port is not 0 */
	uint32_t net_ns;	    /* that it lives in */
	char *argv;		    /* each ended by NUL; may be NULL */
	size_t argv_len;
};

/* Release with tcp_holder_clear(). */
void tcp_holder_find(const struct tcp_ends_options *options, uint32_t pid, struct tcp_holder *out);
void tcp_holder_clear(struct tcp_holder *holder);

/*
 * Is it certain that the daemon takes orders at @port? dockerd listens at the ports
 * that it publishes for containers too, before it hands them to a docker-proxy
 * (since Docker 28). 2375 and 2376 are its own by custom, and others where its
 * command line says so.
 */
bool tcp_holder_serves(const struct tcp_holder *holder, uint16_t port);

#endif
