// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/sample_event.h"

static void assert_text(json_t *json, const char *path, const char *expected)
{
	const char *found = json_string_value(json_at(json, path));

	if (!found)
		fail_msg("%s is not there", path);
	assert_string_equal(found, expected);
}

static void assert_absent(json_t *json, const char *path)
{
	if (json_at(json, path))
		fail_msg("%s is there", path);
}

static void assert_args(json_t *json, const char *expected)
{
	char *found = json_dumps(json_at(json, "process.args"), JSON_COMPACT);

	assert_non_null(found);
	assert_string_equal(found, expected);
	free(found);
}

static void assert_truncated(json_t *json, const char *expected)
{
	char *found = json_dumps(json_at(json, "docksnoop.truncated"), JSON_COMPACT);

	assert_non_null(found);
	assert_string_equal(found, expected);
	free(found);
}

static void check_golden(struct sample *s, const char *name)
{
	json_t *json = sample_json(s);
	char path[4096] = "";
	json_t *expected = NULL;

	snprintf(path, sizeof(path), "%s/output/%s.json", TEST_DATA, name);
	expected = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (!expected)
		fail_msg("%s cannot be read", path);
	if (!json_equal(json, expected)) {
		json_dumpf(json, stderr, JSON_INDENT(2));
		fail_msg("this is not %s", path);
	}
	json_decref(expected);
	json_decref(json);
	sample_free(s);
}

static void test_golden(void **state)
{
	(void)state;
	check_golden(sample_connect(), "connect");
	check_golden(sample_host(), "host");
	check_golden(sample_unknown(), "unknown");
	check_golden(sample_exposed(), "exposed");
	check_golden(sample_proxied(), "proxied");
	check_golden(sample_listens(), "listens");
	check_golden(sample_handoff(), "handoff");
	check_golden(sample_request(), "request");
	check_golden(sample_unread(), "unread");
	check_golden(sample_lost(), "lost");
	check_golden(sample_started(), "started");
	check_golden(sample_stopped(), "stopped");
}

static void test_hostile_strings(void **state)
{
	static const char argv[] = "sh\0-c\nid\0\033[31mred\0a\xff\xc3(b\0\xc2\x9b\0";
	struct sample *s = sample_connect();
	json_t *json = NULL;
	json_t *again = NULL;
	char *line = NULL;

	(void)state;
	sample_args(s, argv, sizeof(argv) - 1);
	memcpy(s->record.raw.comm, "\n\033]0;x\a\xfe", 9);
	strcpy(s->record.client_path, "/tmp/\"x\\\r\n.sock");
	s->container.name = (char *)"na\nme\x1b[2J\x80";
	sample_label(s, "k\n\033", json_string("v\n\xc2\x9b\xe2\x80\xae"));
	json = sample_json(s);

	assert_args(json, "[\"sh\",\"-c\\nid\",\"\\u001B[31mred\",\"a\xef\xbf\xbd\xef\xbf\xbd(b\","
			  "\"\xc2\x9b\"]");
	assert_text(json, "process.name", "\n\033]0;x\a\xef\xbf\xbd");
	assert_text(json, "docksnoop.socket.client_path", "/tmp/\"x\\\r\n.sock");
	assert_text(json, "container.name", "na\nme\x1b[2J\xef\xbf\xbd");
	assert_text(json_at(json, "container.labels"), "k\n\033", "v\n\xc2\x9b\xe2\x80\xae");
	/* the sentence is printed by people: nothing in it may act on a terminal */
	assert_null(strpbrk(json_string_value(json_at(json, "message")), "\n\r\033\a"));
	assert_non_null(strstr(json_string_value(json_at(json, "message")),
			       "container na\\nme\\x1b[2J\\x80 (traefik:v2) reached"));

	line = json_dumps(json, EVENT_JSON_FLAGS);
	for (const char *c = line; *c; c++)
		assert_in_range((unsigned char)*c, 0x20, 0x7e);
	again = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_equal(json, again));
	json_decref(again);
	free(line);
	json_decref(json);
	sample_free(s);
}

