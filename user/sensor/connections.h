/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CONNECTIONS_H
#define DOCKSNOOP_CONNECTIONS_H

#include <stdint.h>

#include "user/sensor/listener.h"

/*
 * Connections to watched sockets that are open now: those from before docksnoop
 * would otherwise never be told of. Looks through every network namespace and
 * every process, so for the start only. fn(ctx, pid, listener) for each process
 * that holds the client's end of one, once for each listener. 0, -ENOMEM, or
 * the -errno of going through /proc.
 */
typedef void (*connection_fn)(void *ctx, uint32_t pid, const struct listener *listener);
int connections_find(int procfd, const struct listeners *listeners, connection_fn fn, void *ctx);

#endif
