// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/validate.h"
#include "user/output/chain.h"
#include "user/util/cleanup.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* *line is the next of @chain, which goes on. */
static void seal(struct chain *chain, struct sample *(*make)(void), uint64_t sequence, char **line)
{
	struct sample *s = make();
	char hash[CHAIN_HASH_SIZE] = "";
	json_t *json = NULL;
	char *text = NULL;

	s->event.sequence = sequence;
	json = sample_json(s);
	text = json_dumps(json, EVENT_JSON_FLAGS);
	assert_int_equal(chain_seal(chain, text, line, hash), 0);
	chain_advance(chain, hash);
	free(text);
	json_decref(json);
	sample_free(s);
}

static char *line_of(const char *json)
{
	struct chain chain;
	char hash[CHAIN_HASH_SIZE] = "";
	char *line = NULL;

	chain_begin(&chain);
	return chain_seal(&chain, json, &line, hash) ? NULL : line;
}

static enum chain_state state_of(const char *line, size_t len)
{
	AUTO_CHAIN_RECORD struct chain_record record = {0};

	assert_int_equal(chain_read(line, len, &record), 0);
	return record.state;
}

/* The hashes are by sha256sum: printf '%s' '…"previous":"000…0"' | sha256sum */
static void test_form(void **state)
{
	static const char first[] =
		"{\"docksnoop\":{\"a\":1,\"chain\":{\"previous\":\"" ZEROS "\",\"hash\":\""
		"b6f1b60053be58d5ba95a19ff498acf3eeda5b937b4052615a8a76dd2eac5bff\"}}}";
	struct chain chain;
	char hash[CHAIN_HASH_SIZE] = "";
	char *line = NULL;

	(void)state;
	chain_begin(&chain);
	assert_string_equal(chain.hash, ZEROS);
	assert_int_equal(chain_seal(&chain, "{\"docksnoop\":{\"a\":1}}", &line, hash), 0);
	assert_string_equal(line, first);
	/* not before it was written */
	assert_string_equal(chain.hash, ZEROS);
	assert_int_equal(chain.records, 0);
	chain_advance(&chain, hash);
	assert_string_equal(chain.hash, hash);
	assert_int_equal(chain.records, 1);
	assert_int_equal(state_of(line, strlen(line)), CHAIN_WHOLE);
	free(line);
}

static void test_no_docksnoop_object(void **state)
{
	static const char *const bad[] = {"",	"}",	  "{}",		 "{\"a\":{}}",
					  "[]", "x\n}}x", "{\"a\":1}\n", "{\"docksnoop\":{}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(line_of(bad[i]));
}

/* Every kind of event ends with an object that the chain can go into. */
static void test_every_event(void **state)
{
	struct sample *(*const samples[])(void) = {sample_connect, sample_host,	   sample_unknown,
						   sample_exposed, sample_proxied, sample_listens,
						   sample_handoff, sample_request, sample_unread,
						   sample_lost,	   sample_started, sample_stopped};
	char name[] = "/tmp/docksnoop-chain-XXXXXX";
	FILE *out = fdopen(mkstemp(name), "w");
	struct chain chain;
	int status = 0;

	(void)state;
	assert_non_null(out);
	chain_begin(&chain);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		AUTO_FREE char *line = NULL;
		AUTO_CHAIN_RECORD struct chain_record record = {0};
		struct chain before = chain;

		seal(&chain, samples[i], i + 1, &line);
		assert_int_equal(chain_read(line, strlen(line), &record), 0);
		assert_int_equal(record.state, CHAIN_WHOLE);
		assert_string_equal(record.previous, before.hash);
		assert_string_equal(record.hash, chain.hash);
		fprintf(out, "%s\n", line);
	}
	assert_int_equal(chain.records, sizeof(samples) / sizeof(samples[0]));
	assert_int_equal(fclose(out), 0);
	status = validate(name, false);
	unlink(name);
	assert_int_equal(status, 0);
}

/* policy-loaded has no sample of its own, and no mode may be known */
static void test_policy_loaded(void **state)
{
	struct sample *s = sample_lost();
	json_t *json = NULL;
	char *text = NULL;
	char *line = NULL;

	(void)state;
	s->event.action = EVENT_POLICY_LOADED;
	s->event.policy = (struct event_policy){.file = "/p"};
	s->host.mode = NULL;
	json = sample_json(s);
	text = json_dumps(json, EVENT_JSON_FLAGS);
	line = line_of(text);
	assert_int_equal(state_of(line, strlen(line)), CHAIN_WHOLE);
	free(line);
	free(text);
	json_decref(json);
	sample_free(s);
}

/* No byte of a line can be another one. */
static void test_every_byte(void **state)
{
	struct chain chain;
	char *line = NULL;
	size_t len = 0;

	(void)state;
	chain_begin(&chain);
	seal(&chain, sample_started, 1, &line);
	len = strlen(line);
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			line[i] = (char)(line[i] ^ 1 << bit);
			assert_int_not_equal(state_of(line, len), CHAIN_WHOLE);
			line[i] = (char)(line[i] ^ 1 << bit);
		}
		assert_int_not_equal(state_of(line, i), CHAIN_WHOLE);
	}
	assert_int_equal(state_of(line, len), CHAIN_WHOLE);
	free(line);
}

