// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/mount_data.h"

#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))

static struct mount_table *parsed(const char *text)
{
	struct mount_table *table = NULL;

	assert_int_equal(mount_table_parse(text, strlen(text), &table), 0);
	return table;
}

static const char *found_at(const struct mount_table *table, uint32_t dev, const char *fs_path,
			    size_t nth)
{
	const struct mount_entry *e = mount_table_find(table, dev, fs_path, nth);

	return e ? e->target : "(none)";
}

static void parse_line(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = parsed(
		"26 28 0:23 / /run rw,nosuid shared:5 - tmpfs tmpfs rw\n"
		"28 1 259:1048575 /@/sub / ro,relatime - btrfs /dev/nvme0n1p1 rw\n"
		"2147483647 28 4095:0 /b /c rw shared:1 master:2 propagate_from:3 unbindable "
		"- fuse.sshfs - -\n");
	const struct mount_entry *e = table->entries;

	(void)state;
	assert_int_equal(table->count, 3);
	assert_int_equal(e[0].id, 26);
	assert_int_equal(e[0].parent_id, 28);
	assert_int_equal(e[0].dev, 23);
	assert_string_equal(e[0].root, "/");
	assert_string_equal(e[0].target, "/run");
	assert_string_equal(e[0].fstype, "tmpfs");
	assert_false(e[0].read_only);
	assert_false(e[0].deleted);
	assert_ptr_equal(e[0].parent, &e[1]);

	assert_int_equal(e[1].dev, DEV(259, 1048575));
	assert_string_equal(e[1].root, "/@/sub");
	assert_true(e[1].read_only);
	assert_null(e[1].parent);

	assert_int_equal(e[2].id, INT32_MAX);
	assert_int_equal(e[2].dev, DEV(4095, 0));
	assert_string_equal(e[2].fstype, "fuse.sshfs");
}

static void parse_escapes(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed("1 0 0:1 /a\\040b\\011c\\012d\\134e /t\\040\\134040 rw - tmpfs x rw\n");

	(void)state;
	assert_string_equal(table->entries[0].root, "/a b\tc\nd\\e");
	/* Taken apart once, not again. */
	assert_string_equal(table->entries[0].target, "/t \\040");
}

static void parse_kept_backslashes(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed("1 0 0:1 /\\400\\000\\8 /\\04\\ rw - tmpfs x rw\n");

	(void)state;
	assert_string_equal(table->entries[0].root, "/\\400\\000\\8");
	assert_string_equal(table->entries[0].target, "/\\04\\");
}

static void parse_deleted(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed("1 0 0:1 /docker.sock//deleted /s rw - tmpfs x rw\n"
		       "2 1 0:1 /docker.sock\\040(deleted) /t rw - tmpfs x rw\n"
		       "3 1 0:1 /deleted /deleted rw - tmpfs x rw\n");

	(void)state;
	assert_true(table->entries[0].deleted);
	assert_string_equal(table->entries[0].root, "/docker.sock");
	assert_false(table->entries[1].deleted);
	assert_string_equal(table->entries[1].root, "/docker.sock (deleted)");
	assert_false(table->entries[2].deleted);
	assert_string_equal(found_at(table, 1, "/docker.sock", 0), "(none)");
}

/* The source is the choice of whoever mounts: empty, or one that libmount would look up. */
static void parse_hostile_source(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed("1 0 0:1 / /a rw - tmpfs  rw\n"
		       "2 1 0:1 / /a/b rw - tmpfs /dev/root rw\n"
		       "3 1 0:1 / /x\\040(deleted) rw - tmpfs - ro\n");

	(void)state;
	assert_int_equal(table->count, 3);
	assert_string_equal(table->entries[0].target, "/a");
	assert_string_equal(table->entries[2].target, "/x (deleted)");
	assert_false(table->entries[2].read_only);
}