static void check_args(const char *argv, size_t len, const char *expected)
{
	struct sample *s = sample_connect();
	json_t *json = NULL;

	sample_args(s, argv, len);
	/* what lies behind the end is nobody's argument */
	memset(s->record.argv + len + 1, 'z', sizeof(s->record.argv) - len - 2);
	s->record.argv[len] = '\0';
	json = sample_json(s);
	assert_args(json, expected);
	json_decref(json);
	sample_free(s);
}
#define CHECK_ARGS(argv, expected) check_args(argv, sizeof(argv) - 1, expected)

static void test_args(void **state)
{
	(void)state;
	CHECK_ARGS("a\0", "[\"a\"]");
	CHECK_ARGS("a\0\0b\0\0", "[\"a\",\"\",\"b\",\"\"]");
	CHECK_ARGS("\0", "[\"\"]");
	CHECK_ARGS("a\0cut her", "[\"a\",\"cut her\"]");
}

static void test_args_full(void **state)
{
	struct sample *s = sample_connect();
	json_t *json = NULL;

	(void)state;
	memset(s->record.argv, 'x', DS_ARGV_MAX);
	s->record.argv_len = DS_ARGV_MAX;
	json = sample_json(s);
	assert_int_equal(json_string_length(json_array_get(json_at(json, "process.args"), 0)),
			 DS_ARGV_MAX);
	json_decref(json);
	sample_free(s);
}

static void test_args_credentials(void **state)
{
	(void)state;
	CHECK_ARGS("curl\0-H\0Authorization: Bearer abc\0http://d/\0",
		   "[\"curl\",\"-H\",\"Authorization: **********\",\"http://d/\"]");
	CHECK_ARGS("sh\0-c\0curl -H 'X-Registry-Auth: abc' -X POST http://d/\0",
		   "[\"sh\",\"-c\",\"curl -H 'X-Registry-Auth: ***' -X POST http://d/\"]");
	CHECK_ARGS("py\0{\"aUTHORIZATION\": \"abc\", \"n\": 1}\0",
		   "[\"py\",\"{\\\"aUTHORIZATION\\\": \\\"***\\\", \\\"n\\\": 1}\"]");
	CHECK_ARGS("x\0X-Registry-Config:a\nY: b\0", "[\"x\",\"X-Registry-Config:*\\nY: b\"]");
	CHECK_ARGS("x\0authorization is asked for\0authorization:",
		   "[\"x\",\"authorization is asked for\",\"authorization:\"]");
	CHECK_ARGS("docker\0login\0-u\0me:x\0-p\0abc\0reg\0",
		   "[\"docker\",\"login\",\"-u\",\"me:x\",\"-p\",\"***\",\"reg\"]");
	CHECK_ARGS("docker\0login\0-pabc\0--password=de\0--password\0f\0",
		   "[\"docker\",\"login\",\"-p***\",\"--password=**\",\"--password\",\"*\"]");
	CHECK_ARGS("docker\0run\0-p\08080:80\0--password-stdin\0x\0",
		   "[\"docker\",\"run\",\"-p\",\"8080:80\",\"--password-stdin\",\"x\"]");
	CHECK_ARGS("/usr/bin/curl\0-u\0me:abc\0-ume:ab\0--user=me:a\0--user\0me\0d:80\0",
		   "[\"/usr/bin/curl\",\"-u\",\"me:***\",\"-ume:**\",\"--user=me:*\","
		   "\"--user\",\"me\",\"d:80\"]");
	CHECK_ARGS("docker\0exec\0-u\0root:root\0", "[\"docker\",\"exec\",\"-u\",\"root:root\"]");
	CHECK_ARGS("docker\0login\0--password\0ab", "[\"docker\",\"login\",\"--password\",\"**\"]");
}

