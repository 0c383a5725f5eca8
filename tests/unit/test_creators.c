// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "user/container/creators.h"
#include "user/exposure/openers.h"

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

static struct opener *opener_make(uint32_t tgid, bool host)
{
	static struct record record;
	const struct sighting s = {.host = host};
	const struct mount_use use = {.via = VIA_HANDOFF, .target = (char *)"/x"};

	record.raw.tgid = tgid;
	return opener_new(&record, &s, host ? NULL : &use, "/bin/sh", host);
}

static void test_openers_keep_the_first(void **state)
{
	struct opener *first = opener_make(1, true);
	struct opener *second = opener_make(2, false);
	struct openers *openers = openers_new();

	(void)state;
	assert_null(openers_find(openers, 7));
	assert_int_equal(openers_add(openers, 7, first), 0);
	assert_int_equal(openers_add(openers, 7, second), 0);
	assert_ptr_equal(openers_find(openers, 7), first);
	assert_true(first->already_open);
	assert_int_equal(openers_add(openers, 0, first), 0); /* there is none */
	assert_null(openers_find(openers, 0));

	/* one like it; one like nobody */
	assert_int_equal(openers_add_like(openers, 8, 7), 0);
	assert_ptr_equal(openers_find(openers, 8), first);
	assert_int_equal(openers_add_like(openers, 10, 9), 0);
	assert_null(openers_find(openers, 10));
	openers_remove(openers, 7);
	assert_null(openers_find(openers, 7));
	assert_ptr_equal(openers_find(openers, 8), first);
	assert_string_equal(second->use.target, "/x");
	assert_string_equal(second->parent_exe, "/bin/sh");
	openers_free(openers);
	opener_unref(first);
	opener_unref(second);
	opener_unref(NULL);
}

/* The host's own do not push out a container's, nor many that are alike the others. */
static void test_openers_are_bounded(void **state)
{
	struct opener *host = opener_make(1, true);
	struct opener *other = opener_make(2, false);
	struct openers *openers = openers_new();

	(void)state;
	assert_int_equal(openers_add(openers, 1, other), 0);
	for (uint64_t i = 2; i < 6000; i++)
		assert_int_equal(openers_add(openers, i, host), 0);
	assert_null(openers_find(openers, 2));
	assert_ptr_equal(openers_find(openers, 5999), host);
	for (uint64_t i = 10000; i < 50000; i++)
		assert_int_equal(openers_add_like(openers, i, 1), 0);
	assert_null(openers_find(openers, 10000));
	assert_ptr_equal(openers_find(openers, 49999), other);
	assert_ptr_equal(openers_find(openers, 1), other);
	openers_free(openers);
	opener_unref(host);
	opener_unref(other);
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