/* What has a right hash and was not written by docksnoop. */
static void test_forged(void **state)
{
	static const char *const forged[] = {
		"{\"docksnoop\":{\"a\": 1}}",		     /* spaces */
		"{\"docksnoop\":{\"a\":1,\"a\":1}}",	     /* a key twice */
		"{\"docksnoop\":{\"chain\":1}}",	     /* the chain twice */
		"{\"docksnoop\":{\"a\":1},\"b\":{\"a\":1}}", /* in another object */
		"{\"docksnoop\":{\"chain\":1},\"b\":{\"c\":1}}",
		"{\"b\":{\"docksnoop\":{\"a\":1}}",	/* not closed */
		"\"docksnoop\":{\"a\":1}}",		/* not opened */
		"{\"docksnoop\":{\"a\":\"\\/\"}}",	/* written another way */
		"{\"docksnoop\":{\"a\":\"\xc3\xa9\"}}", /* not ASCII */
		"{\"docksnoop\":{\"a\":\"\xff\"}}",	/* no text */
		"{\"docksnoop\":{\"a\":\"x}}",		/* the chain is in a string */
		"[{\"docksnoop\":{\"a\":1}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		AUTO_FREE char *line = line_of(forged[i]);

		if (state_of(line, strlen(line)) != CHAIN_FORGED)
			fail_msg("%s", line);
	}
}

/* A string that looks like the end of a line does not stand in for it. */
static void test_hash_in_a_string(void **state)
{
	AUTO_FREE char *line = line_of("{\"a\":\"\\\",\\\"hash\\\":\\\"" ZEROS
				       "\\\"}}}\",\"docksnoop\":{\"a\":1}}");
	AUTO_FREE char *spaced = line_of("{\"docksnoop\":{\"a\":1}}");

	(void)state;
	assert_int_equal(state_of(line, strlen(line)), CHAIN_WHOLE);
	*strstr(line, "{\"a\"") = ' ';
	assert_int_equal(state_of(line, strlen(line)), CHAIN_CHANGED);
	spaced = realloc(spaced, strlen(spaced) + 2);
	strcat(spaced, " ");
	assert_int_equal(state_of(spaced, strlen(spaced)), CHAIN_NONE);
}

static void test_states(void **state)
{
	static const struct {
		const char *line;
		enum chain_state state;
	} rows[] = {
		{"", CHAIN_NO_JSON},
		{"x", CHAIN_NO_JSON},
		{"{}", CHAIN_NONE},
		{"[]", CHAIN_NO_JSON},
		{"1", CHAIN_NO_JSON},
		{"{\"docksnoop\":{\"a\":1}}", CHAIN_NONE},
		{"{", CHAIN_PIECE},
		{"{\"@times", CHAIN_PIECE},
		{"{\"@timestamp\":\"2026", CHAIN_PIECE},
		{"{\"@timestamp\":\"2026\n", CHAIN_NO_JSON},
		{"{\"@timestamp\":\"20\xc3\xa9", CHAIN_NO_JSON},
		{"{\"timestamp\":\"2026", CHAIN_NO_JSON},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(state_of(rows[i].line, strlen(rows[i].line)), rows[i].state);
}

static void test_hash_parse(void **state)
{
	static const char upper[] =
		"A000000000000000000000000000000000000000000000000000000000000000";
	char out[CHAIN_HASH_SIZE] = "";

	(void)state;
	assert_int_equal(chain_hash_parse(ZEROS, out), 0);
	assert_string_equal(out, ZEROS);
	assert_int_equal(chain_hash_parse("", out), -EINVAL);
	assert_int_equal(chain_hash_parse(ZEROS "0", out), -EINVAL);
	assert_int_equal(chain_hash_parse(ZEROS + 1, out), -EINVAL);
	assert_int_equal(chain_hash_parse(upper, out), -EINVAL);
}

/* --- going on with a file ------------------------------------------------------------------- */

struct log {
	int fd;
	struct chain chain; /* as it is after what was written */
	char *line;	    /* the last one */
};

static int log_make(void **state)
{
	struct log *log = calloc(1, sizeof(*log));
	char name[] = "/tmp/docksnoop-chain-XXXXXX";

	log->fd = mkstemp(name);
	unlink(name);
	chain_begin(&log->chain);
	*state = log;
	return log->fd < 0;
}

static int log_free(void **state)
{
	struct log *log = *state;

	close(log->fd);
	free(log->line);
	free(log);
	return 0;
}

static void log_put(struct log *log, const void *bytes, size_t len)
{
	assert_int_equal(write(log->fd, bytes, len), len);
}

static void log_text(struct log *log, const char *text)
{
	log_put(log, text, strlen(text));
}

static void log_record(struct log *log)
{
	free(log->line);
	seal(&log->chain, sample_connect, log->chain.records + 1, &log->line);
	log_text(log, log->line);
	log_text(log, "\n");
}

static void assert_resumes(struct log *log, int expected, size_t expected_torn)
{
	struct chain chain = {.hash = "?", .records = 7};
	size_t torn = 4711;

	assert_int_equal(chain_resume(log->fd, &chain, &torn), expected);
	assert_int_equal(torn, expected_torn);
	assert_int_equal(chain.records, 0);
	assert_string_equal(chain.hash, expected ? ZEROS : log->chain.hash);
}

static void test_resume(void **state)
{
	struct log *log = *state;

	assert_resumes(log, 0, 0);
	log_text(log, "{\"@timestamp\":\"20");
	assert_resumes(log, 0, 17);
	log_text(log, "\n");
	log_record(log);
	assert_resumes(log, 0, 0);
	for (int i = 0; i < 100; i++)
		log_record(log);
	assert_resumes(log, 0, 0);
	log_text(log, "{\"@timest");
	assert_resumes(log, 0, 9);
	/* a disk that stays full */
	log_text(log, "\n{\"@timestamp\":\"20\n{\"");
	assert_resumes(log, 0, 2);
	log_text(log, "\n");
	assert_resumes(log, 0, 0);
	/* what is torn may be anything, even zeros that a file system left */
	log_put(log, "\0\0\0", 3);
	assert_resumes(log, 0, 3);
	log_text(log, "\n");
	assert_resumes(log, -EBADMSG, 0);
	log_record(log);
	assert_resumes(log, 0, 0);
}

/* All of the line but its newline was written: that makes it a record. */
static void test_resume_without_newline(void **state)
{
	struct log *log = *state;
	off_t end = 0;

	log_record(log);
	log_record(log);
	end = lseek(log->fd, 0, SEEK_CUR);
	assert_int_equal(ftruncate(log->fd, end - 1), 0);
	assert_resumes(log, 0, strlen(log->line));
}

static void test_resume_of_others(void **state)
{
	static const char *const foreign[] = {"hello\n", "\n", "{}\n",
					      "{\"docksnoop\":{\"a\":1}}\n"};

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		struct log *log = *state;

		log_record(log);
		log_text(log, foreign[i]);
		assert_resumes(log, -EBADMSG, 0);
		log_text(log, "{\"@time");
		assert_resumes(log, -EBADMSG, 7);
		assert_int_equal(ftruncate(log->fd, 0), 0);
		lseek(log->fd, 0, SEEK_SET);
	}
}

