// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "user/container/creators.h"
#include "user/container/openers.h"

static void test_who_has_made_which(void **state)
{
	struct container *a = container_new(RUNTIME_DOCKER, "aaaa");
	struct container *b = container_new(RUNTIME_DOCKER, "bbbb");
	struct creators *creators = creators_new();

	(void)state;
	assert_null(creators_find(creators, "cccc"));
	assert_int_equal(creators_add(creators, "cccc", a), 0);
	assert_ptr_equal(creators_find(creators, "cccc"), a);
	assert_null(creators_find(creators, "ccc"));
	assert_int_equal(creators_add(creators, "cccc", b), 0);
	assert_ptr_equal(creators_find(creators, "cccc"), b);
	creators_free(creators);
	container_unref(a);
	container_unref(b);
}

static void test_creators_are_bounded(void **state)
{
	struct container *a = container_new(RUNTIME_DOCKER, "aaaa");
	struct creators *creators = creators_new();
	char id[16] = "";

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(creators_add(creators, id, a), 0);
	}
	assert_null(creators_find(creators, "0"));
	assert_ptr_equal(creators_find(creators, "19999"), a);
	creators_free(creators);
	container_unref(a);
}

static void test_openers_keep_the_first(void **state)
{
	static struct record record;
	struct sighting host = {.host = true};
	struct sighting other = {0};
	struct openers *openers = openers_new();

	(void)state;
	record.raw.connection = 7;
	record.raw.tgid = 1;
	assert_null(openers_find(openers, 7));
	assert_int_equal(openers_add(openers, &record, &host, true), 0);
	record.raw.tgid = 2;
	assert_int_equal(openers_add(openers, &record, &other, false), 0);
	assert_int_equal(openers_find(openers, 7)->tgid, 1);
	assert_true(openers_find(openers, 7)->already_open);
	record.raw.connection = 0; /* there is none */
	assert_int_equal(openers_add(openers, &record, &host, false), 0);
	assert_null(openers_find(openers, 0));
	openers_free(openers);
}

static void test_openers_are_bounded(void **state)
{
	static struct record record;
	struct sighting host = {.host = true};
	struct openers *openers = openers_new();

	(void)state;
	for (uint64_t i = 1; i < 40000; i++) {
		record.raw.connection = i;
		assert_int_equal(openers_add(openers, &record, &host, false), 0);
	}
	assert_null(openers_find(openers, 1));
	assert_non_null(openers_find(openers, 39999));
	openers_free(openers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_has_made_which),
		cmocka_unit_test(test_creators_are_bounded),
		cmocka_unit_test(test_openers_keep_the_first),
		cmocka_unit_test(test_openers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
