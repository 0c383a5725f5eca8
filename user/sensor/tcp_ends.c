// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_ends_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/sensor/diag.h"
#include "user/sensor/holders.h"
#include "user/sensor/process.h"
#include "user/sensor/tcp_keys.h"
#include "user/sensor/tcp_netns.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

/* A container can make as many of each as it likes. */
#define SOCKETS_MAX   4096 /* in one namespace */
#define ADDRESSES_MAX 4096
/* Looking through all processes on somebody else's beck and call: a tenth of the time at most. */
#define WALK_SHARE  10
#define WALK_GAP_NS 10000000ULL

/* --- who listens in a namespace ------------------------------------------------------------------ */

static void socket_drop(struct tcp_ends *ends, struct tcp_socket *s)
{
	if (s->judgement == END)
		ends->options.gone(ends->options.ctx, &s->end);
	HASH_DELETE(hh, ends->sockets, s);
	HASH_DELETE(by_ino, ends->by_ino, s);
	free(s);
}

static void socket_add(struct tcp_ends *ends, struct tcp_socket *s)
{
	struct tcp_socket *before = NULL;

	/* Numbers in sockfs are given out again: whose it was is gone. */
	HASH_FIND(by_ino, ends->by_ino, &s->ino, sizeof(s->ino), before);
	if (before)
		socket_drop(ends, before);
	HASH_ADD(hh, ends->sockets, cookie, sizeof(s->cookie), s);
	HASH_ADD(by_ino, ends->by_ino, ino, sizeof(s->ino), s);
}

struct look {
	struct tcp_ends *ends;
	struct tcp_netns *ns;
};

static void socket_look(void *ctx, const struct tcp_diag *d)
{
	const struct look *look = ctx;
	struct tcp_socket *s = NULL;

	HASH_FIND(hh, look->ends->sockets, &d->cookie, sizeof(d->cookie), s);
	if (!s) {
		if (look->ns->socket_count >= SOCKETS_MAX)
			return;
		s = calloc(1, sizeof(*s));
		if (!s)
			return;
		s->cookie = d->cookie;
		s->ino = d->ino;
		s->end.port = d->port;
		s->end.ipv6_only = d->ipv6_only;
		s->end.net_ns = look->ns->inum;
		memcpy(s->end.address, d->address, sizeof(s->end.address));
		socket_add(look->ends, s);
	}
	if (s->generation != look->ends->generation)
		look->ns->socket_count++;
	s->generation = look->ends->generation; /* each look is one */
}

static void netns_use(void *ctx, uint32_t pid, uint32_t inum)
{
	struct tcp_ends *ends = ctx;
	struct tcp_netns *ns = tcp_netns_get(&ends->namespaces, inum, pid);

	if (ns)
		ns->used = true;
}

/* Its listeners and addresses. An error leaves what is known. */
static void netns_look(struct tcp_ends *ends, struct tcp_netns *ns)
{
	struct look look = {.ends = ends, .ns = ns};
	uint8_t(*addresses)[TCP_ADDRESS_SIZE] = NULL;
	AUTO_CLOSE int netns = tcp_netns_open(&ends->namespaces, ns);
	AUTO_CLOSE int diag = -1;
	size_t count = 0;

	ends->generation++;
	ns->socket_count = 0;
	ns->error = netns < 0 ? -ESRCH : 0; /* who lived there has just gone */
	if (ns->error)
		return;
	diag = diag_open(netns);
	ns->error = diag < 0 ? diag : tcp_diag_each(diag, socket_look, &look);
	if (ns->error)
		return;
	ns->generation = ends->generation;
	ns->due = false;
	if (tcp_addresses(netns, ADDRESSES_MAX, &addresses, &count))
		return;
	free(ns->addresses);
	ns->addresses = addresses;
	ns->address_count = count;
}

/* --- what is reached at an address ----------------------------------------------------- */

static bool end_reached(const struct tcp_ends *ends, const struct tcp_end *end,
			const uint8_t address[TCP_ADDRESS_SIZE], uint32_t net_ns)
{
	bool ipv4 = tcp_address_is_ipv4(end->address);
	bool covered = tcp_address_is_ipv4(address) ? ipv4 || !end->ipv6_only : !ipv4;

	if (!memcmp(end->address, address, TCP_ADDRESS_SIZE))
		return !tcp_address_is_loopback(address) || end->net_ns == net_ns;
	if (!tcp_address_is_any(end->address) || !covered)
		return false;
	if (tcp_address_is_loopback(address))
		return end->net_ns == net_ns;
	return tcp_netns_has(tcp_netns_find(&ends->namespaces, end->net_ns), address);
}

