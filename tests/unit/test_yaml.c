// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/util/yaml.h"

static struct yaml *read_text(const char *text)
{
	struct yaml *yaml = NULL;
	struct yaml_error error = {0};

	assert_int_equal(yaml_read(text, strlen(text), 1, &yaml, &error), 0);
	return yaml;
}

static void knows_kinds_and_places(void **state)
{
	AUTO_YAML struct yaml *yaml = read_text("a: text\n"
						"b:\n"
						"  - one\n"
						"  - 'two'\n"
						"c: {d: ~, e: \"x\\0y\"}\n"
						"f: !reset []\n"
						"---\n"
						"second\n");
	const struct yaml_node *root = yaml_root(yaml, 0);
	const struct yaml_node *list = yaml_get(root, "b");
	struct yaml_walk at = {.list = list};

	(void)state;
	assert_int_equal(yaml_count(yaml), 2);
	assert_string_equal(yaml_text(yaml_root(yaml, 1)), "second");
	assert_null(yaml_root(yaml, 2));
	assert_int_equal(yaml_kind(root), YAML_MAP);
	assert_string_equal(yaml_text(yaml_get(root, "a")), "text");
	assert_int_equal(yaml_kind(list), YAML_LIST);
	assert_int_equal(yaml_size(list), 2);
	assert_true(yaml_step(&at));
	assert_ptr_equal(at.item, yaml_first(list));
	assert_int_equal(yaml_column(at.item), 5);
	assert_true(yaml_step(&at));
	assert_int_equal(yaml_line(at.item), 4);
	assert_int_equal(yaml_column(at.item), 5);
	assert_false(yaml_step(&at));
	assert_null(yaml_first(root));
	assert_int_equal(yaml_kind(yaml_get(yaml_get(root, "c"), "d")), YAML_NONE);
	/* with a NUL within it is no text of C's */
	assert_null(yaml_text(yaml_get(yaml_get(root, "c"), "e")));
	assert_true(yaml_has_tag(yaml_get(root, "f"), "!reset"));
	assert_false(yaml_has_tag(yaml_get(root, "a"), "!reset"));
	assert_int_equal(yaml_kind(yaml_get(root, "nothing")), YAML_NONE);
	assert_int_equal(yaml_line(yaml_get(root, "nothing")), 0);
}

static int keys_note(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	char *out = ctx;

	sprintf(out + strlen(out), "%s=%s ", yaml_text(key), yaml_text(value));
	return 0;
}

static void merges(void **state)
{
	AUTO_YAML struct yaml *yaml = read_text("x: &x {a: 1, b: 1}\n"
						"y: &y {b: 2, c: 2, <<: *x}\n"
						"one: {<<: *x, b: 9}\n"
						"two: {<<: [*x, *y]}\n"
						"three: {a: , <<: *x}\n");
	const struct yaml_node *root = yaml_root(yaml, 0);
	char keys[128] = "";

	(void)state;
	assert_string_equal(yaml_text(yaml_get(yaml_get(root, "one"), "b")), "9");
	assert_string_equal(yaml_text(yaml_get(yaml_get(root, "one"), "a")), "1");
	assert_string_equal(yaml_text(yaml_get(yaml_get(root, "two"), "b")), "1");
	assert_string_equal(yaml_text(yaml_get(yaml_get(root, "two"), "c")), "2");
	assert_int_equal(yaml_kind(yaml_get(yaml_get(root, "three"), "a")), YAML_NONE);
	assert_int_equal(yaml_each(yaml_get(root, "two"), keys_note, keys), 0);
	assert_string_equal(keys, "a=1 b=1 c=2 ");
	keys[0] = '\0';
	assert_int_equal(yaml_each(yaml_get(root, "one"), keys_note, keys), 0);
	assert_string_equal(keys, "b=9 a=1 ");
}

