// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_ends_impl.h"

#include "user/sensor/process.h"
#include "user/sensor/tcp_holder.h"
#include "user/util/clock.h"

/* Whose a listener is. */

#define DAEMON_LASTS_NS 1000000000ULL

/* One process, found out about for the first of its sockets that matters. */
struct judge {
	struct tcp_ends *ends;
	uint32_t pid;
	bool known;
	struct tcp_holder holder;
};

/* A published port is dockerd's for a moment: what is not certain has to last. */
static bool daemon_lasts(const struct tcp_holder *h, struct tcp_socket *s)
{
	uint64_t now = clock_boot_ns();

	if (tcp_holder_serves(h, s->end.port))
		return true;
	if (!s->daemon_since_ns)
		s->daemon_since_ns = now;
	return now - s->daemon_since_ns >= DAEMON_LASTS_NS;
}

static void socket_judge(struct tcp_ends *ends, const struct tcp_holder *h, struct tcp_socket *s)
{
	/* dockerd also holds listeners in containers' namespaces: its name servers. */
	bool daemon = h->listener.daemon != DAEMON_NONE && h->net_ns == s->end.net_ns;

	if (h->proxy || (daemon && daemon_lasts(h, s))) {
		s->judgement = END;
		s->end.listener = h->listener;
		s->end.listener.ino = s->ino;
		s->end.listener.cookie = s->cookie;
		s->end.proxy = h->proxy;
		ends->options.found(ends->options.ctx, &s->end);
	} else if (h->forward.port) {
		s->judgement = FORWARD;
		s->forward = h->forward;
		s->end.listener = h->listener;
	}
}

static void holder_note(struct tcp_socket *s, uint32_t pid, bool walking)
{
	unsigned int known = s->holder_count < HOLDERS_MAX ? s->holder_count : HOLDERS_MAX;

	if (!walking) {
		for (unsigned int i = 0; i < known; i++)
			if (s->holders[i] == pid)
				s->asked |= 1U << i;
		return;
	}
	if (known && s->holders[known - 1] == pid)
		return; /* by a second descriptor */
	if (known < HOLDERS_MAX)
		s->holders[known] = pid;
	s->holder_count++;
}

static void held_look(void *ctx, uint64_t ino64)
{
	struct judge *j = ctx;
	struct tcp_socket *s = NULL;
	uint32_t ino = ino64; /* all that socket diagnostics tell */

	HASH_FIND(by_ino, j->ends->by_ino, &ino, sizeof(ino), s);
	if (!s)
		return;
	holder_note(s, j->pid, j->ends->walking);
	if (s->judgement == END || s->judgement == NOBODY)
		return;
	if (!j->known)
		tcp_holder_find(&j->ends->options, j->pid, &j->holder);
	j->known = true;
	socket_judge(j->ends, &j->holder, s);
}

int tcp_ends_judge_process(void *ctx, uint32_t pid)
{
	struct tcp_ends *ends = ctx;
	struct judge j = {.ends = ends, .pid = pid};

	process_each_socket(ends->options.procfd, pid, held_look, &j);
	tcp_holder_clear(&j.holder);
	return 0;
}

static bool any_unknown(const struct tcp_ends *ends)
{
	const struct tcp_socket *s = NULL, *tmp = NULL;

	HASH_ITER(hh, ends->sockets, s, tmp)
	if (s->judgement == UNKNOWN)
		return true;
	return false;
}

/* Those who held it, one by one. Where one does not any more, somebody else may. */
static void holders_judge(struct tcp_ends *ends, struct tcp_socket *s)
{
	for (unsigned int i = 0; i < s->holder_count; i++)
		if (!(s->asked & 1U << i))
			tcp_ends_judge_process(ends, s->holders[i]);
	s->doubted = false;
	if (s->judgement == UNKNOWN && s->asked == (1U << s->holder_count) - 1)
		s->judgement = NOBODY;
}

/* Those who came, and who held what is in doubt for their sake. */
static void doubts_judge(struct tcp_ends *ends)
{
	struct tcp_socket *s = NULL, *tmp = NULL;

	for (unsigned int i = 0; i < ends->added_count; i++)
		tcp_ends_judge_process(ends, ends->added[i]);
	ends->added_count = 0;
	HASH_ITER(hh, ends->sockets, s, tmp)
	if (s->judgement == UNKNOWN && s->doubted)
		holders_judge(ends, s);
}

void tcp_ends_judge(struct tcp_ends *ends)
{
	uint64_t begun = clock_boot_ns();
	struct tcp_socket *s = NULL, *tmp = NULL;

	doubts_judge(ends);
	if (!any_unknown(ends))
		return;
	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		s->holder_count = 0;
		s->looked_for = true;
	}
	ends->walking = true;
	process_each(ends->options.procfd, tcp_ends_judge_process, ends);
	ends->walking = false;
	HASH_ITER(hh, ends->sockets, s, tmp)
	if (s->judgement == UNKNOWN && !s->daemon_since_ns)
		s->judgement = NOBODY;
	ends->walked_ns = clock_boot_ns();
	ends->walk_took_ns = ends->walked_ns - begun;
}

void tcp_ends_doubt(struct tcp_ends *ends)
{
	struct tcp_socket *s = NULL, *tmp = NULL;

	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		s->doubted = false;
		if (s->judgement == NOBODY)
			s->judgement = UNKNOWN;
	}
}

void tcp_ends_doubt_for(struct tcp_ends *ends, uint32_t net_ns, uint32_t pid)
{
	struct tcp_socket *s = NULL, *tmp = NULL;

	if (ends->added_count == ADDED_MAX) {
		tcp_ends_doubt(ends);
		return;
	}
	ends->added[ends->added_count++] = pid;
	HASH_ITER(hh, ends->sockets, s, tmp)
	{
		if (s->judgement != NOBODY || s->end.net_ns != net_ns)
			continue;
		s->judgement = UNKNOWN;
		s->doubted = s->looked_for && s->holder_count <= HOLDERS_MAX;
		s->asked = 0;
	}
}
