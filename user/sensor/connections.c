// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <uthash.h>

#include "user/sensor/diag.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"

struct client_end {
	struct open_connection open;
	UT_hash_handle hh;
};

struct netns_seen {
	uint32_t inum;
	UT_hash_handle hh;
};

struct search {
	int procfd;
	const struct listeners *listeners;
	connection_fn fn;
	void *ctx;
	struct client_end *clients;
	struct netns_seen *namespaces;
	/* The process being looked at: */
	uint32_t pid;
};

static void connection_see(void *ctx, const struct diag_socket *socket)
{
	struct search *search = ctx;
	const struct listener *listener = listeners_of_end(search->listeners, socket->path,
							   socket->has_file ? socket->dev : 0,
							   socket->has_file ? socket->file_ino : 0);
	struct client_end *c = NULL;

	if (!listener || !socket->peer_ino)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->open.ino = socket->peer_ino;
	c->open.listener = listener;
	/* cannot fail for so few bytes (getrandom(2)) */
	(void)!getrandom(&c->open.id, sizeof(c->open.id), 0);
	HASH_ADD(hh, search->clients, open.ino, sizeof(c->open.ino), c);
}

static int netns_look(void *ctx, uint32_t pid)
{
	struct search *search = ctx;
	struct netns_seen *seen = NULL;
	AUTO_CLOSE int netns = -1;
	AUTO_CLOSE int diag = -1;
	uint32_t inum = 0;
	char path[64];

	if (process_namespace(search->procfd, pid, "net", &inum))
		return 0;
	HASH_FIND(hh, search->namespaces, &inum, sizeof(inum), seen);
	if (seen)
		return 0;
	snprintf(path, sizeof(path), "%" PRIu32 "/ns/net", pid);
	netns = openat(search->procfd, path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return 0;
	diag = diag_open(netns);
	if (diag < 0)
		return 0;
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	seen->inum = inum;
	HASH_ADD(hh, search->namespaces, inum, sizeof(inum), seen);
	diag_each_connection(diag, connection_see, search);
	return 0;
}

static void socket_look(void *ctx, uint64_t ino)
{
	struct search *search = ctx;
	struct client_end *c = NULL;

	HASH_FIND(hh, search->clients, &ino, sizeof(ino), c);
	if (!c || c->open.last_pid == search->pid)
		return;
	search->fn(search->ctx, search->pid, &c->open);
	c->open.last_pid = search->pid;
}

static int process_look(void *ctx, uint32_t pid)
{
	struct search *search = ctx;

	if (pid == (uint32_t)getpid())
		return 0;
	search->pid = pid;
	process_each_socket(search->procfd, pid, socket_look, search);
	return 0;
}

int connections_find(int procfd, const struct listeners *listeners, connection_fn fn, void *ctx)
{
	struct search search = {
		.procfd = procfd,
		.listeners = listeners,
		.fn = fn,
		.ctx = ctx,
	};
	struct client_end *c = NULL, *ctmp = NULL;
	struct netns_seen *n = NULL, *ntmp = NULL;
	int err = process_each(procfd, netns_look, &search);

	if (!err && search.clients)
		err = process_each(procfd, process_look, &search);
	HASH_ITER(hh, search.clients, c, ctmp)
	{
		HASH_DEL(search.clients, c);
		free(c);
	}
	HASH_ITER(hh, search.namespaces, n, ntmp)
	{
		HASH_DEL(search.namespaces, n);
		free(n);
	}
	return err;
}
