// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/sample_event.h"
#include "user/output/stream.h"

/* A stream into pipes. */
struct outlets {
	struct sample *sample;
	struct stream *stream;
	struct ledger ledger;
	int read_fds[2];
	int write_fds[2];
	struct unread {
		char text[1 << 16];
		size_t len;
	} unread[2];
};

#define PIPE_SIZE 4096
#define FLUSH_MS  5000

static void outlet_add(struct outlets *o, int i)
{
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE), PIPE_SIZE);
	o->read_fds[i] = fds[0];
	o->write_fds[i] = fds[1];
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_int_equal(stream_add_sink(o->stream, sink), 0);
}

static int outlets_make(void **state)
{
	struct outlets *o = calloc(1, sizeof(*o));

	o->sample = sample_lost();
	o->stream = stream_new(&o->sample->host, NULL, NULL);
	outlet_add(o, 0);
	outlet_add(o, 1);
	stream_set_ledger(o->stream, &o->ledger);
	*state = o;
	return stream_start(o->stream);
}

static int outlets_free(void **state)
{
	struct outlets *o = *state;

	stream_free(o->stream);
	for (int i = 0; i < 2; i++) {
		close(o->read_fds[i]);
		close(o->write_fds[i]);
	}
	sample_free(o->sample);
	free(o);
	return 0;
}

static void emit(struct outlets *o)
{
	o->sample->event.host = NULL;
	stream_emit(o->stream, &o->sample->event);
	stream_flush(o->stream);
}

/*
 * "17 18 lost:event:3:sink:stdout": the lines that come next, of which the last has this
 * number. Those between the first and the last are left out when they are many.
 */
static void assert_lines(int fd, struct unread *u, long long last, const char *expected)
{
	char found[512] = "";
	long long sequence = 0;

	for (int i = 0; i < 500 && sequence < last; i++) {
		char *text = u->text;
		ssize_t n = strchr(text, '\n') ? 0 : read(fd, text + u->len, PIPE_SIZE);
		char *line = NULL;

		if (n < 0)
			usleep(10000);
		u->len += n > 0 ? (size_t)n : 0;
		while (sequence < last && (line = strchr(text, '\n'))) {
			json_t *json = NULL;
			const char *place = NULL;
			size_t used = strlen(found);

			*line++ = '\0';
			json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
			assert_non_null(json);
			assert_non_null(json_at(json, "host.hostname"));
			place = json_string_value(json_at(json, "docksnoop.lost.place"));
			sequence = json_integer_value(json_at(json, "event.sequence"));
			if (used < sizeof(found) - 100) {
				snprintf(found + used, sizeof(found) - used, "%s%lld",
					 used ? " " : "", sequence);
				used = strlen(found);
			}
			if (strcmp(place, "ring") && used < sizeof(found) - 80)
				snprintf(found + used, sizeof(found) - used, ":%s:%lld:%s",
					 json_string_value(json_at(json, "docksnoop.lost.kind")),
					 json_integer_value(json_at(json, "docksnoop.lost.count")),
					 place);
			json_decref(json);
			i = 0;
			u->len -= line - text;
			memmove(text, line, u->len);
			memset(text + u->len, 0, line - text);
		}
	}
	assert_int_equal(sequence, last);
	if (expected)
		assert_string_equal(found, expected);
}

static void test_numbers(void **state)
{
	struct outlets *o = *state;

	for (int i = 0; i < 3; i++)
		emit(o);
	assert_int_equal(o->sample->event.sequence, 3);
	assert_lines(o->read_fds[0], &o->unread[0], 3, "1 2 3");
	assert_lines(o->read_fds[1], &o->unread[1], 3, "1 2 3");
	assert_int_equal(stream_emitted(o->stream), 3);
	assert_int_equal(stream_lost(o->stream), 0);
	assert_int_equal(o->ledger.sequence, 3);
}

/* One that does not read for a while misses nothing, and nobody waits for it. */
static void test_one_sink_is_slow(void **state)
{
	struct outlets *o = *state;

	for (int i = 0; i < 100; i++)
		emit(o);
	assert_lines(o->read_fds[1], &o->unread[1], 100, NULL);
	assert_int_equal(stream_finish(o->stream, 300) > 50, true);
	assert_lines(o->read_fds[0], &o->unread[0], 100, NULL);
	assert_int_equal(stream_finish(o->stream, FLUSH_MS), 0);
}

/* What there is no room for is counted, and the notice comes before what follows the gap. */
static void test_one_sink_is_stuck(void **state)
{
	struct outlets *o = *state;
	uint64_t first = 0;
	uint64_t lost = 0;
	char expected[64] = "";

	o->sample->event.accesses = 2;
	while (!stream_lost(o->stream)) {
		emit(o);
		if (stream_emitted(o->stream) % 5 == 0)
			assert_lines(o->read_fds[1], &o->unread[1], stream_emitted(o->stream),
				     NULL);
	}
	first = stream_emitted(o->stream);
	emit(o);
	emit(o);
	lost = stream_lost(o->stream);
	assert_int_equal(lost, 3);
	assert_lines(o->read_fds[1], &o->unread[1], first + 2, NULL);
	/* half of it has to be free before any is taken again: one gap, not many */
	assert_lines(o->read_fds[0], &o->unread[0], 10, NULL);
	emit(o);
	assert_int_equal(stream_lost(o->stream), 4);
	assert_lines(o->read_fds[0], &o->unread[0], first - 1, NULL);
	assert_lines(o->read_fds[1], &o->unread[1], first + 3, NULL);

	emit(o);
	snprintf(expected, sizeof(expected), "%llu:event:4:sink:stdout %llu",
		 (unsigned long long)first + 4, (unsigned long long)first + 5);
	assert_lines(o->read_fds[0], &o->unread[0], first + 5, expected);
	assert_lines(o->read_fds[1], &o->unread[1], first + 5, expected);
	/* each access is told of, or told as lost, by both: once */
	assert_int_equal(stream_finish(o->stream, FLUSH_MS), 0);
	assert_int_equal(o->ledger.sinks[0].settled, 2 * 2 * (first + 4));
	assert_int_equal(stream_lost(o->stream), 4);
}

