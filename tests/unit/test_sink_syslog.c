// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/validate.h"
#include "user/output/reduce.h"
#include "user/output/sink.h"

struct place {
	char folder[32];
	char path[64];
	struct sample *sample;
	char *json;
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	json_t *json = NULL;

	strcpy(p->folder, "/tmp/docksnoop-syslog-XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/log", p->folder);
	p->sample = sample_connect();
	json = sample_json(p->sample);
	p->json = json_dumps(json, EVENT_JSON_FLAGS);
	json_decref(json);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->folder);
	sample_free(p->sample);
	free(p->json);
	free(p);
	return 0;
}

/* One who takes messages, as rsyslogd does. */
static int receiver(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* The next message, checked to begin with @header; what follows is returned, malloc'd. */
static char *receive(int fd, const char *header)
{
	char expected[128] = "";
	char *message = calloc(1, 65536);
	ssize_t n = recv(fd, message, 65535, 0);
	char *rest = NULL;

	assert_true(n > 0);
	snprintf(expected, sizeof(expected), "%s docksnoop[%d]: @cee: ", header, (int)getpid());
	assert_in_range(n, 1, 7840);
	assert_int_equal(strncmp(message, expected, strlen(expected)), 0);
	rest = strdup(message + strlen(expected));
	free(message);
	return rest;
}

static void assert_receive(int fd, const char *header, const char *json)
{
	char *rest = receive(fd, header);

	assert_string_equal(rest, json);
	free(rest);
}

static int put(struct sink *sink, const struct event *event, const char *json)
{
	char *line = NULL;
	int err = sink_render(sink, event, json, &line);

	assert_int_equal(err, 0);
	err = sink_write(sink, line, 0);
	free(line);
	return err;
}

static void test_datagrams(void **state)
{
	struct place *p = *state;
	int fd = receiver(p->path, SOCK_DGRAM);
	struct sink *sink = NULL;

	assert_int_equal(sink_open_syslog(p->path, LOG_DAEMON, &sink), 0);
	assert_string_equal(sink_name(sink), "syslog");
	assert_int_equal(put(sink, &p->sample->event, p->json), 0);
	assert_receive(fd, "<27>Nov 23 20:31:07", p->json);
	/* a day of one digit is filled with a blank (RFC 3164 4.1.2) */
	p->sample->event.time_ns -= 18ULL * 86400 * 1000000000;
	assert_int_equal(put(sink, &p->sample->event, "{}"), 0);
	assert_receive(fd, "<27>Nov  5 20:31:07", "{}");
	sink_free(sink);
	close(fd);
}

static void test_stream(void **state)
{
	struct place *p = *state;
	int fd = receiver(p->path, SOCK_STREAM);
	struct sink *sink = NULL;
	char text[256] = "";
	char expected[256] = "";
	int one = -1;

	assert_int_equal(sink_open_syslog(p->path, LOG_LOCAL3, &sink), 0);
	one = accept(fd, NULL, NULL);
	assert_true(one >= 0);
	assert_int_equal(put(sink, &p->sample->event, "{}"), 0);
	assert_int_equal(put(sink, &p->sample->event, "{1}"), 0);
	snprintf(expected, sizeof(expected),
		 "<155>Nov 23 20:31:07 docksnoop[%d]: @cee: {}|"
		 "<155>Nov 23 20:31:07 docksnoop[%d]: @cee: {1}|",
		 (int)getpid(), (int)getpid());
	assert_int_equal(recv(one, text, sizeof(text), 0), strlen(expected));
	/* messages end with NUL, as syslog(3) ends them */
	for (size_t i = 0; i < strlen(expected); i++)
		text[i] = text[i] ? text[i] : '|';
	assert_string_equal(text, expected);
	close(one);
	sink_free(sink);
	close(fd);
}

static void check_priority(struct sample *s, const char *header)
{
	char folder[] = "/tmp/docksnoop-syslog-XXXXXX";
	char path[64] = "";
	struct sink *sink = NULL;
	int fd = -1;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	fd = receiver(path, SOCK_DGRAM);
	assert_int_equal(sink_open_syslog(path, LOG_USER, &sink), 0);
	assert_int_equal(put(sink, &s->event, "{}"), 0);
	assert_receive(fd, header, "{}");
	sink_free(sink);
	close(fd);
	unlink(path);
	rmdir(folder);
	sample_free(s);
}

static void test_priorities(void **state)
{
	(void)state;
	check_priority(sample_connect(), "<11>Nov 23 20:31:07"); /* err */
	check_priority(sample_lost(), "<11>Nov 23 20:31:07");
	check_priority(sample_exposed(), "<12>Nov 23 20:31:07"); /* warning */
	check_priority(sample_started(), "<13>Nov 23 20:31:07"); /* notice */
	check_priority(sample_stopped(), "<13>Nov 23 20:31:07");
	check_priority(sample_host(), "<14>Nov 23 20:31:07"); /* info */
}

static void test_receiver_comes_back(void **state)
{
	struct place *p = *state;
	int fd = receiver(p->path, SOCK_DGRAM);
	struct sink *sink = NULL;

	assert_int_equal(sink_open_syslog(p->path, LOG_DAEMON, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, "{1}"), 0);
	assert_receive(fd, "<27>Nov 23 20:31:07", "{1}");

	/* gone, its name still there; then without its name */
	close(fd);
	assert_int_equal(put(sink, &p->sample->event, "{2}"), -ECONNREFUSED);
	unlink(p->path);
	assert_int_equal(put(sink, &p->sample->event, "{3}"), -ENOENT);

	fd = receiver(p->path, SOCK_DGRAM);
	assert_int_equal(put(sink, &p->sample->event, "{4}"), 0);
	assert_receive(fd, "<27>Nov 23 20:31:07", "{4}");

	/* restarted between two events: nothing is lost */
	close(fd);
	fd = receiver(p->path, SOCK_DGRAM);
	assert_int_equal(put(sink, &p->sample->event, "{5}"), 0);
	assert_receive(fd, "<27>Nov 23 20:31:07", "{5}");

	/* and another one, who wants a stream */
	close(fd);
	fd = receiver(p->path, SOCK_STREAM);
	assert_int_equal(put(sink, &p->sample->event, "{6}"), 0);
	sink_free(sink);
	close(fd);
}

/* A receiver that does not read: no event is held up for long, none is lost unseen. */
static void test_receiver_stuck(void **state)
{
	struct place *p = *state;
	int fd = receiver(p->path, SOCK_DGRAM);
	struct sink *sink = NULL;
	uint64_t written = 0;
	uint64_t refused = 0;
	uint64_t read = 0;

	assert_int_equal(sink_open_syslog(p->path, LOG_DAEMON, &sink), 0);
	for (int i = 0; i < 1000 && refused < 3; i++) {
		int err = put(sink, &p->sample->event, "{}");

		assert_true(err == 0 || err == -EAGAIN);
		written += err == 0;
		refused += err != 0;
	}
	assert_int_equal(refused, 3);
	for (; read < written; read++)
		assert_receive(fd, "<27>Nov 23 20:31:07", "{}");
	assert_int_equal(put(sink, &p->sample->event, "{}"), 0);
	sink_free(sink);
	close(fd);
}

static void test_nobody_there(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	char path[200] = "";

	assert_int_equal(sink_open_syslog(p->path, LOG_DAEMON, &sink), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	assert_int_equal(sink_open_syslog(path, LOG_DAEMON, &sink), -ENAMETOOLONG);
	assert_null(sink);
}

/* What is too long for the receiver arrives whole and valid all the same. */
static void check_reduced(struct place *p, const char *truncated)
{
	char name[] = "/tmp/docksnoop-events-XXXXXX";
	FILE *out = fdopen(mkstemp(name), "w");
	json_t *json = sample_json(p->sample);
	char *line = json_dumps(json, EVENT_JSON_FLAGS);
	char *found = NULL;
	int fd = receiver(p->path, SOCK_DGRAM);
	struct sink *sink = NULL;
	char *rest = NULL;

	assert_int_equal(sink_open_syslog(p->path, LOG_DAEMON, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, line), 0);
	rest = receive(fd, "<27>Nov 23 20:31:07");
	json_decref(json);
	json = json_loads(rest, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	found = json_dumps(json_at(json, "docksnoop.truncated"), JSON_COMPACT);
	assert_non_null(found);
	assert_string_equal(found, truncated);
	fprintf(out, "%s\n", rest);
	fclose(out);
	assert_int_equal(validate(name, false), 0);
	unlink(name);
	json_decref(json);
	free(found);
	free(rest);
	free(line);
	sink_free(sink);
	close(fd);
}

static void test_reduced(void **state)
{
	struct place *p = *state;
	char *text = calloc(1, 8193);

	memset(text, 'x', 8192);
	sample_label(p->sample, "filler", json_string(text));
	check_reduced(p, "[\"container.labels\"]");

	/* each of these bytes becomes U+FFFD, six bytes as it is written */
	memset(p->sample->record.argv, '\xff', DS_ARGV_MAX);
	p->sample->record.argv_len = 900;
	check_reduced(p, "[\"container.labels\"]");
	memset(p->sample->record.cgroup, 'c', 900);
	check_reduced(p, "[\"container.labels\",\"process.args\"]");

	memset(p->sample->record.exe, '\xff', PATH_MAX - 1);
	memset(p->sample->record.cgroup, '\xff', DS_CGROUP_MAX);
	check_reduced(p, "[\"container.labels\",\"process.args\",\"process.executable\","
			 "\"docksnoop.attribution.cgroup\"]");
	free(text);
}

/* The longest that can come together still gets through. */
static void test_reduced_worst(void **state)
{
	struct place *p = *state;
	struct sample *s = p->sample;
	char *text = calloc(1, PATH_MAX);
	json_t *json = NULL;
	char *line = NULL;
	char *out = NULL;

	memset(text, '\xff', PATH_MAX - 1);
	memcpy(s->record.exe, text, PATH_MAX);
	memset(s->record.cgroup, '\xff', DS_CGROUP_MAX);
	memset(s->record.client_path, '\xff', DS_SUN_PATH_MAX);
	memset(s->record.bound_path, '\xff', DS_SUN_PATH_MAX);
	memset(s->record.raw.comm, '\xff', 15);
	memset(s->record.raw.parent_comm, '\xff', 15);
	memset(s->listener.name, '\xff', 15);
	s->event.attribution.outer_id = text + PATH_MAX - 1 - CONTAINER_ID_MAX;
	s->event.parent_exe = text;
	s->container.id = text;
	s->container.name = text;
	s->container.image = text;
	s->container.image_hash = text;
	s->container.pod_name = text;
	s->container.pod_namespace = text;
	s->container.pod_uid = text;
	s->mount.source = text;
	s->mount.target = text;
	s->host.hostname = text;
	json = sample_json(s);
	line = json_dumps(json, EVENT_JSON_FLAGS);
	assert_true(strlen(line) > 65536);
	assert_int_equal(event_reduce(line, 8100, &out), 0);
	assert_in_range(strlen(out), 1024, 8100);
	free(out);
	out = NULL;
	assert_int_equal(event_reduce(line, 100, &out), -EMSGSIZE);
	assert_null(out);
	json_decref(json);
	free(line);
	free(text);
}

static void test_reduced_sockets(void **state)
{
	struct sample *s = sample_started();
	const struct listener *many[256] = {NULL};
	json_t *json = NULL;
	char *line = NULL;
	char *out = NULL;

	(void)state;
	for (size_t i = 0; i < 256; i++)
		many[i] = &s->listener;
	s->event.monitor.sockets = many;
	s->event.monitor.socket_count = 256;
	json = sample_json(s);
	line = json_dumps(json, EVENT_JSON_FLAGS);
	assert_int_equal(event_reduce(line, 8100, &out), 0);
	assert_null(strstr(out, "\"sockets\""));
	assert_non_null(strstr(out, "\"truncated\":[\"docksnoop.monitor.sockets\"]"));
	json_decref(json);
	free(line);
	free(out);
	sample_free(s);
}

/* Cut between characters, never within one. */
static void test_reduced_characters(void **state)
{
	struct place *p = *state;
	char *name = calloc(1, 4001);
	json_t *json = NULL;
	char *line = NULL;
	char *out = NULL;

	for (size_t i = 0; i + 4 <= 4000; i += 4)
		memcpy(name + i, "\xf0\x9f\x90\xb3", 4);
	memmove(name + 1, name, 3996);
	name[0] = 'a';
	name[3997] = '\0';
	p->sample->container.name = name;
	json = sample_json(p->sample);
	line = json_dumps(json, EVENT_JSON_FLAGS);
	assert_int_equal(event_reduce(line, 8000, &out), 0);
	json_decref(json);
	json = json_loads(out, 0, NULL);
	assert_int_equal(json_string_length(json_at(json, "container.name")), 1021);
	json_decref(json);
	free(line);
	free(out);
	free(name);
}

static void test_facilities(void **state)
{
	int facility = -1;

	(void)state;
	assert_int_equal(syslog_facility_parse("daemon", &facility), 0);
	assert_int_equal(facility, LOG_DAEMON);
	assert_int_equal(syslog_facility_parse("local7", &facility), 0);
	assert_int_equal(facility, LOG_LOCAL7);
	assert_int_equal(syslog_facility_parse("authpriv", &facility), 0);
	assert_int_equal(facility, LOG_AUTHPRIV);
	assert_int_equal(syslog_facility_parse("kern", &facility), -EINVAL);
	assert_int_equal(syslog_facility_parse("local8", &facility), -EINVAL);
	assert_int_equal(syslog_facility_parse("DAEMON", &facility), -EINVAL);
	assert_int_equal(syslog_facility_parse("", &facility), -EINVAL);
	assert_int_equal(facility, LOG_AUTHPRIV);
}

#define AT_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_PLACE(test_datagrams),
		AT_PLACE(test_stream),
		cmocka_unit_test(test_priorities),
		AT_PLACE(test_receiver_comes_back),
		AT_PLACE(test_receiver_stuck),
		AT_PLACE(test_nobody_there),
		AT_PLACE(test_reduced),
		AT_PLACE(test_reduced_worst),
		cmocka_unit_test(test_reduced_sockets),
		AT_PLACE(test_reduced_characters),
		cmocka_unit_test(test_facilities),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
