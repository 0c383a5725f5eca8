// SPDX-License-Identifier: Apache-2.0

/* The kernel side's shared bodies, run by BPF_PROG_TEST_RUN, against what /proc says. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build/bodies.skel.h"
#include "user/sensor/process.h"
#include "user/sensor/record.h"
#include "user/sensor/types.h"
#include "user/util/clock.h"

static uint32_t numbers[DS_TYPE_COUNT]; /* 0: fields are read by helpers */
static struct bodies *skel;
static int procfd;
static struct record seen;
static int seen_count;

static int record_keep(void *ctx, void *data, size_t size)
{
	(void)ctx;
	seen_count++;
	return record_decode(data, size, &seen);
}

static int body_run(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	return err ? err : (int)opts.retval;
}

/* Run the body in this process and take in its one record. */
static void task_see(void)
{
	struct ring_buffer *ring = NULL;

	seen_count = 0;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.records), record_keep, NULL, NULL);
	assert_non_null(ring);
	/* Which one it goes to depends on where this test runs. */
	assert_int_equal(
		ring_buffer__add(ring, bpf_map__fd(skel->maps.host_records), record_keep, NULL), 0);
	assert_int_equal(body_run(skel->progs.body_task), 0);
	assert_int_equal(ring_buffer__consume(ring), 1);
	ring_buffer__free(ring);
}

static void numbers_are_those_of_proc(void **state)
{
	uint64_t start = 0;
	uint32_t inum = 0;
	char comm[16];

	(void)state;
	task_see();
	assert_int_equal(seen.raw.tgid, getpid());
	assert_int_equal(seen.raw.tid, gettid());
	assert_int_equal(seen.raw.ppid, getppid());
	assert_int_equal(seen.raw.uid, geteuid());
	assert_int_equal(seen.raw.gid, getegid());
	assert_int_equal(process_start_ns(procfd, getpid(), &start), 0);
	assert_true(process_is(procfd, getpid(), seen.raw.start_ns));
	assert_false(process_is(procfd, getpid(), seen.raw.start_ns + 1000000000ULL));
	assert_true(clock_boot_ns() - seen.raw.time_ns < 10000000000ULL);
	assert_int_equal(process_comm(procfd, getpid(), comm), 0);
	assert_string_equal(seen.raw.comm, comm);
	assert_int_equal(process_comm(procfd, getppid(), comm), 0);
	assert_string_equal(seen.raw.parent_comm, comm);
	assert_int_equal(process_namespace(procfd, getpid(), "mnt", &inum), 0);
	assert_int_equal(seen.raw.mnt_ns, inum);
	assert_int_equal(process_namespace(procfd, getpid(), "pid", &inum), 0);
	assert_int_equal(seen.raw.pid_ns, inum);
	assert_int_equal(process_namespace(procfd, getpid(), "user", &inum), 0);
	assert_int_equal(seen.raw.user_ns, inum);
	assert_int_equal(process_namespace(procfd, getpid(), "net", &inum), 0);
	assert_int_equal(seen.raw.net_ns, inum);
	assert_false(seen.raw.flags & (DS_F_KTHREAD | DS_F_IO_WORKER));
}

static void cgroup_and_program_are_those_of_proc(void **state)
{
	char cgroup[DS_CGROUP_MAX + 1] = "";
	char *exe = NULL;

	(void)state;
	task_see();
	assert_int_equal(process_cgroup(procfd, getpid(), cgroup), 0);
	assert_string_equal(seen.cgroup, cgroup);
	assert_int_equal(process_exe(procfd, getpid(), &exe), 0);
	assert_string_equal(seen.exe, exe);
	free(exe);
}

static void arguments_are_those_of_proc(void **state)
{
	char cmdline[DS_ARGV_MAX + 1] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY);
	ssize_t n = read(fd, cmdline, DS_ARGV_MAX);

	(void)state;
	close(fd);
	task_see();
	assert_int_equal(seen.argv_len, n);
	assert_memory_equal(seen.argv, cmdline, n);
	assert_int_equal(record_truncated(&seen, DS_STR_ARGV), n == DS_ARGV_MAX);
}

