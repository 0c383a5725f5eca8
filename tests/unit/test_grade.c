// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/http/grade.h"

static const char *const sockets[] = {"/srv/run/docker.sock", NULL};
static const struct grade_context nothing_known = {.sockets = sockets};

/* Where the answer is given: the grade, and a reason, or NULL. */
static void grade_text(const char *line, const char *body, bool whole,
		       const struct grade_context *context, struct grade *out)
{
	const char *space = strchr(line, ' ');
	struct target target = {0};
	char method[16] = "";
	struct grade_input in = {
		.method = method,
		.target = &target,
		.body = body ? body : "",
		.body_size = body ? strlen(body) : 0,
		.body_whole = whole,
	};

	memcpy(method, line, (size_t)(space - line));
	assert_int_equal(target_parse(space + 1, strlen(space + 1), &target), 0);
	assert_int_equal(grade_request(&in, context, out), 0);
	target_clear(&target);
}

static bool has_reason(const struct grade *g, const char *reason)
{
	for (size_t i = 0; i < g->reason_count; i++)
		if (!strcmp(g->reasons[i], reason))
			return true;
	return false;
}

static void check(const char *line, const char *body, enum grade_level level, const char *reason)
{
	struct grade g = {0};

	grade_text(line, body, true, &nothing_known, &g);
	if (g.level != level || (reason && !has_reason(&g, reason))) {
		print_error("%s %s\n  is %s, not %s", line, body ? body : "", grade_name(g.level),
			    grade_name(level));
		for (size_t i = 0; i < g.reason_count; i++)
			print_error("; %s", g.reasons[i]);
		print_error("%s%s\n", reason ? ", without: " : "", reason ? reason : "");
		fail();
	}
}

static void test_requests_without_a_body(void **state)
{
	static const struct {
		const char *line;
		enum grade_level level;
	} rows[] = {
		{"POST /session", GRADE_OPAQUE},
		{"POST /v1.41/grpc", GRADE_OPAQUE},
		{"POST /v1.41/plugins/pull?remote=x", GRADE_TAKEOVER},
		{"POST /plugins/a/b:latest/enable", GRADE_TAKEOVER},
		{"DELETE /plugins/a", GRADE_TAKEOVER},
		{"POST /swarm/init", GRADE_TAKEOVER},
		{"POST /nodes/x/update", GRADE_TAKEOVER},
		{"DELETE /nodes/x", GRADE_TAKEOVER},
		{"POST /exec/abc/start", GRADE_EXEC},
		{"POST /containers/web/attach?stream=1", GRADE_EXEC},
		{"GET /containers/web/attach/ws", GRADE_EXEC},
		{"PUT /containers/web/archive?path=/", GRADE_WRITE},
		{"POST /build?t=x", GRADE_EXEC},
		{"POST /build?networkmode=host", GRADE_TAKEOVER},
		{"POST /images/load", GRADE_WRITE},
		{"POST /images/create?fromImage=x", GRADE_WRITE},
		{"POST /commit", GRADE_WRITE},
		{"POST /images/a/b/c:1/tag", GRADE_WRITE},
		{"POST /images/reg:5000/a/push", GRADE_WRITE},
		{"POST /auth", GRADE_WRITE},
		{"POST /secrets/create", GRADE_WRITE},
		{"DELETE /configs/x", GRADE_WRITE},
		{"GET /containers/web/archive?path=/etc", GRADE_SENSITIVE_READ},
		{"HEAD /containers/web/archive?path=/etc", GRADE_SENSITIVE_READ},
		{"GET /containers/web/export", GRADE_SENSITIVE_READ},
		{"GET /containers/web/logs", GRADE_SENSITIVE_READ},
		{"GET /containers/web/changes", GRADE_SENSITIVE_READ},
		{"GET /containers/web/top", GRADE_SENSITIVE_READ},
		{"GET /containers/web/json", GRADE_SENSITIVE_READ},
		{"GET /images/get?names=a", GRADE_SENSITIVE_READ},
		{"GET /images/a/b/get", GRADE_SENSITIVE_READ},
		{"GET /secrets", GRADE_SENSITIVE_READ},
		{"GET /secrets/x", GRADE_SENSITIVE_READ},
		{"GET /configs", GRADE_SENSITIVE_READ},
		{"GET /swarm", GRADE_SENSITIVE_READ},
		{"GET /swarm/unlockkey", GRADE_SENSITIVE_READ},
		{"GET /services", GRADE_SENSITIVE_READ},
		{"GET /services/x/logs", GRADE_SENSITIVE_READ},
		{"GET /tasks", GRADE_SENSITIVE_READ},
		{"GET /debug/vars", GRADE_SENSITIVE_READ},
		{"GET /debug/pprof/heap", GRADE_SENSITIVE_READ},
		{"HEAD /_ping", GRADE_PROBE},
		{"GET /%5fp%69ng", GRADE_PROBE},
		{"GET ftp://y/_ping", GRADE_PROBE},
		{"GET /v1.41/version", GRADE_PROBE},
		{"GET /info", GRADE_PROBE},
		{"GET /containers/json?all=1", GRADE_READ},
		{"GET /libpod/containers/json", GRADE_READ},
		{"GET /v4.0.0/libpod/containers/web/logs", GRADE_SENSITIVE_READ},
		{"GET /nobody/knows", GRADE_READ},
		{"POST /containers/web/start", GRADE_WRITE},
		{"POST /nobody/knows", GRADE_WRITE},
		{"DELETE /containers/web", GRADE_WRITE},
		{"BREW /containers/json", GRADE_WRITE},
		{"POST /CONTAINERS/create", GRADE_WRITE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].line, NULL, rows[i].level, NULL);
}

