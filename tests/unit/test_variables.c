// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/audit/lead.h"
#include "user/audit/variables.h"
#include "user/util/cleanup.h"

#define U "\001"

static void puts_values_in(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{"plain", "plain"},
		{"$A", "a"},
		{"${A}", "a"},
		{"x${A}y$A", "xaya"},
		{"$$A", "$A"},
		{"$$$A", "$a"},
		{"${A:-d}", "a"},
		{"${E:-d}", "d"},
		{"${E-d}", ""},
		{"${N-d}", "d"},
		{"${N:-${M:-deep}}", "deep"},
		{"${N:-${A}}", "a"},
		{"${N:-$A/b}", "a/b"},
		{"${N}", U},
		{"$N/x", U "/x"},
		{"${N:?must}", U},
		{"${A:?must}", "a"},
		{"${A:+other}", "other"},
		{"${E:+other}", ""},
		{"${E+other}", "other"},
		{"${N:+other}", ""},
		{"${N:-}", ""},
		{"${A", U},
		{"${1}", U},
		{"$", "$"},
		{"$ x", U " x"},
		{"${A!x}", U},
	};
	CLEANUP(variables_clear) struct variables vars = {0};

	(void)state;
	assert_int_equal(variables_add(&vars, "A", 1, "a"), 0);
	assert_int_equal(variables_add(&vars, "E", 1, ""), 0);
	assert_int_equal(variables_add(&vars, "A", 1, "later"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *out = NULL;

		assert_int_equal(variables_expand(&vars, rows[i].text, &out), 0);
		if (strcmp(out, rows[i].wanted) != 0)
			print_error("%s\n", rows[i].text);
		assert_string_equal(out, rows[i].wanted);
	}
}

struct line {
	char name[16];
	unsigned int number;
};

static int line_note(void *ctx, const char *name, const char *value, unsigned int number)
{
	struct line *l = ctx;

	(void)value;
	if (!strcmp(name, "LAST")) {
		strcpy(l->name, name);
		l->number = number;
	}
	return 0;
}

static void reads_files(void **state)
{
	CLEANUP(variables_clear) struct variables vars = {0};
	struct line last = {0};

	(void)state;
	assert_int_equal(variables_read(&vars,
					"# comment\n"
					"A=plain # a comment\n"
					"export B=\"in quotes # none\"\r\n"
					"C='$A'\n"
					"D=\"$A and ${B}\"\n"
					"\n"
					"E: yaml\n"
					"F=a#b\n"
					"G=\n"
					"nonsense\n"
					"H=\"two\nlines\"\n"
					"LAST=x",
					line_note, &last),
			 0);
	assert_string_equal(variables_get(&vars, "A"), "plain");
	assert_string_equal(variables_get(&vars, "B"), "in quotes # none");
	assert_string_equal(variables_get(&vars, "C"), "$A");
	assert_string_equal(variables_get(&vars, "D"), "plain and in quotes # none");
	assert_string_equal(variables_get(&vars, "E"), "yaml");
	assert_string_equal(variables_get(&vars, "F"), "a#b");
	assert_string_equal(variables_get(&vars, "G"), "");
	assert_string_equal(variables_get(&vars, "H"), "two\nlines");
	assert_null(variables_get(&vars, "nonsense"));
	assert_int_equal(last.number, 13);
}

static void bears_depth(void **state)
{
	CLEANUP(variables_clear) struct variables vars = {0};
	AUTO_FREE char *text = calloc(1, 5 * 20000 + 1);
	AUTO_FREE char *out = NULL;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 20000; i++)
		memcpy(text + 5 * i, "${A:-", 5);
	assert_int_equal(variables_expand(&vars, text, &out), 0);
}

static void leads(void **state)
{
	static const struct {
		const char *path;
		enum lead_kind kind;
		enum daemon daemon;
	} rows[] = {
		{"/var/run/docker.sock", LEAD_SOCKET, DAEMON_DOCKER},
		{"/run/docker.sock/", LEAD_SOCKET, DAEMON_DOCKER},
		{"//run/./x/../docker.sock", LEAD_SOCKET, DAEMON_DOCKER},
		{"/srv/any/docker.sock", LEAD_SOCKET, DAEMON_DOCKER},
		{"/run/user/1000/docker.sock", LEAD_SOCKET, DAEMON_DOCKER},
		{"/run/podman/podman.sock", LEAD_SOCKET, DAEMON_PODMAN},
		{"/run/containerd/containerd.sock", LEAD_SOCKET, DAEMON_CONTAINERD},
		{"/run/balena-engine.sock", LEAD_SOCKET, DAEMON_DOCKER},
		{"/run/docker/containerd/containerd.sock", LEAD_SOCKET, DAEMON_CONTAINERD},
		{"/run", LEAD_DIRECTORY, DAEMON_NONE},
		{"/var/run/", LEAD_DIRECTORY, DAEMON_NONE},
		{"/run/podman", LEAD_DIRECTORY, DAEMON_PODMAN},
		{"/run/user", LEAD_DIRECTORY, DAEMON_NONE},
		{"/run/user/1000", LEAD_DIRECTORY, DAEMON_NONE},
		{"/run/user/1000/podman", LEAD_DIRECTORY, DAEMON_PODMAN},
		{"/", LEAD_ROOT, DAEMON_NONE},
		{"/var", LEAD_PERHAPS, DAEMON_NONE},
		{"/var/lib", LEAD_NOWHERE, DAEMON_NONE},
		{"/runner", LEAD_NOWHERE, DAEMON_NONE},
		{"/run/lock", LEAD_NOWHERE, DAEMON_NONE},
		{"/run/docker.sock.d", LEAD_NOWHERE, DAEMON_NONE},
		{"/run/mydocker.sock", LEAD_NOWHERE, DAEMON_NONE},
		{"run", LEAD_NOWHERE, DAEMON_NONE},
		{"", LEAD_NOWHERE, DAEMON_NONE},
		{U, LEAD_PERHAPS, DAEMON_NONE},
		{"/" U, LEAD_PERHAPS, DAEMON_NONE},
		{"/var/" U, LEAD_PERHAPS, DAEMON_NONE},
		{"/run/user/" U, LEAD_PERHAPS, DAEMON_NONE},
		{"/srv/" U, LEAD_NOWHERE, DAEMON_NONE},
		{U "/data", LEAD_NOWHERE, DAEMON_NONE},
		{U "/run", LEAD_PERHAPS, DAEMON_NONE},
		{U "/docker.sock", LEAD_SOCKET, DAEMON_DOCKER},
		{"/" U "*[", LEAD_NOWHERE, DAEMON_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lead lead = lead_find(rows[i].path);

		if (lead.kind != rows[i].kind || lead.daemon != rows[i].daemon)
			print_error("%s: %d %d\n", rows[i].path, lead.kind, lead.daemon);
		assert_int_equal(lead.kind, rows[i].kind);
		if (rows[i].daemon != DAEMON_NONE)
			assert_int_equal(lead.daemon, rows[i].daemon);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_values_in),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(bears_depth),
		cmocka_unit_test(leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
