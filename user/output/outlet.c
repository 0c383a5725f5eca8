// SPDX-License-Identifier: Apache-2.0
#include "user/output/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/clock.h"
#include "user/util/queue.h"
#include "user/util/thread.h"

/* How often one that failed is tried again, and one that has nothing to do looked after. */
#define RETRY_MS 200
#define LOOK_MS	 1000
/* So much is worth being woken for. */
#define FLUSH_BYTES (64U << 10)
/* A reader that is merely slow is nothing to speak of. */
#define SLOW_TRIES 5

struct line {
	uint64_t sequence;
	uint64_t accesses;
	char text[];
};

struct outlet {
	struct sink *sink;
	outlet_trouble_fn fn;
	void *ctx;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct queue *waiting; /* struct line */
	uint64_t lines;	       /* how many those are */
	bool full;	       /* until half of it is free */
	bool idle;	       /* the thread waits for something to do */
	bool reopen;
	bool stop;
	bool dead;
	bool ended; /* the thread has */
	struct sink_gone gone;
	struct ledger_sink *account;
};

int outlet_new(struct sink *sink, outlet_trouble_fn fn, void *ctx, struct outlet **out)
{
	struct outlet *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->waiting = queue_new(OUTLET_BYTES);
	if (!o->waiting) {
		free(o);
		return -ENOMEM;
	}
	pthread_mutex_init(&o->lock, NULL);
	cond_init(&o->changed);
	o->sink = sink;
	o->fn = fn;
	o->ctx = ctx;
	*out = o;
	return 0;
}

/* --- the thread ----------------------------------------------------------------------------- */

static void wait_ms(struct outlet *o, unsigned int ms)
{
	struct timespec until = cond_deadline(ms);

	pthread_cond_timedwait(&o->changed, &o->lock, &until);
}

/* The oldest that waits, or NULL. */
static const struct line *line_first(struct outlet *o)
{
	size_t size;

	return queue_peek(o->waiting, &size);
}

static void line_done(struct outlet *o)
{
	queue_pop(o->waiting);
	o->lines--;
	if (queue_bytes(o->waiting) <= OUTLET_BYTES / 2)
		o->full = false;
}

/* What was told of the sink last. */
struct said {
	int error;
	unsigned int waits; /* how often in a row its reader had no room */
};

/* Nobody reads it any more: what waits is lost, and so is what comes. */
static void outlet_die(struct outlet *o)
{
	const struct line *line;

	o->dead = true;
	while ((line = line_first(o))) {
		o->gone.lines++;
		o->gone.accesses += line->accesses;
		line_done(o);
	}
}

static void trouble_tell(struct outlet *o, int err, struct said *said)
{
	struct sink_gone gone = sink_take_gone(o->sink);
	struct outlet_trouble trouble = {.sink = sink_name(o->sink)};

	if (gone.what) {
		trouble.gone = gone.what;
		trouble.lines = gone.lines;
		o->fn(o->ctx, &trouble);
		trouble.gone = NULL;
		o->gone.lines += gone.lines;
		o->gone.accesses += gone.accesses;
	}
	said->waits = err == -EAGAIN ? said->waits + 1 : 0;
	if (err == said->error || (err == -EAGAIN && said->waits < SLOW_TRIES))
		return;
	said->error = err;
	trouble.error = err;
	o->fn(o->ctx, &trouble);
}

/* Will it be no better with the next try? */
static bool is_hopeless(int err)
{
	return err == -EINVAL || err == -EMSGSIZE;
}

static void line_drop(struct outlet *o, const struct line *line)
{
	o->gone.lines++;
	o->gone.accesses += line->accesses;
	if (o->account) /* it is told as lost */
		__atomic_fetch_add(&o->account->settled, line->accesses, __ATOMIC_RELAXED);
}

/* What there is to do now, without the lock meanwhile: 0 or -errno. */
static int outlet_work(struct outlet *o)
{
	const struct line *line = line_first(o);
	bool reopen = o->reopen;
	int err = 0;

	o->reopen = false;
	pthread_mutex_unlock(&o->lock);
	if (reopen)
		err = sink_reopen(o->sink);
	else if (line)
		err = sink_write(o->sink, line->text, line->accesses);
	else
		err = sink_look(o->sink);
	pthread_mutex_lock(&o->lock);
	if (reopen || !line || (err && !is_hopeless(err)))
		return err;
	if (err)
		line_drop(o, line);
	if (o->account)
		o->account->sequence = line->sequence;
	line_done(o);
	/* outlet_finish() may wait for the last one */
	if (!o->lines)
		pthread_cond_broadcast(&o->changed);
	return 0;
}

