/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_DIAG_H
#define DOCKSNOOP_TCP_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_ADDRESS_SIZE 16 /* IPv6; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */

/* A listening TCP socket, as the kernel's socket diagnostics tell of it. */
struct tcp_diag {
	uint64_t cookie; /* never used twice while the host is up */
	uint32_t ino;	 /* in sockfs */
	uint8_t address[TCP_ADDRESS_SIZE];
	uint16_t port;	/* in the machine's byte order */
	bool ipv6_only; /* "::" does not stand for IPv4's addresses too */
};

/*
 * Call fn(ctx, socket) for every TCP socket that listens in the network namespace
 * of @fd, which is diag_open()'s. NETLINK_SOCK_DIAG, net/ipv4/inet_diag.c. 0 or
 * -errno; -ENOENT where the kernel has no tcp_diag. @fn may be NULL, to see
 * whether it works.
 */
typedef void (*tcp_diag_fn)(void *ctx, const struct tcp_diag *socket);
int tcp_diag_each(int fd, tcp_diag_fn fn, void *ctx);

/*
 * The addresses of a network namespace (a descriptor of /proc/PID/ns/net; -1: the
 * caller's), @max at the most: RTM_GETADDR, rtnetlink(7). 0, *out malloc'd and its
 * count in *count, or -errno.
 */
int tcp_addresses(int netns, size_t max, uint8_t (**out)[TCP_ADDRESS_SIZE], size_t *count);

/* 127.0.0.0/8 and ::1, and what a client may write for them: 0.0.0.0 and ::. */
bool tcp_address_is_loopback(const uint8_t address[TCP_ADDRESS_SIZE]);
/* 0.0.0.0 and ::, at which a listener is reached by every address. */
bool tcp_address_is_any(const uint8_t address[TCP_ADDRESS_SIZE]);
bool tcp_address_is_ipv4(const uint8_t address[TCP_ADDRESS_SIZE]);

/* An IPv4 or IPv6 address as text; -EINVAL. */
int tcp_address_parse(const char *text, uint8_t out[TCP_ADDRESS_SIZE]);

/* "tcp://10.0.0.2:2375", "tcp://[fe80::1]:2375" */
#define TCP_URL_SIZE 64
void tcp_url(const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port, char out[TCP_URL_SIZE]);

#endif
