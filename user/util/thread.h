/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_THREAD_H
#define DOCKSNOOP_THREAD_H

#include <pthread.h>
#include <time.h>

/* A thread that gets no signals: those are the main thread's. 0 or -errno. */
int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/* A condition whose times are CLOCK_MONOTONIC's. */
void cond_init(pthread_cond_t *cond);
/* When @ms from now are over, by that clock. */
struct timespec cond_deadline(unsigned int ms);

#endif
