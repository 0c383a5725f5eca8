// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/holders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/sensor/process.h"
#include "user/util/cleanup.h"

struct daemon_process {
	uint32_t pid;
	enum daemon daemon;
	uint32_t net_ns;
	char name[16];
	UT_hash_handle hh;
};

struct held_socket {
	uint64_t ino;
	struct held held;
	UT_hash_handle hh;
};

struct holders {
	int procfd;
	struct daemon_process *daemons;
	struct held_socket *sockets;
};

enum daemon process_daemon(int procfd, uint32_t pid, char name[16])
{
	AUTO_FREE char *exe = NULL;
	enum daemon daemon = DAEMON_NONE;
	const char *base = NULL;

	if (process_comm(procfd, pid, name))
		return DAEMON_NONE;
	daemon = daemon_by_program(name);
	if (daemon != DAEMON_NONE || process_exe(procfd, pid, &exe))
		return daemon;
	base = strrchr(exe, '/');
	return base ? daemon_by_program(base + 1) : DAEMON_NONE;
}

static int daemon_look(void *ctx, uint32_t pid)
{
	struct holders *h = ctx;
	struct daemon_process *p = NULL;
	uint32_t net = 0;
	char name[16] = "";
	enum daemon daemon = process_daemon(h->procfd, pid, name);

	HASH_FIND(hh, h->daemons, &pid, sizeof(pid), p);
	if (daemon == DAEMON_NONE || process_namespace(h->procfd, pid, "net", &net)) {
		if (p) {
			HASH_DEL(h->daemons, p);
			free(p);
		}
		return 0;
	}
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->pid = pid;
		HASH_ADD(hh, h->daemons, pid, sizeof(pid), p);
	}
	p->daemon = daemon;
	p->net_ns = net; /* rootlesskit moves into its own before dockerd listens */
	memcpy(p->name, name, sizeof(p->name));
	return 0;
}

struct holder {
	struct holders *holders;
	const struct daemon_process *process;
};

static void socket_add(void *ctx, uint64_t ino)
{
	const struct holder *holder = ctx;
	struct held_socket *s = NULL;

	HASH_FIND(hh, holder->holders->sockets, &ino, sizeof(ino), s);
	if (s)
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->ino = ino;
	s->held.pid = holder->process->pid;
	s->held.daemon = holder->process->daemon;
	memcpy(s->held.name, holder->process->name, sizeof(s->held.name));
	HASH_ADD(hh, holder->holders->sockets, ino, sizeof(ino), s);
}

static void sockets_clear(struct holders *h)
{
	struct held_socket *s = NULL, *tmp = NULL;

	HASH_ITER(hh, h->sockets, s, tmp)
	{
		HASH_DEL(h->sockets, s);
		free(s);
	}
}

void holders_add(struct holders *h, uint32_t pid)
{
	daemon_look(h, pid);
}

void holders_update(struct holders *h, bool deep)
{
	struct daemon_process *p = NULL, *tmp = NULL;

	if (deep)
		process_each(h->procfd, daemon_look, h);
	HASH_ITER(hh, h->daemons, p, tmp)
	daemon_look(h, p->pid);
	sockets_clear(h);
	HASH_ITER(hh, h->daemons, p, tmp)
	{
		struct holder holder = {.holders = h, .process = p};

		process_each_socket(h->procfd, p->pid, socket_add, &holder);
	}
}

const struct held *holders_find(const struct holders *h, uint64_t ino)
{
	struct held_socket *s = NULL;

	HASH_FIND(hh, h->sockets, &ino, sizeof(ino), s);
	return s ? &s->held : NULL;
}

void holders_each(const struct holders *h, holders_fn fn, void *ctx)
{
	struct daemon_process *p = NULL, *tmp = NULL;

	HASH_ITER(hh, h->daemons, p, tmp)
	fn(ctx, p->pid, p->net_ns);
}

struct search {
	int procfd;
	uint32_t pid;
	uint64_t ino;
	bool found;
};

static void search_socket(void *ctx, uint64_t ino)
{
	struct search *search = ctx;

	search->found |= ino == search->ino;
}

bool socket_held_by(int procfd, uint32_t pid, uint64_t ino)
{
	struct search search = {.procfd = procfd, .ino = ino};
	char name[16] = "";
	int err = process_each_socket(procfd, pid, search_socket, &search);

	return err == -EACCES || err == -EPERM ? !process_comm(procfd, pid, name) : search.found;
}

static int search_process(void *ctx, uint32_t pid)
{
	struct search *search = ctx;

	process_each_socket(search->procfd, pid, search_socket, search);
	if (!search->found)
		return 0;
	search->pid = pid;
	return -EALREADY;
}

uint32_t socket_holder(int procfd, uint64_t ino)
{
	struct search search = {.procfd = procfd, .ino = ino};

	process_each(procfd, search_process, &search);
	return search.pid;
}

struct holders *holders_new(int procfd)
{
	struct holders *h = calloc(1, sizeof(*h));

	if (h)
		h->procfd = procfd;
	return h;
}

void holders_free(struct holders *h)
{
	struct daemon_process *p = NULL, *tmp = NULL;

	if (!h)
		return;
	sockets_clear(h);
	HASH_ITER(hh, h->daemons, p, tmp)
	{
		HASH_DEL(h->daemons, p);
		free(p);
	}
	free(h);
}
