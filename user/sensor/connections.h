/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CONNECTIONS_H
#define DOCKSNOOP_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/sensor/listener.h"

/* A connection to a watched socket that is open now. */
struct open_connection {
	uint64_t id;  /* made up here, as in ds_record.connection */
	uint64_t ino; /* of the client's socket, in sockfs */
	const struct listener *listener;
	uint32_t last_pid; /* whom fn was called for before; 0 at the first call */
	bool known;	   /* fn's to set: it has been told of otherwise */
};

/*
 * Connections to watched sockets that are open now: those from before docksnoop
 * would otherwise never be told of. Looks through every network namespace and
 * every process, so for the start only. fn(ctx, pid, connection) for each process
 * that holds the client's end of one, once for each connection. 0, -ENOMEM, or
 * the -errno of going through /proc.
 */
typedef void (*connection_fn)(void *ctx, uint32_t pid, struct open_connection *connection);
int connections_find(int procfd, const struct listeners *listeners, connection_fn fn, void *ctx);

#endif