static const struct tcp_end *end_find(const struct tcp_ends *ends,
				      const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port,
				      uint32_t net_ns)
{
	const struct tcp_socket *s = NULL, *tmp = NULL;
	const struct tcp_end *found = NULL;

	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		if (s->judgement != END || s->end.port != port ||
		    !end_reached(ends, &s->end, address, net_ns))
			continue;
		/* Its own namespace's is what a client reaches first. */
		if (s->end.net_ns == net_ns)
			return &s->end;
		if (!found || found->listener.scope == SCOPE_NESTED)
			found = &s->end;
	}
	return found;
}

/* A published port leads somewhere as soon as its container listens. */
static void forwards_follow(struct tcp_ends *ends)
{
	struct tcp_socket *s = NULL, *tmp = NULL;

	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		const struct tcp_end *to = NULL;
		struct listener held = s->end.listener;

		if (s->judgement != FORWARD)
			continue;
		to = end_find(ends, s->forward.address, s->forward.port, s->end.net_ns);
		if (!to)
			continue;
		s->judgement = END;
		s->end.listener = to->listener;
		s->end.listener.pid = held.pid;
		memcpy(s->end.listener.name, held.name, sizeof(held.name));
		s->end.proxy = to->proxy;
		s->end.published = true;
		ends->options.found(ends->options.ctx, &s->end);
	}
}

/* --- the kernel side ------------------------------------------------------------------------- */

static void end_want(struct tcp_ends *ends, const struct tcp_end *end)
{
	static const uint8_t any_ipv4[TCP_ADDRESS_SIZE] = {[10] = 0xff, [11] = 0xff};
	const struct tcp_netns *ns = tcp_netns_find(&ends->namespaces, end->net_ns);
	bool any = tcp_address_is_any(end->address);
	bool ipv4 = tcp_address_is_ipv4(end->address);

	tcp_keys_want(ends->keys, end->address, end->port,
		      tcp_address_is_loopback(end->address) ? end->net_ns : 0);
	if (!any)
		return;
	if (!ipv4 && !end->ipv6_only)
		tcp_keys_want(ends->keys, any_ipv4, end->port, end->net_ns);
	for (size_t i = 0; ns && i < ns->address_count; i++) {
		const uint8_t *address = ns->addresses[i];
		bool covered = tcp_address_is_ipv4(address) ? ipv4 || !end->ipv6_only : !ipv4;

		if (covered && !tcp_address_is_loopback(address))
			tcp_keys_want(ends->keys, address, end->port, 0);
	}
}

static void keys_update(struct tcp_ends *ends)
{
	struct tcp_socket *s = NULL, *tmp = NULL;

	tcp_keys_begin(ends->keys);
	HASH_ITER(hh, ends->sockets, s, tmp)
	if (s->judgement == END)
		end_want(ends, &s->end);
	ends->refused = tcp_keys_end(ends->keys);
}

/* --- keeping up --------------------------------------------------------------------------------- */

static void sockets_expire(struct tcp_ends *ends)
{
	struct tcp_socket *s = NULL, *tmp = NULL;

	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		const struct tcp_netns *ns = tcp_netns_find(&ends->namespaces, s->end.net_ns);

		if (!ns || s->generation < ns->generation)
			socket_drop(ends, s);
	}
}

int tcp_ends_refresh(struct tcp_ends *ends, bool deep)
{
	struct tcp_netns *ns = NULL, *tmp = NULL;
	int err = 0;

	HASH_ITER(hh, ends->namespaces.all, ns, tmp)
	ns->used = false;
	listeners_each_daemon(ends->options.listeners, netns_use, ends);
	tcp_namespaces_settle(&ends->namespaces);
	HASH_ITER(hh, ends->namespaces.all, ns, tmp)
	{
		netns_look(ends, ns);
		err = err || ns->error == -ESRCH ? err : ns->error;
	}
	sockets_expire(ends);
	if (deep)
		tcp_ends_doubt(ends);
	tcp_ends_judge(ends);
	forwards_follow(ends);
	keys_update(ends);
	return err;
}

