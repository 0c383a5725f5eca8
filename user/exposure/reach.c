// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "user/sensor/process.h"
#include "user/util/clock.h"
#include "user/util/file.h"

#define TABLES_MAX   1024
#define TABLE_AGE_NS 1000000000ULL

/* Namespace numbers are used again, and several namespaces can share a cgroup: reach_forget(). */
struct table_key {
	uint64_t cgroup_id;
	uint32_t mnt_ns;
	uint32_t pad;
};

struct table {
	struct table_key key;
	struct mount_table *mounts;
	uint64_t read_ns;
	UT_hash_handle hh; /* in the order of last use */
};

struct reach {
	int procfd;
	struct table *tables;
	struct mount_table *host;
	uint64_t host_read_ns;
};

int reach_new(int procfd, struct reach **out)
{
	struct reach *reach = calloc(1, sizeof(*reach));

	if (!reach)
		return -ENOMEM;
	reach->procfd = procfd;
	*out = reach;
	return 0;
}

static void table_drop(struct reach *reach, struct table *t)
{
	HASH_DEL(reach->tables, t);
	mount_table_free(t->mounts);
	free(t);
}

void reach_free(struct reach *reach)
{
	struct table *t = NULL, *tmp = NULL;

	if (!reach)
		return;
	HASH_ITER(hh, reach->tables, t, tmp)
	table_drop(reach, t);
	mount_table_free(reach->host);
	free(reach);
}

static struct table_key record_key(const struct record *r)
{
	return (struct table_key){.cgroup_id = r->raw.cgroup_id, .mnt_ns = r->raw.mnt_ns};
}

void reach_forget(struct reach *reach, const struct record *r)
{
	struct table_key key = record_key(r);
	struct table *t = NULL;

	HASH_FIND(hh, reach->tables, &key, sizeof(key), t);
	if (t)
		table_drop(reach, t);
}

/* Not older than @max_age_ns, where the process can still be asked. */
static const struct mount_table *table_get(struct reach *reach, const struct record *r,
					   uint64_t max_age_ns)
{
	struct table_key key = record_key(r);
	uint64_t now = clock_boot_ns();
	struct mount_table *fresh = NULL;
	struct table *t = NULL;

	HASH_FIND(hh, reach->tables, &key, sizeof(key), t);
	if (t && now - t->read_ns < max_age_ns)
		return t->mounts;
	/* Read first, then make sure whose it was. */
	if (mount_table_read(reach->procfd, r->raw.tgid, &fresh))
		return t ? t->mounts : NULL;
	if (!process_is(reach->procfd, r->raw.tgid, r->raw.start_ns)) {
		mount_table_free(fresh);
		return t ? t->mounts : NULL;
	}
	if (t) {
		HASH_DEL(reach->tables, t);
		mount_table_free(t->mounts);
	} else {
		t = calloc(1, sizeof(*t));
		if (!t) {
			mount_table_free(fresh);
			return NULL;
		}
		t->key = key;
	}
	t->mounts = fresh;
	t->read_ns = now;
	HASH_ADD(hh, reach->tables, key, sizeof(t->key), t);
	if (HASH_COUNT(reach->tables) > TABLES_MAX)
		table_drop(reach, reach->tables);
	return t->mounts;
}

const struct mount_table *reach_table(struct reach *reach, const struct record *r)
{
	return table_get(reach, r, TABLE_AGE_NS);
}

const struct mount_table *reach_host(struct reach *reach)
{
	uint64_t now = clock_boot_ns();
	struct mount_table *fresh = NULL;

	if (reach->host && now - reach->host_read_ns < TABLE_AGE_NS)
		return reach->host;
	/* That of PID 1, or ours where it is hidden: docksnoop runs in the host's namespace. */
	if (mount_table_read(reach->procfd, 1, &fresh) &&
	    mount_table_read(reach->procfd, getpid(), &fresh))
		return reach->host;
	mount_table_free(reach->host);
	reach->host = fresh;
	reach->host_read_ns = now;
	return fresh;
}

/* Several mounts may lead there: the one that the client's own spelling names. */
static const struct mount_entry *entry_choose(const struct mount_table *table,
					      const struct record *r, const char *fs_path)
{
	const struct mount_entry *best = NULL;
	const struct mount_entry *e = NULL;

	while ((e = mount_table_next(table, r->raw.socket_dev, fs_path, e))) {
		if (!best)
			best = e;
		if (path_after(r->client_path, e->target) &&
		    (!path_after(r->client_path, best->target) ||
		     strlen(e->target) > strlen(best->target)))
			best = e;
	}
	return best;
}

/*
 * No mount shows the file under the name that it was bound by: a hard link to it
 * elsewhere on its filesystem does. All that is left is the client's spelling.
 */
static const struct mount_entry *entry_of_link(const struct mount_table *table,
					       const struct record *r)
{
	const struct mount_entry *e = NULL;

	if (r->client_path[0] == '/')
		e = mount_table_at(table, r->client_path);
	return e && e->dev == r->raw.socket_dev ? e : NULL;
}

static const struct mount_entry *entry_by_id(const struct mount_table *table, int id)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].id == id)
			return &table->entries[i];
	return NULL;
}

static struct mount_entry entry_from_record(const struct record *r)
{
	return (struct mount_entry){
		.id = r->raw.mount_id,
		.parent_id = -1,
		.dev = r->raw.mount_dev,
		.root = (char *)r->mount_root,
		.target = (char *)r->mount_point,
		.read_only = r->raw.flags & DS_F_MOUNT_RO,
	};
}

static char *path_resolve(const char *path)
{
	return realpath(path, NULL);
}

int reach_connect(struct reach *reach, const struct record *r, const struct container *container,
		  const struct listener *listener, struct mount_use *out)
{
	static const struct mount_table none;
	const struct mount_table *host = reach_host(reach);
	bool told = r->raw.flags & DS_F_HAS_MOUNT;
	/*
	 * Where the kernel has not told the mount the table decides, as it is now: the
	 * client may have made the mount a moment ago, or have another root directory
	 * than the process that the table was read for.
	 */
	const struct mount_table *table = table_get(reach, r, told ? TABLE_AGE_NS : 0);
	const char *fs_path = r->fs_path[0] ? r->fs_path : listener->fs_path;
	struct socket_file file = {
		.dev = r->raw.socket_dev,
		.fs_path = fs_path,
		.path = listener->host_path ? listener->host_path : listener->path,
	};
	const struct mount_entry *entry = NULL;
	struct mount_entry used = {0};
	struct mount_use use = {0};
	int err = -ENOENT;

	if (!table)
		table = &none;
	if (!host)
		host = &none;
	if (told) {
		/* In its table, if that still shows it, it has its parents too. */
		used = entry_from_record(r);
		entry = entry_by_id(table, used.id);
		/* The table is as its process sees it, perhaps from another root directory. */
		if (!entry || strcmp(entry->target, used.target))
			entry = &used;
	} else if (fs_path) {
		entry = entry_choose(table, r, fs_path);
		entry = entry ? entry : entry_of_link(table, r);
	}
	if (entry && fs_path)
		err = mount_use_from_entry(table, entry, host, container, &file, &use);
	else if (container && container->described)
		err = mount_use_from_config(container, &file, path_resolve, &use);
	if (err && err != -ENOENT)
		return err;

	if (r->raw.flags & DS_F_INIT_MNT_NS) /* a container's process, in the host's own tree */
		use.via = VIA_HOST_NAMESPACE;
	else if (used.target && r->raw.mount_mnt_ns != r->raw.mnt_ns)
		use.via = VIA_PROC_ROOT;
	*out = use;
	return 0;
}
