// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/sample_event.h"
#include "user/output/sink.h"
#include "user/util/file.h"

/* The sinks do not look into it. */
#define LINE "{\"a\":1}"

struct place {
	char folder[32];
	char path[64];
	struct sample *sample;
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->folder, "/tmp/docksnoop-sink-XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/log", p->folder);
	p->sample = sample_connect();
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;
	char old[80] = "";

	snprintf(old, sizeof(old), "%s.1", p->path);
	unlink(old);
	unlink(p->path);
	rmdir(p->folder);
	sample_free(p->sample);
	free(p);
	return 0;
}

static void assert_file(const char *path, const char *expected)
{
	char *text = NULL;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void assert_read(int fd, const char *expected)
{
	char text[4096] = "";
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_int_equal(n, strlen(expected));
	assert_string_equal(text, expected);
}

static void fill(int fd, char byte, size_t len)
{
	char block[4096];

	memset(block, byte, sizeof(block));
	for (size_t n = 0; len; len -= n) {
		n = len < sizeof(block) ? len : sizeof(block);
		assert_int_equal(write(fd, block, n), n);
	}
}

static void test_stream_json_and_text(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};
	char *line = event_to_text(&p->sample->event, false);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_string_equal(sink_name(sink), "stdout");
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_read(fds[0], LINE "\n");
	assert_int_equal(sink_reopen(sink), 0);
	sink_free(sink);

	assert_int_equal(sink_open_stream(fds[1], false, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_read(fds[0], line);
	assert_int_equal(sink_take_lost(sink), 0);
	sink_free(sink);

	/* it is still the caller's */
	assert_int_equal(close(fds[1]), 0);
	close(fds[0]);
	free(line);
	sink_free(NULL);
}

static void test_stream_reader_gone(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	close(fds[0]);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), -EPIPE);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), -EPIPE);
	assert_int_equal(sink_take_lost(sink), 2);
	assert_int_equal(sink_take_lost(sink), 0);
	sink_free(sink);
	close(fds[1]);
}

static void test_stream_device_full(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(sink_open_stream(fd, true, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), -ENOSPC);
	assert_int_equal(sink_take_lost(sink), 1);
	sink_free(sink);
	close(fd);
}

static int64_t now_ms(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A pipe without room: waited for once, and whole lines again as soon as there is some. */
static void test_stream_pipe_full(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};
	int64_t start = 0;
	char *drain = malloc(65536);

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 65536), 65536);
	fill(fds[1], 'x', 65536);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);

	start = now_ms();
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), -EAGAIN);
	assert_in_range(now_ms() - start, 400, 5000);
	start = now_ms();
	for (int i = 0; i < 100; i++)
		assert_int_equal(sink_write(sink, &p->sample->event, LINE), -EAGAIN);
	assert_in_range(now_ms() - start, 0, 400);
	assert_int_equal(sink_take_lost(sink), 101);

	assert_int_equal(read(fds[0], drain, 65536), 65536);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	/* nothing of those lines had been written */
	assert_read(fds[0], LINE "\n");
	sink_free(sink);
	free(drain);
	close(fds[0]);
	close(fds[1]);
}

/* Half of a line that got out ends where it is, and does not spoil the next. */
static void test_stream_half_a_line(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};
	char *drain = calloc(1, 65537);
	char *big = calloc(1, 8193);

	memset(big, 'b', 8192);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 65536), 65536);
	/* a page of room: only more than PIPE_BUF is ever written in part (pipe(7)) */
	fill(fds[1], 'x', 65536 - 4096);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, big), -EAGAIN);
	assert_int_equal(read(fds[0], drain, 65536), 65536);
	assert_int_equal(drain[65535], 'b');
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_read(fds[0], "\n" LINE "\n" LINE "\n");
	assert_int_equal(sink_take_lost(sink), 1);
	sink_free(sink);
	free(drain);
	free(big);
	close(fds[0]);
	close(fds[1]);
}

static void *read_slowly(void *arg)
{
	int fd = *(int *)arg;
	char *drain = malloc(65536);
	size_t total = 0;

	while (total < 65536 + 8192 + 1) {
		ssize_t n = 0;

		usleep(20000);
		n = read(fd, drain, 65536);
		total += n > 0 ? (size_t)n : 0;
	}
	free(drain);
	return NULL;
}

static void test_stream_slow_reader(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};
	char *big = calloc(1, 8193);
	pthread_t reader;

	memset(big, 'b', 8192);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 65536), 65536);
	fill(fds[1], 'x', 65536);
	assert_int_equal(pthread_create(&reader, NULL, read_slowly, &fds[0]), 0);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, big), 0);
	pthread_join(reader, NULL);
	sink_free(sink);
	free(big);
	close(fds[0]);
	close(fds[1]);
}

static void test_file_appends(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	struct stat st = {0};
	mode_t mask = umask(0);

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	umask(mask);
	assert_string_equal(sink_name(sink), "file");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	sink_free(sink);

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_file(p->path, LINE "\n" LINE "\n");
	sink_free(sink);
}

/* Whoever wrote before us may have been killed in the middle of a line. */
static void test_file_ends_in_half_a_line(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fd = open(p->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	fill(fd, 'h', 4);
	close(fd);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_file(p->path, "hhhh\n" LINE "\n" LINE "\n");
	sink_free(sink);
}

static void test_file_reopen(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	char old[80] = "";

	snprintf(old, sizeof(old), "%s.1", p->path);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_int_equal(rename(p->path, old), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_reopen(sink), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_file(old, LINE "\n" LINE "\n");
	assert_file(p->path, LINE "\n");

	/* what cannot be opened anew goes on where it was */
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(sink_reopen(sink), -EISDIR);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	sink_free(sink);
}

static void test_file_refuses(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;

	assert_int_equal(symlink("/dev/null", p->path), 0);
	assert_int_equal(sink_open_file(p->path, &sink), -ELOOP);
	unlink(p->path);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(sink_open_file(p->path, &sink), -EINVAL);
	assert_int_equal(sink_open_file("/dev/null", &sink), -EINVAL);
	assert_int_equal(sink_open_file(p->folder, &sink), -EISDIR);
	assert_int_equal(sink_open_file("/nonexistent/log", &sink), -ENOENT);
	assert_null(sink);
}

/* No room for all of the line: as on a full disk, a part of it is written. */
static void test_file_no_room(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	struct rlimit old = {0};
	struct rlimit limit = {0};

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = strlen(LINE) + 1 + 3;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), -EFBIG);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(sink_write(sink, &p->sample->event, LINE), 0);
	assert_file(p->path, LINE "\n"
				  "{\"a\n" LINE "\n");
	assert_int_equal(sink_take_lost(sink), 2);
	sink_free(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stream_json_and_text, place_make,
						place_remove),
		cmocka_unit_test_setup_teardown(test_stream_reader_gone, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_stream_device_full, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_stream_pipe_full, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_stream_half_a_line, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_stream_slow_reader, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_appends, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_ends_in_half_a_line, place_make,
						place_remove),
		cmocka_unit_test_setup_teardown(test_file_reopen, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_refuses, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_no_room, place_make, place_remove),
	};

	/* as the program does */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
