// SPDX-License-Identifier: Apache-2.0

/* Records that were changed, removed, reordered or inserted. */

#include "tests/unit/verify_lines.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LINES(test_well),	    WITH_LINES(test_removed),	WITH_LINES(test_reordered),
		WITH_LINES(test_duplicate), WITH_LINES(test_inserted),	WITH_LINES(test_every_byte),
		WITH_LINES(test_changed),   WITH_LINES(test_rewritten), WITH_LINES(test_sequence),
		WITH_LINES(test_forged),    WITH_LINES(test_unwritten), WITH_LINES(test_runs),
		WITH_LINES(test_garbage),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
