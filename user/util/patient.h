/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_PATIENT_H
#define DOCKSNOOP_PATIENT_H

/*
 * A thread for what may take long, or for ever, such as reading from a disk that hangs:
 * who asks waits for a stated time, and goes on without.
 */
struct patient;

struct patient *patient_new(void); /* NULL: no memory */
/* A job that is under way is left to end by itself. NULL is allowed. */
void patient_free(struct patient *patient);

/*
 * Have fn(job) run, and wait for it, at most @ms. 0: it has, and @job is the caller's.
 * -ETIMEDOUT: it is still under way; -EBUSY: an earlier one still is, and this one was not
 * begun. With both @job is not the caller's any more: drop(job) is called when its time has
 * come. -errno: there is no thread; @job is the caller's.
 */
typedef void (*patient_fn)(void *job);
int patient_run(struct patient *patient, patient_fn fn, patient_fn drop, void *job,
		unsigned int ms);

#endif
