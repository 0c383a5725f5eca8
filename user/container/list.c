// SPDX-License-Identifier: Apache-2.0
/* Which containers the runtimes keep files of, whether they run or not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* Each folder below @dirfd/@path; one that is not there has none. */
static int folders_each(int dirfd, const char *path, int (*fn)(void *, const char *), void *ctx)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry = NULL;
	int err = 0;

	if (!dir)
		return 0;
	take_fd(&fd);
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) <= CONTAINER_ID_MAX)
			err = fn(ctx, entry->d_name);
	return err;
}

struct listing {
	container_id_fn fn;
	void *ctx;
	enum runtime runtime;
	int dirfd;
};

static int id_tell(void *ctx, const char *id)
{
	const struct listing *l = ctx;

	return l->fn(l->ctx, l->runtime, id);
}

static int docker_list(struct listing *l)
{
	l->runtime = RUNTIME_DOCKER;
	return folders_each(l->dirfd, "containers", id_tell, l);
}

static int namespace_list(void *ctx, const char *ns)
{
	struct listing *l = ctx;

	l->runtime = RUNTIME_UNKNOWN;
	return folders_each(l->dirfd, ns, id_tell, l);
}

static int storage_list(struct listing *l)
{
	static const char *const drivers[] = {"overlay", "vfs", "btrfs", "zfs"};
	int err = 0;

	/* A folder each, which a list of containers names as well. */
	l->runtime = RUNTIME_UNKNOWN;
	for (size_t i = 0; !err && i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		AUTO_FREE char *path = NULL;

		err = str_format(&path, "%s-containers", drivers[i]);
		err = err ? err : folders_each(l->dirfd, path, id_tell, l);
	}
	return err;
}

int containers_each(const struct runtime_dirs *dirs, container_id_fn fn, void *ctx)
{
	struct listing l = {.fn = fn, .ctx = ctx};
	int err = 0;

	for (int kind = RUNTIME_DIR_DOCKER_DATA; !err && kind <= RUNTIME_DIR_STORAGE; kind++) {
		for (size_t pos = 0; !err;) {
			AUTO_CLOSE int fd = runtime_dirs_next(dirs, (enum runtime_dir)kind, &pos);

			if (fd < 0)
				break;
			l.dirfd = fd;
			err = kind == RUNTIME_DIR_DOCKER_DATA ? docker_list(&l)
			      : kind == RUNTIME_DIR_CONTAINERD
				      ? folders_each(fd, ".", namespace_list, &l)
				      : storage_list(&l);
		}
	}
	return err;
}
