/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRUTH_H
#define TRUTH_H

/* What a program that acts in a test says of itself, for the test to compare. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long long namespace_number(const char *name)
{
	char path[64];
	struct stat st;

	/* not self: its first thread may have ended */
	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", name);
	if (stat(path, &st))
		die(path);
	return st.st_ino;
}

/* A field of /proc/self/stat after the name, which may hold anything: 3 is the state. */
static const char *stat_field(char *text, size_t size, int wanted)
{
	FILE *f = fopen("/proc/self/stat", "re");
	size_t len = f ? fread(text, 1, size - 1, f) : 0;
	char *p;

	if (f)
		fclose(f);
	text[len] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < wanted; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		die("/proc/self/stat");
	return p + 1;
}

static struct {
	unsigned long long start; /* clock ticks since boot: field 22 */
	unsigned long long mnt, pid, user;
	bool known;
} truth;

static void truth_learn(void)
{
	char text[1024];

	truth.start = strtoull(stat_field(text, sizeof(text), 22), NULL, 10);
	truth.mnt = namespace_number("mnt");
	truth.pid = namespace_number("pid");
	truth.user = namespace_number("user");
	truth.known = true;
}

static void tell(int error)
{
	if (!truth.known)
		truth_learn();
	printf("{\"pid\":%d,\"tid\":%ld,\"ppid\":%d,\"uid\":%u,\"gid\":%u,\"start\":%llu,",
	       getpid(), syscall(SYS_gettid), getppid(), getuid(), getgid(), truth.start);
	printf("\"ns\":{\"mnt\":%llu,\"pid\":%llu,\"user\":%llu},\"error\":%d}\n", truth.mnt,
	       truth.pid, truth.user, error);
	if (fflush(stdout))
		die("stdout");
}

static void tell_and_stay(int error)
{
	tell(error);
	for (;;)
		pause();
}

#endif
