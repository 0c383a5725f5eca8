// SPDX-License-Identifier: Apache-2.0
/* Policies: globs, days, and text that nobody should write. What they grant is tested end to end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/policy/policy.h"
#include "user/util/glob.h"

static void globs_overlap(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{"", "", true},		 {"a", "a", true},
		{"a", "b", false},	 {"*", "anything", true},
		{"a*", "*b", true},	 {"a*c", "ab*", true},
		{"a*c", "b*", false},	 {"?", "", false},
		{"?", "*", true},	 {"a?c", "a*", true},
		{"[ab]c", "bc", true},	 {"\\*", "*", true},
		{"\\*", "a", false},	 {"web-*", "web", false},
		{"*-db", "web-*", true}, {"****a", "****b", false},
		{"a", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (glob_overlaps(rows[i].a, rows[i].b) != rows[i].overlap)
			print_error("%s %s\n", rows[i].a, rows[i].b);
		assert_int_equal(glob_overlaps(rows[i].a, rows[i].b), rows[i].overlap);
		assert_int_equal(glob_overlaps(rows[i].b, rows[i].a), rows[i].overlap);
	}
}

static void globs_match_paths(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} rows[] = {
		{"/containers/json", "/containers/json", true},
		{"/containers/*/json", "/containers/x/json", true},
		{"/containers/*/json", "/containers/x/y/json", false},
		{"/containers/*/json", "/containers//json", true},
		{"/images/**/json", "/images/a/json", true},
		{"/images/**/json", "/images/a/b/c/json", true},
		{"/images/**/json", "/images/json", false},
		{"/images/**", "/images/a/b", true},
		{"/images/**", "/images", false},
		{"/a", "/a/", false},
		{"/a", "/ab", false},
		{"/a", "", false},
		{"/*", "/a/../b", false},
		{"/**", "/", true},
		{"/**/**", "/a", false},
		{"/**/**", "/a/b", true},
		{"/**/b/**/d", "/b/b/b/c/d/d", true},
		{"/**/b/**/d", "/b/b/d", false},
		{"/**/b/*/d", "/a/b/b/c/d", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool matches = glob_matches_path(rows[i].pattern, rows[i].path);

		if (matches != rows[i].matches)
			print_error("%s %s\n", rows[i].pattern, rows[i].path);
		assert_int_equal(matches, rows[i].matches);
	}
}

/* A rule's globs, and a path that a client made as long as it can: no stack, no time. */
static void globs_take_long_texts(void **state)
{
	static char path[4096 * 2 + 1];
	static char stars[200001], marks[200001];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(path); i += 2)
		memcpy(path + i, "/a", 2);
	assert_false(glob_matches_path("/**/**/**/a/**/a/**/json", path));
	assert_true(glob_matches_path("/**/**/**/a/**/a/**/a", path));
	memset(marks, '?', sizeof(marks) - 1);
	memset(stars, 'a', sizeof(stars) - 1);
	assert_true(glob_overlaps(stars, "*a"));
	assert_false(glob_overlaps(stars, "*b"));
	assert_true(glob_overlaps("*b", marks));
}

struct complaints {
	size_t count;
	unsigned int line;
	char text[1024];
};

static void complain(void *ctx, unsigned int line, unsigned int column, const char *text)
{
	struct complaints *c = ctx;

	(void)column;
	if (!c->count++)
		c->line = line;
	snprintf(c->text, sizeof(c->text), "%s", text);
}

static int parse(const char *text, struct policy **out, struct complaints *c)
{
	*c = (struct complaints){0};
	return policy_parse("p", text, strlen(text), complain, c, out);
}

#define RULE(expires)                                                                              \
	"version: 1\njustified:\n- {name: a, match: {container: a}, reason: r, owner: o, "         \
	"expires: " expires "}\n"

/* A rule holds to the end of its day, UTC. */
static void days_end(void **state)
{
	AUTO_POLICY struct policy *policy = NULL;
	AUTO_CONTAINER struct container *c = container_new(RUNTIME_DOCKER, "x");
	struct policy_subject s = {.container = c, .daemon = DAEMON_DOCKER};
	struct complaints said;
	const uint64_t end = 951868800ULL * 1000000000ULL; /* 2000-03-01T00:00:00Z */

	(void)state;
	assert_int_equal(container_set(&c->name, "a"), 0);
	assert_int_equal(parse(RULE("2000-02-29"), &policy, &said), 0);
	s.time_ns = end - 1;
	assert_int_equal(policy_ask(policy, &s).said, POLICY_GRANTS);
	assert_int_equal(policy_next_expiry(policy, end - 1), end);
	s.time_ns = end;
	assert_int_equal(policy_ask(policy, &s).said, POLICY_EXPIRED);
	assert_int_equal(policy_next_expiry(policy, end), UINT64_MAX);
}

static void bad_days(void **state)
{
	static const char *const texts[] = {
		RULE("2001-02-29"),   RULE("2027-13-01"), RULE("2027-1-1"),   RULE("27-01-01"),
		RULE("2027-01-01T0"), RULE("1960-01-01"), RULE("-027-01-01"), RULE("'2027 01 01'"),
	};
	struct complaints said;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct policy *policy = NULL;

		assert_int_equal(parse(texts[i], &policy, &said), -EINVAL);
		assert_null(policy);
		assert_int_equal(said.count, 1);
		assert_int_equal(said.line, 3);
	}
}

static void tells_all_that_is_wrong(void **state)
{
	struct policy *policy = NULL;
	struct complaints said;

	(void)state;
	assert_int_equal(parse("version: 2\nx: 1\njustified:\n- {name: a}\n- 7\n", &policy, &said),
			 -EINVAL);
	/* version, x, four that are missing, and 7 */
	assert_int_equal(said.count, 7);
	assert_int_equal(parse("version: 1\njustified: []\n--- {}\n", &policy, &said), -EINVAL);
	assert_int_equal(parse("\x1b[31m: 1\n", &policy, &said), -EINVAL);
	assert_null(strchr(said.text, '\x1b'));
}

static void survives_anything(void **state)
{
	static const char whole[] =
		"version: 1\njustified:\n  - name: a\n    match: {container: a, labels: {x: y}}\n"
		"    sockets: [docker, /run/x]\n    requests: [read, \"GET /a/*\"]\n"
		"    reason: r\n    owner: o\n    expires: 2027-01-01\n";
	char text[sizeof(whole)];
	struct complaints said;

	(void)state;
	srandom(7);
	for (int i = 0; i < 10000; i++) {
		struct policy *policy = NULL;
		int changes = 1 + (int)(random() % 4);

		memcpy(text, whole, sizeof(whole));
		while (changes--)
			text[(size_t)random() % (sizeof(whole) - 1)] =
				" \n:-{}[],\"'&*#ax"[random() % 16];
		if (!parse(text, &policy, &said))
			assert_int_equal(said.count, 0);
		policy_free(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_overlap),
		cmocka_unit_test(globs_match_paths),
		cmocka_unit_test(globs_take_long_texts),
		cmocka_unit_test(days_end),
		cmocka_unit_test(bad_days),
		cmocka_unit_test(tells_all_that_is_wrong),
		cmocka_unit_test(survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
