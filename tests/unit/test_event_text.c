// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "tests/unit/sample_event.h"

static void check_line(struct sample *s, bool color, const char *expected)
{
	char *line = event_to_text(&s->event, color);

	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
	sample_free(s);
}

static void check_reason(struct sample *s, const char *expected)
{
	char *reason = event_reason(&s->event);

	assert_non_null(reason);
	assert_string_equal(reason, expected);
	free(reason);
}

static void test_lines(void **state)
{
	(void)state;
	check_line(sample_connect(), false,
		   "20:31:07.123  FLAGGED  traefik (traefik:v2)          curl[4242] uid 1000     "
		   "/tmp/x.sock -> docker /var/run/docker.sock  "
		   "socket-bind /var/run/docker.sock:/tmp/x.sock:ro\n");
	check_line(sample_host(), false,
		   "20:31:07.123  host                                   curl[4242] uid 1000     "
		   "/var/run/docker.sock -> docker /var/run/docker.sock  failed EACCES\n");
	check_line(sample_unknown(), false,
		   "20:31:07.123  FLAGGED  container unknown (cgroup /strange)  "
		   "curl[4242] uid 1000     /tmp/x.sock -> docker /var/run/docker.sock  "
		   "left-cgroup\n");
	check_line(sample_exposed(), false,
		   "20:31:07.123  exposed  traefik (traefik:v2)                                  "
		   "/hostrun/docker.sock -> docker /var/run/docker.sock  "
		   "directory-bind /run:/hostrun:rw\n");
	check_line(sample_proxied(), false,
		   "20:31:07.123  FLAGGED  traefik (traefik:v2)          curl[4242] uid 1000     "
		   "tcp://172.18.0.2:2375 -> proxy socket-proxy (tecnativa/docker-socket-proxy) "
		   "-> docker /var/run/docker.sock\n");
	check_line(sample_listens(), false,
		   "20:31:07.123  exposed  the daemon itself                                     "
		   "tcp://0.0.0.0:2375 -> docker\n");
	check_line(sample_handoff(), false,
		   "20:31:07.123  FLAGGED  traefik (traefik:v2)          curl[4242] uid 1000     "
		   "connection of host broker[812] -> docker /var/run/docker.sock  handoff\n");
	check_line(sample_request(), false,
		   "20:31:07.123  FLAGGED  traefik (traefik:v2)          curl[4242] uid 1000     "
		   "POST /containers/create miner -> 7d41c09be5f2 201 takeover: privileged, "
		   "binds /\n");
	check_line(sample_unread(), false,
		   "20:31:07.123  FLAGGED  container unknown                                     "
		   "unreadable (no answer seen) unknown (gap)\n");
	check_line(sample_lost(), false,
		   "20:31:07.123  LOST     3 connect records were lost (ring): "
		   "what is recorded has a gap here; docksnoop did not get a CPU in time, or a "
		   "container starts "
		   "processes by the thousand: see whose connects come before and after\n");
	check_line(sample_started(), false,
		   "20:31:07.123  started  docksnoop 0.1.0 watches in mode trampoline: "
		   "docker /var/run/docker.sock\n");
	check_line(sample_stopped(), false,
		   "20:31:07.123  stopped  docksnoop 0.1.0 stopped after 16 events, "
		   "with 3 lost\n");
}

