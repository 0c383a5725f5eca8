// SPDX-License-Identifier: Apache-2.0
/*
 * To be preloaded: a disk that hangs. While the file SLOW_SWITCH exists, reading of a file
 * whose descriptor leads to SLOW_PART of a path does not come back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t read(int fd, void *buffer, size_t size)
{
	static ssize_t (*next)(int, void *, size_t);
	const char *part = getenv("SLOW_PART");
	const char *hangs = getenv("SLOW_SWITCH");
	char link[64];
	char path[4096];
	ssize_t n;

	if (!next)
		next = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = part && hangs ? readlink(link, path, sizeof(path) - 1) : -1;
	if (n > 0) {
		path[n] = '\0';
		while (strstr(path, part) && !access(hangs, F_OK))
			usleep(20000);
	}
	return next(fd, buffer, size);
}
