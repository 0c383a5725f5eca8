// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "user/cmd/notify.h"

#define WATCHDOG_US 400000

static int manager_open(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int len = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "docksnoop-notify-%d", getpid());
	char name[128] = "";

	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + len))
		return -1;
	snprintf(name, sizeof(name), "@%s", a.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	*state = (void *)(intptr_t)fd;
	return 0;
}

static int manager_close(void **state)
{
	close((int)(intptr_t)*state);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	return 0;
}

/* The next message, "" when there is none. */
static const char *told(void **state)
{
	static char text[256];
	ssize_t n = recv((int)(intptr_t)*state, text, sizeof(text) - 1, 0);

	assert_true(n >= 0 || errno == EAGAIN);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void ready_says_the_mode(void **state)
{
	notify_ready("kprobe");
	assert_string_equal(told(state), "READY=1\nSTATUS=Watching in kprobe mode");
	assert_string_equal(told(state), "");
}

static void reloading_has_the_time(void **state)
{
	struct timespec now = {0};
	uint64_t us = 0, told_us = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	notify_reloading();
	assert_int_equal(
		sscanf(told(state), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64 "\nSTATUS=R", &told_us),
		1);
	assert_in_range(told_us, us, us + 10000000);
}

static void stopping_is_said(void **state)
{
	notify_stopping();
	assert_string_equal(told(state), "STOPPING=1\nSTATUS=Stopping");
}

static void watchdog_is_fed_twice_in_its_time(void **state)
{
	char limit[32] = "";

	snprintf(limit, sizeof(limit), "%d", WATCHDOG_US);
	setenv("WATCHDOG_USEC", limit, 1);
	notify_watchdog();
	assert_string_equal(told(state), "WATCHDOG=1");
	for (int i = 0; i < 100; i++)
		notify_watchdog();
	assert_string_equal(told(state), "");
	usleep(WATCHDOG_US / 2);
	notify_watchdog();
	notify_watchdog();
	assert_string_equal(told(state), "WATCHDOG=1");
	assert_string_equal(told(state), "");
}

static void no_watchdog_no_word(void **state)
{
	notify_watchdog();
	assert_string_equal(told(state), "");
}

static void watchdog_of_another_process(void **state)
{
	setenv("WATCHDOG_USEC", "1", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_watchdog();
	unsetenv("WATCHDOG_PID");
	assert_string_equal(told(state), "");
}

static void nobody_listens(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	notify_ready("kprobe");
	notify_reloading();
	setenv("WATCHDOG_USEC", "1", 1);
	notify_watchdog();
	notify_stopping();
	assert_string_equal(told(state), "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, manager_open, manager_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready_says_the_mode), TEST(reloading_has_the_time),
		TEST(stopping_is_said),	   TEST(watchdog_is_fed_twice_in_its_time),
		TEST(no_watchdog_no_word), TEST(watchdog_of_another_process),
		TEST(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
