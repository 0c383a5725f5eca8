// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container_data.h"

static void survives_damaged_files(void **state)
{
	static const struct {
		const char *config;
		const char *name; /* what can still be read */
		int err;
	} cases[] = {
		{"{\"ID\":\"a\",\"Name\":\"/n\"}", "n", 0},
		/* as the daemon reads them: the last one of a key, no bound on numbers */
		{"{\"ID\":\"a\",\"Name\":\"/m\",\"Name\":\"/n\"}", "n", 0},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"X\":18446744073709551615}", "n", 0},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":null,\"MountPoints\":null}", "n", 0},
		{"{\"ID\":\"a\",\"Name\":\"/\\\\u0000\"}", "\\u0000", 0},
		{"{\"ID\":\"a\",\"Name\":\"/\\\\\\u0000\"}", "\\\xef\xbf\xbd", 0},
		/* of another type */
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":[]}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Image\":7}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":{\"Labels\":[1]}}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":{\"Labels\":{\"a\":1}}}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"MountPoints\":{\"/x\":1}}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"MountPoints\":{\"/x\":{\"Name\":\"../../etc\"}}}",
		 "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":[\"/n\"]}", NULL, -EINVAL},
		/* not UTF-8 */
		{"{\"ID\":\"a\",\"Name\":\"/n\xff\"}", "n\xef\xbf\xbd", -EINVAL},
		/* another container's */
		{"{\"ID\":\"ab\",\"Name\":\"/n\"}", NULL, -EINVAL},
		{"{\"Name\":\"/n\"}", NULL, -EINVAL},
		/* torn, empty, no object */
		{"{\"ID\":\"a\",\"Name\":\"/n\"", NULL, -EINVAL},
		{"", NULL, -EINVAL},
		{"[]", NULL, -EINVAL},
		{"null", NULL, -EINVAL},
		{"\"", NULL, -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\\", NULL, -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\\u00", NULL, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_CONTAINER struct container *c = NULL;

		put_docker("a", cases[i].config, "{\"Privileged\":true}");
		c = load(root, RUNTIME_DOCKER, "a", cases[i].err);
		assert_int_equal(c->runtime, RUNTIME_DOCKER);
		/* The other file is still good. */
		assert_true(c->privileged);
		if (cases[i].name)
			assert_string_equal(c->name, cases[i].name);
		else
			assert_null(c->name);
	}
	{
		AUTO_CONTAINER struct container *c = NULL;

		put_bytes("/var/lib/docker/containers/a/config.v2.json",
			  "{\"ID\":\"a\",\"Name\":\"/n\"}\0", 24);
		c = load(root, RUNTIME_DOCKER, "a", -EINVAL);
	}
	{
		AUTO_CONTAINER struct container *c = NULL;

		put_docker("b", "{\"ID\":\"b\",\"Name\":\"/n\"}", NULL);
		c = load(root, RUNTIME_DOCKER, "b", -EINVAL);
		assert_string_equal(c->name, "n");
	}
}

/* Every way to cut a real file short: some answer, never a crash. */
static void survives_any_cut(void **state)
{
	static const char *const files[] = {
		"/var/lib/docker/containers/" VOLS "/config.v2.json",
		TASKS "/k8s.io/cri1/config.json",
		"/var/lib/containers/storage/overlay-containers/" PODWEB "/userdata/config.json",
	};
	static const char *const ids[] = {VOLS, "cri1", PODWEB};

	(void)state;
	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		AUTO_FREE char *from = NULL;
		AUTO_FREE char *text = NULL;
		size_t len = 0;

		assert_int_equal(str_format(&from, "%s%s", TEST_DATA "/container/root", files[f]),
				 0);
		assert_int_equal(file_read(AT_FDCWD, from, 1 << 20, &text, &len), 0);
		for (size_t cut = 0; cut < len; cut += 37) {
			AUTO_CONTAINER struct container *c = NULL;

			put_bytes(files[f], text, cut);
			c = load(root, RUNTIME_UNKNOWN, ids[f], -EINVAL);
			assert_null(c->name);
		}
	}
}

static void survives_deep_and_large_files(void **state)
{
	size_t size = (4 << 20) + 1;
	AUTO_FREE char *text = malloc(size + 1);
	AUTO_CONTAINER struct container *deep = NULL;
	AUTO_CONTAINER struct container *large = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '[', 1 << 20);
	text[1 << 20] = '\0';
	put_docker("a", text, "{}");
	deep = load(root, RUNTIME_DOCKER, "a", -EINVAL);

	memset(text, ' ', size);
	memcpy(text, "{\"ID\":\"b\"}", 10);
	text[size] = '\0';
	put_docker("b", text, "{}");
	large = load(root, RUNTIME_DOCKER, "b", -EINVAL);
	text[size - 1] = '\0';
	put_docker("b", text, "{}");
	container_unref(large);
	large = load(root, RUNTIME_DOCKER, "b", 0);
}

