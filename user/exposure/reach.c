// SPDX-License-Identifier: Apache-2.0
#include "user/exposure/reach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "user/exposure/spelling.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
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

/* Who is asked for a table. */
struct reader {
	uint32_t tid;
	uint32_t tgid;
	uint64_t start_ns; /* of the process */
};

struct table {
	struct table_key key;
	struct mount_table *mounts;
	uint64_t read_ns;
	struct reader whole; /* one who sees all of the namespace; tid 0: @mounts is of another */
	UT_hash_handle hh;   /* in the order of last use */
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

/* Does the process see all of its mount namespace, or what is below a root of its own? */
static bool reader_sees_all(const struct reach *reach, const struct reader *reader)
{
	AUTO_FREE char *root = NULL;
	char link[32] = "";

	snprintf(link, sizeof(link), "%" PRIu32 "/root", reader->tid);
	return !file_readlink(reach->procfd, link, &root) && !strcmp(root, "/");
}

/* 0, or -errno when the reader is gone or elsewhere. Read first, then make sure whose it was. */
static int table_read(const struct reach *reach, const struct reader *reader, uint32_t mnt_ns,
		      struct mount_table **out)
{
	AUTO_MOUNT_TABLE struct mount_table *fresh = NULL;
	uint32_t now = 0;
	int err = mount_table_read(reach->procfd, reader->tid, &fresh);

	if (err)
		return err;
	if (process_namespace(reach->procfd, reader->tid, "mnt", &now) || now != mnt_ns ||
	    !process_is(reach->procfd, reader->tgid, reader->start_ns))
		return -ESRCH;
	*out = take_ptr(fresh);
	return 0;
}

/* Not older than @max_age_ns, where somebody can still be asked. */
static const struct mount_table *table_get(struct reach *reach, const struct record *r,
					   uint64_t max_age_ns)
{
	struct table_key key = record_key(r);
	struct reader reader = {
		.tid = process_thread(reach->procfd, r),
		.tgid = r->raw.tgid,
		.start_ns = r->raw.start_ns,
	};
	bool sees_all = reader_sees_all(reach, &reader);
	AUTO_MOUNT_TABLE struct mount_table *fresh = NULL;
	uint64_t now = clock_boot_ns();
	struct table *t = NULL;

	HASH_FIND(hh, reach->tables, &key, sizeof(key), t);
	if (t && t->whole.tid && now - t->read_ns < max_age_ns)
		return t->mounts;
	/* Somebody who sees more is asked instead, if there is one. */
	if (!sees_all && t && t->whole.tid) {
		reader = t->whole;
		sees_all = true;
	}
	if (table_read(reach, &reader, key.mnt_ns, &fresh))
		return t ? t->mounts : NULL;
	if (t) {
		HASH_DEL(reach->tables, t);
		mount_table_free(t->mounts);
	} else {
		t = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
		t->key = key;
	}
	t->mounts = take_ptr(fresh);
	t->read_ns = now;
	t->whole = sees_all ? reader : (struct reader){0};
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

/* The mount that was used, as well as it can be told. */
struct passage {
	const struct mount_entry *entry; /* NULL: not known */
	bool foreign;			 /* of another mount namespace than the process's */
	bool lost;		 /* foreign, and not known: the process's own table tells nothing */
	struct mount_entry used; /* what @entry points to, where it is of no table */
	struct spelling spelling;
};

/* By the kernel's own word. */
static void passage_told(const struct record *r, const struct mount_table *table, struct passage *p)
{
	/* In no namespace: unmounted from below a process that is still in it. */
	p->foreign = r->raw.mount_mnt_ns && r->raw.mount_mnt_ns != r->raw.mnt_ns;
	p->used = entry_from_record(r);
	/* In its table, if that still shows it, it has its parents too. */
	p->entry = p->foreign ? NULL : mount_table_by_id(table, p->used.id);
	/* The table is as its process sees it, perhaps from another root directory. */
	if (!p->entry || strcmp(p->entry->target, p->used.target))
		p->entry = &p->used;
}

/* By the mount table, and the client's spelling. */
static void passage_guess(struct reach *reach, const struct record *r,
			  const struct mount_table *table, const char *fs_path, struct passage *p)
{
	int err = spelling_find(reach->procfd, r, table, &p->spelling);

	if (!err) {
		p->foreign = p->spelling.other;
		p->entry = p->spelling.entry;
		if (p->foreign) {
			/* As the kernel would tell it: the mount, and not what it is on. */
			p->used = *p->entry;
			p->used.parent = NULL;
			p->entry = &p->used;
		}
	} else if (err == -EXDEV) {
		p->lost = true;
	} else if (fs_path) {
		p->entry = entry_choose(table, r, fs_path);
		p->entry = p->entry ? p->entry : entry_of_link(table, r);
	}
}

int reach_connect(struct reach *reach, const struct record *r, const struct container *container,
		  const struct listener *listener, struct mount_use *out)
{
	static const struct mount_table none;
	const struct mount_table *host = reach_host(reach);
	bool told = r->raw.flags & DS_F_HAS_MOUNT;
	bool in_host = r->raw.flags & DS_F_INIT_MNT_NS;
	/*
	 * Where the kernel has not told the mount the table decides, as it is now: the
	 * client may have made the mount a moment ago.
	 */
	const struct mount_table *table = table_get(reach, r, told ? TABLE_AGE_NS : 0);
	const char *fs_path = r->fs_path[0] ? r->fs_path : listener->fs_path;
	struct socket_file file = {
		.dev = r->raw.socket_dev,
		.fs_path = fs_path,
		.path = listener->host_path ? listener->host_path : listener->path,
	};
	struct passage p = {0};
	struct mount_use use = {0};
	int err = -ENOENT;

	if (!table)
		table = &none;
	if (!host)
		host = &none;
	if (told)
		passage_told(r, table, &p);
	else
		passage_guess(reach, r, table, fs_path, &p);
	if (p.entry && fs_path) /* another's mount is none that the container was configured with */
		err = mount_use_from_entry(p.foreign ? &none : table, p.entry, host,
					   p.foreign || in_host ? NULL : container, &file, &use);
	else if (!p.lost && !in_host && container && container->described)
		err = mount_use_from_config(container, &file, path_resolve, &use);
	spelling_clear(&p.spelling);
	if (err && err != -ENOENT)
		return err;

	if (p.foreign)
		use.via = VIA_PROC_ROOT;
	else if (in_host && !p.lost) /* a container's process, in the host's own tree */
		use.via = VIA_HOST_NAMESPACE;
	*out = use;
	return 0;
}
