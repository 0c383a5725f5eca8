// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/unit/sample_event.h"
#include "user/cmd/cmd.h"
#include "user/output/chain.h"
#include "user/util/cleanup.h"

#define LINES_MAX 32

/* What docksnoop wrote, and files in which that is manipulated. */
struct verify {
	char folder[32];
	struct chain chain;
	char *lines[LINES_MAX];
	char hashes[LINES_MAX][CHAIN_HASH_SIZE];
	size_t count;
	char *out; /* of the last run */
};

static void seal(struct verify *v, struct sample *s, uint64_t sequence)
{
	char *json_text = NULL;
	json_t *json = NULL;

	s->event.sequence = sequence;
	s->event.time_ns += v->count; /* two events are never the same */
	json = sample_json(s);
	json_text = json_dumps(json, EVENT_JSON_FLAGS);
	assert_true(v->count < LINES_MAX);
	assert_int_equal(chain_seal(&v->chain, json_text, &v->lines[v->count], v->hashes[v->count]),
			 0);
	chain_advance(&v->chain, v->hashes[v->count++]);
	free(json_text);
	json_decref(json);
	sample_free(s);
}

static struct sample *unwritten(uint64_t count)
{
	struct sample *s = sample_lost();

	s->event.lost = (struct event_lost){.count = count, .kind = "event", .place = "sink:file"};
	return s;
}

/* Ten lines of a run: started, eight connects, stopped. */
static int verify_make(void **state)
{
	struct verify *v = calloc(1, sizeof(*v));

	strcpy(v->folder, "/tmp/docksnoop-verify-XXXXXX");
	assert_non_null(mkdtemp(v->folder));
	assert_int_equal(chdir(v->folder), 0);
	chain_begin(&v->chain);
	seal(v, sample_started(), 1);
	for (uint64_t i = 2; i < 10; i++)
		seal(v, sample_connect(), i);
	seal(v, sample_stopped(), 10);
	*state = v;
	return 0;
}

static int verify_free(void **state)
{
	static const char *const files[] = {"a", "b", "c", "out"};
	struct verify *v = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(v->folder), 0);
	for (size_t i = 0; i < v->count; i++)
		free(v->lines[i]);
	free(v->out);
	free(v);
	return 0;
}

static void put(const char *file, const void *bytes, size_t len)
{
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(write(fd, bytes, len), len);
}

static void put_text(const char *file, const char *text)
{
	put(file, text, strlen(text));
}

/* "0 1 2-9": these lines, counted from 1 on, are the file's. */
static void put_lines(const struct verify *v, const char *file, const char *which)
{
	for (int used = 0; *which; which += used) {
		size_t first = 0;
		size_t last = 0;

		used = 0;
		if (sscanf(which, " %zu-%zu%n", &first, &last, &used) != 2) {
			assert_int_equal(sscanf(which, " %zu%n", &first, &used), 1);
			last = first;
		}
		for (size_t i = first; i <= last; i++) {
			put_text(file, v->lines[i - 1]);
			put_text(file, "\n");
		}
	}
}

