// SPDX-License-Identifier: Apache-2.0
#include "user/output/sink.h"

#include <errno.h>
#include <poll.h>

#include "user/output/sink_impl.h"

int sink_wait(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int n = poll(&p, 1, SINK_PATIENCE_MS);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	/* POLLERR and POLLHUP too: the next write says what it is */
	return n ? 0 : -EAGAIN;
}

void sink_settle(struct sink *sink, uint64_t accesses)
{
	if (sink->account)
		__atomic_fetch_add(&sink->account->settled, accesses, __ATOMIC_RELAXED);
}

const char *sink_name(const struct sink *sink)
{
	return sink->name;
}

void sink_set_account(struct sink *sink, struct ledger_sink *account)
{
	sink->account = account;
	if (account && sink->ops->account)
		sink->ops->account(sink);
}

int sink_render(const struct sink *sink, const struct event *event, const char *json, char **line)
{
	return sink->ops->render(sink, event, json, line);
}

int sink_write(struct sink *sink, const char *line, uint64_t accesses)
{
	return sink->ops->write(sink, line, accesses);
}

int sink_reopen(struct sink *sink)
{
	return sink->ops->reopen ? sink->ops->reopen(sink) : 0;
}

int sink_look(struct sink *sink)
{
	return sink->ops->look ? sink->ops->look(sink) : 0;
}

struct sink_gone sink_take_gone(struct sink *sink)
{
	struct sink_gone gone = sink->gone;

	sink->gone = (struct sink_gone){0};
	return gone;
}

const char *sink_head(const struct sink *sink)
{
	return sink->ops->head ? sink->ops->head(sink) : NULL;
}

void sink_free(struct sink *sink)
{
	if (sink)
		sink->ops->free(sink);
}
