/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FUZZ_FOLDER_H
#define DOCKSNOOP_FUZZ_FOLDER_H

/* For code that reads files by their names: a folder below TMPDIR, removed at exit. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "user/util/cleanup.h"

static char folder[256];

static inline int folder_entry_remove(const char *path, const struct stat *st, int flag,
				      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void folder_remove(void)
{
	nftw(folder, folder_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* True when it was made just now. */
static inline bool folder_make(void)
{
	const char *tmp = getenv("TMPDIR");

	if (*folder)
		return false;
	snprintf(folder, sizeof(folder), "%s/docksnoop-fuzz.XXXXXX", tmp ? tmp : "/tmp");
	CHECK(mkdtemp(folder));
	atexit(folder_remove);
	return true;
}

/* Write a file below it, with the folders that it lies in; without @data there is none. */
static inline void folder_put(const char *name, const char *data, size_t len)
{
	char path[sizeof(folder) + 256];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!data) {
		CHECK(!unlink(path) || errno == ENOENT || errno == ENOTDIR);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (char *slash = path + strlen(folder) + 1; fd < 0 && (slash = strchr(slash, '/'));) {
		*slash = '\0';
		CHECK(!mkdir(path, 0700) || errno == EEXIST);
		*slash++ = '/';
	}
	if (fd < 0)
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

/* The same of the input's next part, up to a NUL; an empty one is no file. */
static inline void folder_put_part(const char *name, struct input *in)
{
	size_t len = 0;
	AUTO_FREE char *part = input_part(in, '\0', &len);

	folder_put(name, len ? part : NULL, len);
}

#endif