static void test_reader_gone(void **state)
{
	struct outlets *o = *state;

	close(o->read_fds[0]);
	emit(o);
	emit(o);
	assert_lines(o->read_fds[1], &o->unread[1], 2, "1 2");
	assert_int_equal(stream_finish(o->stream, FLUSH_MS), 0);
	assert_false(stream_dead(o->stream));
	for (int i = 0; i < 100 && stream_lost(o->stream) < 2; i++) {
		usleep(10000);
		stream_look(o->stream);
	}
	assert_int_equal(stream_lost(o->stream), 2);
	close(o->read_fds[1]);
	emit(o);
	for (int i = 0; i < 100 && !stream_dead(o->stream); i++)
		usleep(10000);
	assert_true(stream_dead(o->stream));
	o->read_fds[0] = -1;
	o->read_fds[1] = -1;
}

/* A docksnoop that was killed had taken accesses, and not told of them. */
static void test_legacy(void **state)
{
	struct outlets *o = *state;
	struct stream *next = NULL;
	struct sink *sink = NULL;
	struct ledger ledger = {.taken = 100, .sequence = 40};
	int fds[2] = {-1, -1};

	ledger.sinks[0] = (struct ledger_sink){.used = 1, .settled = 93, .sequence = 38};
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	next = stream_new(&o->sample->host, NULL, NULL);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_int_equal(stream_add_sink(next, sink), 0);
	stream_set_ledger(next, &ledger);
	assert_int_equal(stream_start(next), 0);
	stream_emit(next, &o->sample->event);
	stream_tell_legacy(next);
	stream_tell_legacy(next); /* once */
	stream_emit(next, &o->sample->event);
	assert_lines(fds[0], &o->unread[0], 43, "41 42:event:2:restart:stdout 43");
	assert_int_equal(stream_finish(next, FLUSH_MS), 0);
	assert_int_equal(ledger.sinks[0].settled, 100);
	assert_int_equal(ledger.sinks[0].sequence, 43);
	stream_free(next);

	/* lines all out, and accesses taken of which none was made yet */
	ledger.taken += 3;
	next = stream_new(&o->sample->host, NULL, NULL);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_int_equal(stream_add_sink(next, sink), 0);
	stream_set_ledger(next, &ledger);
	assert_int_equal(stream_start(next), 0);
	stream_tell_legacy(next);
	assert_lines(fds[0], &o->unread[0], 44, "44:connect:3:restart:stdout");
	/* nobody is to be told of this one */
	ledger_take(&ledger, 1);
	stream_settle(next, 1);
	assert_int_equal(stream_finish(next, FLUSH_MS), 0);
	assert_int_equal(ledger.sinks[0].settled, ledger.taken);
	stream_free(next);
	close(fds[0]);
	close(fds[1]);
}

static size_t allocations_left;

static void *allocate(size_t size)
{
	if (!allocations_left)
		return NULL;
	allocations_left--;
	return malloc(size);
}

/* An event for which there was no memory is a gap like any other. */
static void test_no_memory(void **state)
{
	struct outlets *o = *state;

	json_set_alloc_funcs(allocate, free);
	emit(o);
	emit(o);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(stream_lost(o->stream), 4);
	emit(o);
	assert_lines(o->read_fds[0], &o->unread[0], 5,
		     "3:event:2:sink:stdout 4:event:3:sink:stdout 5");
	assert_lines(o->read_fds[1], &o->unread[1], 5, "4:event:3:sink:stdout 5");
}

static void test_no_sinks(void **state)
{
	struct sample *s = sample_connect();
	struct stream *stream = stream_new(&s->host, NULL, NULL);

	(void)state;
	stream_emit(stream, &s->event);
	assert_int_equal(stream_emitted(stream), 1);
	stream_reopen(stream);
	assert_int_equal(stream_finish(stream, 0), 0);
	stream_free(stream);
	stream_free(NULL);
	sample_free(s);
}

#define WITH_OUTLETS(test) cmocka_unit_test_setup_teardown(test, outlets_make, outlets_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_OUTLETS(test_numbers),
		WITH_OUTLETS(test_one_sink_is_slow),
		WITH_OUTLETS(test_one_sink_is_stuck),
		WITH_OUTLETS(test_reader_gone),
		WITH_OUTLETS(test_legacy),
		WITH_OUTLETS(test_no_memory),
		cmocka_unit_test(test_no_sinks),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