static void opens_nothing_but_files_of_its_folder(void **state)
{
	AUTO_FREE char *config = path_in_root("/var/lib/docker/containers/a/config.v2.json");
	AUTO_CONTAINER struct container *fifo = NULL;
	AUTO_CONTAINER struct container *folder = NULL;
	AUTO_FREE char *outside = NULL;

	(void)state;
	put("/outside.json", "{\"ID\":\"a\",\"Name\":\"/outside\"}");
	assert_int_equal(str_format(&outside, "%s/outside.json", root), 0);
	assert_int_equal(symlink(outside, config), 0);
	load(root, RUNTIME_DOCKER, "a", -ENOENT);
	unlink(config);
	assert_int_equal(symlink("../../../../../outside.json", config), 0);
	load(root, RUNTIME_DOCKER, "a", -ENOENT);
	unlink(config);
	assert_int_equal(mkfifo(config, 0600), 0);
	fifo = load(root, RUNTIME_DOCKER, "a", -EINVAL);
	unlink(config);
	assert_int_equal(mkdir(config, 0700), 0);
	folder = load(root, RUNTIME_DOCKER, "a", -EINVAL);
}

static void reads_specs_strictly(void **state)
{
	static const struct {
		const char *spec;
		bool host_pid, privileged;
		size_t mounts;
		int err;
	} cases[] = {
		{"{}", false, false, 0, 0},
		{"{\"linux\":{\"namespaces\":[]}}", true, false, 0, 0},
		{"{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/7/ns/pid\"}]}}",
		 false, false, 0, 0},
		{"{\"linux\":{\"namespaces\":{}}}", false, false, 0, -EINVAL},
		{"{\"linux\":7}", false, false, 0, -EINVAL},
		{"{\"mounts\":[{\"destination\":\"/a\",\"type\":\"none\",\"source\":\"/b\","
		 "\"options\":[\"rbind\"]}]}",
		 false, false, 1, 0},
		{"{\"mounts\":[{\"type\":\"bind\",\"source\":\"/b\"}]}", false, false, 0, -EINVAL},
		{"{\"mounts\":[7,{\"destination\":\"/a\",\"type\":\"bind\"}]}", false, false, 1, 0},
		{"{\"mounts\":[{\"destination\":\"/a\",\"type\":\"proc\"}]}", false, false, 0, 0},
		/* all three, or it is not */
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}}}",
		 false, true, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"maskedPaths\":[\"/proc/kcore\"],"
		 "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"},"
		 "{\"allow\":false,\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":1,"
		 "\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"annotations\":[]}", false, false, 0, -EINVAL},
		{"{", false, false, 0, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_CONTAINER struct container *c = NULL;

		put(TASKS "/default/x/config.json", cases[i].spec);
		c = load(root, RUNTIME_CONTAINERD, "x", cases[i].err);
		assert_int_equal(c->host_pid, cases[i].host_pid);
		assert_int_equal(c->privileged, cases[i].privileged);
		assert_int_equal(c->mount_count, cases[i].mounts);
	}
}

/* Ids are compared whole, in whatever order a folder lists them. */
static void ids_that_begin_alike_are_told_apart(void **state)
{
	static const size_t alike[] = {12, 32, 63};
	char ids[4][65];
	char config[256];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		memset(ids[i], 'a', 64);
		ids[i][64] = '\0';
		if (i < 3)
			memset(ids[i] + alike[i], 'b', 64 - alike[i]);
		snprintf(config, sizeof(config), "{\"ID\":\"%s\",\"Name\":\"/name%zu\"}", ids[i],
			 i);
		put_docker(ids[i], config, "{}");
	}
	for (size_t i = 0; i < 4; i++) {
		AUTO_CONTAINER struct container *c = load(root, RUNTIME_DOCKER, ids[i], 0);

		snprintf(config, sizeof(config), "name%zu", i);
		assert_string_equal(c->name, config);
	}
	ids[0][63] = 'c';
	assert_null(load(root, RUNTIME_DOCKER, ids[0], -ENOENT));
	ids[1][12] = '\0';
	assert_null(load(root, RUNTIME_DOCKER, ids[1], -ENOENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(ids_that_begin_alike_are_told_apart),
		WITH_ROOT(survives_damaged_files),
		WITH_ROOT(survives_any_cut),
		WITH_ROOT(survives_deep_and_large_files),
		WITH_ROOT(opens_nothing_but_files_of_its_folder),
		WITH_ROOT(reads_specs_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
