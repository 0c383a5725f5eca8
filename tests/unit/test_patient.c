// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/util/patient.h"

static atomic_int dropped;

struct job {
	atomic_bool *hangs; /* until it is false */
	int result;
};

static struct job *job_new(atomic_bool *hangs)
{
	struct job *job = calloc(1, sizeof(*job));

	job->hangs = hangs;
	return job;
}

static void job_run(void *arg)
{
	struct job *job = arg;

	while (*job->hangs)
		usleep(1000);
	job->result = 42;
}

static void job_drop(void *arg)
{
	free(arg);
	dropped++;
}

static void dropped_becomes(int count)
{
	for (int i = 0; i < 5000 && dropped != count; i++)
		usleep(1000);
	assert_int_equal(dropped, count);
}

static void test_who_is_quick_is_waited_for(void **state)
{
	struct patient *p = patient_new();
	atomic_bool hangs = false;

	(void)state;
	dropped = 0;
	for (int i = 0; i < 100; i++) {
		struct job *job = job_new(&hangs);

		assert_int_equal(patient_run(p, job_run, job_drop, job, 5000), 0);
		assert_int_equal(job->result, 42);
		free(job);
	}
	patient_free(p);
	assert_int_equal(dropped, 0);
}

static void test_who_hangs_is_left(void **state)
{
	struct patient *p = patient_new();
	atomic_bool hangs = true;
	atomic_bool not = false;
	struct job *job = NULL;
	int err = -EBUSY;

	(void)state;
	dropped = 0;
	assert_int_equal(patient_run(p, job_run, job_drop, job_new(&hangs), 20), -ETIMEDOUT);
	assert_int_equal(dropped, 0);
	/* nobody waits a second time */
	assert_int_equal(patient_run(p, job_run, job_drop, job_new(&not ), 5000), -EBUSY);
	assert_int_equal(dropped, 1);
	hangs = false;
	dropped_becomes(2);
	for (int i = 0; i < 5000 && err == -EBUSY; i++) {
		job = job_new(&not );
		err = patient_run(p, job_run, job_drop, job, 5000);
	}
	assert_int_equal(err, 0);
	assert_int_equal(job->result, 42);
	free(job);
	patient_free(p);
	patient_free(NULL);
}

/* What it works on then goes when it is done. */
static void test_the_end_does_not_wait(void **state)
{
	struct patient *p = patient_new();
	static atomic_bool hangs = true;

	(void)state;
	dropped = 0;
	assert_int_equal(patient_run(p, job_run, job_drop, job_new(&hangs), 20), -ETIMEDOUT);
	patient_free(p);
	assert_int_equal(dropped, 0);
	hangs = false;
	dropped_becomes(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_quick_is_waited_for),
		cmocka_unit_test(test_who_hangs_is_left),
		cmocka_unit_test(test_the_end_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
