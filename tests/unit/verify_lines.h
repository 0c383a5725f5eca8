/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_VERIFY_LINES_H
#define DOCKSNOOP_VERIFY_LINES_H

/* What "docksnoop verify" is given by its tests, and what it is to say. */

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

static inline void seal(struct verify *v, struct sample *s, uint64_t sequence)
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

static inline struct sample *unwritten(uint64_t count)
{
	struct sample *s = sample_lost();

	s->event.lost = (struct event_lost){.count = count, .kind = "event", .place = "sink:file"};
	return s;
}

/* Ten lines of a run: started, eight connects, stopped. */
static inline int verify_make(void **state)
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

static inline int verify_free(void **state)
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

static inline void put(const char *file, const void *bytes, size_t len)
{
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(write(fd, bytes, len), len);
}

static inline void put_text(const char *file, const char *text)
{
	put(file, text, strlen(text));
}

/* "0 1 2-9": these lines, counted from 1 on, are the file's. */
static inline void put_lines(const struct verify *v, const char *file, const char *which)
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
static inline int run(struct verify *v, const char *arguments)
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
static inline void assert_says(struct verify *v, const char *arguments, const char *expected,
			       int code)
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

static inline void fresh(void)
{
	unlink("a");
	unlink("b");
	unlink("c");
}

/* What is in the file "a", and what is said of that. */
static inline void assert_lines(struct verify *v, const char *which, const char *expected, int code)
{
	fresh();
	put_lines(v, "a", which);
	assert_says(v, "a", expected, code);
}

#define WITH_LINES(test) cmocka_unit_test_setup_teardown(test, verify_make, verify_free)

#endif
