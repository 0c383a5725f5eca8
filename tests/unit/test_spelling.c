// SPDX-License-Identifier: Apache-2.0

/* What a client's spelling leads to: the names, mounts and /proc are this very process's. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/exposure/spelling.h"
#include "user/util/cleanup.h"

static char dir[] = "/tmp/spelling.XXXXXX";
static char path[64];
static int procfd = -1;
static struct mount_table *table;
static const struct mount_entry *wanted;
static struct record record;
static struct spelling found;

static void bind_at(const char *name)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static int setup(void **state)
{
	char other[64];
	struct stat st;

	(void)state;
	procfd = open("/proc", O_RDONLY | O_DIRECTORY);
	if (!mkdtemp(dir) || mount_table_read(procfd, getpid(), &table))
		return -1;
	snprintf(path, sizeof(path), "%s/s.sock", dir);
	snprintf(other, sizeof(other), "%s/other.sock", dir);
	bind_at(path);
	bind_at(other);
	if (stat(path, &st))
		return -1;
	wanted = mount_table_at(table, path);
	record.raw.tgid = getpid();
	record.raw.tid = getpid();
	record.raw.socket_ino = st.st_ino;
	record.raw.socket_dev = wanted->dev;
	return 0;
}

static int teardown(void **state)
{
	char name[64];

	(void)state;
	mount_table_free(table);
	close(procfd);
	for (const char *const *n = (const char *const[]){"s.sock", "other.sock", "link", NULL}; *n;
	     n++) {
		snprintf(name, sizeof(name), "%s/%s", dir, *n);
		unlink(name);
	}
	return rmdir(dir);
}

static int find(const char *name)
{
	spelling_clear(&found);
	assert_true(strlen(name) < sizeof(record.client_path));
	strcpy(record.client_path, name);
	return spelling_find(procfd, &record, table, &found);
}

static void leads_there(const char *name)
{
	assert_int_equal(find(name), 0);
	assert_ptr_equal(found.entry, wanted);
	assert_null(found.other);
}

static void own_names_lead_there(void **state)
{
	char name[128];
	char back[4096];

	(void)state;
	leads_there(path);
	snprintf(name, sizeof(name), "%s/./../%s/s.sock", dir, strrchr(dir, '/') + 1);
	leads_there(name);
	snprintf(name, sizeof(name), "%s/link", dir);
	assert_int_equal(symlink(path, name), 0);
	leads_there(name);
	assert_non_null(getcwd(back, sizeof(back)));
	assert_int_equal(chdir(dir), 0);
	leads_there("s.sock");
	assert_int_equal(chdir(back), 0);
}

static void links_of_proc_are_followed(void **state)
{
	AUTO_CLOSE int file = open(path, O_PATH);
	AUTO_CLOSE int folder = open(dir, O_PATH);
	char name[128];

	(void)state;
	snprintf(name, sizeof(name), "/proc/self/root%s", path);
	leads_there(name);
	snprintf(name, sizeof(name), "//proc/./thread-self//root%s", path);
	leads_there(name);
	snprintf(name, sizeof(name), "/proc/self/task/%d/root%s", (int)getpid(), path);
	leads_there(name);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	leads_there(name);
	snprintf(name, sizeof(name), "/proc/self/fd/%d/s.sock", folder);
	leads_there(name);
	snprintf(name, sizeof(name), "/proc/%d/root%s", (int)getpid(), path);
	leads_there(name);
}

static void what_leads_elsewhere_is_not_taken(void **state)
{
	char name[128];

	(void)state;
	snprintf(name, sizeof(name), "%s/other.sock", dir);
	assert_true(find(name) < 0);
	snprintf(name, sizeof(name), "/proc/self/root%s/other.sock", dir);
	assert_true(find(name) < 0);
	assert_true(find(dir) < 0);
	assert_true(find("") < 0);
	assert_true(find("/proc/self/fd/999999") < 0);
	assert_true(find("/proc") < 0);
	assert_true(find("/proc/self") < 0);
	assert_true(find("/proc/self/fd") < 0);
	assert_true(find("/proc/99999999999999999999/root/x") < 0);
}

/* Not even the namespace is known then, so nothing is to be guessed. */
static void another_process_that_does_not_tell(void **state)
{
	char name[128];
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(name, sizeof(name), "/proc/%d/root%s", (int)pid, path);
	assert_int_equal(find(name), -EXDEV);
	snprintf(name, sizeof(name), "/proc/%d/root%s/other.sock", (int)getpid(), dir);
	assert_int_equal(find(name), -EXDEV);
}

static void name_in_another_process(void **state)
{
	char name[128];
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
	}
	snprintf(name, sizeof(name), "/proc/%d/root%s", (int)pid, path);
	leads_there(name);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_names_lead_there),
		cmocka_unit_test(links_of_proc_are_followed),
		cmocka_unit_test(what_leads_elsewhere_is_not_taken),
		cmocka_unit_test(another_process_that_does_not_tell),
		cmocka_unit_test(name_in_another_process),
	};
	int failed = cmocka_run_group_tests_name("spelling", tests, setup, teardown);

	spelling_clear(&found);
	return failed;
}
