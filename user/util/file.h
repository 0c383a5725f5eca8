/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FILE_H
#define DOCKSNOOP_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Read a regular file (or a file of /proc) whole, relative to @dirfd (AT_FDCWD
 * for the working directory).
 * Never blocks on a FIFO or a device: anything but a regular file is -EINVAL.
 * On success *out is NUL-terminated, malloc'd, the caller's to free, and *len
 * (may be NULL) is its length without that NUL. -EFBIG beyond @max bytes.
 */
int file_read(int dirfd, const char *path, size_t max, char **out, size_t *len);

/*
 * The same from an open descriptor, which stays the caller's; open it with
 * O_NONBLOCK.
 */
int file_read_fd(int fd, size_t max, char **out, size_t *len);

/*
 * Open @path with @rootfd as its root: absolute and relative symbolic links
 * cannot lead out, and links of /proc are not followed (openat2(2),
 * RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, Linux 5.6). Returns a descriptor
 * (O_CLOEXEC) or -errno.
 */
int file_open_in_root(int rootfd, const char *path, int flags);

/*
 * The same, by what the kernel has in its cache of names alone (RESOLVE_CACHED,
 * Linux 5.12; -EINVAL before): no file system is asked, so nobody who provides
 * one can hold the caller up. -EAGAIN when that does not tell.
 */
int file_open_cached_in_root(int rootfd, const char *path, int flags);

/* The target of a symbolic link as a malloc'd string, or -errno. */
int file_readlink(int dirfd, const char *path, char **out);

/* printf into a malloc'd string; -ENOMEM. */
int str_format(char **out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Strict: the whole string, decimal, no sign, in [min, max]; else -EINVAL, -ERANGE. */
int str_parse_uint(const char *s, unsigned long long min, unsigned long long max,
		   unsigned long long *out);

/*
 * Is @prefix a path prefix of @path? "/run" is one of "/run" and "/run/x", not
 * of "/runner"; "/" is one of every absolute path. A '/' at the end of @prefix
 * does not count. Returns the rest of @path ("" or beginning with '/'), or NULL.
 */
const char *path_after(const char *path, const char *prefix);

/*
 * The absolute path @path without "//", "." and "..", as filepath.Clean() of Go has it:
 * by the letters alone, whatever links there are. Parts for which @size has no
 * room are left out, with what is below them.
 */
void path_clean(const char *path, char *out, size_t size);

#endif
