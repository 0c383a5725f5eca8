/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_KEYS_H
#define DOCKSNOOP_TCP_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "user/sensor/sensor.h"
#include "user/sensor/tcp_diag.h"

/*
 * The addresses that the kernel side watches, brought up to date as a whole:
 * tcp_keys_begin(), each one that is to be watched, tcp_keys_end().
 */
struct tcp_keys;

struct tcp_keys *tcp_keys_new(
	struct sensor *sensor);		   /* @sensor stays the caller's; NULL: no memory */
void tcp_keys_free(struct tcp_keys *keys); /* NULL is allowed */

void tcp_keys_begin(struct tcp_keys *keys);
/* As sensor_tcp_add() has them. */
void tcp_keys_want(struct tcp_keys *keys, const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port,
		   uint32_t net_ns);
/* How many could not be watched for want of room. */
size_t tcp_keys_end(struct tcp_keys *keys);

#endif