static void says_where_it_is_wrong(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *why;
	} rows[] = {
		{"a: 1\na: 2\n", 2, "same key"},
		{"a: [1\nb: 2\n", 3, "flow sequence"},
		{"a: b: c\n", 1, "nested"},
		{"a:\n\t- b\n", 2, "tab"},
		{"a: &x 1\nb: *y\n", 2, "anchor"},
		{"a: &x {b: 1}\nc: *x/b\n", 2, "anchor"},
		{"a: *\n", 1, "alias"},
		{"{\"a\": 1,, }", 1, ""},
		/* libfyaml takes the first for an end, and the second for ever */
		{"a: 1\n# caf\xe9\nb: 2\n", 2, "UTF-8"},
		{"% \x93", 1, "UTF-8"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1,
		 "depth"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml *yaml = NULL;
		struct yaml_error error = {0};

		assert_int_equal(yaml_read(rows[i].text, strlen(rows[i].text), 1, &yaml, &error),
				 -EINVAL);
		assert_null(yaml);
		assert_int_equal(error.line, rows[i].line);
		assert_non_null(strstr(error.text, rows[i].why));
		/* A block of another text has its lines there. */
		assert_int_equal(yaml_read(rows[i].text, strlen(rows[i].text), 10, &yaml, &error),
				 -EINVAL);
		assert_int_equal(error.line, rows[i].line + 9);
	}
}

static void refuses_a_nul(void **state)
{
	struct yaml *yaml = NULL;
	struct yaml_error error = {0};

	(void)state;
	assert_int_equal(yaml_read("a: 1\nb\0: 2", 10, 1, &yaml, &error), -EINVAL);
	assert_int_equal(error.line, 2);
}

/* Each of the nine doubles what the one before stands for: 2^N if it were copied out. */
static void does_not_explode(void **state)
{
	char text[4096] = "l0: &l0 {k: v}\n";
	AUTO_YAML struct yaml *yaml = NULL;
	const struct yaml_node *n = NULL;

	(void)state;
	for (int i = 1; i < 60; i++)
		sprintf(text + strlen(text), "l%d: &l%d [*l%d, *l%d]\n", i, i, i - 1, i - 1);
	yaml = read_text(text);
	n = yaml_get(yaml_root(yaml, 0), "l59");
	assert_int_equal(yaml_size(n), 2);
}

static void circles_end(void **state)
{
	AUTO_YAML struct yaml *yaml = read_text("a: &a {<<: *a, k: v}\nb: &b [*b]\n");
	char keys[128] = "";

	(void)state;
	assert_string_equal(yaml_text(yaml_get(yaml_get(yaml_root(yaml, 0), "a"), "k")), "v");
	assert_int_equal(yaml_kind(yaml_get(yaml_get(yaml_root(yaml, 0), "a"), "z")), YAML_NONE);
	(void)yaml_each(yaml_get(yaml_root(yaml, 0), "a"), keys_note, keys);
	assert_int_equal(yaml_size(yaml_get(yaml_root(yaml, 0), "b")), 1);
}

static void walk(const struct yaml_node *node, int depth);

static int walk_entry(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	walk(key, *(int *)ctx);
	walk(value, *(int *)ctx);
	return 0;
}

static void walk(const struct yaml_node *node, int depth)
{
	int next = depth + 1;

	(void)yaml_text(node);
	(void)yaml_line(node);
	(void)yaml_column(node);
	if (depth > 6)
		return;
	(void)yaml_each(node, walk_entry, &next);
	for (struct yaml_walk at = {.list = node}; yaml_step(&at);)
		walk(at.item, next);
}

static void survives_anything(void **state)
{
	static const char *const pieces[] = {
		"a",	 ": ",	  "- ",	 "\n", "  ", "&x ",	    "*x",  "<<: ", "[",
		"]",	 "{",	  "}",	 ",",  "\"", "'",	    "|\n", ">-\n", "#",
		"---\n", "...\n", "!t ", "? ", "~",  "%YAML 1.2\n", "\t",  "\xff", "\xe2\x80\xa8",
	};
	char text[256];

	(void)state;
	srandom(6);
	for (int i = 0; i < 10000; i++) {
		struct yaml *yaml = NULL;
		struct yaml_error error = {0};
		size_t n = 0;
		size_t end = (size_t)random() % 200;

		while (n < end)
			n += (size_t)sprintf(
				text + n, "%s",
				pieces[(size_t)random() % (sizeof(pieces) / sizeof(pieces[0]))]);
		if (!yaml_read(text, n, 1, &yaml, &error))
			for (size_t d = 0; d < yaml_count(yaml); d++)
				walk(yaml_root(yaml, d), 0);
		yaml_free(yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_kinds_and_places), cmocka_unit_test(merges),
		cmocka_unit_test(says_where_it_is_wrong), cmocka_unit_test(refuses_a_nul),
		cmocka_unit_test(does_not_explode),	  cmocka_unit_test(circles_end),
		cmocka_unit_test(survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