static void test_absent(void **state)
{
	struct sample *s = sample_connect();
	json_t *json = NULL;

	(void)state;
	s->host.machine_id = NULL;
	free(s->container.labels);
	s->container = (struct container){.runtime = RUNTIME_UNKNOWN, .id = (char *)SAMPLE_ID};
	s->record.raw.ppid = 0;
	s->record.raw.start_ns = 0;
	s->record.raw.cgroup_id = 0;
	s->record.raw.mnt_ns = 0;
	s->record.raw.pid_ns = 0;
	s->record.raw.user_ns = 0;
	s->record.raw.comm[0] = '\0';
	s->record.raw.connection = 0;
	s->record.exe[0] = '\0';
	s->record.argv_len = 0;
	s->record.client_path[0] = '\0';
	s->event.listener = NULL;
	s->mount = (struct mount_use){.via = VIA_PROC_ROOT, .read_only = true};
	json = sample_json(s);
	assert_absent(json, "host.id");
	assert_int_equal(json_object_size(json_at(json, "container")), 1);
	assert_absent(json, "orchestrator");
	assert_absent(json, "error");
	assert_int_equal(json_object_size(json_at(json, "process")), 3); /* pid, user, group */
	assert_absent(json, "docksnoop.socket.client_path");
	assert_absent(json, "docksnoop.socket.daemon");
	assert_absent(json, "docksnoop.socket.scope");
	assert_text(json, "docksnoop.socket.path", "/var/run/docker.sock");
	assert_int_equal(json_object_size(json_at(json, "docksnoop.mount")), 1);
	assert_text(json, "docksnoop.mount.via", "proc-root");
	assert_absent(json, "docksnoop.attribution.namespaces");
	assert_absent(json, "docksnoop.attribution.cgroup_id");
	assert_absent(json, "docksnoop.attribution.anomaly");
	assert_absent(json, "docksnoop.attribution.outer_container_id");
	assert_absent(json, "docksnoop.connection");
	assert_absent(json, "docksnoop.loginuid");
	assert_absent(json, "docksnoop.io_uring");
	assert_absent(json, "docksnoop.truncated");
	json_decref(json);

	/* abstract: a name, and no file */
	s->record.raw.socket_ino = 0;
	s->record.raw.flags = DS_F_ABSTRACT;
	strcpy(s->record.bound_path, "@buildkit");
	json = sample_json(s);
	assert_text(json, "docksnoop.socket.path", "@buildkit");
	assert_absent(json, "docksnoop.socket.inode");
	assert_absent(json, "docksnoop.socket.device");
	json_decref(json);
	sample_free(s);
}

static void test_details(void **state)
{
	struct sample *s = sample_connect();
	json_t *json = NULL;

	(void)state;
	s->record.raw.flags = DS_F_IO_WORKER;
	s->record.raw.loginuid = 0;
	s->record.raw.socket_dev = 254U << 20 | 1048575;
	s->record.raw.truncated =
		1U << DS_STR_ARGV | 1U << DS_STR_FS_PATH | 1U << DS_STR_MOUNT_ROOT;
	s->event.attribution.outer_id = "kind-node";
	s->listener.scope = SCOPE_NESTED;
	s->mount.stale = true;
	s->container.runtime = RUNTIME_CONTAINERD;
	s->container.pod_name = (char *)"web-7f9";
	s->container.pod_namespace = (char *)"shop";
	s->container.pod_uid = (char *)"0a7c2f3e-58b1-4f63-9d6a-3c2b1e0f4a5d";
	s->event.error = 512;
	json = sample_json(s);
	assert_true(json_is_true(json_at(json, "docksnoop.io_uring")));
	assert_int_equal(json_integer_value(json_at(json, "docksnoop.loginuid")), 0);
	assert_text(json, "docksnoop.socket.device", "254:1048575");
	assert_text(json, "docksnoop.socket.scope", "nested");
	assert_true(json_is_true(json_at(json, "docksnoop.mount.stale")));
	assert_text(json, "docksnoop.attribution.outer_container_id", "kind-node");
	assert_truncated(json, "[\"process.args\",\"docksnoop.mount.source\"]");
	assert_text(json, "orchestrator.type", "kubernetes");
	assert_text(json, "orchestrator.namespace", "shop");
	assert_text(json, "orchestrator.resource.type", "pod");
	assert_text(json, "orchestrator.resource.name", "web-7f9");
	assert_text(json, "error.code", "ERESTARTSYS");
	json_decref(json);

	s->container.runtime = RUNTIME_PODMAN;
	s->event.error = 4095;
	s->record.raw.socket_ino = UINT64_MAX;
	json = sample_json(s);
	assert_absent(json, "orchestrator.type");
	assert_text(json, "error.code", "4095");
	assert_absent(json, "docksnoop.socket.inode");
	json_decref(json);
	sample_free(s);
}

