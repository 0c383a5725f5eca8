// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "user/cmd/pipeline_impl.h"
#include "user/container/creators.h"
#include "user/http/conversation.h"
#include "user/http/api_request.h"
#include "user/sensor/process.h"
#include "user/sensor/record_pack.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

/* What is asked over the connections to daemons. */

/* The kernel side follows twice as many; what is pushed out here goes on as if begun midway. */
#define TALKS_MAX 16384
#define USERS_MAX 256
#define TURNS_MAX 8
/* A daemon that takes longer than that is not waited for: the request is told without its status. */
#define OVERDUE_NS	(12 * SECOND_NS)
#define OVERDUE_LOOK_NS SECOND_NS
/* After the client has closed its end its answers may still be on their way. */
#define ENDED_NS (2 * SECOND_NS)
/* Less is cheaper to be copied than to be told of. */
#define SKIP_MIN (64 << 10)

/* From this time on, this user has sent. */
struct turn {
	uint64_t time_ns;
	size_t user;
};

struct talk {
	uint64_t connection;
	struct http_conversation *http; /* NULL before the first byte, and while it rests */
	struct http_rest rest;
	bool begun;
	struct pipeline *pipeline;
	struct opener **users; /* who send on it: who opened it comes first */
	size_t user_count;
	struct turn *turns; /* TURNS_MAX; NULL as long as it is the first user's */
	size_t turn_count;
	uint64_t offset[DS_SIDES]; /* of the next byte */
	uint64_t ended_ns;	   /* 0: not yet */
	bool ignored;
	bool midway; /* it had begun before: where a side is, its first bytes tell */
	bool placed[DS_SIDES];
	UT_hash_handle hh;
};

/* In the order of last use: uthash keeps the order of insertion. */
struct pipeline_requests {
	struct talk *talks;
	uint64_t looked_ns;
	struct record record; /* too large for the stack */
};

/* --- connections ------------------------------------------------------------------------- */

/* What is pending is handed over first. */
static void talk_end(struct pipeline_requests *r, struct talk *t)
{
	if (t->http)
		http_conversation_close(t->http);
	HASH_DEL(r->talks, t);
	http_conversation_free(t->http);
	for (size_t i = 0; i < t->user_count; i++)
		opener_unref(t->users[i]);
	free(t->users);
	free(t->turns);
	free(t);
}

static struct talk *talk_find(struct pipeline_requests *r, uint64_t connection)
{
	struct talk *t = NULL;

	HASH_FIND(hh, r->talks, &connection, sizeof(connection), t);
	if (!t)
		return NULL;
	HASH_DEL(r->talks, t);
	HASH_ADD(hh, r->talks, connection, sizeof(t->connection), t); /* the youngest now */
	return t;
}

/* Takes a reference. */
static int talk_add_user(struct talk *t, struct opener *user)
{
	struct opener **users = NULL;

	if (t->user_count == USERS_MAX)
		return -ENOSPC;
	users = reallocarray(t->users, t->user_count + 1, sizeof(*users));
	if (!users)
		return -ENOMEM;
	t->users = users;
	t->users[t->user_count++] = opener_ref(user);
	return 0;
}

static struct talk *talk_get(struct pipeline *p, uint64_t connection)
{
	struct pipeline_requests *r = p->requests;
	struct talk *t = talk_find(r, connection);
	struct opener *opener = NULL;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->connection = connection;
	t->pipeline = p;
	opener = openers_find(p->openers, connection);
	if (opener && talk_add_user(t, opener)) {
		free(t);
		return NULL;
	}
	HASH_ADD(hh, r->talks, connection, sizeof(t->connection), t);
	if (HASH_COUNT(r->talks) > TALKS_MAX)
		talk_end(r, r->talks);
	return t;
}

static bool user_is(const struct opener *user, uint64_t cgroup_id, uint32_t mnt_ns)
{
	const struct ds_record *raw = record_pack_raw(user->pack);

	return raw->cgroup_id == cgroup_id && raw->mnt_ns == mnt_ns;
}

void pipeline_requests_user(struct pipeline *p, uint64_t connection, struct opener *user)
{
	const struct ds_record *raw = user ? record_pack_raw(user->pack) : NULL;
	struct talk *t = NULL;

	if (!p->requests || !connection)
		return;
	t = user ? talk_get(p, connection) : NULL;
	for (size_t i = 0; t && i < t->user_count; i++)
		if (user_is(t->users[i], raw->cgroup_id, raw->mnt_ns))
			return; /* told again */
	if (!t || talk_add_user(t, user))
		pipeline_emit_lost(p, 1, "request-user", "memory");
}

void pipeline_requests_ignore(struct pipeline *p)
{
	uint64_t connection = p->record.raw.connection;
	struct talk *t = p->requests && connection ? talk_get(p, connection) : NULL;

	if (!t)
		return;
	t->ignored = true;
	for (int side = 0; side < DS_SIDES; side++)
		(void)sensor_stream_skip(p->options.sensor, connection, side, UINT64_MAX);
}

