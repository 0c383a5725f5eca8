// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "user/sensor/sensor_impl.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"

/* What user space tells the kernel side, and what it reads there. */

int sensor_listener_ignore(struct sensor *sensor, uint64_t cookie)
{
	__u8 one = 1;

	if (!sensor)
		return 0;
	return bpf_map__update_elem(sensor->skel->maps.ignored_listeners, &cookie, sizeof(cookie),
				    &one, sizeof(one), BPF_ANY);
}

int sensor_listener_forget(struct sensor *sensor, uint64_t cookie)
{
	if (!sensor)
		return 0;
	return bpf_map__delete_elem(sensor->skel->maps.ignored_listeners, &cookie, sizeof(cookie),
				    0);
}

int sensor_file_add(struct sensor *sensor, uint32_t dev, uint64_t ino)
{
	__u32 key[2] = {dev, ino}; /* struct file_key */
	__u32 one = 1;

	if (!sensor)
		return 0;
	sensor->control->followed[ds_slot(ino)] = 1;
	return bpf_map__update_elem(sensor->skel->maps.socket_files, key, sizeof(key), &one,
				    sizeof(one), BPF_ANY);
}

int sensor_daemon_name_add(struct sensor *sensor, const char *name)
{
	char key[16] = "";
	__u8 one = 1;

	if (!sensor)
		return 0;
	strncpy(key, name, sizeof(key) - 1);
	return bpf_map__update_elem(sensor->skel->maps.daemon_names, key, sizeof(key), &one,
				    sizeof(one), BPF_ANY);
}

int sensor_socket_name_add(struct sensor *sensor, const char *name)
{
	char key[32] = ""; /* struct socket_name */
	size_t len = strlen(name);
	uint64_t end = 0;
	__u8 one = 1;

	if (!sensor)
		return 0;
	/* Of a shorter one, what lies before it in a path is not known. */
	if (len < sizeof(end)) {
		sensor->skel->bss->socket_name_ends = ~0ULL;
	} else {
		memcpy(&end, name + len - sizeof(end), sizeof(end));
		sensor->skel->bss->socket_name_ends |= 1ULL << ds_name_end_bit(end);
	}
	strncpy(key, name, sizeof(key) - 1);
	return bpf_map__update_elem(sensor->skel->maps.socket_names, key, sizeof(key), &one,
				    sizeof(one), BPF_ANY);
}

/* As in bpf/connection.bpf.h. */
struct connection {
	__u64 id;
	__u64 cgroup_id;
	__u32 mnt_ns;
	__u32 tgid;
	__u64 user_cgroup_id;
	__u32 user_mnt_ns;
	__u32 user_tgid;
};

int sensor_connection_add(struct sensor *sensor, uint64_t ino, const struct ds_record *record)
{
	const struct connection value = {
		.id = record->connection,
		.cgroup_id = record->cgroup_id,
		.mnt_ns = record->mnt_ns,
		.tgid = record->tgid,
	};

	return bpf_map__update_elem(sensor->skel->maps.connections, &ino, sizeof(ino), &value,
				    sizeof(value), BPF_NOEXIST);
}

int sensor_connection_find(struct sensor *sensor, uint64_t ino, uint64_t *connection)
{
	struct connection value = {0};
	int err = bpf_map__lookup_elem(sensor->skel->maps.connections, &ino, sizeof(ino), &value,
				       sizeof(value), 0);

	if (!err)
		*connection = value.id;
	return err;
}

void sensor_connections_known(struct sensor *sensor)
{
	sensor->skel->bss->connections_known = true;
}

/* Does its thread wait in connect(2) still, for a place in a backlog that is full? */
static bool is_connecting(const struct ds_record *attempt)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *path = NULL;

	if (str_format(&path, "/proc/%" PRIu32 "/task/%" PRIu32 "/syscall", attempt->tgid,
		       attempt->tid) ||
	    file_read(AT_FDCWD, path, 256, &text, NULL))
		return false;
	return strtol(text, NULL, 10) == SYS_connect;
}

static void attempt_gone(struct sensor *sensor)
{
	__atomic_fetch_sub(&sensor->control->attempts, 1, __ATOMIC_SEQ_CST);
}

/*
 * It may have come about just now: only who takes it out may say that it did not. *value is
 * as it was when it was looked at.
 */
