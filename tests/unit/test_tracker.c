// SPDX-License-Identifier: Apache-2.0

/* Whose a process is: the container files are real, the records say what an attacker would make them say. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/container/tracker.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"

#define COMPOSE "85384050507cc6c00e2e940ff28ffed8ca2af8ff9c1680dfb49fb3b2840ea015"
#define PRIV	"79d201a00427b94232648f9cfeb74ba99fdf128de44aa2b0b33532d9060bf712"
#define NOBODY	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define NS_A 4026540001U
#define NS_B 4026540002U

static int procfd;
static struct runtime_dirs *dirs;
static struct tracker *tracker;
static struct record record;
static struct sighting seen;

static int setup(void **state)
{
	(void)state;
	procfd = open("/proc", O_RDONLY | O_DIRECTORY);
	dirs = runtime_dirs_new(TEST_DATA "/container/root");
	return dirs ? tracker_new(procfd, dirs, &tracker) : -1;
}

static int teardown(void **state)
{
	(void)state;
	sighting_clear(&seen);
	tracker_free(tracker);
	runtime_dirs_free(dirs);
	return close(procfd);
}

/* A process; alive ones are this one, dead ones cannot be found in /proc. */
static void process_make(const char *cgroup, uint32_t mnt_ns, uint32_t flags, bool alive)
{
	uint64_t start = 0;

	memset(&record, 0, sizeof(record));
	snprintf(record.cgroup, sizeof(record.cgroup), "%s", cgroup);
	record.raw.mnt_ns = mnt_ns;
	record.raw.pid_ns = mnt_ns + 1000;
	record.raw.flags = flags;
	record.raw.tgid = getpid();
	assert_int_equal(process_start_ns(procfd, getpid(), &start), 0);
	record.raw.start_ns = alive ? start : start + 3600000000000ULL;
}

static void start(const char *cgroup, uint32_t mnt_ns, uint32_t flags, bool alive)
{
	process_make(cgroup, mnt_ns, flags, alive);
	sighting_clear(&seen);
	assert_int_equal(tracker_start(tracker, &record, &seen), 0);
}

static void resolve(const char *cgroup, uint32_t mnt_ns, uint32_t flags)
{
	process_make(cgroup, mnt_ns, flags, false);
	sighting_clear(&seen);
	assert_int_equal(tracker_resolve(tracker, &record, &seen), 0);
}

static void container_is(const char *id, enum attribution_by by, const char *anomaly)
{
	assert_false(seen.host);
	assert_non_null(seen.container);
	assert_string_equal(seen.container->id, id);
	assert_int_equal(seen.attribution.by, by);
	if (anomaly)
		assert_string_equal(seen.attribution.anomaly, anomaly);
	else
		assert_null(seen.attribution.anomaly);
}

#define HOST_FLAGS (DS_F_INIT_MNT_NS | DS_F_INIT_PID_NS | DS_F_INIT_USER_NS | DS_F_INIT_ROOT)

static void cgroup_names_the_container(void **state)
{
	(void)state;
	resolve("/docker/" COMPOSE, NS_A, 0);
	container_is(COMPOSE, ATTRIBUTED_BY_CGROUP, NULL);
	assert_true(seen.container->described);
	assert_non_null(seen.container->name);
	assert_null(seen.attribution.outer_id);
}

static void nameless_container_stays_nameless(void **state)
{
	(void)state;
	resolve("/docker/" NOBODY, NS_A, 0);
	container_is(NOBODY, ATTRIBUTED_BY_CGROUP, NULL);
	assert_null(seen.container->name);
	assert_null(seen.container->image);
}

static void nested_container_tells_both(void **state)
{
	(void)state;
	resolve("/docker/" COMPOSE "/docker/" NOBODY, NS_A, 0);
	container_is(NOBODY, ATTRIBUTED_BY_CGROUP, NULL);
	assert_string_equal(seen.attribution.outer_id, COMPOSE);
}

