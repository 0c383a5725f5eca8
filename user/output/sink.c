// SPDX-License-Identifier: Apache-2.0
#include "user/output/sink.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "user/output/sink_impl.h"

static int64_t monotonic_ms(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t sink_deadline(void)
{
	return monotonic_ms() + SINK_PATIENCE_MS;
}

int sink_wait(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int64_t left = deadline - monotonic_ms();
	int n = 0;

	if (left <= 0)
		return -EAGAIN;
	n = poll(&p, 1, (int)left);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	/* POLLERR and POLLHUP too: the next write says what it is */
	return n ? 0 : -EAGAIN;
}

const char *sink_name(const struct sink *sink)
{
	return sink->name;
}

int sink_write(struct sink *sink, const struct event *event, const char *json)
{
	int err = sink->ops->write(sink, event, json);

	sink->failing = err < 0;
	sink->lost += sink->failing;
	return err;
}

int sink_reopen(struct sink *sink)
{
	return sink->ops->reopen ? sink->ops->reopen(sink) : 0;
}

uint64_t sink_take_lost(struct sink *sink)
{
	uint64_t lost = sink->lost;

	sink->lost = 0;
	return lost;
}

void sink_free(struct sink *sink)
{
	if (sink)
		sink->ops->free(sink);
}