/* Run the body in a child and bring its record back. */
static void child_see(void (*prepare)(void))
{
	int fds[2];
	int status = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prepare();
		task_see();
		_exit(write(fds[1], &seen, sizeof(seen)) == sizeof(seen) ? 0 : 1);
	}
	close(fds[1]);
	memset(&seen, 0, sizeof(seen));
	for (size_t at = 0; at < sizeof(seen);) {
		ssize_t n = read(fds[0], (char *)&seen + at, sizeof(seen) - at);

		assert_true(n > 0);
		at += n;
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static char deep[PATH_MAX];
static int deep_parts;

static void go_deep(void)
{
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", "/mnt", "tmpfs", 0, NULL), 0);
	strcpy(deep, "/mnt");
	for (int i = 0; i < deep_parts; i++) {
		strcat(deep, "/d");
		assert_int_equal(mkdir(deep, 0700), 0);
	}
	assert_int_equal(chdir(deep), 0);
}

static void path_crosses_mounts(void **state)
{
	(void)state;
	deep_parts = 20;
	child_see(go_deep);
	strcpy(deep, "/mnt");
	for (int i = 0; i < deep_parts; i++)
		strcat(deep, "/d");
	assert_string_equal(seen.mount_point, deep);
	assert_string_equal(seen.fs_path, deep + strlen("/mnt"));
	assert_false(record_truncated(&seen, DS_STR_MOUNT_POINT));
	assert_false(seen.raw.flags & DS_F_INIT_MNT_NS);
}

static void path_too_deep_is_marked(void **state)
{
	(void)state;
	deep_parts = 100;
	child_see(go_deep);
	assert_true(record_truncated(&seen, DS_STR_MOUNT_POINT));
	assert_true(record_truncated(&seen, DS_STR_FS_PATH));
	/* The end that tells most is there. */
	assert_int_equal(strlen(seen.fs_path), 64 * strlen("/d"));
	/* And nobody else's string suffers. */
	assert_false(record_truncated(&seen, DS_STR_EXE));
}

static void go_unprivileged(void)
{
	assert_int_equal(unshare(CLONE_NEWUSER), 0);
}

static void user_namespace_is_seen(void **state)
{
	(void)state;
	task_see();
	assert_true(seen.raw.flags & DS_F_INIT_USER_NS);
	child_see(go_unprivileged);
	assert_false(seen.raw.flags & DS_F_INIT_USER_NS);
	assert_int_not_equal(seen.raw.tgid, getpid());
}

static __u64 lost_read(__u32 kind)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 *values = calloc(cpus, sizeof(*values));
	__u64 sum = 0;

	assert_non_null(values);
	assert_int_equal(bpf_map__lookup_elem(skel->maps.lost_counts, &kind, sizeof(kind), values,
					      cpus * sizeof(*values), 0),
			 0);
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	free(values);
	return sum;
}

static bool may_end(const char *path, size_t len, size_t max)
{
	memset(skel->bss->name, 'k', sizeof(skel->bss->name)); /* what another connect has left */
	memcpy(skel->bss->name, path, len);
	skel->bss->name_max = max;
	assert_int_equal(body_run(skel->progs.body_name), 0);
	return skel->bss->name_may_end;
}

static uint64_t bit_of(const char *path, size_t len)
{
	uint64_t end;

	memcpy(&end, path + len - sizeof(end), sizeof(end));
	return 1ULL << ds_name_end_bit(end);
}

/* Wherever a name ends, by its length or by a NUL, its last eight bytes decide. */
static void ends_of_names_are_found(void **state)
{
	char path[DS_SUN_PATH_MAX + 2] = "";

	(void)state;
	for (size_t i = 0; i <= DS_SUN_PATH_MAX; i++)
		path[i] = 'a' + i * i % 23;
	for (size_t len = sizeof(uint64_t); len <= DS_SUN_PATH_MAX; len++) {
		char next = path[len];
		uint64_t bit = bit_of(path, len);

		path[len] = '\0';
		for (size_t max = len; max <= len + 1 && max <= DS_SUN_PATH_MAX; max++) {
			skel->bss->socket_name_ends = bit;
			assert_true(may_end(path, max, max));
			assert_true(may_end(path, max, max > len ? DS_SUN_PATH_MAX : len));
			skel->bss->socket_name_ends = ~bit;
			assert_false(may_end(path, max, max));
			assert_false(may_end(path, max, max > len ? DS_SUN_PATH_MAX : len));
		}
		path[len] = next;
	}
	/* Too short to tell, and abstract ones, which are no files. */
	assert_true(may_end("k", 1, 1));
	assert_true(may_end("sock\0aaaaaaa", 12, 12));
	assert_false(may_end("\0ocker.sock", 11, 11));
	assert_false(may_end("\0", 1, 1));
}

static void full_ring_is_counted(void **state)
{
	struct ring_buffer *ring = NULL;
	int runs = 0;

	(void)state;
	while (runs < 1000000 && (runs % 1000 || !lost_read(DS_LOST_CGROUP))) {
		assert_int_equal(body_run(skel->progs.body_empty), 0);
		runs++;
	}
	assert_true(lost_read(DS_LOST_CGROUP) > 0);
	/* What was not counted as lost is there: nothing falls between the two. */
	seen_count = 0;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.records), record_keep, NULL, NULL);
	assert_true(ring_buffer__consume(ring) > 0);
	assert_int_equal(seen_count + lost_read(DS_LOST_CGROUP), runs);
	assert_int_equal(lost_read(DS_LOST_CONNECT), 0);
	ring_buffer__free(ring);
}

static int setup(void **state)
{
	(void)state;
	procfd = open("/proc", O_RDONLY | O_DIRECTORY);
	skel = bodies__open();
	if (!skel)
		return -1;
	/* Small, to be filled in no time. */
	bpf_map__set_max_entries(skel->maps.records, 256 * 1024);
	memcpy((void *)skel->rodata->types, numbers, sizeof(numbers));
	return bodies__load(skel);
}

static int teardown(void **state)
{
	(void)state;
	bodies__destroy(skel);
	return close(procfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_proc),
		cmocka_unit_test(cgroup_and_program_are_those_of_proc),
		cmocka_unit_test(arguments_are_those_of_proc),
		cmocka_unit_test(path_crosses_mounts),
		cmocka_unit_test(path_too_deep_is_marked),
		cmocka_unit_test(user_namespace_is_seen),
		cmocka_unit_test(ends_of_names_are_found),
		cmocka_unit_test(full_ring_is_counted),
	};

	int failed = cmocka_run_group_tests_name("bodies", tests, setup, teardown);
	int err = types_find(numbers);

	if (err == -ENOTSUP)
		return failed;
	assert_int_equal(err, 0);
	return failed + cmocka_run_group_tests_name("bodies, typed", tests, setup, teardown);
}
