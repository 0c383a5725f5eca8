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
#include "user/output/chain.h"
#include "user/output/sink.h"
#include "user/util/file.h"

/* The sinks do not look into it. */
#define LINE "{\"a\":1,\"docksnoop\":{\"b\":2}}"

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

/*
 * A file of @count records, whole and chained to one another; the first to what @previous
 * is, unless it is NULL. @hash gets the last one's. @torn: a line before them that is none.
 */
static void assert_chained(const char *path, size_t count, const char *torn, const char *previous,
			   char hash[CHAIN_HASH_SIZE])
{
	char *text = NULL;
	char *rest = NULL;
	char last[CHAIN_HASH_SIZE] = "";

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	rest = text;
	if (torn)
		assert_string_equal(strsep(&rest, "\n"), torn);
	snprintf(last, sizeof(last), "%s", previous ? previous : "");
	for (size_t i = 0; i < count; i++) {
		AUTO_CHAIN_RECORD struct chain_record record = {0};
		char *line = strsep(&rest, "\n");

		assert_non_null(rest); /* it ended */
		assert_int_equal(chain_read(line, strlen(line), &record), 0);
		assert_int_equal(record.state, CHAIN_WHOLE);
		if (last[0])
			assert_string_equal(record.previous, last);
		strcpy(last, record.hash);
	}
	assert_string_equal(rest, "");
	if (hash)
		strcpy(hash, last);
	free(text);
}

static int put(struct sink *sink, const struct event *event, const char *json)
{
	char *line = NULL;
	int err = sink_render(sink, event, json, &line);

	assert_int_equal(err, 0);
	err = sink_write(sink, line, 1);
	free(line);
	return err;
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
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_read(fds[0], LINE "\n");
	assert_int_equal(sink_reopen(sink), 0);
	sink_free(sink);

	assert_int_equal(sink_open_stream(fds[1], false, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_read(fds[0], line);
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
	assert_int_equal(put(sink, &p->sample->event, LINE), -EPIPE);
	assert_int_equal(put(sink, &p->sample->event, LINE), -EPIPE);
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
	assert_int_equal(put(sink, &p->sample->event, LINE), -ENOSPC);
	sink_free(sink);
	close(fd);
}

static int64_t now_ms(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A pipe without room: waited for, and nothing of the line is in it before all of it can be. */
static void test_stream_pipe_full(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};
	int64_t start = 0;
	char *drain = malloc(65536);

	/* one that blocks, as stdout mostly is */
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 65536), 65536);
	fill(fds[1], 'x', 65536);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);

	start = now_ms();
	assert_int_equal(put(sink, &p->sample->event, LINE), -EAGAIN);
	assert_in_range(now_ms() - start, 150, 5000);

	assert_int_equal(read(fds[0], drain, 65536), 65536);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	/* nothing of that line had been written */
	assert_read(fds[0], LINE "\n");
	sink_free(sink);
	free(drain);
	close(fds[0]);
	close(fds[1]);
}

/* More than PIPE_BUF could be written in part (pipe(7)): it waits until there is room for all. */
static void test_stream_half_a_line(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fds[2] = {-1, -1};
	char *drain = calloc(1, 65537);
	char *big = calloc(1, 8193);

	memset(big, 'b', 8192);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 65536), 65536);
	/* a page of room */
	fill(fds[1], 'x', 65536 - 4096);
	assert_int_equal(sink_open_stream(fds[1], true, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, big), -EAGAIN);
	assert_int_equal(read(fds[0], drain, 65536), 65536 - 4096);
	assert_int_equal(drain[65535 - 4096], 'x');
	assert_int_equal(put(sink, &p->sample->event, big), 0);
	assert_int_equal(read(fds[0], drain, 65536), 8193);
	assert_int_equal(drain[8191], 'b');
	assert_int_equal(drain[8192], '\n');
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
	assert_int_equal(put(sink, &p->sample->event, big), 0);
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
	struct sink *second = NULL;
	struct stat st = {0};
	mode_t mask = umask(0);
	char hash[CHAIN_HASH_SIZE] = "";

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	umask(mask);
	assert_string_equal(sink_name(sink), "file");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	/* two chains in one file would be none */
	assert_int_equal(sink_open_file(p->path, &second), -EBUSY);
	sink_free(sink);

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(p->path, 2, NULL, NULL, hash);
	assert_string_equal(sink_head(sink), hash);
	sink_free(sink);
}