/* "verify a b": its exit code; v->out is what it says. */
static int run(struct verify *v, const char *arguments)
{
	AUTO_FREE char *copy = strdup(arguments);
	AUTO_CLOSE int fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int saved = dup(STDOUT_FILENO);
	char *argv[16] = {(char *)"verify"};
	char *rest = copy;
	int argc = 1;
	int code = 0;
	off_t len = 0;

	while (argc < 15 && (argv[argc] = strsep(&rest, " ")))
		argc++;
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	code = cmd_verify(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	len = lseek(fd, 0, SEEK_END);
	free(v->out);
	v->out = calloc(1, (size_t)len + 1);
	assert_int_equal(pread(fd, v->out, (size_t)len, 0), len);
	return code;
}

/*
 * "a:3:removed:2 note:b:1:piece": what is said in JSON, and whether it counts. The
 * number is what is missing, or the line that is named.
 */
static void assert_says(struct verify *v, const char *arguments, const char *expected, int code)
{
	AUTO_FREE char *all = NULL;
	char found[4096] = "";
	char *rest = NULL;
	char *line = NULL;
	int got = 0;

	assert_true(asprintf(&all, "--json %s", arguments) > 0);
	got = run(v, all);
	rest = v->out;
	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		const char *kind = json_string_value(json_at(json, "kind"));
		json_t *number = json_at(json, "missing");
		json_int_t first = json_integer_value(json_at(json, "line"));
		json_int_t last = json_integer_value(json_at(json, "last_line"));
		size_t used = strlen(found);

		assert_non_null(json);
		number = number ? number : json_at(json, "other.line");
		if (json_is_true(json_at(json, "trouble")) ||
		    json_is_false(json_at(json, "trouble"))) {
			used += (size_t)snprintf(found + used, sizeof(found) - used,
						 "%s%s%s:%" JSON_INTEGER_FORMAT, used ? " " : "",
						 json_is_true(json_at(json, "trouble")) ? ""
											: "note:",
						 json_string_value(json_at(json, "file")), first);
			if (last != first)
				used += (size_t)snprintf(found + used, sizeof(found) - used,
							 "-%" JSON_INTEGER_FORMAT, last);
			used += (size_t)snprintf(found + used, sizeof(found) - used, ":%s", kind);
			if (number)
				snprintf(found + used, sizeof(found) - used,
					 ":%" JSON_INTEGER_FORMAT, json_integer_value(number));
		}
		json_decref(json);
	}
	assert_string_equal(found, expected);
	assert_int_equal(got, code);
	/* the same in words */
	assert_int_equal(run(v, arguments), code);
}

static void fresh(void)
{
	unlink("a");
	unlink("b");
	unlink("c");
}

/* What is in the file "a", and what is said of that. */
static void assert_lines(struct verify *v, const char *which, const char *expected, int code)
{
	fresh();
	put_lines(v, "a", which);
	assert_says(v, "a", expected, code);
}

static void test_well(void **state)
{
	struct verify *v = *state;

	assert_lines(v, "1-10", "", EXIT_DONE);
	assert_non_null(strstr(v->out, "10 records, 0 troubles\n"));
	assert_non_null(strstr(v->out, v->hashes[9]));
	assert_non_null(strstr(v->out, "docksnoop ended there"));
	assert_lines(v, "1-9", "", EXIT_DONE);
	assert_non_null(strstr(v->out, "no monitor-stopped"));
	assert_lines(v, "3-10", "note:a:1:begins-within", EXIT_DONE);
	assert_non_null(strstr(v->out, v->hashes[1]));
}

static void test_removed(void **state)
{
	struct verify *v = *state;

	assert_lines(v, "1-4 6-10", "a:5:removed:1", EXIT_FINDING);
	assert_non_null(strstr(v->out, "a:5: 1 record is missing before it (event.sequence 5)"));
	assert_lines(v, "1-4 8-10", "a:5:removed:3", EXIT_FINDING);
	assert_non_null(strstr(v->out, v->hashes[6]));
	assert_lines(v, "1 10", "a:2:removed:8", EXIT_FINDING);
	assert_lines(v, "1-3 5-7 9-10", "a:4:removed:1 a:7:removed:1", EXIT_FINDING);
	/* from the end only with a hash that was kept */
	assert_lines(v, "1-7", "", EXIT_DONE);
}

static void test_reordered(void **state)
{
	struct verify *v = *state;

	/* each of these has another one before it than it should */
	assert_lines(v, "1-3 5 4 6-10", "a:4:reordered:5 a:5:reordered:3 a:6:reordered:4",
		     EXIT_FINDING);
	assert_lines(v, "2-10 1", "a:1:reordered:10 a:10:new-chain", EXIT_FINDING);
	assert_lines(v, "1-3 5-10 4", "a:4:reordered:10 a:10:reordered:3", EXIT_FINDING);
}

static void test_duplicate(void **state)
{
	struct verify *v = *state;

	assert_lines(v, "1-4 4-10", "a:5:duplicate:4", EXIT_FINDING);
	assert_lines(v, "1-4 2-3 5-10", "a:5-6:duplicate:2", EXIT_FINDING);
	assert_lines(v, "1-10 1-10", "a:11-20:duplicate:1", EXIT_FINDING);
	assert_lines(v, "1-10", "", EXIT_DONE);
	assert_says(v, "a a", "a:1-10:duplicate:1", EXIT_FINDING);
}

