// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/feed.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/queue.h"
#include "user/util/thread.h"

/* Of each kind, when nobody works on them. */
#define HELD_BYTES (8UL << 20)
/* Records that come while the rings are gone through: after that many times they can wait. */
#define ROUNDS_MAX 4
/* A ring that is filled as fast as it is emptied must not keep us from the others. */
#define BATCH_MAX 2048
/* Handed out at once: whoever works on them has other things to do in between. */
#define TAKE_MAX 2048
/* How long a thread sleeps that has found no room, or holds something back. */
#define PAUSE_MS 100
/*
 * As long as records come it looks for them that often, and the kernel wakes nobody: what
 * is to be seen costs those who do it less, and so does each record here. After so many
 * times that there was nothing it waits to be woken. Who has connected may be gone soon, and
 * what /proc tells with it; what is asked over the connection can wait a little longer.
 */
#define POLL_MS	      2
#define BYTES_POLL_MS 8
#define POLLS_MAX     10
/* Where no real-time priority is to be had. */
#define READER_NICE -10

struct feed_ring {
	struct ring_buffer *ring;
	struct queue *queue;
	struct fold *fold;
	struct feed *feed;
	unsigned int batch; /* records taken by the call under way */
	/* Of records: */
	struct ledger_source *source;
	const uint64_t *place; /* of the oldest in the ring, which the kernel knows as not taken */
	bool begun;
};

struct feed {
	struct feed_ring records[DS_RING_COUNT];
	struct feed_ring bytes;
	struct ds_control *control;
	pthread_mutex_t lock; /* of what takes from the rings */
	pthread_t thread;
	bool started;
	int epoll;
	int wakeup; /* epoll of who takes: the rings as well, a thread between them costs time */
	int ready;  /* eventfd: something is in a queue */
	int stop;   /* eventfd */
};

static void ring_put(struct feed_ring *r, const void *data, size_t size)
{
	/*
	 * Without memory it is gone: as it counts as taken, and nobody will settle it, the
	 * ledger of accesses shows it all the same.
	 */
	(void)queue_put(r->queue, data, size);
}

static int fold_put(void *ctx, const void *data, size_t size)
{
	ring_put(ctx, data, size);
	return 0;
}

/*
 * Count an access. false: a docksnoop that was killed has, and may have told of it, so it
 * is passed over. That can be the first only: libbpf tells the ring of each one at once.
 */
static bool access_take(struct feed_ring *r)
{
	uint64_t place = __atomic_load_n(r->place, __ATOMIC_ACQUIRE);

	if (!r->begun && ledger_has_taken(r->source, place))
		return false;
	ledger_take_at(r->source, place);
	return true;
}

static int record_take(void *ctx, void *data, size_t size)
{
	const struct ds_record *record = data;
	struct feed_ring *r = ctx;
	bool access = size >= sizeof(*record) && record->type == DS_RECORD_CONNECT;
	bool fresh = !access || access_take(r);

	r->begun = true;
	if (fresh && !(access && record->size >= sizeof(*record) && record->size <= size &&
		       fold_take(r->fold, record, fold_put, r)))
		ring_put(r, data, size);
	return ++r->batch < BATCH_MAX ? 0 : -EAGAIN;
}

/* Of one ring, as far as there is room: how many. */
static unsigned int ring_pump(struct feed_ring *r)
{
	r->batch = 0;
	if (r->ring && !queue_full(r->queue))
		ring_buffer__consume(r->ring);
	return r->batch;
}

static bool records_full(struct feed *f)
{
	for (int i = 0; i < DS_RING_COUNT; i++)
		if (queue_full(f->records[i].queue))
			return true;
	return false;
}

/* Each ring on its own: that one has no room is nothing to the other. */
static unsigned int records_pump(struct feed *f)
{
	unsigned int sum = 0;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		unsigned int n = 0;

		for (int i = 0; i < DS_RING_COUNT; i++)
			n += ring_pump(&f->records[i]);
		sum += n;
		if (!n)
			break;
	}
	return sum;
}

