// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/exposure/exposure.h"
#include "user/util/cleanup.h"

struct scan {
	const struct mount_table *table;
	const struct mount_table *host;
	const struct container *container;
	exposure_fn fn;
	void *ctx;
};

static int entry_report(const struct scan *scan, const struct socket_file *socket,
			const struct mount_entry *entry)
{
	CLEANUP(mount_use_clear) struct mount_use use = {};
	int err =
		mount_use_from_entry(scan->table, entry, scan->host, scan->container, socket, &use);

	return err < 0 ? err : scan->fn(socket, &use, scan->ctx);
}

/*
 * With one "-v /:/host" the same directory can show several times (/host/run,
 * and a volume backed by it below /host/var/lib/docker): one mount, said once.
 */
static int reachable_scan(const struct scan *scan, const struct socket_file *socket)
{
	AUTO_FREE bool *said = calloc(scan->table->count + 1, sizeof(*said));
	const struct mount_entry *e = NULL;
	int err = 0;

	if (!said)
		return -ENOMEM;
	for (size_t i = 0; !err && i < EXPOSURE_MOUNTS_MAX; i++) {
		struct mount_origin origin = {};
		size_t index = 0;

		e = mount_table_next(scan->table, socket->dev, socket->fs_path, e);
		if (!e)
			break;
		err = mount_origin_find(scan->table, e, scan->host, scan->container, &origin);
		if (err < 0)
			return err;
		index = (size_t)(origin.entry - scan->table->entries);
		if (said[index])
			continue;
		said[index] = true;
		err = entry_report(scan, socket, e);
	}
	return err;
}

static int stale_scan(const struct scan *scan, const struct socket_file *socket)
{
	size_t looked_at = 0;
	int err = 0;

	for (size_t i = 0; !err && i < scan->table->count; i++) {
		const struct mount_entry *e = &scan->table->entries[i];

		if (!e->deleted || e->hidden || e->dev != socket->dev ||
		    strcmp(e->root, socket->fs_path) != 0)
			continue;
		if (++looked_at > EXPOSURE_MOUNTS_MAX)
			break;
		err = entry_report(scan, socket, e);
	}
	return err;
}

int exposure_scan(const struct mount_table *table, const struct mount_table *host,
		  const struct container *container, const struct socket_file *sockets, size_t n,
		  exposure_fn fn, void *ctx)
{
	const struct scan scan = {table, host, container, fn, ctx};

	for (size_t i = 0; i < n; i++) {
		int err = 0;

		if (!sockets[i].fs_path)
			continue;
		err = reachable_scan(&scan, &sockets[i]);
		if (!err)
			err = stale_scan(&scan, &sockets[i]);
		if (err)
			return err;
	}
	return 0;
}
