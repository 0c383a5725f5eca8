// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_holder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sensor/holders.h"
#include "user/sensor/process.h"
#include "user/util/file.h"

#define CMDLINE_MAX (64 * 1024)

static bool argv_has(const struct tcp_holder *h, const char *word)
{
	for (const char *at = h->argv; at && at < h->argv + h->argv_len; at += strlen(at) + 1)
		if (!strcmp(at, word))
			return true;
	return false;
}

static void argv_read(int procfd, uint32_t pid, struct tcp_holder *h)
{
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/cmdline", pid);
	file_read(procfd, path, CMDLINE_MAX, &h->argv, &h->argv_len);
}

void tcp_holder_find(const struct tcp_ends_options *o, uint32_t pid, struct tcp_holder *out)
{
	struct tcp_holder h = {0};

	argv_read(o->procfd, pid, &h);
	process_namespace(o->procfd, pid, "net", &h.net_ns);
	/* First: a container with the socket gains nothing by calling its program dockerd. */
	h.proxy = o->proxy(o->ctx, pid, &h.listener);
	h.listener.pid = pid;
	if (h.proxy) {
		process_comm(o->procfd, pid, h.listener.name);
		*out = h;
		return;
	}
	h.listener.daemon = process_daemon(o->procfd, pid, h.listener.name);
	/* Of Podman's programs only the service takes orders; others hold ports for containers. */
	if (h.listener.daemon == DAEMON_PODMAN && !argv_has(&h, "service"))
		h.listener.daemon = DAEMON_NONE;
	if (h.listener.daemon != DAEMON_NONE)
		h.listener.scope = o->nested(o->ctx, pid) ? SCOPE_NESTED : SCOPE_HOST;
	else if (!strcmp(h.listener.name, "docker-proxy") && !o->nested(o->ctx, pid))
		tcp_forward_parse(h.argv, h.argv_len, &h.forward);
	*out = h;
}

void tcp_holder_clear(struct tcp_holder *h)
{
	free(h->argv);
	h->argv = NULL;
	h->argv_len = 0;
}

bool tcp_holder_serves(const struct tcp_holder *h, uint16_t port)
{
	char end[16];
	size_t n = snprintf(end, sizeof(end), ":%u", port);

	if (h->listener.daemon != DAEMON_DOCKER || port == 2375 || port == 2376)
		return true;
	/* "-H tcp://0.0.0.0:4243", "--host=:4243" */
	for (const char *at = h->argv; at && at < h->argv + h->argv_len; at += strlen(at) + 1)
		if (strlen(at) >= n && !strcmp(at + strlen(at) - n, end))
			return true;
	return false;
}