static void test_resume_changed(void **state)
{
	struct log *log = *state;

	log_record(log);
	log_record(log);
	assert_int_equal(pwrite(log->fd, "9", 1, lseek(log->fd, 0, SEEK_CUR) - 200), 1);
	assert_resumes(log, -EBADMSG, 0);
	log_record(log);
	assert_resumes(log, 0, 0);
}

/* Backwards, and not further than a line can be long. */
static void test_resume_long(void **state)
{
	struct log *log = *state;
	size_t len = (size_t)3 << 20;
	AUTO_FREE char *text = malloc(len + 32);
	AUTO_FREE char *line = NULL;
	char hash[CHAIN_HASH_SIZE] = "";

	log_record(log);
	memset(text, 'x', len + 32);
	memcpy(text, "{\"docksnoop\":{\"a\":\"", 19);
	memcpy(text + len, "\"}}", 4);
	assert_int_equal(chain_seal(&log->chain, text, &line, hash), 0);
	log_text(log, line);
	chain_advance(&log->chain, hash);
	log_text(log, "\n");
	assert_resumes(log, 0, 0);
	/* a piece of one is before it */
	log_put(log, "{\"@timestamp\":\"", 15);
	log_put(log, text + 32, len - 32);
	assert_resumes(log, 0, len - 17);
	for (int i = 0; i < 4; i++)
		log_put(log, text + 32, len - 32);
	assert_resumes(log, -EBADMSG, 2 * CHAIN_LINE_MAX);
	log_text(log, "\n");
	assert_resumes(log, -EBADMSG, 0);
	/* a sparse file of a terabyte is not read through */
	assert_int_equal(ftruncate(log->fd, (off_t)1 << 40), 0);
	assert_resumes(log, -EBADMSG, 2 * CHAIN_LINE_MAX);
}

static void test_resume_unreadable(void **state)
{
	struct chain chain = {.records = 7};
	size_t torn = 4711;

	(void)state;
	assert_int_equal(chain_resume(-1, &chain, &torn), -EBADF);
	assert_int_equal(chain.records, 7);
	assert_int_equal(torn, 4711);
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, log_make, log_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_no_docksnoop_object),
		cmocka_unit_test(test_every_event),
		cmocka_unit_test(test_policy_loaded),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_hash_in_a_string),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_hash_parse),
		WITH_LOG(test_resume),
		WITH_LOG(test_resume_without_newline),
		WITH_LOG(test_resume_of_others),
		WITH_LOG(test_resume_changed),
		WITH_LOG(test_resume_long),
		cmocka_unit_test(test_resume_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
