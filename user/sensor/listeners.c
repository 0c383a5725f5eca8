// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <uthash.h>
#include <utlist.h>

#include "user/sensor/diag.h"
#include "user/sensor/holders.h"
#include "user/sensor/listener.h"
#include "user/sensor/process.h"
#include "user/sensor/sensor.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

/*
 * A watched listener. Kept after its end: a container whose bind still shows
 * the dead file goes on trying it.
 */
struct watched {
	struct listener listener;
	uint64_t generation; /* of the refresh that saw it last */
	uint32_t net_ns;
	struct watched *prev, *next;
};

struct ignored {
	uint64_t cookie;
	uint64_t generation;
	uint64_t since_ns;
	uint32_t ino;
	uint32_t net_ns;
	UT_hash_handle hh;
};

/* A network namespace whose listeners are asked for. */
struct netns {
	uint32_t inum;
	int fd;	   /* of socket diagnostics there */
	bool own;  /* docksnoop's: always asked */
	bool used; /* by a daemon, at the last refresh */
	int error; /* of the last time it was asked */
	UT_hash_handle hh;
};

struct listeners {
	struct listeners_options options;
	struct watched *watched;
	struct ignored *ignored;
	struct holders *holders;
	struct netns *namespaces;
	uint64_t generation;
	uint64_t asked_ns; /* when a record last made us ask a namespace */
};

#define IGNORED_MAX	  65536 /* as many as the kernel side has room for */
#define GONE_KEEP	  256
#define IGNORED_KEEP_NS	  (600 * 1000000000ULL)
#define RECORD_ASK_GAP_NS 50000000ULL

static void watched_free(struct watched *w)
{
	free(w->listener.host_path);
	free(w->listener.fs_path);
	free(w);
}

/* --- deciding about one listener ------------------------------------------- */

static bool socket_wanted(const struct listeners *ls, const char *path, bool has_file, uint32_t dev,
			  uint32_t ino)
{
	for (const char *const *s = ls->options.sockets; s && *s; s++) {
		struct stat st = {0};

		if (!strcmp(*s, path))
			return true;
		if (has_file && !stat(*s, &st) && S_ISSOCK(st.st_mode) &&
		    (uint32_t)st.st_ino == ino &&
		    (major(st.st_dev) << 20 | minor(st.st_dev)) == dev)
			return true;
	}
	return false;
}

/* Fill in daemon, pid and name; false: this is no daemon's socket. */
static bool listener_judge(struct listeners *ls, struct listener *l, bool has_file,
			   uint32_t creator)
{
	const struct held *held = holders_find(ls->holders, l->ino);

	if (held) {
		l->daemon = held->daemon;
		l->pid = held->pid;
		memcpy(l->name, held->name, sizeof(l->name));
	} else if (creator && socket_held_by(ls->options.procfd, creator, l->ino)) {
		/* Who called listen(2): PID 1 for an activated socket, which names no daemon. */
		l->pid = creator;
		l->daemon = process_daemon(ls->options.procfd, creator, l->name);
	}
	l->wanted = socket_wanted(ls, l->path, has_file, l->dev, l->file_ino);
	if (l->daemon != DAEMON_NONE && !l->wanted && daemon_private_socket(l->daemon, l->path))
		return false;
	if (l->daemon == DAEMON_NONE)
		l->daemon = daemon_by_path(l->path);
	if (l->daemon == DAEMON_NONE && l->wanted)
		l->daemon = DAEMON_OTHER;
	if (l->daemon == DAEMON_NONE)
		return false;
	if (!l->pid) {
		l->pid = socket_holder(ls->options.procfd, l->ino);
		if (l->pid)
			process_comm(ls->options.procfd, l->pid, l->name);
	}
	l->scope =
		l->pid && ls->options.nested(ls->options.ctx, l->pid) ? SCOPE_NESTED : SCOPE_HOST;
	return true;
}

static struct watched *watched_find(const struct listeners *ls, uint64_t cookie, uint64_t ino,
				    const char *path)
{
	struct watched *w = NULL;

	DL_FOREACH(ls->watched, w)
	{
		if (cookie && w->listener.cookie)
			if (w->listener.cookie == cookie)
				return w;
		if ((!cookie || !w->listener.cookie) && !w->listener.gone &&
		    w->listener.ino == ino && !strcmp(w->listener.path, path))
			return w;
	}
	return NULL;
}