static void check_create(const char *host_config, enum grade_level level, const char *reason)
{
	char body[1024];

	snprintf(body, sizeof(body), "{\"Image\":\"x\",\"HostConfig\":%s}", host_config);
	check("POST /v1.41/containers/create?name=a", body, level, reason);
}

static void test_configurations_that_give_the_host_away(void **state)
{
	static const char *const rows[][2] = {
		{"{\"Privileged\":true}", "privileged"},
		{"{\"Binds\":[\"/:/host\"]}", "binds /, which holds the socket"},
		{"{\"Binds\":[\"/etc:/x:ro\"]}", "binds /etc"},
		{"{\"Binds\":[\"/etc/shadow:/x\"]}", "binds /etc/shadow"},
		{"{\"Binds\":[\"/srv/../root/.ssh:/x\"]}", "binds /root/.ssh"},
		{"{\"Binds\":[\"/home:/x\"]}", "binds /home"},
		{"{\"Binds\":[\"/proc:/x\"]}", "binds /proc"},
		{"{\"Binds\":[\"/./sys//:/x\"]}", "binds /sys"},
		{"{\"Binds\":[\"/dev:/x\"]}", "binds /dev"},
		{"{\"Binds\":[\"/boot:/x\"]}", "binds /boot"},
		{"{\"Binds\":[\"/run:/x\"]}", "binds /run"},
		{"{\"Binds\":[\"/var/run/docker.sock:/x\"]}", "binds /var/run/docker.sock"},
		{"{\"Binds\":[\"/var/lib/docker:/x\"]}", "binds /var/lib/docker"},
		{"{\"Binds\":[\"/var:/x\"]}", "binds /var"},
		{"{\"Binds\":[\"/var/lib/kubelet/pods:/x\"]}", "binds /var/lib/kubelet/pods"},
		{"{\"Binds\":[\"/srv/run:/x\"]}", "binds /srv/run, which holds the socket"},
		{"{\"Binds\":[\"/tmp/a:/b:rshared\"]}", "shared propagation"},
		{"{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/\",\"Target\":\"/h\"}]}",
		 "binds /, which holds the socket"},
		{"{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/tmp/a\",\"BindOptions\":"
		 "{\"Propagation\":\"shared\"}}]}",
		 "shared propagation"},
		{"{\"Mounts\":[{\"Type\":\"volume\",\"VolumeOptions\":{\"DriverConfig\":"
		 "{\"Options\":{\"o\":\"bind\",\"device\":\"/x\"}}}}]}",
		 "volume binds /x"},
		{"{\"VolumesFrom\":[\"a\"]}", "volumes of another container"},
		{"{\"PidMode\":\"host\"}", "pid host"},
		{"{\"PidMode\":\"container:a\"}", "pid container:a"},
		{"{\"NetworkMode\":\"host\"}", "network host"},
		{"{\"IpcMode\":\"host\"}", "ipc host"},
		{"{\"UTSMode\":\"host\"}", "uts host"},
		{"{\"UsernsMode\":\"host\"}", "user host"},
		{"{\"CgroupnsMode\":\"host\"}", "cgroup host"},
		{"{\"CapAdd\":[\"ALL\"]}", "capability ALL"},
		{"{\"CapAdd\":[\"cap_sys_admin\"]}", "capability SYS_ADMIN"},
		{"{\"CapAdd\":[\"CHOWN\",\"SYS_MODULE\"]}", "capability SYS_MODULE"},
		{"{\"Devices\":[{\"PathOnHost\":\"/dev/sda\"}]}", "device /dev/sda"},
		{"{\"DeviceCgroupRules\":[\"b 8:0 rwm\"]}", "device rules"},
		{"{\"DeviceRequests\":[{\"Driver\":\"x\"}]}", "device requests"},
		{"{\"SecurityOpt\":[\"seccomp=unconfined\"]}",
		 "security option seccomp=unconfined"},
		{"{\"SecurityOpt\":[\"label:disable\"]}", "security option label:disable"},
		{"{\"MaskedPaths\":[]}", "no masked paths"},
		{"{\"ReadonlyPaths\":[]}", "no read-only paths"},
		{"{\"CgroupParent\":\"/a\"}", "cgroup parent /a"},
		{"{\"Runtime\":\"kata\"}", "runtime kata"},
		{"{\"GroupAdd\":[\"docker\"]}", "groups"},
		{"{\"Annotations\":{\"a\":\"b\"}}", "annotations"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_create(rows[i][0], GRADE_TAKEOVER, rows[i][1]);
}

static void test_configurations_that_do_not(void **state)
{
	static const char *const rows[] = {
		"{}",
		"null",
		"{\"Privileged\":false}",
		"{\"Binds\":[\"/tmp/a:/b\",\"/srv/data:/d\",\"data:/x\"]}",
		"{\"Binds\":[\"/etc/localtime:/etc/localtime:ro\"]}",
		"{\"Binds\":[\"/home/user/project:/src\"]}",
		"{\"Binds\":null,\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\"}]}",
		"{\"NetworkMode\":\"bridge\",\"PidMode\":\"\",\"IpcMode\":\"private\"}",
		"{\"CapAdd\":[\"NET_BIND_SERVICE\"],\"CapDrop\":[\"ALL\"]}",
		"{\"MaskedPaths\":null,\"ReadonlyPaths\":null}",
		"{\"Runtime\":\"runc\"}",
		"{\"SecurityOpt\":[\"no-new-privileges\"]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_create(rows[i], GRADE_WRITE, NULL);
}

/* What Go makes of it counts. */
static void test_spellings_of_go(void **state)
{
	static const struct {
		const char *body;
		enum grade_level level;
	} rows[] = {
		{"{\"hostconfig\":{\"privi\\u006ceged\":true,\"Privileged\":false,"
		 "\"PRIVILEGED\":true}}",
		 GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Privileged\":true,\"privileged\":false}}", GRADE_WRITE},
		{"{\"HostConfig\":{\"Privileged\":true},\"HostConfig\":{}}", GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Privileged\":true},\"hostConfig\":null}", GRADE_WRITE},
		{"{\"HostConfig\":{\"Privileged\":true,\"Privileged\":null}}", GRADE_TAKEOVER},
		{"{\"Ho\xc5\xbft\x43onfig\":{\"Privileged\":true}}", GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Ma\xc5\xbf\xe2\x84\xaa\x65\x64Paths\":[]}}", GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Binds\":[\"/:/a\"],\"Binds\":[null]}}", GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Binds\":[\"/:/a\"],\"Binds\":[\"/tmp:/a\"]}}", GRADE_WRITE},
		{"{\"HostConfig\":{\"Binds\":[\"/:/a\"],\"Binds\":[]}}", GRADE_WRITE},
		{"{\"HostConfig\":{\"Binds\":[\"/:/a\"],\"Binds\":null}}", GRADE_WRITE},
		{"{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/\"}],"
		 "\"Mounts\":[{}]}}",
		 GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/\"}],"
		 "\"Mounts\":[],\"Mounts\":[{}]}}",
		 GRADE_TAKEOVER},
		{"{\"HostConfig\":{\"Privileged\":true}} trailing", GRADE_TAKEOVER},
		{"{\"Env\":[\"HostConfig\"],\"Privileged\":true}", GRADE_WRITE},
		{"{\"Labels\":{\"HostConfig\":{\"Privileged\":true}}}", GRADE_WRITE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check("POST /containers/create", rows[i].body, rows[i].level, NULL);
}

static void test_body_that_is_cut_or_none(void **state)
{
	struct grade g = {0};

	(void)state;
	grade_text("POST /containers/create", "{\"HostConfig\":{\"Privileged\":true,\"Bin", false,
		   &nothing_known, &g);
	assert_int_equal(g.level, GRADE_TAKEOVER);
	assert_true(has_reason(&g, "the body was not seen whole"));
	check("POST /containers/create", "", GRADE_WRITE, "the body was not seen whole");
	check("POST /containers/create", "{,}", GRADE_WRITE, "the body is no JSON");
	check("POST /containers/web/exec", "no", GRADE_EXEC, "the body is no JSON");
}

static void test_body_that_is_deep(void **state)
{
	enum {
		DEPTH = 100000
	};
	char *body = malloc(DEPTH + 1);

	(void)state;
	assert_non_null(body);
	memset(body, '[', DEPTH);
	body[DEPTH] = '\0';
	check("POST /containers/create", body, GRADE_WRITE, "the body is no JSON");
	free(body);
}

static void test_others_bodies(void **state)
{
	(void)state;
	check("POST /volumes/create",
	      "{\"Driver\":\"local\",\"DriverOpts\":{\"type\":\"none\",\"o\":\"bind\",\"device\":"
	      "\"/etc\"}}",
	      GRADE_TAKEOVER, "volume binds /etc");
	check("POST /volumes/create", "{\"DriverOpts\":{\"device\":\"/dev/sda1\"}}", GRADE_TAKEOVER,
	      "volume on device /dev/sda1");
	check("POST /volumes/create",
	      "{\"DriverOpts\":{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1m\"}}",
	      GRADE_WRITE, NULL);
	check("POST /containers/web/exec", "{\"Cmd\":[\"sh\"]}", GRADE_EXEC, NULL);
	check("POST /containers/web/exec", "{\"privileged\":true}", GRADE_TAKEOVER, "privileged");
	check("POST /services/create",
	      "{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":"
	      "\"/\"}]}}}",
	      GRADE_TAKEOVER, "binds /, which holds the socket");
	check("POST /services/a/update",
	      "{\"TaskTemplate\":{\"ContainerSpec\":{\"CapabilityAdd\":[\"CAP_SYS_ADMIN\"]}}}",
	      GRADE_TAKEOVER, "capability SYS_ADMIN");
	check("POST /services/create",
	      "{\"TaskTemplate\":{\"ContainerSpec\":{\"Privileges\":{\"Seccomp\":{\"Mode\":"
	      "\"unconfined\"}}}}}",
	      GRADE_TAKEOVER, "security option unconfined");
	check("POST /v4.0.0/libpod/containers/create", "{\"privileged\":true}", GRADE_TAKEOVER,
	      "privileged");
	check("POST /libpod/containers/create",
	      "{\"mounts\":[{\"destination\":\"/h\",\"source\":\"/\",\"type\":\"bind\"}]}",
	      GRADE_TAKEOVER, "binds /, which holds the socket");
	check("POST /libpod/containers/create", "{\"pidns\":{\"nsmode\":\"host\"}}", GRADE_TAKEOVER,
	      "pid host");
	check("POST /libpod/containers/create", "{\"image\":\"x\"}", GRADE_WRITE, NULL);
}

static const struct container *one_container(void *ctx, const char *object)
{
	return strcmp(object, "web") ? NULL : ctx;
}

static void test_what_is_done_in_a_container(void **state)
{
	struct container_mount mount = {
		.type = (char *)"bind",
		.source = (char *)"/srv/run",
		.destination = (char *)"/r",
	};
	struct container c = {.privileged = true};
	const struct grade_context context = {
		.sockets = sockets,
		.container = one_container,
		.ctx = &c,
	};
	struct grade g = {0};

	(void)state;
	grade_text("POST /containers/web/exec", "{}", true, &context, &g);
	assert_int_equal(g.level, GRADE_TAKEOVER);
	grade_text("POST /containers/other/exec", "{}", true, &context, &g);
	assert_int_equal(g.level, GRADE_EXEC);
	c = (struct container){.mounts = &mount, .mount_count = 1};
	grade_text("POST /containers/web/exec", "{}", true, &context, &g);
	assert_int_equal(g.level, GRADE_TAKEOVER);
	assert_true(has_reason(&g, "in a container that holds the socket"));
	mount.source = (char *)"/srv/data";
	grade_text("POST /containers/web/exec", "{}", true, &context, &g);
	assert_int_equal(g.level, GRADE_EXEC);
	grade_text("PUT /containers/web/archive?path=/", NULL, true, &context, &g);
	assert_int_equal(g.level, GRADE_TAKEOVER);
}

static void test_reasons_are_escaped_and_bounded(void **state)
{
	static char body[20000] = "{\"HostConfig\":{\"Binds\":[\"/etc/a\\nb\\u001b[31m:/x\"";
	struct grade g = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		sprintf(body + strlen(body), ",\"/etc/%d%0150d:/x\"", i, 0);
	strcat(body, "]}}");
	grade_text("POST /containers/create", body, true, &nothing_known, &g);
	assert_int_equal(g.reason_count, GRADE_REASONS_MAX);
	assert_string_equal(g.reasons[0], "binds /etc/a\\nb\\x1b[31m");
	for (size_t i = 0; i < g.reason_count; i++)
		assert_true(strlen(g.reasons[i]) < GRADE_REASON_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_without_a_body),
		cmocka_unit_test(test_configurations_that_give_the_host_away),
		cmocka_unit_test(test_configurations_that_do_not),
		cmocka_unit_test(test_spellings_of_go),
		cmocka_unit_test(test_body_that_is_cut_or_none),
		cmocka_unit_test(test_body_that_is_deep),
		cmocka_unit_test(test_others_bodies),
		cmocka_unit_test(test_what_is_done_in_a_container),
		cmocka_unit_test(test_reasons_are_escaped_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
