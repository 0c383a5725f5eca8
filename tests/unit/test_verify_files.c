// SPDX-License-Identifier: Apache-2.0

/* Files that were cut, rotated, compressed, or cannot be read. */

#include "tests/unit/verify_lines.h"

#include <zlib.h>

/* Half a line at the end, and then half a line in the middle. */
static void test_cut(void **state)
{
	struct verify *v = *state;

	for (size_t len = 1; len < strlen(v->lines[9]); len += 101) {
		fresh();
		put_lines(v, "a", "1-9");
		put("a", v->lines[9], len);
		assert_says(v, "a", "a:10:cut", EXIT_FINDING);
	}
	fresh();
	put_lines(v, "a", "1-9");
	put_text("a", v->lines[9]);
	assert_says(v, "a", "a:10:cut", EXIT_FINDING);
	assert_non_null(strstr(v->out, "newline is missing"));
	assert_non_null(strstr(v->out, "10 records, 1 trouble\n"));
	fresh();
	put_lines(v, "a", "1-4");
	put("a", v->lines[4], 300);
	put_text("a", "\n");
	put_lines(v, "a", "6-10");
	assert_says(v, "a", "a:5:piece a:6:removed:1", EXIT_FINDING);
}

/* docksnoop leaves such a piece when a disk is full, and says so. */
static void test_piece(void **state)
{
	struct verify *v = *state;

	seal(v, unwritten(1), 12);
	seal(v, sample_started(), 1);
	put_lines(v, "a", "1-10");
	put("a", v->lines[4], 300);
	put_text("a", "\n");
	put("a", v->lines[4], 20);
	put_text("a", "\n");
	put_lines(v, "a", "11");
	put("a", v->lines[4], 300);
	assert_says(v, "a", "note:a:11-12:piece a:14:cut", EXIT_FINDING);
	put_text("a", "\n");
	put_lines(v, "a", "12");
	assert_says(v, "a", "note:a:11-12:piece note:a:14:piece", EXIT_DONE);
	/* not before any other record */
	fresh();
	put_lines(v, "a", "1-4");
	put("a", v->lines[4], 300);
	put_text("a", "\n");
	put_lines(v, "a", "5-10");
	assert_says(v, "a", "a:5:piece", EXIT_FINDING);
	/* at the end of a file that was rotated away then */
	fresh();
	put_lines(v, "a", "1-10");
	put("a", v->lines[4], 300);
	put_lines(v, "b", "11-12");
	assert_says(v, "a b", "note:a:11:cut", EXIT_DONE);
	/* all of it but the newline */
	fresh();
	put_lines(v, "a", "1-9");
	put_text("a", v->lines[9]);
	put_lines(v, "b", "11-12");
	assert_says(v, "a b", "note:a:10:cut", EXIT_DONE);
	/* one that is missing is not accounted for by what comes much later */
	fresh();
	put_lines(v, "a", "1-3");
	put_text("a", v->lines[3]);
	put_lines(v, "b", "5-12");
	assert_says(v, "a b", "a:4:cut", EXIT_FINDING);
}

static void test_expect(void **state)
{
	struct verify *v = *state;
	char text[128] = "";

	put_lines(v, "a", "1-10");
	snprintf(text, sizeof(text), "--expect %s a", v->hashes[9]);
	assert_says(v, text, "", EXIT_DONE);
	snprintf(text, sizeof(text), "--expect %s a", v->hashes[7]);
	assert_says(v, text, "note:a:8:followed", EXIT_DONE);
	assert_non_null(strstr(v->out, "a:8: note: the expected record; 2 records follow it"));
	fresh();
	put_lines(v, "a", "1-7");
	assert_says(v, text, "(null):0:not-found", EXIT_FINDING);
	assert_int_equal(run(v, "--expect 00 a"), EXIT_USAGE);
}

static void test_rotated(void **state)
{
	struct verify *v = *state;

	put_lines(v, "a", "1-4");
	put_lines(v, "b", "5-7");
	put_lines(v, "c", "8-10");
	assert_says(v, "a b c", "", EXIT_DONE);
	assert_says(v, "b c", "note:b:1:begins-within", EXIT_DONE);
	assert_says(v, "a c", "c:1:removed:3", EXIT_FINDING);
	assert_says(v, "b a c", "b:1:reordered:4 a:1:new-chain c:1:reordered:3", EXIT_FINDING);
	/* one was just rotated away, and nothing has come since */
	unlink("c");
	put_text("c", "");
	assert_says(v, "a b c", "", EXIT_DONE);
}

static void test_new_chain(void **state)
{
	struct verify *v = *state;

	chain_begin(&v->chain);
	seal(v, sample_started(), 1);
	seal(v, sample_stopped(), 2);
	assert_lines(v, "1-12", "a:11:new-chain", EXIT_FINDING);
	assert_non_null(strstr(v->out, v->hashes[9]));
	assert_lines(v, "11-12", "", EXIT_DONE);
}