static struct watched *watched_add(struct listeners *ls, const struct listener *listener,
				   uint32_t net_ns)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->listener = *listener;
	w->generation = ls->generation;
	w->net_ns = net_ns;
	DL_APPEND(ls->watched, w);
	if (listener->dev || listener->file_ino)
		sensor_file_add(ls->options.sensor, listener->dev, listener->file_ino);
	if (listener->path[0] == '/')
		listeners_name_add(ls, listener->path);
	ls->options.found(ls->options.ctx, &w->listener);
	return w;
}

static void ignored_add(struct listeners *ls, uint64_t cookie, uint32_t ino, uint32_t net_ns)
{
	struct ignored *i = NULL;

	HASH_FIND(hh, ls->ignored, &cookie, sizeof(cookie), i);
	if (!i && HASH_COUNT(ls->ignored) >= IGNORED_MAX)
		return; /* it goes on being reported, and judged each time */
	if (!i) {
		i = calloc(1, sizeof(*i));
		if (!i)
			return;
		i->cookie = cookie;
		HASH_ADD(hh, ls->ignored, cookie, sizeof(cookie), i);
		sensor_listener_ignore(ls->options.sensor, cookie);
	}
	i->ino = ino;
	i->net_ns = net_ns;
	i->generation = ls->generation;
	i->since_ns = clock_boot_ns();
}

static void ignored_drop(struct listeners *ls, struct ignored *i)
{
	sensor_listener_forget(ls->options.sensor, i->cookie);
	HASH_DEL(ls->ignored, i);
	free(i);
}

/* --- looking at the host ---------------------------------------------------- */

struct look {
	struct listeners *ls;
	uint32_t net_ns;
};

static void listener_look(void *ctx, const struct diag_socket *d)
{
	const struct look *look = ctx;
	struct listeners *ls = look->ls;
	struct watched *w = watched_find(ls, d->cookie, d->ino, d->path);
	struct listener l = {0};
	struct ignored *i = NULL;
	const struct held *h = holders_find(ls->holders, d->ino);

	if (w) {
		w->listener.cookie = d->cookie;
		w->generation = ls->generation;
		w->net_ns = look->net_ns;
		return;
	}
	HASH_FIND(hh, ls->ignored, &d->cookie, sizeof(d->cookie), i);
	/* An ignored one that a daemon has come to hold, by activation, is judged again. */
	if (i && !(h && !daemon_private_socket(h->daemon, d->path))) {
		i->generation = ls->generation;
		return;
	}
	l.cookie = d->cookie;
	l.ino = d->ino;
	l.dev = d->has_file ? d->dev : 0;
	l.file_ino = d->has_file ? d->file_ino : 0;
	memcpy(l.path, d->path, sizeof(l.path));
	if (!listener_judge(ls, &l, d->has_file, 0)) {
		ignored_add(ls, d->cookie, d->ino, look->net_ns);
		return;
	}
	if (i)
		ignored_drop(ls, i);
	watched_add(ls, &l, look->net_ns);
}

static struct netns *netns_get(struct listeners *ls, uint32_t inum, uint32_t pid)
{
	AUTO_CLOSE int fd = -1;
	struct netns *ns = NULL;
	char path[64];
	int diag;

