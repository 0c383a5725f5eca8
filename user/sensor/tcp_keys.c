// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_keys.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Without padding: it is hashed byte by byte. */
struct place {
	uint8_t address[TCP_ADDRESS_SIZE];
	uint32_t net_ns;
	uint32_t port;
};

struct key {
	struct place place;
	uint64_t generation;
	UT_hash_handle hh;
};

struct tcp_keys {
	struct sensor *sensor;
	struct key *keys;
	uint64_t generation;
	size_t refused;
};

struct tcp_keys *tcp_keys_new(struct sensor *sensor)
{
	struct tcp_keys *keys = calloc(1, sizeof(*keys));

	if (keys)
		keys->sensor = sensor;
	return keys;
}

void tcp_keys_free(struct tcp_keys *keys)
{
	struct key *k = NULL, *tmp = NULL;

	if (!keys)
		return;
	HASH_ITER(hh, keys->keys, k, tmp)
	{
		HASH_DEL(keys->keys, k);
		free(k);
	}
	free(keys);
}

void tcp_keys_begin(struct tcp_keys *keys)
{
	keys->generation++;
	keys->refused = 0;
}

void tcp_keys_want(struct tcp_keys *keys, const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port,
		   uint32_t net_ns)
{
	struct place place = {.net_ns = net_ns, .port = port};
	struct key *k = NULL;

	memcpy(place.address, address, sizeof(place.address));
	HASH_FIND(hh, keys->keys, &place, sizeof(place), k);
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k || sensor_tcp_add(keys->sensor, address, port, net_ns)) {
			free(k);
			keys->refused++;
			return;
		}
		k->place = place;
		HASH_ADD(hh, keys->keys, place, sizeof(k->place), k);
	}
	k->generation = keys->generation;
}

size_t tcp_keys_end(struct tcp_keys *keys)
{
	struct key *k = NULL, *tmp = NULL;

	HASH_ITER(hh, keys->keys, k, tmp)
	{
		if (k->generation == keys->generation)
			continue;
		sensor_tcp_remove(keys->sensor, k->place.address, k->place.port, k->place.net_ns);
		HASH_DEL(keys->keys, k);
		free(k);
	}
	return keys->refused;
}