static void test_tcp_reasons(void **state)
{
	struct sample *s = sample_proxied();

	(void)state;
	check_reason(s, "container traefik (traefik:v2) reached the docker daemon at "
			"tcp://172.18.0.2:2375, by way of the container socket-proxy "
			"(tecnativa/docker-socket-proxy)");
	s->event.error = ECONNREFUSED;
	s->event.proxy = NULL;
	check_reason(s, "container traefik (traefik:v2) tried to reach the docker daemon at "
			"tcp://172.18.0.2:2375, by way of the container unknown; the connect "
			"failed with ECONNREFUSED");
	s->event.error = 0;
	s->event.proxied = false;
	s->event.outcome_unknown = true;
	check_reason(s, "container traefik (traefik:v2) tried to reach the docker daemon at "
			"tcp://172.18.0.2:2375; whether it was answered is not known");
	sample_free(s);
	s = sample_listens();
	check_reason(s, "the docker daemon listens at tcp://0.0.0.0:2375, for whoever reaches "
			"that address");
	s->event.address = "tcp://127.0.0.1:2375";
	s->event.address_local = true;
	check_reason(s, "the docker daemon listens at tcp://127.0.0.1:2375, for every process in "
			"its network namespace");
	sample_free(s);
	s = sample_exposed();
	s->event.address = "tcp://172.18.0.2:2375";
	check_reason(s,
		     "container traefik (traefik:v2) listens at tcp://172.18.0.2:2375, for "
		     "whoever reaches that address, and can reach the docker daemon through "
		     "/hostrun/docker.sock, in the bind mount of the directory /run at /hostrun");
	sample_free(s);
}

/* Every colour that is set is taken back before the line ends. */
static void test_color(void **state)
{
	(void)state;
	check_line(sample_connect(), true,
		   "20:31:07.123  \033[1;31mFLAGGED\033[0m  traefik (traefik:v2)          "
		   "curl[4242] uid 1000     /tmp/x.sock -> docker /var/run/docker.sock  "
		   "socket-bind /var/run/docker.sock:/tmp/x.sock:ro\n");
	check_line(sample_host(), true,
		   "\033[2m20:31:07.123  host                                   "
		   "curl[4242] uid 1000     "
		   "/var/run/docker.sock -> docker /var/run/docker.sock  failed EACCES\033[0m\n");
	check_line(sample_lost(), true,
		   "20:31:07.123  \033[33mLOST   \033[0m  3 connect records were lost (ring): "
		   "what is recorded has a gap here; docksnoop did not get a CPU in time, or a "
		   "container starts "
		   "processes by the thousand: see whose connects come before and after\n");
}

static void test_hostile(void **state)
{
	struct sample *s = sample_connect();
	char *line = NULL;

	(void)state;
	memcpy(s->record.raw.comm, "\n\033]0;x\a\xfe", 9);
	strcpy(s->record.client_path, "/x\r\n\033[2K\xc2\x9b\xe2\x80\xae\\");
	strcpy(s->record.bound_path, "/run\n/d.sock");
	s->container.name = (char *)"a\nb";
	s->container.image = (char *)"i\tm";
	s->container.pod_namespace = (char *)"n\033s";
	s->container.pod_name = (char *)"p\x80";
	s->mount.source = (char *)"/s\n";
	s->mount.target = (char *)"/t\033";
	s->event.attribution.outer_id = "o\nuter";
	line = event_to_text(&s->event, false);
	assert_string_equal(line,
			    "20:31:07.123  FLAGGED  n\\x1bs/p\\x80/a\\nb (i\\tm) in o\\nuter  "
			    "\\n\\x1b]0;x\\x07\\xfe[4242] uid 1000  "
			    "/x\\r\\n\\x1b[2K\\xc2\\x9b\\u{202E}\\\\ -> docker /run\\n/d.sock  "
			    "socket-bind /s\\n:/t\\x1b:ro\n");
	free(line);
	sample_free(s);
}

/* A long name pushes the rest aside, one that never ends does not make the line endless. */
static void test_long(void **state)
{
	struct sample *s = sample_connect();
	char *name = malloc(1 << 20);
	char *line = NULL;

	(void)state;
	memset(name, 'n', 1 << 20);
	name[40] = '\0';
	s->container.name = name;
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "nn (traefik:v2)  curl[4242] uid 1000     /tmp/x.sock"));
	free(line);

	name[40] = 'n';
	name[(1 << 20) - 1] = '\0';
	memset(s->record.client_path, '\033', DS_SUN_PATH_MAX);
	line = event_to_text(&s->event, false);
	assert_in_range(strlen(line), 1, 2048);
	assert_non_null(strstr(line, "nn… (traefik:v2)  curl"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	free(line);
	free(name);
	sample_free(s);
}

/* Columns count characters, not bytes. */
static void test_width(void **state)
{
	struct sample *s = sample_connect();
	char *line = NULL;

	(void)state;
	s->container.name = (char *)"tr\xc3\xa4\xc3\xa4"
				    "fik";
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "  tr\xc3\xa4\xc3\xa4"
				     "fik (traefik:v2)          curl["));
	free(line);
	sample_free(s);
}