/* Who of those that are known has sent it; user_count: none of them. */
static size_t user_of(const struct talk *t, const struct ds_bytes *b)
{
	size_t i = 0;

	while (i < t->user_count && !user_is(t->users[i], b->user_cgroup_id, b->user_mnt_ns))
		i++;
	return i;
}

/*
 * Who has sent what the daemon reads now; who opened the connection, unless another was
 * seen to. -ENOMEM.
 */
static int turn_take(struct talk *t, const struct ds_bytes *b)
{
	size_t user = b->user_tgid ? user_of(t, b) : 0;

	if (user == t->user_count)
		user = 0;
	if (t->turn_count ? t->turns[t->turn_count - 1].user == user : !user)
		return 0;
	if (!t->turns) {
		t->turns = calloc(TURNS_MAX, sizeof(*t->turns));
		if (!t->turns)
			return -ENOMEM;
	}
	if (t->turn_count == TURNS_MAX) {
		memmove(t->turns, t->turns + 1, (TURNS_MAX - 1) * sizeof(*t->turns));
		t->turn_count--;
	}
	t->turns[t->turn_count++] = (struct turn){.time_ns = b->time_ns, .user = user};
	return 0;
}

static struct opener *user_at(const struct talk *t, uint64_t time_ns)
{
	size_t user = 0;

	for (size_t i = 0; i < t->turn_count && t->turns[i].time_ns <= time_ns; i++)
		user = t->turns[i].user;
	return user < t->user_count ? t->users[user] : NULL;
}

/* --- requests ------------------------------------------------------------------------------ */

static size_t body_room(void *ctx, const struct http_exchange *exchange)
{
	(void)ctx;
	return api_request_body_room(exchange);
}

static size_t answer_room(void *ctx, const struct http_exchange *exchange)
{
	(void)ctx;
	return api_request_answer_room(exchange);
}

static const struct container *container_named(void *ctx, const char *object)
{
	struct pipeline *p = ctx;

	return tracker_named(p->tracker, object);
}

/* Where the sockets lie on the host: what is mounted leads to them, or not. */
static void sockets_fill(struct pipeline *p, const char *sockets[SOCKETS_MAX + 1])
{
	size_t n = 0;

	pipeline_collect_files(p);
	for (size_t i = 0; i < p->file_count; i++)
		if (p->files[i].path)
			sockets[n++] = p->files[i].path;
}

static int exchange_take(void *ctx, const struct http_exchange *exchange)
{
	struct talk *t = ctx;
	struct pipeline *p = t->pipeline;
	const struct opener *user = user_at(t, exchange->time_ns);
	const struct sighting nobody = {0};
	const struct sighting *s = user ? &user->sighting : &nobody;
	struct record *record = &p->requests->record;
	const char *sockets[SOCKETS_MAX + 1] = {0};
	const struct grade_context context = {
		.sockets = sockets,
		.container = container_named,
		.ctx = p,
	};
	AUTO_API_REQUEST struct api_request *request = NULL;
	struct event event = {
		.action = EVENT_API_REQUEST,
		.time_ns = clock_boot_to_epoch_ns(exchange->time_ns),
		.container = s->container,
		.attribution = s->attribution,
	};

	if ((s->host && !p->options.all) || pipeline_limit_reached(p))
		return 0;
	sockets_fill(p, sockets);
	if (api_request_new(exchange, &context, &request)) {
		pipeline_emit_lost(p, 1, "request", "memory");
		return 0;
	}
	if (request->created_id && s->container)
		creators_add(p->creators, request->created_id, s->container);
	if (user) {
		record_unpack(user->pack, record);
		event.record = record;
		event.parent_exe = user->parent_exe;
		event.mount = s->host ? NULL : &user->use;
		event.listener = listeners_of_end(p->listeners, record->bound_path,
						  record->raw.socket_dev, record->raw.socket_ino);
	}
	event.connection = t->connection;
	event.request = request;
	pipeline_judge(p, &event, s);
	p->written++;
	pipeline_emit(p, &event);
	return 0;
}

static const struct http_ops talk_ops = {
	.body_room = body_room,
	.answer_room = answer_room,
	.exchange = exchange_take,
};

/* --- bytes --------------------------------------------------------------------------------- */

static enum http_side side_of(uint8_t side)
{
	return side == DS_SIDE_REQUESTS ? HTTP_REQUESTS : HTTP_ANSWERS;
}

/* What the kernel need not hand over any more. */
static void talk_skip(struct pipeline *p, const struct talk *t, enum ds_side side)
{
	uint64_t bytes = 0;
	uint64_t until = UINT64_MAX;

	if (!http_conversation_skippable(t->http, side_of(side), &bytes) || bytes < SKIP_MIN)
		return;
	if (bytes < UINT64_MAX - t->offset[side])
		until = t->offset[side] + bytes;
	/* Where there is no room it goes on being handed over. */
	(void)sensor_stream_skip(p->options.sensor, t->connection, side, until);
}