	HASH_FIND(hh, ls->namespaces, &inum, sizeof(inum), ns);
	if (ns)
		return ns;
	snprintf(path, sizeof(path), "%" PRIu32 "/ns/net", pid);
	fd = openat(ls->options.procfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	diag = diag_open(fd);
	if (diag < 0)
		return NULL;
	ns = calloc(1, sizeof(*ns));
	if (!ns) {
		close(diag);
		return NULL;
	}
	ns->inum = inum;
	ns->fd = diag;
	HASH_ADD(hh, ls->namespaces, inum, sizeof(inum), ns);
	return ns;
}

static void netns_ask(struct listeners *ls, struct netns *ns)
{
	struct look look = {.ls = ls, .net_ns = ns->inum};

	ns->error = diag_each_listener(ns->fd, listener_look, &look);
}

/* Was the namespace looked at just now, and answered? */
static bool netns_fresh(const struct listeners *ls, uint32_t inum)
{
	const struct netns *ns = NULL;

	HASH_FIND(hh, ls->namespaces, &inum, sizeof(inum), ns);
	return ns && ns->used && !ns->error;
}

static void listeners_expire(struct listeners *ls)
{
	uint64_t now = clock_boot_ns();
	struct watched *w = NULL, *wtmp = NULL;
	struct ignored *i = NULL, *itmp = NULL;
	size_t gone = 0;

	DL_FOREACH(ls->watched, w)
	{
		if (!w->listener.gone && w->generation != ls->generation &&
		    netns_fresh(ls, w->net_ns)) {
			w->listener.gone = true;
			ls->options.gone(ls->options.ctx, &w->listener);
		}
		gone += w->listener.gone;
	}
	DL_FOREACH_SAFE(ls->watched, w, wtmp)
	{
		if (gone <= GONE_KEEP)
			break;
		if (w->listener.gone) {
			DL_DELETE(ls->watched, w);
			watched_free(w);
			gone--;
		}
	}
	HASH_ITER(hh, ls->ignored, i, itmp)
	{
		if (i->generation == ls->generation)
			continue;
		/* Where we do not look, they are forgotten in time: costs a record each, misses none. */
		if (netns_fresh(ls, i->net_ns) || now - i->since_ns > IGNORED_KEEP_NS)
			ignored_drop(ls, i);
	}
}

static void netns_use(void *ctx, uint32_t pid, uint32_t inum)
{
	struct netns *ns = netns_get(ctx, inum, pid);

	if (ns)
		ns->used = true;
}

int listeners_refresh(struct listeners *ls, bool deep)
{
	struct netns *ns = NULL, *tmp = NULL;
	int err = 0;

	ls->generation++;
	holders_update(ls->holders, deep);
	HASH_ITER(hh, ls->namespaces, ns, tmp)
	ns->used = ns->own;
	holders_each(ls->holders, netns_use, ls);
	HASH_ITER(hh, ls->namespaces, ns, tmp)
	{
		if (ns->used)
			netns_ask(ls, ns);
		if (ns->error)
			err = ns->error;
	}
	listeners_expire(ls);
	HASH_ITER(hh, ls->namespaces, ns, tmp)
	{
		if (!ns->used) {
			HASH_DEL(ls->namespaces, ns);
			close(ns->fd);
			free(ns);
		}
	}
	return err;
}

void listeners_daemon_started(struct listeners *ls, uint32_t pid)
{
	holders_add(ls->holders, pid);
}

/* --- a record's listener ---------------------------------------------------- */

/* A connect that failed tells the file and no listener: the newest that was bound to it. */
static const struct listener *listener_by_file(const struct listeners *ls, uint32_t dev,
					       uint64_t ino)
{
	const struct listener *found = NULL;
	const struct watched *w = NULL;

	DL_FOREACH(ls->watched, w)
	if (w->listener.dev == dev && (uint32_t)w->listener.file_ino == (uint32_t)ino)
		found = &w->listener;
	return found;
}

/* Let the kernel pass it over from now on, where it can be told apart. */
static void listener_ignore(struct listeners *ls, const struct ds_record *raw)
{
	uint64_t now = clock_boot_ns();
	struct netns *ns = NULL;

	if (raw->listener_cookie) {
		ignored_add(ls, raw->listener_cookie, raw->listener_ino, raw->listener_net_ns);
		return;
	}
	/* Asking gives every listener there its cookie; not for each record of a flood, though. */
	if (now - ls->asked_ns < RECORD_ASK_GAP_NS)
		return;
	ls->asked_ns = now;
	ns = netns_get(ls, raw->listener_net_ns, raw->listener_pid);
	if (ns)
		netns_ask(ls, ns);
}

const struct listener *listeners_resolve(struct listeners *ls, const struct record *r)
{
	const struct ds_record *raw = &r->raw;
	struct listener l = {0};
	struct ignored *i = NULL;
	struct watched *w = NULL;

	if (!raw->listener_ino && !raw->listener_cookie)
		return listener_by_file(ls, raw->socket_dev, raw->socket_ino);

	w = watched_find(ls, raw->listener_cookie, raw->listener_ino, r->bound_path);
	if (w)
		return &w->listener;
	HASH_FIND(hh, ls->ignored, &raw->listener_cookie, sizeof(raw->listener_cookie), i);
	if (i)
		return NULL;

	l.cookie = raw->listener_cookie;
	l.ino = raw->listener_ino;
	l.dev = raw->socket_dev;
	l.file_ino = raw->socket_ino;
	memcpy(l.path, r->bound_path, sizeof(l.path));
	if (!listener_judge(ls, &l, !(raw->flags & DS_F_ABSTRACT), raw->listener_pid)) {
		listener_ignore(ls, raw);
		return NULL;
	}
	w = watched_add(ls, &l, raw->listener_net_ns);
	return w ? &w->listener : NULL;
}

const struct listener *listeners_of_end(const struct listeners *ls, const char *path, uint32_t dev,
					uint64_t file_ino)
{
	const struct listener *gone = NULL;
	const struct watched *w = NULL;

	DL_FOREACH(ls->watched, w)
	{
		const struct listener *l = &w->listener;

		/* all that socket diagnostics tell of a file's number are its low 32 bits */
		if (strcmp(l->path, path) || (uint32_t)l->file_ino != (uint32_t)file_ino ||
		    l->dev != dev)
			continue;
		if (!l->gone)
			return l;
		gone = l;
	}
	return gone;
}

void listeners_name_add(struct listeners *ls, const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	if (*base)
		sensor_socket_name_add(ls->options.sensor, base);
}

void listeners_each_daemon(const struct listeners *ls, listeners_daemon_fn fn, void *ctx)
{
	holders_each(ls->holders, fn, ctx);
}

int listeners_each(const struct listeners *ls, listener_fn fn, void *ctx)
{
	const struct watched *w = NULL;
	int stop;

	DL_FOREACH(ls->watched, w)
	{
		if (w->listener.gone)
			continue;
		stop = fn(ctx, &w->listener);
		if (stop)
			return stop;
	}
	return 0;
}

/* --- life --------------------------------------------------------------------- */

static int own_netns_add(struct listeners *ls)
{
	struct netns *ns = NULL;
	uint32_t inum = 0;
	int diag;
	int err = process_namespace(ls->options.procfd, getpid(), "net", &inum);

	if (err)
		return err;
	diag = diag_open(-1);
	if (diag < 0)
		return diag;
	ns = calloc(1, sizeof(*ns));
	if (!ns) {
		close(diag);
		return -ENOMEM;
	}
	ns->inum = inum;
	ns->fd = diag;
	ns->own = true;
	HASH_ADD(hh, ls->namespaces, inum, sizeof(ns->inum), ns);
	return 0;
}

int listeners_new(const struct listeners_options *options, struct listeners **out)
{
	struct listeners *ls = calloc(1, sizeof(*ls));
	int err = 0;

	if (!ls)
		return -ENOMEM;
	ls->options = *options;
	ls->holders = holders_new(options->procfd);
	err = ls->holders ? own_netns_add(ls) : -ENOMEM;
	for (const char *const *name = daemon_programs(); !err && *name; name++)
		err = sensor_daemon_name_add(options->sensor, *name);
	for (size_t i = 0; !err && daemon_socket_name(i); i++)
		err = sensor_socket_name_add(options->sensor, daemon_socket_name(i));
	for (const char *const *s = options->sockets; !err && s && *s; s++)
		listeners_name_add(ls, *s);
	if (err) {
		listeners_free(ls);
		return err;
	}
	*out = ls;
	return 0;
}

void listeners_free(struct listeners *ls)
{
	struct watched *w = NULL, *wtmp = NULL;
	struct ignored *i = NULL, *itmp = NULL;
	struct netns *ns = NULL, *ntmp = NULL;

	if (!ls)
		return;
	holders_free(ls->holders);
	DL_FOREACH_SAFE(ls->watched, w, wtmp)
	{
		DL_DELETE(ls->watched, w);
		watched_free(w);
	}
	HASH_ITER(hh, ls->ignored, i, itmp)
	{
		HASH_DEL(ls->ignored, i);
		free(i);
	}
	HASH_ITER(hh, ls->namespaces, ns, ntmp)
	{
		HASH_DEL(ls->namespaces, ns);
		close(ns->fd);
		free(ns);
	}
	free(ls);
}
