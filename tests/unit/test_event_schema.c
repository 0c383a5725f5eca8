// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/validate.h"

static void write_line(FILE *out, json_t *json)
{
	assert_int_equal(json_dumpf(json, out, EVENT_JSON_FLAGS), 0);
	fputc('\n', out);
}

static void write_event(FILE *out, struct sample *s)
{
	json_t *json = sample_json(s);

	write_line(out, json);
	json_decref(json);
}

/* Every verdict, outcome, way and runtime that there is. */
static void write_variants(FILE *out, struct sample *s)
{
	for (int via = VIA_UNKNOWN; via <= VIA_HANDOFF; via++) {
		s->mount.via = via;
		write_event(out, s);
	}
	for (int runtime = RUNTIME_NONE; runtime <= RUNTIME_ACTIONS; runtime++) {
		s->container.runtime = runtime;
		write_event(out, s);
	}
	for (int daemon = DAEMON_NONE; daemon <= DAEMON_OTHER; daemon++) {
		s->listener.daemon = daemon;
		write_event(out, s);
	}
	for (int by = ATTRIBUTED_BY_NONE; by <= ATTRIBUTED_BY_MOUNTINFO; by++) {
		s->event.attribution.by = by;
		write_event(out, s);
	}
	for (uint32_t flags = 0; flags < 1U << 10; flags = flags * 2 + 1) {
		s->record.raw.flags = flags;
		s->record.raw.truncated = flags;
		write_event(out, s);
	}
	s->container.pod_name = (char *)"web";
	s->event.verdict = VERDICT_NONE;
	s->listener.scope = SCOPE_NESTED;
	write_event(out, s);
}

static void test_schema(void **state)
{
	struct sample *(*const samples[])(void) = {sample_connect, sample_host,	   sample_unknown,
						   sample_exposed, sample_proxied, sample_listens,
						   sample_handoff, sample_request, sample_unread,
						   sample_lost,	   sample_started, sample_stopped};
	char name[] = "/tmp/docksnoop-events-XXXXXX";
	FILE *out = fdopen(mkstemp(name), "w");
	struct sample *s = NULL;
	int status = 0;

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		s = samples[i]();
		write_event(out, s);
		sample_free(s);
	}
	s = sample_connect();
	for (s->event.error = 0; s->event.error < 140; s->event.error++)
		write_event(out, s);
	s->event.error = 0;
	write_variants(out, s);
	sample_free(s);
	s = sample_exposed();
	write_variants(out, s);
	sample_free(s);
	s = sample_proxied();
	s->event.proxy = NULL;
	s->event.outcome_unknown = true;
	s->event.address = "tcp://[2001:db8::2]:2375";
	write_variants(out, s);
	sample_free(s);
	assert_int_equal(fclose(out), 0);
	status = validate(name, false);
	unlink(name);
	assert_int_equal(status, 0);
}

static void check_refused(struct sample *s, const char *object, const char *key, json_t *value)
{
	char name[] = "/tmp/docksnoop-events-XXXXXX";
	FILE *out = fdopen(mkstemp(name), "w");
	json_t *json = sample_json(s);
	json_t *at = *object ? json_at(json, object) : json;
	int status = 0;

	assert_non_null(out);
	assert_non_null(at);
	if (value)
		assert_int_equal(json_object_set_new(at, key, value), 0);
	else
		assert_int_equal(json_object_del(at, key), 0);
	write_line(out, json);
	assert_int_equal(fclose(out), 0);
	status = validate(name, true);
	unlink(name);
	if (status != 1)
		fail_msg("%s.%s: the schema let it pass", object, key);
	json_decref(json);
	sample_free(s);
}

/* The schema says no where it should: it would be worth nothing else. */
static void test_schema_refuses(void **state)
{
	(void)state;
	check_refused(sample_connect(), "", "surprise", json_true());
	check_refused(sample_connect(), "process", "surprise", json_true());
	check_refused(sample_connect(), "process", "pid", NULL);
	check_refused(sample_connect(), "process", "executable", json_null());
	check_refused(sample_connect(), "event", "outcome", NULL);
	check_refused(sample_connect(), "event", "kind", json_string("event"));
	check_refused(sample_connect(), "event", "severity", json_integer(21));
	check_refused(sample_connect(), "docksnoop", "mount", NULL);
	check_refused(sample_connect(), "container.labels", "n", json_integer(1));
	check_refused(sample_connect(), "", "@timestamp", json_string("2026-11-23T20:31:07Z"));
	check_refused(sample_host(), "", "error", NULL);
	check_refused(sample_request(), "docksnoop", "request", NULL);
	check_refused(sample_request(), "docksnoop", "connection", NULL);
	check_refused(sample_request(), "docksnoop.request", "grade", json_string("bad"));
	check_refused(sample_connect(), "", "http",
		      json_pack("{s:{s:s}}", "request", "method", "GET"));
	check_refused(sample_handoff(), "docksnoop", "opener", NULL);
	check_refused(sample_host(), "", "container", json_pack("{s:s}", "id", "x"));
	check_refused(sample_exposed(), "event", "kind", json_string("alert"));
	/* a mount, or an address: without either nothing says how it was reached */
	check_refused(sample_proxied(), "docksnoop.socket", "address", NULL);
	check_refused(sample_listens(), "docksnoop.socket", "address", NULL);
	check_refused(sample_proxied(), "docksnoop.socket", "address", json_string("10.0.0.2:1"));
	check_refused(sample_lost(), "docksnoop", "lost", NULL);
	check_refused(sample_started(), "docksnoop.monitor", "sockets", NULL);
	check_refused(sample_stopped(), "docksnoop.monitor", "lost", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_schema_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