static int talk_feed(struct talk *t, const struct ds_bytes *b)
{
	enum http_side side = side_of(b->side);
	int err = 0;

	if (!t->http) {
		err = http_conversation_new(&talk_ops, t, t->begun ? &t->rest : NULL, &t->http);
		if (!err && !t->begun && (b->midway || b->offset)) {
			err = http_conversation_lost(t->http, HTTP_REQUESTS, b->time_ns);
			err = err ? err : http_conversation_lost(t->http, HTTP_ANSWERS, b->time_ns);
			t->midway = true;
		}
	}
	if (err)
		return err;
	t->begun = true;
	if (t->midway && !t->placed[b->side])
		t->offset[b->side] = b->offset;
	t->placed[b->side] = true;
	if (b->offset > t->offset[b->side])
		err = http_conversation_gap(t->http, side, b->time_ns,
					    b->offset - t->offset[b->side]);
	t->offset[b->side] = b->offset + b->captured;
	return err ? err : http_conversation_feed(t->http, side, b->time_ns, b + 1, b->captured);
}

/* Has the record of its connect been taken, and that of who has sent it, if it is another? */
static bool sender_is_known(const struct pipeline *p, const struct talk *t,
			    const struct ds_bytes *b)
{
	const struct opener *opener = t ? NULL : openers_find(p->openers, b->connection);

	if (b->side != DS_SIDE_REQUESTS || !b->user_tgid)
		return t || opener;
	if (t)
		return t->ignored || user_of(t, b) < t->user_count;
	return opener && user_is(opener, b->user_cgroup_id, b->user_mnt_ns);
}

static int bytes_take(void *ctx, const void *data, size_t size)
{
	const struct ds_bytes *b = data;
	struct pipeline *p = ctx;
	struct talk *t = NULL;

	if (size < sizeof(*b) || b->version != DS_RECORD_VERSION || b->side >= DS_SIDES ||
	    b->captured > size - sizeof(*b)) {
		p->undecoded++;
		return 0;
	}
	/* They are among the records, which may be many, and push out conversations. */
	while (!sender_is_known(p, talk_find(p->requests, b->connection), b) &&
	       sensor_consume(p->options.sensor, pipeline_record_take, p) > 0)
		;
	t = talk_find(p->requests, b->connection);
	t = t || b->ended ? t : talk_get(p, b->connection);
	if (b->ended == DS_END_CLOSED)
		openers_remove(p->openers, b->connection);
	if (!t && b->ended)
		return 0;
	if (!t) {
		pipeline_emit_lost(p, 1, "request", "memory");
		return 0;
	}
	if (b->ended) {
		t->ended_ns = clock_boot_ns();
		return 0;
	}
	if (t->ignored)
		return 0;
	if ((b->side == DS_SIDE_REQUESTS && turn_take(t, b)) || talk_feed(t, b)) {
		pipeline_emit_lost(p, 1, "request", "memory");
		return 0;
	}
	talk_skip(p, t, (enum ds_side)b->side);
	if (http_conversation_rests(t->http, &t->rest))
		http_conversation_free(take_ptr(t->http));
	return pipeline_limit_reached(p) ? -ECANCELED : 0;
}

int pipeline_requests_drain(struct pipeline *p)
{
	if (!p->requests)
		return 0;
	return sensor_consume_bytes(p->options.sensor, bytes_take, p);
}

void pipeline_requests_tick(struct pipeline *p)
{
	struct pipeline_requests *r = p->requests;
	uint64_t now = clock_boot_ns();
	struct talk *t = NULL, *tmp = NULL;

	if (!r || now - r->looked_ns < OVERDUE_LOOK_NS)
		return;
	r->looked_ns = now;
	HASH_ITER(hh, r->talks, t, tmp)
	{
		if (t->ended_ns && now - t->ended_ns >= ENDED_NS)
			talk_end(r, t);
		else if (t->http)
			http_conversation_overdue(t->http, now, OVERDUE_NS);
	}
}

void pipeline_requests_stop(struct pipeline *p)
{
	struct talk *t = NULL, *tmp = NULL;

	if (!p->requests)
		return;
	HASH_ITER(hh, p->requests->talks, t, tmp)
	talk_end(p->requests, t);
}

int pipeline_requests_new(struct pipeline *p)
{
	if (!p->options.requests)
		return 0;
	p->requests = calloc(1, sizeof(*p->requests));
	return p->requests ? 0 : -ENOMEM;
}

void pipeline_requests_free(struct pipeline *p)
{
	struct talk *t = NULL, *tmp = NULL;

	if (!p->requests)
		return;
	HASH_ITER(hh, p->requests->talks, t, tmp)
	{
		http_conversation_free(take_ptr(t->http));
		talk_end(p->requests, t);
	}
	free(p->requests);
}