static void parse_refuses(void **state)
{
	static const char *const bad[] = {
		"\n",
		"garbage\n",
		"1 0 0:1 / /a rw - tmpfs x rw",
		"1 0 0:1 / /a rw - tmpfs x\n",
		"1 0 0:1 / /a rw - tmpfs\n",
		"1 0 0:1 / /a rw -\n",
		"1 0 0:1 / /a rw shared:1\n",
		"1 0 0:1 / /a rw\n",
		"1 0 0:1 / /a\n",
		"1 0 0:1 /\n",
		"1 0 0:1\n",
		"1 0\n",
		"1\n",
		"1 0 0:1 / /a rw -  x rw\n",
		"1 0 0:1 / a rw - tmpfs x rw\n",
		"1 0 0:1  /a rw - tmpfs x rw\n",
		"1 0 0:1 /  rw - tmpfs x rw\n",
		"1 0 0:1 / /a rx - tmpfs x rw\n",
		"1 0 0:1 / /a r - tmpfs x rw\n",
		"1 0 0:1 / /a rwx - tmpfs x rw\n",
		"1 0 0:1 / /a nosuid,ro - tmpfs x rw\n",
		"x 0 0:1 / /a rw - tmpfs x rw\n",
		"-1 0 0:1 / /a rw - tmpfs x rw\n",
		"1 -1 0:1 / /a rw - tmpfs x rw\n",
		"2147483648 0 0:1 / /a rw - tmpfs x rw\n",
		"99999999999999999999 0 0:1 / /a rw - tmpfs x rw\n",
		"1 0 4096:1 / /a rw - tmpfs x rw\n",
		"1 0 0:1048576 / /a rw - tmpfs x rw\n",
		"1 0 0 / /a rw - tmpfs x rw\n",
		"1 0 0: / /a rw - tmpfs x rw\n",
		"1 0 :1 / /a rw - tmpfs x rw\n",
		"1 0 0:1:2 / /a rw - tmpfs x rw\n",
		"1 0 0:1 / /a rw - tmpfs x rw\ngarbage\n3 0 0:1 / /b rw - tmpfs x rw\n",
		"1 0 0:1 / /a rw - tmpfs x rw\n2 0 0:1 / /b rw - tm",
		"1 0 0:1 / /a rw - tmpfs x rw\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mount_table *table = (struct mount_table *)&bad;

		if (mount_table_parse(bad[i], strlen(bad[i]), &table) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_ptr_equal(table, &bad);
	}
}

static void parse_refuses_nul(void **state)
{
	static const char text[] = "1 0 0:1 / /a rw - tmpfs x rw\0\n";
	struct mount_table *table = NULL;

	(void)state;
	assert_int_equal(mount_table_parse(text, sizeof(text) - 1, &table), -EINVAL);
	assert_null(table);
}

static void parse_empty(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;

	(void)state;
	assert_int_equal(mount_table_parse("", 0, &table), 0);
	assert_int_equal(table->count, 0);
	assert_null(mount_table_find(table, 1, "/", 0));
	assert_null(mount_table_at(table, "/"));
}

/* Every cut of a real table is either refused or ends at a line's end. */
static void parse_every_cut(void **state)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, TEST_DATA "/mountinfo/docker-socket.mountinfo",
				   1 << 20, &text, &len),
			 0);
	for (size_t cut = 0; cut <= len; cut++) {
		AUTO_MOUNT_TABLE struct mount_table *table = NULL;
		int err = mount_table_parse(text, cut, &table);

		assert_int_equal(err, !cut || text[cut - 1] == '\n' ? 0 : -EINVAL);
	}
}