static bool attempt_take(struct sensor *sensor, __u64 key, struct ds_record *value)
{
	int map = bpf_map__fd(sensor->skel->maps.attempts);
	uint64_t began = value->time_ns;

	if (bpf_map_lookup_and_delete_elem(map, &key, value))
		return false;
	/* Its thread's next one: too early to say, unless there is one after that. */
	if (value->time_ns != began && !bpf_map_update_elem(map, &key, value, BPF_NOEXIST))
		return false;
	attempt_gone(sensor);
	return value->time_ns == began;
}

int sensor_attempts(struct sensor *sensor, uint64_t age_ns, sensor_fn fn, void *ctx)
{
	int map = bpf_map__fd(sensor->skel->maps.attempts);
	uint64_t now = clock_boot_ns();
	AUTO_FREE struct ds_record *value = NULL;
	__u64 keys[64];
	size_t n = 0;
	int err = 0;

	if (!sensor->sees_attempts)
		return 0;
	/* Others come and go meanwhile; a walk that loses its place begins again next time. */
	while (n < 64 && !bpf_map_get_next_key(map, n ? &keys[n - 1] : NULL, &keys[n]))
		n++;
	if (!n)
		return 0;
	value = malloc(bpf_map__value_size(sensor->skel->maps.attempts));
	if (!value)
		return -ENOMEM;
	for (size_t i = 0; i < n && err >= 0; i++) {
		/* One may have begun after this function. */
		if (bpf_map_lookup_elem(map, &keys[i], value) ||
		    (int64_t)(now - value->time_ns) < (int64_t)age_ns ||
		    (age_ns && is_connecting(value)))
			continue;
		/* First: were it taken out when we are killed, it would be nowhere. */
		ledger_take(sensor_ledger(sensor), 1);
		if (attempt_take(sensor, keys[i], value))
			err = fn(ctx, value, value->size);
		else
			ledger_untake(sensor_ledger(sensor), 1);
	}
	return err;
}

/* As in bpf/tcp.bpf.h. */
struct tcp_key {
	uint8_t address[16];
	uint32_t net_ns;
	uint16_t port;
	uint16_t pad;
};

int sensor_tcp_add(struct sensor *sensor, const uint8_t address[16], uint16_t port, uint32_t net_ns)
{
	struct tcp_key key = {.net_ns = net_ns, .port = htons(port)};
	__u8 one = 1;
	int err;

	if (!sensor)
		return 0;
	memcpy(key.address, address, sizeof(key.address));
	err = bpf_map__update_elem(sensor->skel->maps.tcp_ends, &key, sizeof(key), &one,
				   sizeof(one), BPF_NOEXIST);
	if (!err)
		sensor->skel->bss->tcp_end_count++;
	return err == -EEXIST ? 0 : err;
}

int sensor_tcp_remove(struct sensor *sensor, const uint8_t address[16], uint16_t port,
		      uint32_t net_ns)
{
	struct tcp_key key = {.net_ns = net_ns, .port = htons(port)};
	int err;

	if (!sensor)
		return 0;
	memcpy(key.address, address, sizeof(key.address));
	err = bpf_map__delete_elem(sensor->skel->maps.tcp_ends, &key, sizeof(key), 0);
	if (!err)
		sensor->skel->bss->tcp_end_count--;
	return err;
}

int sensor_lost(const struct sensor *sensor, uint64_t lost[DS_RING_COUNT][DS_LOST_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	AUTO_FREE __u64 *values = NULL;
	uint64_t sums[DS_RING_COUNT][DS_LOST_COUNT] = {0};

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (__u32 at = 0; at < DS_RING_COUNT * DS_LOST_COUNT; at++) {
		int err = bpf_map__lookup_elem(sensor->skel->maps.lost_counts, &at, sizeof(at),
					       values, cpus * sizeof(*values), 0);

		if (err)
			return err;
		for (int i = 0; i < cpus; i++)
			sums[at / DS_LOST_COUNT][at % DS_LOST_COUNT] += values[i];
	}
	memcpy(lost, sums, sizeof(sums));
	return 0;
}

int sensor_stream_skip(struct sensor *sensor, uint64_t connection, enum ds_side side,
		       uint64_t until)
{
	const struct {
		__u64 id;
		__u64 side;
	} key = {connection, side}; /* struct stream_side */

	return bpf_map__update_elem(sensor->skel->maps.stream_skips, &key, sizeof(key), &until,
				    sizeof(until), BPF_ANY);
}