static void test_inserted(void **state)
{
	static const char *const foreign[] = {"\n",   "hello\n", "{\"a\":1}\n",
					      "{}\n", "[\n",	 "\x1b[2J\n"};
	struct verify *v = *state;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		fresh();
		put_lines(v, "a", "1-4");
		put_text("a", foreign[i]);
		put_lines(v, "a", "5-10");
		assert_says(v, "a", "a:5:foreign", EXIT_FINDING);
	}
	fresh();
	put_text("a", "x\ny\n");
	put_lines(v, "a", "1-4");
	put_text("a", "x\ny\nz\n");
	put_lines(v, "a", "6-10");
	assert_says(v, "a", "a:1-2:foreign a:7-9:foreign a:10:removed:1", EXIT_FINDING);
}

/* Every byte of a line: what was done is found there, whatever else it looks like. */
static void test_every_byte(void **state)
{
	struct verify *v = *state;
	char *line = v->lines[4];

	for (size_t i = 0; i < strlen(line); i += 7) {
		char was = line[i];
		json_t *json = NULL;
		char *end = NULL;

		fresh();
		line[i] = was == 'x' ? 'y' : 'x';
		put_lines(v, "a", "1-10");
		line[i] = was;
		assert_int_equal(run(v, "--json a"), EXIT_FINDING);
		end = strchr(v->out, '\n');
		*end = '\0';
		json = json_loads(v->out, 0, NULL);
		assert_int_equal(json_integer_value(json_at(json, "line")), 5);
		json_decref(json);
	}
}

static void test_changed(void **state)
{
	struct verify *v = *state;
	char *was = v->lines[4];
	char *at = NULL;

	v->lines[4] = strdup(was);
	at = strstr(v->lines[4], "4242");
	*at = '5';
	assert_lines(v, "1-10", "a:5:changed", EXIT_FINDING);
	/* the number is part of what was changed, and is not believed */
	*at = '4';
	strstr(v->lines[4], "\"sequence\":5")[11] = '9';
	assert_lines(v, "1-10", "a:5:changed", EXIT_FINDING);
	free(v->lines[4]);
	/* its hash was */
	v->lines[4] = strdup(was);
	at = v->lines[4] + strlen(was) - 10;
	*at = *at == '1' ? '2' : '1';
	assert_lines(v, "1-10", "a:5:changed", EXIT_FINDING);
	/* the other one */
	strcpy(v->lines[4], was);
	at = v->lines[4] + strlen(was) - 90;
	*at = *at == '1' ? '2' : '1';
	assert_lines(v, "1-10", "a:5:changed", EXIT_FINDING);
	assert_non_null(strstr(v->out, "nor does what is before it"));
	free(v->lines[4]);
	v->lines[4] = was;
}

/* A line that is changed and given its own right hash. */
static void reseal(struct verify *v, size_t i, const char *find, char to, char **out)
{
	struct chain before = v->chain;
	AUTO_FREE char *json = strdup(v->lines[i]);
	char hash[CHAIN_HASH_SIZE] = "";

	strcpy(strstr(json, ",\"chain\""), "}}");
	if (find)
		strstr(json, find)[strlen(find) - 1] = to;
	memcpy(before.hash, v->hashes[i - 1], CHAIN_HASH_SIZE);
	assert_int_equal(chain_seal(&before, json, out, hash), 0);
	memcpy(v->hashes[i], hash, CHAIN_HASH_SIZE);
}

static void test_rewritten(void **state)
{
	struct verify *v = *state;
	char *line = NULL;
	char last[CHAIN_HASH_SIZE] = "";
	char text[128] = "";

	memcpy(last, v->hashes[9], sizeof(last));
	reseal(v, 4, "\"pid\":4", '5', &line);
	free(v->lines[4]);
	v->lines[4] = line;
	assert_lines(v, "1-10", "a:6:rewritten", EXIT_FINDING);
	/* the whole chain from there on: only what was kept elsewhere tells */
	for (size_t i = 5; i < 10; i++) {
		reseal(v, i, NULL, 0, &line);
		free(v->lines[i]);
		v->lines[i] = line;
	}
	assert_lines(v, "1-10", "", EXIT_DONE);
	snprintf(text, sizeof(text), "--expect %s a", last);
	assert_says(v, text, "(null):0:not-found", EXIT_FINDING);
}