static void test_names(void **state)
{
	struct sample *s = sample_connect();
	char *line = NULL;

	(void)state;
	/* without a name it is its id, in short as docker has it, but only if it is such a one */
	s->container.name = NULL;
	s->container.image = NULL;
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "FLAGGED  4f0c5a9e1b7d                  curl["));
	free(line);
	s->container.id = (char *)"deadbeefdeadbeefdead";
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "FLAGGED  deadbeefdeadbeefdead          curl["));
	free(line);

	s->container.id = (char *)SAMPLE_ID "-not";
	s->event.attribution.outer_id = SAMPLE_ID;
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "FLAGGED  " SAMPLE_ID "-not in 4f0c5a9e1b7d  curl["));
	free(line);
	sample_free(s);
}

static void test_other_words(void **state)
{
	struct sample *s = sample_connect();
	char *line = NULL;

	(void)state;
	s->event.verdict = VERDICT_NONE;
	s->record.raw.flags = DS_F_KTHREAD;
	line = event_to_text(&s->event, true);
	assert_non_null(strstr(
		line, "  connect  traefik (traefik:v2)          curl[4242]              /tmp"));
	free(line);
	s->listener.scope = SCOPE_NESTED;
	line = event_to_text(&s->event, true);
	assert_non_null(strstr(line, "  nested   traefik"));
	free(line);

	s->event.verdict = VERDICT_FLAGGED;
	s->event.listener = NULL;
	s->record.client_path[0] = '\0';
	s->mount = (struct mount_use){.via = VIA_UNKNOWN};
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "  ? -> unknown daemon /var/run/docker.sock  unknown\n"));
	free(line);
	s->mount = (struct mount_use){.via = VIA_SOCKET_BIND, .known = true, .stale = true};
	line = event_to_text(&s->event, false);
	assert_non_null(strstr(line, "  socket-bind ?:?:rw stale\n"));
	free(line);
	sample_free(s);
}

static void test_local_time(void **state)
{
	struct sample *s = sample_lost();
	char *line = NULL;

	(void)state;
	setenv("TZ", "EST5", 1);
	tzset();
	line = event_to_text(&s->event, false);
	setenv("TZ", "UTC", 1);
	tzset();
	assert_memory_equal(line, "15:31:07.123  LOST", 18);
	free(line);
	sample_free(s);
}

static void test_reason_ways(void **state)
{
	struct sample *s = sample_connect();

	(void)state;
	check_reason(s, "container traefik (traefik:v2) reached the docker daemon through "
			"/tmp/x.sock, a bind mount of /var/run/docker.sock; read-only protects "
			"nothing: requests pass through it unchanged");
	strcpy(s->record.client_path, "/host/run/docker.sock");
	s->mount = (struct mount_use){
		.via = VIA_HOST_ROOT,
		.source = (char *)"/",
		.target = (char *)"/host",
		.known = true,
	};
	check_reason(s, "container traefik (traefik:v2) reached the docker daemon through "
			"/host/run/docker.sock, in the bind mount of the host's root / at /host");
	s->mount.via = VIA_VOLUME;
	s->mount.source = NULL;
	check_reason(s, "container traefik (traefik:v2) reached the docker daemon through "
			"/host/run/docker.sock, in a volume at /host");
	s->mount = (struct mount_use){.via = VIA_PROC_ROOT};
	check_reason(s, "container traefik (traefik:v2) reached the docker daemon through "
			"/host/run/docker.sock, by way of the root of another process");
	s->mount.via = VIA_HOST_NAMESPACE;
	check_reason(s, "container traefik (traefik:v2) reached the docker daemon through "
			"/host/run/docker.sock, being in the host's own mount namespace");
	s->mount.via = VIA_UNKNOWN;
	s->event.error = EAGAIN;
	check_reason(s, "container traefik (traefik:v2) tried to reach the docker daemon through "
			"/host/run/docker.sock, by a mount that was not found; the connect failed "
			"with EAGAIN");
	s->event.error = 0;
	s->event.mount = NULL;
	s->listener.daemon = DAEMON_OTHER;
	s->listener.scope = SCOPE_NESTED;
	check_reason(s, "container traefik (traefik:v2) reached a daemon of a container through "
			"/host/run/docker.sock");
	sample_free(s);
}

