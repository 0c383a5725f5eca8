// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/cmd/pipeline_impl.h"
#include "user/policy/verdict.h"
#include "user/sensor/process.h"
#include "user/sensor/tcp_ends.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"

/* The daemons' TCP side: who listens, and who connects. */

#define PROXIES_MAX  4096
#define CONNECTS_MAX 4096
/* Of the oldest, when there is no room: each look is a read from /proc. */
#define TRIM_LOOKS 16
/* A SYN is sent again for some 130 seconds (net.ipv4.tcp_syn_retries, 6 by default). */
#define ANSWER_NS (150 * SECOND_NS)

/* A container that has a watched socket: what it listens at leads to a daemon. */
struct proxy {
	char *key;		/* its id, or "mnt:…" where that is not known */
	struct sighting holder; /* it; without a container where that is not known */
	enum daemon daemon;	/* whose socket it has, which is a host's daemon's… */
	char *path;		/* …and where that is */
	struct mount_use mount; /* by which it has it */
	uint32_t pid;		/* of one of its processes */
	uint32_t net_ns;	/* that process's: another one when it was restarted */
	uint64_t start_ns;
	UT_hash_handle hh; /* in the order of last use */
};

/* A connect that has not been answered yet. */
struct connect {
	uint64_t connection;
	void *data; /* its record, as it came */
	size_t size;
	struct tcp_end end;	 /* but for proxy, which may be gone by then */
	struct container *proxy; /* a reference, or NULL */
	struct sighting sighting;
	char *parent_exe;
	uint64_t since_ns;
	UT_hash_handle hh; /* the oldest first */
};

struct pipeline_tcp {
	struct tcp_ends *ends;
	struct proxy *proxies;
	struct connect *connects;
	struct record record; /* of a process that listens; the pipeline's own may be in use */
	size_t refused;
	int error; /* of the last look around */
};

/* --- proxies ------------------------------------------------------------------------- */

static void proxy_free(struct proxy *proxy)
{
	sighting_clear(&proxy->holder);
	mount_use_clear(&proxy->mount);
	free(proxy->key);
	free(proxy->path);
	free(proxy);
}

static void proxy_key(const struct sighting *s, uint32_t mnt_ns, char out[CONTAINER_ID_MAX + 1])
{
	if (s->container)
		snprintf(out, CONTAINER_ID_MAX + 1, "%s", s->container->id);
	else
		snprintf(out, CONTAINER_ID_MAX + 1, "mnt:%" PRIu32, mnt_ns);
}

static int end_is_of(void *ctx, const struct tcp_end *end)
{
	return end->proxy == ctx;
}

/*
 * Make room: whose process is gone goes first, and nobody who listens. With more than
 * that many who run this is done for each that comes, so few are looked at.
 */
