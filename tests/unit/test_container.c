// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container_data.h"

static void matches_ids_exactly(void **state)
{
	static const char *const ids[] = {
		"",
		".",
		"..",
		"/",
		"03a270ad3b1e",
		"03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d669166",
		VOLS "0",
		VOLS "/",
		"../containers/" VOLS,
		"./" VOLS,
		"default/web",
		"../default/web",
		"moby/" PARENTED,
		"vols",
		"podweb",
		"531509",
	};
	static const enum runtime runtimes[] = {RUNTIME_UNKNOWN, RUNTIME_DOCKER, RUNTIME_CONTAINERD,
						RUNTIME_PODMAN};
	char longest[CONTAINER_ID_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		for (size_t r = 0; r < sizeof(runtimes) / sizeof(runtimes[0]); r++)
			load(TEST_DATA "/container/root", runtimes[r], ids[i], -ENOENT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	load(TEST_DATA "/container/root", RUNTIME_UNKNOWN, longest, -ENOENT);
}

static void asks_only_the_runtimes_that_can_know(void **state)
{
	static const char data[] = TEST_DATA "/container/root";

	(void)state;
	/* "web" is a name of containerd's, and of an LXC container's perhaps */
	load(data, RUNTIME_LXC, "web", -ENOENT);
	load(data, RUNTIME_NSPAWN, "web", -ENOENT);
	load(data, RUNTIME_LIBVIRT_LXC, "web", -ENOENT);
	load(data, RUNTIME_NONE, "web", -ENOENT);
	load(data, RUNTIME_PODMAN, VOLS, -ENOENT);
	load(data, RUNTIME_DOCKER, PODWEB, -ENOENT);
	load(data, (enum runtime)99, VOLS, -ENOENT);
}

static void looks_where_it_is_told(void **state)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
	AUTO_CONTAINER struct container *c = NULL;
	struct container *none = NULL;

	(void)state;
	put("/data/docker/containers/a/config.v2.json", "{\"ID\":\"a\",\"Name\":\"/there\"}");
	put("/data/docker/containers/a/hostconfig.json", "{}");
	assert_int_equal(container_load(dirs, RUNTIME_DOCKER, "a", &none), -ENOENT);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, "data/docker"), -EINVAL);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, ""), -EINVAL);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, "/none"), 0);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, "/data/docker/"), 0);
	assert_int_equal(container_load(dirs, RUNTIME_DOCKER, "a", &c), 0);
	assert_string_equal(c->name, "there");
	assert_null(none);
}

static void keeps_each_folder_once(void **state)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
	int err = 0;
	int count = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_STORAGE, i % 2 ? "/s" : "/s/"),
				 0);
	for (count = 0; !err && count < 200; count++) {
		AUTO_FREE char *path = NULL;

		assert_int_equal(str_format(&path, "/d%d", count), 0);
		err = runtime_dirs_add(dirs, RUNTIME_DIR_STORAGE, path);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(count > 50);
	errno = 0;
	assert_null(runtime_dirs_new("/nonexistent"));
	assert_int_equal(errno, ENOENT);
}

static void counts_references(void **state)
{
	struct container *c = container_new(RUNTIME_LXC, "web");

	(void)state;
	assert_ptr_equal(container_ref(c), c);
	container_unref(c);
	assert_string_equal(c->id, "web");
	assert_int_equal(c->runtime, RUNTIME_LXC);
	assert_false(c->described);
	assert_null(container_label(c, "x"));
	container_unref(c);
	container_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_ids_exactly),
		cmocka_unit_test(asks_only_the_runtimes_that_can_know),
		WITH_ROOT(looks_where_it_is_told),
		WITH_ROOT(keeps_each_folder_once),
		cmocka_unit_test(counts_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