/* Parents in a circle, ids that occur twice: nothing a kernel writes, and nothing to hang on. */
static void parse_circles(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = parsed("1 2 0:1 / /a rw - tmpfs x rw\n"
							    "2 1 0:2 / /a/b rw - tmpfs x rw\n"
							    "3 3 0:3 / / rw - tmpfs x rw\n"
							    "4 3 0:4 / /d rw - tmpfs x rw\n"
							    "4 4 0:4 / /d rw - tmpfs x rw\n");

	(void)state;
	assert_ptr_equal(table->entries[3].parent, &table->entries[2]);
	for (size_t i = 0; i < table->count; i++) {
		size_t steps = 0;

		for (const struct mount_entry *e = &table->entries[i]; e; e = e->parent)
			assert_in_range(++steps, 1, table->count);
	}
}

/*
 * What a table can look like whose mounts were moved, and numbers given out anew, between two
 * reads of it: by its number alone, 2 would lie on the 1 that lies on 2.
 */
static void parse_circles_of_numbers_given_twice(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = parsed("1 2 0:1 / /a rw - tmpfs x rw\n"
							    "2 1 0:2 / /a/b rw - tmpfs x rw\n"
							    "1 3 0:3 / / rw - tmpfs x rw\n");

	(void)state;
	for (size_t i = 0; i < table->count; i++) {
		size_t steps = 0;

		for (const struct mount_entry *e = &table->entries[i]; e; e = e->parent)
			assert_in_range(++steps, 1, table->count);
	}
}

static void find_by_prefix(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed("1 0 8:1 / / rw - ext4 x rw\n"
		       "2 1 0:9 /run /a rw - tmpfs x rw\n"
		       "3 1 0:9 /runner /b rw - tmpfs x rw\n"
		       "4 1 0:9 /run/docker.sock /c rw - tmpfs x rw\n"
		       "5 1 0:8 / /d rw - tmpfs x rw\n"
		       "6 1 0:9 / /e rw - tmpfs x rw\n"
		       "7 1 0:9 /run/docker.sock/x /f rw - tmpfs x rw\n");

	(void)state;
	assert_string_equal(found_at(table, 9, "/run/docker.sock", 0), "/a");
	assert_string_equal(found_at(table, 9, "/run/docker.sock", 1), "/c");
	assert_string_equal(found_at(table, 9, "/run/docker.sock", 2), "/e");
	assert_string_equal(found_at(table, 9, "/run/docker.sock", 3), "(none)");
	assert_string_equal(found_at(table, 7, "/run/docker.sock", 0), "(none)");
	assert_string_equal(found_at(table, DEV(8, 1), "/run/docker.sock", 0), "/");
}

struct cover_case {
	const char *what;
	const char *text;
	const char *found[3];
};

