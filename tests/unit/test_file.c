// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

static char dir[] = "/tmp/test_file.XXXXXX";
static int dirfd_test = -1;

static void write_file(const char *name, const char *data, size_t len)
{
	AUTO_CLOSE int fd =
		openat(dirfd_test, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd_test = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_test < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"small",	  "nul",     "big",	 "fifo",
					    "long",	  "root/in", "root/out", "root/abs",
					    "root/magic", "root/up"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(dirfd_test, names[i], 0);
	unlinkat(dirfd_test, "root", AT_REMOVEDIR);
	close(dirfd_test);
	return rmdir(dir);
}

static void reads_whole_files(void **state)
{
	AUTO_FREE char *big = calloc(1, 100001);
	AUTO_FREE char *small = NULL;
	AUTO_FREE char *nul = NULL;
	AUTO_FREE char *copy = NULL;
	AUTO_FREE char *proc = NULL;
	size_t len = 0;

	(void)state;
	write_file("small", "hello", 5);
	assert_int_equal(file_read(dirfd_test, "small", 5, &small, &len), 0);
	assert_int_equal(len, 5);
	assert_string_equal(small, "hello");

	write_file("nul", "a\0b", 3);
	assert_int_equal(file_read(dirfd_test, "nul", 100, &nul, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(nul, "a\0b", 4);

	memset(big, 'x', 100000);
	write_file("big", big, 100000);
	assert_int_equal(file_read(dirfd_test, "big", 100000, &copy, &len), 0);
	assert_int_equal(len, 100000);
	assert_memory_equal(copy, big, 100001);

	/* /proc says that its files hold 0 bytes */
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &proc, NULL), 0);
	assert_non_null(strstr(proc, "Pid:"));
}

static void refuses_what_is_too_large_or_no_file(void **state)
{
	char *out = (char *)"untouched";
	char *before = out;
	size_t len = 42;

	(void)state;
	write_file("small", "hello", 5);
	assert_int_equal(file_read(dirfd_test, "small", 4, &out, &len), -EFBIG);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", 10, &out, &len), -EFBIG);
	assert_int_equal(file_read(dirfd_test, "none", 10, &out, &len), -ENOENT);
	assert_int_equal(file_read(dirfd_test, ".", 10, &out, &len), -EINVAL);
	assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 10, &out, &len), -EINVAL);
	assert_int_equal(mkfifoat(dirfd_test, "fifo", 0600), 0);
	assert_int_equal(file_read(dirfd_test, "fifo", 10, &out, &len), -EINVAL);
	assert_ptr_equal(out, before);
	assert_int_equal(len, 42);
}