static void test_kernel_thread(void **state)
{
	struct sample *s = sample_connect();
	json_t *json = NULL;

	(void)state;
	s->record.raw.flags = DS_F_KTHREAD | DS_F_IO_WORKER;
	json = sample_json(s);
	assert_true(json_is_true(json_at(json, "docksnoop.kernel_thread")));
	assert_absent(json, "process.user");
	assert_absent(json, "process.group");
	assert_absent(json, "process.executable");
	assert_absent(json, "process.args");
	json_decref(json);
	sample_free(s);
}

static void test_huge_strings(void **state)
{
	struct sample *s = sample_connect();
	size_t size = 1 << 20;
	char *name = malloc(size);
	json_t *json = NULL;
	char *filler = NULL;

	(void)state;
	/* two bytes a character, so that the limit falls within one */
	name[0] = 'a';
	for (size_t i = 1; i + 2 < size; i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	name[size - 1] = '\0';
	s->container.name = name;
	filler = strndup(name, 32001);
	json_object_clear(s->labels);
	sample_label(s, "filler", json_string(filler));
	sample_label(s, "filler2", json_stringn(name, 1001));
	sample_label(s, "no text", json_integer(1));
	sample_label(s, "com.docker.compose.project", json_string("edge"));
	json = sample_json(s);
	assert_int_equal(json_string_length(json_at(json, "container.name")), 12287);
	assert_text(json_at(json, "container.labels"), "filler", filler);
	assert_null(json_object_get(json_at(json, "container.labels"), "filler2"));
	assert_null(json_object_get(json_at(json, "container.labels"), "no text"));
	assert_string_equal(json_string_value(json_object_get(json_at(json, "container.labels"),
							      "com.docker.compose.project")),
			    "edge");
	assert_truncated(json, "[\"container.name\",\"container.labels\"]");
	assert_in_range(json_string_length(json_at(json, "message")), 1, 2048);
	json_decref(json);
	free(name);
	free(filler);
	sample_free(s);
}

static size_t allocations_left;

static void *allocate(size_t size)
{
	if (!allocations_left)
		return NULL;
	allocations_left--;
	return malloc(size);
}

/* No memory for any one of its parts: no event, rather than one with a part missing. */
static void test_no_memory(void **state)
{
	struct sample *s = sample_connect();
	json_t *json = NULL;
	size_t n = 0;

	(void)state;
	s->record.raw.truncated = 1U << DS_STR_ARGV;
	json_set_alloc_funcs(allocate, free);
	for (n = 0; !json; n++) {
		allocations_left = n;
		json = event_to_json(&s->event);
	}
	json_set_alloc_funcs(malloc, free);
	assert_true(n > 100);
	assert_text(json, "process.parent.name", "sh");
	json_decref(json);
	sample_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_args_full),
		cmocka_unit_test(test_args_credentials),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_huge_strings),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
