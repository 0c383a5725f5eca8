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

/* A stream into pipes that do not block, a page large, so that they are soon full. */
struct outlets {
	struct sample *sample;
	struct stream *stream;
	int read_fds[2];
	int write_fds[2];
};

#define PIPE_SIZE 4096

static void outlet_add(struct outlets *o, int i)
{
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
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
	o->stream = stream_new(&o->sample->host);
	outlet_add(o, 0);
	outlet_add(o, 1);
	*state = o;
	return 0;
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

static int emit(struct outlets *o)
{
	o->sample->event.host = NULL;
	return stream_emit(o->stream, &o->sample->event);
}

static void fill(int fd)
{
	char block[PIPE_SIZE] = "";

	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

/* "17 18 lost:event:3:sink:stdout": what is in the pipe, line by line. */
static void assert_lines(int fd, const char *expected)
{
	char text[PIPE_SIZE + 1] = "";
	char found[256] = "";
	char *rest = text;
	char *line = NULL;
	ssize_t n = read(fd, text, PIPE_SIZE);

	assert_true(n >= 0 || errno == EAGAIN);
	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		size_t used = strlen(found);
		const char *place = json_string_value(json_at(json, "docksnoop.lost.place"));

		assert_non_null(json);
		assert_non_null(json_at(json, "host.hostname"));
		snprintf(found + used, sizeof(found) - used, "%s%lld", used ? " " : "",
			 json_integer_value(json_at(json, "event.sequence")));
		used = strlen(found);
		if (strcmp(place, "ring"))
			snprintf(found + used, sizeof(found) - used, ":%s:%lld:%s",
				 json_string_value(json_at(json, "docksnoop.lost.kind")),
				 json_integer_value(json_at(json, "docksnoop.lost.count")), place);
		json_decref(json);
	}
	assert_string_equal(found, expected);
}

static void drain(int fd)
{
	char block[PIPE_SIZE] = "";

	while (read(fd, block, sizeof(block)) > 0)
		;
}

static void test_numbers(void **state)
{
	struct outlets *o = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(emit(o), 0);
	assert_int_equal(o->sample->event.sequence, 3);
	assert_lines(o->read_fds[0], "1 2 3");
	assert_lines(o->read_fds[1], "1 2 3");
	assert_int_equal(stream_emitted(o->stream), 3);
	assert_int_equal(stream_lost(o->stream), 0);
}

static void test_one_sink_fails(void **state)
{
	struct outlets *o = *state;

	assert_int_equal(emit(o), 0);
	drain(o->read_fds[0]);
	fill(o->write_fds[0]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(emit(o), -EAGAIN);
	/* the other one went on */
	assert_lines(o->read_fds[1], "1 2 3 4");
	assert_int_equal(stream_lost(o->stream), 3);

	/* the notice comes before what follows the gap, and to the other as well */
	drain(o->read_fds[0]);
	assert_int_equal(emit(o), 0);
	assert_lines(o->read_fds[0], "5:event:3:sink:stdout 6");
	assert_lines(o->read_fds[1], "5:event:3:sink:stdout 6");

	/* once */
	assert_int_equal(emit(o), 0);
	assert_lines(o->read_fds[0], "7");
	assert_int_equal(stream_emitted(o->stream), 7);
	assert_int_equal(stream_lost(o->stream), 3);
}

/* Both missed lines; the second is due its own notice before it gets any other line. */
static void test_both_sinks_fail(void **state)
{
	struct outlets *o = *state;

	fill(o->write_fds[0]);
	fill(o->write_fds[1]);
	assert_int_equal(emit(o), -EAGAIN);
	assert_int_equal(emit(o), -EAGAIN);
	assert_int_equal(stream_lost(o->stream), 4);
	drain(o->read_fds[0]);
	assert_int_equal(emit(o), -EAGAIN);
	assert_lines(o->read_fds[0], "3:event:2:sink:stdout 4");
	drain(o->read_fds[1]);
	assert_int_equal(emit(o), 0);
	assert_lines(o->read_fds[0], "5:event:4:sink:stdout 6");
	assert_lines(o->read_fds[1], "5:event:4:sink:stdout 6");
	/* 1 and 2 for both, 3 and 4 for the second */
	assert_int_equal(stream_lost(o->stream), 6);
}

static void test_reader_gone(void **state)
{
	struct outlets *o = *state;

	close(o->read_fds[0]);
	assert_int_equal(emit(o), -EPIPE);
	assert_int_equal(emit(o), -EPIPE);
	assert_lines(o->read_fds[1], "1 2");
	assert_int_equal(stream_lost(o->stream), 2);
	o->read_fds[0] = -1;
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
	assert_int_equal(emit(o), -ENOMEM);
	assert_int_equal(emit(o), -ENOMEM);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(stream_lost(o->stream), 4);
	assert_int_equal(emit(o), 0);
	assert_lines(o->read_fds[0], "3:event:2:sink:stdout 4:event:3:sink:stdout 5");
	assert_lines(o->read_fds[1], "4:event:3:sink:stdout 5");
}

static void test_no_sinks(void **state)
{
	struct sample *s = sample_connect();
	struct stream *stream = stream_new(&s->host);

	(void)state;
	assert_int_equal(stream_emit(stream, &s->event), 0);
	assert_int_equal(stream_emitted(stream), 1);
	assert_int_equal(stream_reopen(stream), 0);
	stream_free(stream);
	stream_free(NULL);
	sample_free(s);
}

static void test_reopen(void **state)
{
	struct outlets *o = *state;
	char folder[] = "/tmp/docksnoop-stream-XXXXXX";
	char path[64] = "";
	struct sink *sink = NULL;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	assert_int_equal(sink_open_file(path, &sink), 0);
	assert_int_equal(stream_add_sink(o->stream, sink), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(stream_reopen(o->stream), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(stream_reopen(o->stream), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

#define WITH_OUTLETS(test) cmocka_unit_test_setup_teardown(test, outlets_make, outlets_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_OUTLETS(test_numbers),	    WITH_OUTLETS(test_one_sink_fails),
		WITH_OUTLETS(test_both_sinks_fail), WITH_OUTLETS(test_reader_gone),
		WITH_OUTLETS(test_no_memory),	    cmocka_unit_test(test_no_sinks),
		WITH_OUTLETS(test_reopen),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
