/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_DIAG_H
#define DOCKSNOOP_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"

/* An AF_UNIX socket with a name, as the kernel's socket diagnostics tell of it. */
struct diag_socket {
	uint64_t cookie;   /* given by the kernel at the latest now */
	uint32_t ino;	   /* of the socket, in sockfs */
	uint32_t peer_ino; /* of the other end; 0 for a listener */
	bool has_file;
	uint32_t dev;			/* of the file it is bound to, the kernel's dev_t */
	uint32_t file_ino;		/* low 32 bits */
	char path[DS_SUN_PATH_MAX + 2]; /* as bound, "@name" when abstract */
};

/*
 * A descriptor that asks about the network namespace of @netns (a descriptor of
 * /proc/PID/ns/net; -1: the caller's). The caller's to close; -errno.
 */
int diag_open(int netns);

/*
 * Call fn(ctx, socket) for every listening socket of that namespace, or for the
 * server's end of every connection (which has the listener's name and lives in
 * the client's namespace). NETLINK_SOCK_DIAG, unix_diag; net/unix/diag.c. 0 or
 * -errno; -ENOENT where the kernel has no unix_diag. @fn may be NULL, to see
 * whether it works.
 */
typedef void (*diag_fn)(void *ctx, const struct diag_socket *socket);
int diag_each_listener(int fd, diag_fn fn, void *ctx);
int diag_each_connection(int fd, diag_fn fn, void *ctx);

#endif
