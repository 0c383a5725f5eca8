// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "user/container/bindings.h"
#include "user/container/known.h"
#include "user/exposure/exposed.h"
#include "user/exposure/openers.h"
#include "user/sensor/fold.h"

/*
 * What is kept of others' doings is bounded, and this reaches the bounds: what is the
 * oldest goes, what is in use stays. docs/detection.md, "Limits", has the numbers.
 */

static void test_containers_that_are_used_stay(void **state)
{
	struct runtime_dirs *dirs = runtime_dirs_new(TEST_DATA);
	struct known *known = known_new(dirs);
	char id[65] = "";

	(void)state;
	assert_non_null(known);
	for (int i = 0; i < 8192; i++) {
		snprintf(id, sizeof(id), "%064d", i);
		container_unref(known_get(known, RUNTIME_DOCKER, id));
	}
	snprintf(id, sizeof(id), "%064d", 0);
	assert_non_null(known_named(known, id)); /* none has gone yet */
	container_unref(known_get(known, RUNTIME_DOCKER, id));
	for (int i = 8192; i < 8192 + 100; i++) {
		snprintf(id, sizeof(id), "%064d", i);
		container_unref(known_get(known, RUNTIME_DOCKER, id));
	}
	snprintf(id, sizeof(id), "%064d", 0);
	assert_non_null(known_named(known, id));
	for (int i = 1; i <= 100; i++) {
		snprintf(id, sizeof(id), "%064d", i);
		assert_null(known_named(known, id));
	}
	snprintf(id, sizeof(id), "%064d", 101);
	assert_non_null(known_named(known, id));
	known_free(known);
	runtime_dirs_free(dirs);
}

static void test_namespaces_are_bounded(void **state)
{
	struct bindings bindings = {.procfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	const struct cgroup_owner owner = {.runtime = RUNTIME_DOCKER, .id = "a", .outer_id = "b"};
	const struct ds_record raw = {.tgid = 1};

	(void)state;
	for (uint32_t i = 1; i <= 32768; i++)
		bindings_set(&bindings, i, &owner, true, &raw);
	assert_non_null(bindings_find(&bindings, 1));
	bindings_set(&bindings, 32769, &owner, true, &raw);
	assert_null(bindings_find(&bindings, 1));
	assert_non_null(bindings_find(&bindings, 2));
	assert_string_equal(bindings_find(&bindings, 32769)->outer_id, "b");
	assert_int_equal(HASH_COUNT(bindings.first), 32768);
	bindings_free(&bindings);
	close(bindings.procfd);
}

/* What was pushed out is said again, never kept silent about. */
static void test_exposures_are_bounded(void **state)
{
	struct exposed *exposed = NULL;
	char id[16] = "";

	(void)state;
	assert_int_equal(exposed_new(&exposed), 0);
	for (int i = 0; i < 65536; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_true(exposed_add(exposed, id, "/run/docker.sock", "/s"));
	}
	assert_false(exposed_add(exposed, "0", "/run/docker.sock", "/s"));
	assert_true(exposed_add(exposed, "more", "/run/docker.sock", "/s"));
	assert_true(exposed_add(exposed, "0", "/run/docker.sock", "/s"));
	assert_false(exposed_add(exposed, "more", "/run/docker.sock", "/s"));
	exposed_forget(exposed, "more");
	assert_true(exposed_add(exposed, "more", "/run/docker.sock", "/s"));
	assert_false(exposed_add(exposed, "65535", "/run/docker.sock", "/s"));
	exposed_free(exposed);
}

/* A container makes its own mounts, as many as it likes. */
static void test_exposures_of_one_are_bounded(void **state)
{
	struct exposed *exposed = NULL;
	char target[16] = "";

	(void)state;
	assert_int_equal(exposed_new(&exposed), 0);
	for (int i = 0; i <= 65536; i++) {
		snprintf(target, sizeof(target), "/%d", i);
		assert_true(exposed_add(exposed, "one", "/run/docker.sock", target));
	}
	assert_true(exposed_add(exposed, "one", "/run/docker.sock", "/0"));
	assert_false(exposed_add(exposed, "one", "/run/docker.sock", "/65536"));
	exposed_free(exposed);
}

static int fold_count(void *ctx, const void *data, size_t size)
{
	const struct feed_folded *folded = data;
	uint64_t *count = ctx;

	(void)size;
	if (folded->type == FEED_FOLDED)
		*count += folded->count;
	return 0;
}

/* More processes at a time than are followed: each connect is told of, alone or in a sum. */
static void test_groups_are_bounded(void **state)
{
	struct fold *fold = fold_new();
	uint64_t told = 0;
	uint64_t made = 0;

	(void)state;
	for (uint32_t tgid = 1; tgid <= 1000; tgid++) {
		for (int i = 0; i < FOLD_BURST + 3; i++) {
			const struct ds_record r = {
				.size = sizeof(r),
				.type = DS_RECORD_CONNECT,
				.time_ns = FOLD_WINDOW_NS,
				.tgid = tgid,
			};

			made++;
			told += !fold_take(fold, &r, fold_count, &told);
		}
	}
	/* Those that were pushed out have been told; 512 are still followed. */
	assert_int_equal(made - told, 512 * 3);
	fold_flush(fold, 0, true, fold_count, &told);
	assert_int_equal(told, made);
	fold_free(fold);
}

static struct opener *opener_some(bool host)
{
	const struct sighting sighting = {.host = host};
	struct record record = {.raw = {.tgid = 1}};

	return opener_new(&record, &sighting, NULL, NULL, false);
}

/* Of each sort apart: many of one push out none of another. */
static void test_connections_are_bounded(void **state)
{
	struct openers *openers = openers_new();
	AUTO_OPENER struct opener *host = opener_some(true);
	AUTO_OPENER struct opener *inside = opener_some(false);

	(void)state;
	assert_non_null(host);
	assert_int_equal(openers_add(openers, 1, inside), 0);
	for (uint64_t c = 1; c <= 4096; c++)
		assert_int_equal(openers_add(openers, 1000000 + c, host), 0);
	for (uint64_t c = 1; c <= 32768; c++)
		assert_int_equal(openers_add_like(openers, 2000000 + c, 1), 0);
	assert_ptr_equal(openers_find(openers, 1), inside);
	assert_ptr_equal(openers_find(openers, 1000001), host); /* it is the youngest now */
	assert_ptr_equal(openers_find(openers, 2000001), inside);
	assert_int_equal(openers_add(openers, 3000000, host), 0);
	assert_int_equal(openers_add_like(openers, 3000001, 1), 0);
	assert_null(openers_find(openers, 1000002));
	assert_null(openers_find(openers, 2000002));
	assert_ptr_equal(openers_find(openers, 1000001), host);
	assert_ptr_equal(openers_find(openers, 2000001), inside);
	assert_ptr_equal(openers_find(openers, 1), inside);
	assert_ptr_equal(openers_find(openers, 3000001), inside);
	openers_free(openers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers_that_are_used_stay),
		cmocka_unit_test(test_namespaces_are_bounded),
		cmocka_unit_test(test_exposures_are_bounded),
		cmocka_unit_test(test_exposures_of_one_are_bounded),
		cmocka_unit_test(test_groups_are_bounded),
		cmocka_unit_test(test_connections_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