static void stays_below_its_root(void **state)
{
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int abs = -1;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(mkdirat(dirfd_test, "root", 0700), 0);
	write_file("small", "outside", 7);
	write_file("root/in", "inside", 6);
	assert_int_equal(symlinkat("../small", dirfd_test, "root/out"), 0);
	assert_int_equal(symlinkat("/in", dirfd_test, "root/abs"), 0);
	assert_int_equal(symlinkat("/../../in", dirfd_test, "root/up"), 0);
	root = openat(dirfd_test, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);

	in = file_open_in_root(root, "/in", O_RDONLY);
	assert_true(in >= 0);
	assert_int_equal(fcntl(in, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(file_open_in_root(root, "out", O_RDONLY), -ENOENT);
	assert_int_equal(file_open_in_root(root, "../small", O_RDONLY), -ENOENT);
	abs = file_open_in_root(root, "abs", O_RDONLY);
	assert_true(abs >= 0);
	assert_int_equal(file_read_fd(abs, 100, &text, NULL), 0);
	assert_string_equal(text, "inside");
	close(abs);
	abs = file_open_in_root(root, "up", O_RDONLY);
	assert_true(abs >= 0);
}

static void does_not_follow_links_of_proc(void **state)
{
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(file_open_in_root(root, "proc/self/root/proc", O_RDONLY), -ELOOP);
}

static void reads_links(void **state)
{
	AUTO_FREE char *target = NULL;
	char *untouched = NULL;

	(void)state;
	assert_int_equal(symlinkat("a target that is\nhostile", dirfd_test, "long"), 0);
	assert_int_equal(file_readlink(dirfd_test, "long", &target), 0);
	assert_string_equal(target, "a target that is\nhostile");
	assert_int_equal(file_readlink(dirfd_test, "small", &untouched), -EINVAL);
	assert_int_equal(file_readlink(dirfd_test, "none", &untouched), -ENOENT);
	assert_null(untouched);
}

static void formats(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(str_format(&text, "%s/%d", "a", 7), 0);
	assert_string_equal(text, "a/7");
}

static void parses_numbers_strictly(void **state)
{
	static const struct {
		const char *in;
		unsigned long long min, max, value;
		int err;
	} cases[] = {
		{"0", 0, 10, 0, 0},
		{"10", 0, 10, 10, 0},
		{"007", 0, 10, 7, 0},
		{"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, 0},
		{"18446744073709551616", 0, UINT64_MAX, 0, -ERANGE},
		{"99999999999999999999999", 0, UINT64_MAX, 0, -ERANGE},
		{"11", 0, 10, 0, -ERANGE},
		{"4", 5, 10, 0, -ERANGE},
		{"", 0, 10, 0, -EINVAL},
		{" 1", 0, 10, 0, -EINVAL},
		{"1 ", 0, 10, 0, -EINVAL},
		{"+1", 0, 10, 0, -EINVAL},
		{"-1", 0, UINT64_MAX, 0, -EINVAL},
		{"0x1", 0, 10, 0, -EINVAL},
		{"1.0", 0, 10, 0, -EINVAL},
		{"99999999999999999999999x", 0, 10, 0, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned long long value = 4711;

		assert_int_equal(str_parse_uint(cases[i].in, cases[i].min, cases[i].max, &value),
				 cases[i].err);
		assert_int_equal(value, cases[i].err ? 4711 : cases[i].value);
	}
}

static void compares_whole_components(void **state)
{
	static const struct {
		const char *path, *prefix, *rest;
	} cases[] = {
		{"/run", "/run", ""},  {"/run/x", "/run", "/x"}, {"/run/x", "/run/", "/x"},
		{"/run", "/run/", ""}, {"/run/", "/run", "/"},	 {"/runner", "/run", NULL},
		{"/ru", "/run", NULL}, {"/", "/", ""},		 {"/run", "/", "/run"},
		{"run", "/", NULL},    {"", "/", NULL},		 {"/run", "", NULL},
		{"a/b", "a", "/b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *rest = path_after(cases[i].path, cases[i].prefix);

		if (cases[i].rest) {
			assert_non_null(rest);
			assert_string_equal(rest, cases[i].rest);
		} else {
			assert_null(rest);
		}
	}
}

static void cleans_paths(void **state)
{
	static const struct {
		const char *path;
		const char *clean; /* in a room of 16 bytes */
	} cases[] = {
		{"", "/"},
		{"/", "/"},
		{"/../..", "/"},
		{"//a/./b//../c/", "/a/c"},
		{"/a/0123456789", "/a/0123456789"},
		{"/a/01234567890123456789/b", "/a"},
		/* what had no room goes before what had */
		{"/a/01234567890123456789/../b", "/a/b"},
		{"/a/01234567890123456789/c/../../b", "/a/b"},
		{"/a/01234567890123456789/../../b", "/b"},
	};
	char clean[16] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		path_clean(cases[i].path, clean, sizeof(clean));
		assert_string_equal(clean, cases[i].clean);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_files),
		cmocka_unit_test(refuses_what_is_too_large_or_no_file),
		cmocka_unit_test(stays_below_its_root),
		cmocka_unit_test(does_not_follow_links_of_proc),
		cmocka_unit_test(reads_links),
		cmocka_unit_test(formats),
		cmocka_unit_test(parses_numbers_strictly),
		cmocka_unit_test(compares_whole_components),
		cmocka_unit_test(cleans_paths),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