/* Where dev 0:9's /docker.sock can be reached. */
static const struct cover_case cover_cases[] = {
	{"a later mount on the same place",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /run rw - x x rw\n3 2 0:8 / /run rw - x x rw\n",
	 {"(none)"}},
	{"a later mount on a folder above",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /a/run rw - x x rw\n3 1 0:8 / /a rw - x x rw\n",
	 {"(none)"}},
	{"a name that begins alike covers nothing",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /a\\040b rw - x x rw\n3 1 0:8 / /a rw - x x rw\n",
	 {"/a b"}},
	{"the mount that it sits on, though later in the table",
	 "2 3 0:9 / /a/run rw - x x rw\n3 1 0:8 / /a rw - x x rw\n1 0 8:1 / / rw - x x rw\n",
	 {"/a/run"}},
	{"the same place again, on the mount that covers it",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /a/run rw - x x rw\n3 1 0:8 / /a rw - x x rw\n"
	 "4 3 0:9 / /a/run ro - x x rw\n",
	 {"/a/run", "(none)"}},
	{"a parent that is covered",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:7 / /a rw - x x rw\n3 2 0:9 / /a/b rw - x x rw\n"
	 "4 2 0:8 / /a rw - x x rw\n",
	 {"(none)"}},
	{"a parent whose own parent is covered",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:7 / /x/a rw - x x rw\n3 2 0:9 / /x/a/b rw - x x rw\n"
	 "4 1 0:8 / /x rw - x x rw\n",
	 {"(none)"}},
	{"covered, with a name between them that sorts before the slash",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /a/run rw - x x rw\n3 1 0:7 / /a\\040b rw - x x rw\n"
	 "4 1 0:8 / /a rw - x x rw\n",
	 {"(none)"}},
	{"a mount below it, on the socket",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /run rw - x x rw\n"
	 "3 2 0:6 /null /run/docker.sock rw - x x rw\n",
	 {"(none)"}},
	{"a mount below it, beside the socket",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /run rw - x x rw\n"
	 "3 2 0:6 / /run/docker.sock.d rw - x x rw\n4 2 0:6 / /run/docker rw - x x rw\n",
	 {"/run"}},
	{"the socket bound onto itself: only the one on top",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /run rw - x x rw\n"
	 "3 2 0:9 /docker.sock /run/docker.sock ro - x x rw\n",
	 {"/run/docker.sock", "(none)"}},
	{"two on one place and parent: the later one (before Linux 4.12)",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /run rw - x x rw\n3 1 0:8 / /run rw - x x rw\n",
	 {"(none)"}},
	{"a mount on the root that the process has covers nothing",
	 "1 0 8:1 / / rw - x x rw\n2 1 0:9 / /run rw - x x rw\n3 1 0:8 / / rw - x x rw\n",
	 {"/run"}},
	{"the process's root itself, with a mount on it",
	 "1 0 0:9 / / rw - x x rw\n3 1 0:8 / / rw - x x rw\n",
	 {"/"}},
	{"a second mount on the root is reached by \"/..\"",
	 "1 0 8:1 / / rw - x x rw\n3 1 0:9 / / rw - x x rw\n",
	 {"/"}},
	{"covered by a mount whose parent is not shown (a chroot)",
	 "2 1 0:9 / /a/run rw - x x rw\n3 1 0:8 / /a rw - x x rw\n",
	 {"(none)"}},
	{"in a chroot",
	 "2 1 0:9 / /a/run rw - x x rw\n3 1 0:8 / /b rw - x x rw\n",
	 {"/a/run", "(none)"}},
};

static void find_covered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cover_cases) / sizeof(cover_cases[0]); i++) {
		const struct cover_case *c = &cover_cases[i];
		AUTO_MOUNT_TABLE struct mount_table *table = parsed(c->text);

		for (size_t n = 0; n < 3 && c->found[n]; n++)
			if (strcmp(found_at(table, 9, "/docker.sock", n), c->found[n]) != 0)
				fail_msg("%s: %s", c->what, found_at(table, 9, "/docker.sock", n));
	}
}

static void find_takes_the_upper(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = parsed(cover_cases[4].text);

	(void)state;
	assert_true(mount_table_find(table, 9, "/docker.sock", 0)->read_only);
}

static void path_on_host(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = mount_data_load("debian-host");
	AUTO_FREE char *socket = NULL;
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *root = NULL;
	AUTO_FREE char *srv = NULL;
	AUTO_FREE char *hidden = NULL;

	(void)state;
	assert_int_equal(mount_table_path(table, 23, "/docker.sock", &socket), 0);
	assert_string_equal(socket, "/run/docker.sock");
	assert_int_equal(mount_table_path(table, 23, "/", &folder), 0);
	assert_string_equal(folder, "/run");
	assert_int_equal(mount_table_path(table, DEV(8, 1), "/", &root), 0);
	assert_string_equal(root, "/");
	assert_int_equal(mount_table_path(table, DEV(8, 1), "/srv", &srv), 0);
	assert_string_equal(srv, "/srv");
	/* Under /run of the root filesystem, which the tmpfs covers. */
	assert_int_equal(mount_table_path(table, DEV(8, 1), "/run/docker.sock", &hidden), -ENOENT);
	assert_int_equal(mount_table_path(table, 99, "/docker.sock", &hidden), -ENOENT);
	assert_null(hidden);
}

