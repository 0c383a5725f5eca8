/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_FORWARD_H
#define DOCKSNOOP_TCP_FORWARD_H

#include <stddef.h>

#include "user/sensor/tcp_diag.h"

/* Where a published port leads. */
struct tcp_forward {
	uint8_t address[TCP_ADDRESS_SIZE];
	uint16_t port;
};

/*
 * By the arguments of a docker-proxy (each ended by NUL), one of which Docker runs
 * for each published port: "-proto tcp … -container-ip A -container-port P"
 * (moby, cmd/docker-proxy; the flag package takes "--" and "=" too). 0, or -EINVAL
 * when they are not a docker-proxy's for TCP.
 */
int tcp_forward_parse(const char *argv, size_t len, struct tcp_forward *out);

#endif