/* An inner id that is really a neighbour's: the outer one made that cgroup. */
static void neighbours_id_below_ones_own_cgroup_is_a_claim(void **state)
{
	(void)state;
	resolve("/docker/" COMPOSE "/docker/" PRIV, NS_A, 0);
	container_is(COMPOSE, ATTRIBUTED_BY_CGROUP, "claimed-id");
	assert_null(seen.attribution.outer_id);
	/* also for what looks like its first program */
	start("/docker/" COMPOSE "/docker/" PRIV, NS_B, 0, true);
	container_is(COMPOSE, ATTRIBUTED_BY_CGROUP, "claimed-id");
}

static void host_is_host(void **state)
{
	(void)state;
	resolve("/", 1, HOST_FLAGS);
	assert_true(seen.host);
	resolve("/system.slice/ssh.service", 1, HOST_FLAGS);
	assert_true(seen.host);
	/* PrivateMounts=: its own mount namespace, the host's root directory */
	resolve("/system.slice/cups.service", NS_A, HOST_FLAGS & ~DS_F_INIT_MNT_NS);
	assert_true(seen.host);
	/* conmon sits in the container's slice and is the host's */
	resolve("/machine.slice/libpod-conmon-" NOBODY ".scope", 1, HOST_FLAGS);
	assert_true(seen.host);
}

static void unknown_is_not_host(void **state)
{
	(void)state;
	/* another root directory */
	resolve("/system.slice/x.service", NS_A, DS_F_INIT_PID_NS | DS_F_INIT_USER_NS);
	assert_false(seen.host);
	assert_null(seen.container);
	assert_int_equal(seen.attribution.by, ATTRIBUTED_BY_NONE);
	/* a pid namespace that nobody knows */
	resolve("/", 1, HOST_FLAGS & ~DS_F_INIT_PID_NS);
	assert_false(seen.host);
	assert_null(seen.container);
	/* a kernel thread acts for somebody */
	resolve("/", 1, HOST_FLAGS | DS_F_KTHREAD);
	assert_false(seen.host);
	assert_null(seen.container);
}

static void who_left_its_cgroup_is_known_by_its_namespace(void **state)
{
	(void)state;
	start("/docker/" COMPOSE, NS_A, 0, true);
	container_is(COMPOSE, ATTRIBUTED_BY_CGROUP, NULL);
	resolve("/", NS_A, DS_F_INIT_PID_NS | DS_F_INIT_USER_NS);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	/* chroot to the host's root in a mount helps nothing */
	resolve("/system.slice/ssh.service", NS_A, HOST_FLAGS & ~DS_F_INIT_MNT_NS);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	/* in the host's mount namespace, and still in the container's pid namespace */
	process_make("/", 1, DS_F_INIT_MNT_NS | DS_F_INIT_ROOT, false);
	record.raw.pid_ns = NS_A + 1000;
	sighting_clear(&seen);
	assert_int_equal(tracker_resolve(tracker, &record, &seen), 0);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
}

static void who_moves_to_anothers_cgroup_is_not_the_other(void **state)
{
	(void)state;
	start("/docker/" COMPOSE, NS_A, 0, true);
	resolve("/docker/" PRIV, NS_A, 0);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	/* nor after it has started a program there, which looks like a container's start */
	start("/docker/" PRIV, NS_A, 0, true);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	start("/", NS_A, DS_F_INIT_PID_NS, true);
	resolve("/docker/" PRIV, NS_A, 0);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	/* the other container's own processes are its own */
	start("/docker/" PRIV, NS_B, 0, true);
	container_is(PRIV, ATTRIBUTED_BY_CGROUP, NULL);
}

/* Its pid namespace a process cannot change for itself: it came from there into the mounts. */
static void who_enters_anothers_mounts_is_not_the_other(void **state)
{
	(void)state;
	start("/docker/" COMPOSE, NS_A, 0, true);
	start("/docker/" PRIV, NS_B, 0, true);
	process_make("/docker/" PRIV, NS_A, 0, false);
	record.raw.pid_ns = NS_B + 1000;
	sighting_clear(&seen);
	assert_int_equal(tracker_resolve(tracker, &record, &seen), 0);
	container_is(PRIV, ATTRIBUTED_BY_CGROUP, "foreign-namespace");
}

