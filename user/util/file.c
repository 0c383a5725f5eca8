// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

int file_read_fd(int fd, size_t max, char **out, size_t *len)
{
	AUTO_FREE char *buf = NULL;
	size_t size = 4096;
	size_t used = 0;
	struct stat st = {};

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > 0 && (size_t)st.st_size > max)
		return -EFBIG;
	if ((size_t)st.st_size >= size)
		size = (size_t)st.st_size + 2;

	/* To the end and not to st_size: files of /proc say 0, and a file may grow. */
	for (;;) {
		ssize_t n = 0;

		if (!buf || used + 1 >= size) {
			char *more = NULL;

			if (buf)
				size *= 2;
			more = realloc(buf, size);
			if (!more)
				return -ENOMEM;
			buf = more;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
	}
	buf[used] = '\0';
	if (len)
		*len = used;
	*out = take_ptr(buf);
	return 0;
}

int file_read(int dirfd, const char *path, size_t max, char **out, size_t *len)
{
	/* O_NONBLOCK: to open a FIFO without it waits for a writer. */
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return file_read_fd(fd, max, out, len);
}

static int open_in_root(int rootfd, const char *path, int flags, unsigned long long resolve)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};

	/* -EAGAIN: something was renamed while ".." was looked up, openat2(2) says to retry. */
	for (int tries = 0; tries < 16; tries++) {
		long fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int file_open_in_root(int rootfd, const char *path, int flags)
{
	return open_in_root(rootfd, path, flags, 0);
}

int file_open_cached_in_root(int rootfd, const char *path, int flags)
{
	return open_in_root(rootfd, path, flags, RESOLVE_CACHED);
}

int file_readlink(int dirfd, const char *path, char **out)
{
	/* A page is the longest target that the kernel keeps or shows. */
	char target[4096 + 1] = "";
	ssize_t n = readlinkat(dirfd, path, target, sizeof(target));
	char *copy = NULL;

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	target[n] = '\0';
	copy = strdup(target);
	if (!copy)
		return -ENOMEM;
	*out = copy;
	return 0;
}

int str_format(char **out, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;
	int n = 0;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	text = malloc((size_t)n + 1);
	if (!text)
		return -ENOMEM;
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	*out = take_ptr(text);
	return 0;
}

int str_parse_uint(const char *s, unsigned long long min, unsigned long long max,
		   unsigned long long *out)
{
	unsigned long long value = 0;

	if (!*s)
		return -EINVAL;
	/* All of it before the range: "9…9x" is no number, not one too large. */
	for (const char *c = s; *c; c++)
		if (*c < '0' || *c > '9')
			return -EINVAL;
	for (const char *c = s; *c; c++)
		if (__builtin_mul_overflow(value, 10ULL, &value) ||
		    __builtin_add_overflow(value, (unsigned long long)(*c - '0'), &value))
			return -ERANGE;
	if (value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

const char *path_after(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!len || !*path)
		return NULL;
	if (strcmp(path, prefix) == 0)
		return "";
	while (len && prefix[len - 1] == '/')
		len--;
	if (strncmp(path, prefix, len) != 0)
		return NULL;
	return path[len] == '/' || path[len] == '\0' ? path + len : NULL;
}

void path_clean(const char *path, char *out, size_t size)
{
	size_t n = 0;
	size_t beyond = 0; /* parts below @out for which there was no room */

	for (const char *p = path; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len == 2 && !strncmp(p, "..", 2)) {
			if (beyond)
				beyond--;
			else
				while (n && out[--n] != '/')
					;
		} else if (len && !(len == 1 && *p == '.') && (beyond || n + len + 2 >= size)) {
			beyond++;
		} else if (len && !(len == 1 && *p == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
	}
	if (!n)
		out[n++] = '/';
	out[n] = '\0';
}