static int bytes_take(void *ctx, void *data, size_t size)
{
	struct feed_ring *r = ctx;

	/* The record of its connect is in its ring already: it must be taken before. */
	records_pump(r->feed);
	ring_put(r, data, size);
	return ++r->batch < BATCH_MAX && !queue_full(r->queue) ? 0 : -EAGAIN;
}

/* How many there were, of each kind. */
struct pumped {
	unsigned int records, bytes;
};

/* What is in the rings now. Is there room for more? */
static bool feed_pump(struct feed *f, struct pumped *pumped)
{
	uint64_t now = clock_boot_ns();
	struct pumped n = {0};
	uint64_t one = 1;
	bool room;

	pthread_mutex_lock(&f->lock);
	n.records = records_pump(f);
	for (int i = 0; i < DS_RING_COUNT; i++)
		fold_flush(f->records[i].fold, now, false, fold_put, &f->records[i]);
	/* Without the records of their connects nobody could tell whose they are. */
	if (!records_full(f))
		n.bytes = ring_pump(&f->bytes);
	room = !records_full(f) && !queue_full(f->bytes.queue);
	pthread_mutex_unlock(&f->lock);
	if (n.records || n.bytes)
		(void)!write(f->ready, &one, sizeof(one));
	*pumped = n;
	return room;
}

/*
 * A reader that waits for a CPU behind those who fill the ring comes too late; and by
 * nice(2) alone it is preferred only to its own session's, or cgroup's. It has little to
 * do each time, and sleeps in between. Of this thread alone; where it may not, it does without.
 */
static void reader_hurry(void)
{
	const struct sched_param least = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_RR, &least))
		(void)setpriority(PRIO_PROCESS, 0, READER_NICE);
}

/* So many times is left to look without having found anything. */
struct polls {
	unsigned int records, bytes;
};

/* The last time is after the kernel was told: something may have been under way. */
static void polls_tell(struct feed *f, const struct polls *polls)
{
	__atomic_store_n(&f->control->polled, polls->records > 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&f->control->bytes_polled, polls->bytes > 1, __ATOMIC_SEQ_CST);
}

static int polls_pause(const struct polls *polls)
{
	if (polls->records)
		return POLL_MS;
	return polls->bytes ? BYTES_POLL_MS : PAUSE_MS;
}

static void polls_count(unsigned int *polls, unsigned int found)
{
	if (found)
		*polls = POLLS_MAX;
	else if (*polls)
		--*polls;
}

static void *feed_run(void *arg)
{
	struct epoll_event events[4];
	struct pumped pumped = {0};
	struct polls polls = {0};
	struct feed *f = arg;
	bool room = true;
	int n;

	reader_hurry();
	for (;;) {
		n = epoll_wait(f->epoll, events, 4, polls_pause(&polls));
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != f->stop)
				continue;
			polls_tell(f, &(struct polls){0});
			return NULL;
		}
		/* What has no room is still readable: not at once again. */
		if (!room)
			usleep(PAUSE_MS * 100);
		room = feed_pump(f, &pumped);
		polls_count(&polls.records, pumped.records);
		polls_count(&polls.bytes, pumped.bytes);
		polls_tell(f, &polls);
	}
}

static int poll_add(int epoll, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int ring_open(struct feed *f, struct feed_ring *r, int map, ring_buffer_sample_fn fn)
{
	int err;

	r->feed = f;
	r->queue = queue_new(HELD_BYTES);
	r->fold = fold_new();
	if (!r->queue || !r->fold)
		return -ENOMEM;
	if (map < 0)
		return 0;
	r->ring = ring_buffer__new(map, fn, r, NULL);
	if (!r->ring)
		return -errno;
	err = poll_add(f->epoll, ring_buffer__epoll_fd(r->ring));
	return err ? err : poll_add(f->wakeup, ring_buffer__epoll_fd(r->ring));
}

/* The kernel's page of a ring in which its reader tells how far it has come. */
static int source_open(struct feed_ring *r, int map, struct ledger_source *source)
{
	void *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, map, 0);

	if (page == MAP_FAILED)
		return -errno;
	r->place = page;
	r->source = source;
	ledger_resume(source, *r->place);
	return 0;
}