static void *outlet_run(void *arg)
{
	struct outlet *o = arg;
	struct said said = {0};

	pthread_mutex_lock(&o->lock);
	while (!o->stop) {
		int err;

		if (!o->lines && !o->reopen) {
			o->idle = true;
			wait_ms(o, LOOK_MS);
			o->idle = false;
		}
		if (o->stop)
			break;
		err = outlet_work(o);
		trouble_tell(o, err, &said);
		if (err == -EPIPE) {
			outlet_die(o);
			break;
		}
		if (err)
			wait_ms(o, RETRY_MS);
	}
	o->ended = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* --- the other side ------------------------------------------------------------------------- */

int outlet_start(struct outlet *o)
{
	int err = thread_start(&o->thread, outlet_run, o);

	o->started = !err;
	return err;
}

/* Ask the thread to end, and wait a moment for it; one that hangs in a write stays. */
static bool outlet_stop(struct outlet *o)
{
	bool ended;

	if (!o->started)
		return true;
	pthread_mutex_lock(&o->lock);
	o->stop = true;
	pthread_cond_broadcast(&o->changed);
	for (int i = 0; i < 5 && !o->ended; i++)
		wait_ms(o, RETRY_MS);
	ended = o->ended;
	pthread_mutex_unlock(&o->lock);
	if (ended)
		pthread_join(o->thread, NULL);
	return ended;
}

void outlet_free(struct outlet *o)
{
	/* What a thread that hangs still needs has to stay: it ends with the process. */
	if (!o || !outlet_stop(o))
		return;
	queue_free(o->waiting);
	sink_free(o->sink);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

const struct sink *outlet_sink(const struct outlet *o)
{
	return o->sink;
}

void outlet_set_account(struct outlet *o, struct ledger_sink *account)
{
	o->account = account;
	sink_set_account(o->sink, account);
}

static bool room_for(const struct outlet *o)
{
	return !o->dead && !o->full && !queue_full(o->waiting);
}

bool outlet_has_room(struct outlet *o)
{
	bool room;

	pthread_mutex_lock(&o->lock);
	room = room_for(o);
	pthread_mutex_unlock(&o->lock);
	return room;
}

bool outlet_put(struct outlet *o, const char *text, uint64_t sequence, uint64_t accesses)
{
	const struct line line = {.sequence = sequence, .accesses = accesses};
	bool put = false;

	pthread_mutex_lock(&o->lock);
	if (!room_for(o)) {
		o->full = true;
	} else if (!queue_put_headed(o->waiting, &line, sizeof(line), text, strlen(text) + 1)) {
		put = true;
		o->lines++;
		if (o->idle && queue_bytes(o->waiting) >= FLUSH_BYTES)
			pthread_cond_broadcast(&o->changed);
	}
	pthread_mutex_unlock(&o->lock);
	return put;
}

void outlet_flush(struct outlet *o)
{
	pthread_mutex_lock(&o->lock);
	if (o->idle && o->lines)
		pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void outlet_reopen(struct outlet *o)
{
	pthread_mutex_lock(&o->lock);
	o->reopen = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

struct sink_gone outlet_take_gone(struct outlet *o)
{
	struct sink_gone gone;

	pthread_mutex_lock(&o->lock);
	gone = o->gone;
	o->gone = (struct sink_gone){0};
	pthread_mutex_unlock(&o->lock);
	return gone;
}

bool outlet_dead(struct outlet *o)
{
	bool dead;

	pthread_mutex_lock(&o->lock);
	dead = o->dead;
	pthread_mutex_unlock(&o->lock);
	return dead;
}

uint64_t outlet_finish(struct outlet *o, unsigned int ms)
{
	uint64_t end = clock_boot_ns() + ms * 1000000ULL;
	uint64_t left;

	outlet_flush(o);
	pthread_mutex_lock(&o->lock);
	while (o->started && o->lines && !o->dead && clock_boot_ns() < end)
		wait_ms(o, RETRY_MS);
	left = o->lines;
	pthread_mutex_unlock(&o->lock);
	return left;
}