/* Of a path that was cut the upper end is gone, and with it who made the rest. */
static void cut_cgroup_tells_nothing(void **state)
{
	(void)state;
	process_make("/docker/" PRIV, NS_A, HOST_FLAGS & ~DS_F_INIT_MNT_NS, false);
	record.raw.truncated = 1U << DS_STR_CGROUP;
	sighting_clear(&seen);
	assert_int_equal(tracker_resolve(tracker, &record, &seen), 0);
	assert_false(seen.host);
	assert_null(seen.container);
	start("/docker/" COMPOSE, NS_A, 0, true);
	process_make("/docker/" PRIV, NS_A, 0, false);
	record.raw.truncated = 1U << DS_STR_CGROUP;
	sighting_clear(&seen);
	assert_int_equal(tracker_resolve(tracker, &record, &seen), 0);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
}

/* A service with private mounts does not become a container's because one came to visit. */
static void services_mounts_are_not_taken_over(void **state)
{
	const uint32_t service = HOST_FLAGS & ~DS_F_INIT_MNT_NS;

	(void)state;
	start("/docker/" COMPOSE, NS_A, service, true);
	resolve("/system.slice/cups.service", NS_A, service);
	assert_true(seen.host);
}

/* Both ids are told also where only the namespace is left to tell. */
static void inner_container_that_left_its_cgroup_tells_both(void **state)
{
	(void)state;
	start("/docker/" COMPOSE "/docker/" NOBODY, NS_A, 0, true);
	resolve("/", NS_A, 0);
	container_is(NOBODY, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	assert_string_equal(seen.attribution.outer_id, COMPOSE);
}

static void own_process_is_in_no_container(void **state)
{
	(void)state;
	assert_false(tracker_contained(tracker, getpid()));
	assert_false(tracker_contained(tracker, 0x7fffffff));
}

static void namespace_number_is_used_again(void **state)
{
	(void)state;
	start("/docker/" COMPOSE, NS_A, 0, false); /* and is gone */
	start("/docker/" PRIV, NS_A, 0, true);
	container_is(PRIV, ATTRIBUTED_BY_CGROUP, NULL);
	resolve("/docker/" PRIV, NS_A, 0);
	container_is(PRIV, ATTRIBUTED_BY_CGROUP, NULL);
}

/* It moves to a neighbour's cgroup, connects, and is gone before that is looked at. */
static void who_moved_and_is_gone_is_not_the_other(void **state)
{
	(void)state;
	start("/docker/" COMPOSE, NS_A, 0, false);
	resolve("/docker/" PRIV, NS_A, 0);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
}

/* As soon as a container's process has ended, and before its shim has waited for it. */
static void namespace_number_of_a_zombie_is_used_again(void **state)
{
	uint64_t start_ns = 0;
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_start_ns(procfd, pid, &start_ns), 0);
	process_make("/docker/" COMPOSE, NS_A, 0, true);
	record.raw.tgid = pid;
	record.raw.start_ns = start_ns;
	assert_int_equal(tracker_start(tracker, &record, &seen), 0);
	container_is(COMPOSE, ATTRIBUTED_BY_CGROUP, NULL);
	start("/docker/" PRIV, NS_A, 0, true);
	container_is(PRIV, ATTRIBUTED_BY_CGROUP, NULL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void *stay(void *unused)
{
	(void)unused;
	pause();
	return NULL;
}

/* A process whose first thread has ended looks like a zombie, and lives. */
static void leaderless_process_keeps_its_namespace(void **state)
{
	uint64_t start_ns = 0;
	pthread_t thread;
	char stat[64];
	char text[512] = "";
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!pthread_create(&thread, NULL, stay, NULL))
			syscall(SYS_exit, 0);
		_exit(1);
	}
	snprintf(stat, sizeof(stat), "%d/stat", (int)pid);
	while (!strstr(text, ") Z ")) {
		AUTO_CLOSE int fd = openat(procfd, stat, O_RDONLY);

		assert_true(read(fd, text, sizeof(text) - 1) > 0);
	}
	assert_int_equal(process_start_ns(procfd, pid, &start_ns), 0);
	process_make("/docker/" COMPOSE, NS_A, 0, true);
	record.raw.tgid = pid;
	record.raw.start_ns = start_ns;
	assert_int_equal(tracker_start(tracker, &record, &seen), 0);
	start("/docker/" PRIV, NS_A, 0, true);
	container_is(COMPOSE, ATTRIBUTED_BY_NAMESPACE, "left-cgroup");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void hosts_namespace_may_have_been_a_containers(void **state)
{
	(void)state;
	start("/docker/" COMPOSE, NS_A, 0, false);
	start("/system.slice/cups.service", NS_A, HOST_FLAGS & ~DS_F_INIT_MNT_NS, true);
	assert_true(seen.host);
	resolve("/system.slice/cups.service", NS_A, HOST_FLAGS & ~DS_F_INIT_MNT_NS);
	assert_true(seen.host);
}

static void ctr_container_counts_when_containerd_has_it(void **state)
{
	(void)state;
	resolve("/default/web", NS_A, 0);
	container_is("web", ATTRIBUTED_BY_CGROUP, NULL);
	resolve("/batch/nothing", NS_A, HOST_FLAGS & ~DS_F_INIT_MNT_NS);
	assert_true(seen.host);
}

static void own_process_is_read_from_proc(void **state)
{
	(void)state;
	sighting_clear(&seen);
	assert_int_equal(tracker_process(tracker, getpid(), &record, &seen), 0);
	assert_int_equal(record.raw.tgid, getpid());
	assert_true(record.raw.flags & DS_F_INIT_PID_NS || !seen.host);
	assert_int_not_equal(tracker_process(tracker, 0x7fffffff, &record, &seen), 0);
}

/* More than it keeps: nothing breaks, and the last one is right. */
static void many_containers_are_bounded(void **state)
{
	char cgroup[128];
	char id[65];

	(void)state;
	for (uint32_t i = 0; i < 9000; i++) {
		snprintf(id, sizeof(id), "%064x", i);
		snprintf(cgroup, sizeof(cgroup), "/docker/%s", id);
		start(cgroup, 4000000000U + i, 0, false);
		container_is(id, ATTRIBUTED_BY_CGROUP, NULL);
	}
	resolve("/docker/" COMPOSE, NS_A, 0);
	container_is(COMPOSE, ATTRIBUTED_BY_CGROUP, NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cgroup_names_the_container),
		TEST(nameless_container_stays_nameless),
		TEST(nested_container_tells_both),
		TEST(neighbours_id_below_ones_own_cgroup_is_a_claim),
		TEST(host_is_host),
		TEST(unknown_is_not_host),
		TEST(who_left_its_cgroup_is_known_by_its_namespace),
		TEST(who_moves_to_anothers_cgroup_is_not_the_other),
		TEST(who_enters_anothers_mounts_is_not_the_other),
		TEST(cut_cgroup_tells_nothing),
		TEST(services_mounts_are_not_taken_over),
		TEST(inner_container_that_left_its_cgroup_tells_both),
		TEST(own_process_is_in_no_container),
		TEST(namespace_number_is_used_again),
		TEST(who_moved_and_is_gone_is_not_the_other),
		TEST(namespace_number_of_a_zombie_is_used_again),
		TEST(leaderless_process_keeps_its_namespace),
		TEST(hosts_namespace_may_have_been_a_containers),
		TEST(ctr_container_counts_when_containerd_has_it),
		TEST(own_process_is_read_from_proc),
		TEST(many_containers_are_bounded),
	};

	return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