static void put_compressed(const struct verify *v, const char *file, size_t first, size_t last)
{
	gzFile gz = gzopen(file, "wb");

	assert_non_null(gz);
	for (size_t i = first; i <= last; i++)
		assert_true(gzprintf(gz, "%s\n", v->lines[i - 1]) > 0);
	assert_int_equal(gzclose(gz), Z_OK);
}

static void test_compressed(void **state)
{
	struct verify *v = *state;
	struct stat st = {0};

	put_compressed(v, "a", 1, 6);
	put_lines(v, "b", "7-10");
	assert_says(v, "a b", "", EXIT_DONE);
	assert_int_equal(stat("a", &st), 0);
	/* what could be read is looked at */
	assert_int_equal(truncate("a", st.st_size - 9), 0);
	assert_int_equal(run(v, "--json a b"), EXIT_FINDING);
	assert_non_null(strstr(v->out, "\"kind\":\"damaged\""));
	assert_int_equal(truncate("a", 3), 0);
	assert_says(v, "a b", "a:1:damaged note:b:1:begins-within", EXIT_FINDING);
	fresh();
	put_compressed(v, "a", 1, 10);
	assert_int_equal(truncate("a", 100), 0);
	put_text("a", "this is not what was compressed, and goes on for some time");
	assert_int_not_equal(run(v, "a"), EXIT_DONE);
}

static void test_standard_input(void **state)
{
	struct verify *v = *state;
	int saved = dup(STDIN_FILENO);
	int fds[2] = {-1, -1};

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	put_lines(v, "a", "1-4");
	for (size_t i = 4; i < 10; i++) {
		assert_true(write(fds[1], v->lines[i], strlen(v->lines[i])) > 0);
		assert_int_equal(write(fds[1], "\n", 1), 1);
	}
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	assert_int_equal(run(v, "a -"), EXIT_DONE);
	assert_non_null(strstr(v->out, "10 records, 0 troubles\n"));
	dup2(saved, STDIN_FILENO);
	close(saved);
}

static void test_unreadable(void **state)
{
	struct verify *v = *state;

	put_lines(v, "a", "1-10");
	assert_int_equal(mkfifo("b", 0600), 0);
	assert_int_equal(run(v, ""), EXIT_USAGE);
	assert_int_equal(run(v, "--surprise a"), EXIT_USAGE);
	assert_int_equal(run(v, "b"), EXIT_USAGE);
	assert_int_equal(run(v, "/tmp"), EXIT_USAGE);
	assert_int_equal(run(v, "/dev/zero"), EXIT_USAGE);
	assert_int_equal(run(v, "/nowhere"), EXIT_USAGE);
	/* the others are looked at all the same */
	assert_int_equal(run(v, "/nowhere a"), EXIT_USAGE);
	assert_non_null(strstr(v->out, "10 records, 0 troubles\n"));
	/* nothing chained in it */
	unlink("b");
	put_text("b", "");
	assert_int_equal(run(v, "b"), EXIT_USAGE);
	put_text("b", "{\"a\":1}\n{\"a\":1}\n");
	assert_int_equal(run(v, "b"), EXIT_USAGE);
}

static void test_long_line(void **state)
{
	struct verify *v = *state;
	size_t len = CHAIN_LINE_MAX + 1;
	AUTO_FREE char *text = malloc(len);

	memset(text, '[', len);
	put_lines(v, "a", "1-4");
	put("a", text, len);
	put_text("a", "\n");
	put("a", text, len - 1);
	put_text("a", "\n");
	put_lines(v, "a", "5-10");
	put("a", text, len);
	assert_says(v, "a", "a:5:too-long a:6:foreign a:13:too-long", EXIT_FINDING);
}

static void test_names_are_escaped(void **state)
{
	struct verify *v = *state;

	put_lines(v, "\x1b[2J", "1-3 5");
	assert_int_equal(run(v, "\x1b[2J"), EXIT_FINDING);
	unlink("\x1b[2J");
	assert_null(strchr(v->out, '\x1b'));
	assert_non_null(strstr(v->out, "\\x1b[2J:4: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LINES(test_cut),
		WITH_LINES(test_piece),
		WITH_LINES(test_expect),
		WITH_LINES(test_rotated),
		WITH_LINES(test_new_chain),
		WITH_LINES(test_compressed),
		WITH_LINES(test_standard_input),
		WITH_LINES(test_unreadable),
		WITH_LINES(test_long_line),
		WITH_LINES(test_names_are_escaped),
	};

	return cmocka_run_group_tests_name("verify, files", tests, NULL, NULL);
}
