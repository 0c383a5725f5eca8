// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/http/endpoint.h"

static void test_targets(void **state)
{
	static const struct {
		const char *target, *path, *route, *query, *version;
		bool libpod, valid;
	} rows[] = {
		{"/_ping", "/_ping", "/_ping", "", "", false, true},
		{"/v1.41/containers/json?all=1", "/v1.41/containers/json", "/containers/json",
		 "all=1", "1.41", false, true},
		{"/%5fp%69ng", "/_ping", "/_ping", "", "", false, true},
		{"ftp://y/_ping?a", "/_ping", "/_ping", "a", "", false, true},
		{"http://x", "", "", "", "", false, true},
		{"http://x?a=/b", "", "", "a=/b", "", false, true},
		{"*", "*", "*", "", "", false, true},
		{"x", "x", "x", "", "", false, false},
		{"/a%2", "/a%2", "/a%2", "", "", false, false},
		{"/a%zz", "/a%zz", "/a%zz", "", "", false, false},
		{"/a+b%2fc", "/a+b/c", "/a+b/c", "", "", false, true},
		{"/v4.0.0/libpod/containers/json", "/v4.0.0/libpod/containers/json",
		 "/containers/json", "", "4.0.0", true, true},
		{"/libpod/info", "/libpod/info", "/info", "", "", true, true},
		{"/version", "/version", "/version", "", "", false, true},
		{"/v1.41", "/v1.41", "/v1.41", "", "", false, true},
		{"/a%00b",
		 "/a\xef\xbf\xbd"
		 "b",
		 "/a\xef\xbf\xbd"
		 "b",
		 "", "", false, true},
		{"/a?b?c", "/a", "/a", "b?c", "", false, true},
		{"", "", "", "", "", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t = {0};

		assert_int_equal(target_parse(rows[i].target, strlen(rows[i].target), &t), 0);
		assert_string_equal(t.path, rows[i].path);
		assert_string_equal(t.route, rows[i].route);
		assert_string_equal(t.query, rows[i].query);
		assert_string_equal(t.version, rows[i].version);
		assert_int_equal(t.libpod, rows[i].libpod);
		assert_int_equal(t.valid, rows[i].valid);
		target_clear(&t);
	}
}

static void test_query_values(void **state)
{
	static const struct {
		const char *query, *key, *value;
	} rows[] = {
		{"name=a&name=b", "name", "a"},	  {"x=1&name=a+b%20c", "name", "a b c"},
		{"%6eame=a", "name", "a"},	  {"name", "name", ""},
		{"name=a;b&name=c", "name", "c"}, {"name=%zz&name=c", "name", "c"},
		{"Name=a", "name", NULL},	  {"", "name", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *value = NULL;
		int err = query_get(rows[i].query, rows[i].key, &value);

		assert_int_equal(err, rows[i].value ? 0 : -2);
		if (rows[i].value)
			assert_string_equal(value, rows[i].value);
		free(value);
	}
}

static void test_secrets_in_queries(void **state)
{
	static const char *const rows[][2] = {
		{"all=1&name=a", "all=1&name=a"},
		{"buildargs=%7B%22A%22%3A%22s3%22%7D&t=x", "buildargs=*&t=x"},
		{"build%61rgs=s3", "build%61rgs=*"},
		{"fromSrc=https://u:s3@h/a&x=1", "fromSrc=*&x=1"},
		{"remote=https%3A%2F%2Fu%3As3%40h%2Fa", "remote=*"},
		{"remote=https://h/a@b", "remote=https://h/a@b"},
		{"registry_token=s3", "registry_token=*"},
		{"a&b=&buildargs=", "a&b=&buildargs="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *shown = query_redact(rows[i][0]);

		assert_string_equal(shown, rows[i][1]);
		free(shown);
	}
}

static void test_routes(void **state)
{
	static const struct {
		const char *route, *pattern, *object;
	} rows[] = {
		{"/containers/web/json", "/containers/{}/json", "web"},
		{"/containers//json", "/containers/{}/json", NULL},
		{"/containers/a/b/json", "/containers/{}/json", NULL},
		{"/images/a/b:1/json", "/images/{*}/json", "a/b:1"},
		{"/images/json", "/images/{*}/json", NULL},
		{"/images//json", "/images/{*}/json", NULL},
		{"/images/a", "/images/{*}", "a"},
		{"/images/a/b", "/images/{*}", "a/b"},
		{"/images/", "/images/{*}", NULL},
		{"/exec/1/start/", "/exec/{}/start", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *object = NULL;
		size_t size = 0;
		bool matches = route_matches(rows[i].route, rows[i].pattern, &object, &size);

		assert_int_equal(matches, rows[i].object != NULL);
		if (!matches)
			continue;
		assert_int_equal(size, strlen(rows[i].object));
		assert_memory_equal(object, rows[i].object, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_query_values),
		cmocka_unit_test(test_secrets_in_queries),
		cmocka_unit_test(test_routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
