/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_THREAD_H
#define DOCKSNOOP_THREAD_H

#include <pthread.h>
#include <time.h>

/* A thread that gets no signals: those are the main thread's. 0 or -errno. */
int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/*
 * A lock that a real-time thread takes as well: who holds it runs as if it were one, and is
 * not kept from letting go by whoever else wants the CPU.
 */
void mutex_init_inherit(pthread_mutex_t *mutex);

/* A condition whose times are CLOCK_MONOTONIC's. */
void cond_init(pthread_cond_t *cond);
/* When @ms from now are over, by that clock. */
struct timespec cond_deadline(unsigned int ms);

#endif