static void path_prefers_whole_filesystem(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed("1 0 8:1 / / rw - ext4 x rw\n"
		       "2 1 0:9 /docker.sock /tmp/x rw - tmpfs x rw\n"
		       "3 1 0:9 / /run rw - tmpfs x rw\n");
	AUTO_FREE char *path = NULL;

	(void)state;
	assert_int_equal(mount_table_path(table, 9, "/docker.sock", &path), 0);
	assert_string_equal(path, "/run/docker.sock");
}

static void at_path(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = mount_data_load("docker-host");

	(void)state;
	assert_string_equal(mount_table_at(table, "/run/docker.sock")->target, "/run");
	assert_string_equal(mount_table_at(table, "/run/lock")->target, "/run/lock");
	assert_string_equal(mount_table_at(table, "/runner")->target, "/");
	/* Mounted twice: the one on top. */
	assert_int_equal(mount_table_at(table, "/dev/shm")->id, 62);
}

/* As many mounts as a container may make, stacked or side by side, in one go. */
static void large_tables(void **state)
{
	static const char *const lines[] = {
		"%zu %zu 0:9 / /mnt rw - tmpfs x rw\n",
		"%zu 1 0:9 / /mnt/%zu rw - tmpfs x rw\n",
	};
	const size_t count = 100000;

	(void)state;
	for (size_t kind = 0; kind < 2; kind++) {
		AUTO_MOUNT_TABLE struct mount_table *table = NULL;
		AUTO_FREE char *text = malloc(count * 64);
		const struct mount_entry *e = NULL;
		clock_t start = clock();
		size_t len = 0;
		size_t found = 0;

		assert_non_null(text);
		len += (size_t)sprintf(text, "1 0 8:1 / / rw - ext4 x rw\n");
		for (size_t i = 2; i <= count; i++)
			len += (size_t)sprintf(text + len, lines[kind], i, i - 1);
		assert_int_equal(mount_table_parse(text, len, &table), 0);
		while ((e = mount_table_next(table, 9, "/docker.sock", e)))
			found++;
		assert_int_equal(found, kind == 0 ? 1 : count - 1);
		assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, 4);
	}
}

static void read_own(void **state)
{
	AUTO_CLOSE int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	const struct mount_entry *proc = NULL;
	struct stat st = {};

	(void)state;
	assert_int_equal(mount_table_read(procfd, (uint32_t)getpid(), &table), 0);
	assert_int_equal(stat("/proc", &st), 0);
	proc = mount_table_at(table, "/proc");
	assert_non_null(proc);
	assert_string_equal(proc->fstype, "proc");
	assert_int_equal(proc->dev, DEV(major(st.st_dev), minor(st.st_dev)));
}

static void read_gone(void **state)
{
	AUTO_CLOSE int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mount_table *table = NULL;
	siginfo_t info = {};
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(mount_table_read(procfd, (uint32_t)pid, &table), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(mount_table_read(procfd, (uint32_t)pid, &table), -ESRCH);
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_line),
		cmocka_unit_test(parse_escapes),
		cmocka_unit_test(parse_kept_backslashes),
		cmocka_unit_test(parse_deleted),
		cmocka_unit_test(parse_hostile_source),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(parse_refuses_nul),
		cmocka_unit_test(parse_empty),
		cmocka_unit_test(parse_every_cut),
		cmocka_unit_test(parse_circles),
		cmocka_unit_test(parse_circles_of_numbers_given_twice),
		cmocka_unit_test(find_by_prefix),
		cmocka_unit_test(find_covered),
		cmocka_unit_test(find_takes_the_upper),
		cmocka_unit_test(path_on_host),
		cmocka_unit_test(path_prefers_whole_filesystem),
		cmocka_unit_test(at_path),
		cmocka_unit_test(large_tables),
		cmocka_unit_test(read_own),
		cmocka_unit_test(read_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