/* A line taken out, and the chain computed anew, but not the numbers. */
static void test_sequence(void **state)
{
	struct verify *v = *state;
	char *line = NULL;

	memcpy(v->hashes[4], v->hashes[3], CHAIN_HASH_SIZE);
	for (size_t i = 5; i < 10; i++) {
		reseal(v, i, NULL, 0, &line);
		free(v->lines[i]);
		v->lines[i] = line;
	}
	assert_lines(v, "1-4 6-10", "a:5:sequence:1", EXIT_FINDING);
}

static void test_forged(void **state)
{
	struct verify *v = *state;
	char *line = NULL;

	reseal(v, 4, "\"sequence\":5", 'x', &line);
	free(v->lines[4]);
	v->lines[4] = line;
	assert_lines(v, "1-5", "a:5:forged", EXIT_FINDING);
}

/* Lines that the file never got are no trouble: an events-lost says so. */
static void test_unwritten(void **state)
{
	struct verify *v = *state;

	seal(v, unwritten(3), 14);
	seal(v, sample_connect(), 15);
	assert_lines(v, "1-12", "", EXIT_DONE);
	/* more than that */
	seal(v, unwritten(3), 20);
	assert_lines(v, "1-13", "a:13:sequence:1", EXIT_FINDING);
	assert_lines(v, "1-9 11-12", "a:10:removed:1", EXIT_FINDING);
}

static void test_runs(void **state)
{
	struct verify *v = *state;

	seal(v, sample_started(), 1);
	seal(v, sample_connect(), 2);
	seal(v, sample_started(), 1);
	seal(v, sample_stopped(), 2);
	assert_lines(v, "1-14", "", EXIT_DONE);
	assert_lines(v, "1-9 11-14", "a:10:removed", EXIT_FINDING);
	assert_non_null(strstr(v->out, "how many cannot be told"));
	assert_lines(v, "1-10 12-14", "a:11:removed", EXIT_FINDING);
	/* a run whose first lines the file never got */
	seal(v, unwritten(4), 5);
	assert_lines(v, "1-15", "", EXIT_DONE);
}

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

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Pieces of records, put together anyhow, and bytes: nothing of that is well, nor breaks it. */
static void test_garbage(void **state)
{
	static const char *const words[] = {
		"{",
		"}",
		"[",
		"\"",
		"\\",
		"\n",
		",",
		"null",
		"}}}\n",
		"\\u00",
		"\xff",
		"1e999",
		"{\"chain\":{",
		"\r\n",
		"-",
		",\"hash\":\"",
		"}}",
		"0",
		"\x1f\x8b\x08",
		"{\"event\":{\"sequence\":-1}}\n",
		"18446744073709551616",
	};
	struct verify *v = *state;
	uint32_t seed = 4711;

	for (int round = 0; round < 400; round++) {
		uint32_t steps = next_random(&seed) % 40 + 1;

		fresh();
		for (uint32_t i = 0; i < steps; i++) {
			const char *line = v->lines[next_random(&seed) % v->count];
			const char *word =
				words[next_random(&seed) % (sizeof(words) / sizeof(*words))];
			size_t from = next_random(&seed) % strlen(line);
			char zeros[8] = "";

			switch (next_random(&seed) % 5) {
			case 0:
				put_text("a", line + from);
				break;
			case 1:
				put("a", line, from);
				break;
			case 2:
				put_text("a", line);
				put_text("a", "\n");
				break;
			case 3:
				put("a", zeros, next_random(&seed) % sizeof(zeros));
				break;
			default:
				put_text("a", word);
			}
		}
		/* forty steps of five kinds do not make a file that is well */
		if (steps > 20)
			assert_int_not_equal(run(v, "a"), EXIT_DONE);
		else
			assert_int_not_equal(run(v, "--json a"), EXIT_BROKE);
	}
}

#define WITH_LINES(test) cmocka_unit_test_setup_teardown(test, verify_make, verify_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LINES(test_well),
		WITH_LINES(test_removed),
		WITH_LINES(test_reordered),
		WITH_LINES(test_duplicate),
		WITH_LINES(test_inserted),
		WITH_LINES(test_every_byte),
		WITH_LINES(test_changed),
		WITH_LINES(test_rewritten),
		WITH_LINES(test_sequence),
		WITH_LINES(test_forged),
		WITH_LINES(test_unwritten),
		WITH_LINES(test_runs),
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
		WITH_LINES(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