/* Whoever wrote before us may have been killed in the middle of a line. */
static void test_file_ends_in_half_a_line(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	int fd = open(p->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	/* whose that is, nobody knows: it stays */
	fill(fd, 'h', 4);
	close(fd);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(p->path, 2, "hhhh", NULL, NULL);
	sink_free(sink);

	/* this is one of ours */
	fd = open(p->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"@timestamp\":\"20", 18), 18);
	close(fd);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(p->path, 3, "hhhh", NULL, NULL);
	sink_free(sink);
}

static void test_file_reopen(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	char old[80] = "";
	char hash[CHAIN_HASH_SIZE] = "";

	snprintf(old, sizeof(old), "%s.1", p->path);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_reopen(sink), 0); /* it is the same one */
	assert_int_equal(rename(p->path, old), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_reopen(sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	/* the chain goes on in the new one */
	assert_chained(old, 2, NULL, NULL, hash);
	assert_chained(p->path, 1, NULL, hash, NULL);

	/* what cannot be opened anew goes on where it was */
	assert_int_equal(rename(p->path, old), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(sink_reopen(sink), -EISDIR);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(old, 2, NULL, hash, NULL);
	assert_int_equal(rmdir(p->path), 0);
	sink_free(sink);
}

/* One that was deleted is not written to for nobody to read; what was in it is told. */
static void test_file_deleted(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	struct sink_gone gone = {0};

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_null(sink_take_gone(sink).what);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(sink_look(sink), 0);
	gone = sink_take_gone(sink);
	assert_non_null(gone.what);
	assert_int_equal(gone.lines, 2);
	assert_int_equal(gone.accesses, 2);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(p->path, 1, NULL, NULL, NULL);
	assert_null(sink_take_gone(sink).what);

	/* nowhere to go: the line is not taken, and nothing is told twice */
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), -EISDIR);
	assert_null(sink_take_gone(sink).what);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(sink_take_gone(sink).lines, 1);
	sink_free(sink);
}

/* Renamed, and nobody has said so: a little later it is noticed. */
static void test_file_strays(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	struct stat st = {0};
	char old[80] = "";

	snprintf(old, sizeof(old), "%s.1", p->path);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(rename(p->path, old), 0);
	for (int i = 0; i < 50 && stat(p->path, &st); i++) {
		usleep(100000);
		assert_int_equal(sink_look(sink), 0);
	}
	assert_int_equal(stat(p->path, &st), 0);
	sink_free(sink);
}

/* What was being written when docksnoop was killed: did it get out? */
static void test_file_account(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	struct ledger_sink account = {0};
	char hash[CHAIN_HASH_SIZE] = "";
	struct stat st = {0};

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	sink_set_account(sink, &account);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(account.settled, 1);
	assert_int_equal(account.end, 0);
	sink_free(sink);

	assert_int_equal(stat(p->path, &st), 0);
	account.settling = 5;
	account.end = st.st_size;
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	sink_set_account(sink, &account);
	assert_int_equal(account.settled, 6);
	sink_free(sink);
	account.end = st.st_size + 1;
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	sink_set_account(sink, &account);
	assert_int_equal(account.settled, 6);
	assert_int_equal(account.end, 0);
	sink_free(sink);
	/* killed when its file had been renamed: the chain goes on in the new one */
	assert_chained(p->path, 1, NULL, NULL, hash);
	assert_string_equal(account.head, hash);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	sink_set_account(sink, &account);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(p->path, 1, NULL, hash, NULL);
	sink_free(sink);
	account.settled = 6;
	assert_int_equal(stat(p->path, &st), 0);
	account.end = st.st_size; /* of another file */
	account.inode++;
	assert_int_equal(sink_open_file(p->path, &sink), 0);
	sink_set_account(sink, &account);
	assert_int_equal(account.settled, 6);
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

/* No room for all of the line: as on a full disk, a part of it is written, and taken back. */
static void test_file_no_room(void **state)
{
	struct place *p = *state;
	struct sink *sink = NULL;
	struct rlimit old = {0};
	struct rlimit limit = {0};
	struct stat st = {0};
	struct stat after = {0};

	assert_int_equal(sink_open_file(p->path, &sink), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = st.st_size + 3;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(put(sink, &p->sample->event, LINE), -EFBIG);
	assert_int_equal(put(sink, &p->sample->event, LINE), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(stat(p->path, &after), 0);
	assert_int_equal(after.st_size, st.st_size);
	assert_int_equal(put(sink, &p->sample->event, LINE), 0);
	assert_chained(p->path, 2, NULL, NULL, NULL);
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
		cmocka_unit_test_setup_teardown(test_file_deleted, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_strays, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_account, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_refuses, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_file_no_room, place_make, place_remove),
	};

	/* as the program does */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