static void proxies_trim(struct pipeline *p)
{
	struct pipeline_tcp *t = p->tcp;
	struct proxy *proxy = NULL, *tmp = NULL, *oldest = NULL;
	int looks = 0;

	if (HASH_COUNT(t->proxies) <= PROXIES_MAX)
		return;
	HASH_ITER(hh, t->proxies, proxy, tmp)
	{
		if (tcp_ends_each(t->ends, end_is_of, proxy))
			continue;
		oldest = oldest ? oldest : proxy;
		if (++looks > TRIM_LOOKS)
			break;
		if (!process_is(p->options.procfd, proxy->pid, proxy->start_ns)) {
			oldest = proxy;
			break;
		}
	}
	if (oldest) {
		HASH_DEL(t->proxies, oldest);
		proxy_free(oldest);
	}
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

void pipeline_tcp_holds(struct pipeline *p, const struct sighting *s,
			const struct listener *listener, const struct mount_use *use)
{
	const struct ds_record *raw = &p->record.raw;
	struct pipeline_tcp *t = p->tcp;
	struct proxy *proxy = NULL;
	char key[CONTAINER_ID_MAX + 1];

	if (s->host || listener->scope != SCOPE_HOST)
		return;
	proxy_key(s, raw->mnt_ns, key);
	HASH_FIND_STR(t->proxies, key, proxy);
	if (!proxy) {
		proxy = calloc(1, sizeof(*proxy));
		if (!proxy)
			return;
		proxy->key = strdup(key);
		proxy->path = strdup(listener->path);
		if (!proxy->key || !proxy->path || sighting_copy(s, &proxy->holder)) {
			proxy_free(proxy);
			return;
		}
		proxy->daemon = listener->daemon;
		proxy->mount = *use;
		proxy->mount.source = copy(use->source);
		proxy->mount.target = copy(use->target);
	} else {
		HASH_DEL(t->proxies, proxy);
	}
	HASH_ADD_KEYPTR(hh, t->proxies, proxy->key, strlen(proxy->key),
			proxy); /* the youngest now */
	/* A restarted one has another network namespace, which may have the number of the old one. */
	if (proxy->net_ns != raw->net_ns ||
	    !process_is(p->options.procfd, proxy->pid, proxy->start_ns)) {
		proxy->pid = raw->tgid;
		proxy->start_ns = raw->start_ns;
		proxy->net_ns = raw->net_ns;
		tcp_ends_add(t->ends, raw->net_ns, raw->tgid);
	}
	proxies_trim(p);
}

static const void *process_proxy(void *ctx, uint32_t pid, struct listener *listener)
{
	struct pipeline *p = ctx;
	struct pipeline_tcp *t = p->tcp;
	struct proxy *proxy = NULL;
	struct sighting s = {0};
	char key[CONTAINER_ID_MAX + 1];

	if (!t->proxies || tracker_process(p->tracker, pid, &t->record, &s))
		return NULL;
	if (!s.host) {
		proxy_key(&s, t->record.raw.mnt_ns, key);
		HASH_FIND_STR(t->proxies, key, proxy);
	}
	if (proxy) {
		*listener = (struct listener){.daemon = proxy->daemon, .scope = SCOPE_HOST};
		snprintf(listener->path, sizeof(listener->path), "%s", proxy->path);
	}
	sighting_clear(&s);
	return proxy;
}

/* --- who listens ------------------------------------------------------------------------ */

static void end_label(const struct tcp_end *end, char *out, size_t size)
{
	const struct proxy *proxy = end->proxy;
	const struct listener *l = &end->listener;
	char name[4 * sizeof(l->name)];
	char url[TCP_URL_SIZE];

	tcp_url(end->address, end->port, url);
	text_escape(name, sizeof(name), l->name, strlen(l->name));
	snprintf(out, size, "%s %s (%s[%" PRIu32 "]%s%.12s%s)", daemon_name(l->daemon), url, name,
		 l->pid, proxy ? ", a proxy: " : "", proxy ? proxy->key : "",
		 l->scope == SCOPE_NESTED ? ", in a container" : "");
}

/* Who listens at an address that leads to a daemon of the host is told like who has its socket. */
static void end_emit(struct pipeline *p, const struct tcp_end *end)
{
	const struct proxy *proxy = end->proxy;
	struct pipeline_tcp *t = p->tcp;
	char url[TCP_URL_SIZE];
	struct sighting s = {0};
	struct event event = {
		.action = EVENT_SOCKET_EXPOSED,
		.time_ns = clock_epoch_ns(),
		.listener = &end->listener,
		.verdict = VERDICT_FLAGGED,
		.address = url,
		.address_local =
			tcp_address_is_loopback(end->address) && !tcp_address_is_any(end->address),
	};

	tcp_url(end->address, end->port, url);
	if (end->listener.scope == SCOPE_NESTED || pipeline_limit_reached(p) ||
	    !exposed_add(p->exposed, proxy ? proxy->key : "", url, ""))
		return;
	if (proxy) {
		event.container = proxy->holder.container;
		event.attribution = proxy->holder.attribution;
		event.mount = &proxy->mount;
		pipeline_judge(p, &event, &proxy->holder);
		if (!end->published &&
		    !tracker_process(p->tracker, end->listener.pid, &t->record, &s))
			event.record = &t->record;
	}
	p->written++;
	pipeline_emit(p, &event);
	sighting_clear(&s);
}

static int end_say_again(void *ctx, const struct tcp_end *end)
{
	end_emit(ctx, end);
	return 0;
}

void pipeline_tcp_say(struct pipeline *p)
{
	tcp_ends_each(p->tcp->ends, end_say_again, p);
}

static void end_found(void *ctx, const struct tcp_end *end)
{
	struct pipeline *p = ctx;
	char label[512];

	end_emit(p, end);
	end_label(end, label, sizeof(label));
	if (p->armed)
		log_info("now watching %s", label);
}

static void end_gone(void *ctx, const struct tcp_end *end)
{
	char label[512];

	(void)ctx;
	end_label(end, label, sizeof(label));
	log_info("%s listens no more", label);
}

void pipeline_tcp_refresh(struct pipeline *p, bool deep)
{
	struct pipeline_tcp *t = p->tcp;
	int err = tcp_ends_refresh(t->ends, deep);
	size_t refused = tcp_ends_refused(t->ends);

	if (err == -ENOENT && t->error != -ENOENT)
		log_warn("the kernel does not list TCP sockets: load the module tcp_diag "
			 "(CONFIG_INET_TCP_DIAG); daemons that listen on TCP are not watched");
	t->error = err;
	if (refused > t->refused)
		log_warn("no room to watch %zu more TCP addresses: connects to them are not seen",
			 refused - t->refused);
	t->refused = refused;
}

static int end_say(void *ctx, const struct tcp_end *end)
{
	char label[512];

	(void)ctx;
	end_label(end, label, sizeof(label));
	log_info("watching TCP: %s", label);
	return 0;
}

void pipeline_tcp_armed(struct pipeline *p)
{
	const char *missing = sensor_tcp_missing(p->options.sensor);

	if (missing)
		log_warn("connects over TCP are not seen: %s", missing);
	tcp_ends_each(p->tcp->ends, end_say, NULL);
}

/* --- who connects ------------------------------------------------------------------------- */

static void connect_drop(struct pipeline_tcp *t, struct connect *c)
{
	HASH_DEL(t->connects, c);
	container_unref(c->proxy);
	sighting_clear(&c->sighting);
	free(c->parent_exe);
	free(c->data);
	free(c);
}

/* @answered: how it ended is known, and is @result. */
static void connect_emit(struct pipeline *p, struct connect *c, bool answered, int result)
{
	const struct record *r = &p->record;
	char url[TCP_URL_SIZE];
	struct event event = {
		.action = EVENT_SOCKET_CONNECT,
		.record = r,
		.parent_exe = c->parent_exe,
		.container = c->sighting.container,
		.attribution = c->sighting.attribution,
		.listener = &c->end.listener,
		.error = -result,
		.outcome_unknown = !answered,
		.address = url,
		.proxied = c->end.proxy,
		.proxy = c->proxy,
	};

	if (!record_decode(c->data, c->size, &p->record)) {
		if (result)
			p->record.raw.connection = 0; /* there is none */
		event.time_ns = clock_boot_to_epoch_ns(r->raw.time_ns);
		pipeline_judge(p, &event, &c->sighting);
		tcp_url(r->raw.tcp_address, r->raw.tcp_port, url);
		p->written++;
		pipeline_emit(p, &event);
	}
	connect_drop(p->tcp, c);
}

/* A container's own process, as a health check is, gets nothing that it does not have. */
static bool is_own(const struct proxy *proxy, const struct sighting *s, uint32_t mnt_ns)
{
	char key[CONTAINER_ID_MAX + 1];

	if (s->host)
		return false;
	proxy_key(s, mnt_ns, key);
	return !strcmp(key, proxy->key);
}

/* What it is called now: a container can be renamed. */
static struct container *proxy_container(struct pipeline *p, const struct proxy *proxy)
{
	struct pipeline_tcp *t = p->tcp;
	struct container *found = NULL;
	struct sighting s = {0};

	if (process_is(p->options.procfd, proxy->pid, proxy->start_ns) &&
	    !tracker_process(p->tracker, proxy->pid, &t->record, &s) && s.container &&
	    !strcmp(s.container->id, proxy->key))
		found = container_ref(s.container);
	sighting_clear(&s);
	return found			 ? found
	       : proxy->holder.container ? container_ref(proxy->holder.container)
					 : NULL;
}

static void connect_begins(struct pipeline *p, const void *data, size_t size)
{
	const struct ds_record *raw = &p->record.raw;
	struct pipeline_tcp *t = p->tcp;
	const struct tcp_end *end =
		tcp_ends_resolve(t->ends, raw->tcp_address, raw->tcp_port, raw->listener_net_ns);
	const struct proxy *proxy = end ? end->proxy : NULL;
	struct sighting s = {0};
	struct connect *c = NULL;

	if (!end)
		return;
	if (tracker_resolve(p->tracker, &p->record, &s)) {
		pipeline_emit_lost(p, 1, "connect", "memory");
		return;
	}
	if ((s.host && !p->options.all) || (proxy && is_own(proxy, &s, raw->mnt_ns))) {
		sighting_clear(&s);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c)
		c->data = malloc(size);
	if (!c || !c->data) {
		free(c);
		sighting_clear(&s);
		pipeline_emit_lost(p, 1, "connect", "memory");
		return;
	}
	memcpy(c->data, data, size);
	c->size = size;
	c->connection = raw->connection;
	c->end = *end;
	c->proxy = proxy ? proxy_container(p, proxy) : NULL;
	c->sighting = s;
	c->since_ns = clock_boot_ns();
	process_parent_exe(p->options.procfd, raw, &c->parent_exe);
	HASH_ADD(hh, t->connects, connection, sizeof(c->connection), c);
	if (HASH_COUNT(t->connects) > CONNECTS_MAX)
		connect_emit(p, t->connects, false, 0);
}

static void connect_ends(struct pipeline *p)
{
	uint64_t connection = p->record.raw.connection;
	struct connect *c = NULL;

	HASH_FIND(hh, p->tcp->connects, &connection, sizeof(connection), c);
	if (c)
		connect_emit(p, c, true, p->record.raw.result);
}

void pipeline_take_tcp(struct pipeline *p, const void *data, size_t size)
{
	const struct ds_record *raw = &p->record.raw;

	if (raw->tcp_state == TCP_LISTEN)
		tcp_ends_listening(p->tcp->ends, raw->listener_net_ns, raw->tgid);
	else if (raw->tcp_state == TCP_SYN_SENT)
		connect_begins(p, data, size);
	else
		connect_ends(p);
}

void pipeline_tcp_give_up(struct pipeline *p, bool all)
{
	uint64_t now = clock_boot_ns();
	struct connect *c = NULL, *tmp = NULL;

	HASH_ITER(hh, p->tcp->connects, c, tmp)
	{
		if (pipeline_limit_reached(p) || (!all && now - c->since_ns < ANSWER_NS))
			return;
		connect_emit(p, c, false, 0);
	}
}

/* --- life ----------------------------------------------------------------------------------- */

int pipeline_tcp_new(struct pipeline *p)
{
	struct tcp_ends_options options = {
		.procfd = p->options.procfd,
		.sensor = p->options.sensor,
		.listeners = p->listeners,
		.nested = pipeline_process_nested,
		.proxy = process_proxy,
		.found = end_found,
		.gone = end_gone,
		.ctx = p,
	};

	p->tcp = calloc(1, sizeof(*p->tcp));
	return p->tcp ? tcp_ends_new(&options, &p->tcp->ends) : -ENOMEM;
}

void pipeline_tcp_free(struct pipeline *p)
{
	struct proxy *proxy = NULL, *ptmp = NULL;
	struct connect *c = NULL, *ctmp = NULL;

	if (!p->tcp)
		return;
	tcp_ends_free(p->tcp->ends);
	HASH_ITER(hh, p->tcp->connects, c, ctmp)
	connect_drop(p->tcp, c);
	HASH_ITER(hh, p->tcp->proxies, proxy, ptmp)
	{
		HASH_DEL(p->tcp->proxies, proxy);
		proxy_free(proxy);
	}
	free(p->tcp);
}