static void ring_close(struct feed_ring *r)
{
	if (r->place)
		munmap((void *)r->place, sysconf(_SC_PAGESIZE));
	ring_buffer__free(r->ring);
	queue_free(r->queue);
	fold_free(r->fold);
}

static void cleanup_feed(struct feed **feed)
{
	feed_free(*feed);
}

int feed_new(const struct feed_rings *rings, struct ds_control *control, struct feed **out)
{
	CLEANUP(cleanup_feed) struct feed *f = calloc(1, sizeof(*f));
	int err = 0;

	if (!f)
		return -ENOMEM;
	mutex_init_inherit(&f->lock);
	f->control = control;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->wakeup = epoll_create1(EPOLL_CLOEXEC);
	f->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->epoll < 0 || f->wakeup < 0 || f->ready < 0 || f->stop < 0)
		return -errno;
	err = poll_add(f->epoll, f->stop);
	err = err ? err : poll_add(f->wakeup, f->ready);
	for (int i = 0; !err && i < DS_RING_COUNT; i++) {
		err = ring_open(f, &f->records[i], rings->records[i], record_take);
		err = err ? err
			  : source_open(&f->records[i], rings->records[i],
					&control_ledger(control)->sources[i]);
	}
	err = err ? err : ring_open(f, &f->bytes, rings->bytes, bytes_take);
	if (!err)
		*out = take_ptr(f);
	return err;
}

int feed_start(struct feed *f)
{
	int err = thread_start(&f->thread, feed_run, f);

	f->started = !err;
	return err;
}

void feed_free(struct feed *f)
{
	uint64_t one = 1;

	if (!f)
		return;
	if (f->started) {
		(void)!write(f->stop, &one, sizeof(one));
		pthread_join(f->thread, NULL);
	}
	for (int i = 0; i < DS_RING_COUNT; i++)
		ring_close(&f->records[i]);
	ring_close(&f->bytes);
	cleanup_close(&f->epoll);
	cleanup_close(&f->wakeup);
	cleanup_close(&f->ready);
	cleanup_close(&f->stop);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int feed_fd(const struct feed *f)
{
	return f->wakeup;
}

/* The queue whose next record happened first. */
static struct queue *queue_next(struct feed *f, const void **data, size_t *size)
{
	struct queue *next = NULL;
	uint64_t first = 0;

	for (int i = 0; i < DS_RING_COUNT; i++) {
		size_t len = 0;
		const struct ds_record *record = queue_peek(f->records[i].queue, &len);

		/* time_ns is where it is in what fold.h puts among them, too */
		if (!record || (next && record->time_ns >= first))
			continue;
		next = f->records[i].queue;
		first = record->time_ns;
		*data = record;
		*size = len;
	}
	return next;
}

int feed_take(struct feed *f, sensor_fn fn, void *ctx)
{
	const void *data = NULL;
	struct queue *queue = NULL;
	uint64_t count = 1;
	struct pumped pumped = {0};
	size_t size = 0;
	int n = 0;

	(void)!read(f->ready, &count, sizeof(count));
	feed_pump(f, &pumped);
	while (n < TAKE_MAX && (queue = queue_next(f, &data, &size))) {
		int err = fn(ctx, data, size);

		queue_pop(queue);
		if (err < 0)
			return err;
		n++;
	}
	if (n == TAKE_MAX) /* there may be more */
		(void)!write(f->ready, &count, sizeof(count));
	return n;
}

int feed_take_bytes(struct feed *f, sensor_fn fn, void *ctx)
{
	const void *data = NULL;
	size_t size = 0;
	uint64_t one = 1;
	int n = 0;

	while (n < TAKE_MAX && (data = queue_peek(f->bytes.queue, &size))) {
		int err = fn(ctx, data, size);

		queue_pop(f->bytes.queue);
		if (err < 0)
			return err;
		n++;
	}
	if (n == TAKE_MAX)
		(void)!write(f->ready, &one, sizeof(one));
	return n;
}

void feed_unfold(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	records_pump(f);
	for (int i = 0; i < DS_RING_COUNT; i++)
		fold_flush(f->records[i].fold, clock_boot_ns(), true, fold_put, &f->records[i]);
	pthread_mutex_unlock(&f->lock);
}
