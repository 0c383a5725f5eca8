// SPDX-License-Identifier: Apache-2.0
#include "user/util/patient.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "user/util/thread.h"

struct patient {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int refs; /* who asks, and the thread */
	bool started;
	bool ended; /* nobody asks any more */
	patient_fn fn;
	patient_fn drop;
	void *job;	/* NULL: nothing to do */
	bool done;	/* of job */
	bool abandoned; /* nobody waits for it */
};

struct patient *patient_new(void)
{
	struct patient *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	cond_init(&p->changed);
	pthread_mutex_init(&p->lock, NULL);
	p->refs = 1;
	return p;
}

/* Called with the lock, which is gone afterwards, as may be what it is in. */
static void patient_leave(struct patient *p)
{
	bool last = !--p->refs;

	pthread_mutex_unlock(&p->lock);
	if (!last)
		return;
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void *patient_work(void *arg)
{
	struct patient *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->ended || (p->job && !p->done)) {
		if (!p->job || p->done) {
			pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		p->fn(p->job);
		pthread_mutex_lock(&p->lock);
		if (p->abandoned) {
			p->drop(p->job);
			p->job = NULL;
		}
		p->done = true;
		pthread_cond_broadcast(&p->changed);
	}
	patient_leave(p);
	return NULL;
}

/* Not before it is needed: threads are to be confined as who makes them is. */
static int patient_start(struct patient *p)
{
	pthread_t thread;
	int err;

	if (p->started)
		return 0;
	p->refs++;
	err = thread_start(&thread, patient_work, p);
	if (err) {
		p->refs--;
		return err;
	}
	pthread_detach(thread);
	p->started = true;
	return 0;
}

static int patient_wait(struct patient *p, unsigned int ms)
{
	struct timespec until = cond_deadline(ms);
	int err = 0;

	while (!p->done && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&p->changed, &p->lock, &until);
	return p->done ? 0 : -ETIMEDOUT;
}

int patient_run(struct patient *p, patient_fn fn, patient_fn drop, void *job, unsigned int ms)
{
	int err;

	pthread_mutex_lock(&p->lock);
	err = patient_start(p);
	if (!err && p->job) {
		err = -EBUSY;
		drop(job);
	} else if (!err) {
		p->fn = fn;
		p->drop = drop;
		p->job = job;
		p->done = false;
		p->abandoned = false;
		pthread_cond_broadcast(&p->changed);
		err = patient_wait(p, ms);
		if (err)
			p->abandoned = true;
		else
			p->job = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

void patient_free(struct patient *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_broadcast(&p->changed);
	patient_leave(p);
}