void tcp_ends_add(struct tcp_ends *ends, uint32_t net_ns, uint32_t pid)
{
	struct tcp_netns *ns = tcp_netns_get(&ends->namespaces, net_ns, pid);

	if (!ns)
		return;
	ns->wanted = true;
	ns->due = true;
	/* What was nobody's may be this one's. */
	tcp_ends_doubt_for(ends, net_ns, pid);
}

/* Look at what listens in @ns since a moment, held by @pid most likely. */
static void netns_catch_up(struct tcp_ends *ends, struct tcp_netns *ns, uint32_t pid)
{
	netns_look(ends, ns);
	sockets_expire(ends);
	tcp_ends_judge_process(ends, pid);
	forwards_follow(ends);
	keys_update(ends);
}

void tcp_ends_listening(struct tcp_ends *ends, uint32_t net_ns, uint32_t pid)
{
	struct tcp_netns *ns = tcp_netns_find(&ends->namespaces, net_ns);
	char name[16] = "";

	/* A daemon that has just started is in nobody's list yet. */
	if (!ns && process_daemon(ends->options.procfd, pid, name) != DAEMON_NONE)
		ns = tcp_netns_get(&ends->namespaces, net_ns, pid);
	if (!ns)
		return;
	if (!tcp_netns_lives(&ends->namespaces, ns))
		ns->pid = pid;
	netns_catch_up(ends, ns, pid);
}

/* --- a record's end -------------------------------------------------------------------------------- */

/* Does somebody listen at this port of whom it is not known who it is? */
static bool port_in_doubt(const struct tcp_ends *ends, uint16_t port)
{
	const struct tcp_socket *s = NULL, *stmp = NULL;
	const struct tcp_netns *ns = NULL, *ntmp = NULL;

	HASH_ITER(hh, ends->namespaces.all, ns, ntmp)
	if (ns->due)
		return true;
	HASH_ITER(hh, ends->sockets, s, stmp)
	if (s->judgement == UNKNOWN && s->end.port == port)
		return true;
	return false;
}

const struct tcp_end *tcp_ends_resolve(struct tcp_ends *ends,
				       const uint8_t address[TCP_ADDRESS_SIZE], uint16_t port,
				       uint32_t net_ns)
{
	const struct tcp_end *end = end_find(ends, address, port, net_ns);
	uint64_t gap = WALK_SHARE * ends->walk_took_ns + WALK_GAP_NS;

	if (end || !port_in_doubt(ends, port) || clock_boot_ns() - ends->walked_ns < gap)
		return end;
	tcp_ends_refresh(ends, false);
	return end_find(ends, address, port, net_ns);
}

int tcp_ends_each(const struct tcp_ends *ends, tcp_end_fn fn, void *ctx)
{
	const struct tcp_socket *s = NULL, *tmp = NULL;
	int stop = 0;

	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		stop = s->judgement == END ? fn(ctx, &s->end) : 0;
		if (stop)
			return stop;
	}
	return 0;
}

size_t tcp_ends_refused(const struct tcp_ends *ends)
{
	return ends->refused;
}

/* --- life ------------------------------------------------------------------------------------------ */

int tcp_ends_new(const struct tcp_ends_options *options, struct tcp_ends **out)
{
	struct tcp_ends *ends = calloc(1, sizeof(*ends));

	if (!ends)
		return -ENOMEM;
	ends->options = *options;
	ends->namespaces.procfd = options->procfd;
	ends->keys = tcp_keys_new(options->sensor);
	if (!ends->keys) {
		tcp_ends_free(ends);
		return -ENOMEM;
	}
	*out = ends;
	return 0;
}

void tcp_ends_free(struct tcp_ends *ends)
{
	struct tcp_socket *s = NULL, *stmp = NULL;

	if (!ends)
		return;
	HASH_CLEAR(by_ino, ends->by_ino);
	HASH_ITER(hh, ends->sockets, s, stmp)
	{
		HASH_DEL(ends->sockets, s);
		free(s);
	}
	tcp_namespaces_clear(&ends->namespaces);
	tcp_keys_free(ends->keys);
	free(ends);
}