static void test_reason_exposed(void **state)
{
	struct sample *s = sample_exposed();

	(void)state;
	check_reason(s, "container traefik (traefik:v2) can reach the docker daemon through "
			"/hostrun/docker.sock, in the bind mount of the directory /run at "
			"/hostrun");
	/* configured by the name that the daemon uses, which is a link */
	s->mount.source = (char *)"/var/run";
	s->mount.target = (char *)"/";
	check_reason(s, "container traefik (traefik:v2) can reach the docker daemon through "
			"/docker.sock, in the bind mount of the directory /var/run at /");
	s->mount = (struct mount_use){
		.via = VIA_SOCKET_BIND,
		.source = (char *)"/run/docker.sock",
		.target = (char *)"/s",
		.read_only = true,
		.known = true,
		.stale = true,
	};
	check_reason(s, "container traefik (traefik:v2) was given the docker daemon through /s, "
			"a bind mount of /run/docker.sock; the mount is stale and leads nowhere: "
			"the socket was made anew since");
	sample_free(s);
}

static void test_reason_monitor(void **state)
{
	struct sample *s = sample_started();
	const struct listener *many[6] = {NULL};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		many[i] = &s->listener;
	s->event.monitor.sockets = many;
	s->event.monitor.socket_count = 6;
	strcpy(s->listener.path, "@d\n");
	check_reason(s, "docksnoop 0.1.0 watches in mode trampoline: docker @d\\n, docker @d\\n, "
			"docker @d\\n, docker @d\\n and 2 more");
	s->event.monitor.socket_count = 0;
	check_reason(s, "docksnoop 0.1.0 watches in mode trampoline; no container daemon listens "
			"yet");
	sample_free(s);

	s = sample_lost();
	s->event.lost = (struct event_lost){.count = 1, .kind = "event", .place = "sink:file"};
	check_reason(s, "1 event record was lost (sink:file): what is recorded has a gap here; "
			"see why that output took no lines");
	sample_free(s);
}

/* A sum says so, in all three forms. */
static void test_folded(void **state)
{
	struct sample *s = sample_connect();
	char *text = NULL;
	json_t *json = NULL;

	(void)state;
	s->event.count = 1234;
	s->event.end_ns = s->event.time_ns + 500000000;
	s->record.raw.connection = 0;
	text = event_to_text(&s->event, false);
	assert_non_null(strstr(text, "  1234 times\n"));
	free(text);
	text = event_reason(&s->event);
	assert_non_null(strstr(text, ", 1234 times"));
	free(text);
	json = event_to_json(&s->event);
	assert_int_equal(json_integer_value(json_at(json, "docksnoop.count")), 1234);
	assert_string_equal(json_string_value(json_at(json, "event.end")),
			    "2026-11-23T20:31:07.623456789Z");
	json_decref(json);
	sample_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded),	       cmocka_unit_test(test_lines),
		cmocka_unit_test(test_tcp_reasons),    cmocka_unit_test(test_color),
		cmocka_unit_test(test_hostile),	       cmocka_unit_test(test_long),
		cmocka_unit_test(test_width),	       cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_words),    cmocka_unit_test(test_local_time),
		cmocka_unit_test(test_reason_ways),    cmocka_unit_test(test_reason_exposed),
		cmocka_unit_test(test_reason_monitor),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
