// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/event.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define BPFFS_MAGIC 0xcafe4a11 /* include/uapi/linux/magic.h */
#define CONTROL	    "control"
#define LINKS	    "links-"

/* The rest is made anew: what user space tells the kernel side, and what lasts for one call. */
static const char *const kept[] = {
	"records",	"host_records",	    "stream_bytes", "lost_counts", "connections",
	"streams",	"connection_users", "stream_skips", "starts_seen", "attempts",
	"tcp_connects", "pending_connects", "probed_calls", "transfers",   CONTROL,
};

struct pins {
	char *path;
	int fd;
};

static int name_of(const struct pins *pins, const char *folder, const char *name, char **out)
{
	return str_format(out, "%s/%s/%s", pins->path, folder, name);
}

/* --- taking it ---------------------------------------------------------------------------- */

static uint32_t holder_of(const struct pins *pins)
{
	AUTO_CLOSEDIR DIR *dir = opendir(pins->path);
	uint32_t pid = 0;

	for (const struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		AUTO_CLOSE int fd = pins_map(pins, e->d_name, CONTROL);
		struct ds_control control = {0};
		__u32 zero = 0;

		if (fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &control))
			pid = control.pid;
	}
	return pid;
}

/* @why */
static int lock_take(const struct pins *pins, char *why, size_t size)
{
	uint32_t pid;

	if (!flock(pins->fd, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	pid = holder_of(pins);
	if (pid)
		snprintf(why, size, "process %" PRIu32 " holds %s", pid, pins->path);
	else
		snprintf(why, size, "another process holds %s, and has just begun", pins->path);
	return -EBUSY;
}

static int folder_open(const char *path, char *why, size_t size)
{
	AUTO_CLOSE int fd = -1;
	struct statfs fs = {0};

	if (mkdir(path, 0700) && errno != EEXIST) {
		int err = -errno;

		snprintf(why, size, "%s cannot be made: %s", path, strerror(-err));
		return err == -EPERM || err == -ENOENT ? -ENOTSUP : err;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstatfs(fd, &fs)) {
		int err = -errno;

		snprintf(why, size, "%s: %s", path, strerror(-err));
		return err;
	}
	if ((unsigned long)fs.f_type != BPFFS_MAGIC) {
		rmdir(path);
		snprintf(why, size, "%s does not lie in a bpf file system", path);
		return -ENOTSUP;
	}
	return take_fd(&fd);
}

int pins_open(const char *dir, char *why, size_t size, struct pins **out)
{
	AUTO_PINS struct pins *pins = calloc(1, sizeof(*pins));
	struct stat st = {0};
	int err;

	snprintf(why, size, "no memory");
	if (!pins)
		return -ENOMEM;
	pins->fd = -1;
	pins->path = strdup(dir);
	if (!pins->path)
		return -ENOMEM;
	do {
		cleanup_close(&pins->fd);
		pins->fd = folder_open(dir, why, size);
		if (pins->fd < 0)
			return pins->fd;
		err = lock_take(pins, why, size);
		if (err)
			return err;
		/* Who had it before may have removed it meanwhile. */
		if (fstat(pins->fd, &st))
			return -errno;
	} while (!st.st_nlink);
	*out = take_ptr(pins);
	return 0;
}

void pins_close(struct pins *pins)
{
	if (!pins)
		return;
	cleanup_close(&pins->fd);
	free(pins->path);
	free(pins);
}

/* --- what is in it ------------------------------------------------------------------------ */

/* fn(ctx, name) for each entry, of which it may remove that one. */
typedef void (*entry_fn)(void *ctx, const char *name);

static void entries_each(const char *path, entry_fn fn, void *ctx)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, NULL);

	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			fn(ctx, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

struct folder {
	const struct pins *pins;
	const char *name;
};

static void entry_remove(void *ctx, const char *name)
{
	const struct folder *folder = ctx;
	AUTO_FREE char *path = NULL;

	if (!name_of(folder->pins, folder->name, name, &path))
		unlink(path);
}

static void folder_remove(const struct pins *pins, const char *name)
{
	struct folder folder = {pins, name};
	AUTO_FREE char *path = NULL;

	if (str_format(&path, "%s/%s", pins->path, name))
		return;
	entries_each(path, entry_remove, &folder);
	rmdir(path);
}

static void any_remove(void *ctx, const char *name)
{
	folder_remove(ctx, name);
}

void pins_remove(struct pins *pins)
{
	entries_each(pins->path, any_remove, pins);
	rmdir(pins->path);
}

/* --- maps --------------------------------------------------------------------------------- */

int pins_map(const struct pins *pins, const char *layout, const char *name)
{
	AUTO_FREE char *path = NULL;
	int fd, err = name_of(pins, layout, name, &path);

	if (err)
		return err;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pins_reuse(const struct pins *pins, const char *layout, struct bpf_object *obj)
{
	AUTO_CLOSE int control = pins_map(pins, layout, CONTROL);

	if (control < 0) /* it never got as far as to be of use */
		return 0;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		AUTO_CLOSE int fd = pins_map(pins, layout, kept[i]);
		struct bpf_map *map = bpf_object__find_map_by_name(obj, kept[i]);
		int err = fd >= 0 && map ? bpf_map__reuse_fd(map, fd) : 0;

		if (err)
			return err;
	}
	return 0;
}

static int folder_make(const struct pins *pins, const char *name)
{
	AUTO_FREE char *path = NULL;
	int err = str_format(&path, "%s/%s", pins->path, name);

	if (err)
		return err;
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int pins_keep_maps(const struct pins *pins, const char *layout, struct bpf_object *obj)
{
	int err = folder_make(pins, layout);

	for (size_t i = 0; !err && i < sizeof(kept) / sizeof(kept[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, kept[i]);
		AUTO_FREE char *path = NULL;

		if (!map || bpf_map__fd(map) < 0)
			continue;
		err = name_of(pins, layout, kept[i], &path);
		if (!err && bpf_obj_pin(bpf_map__fd(map), path) && errno != EEXIST)
			err = -errno;
	}
	return err;
}

/* --- links -------------------------------------------------------------------------------- */

#define LINKS_NAME 32

int pins_keep_link(const struct pins *pins, uint32_t generation, const char *name,
		   struct bpf_link *link)
{
	char folder[LINKS_NAME];
	AUTO_FREE char *path = NULL;
	int err;

	snprintf(folder, sizeof(folder), LINKS "%" PRIu32, generation);
	err = folder_make(pins, folder);
	err = err ? err : name_of(pins, folder, name, &path);
	/* not bpf_link__pin(), which would want to take it away again at the end */
	if (!err && bpf_obj_pin(bpf_link__fd(link), path))
		err = -errno;
	return err;
}

static void generation_see(void *ctx, const char *name)
{
	uint32_t *last = ctx;
	uint32_t one = 0;

	if (sscanf(name, LINKS "%" SCNu32, &one) == 1 && one > *last)
		*last = one;
}

uint32_t pins_generation(const struct pins *pins)
{
	uint32_t last = 0;

	entries_each(pins->path, generation_see, &last);
	return last;
}

struct links {
	const struct pins *pins;
	char current[LINKS_NAME];
	const char *folder;
	pins_link_fn fn; /* NULL: remove them */
	void *ctx;
};

static void link_each(void *ctx, const char *name)
{
	const struct links *links = ctx;
	AUTO_CLOSE int fd = pins_map(links->pins, links->folder, name);

	if (fd >= 0)
		links->fn(links->ctx, name, fd);
}

static void links_each(void *ctx, const char *name)
{
	struct links *links = ctx;
	AUTO_FREE char *path = NULL;

	if (strncmp(name, LINKS, strlen(LINKS)) != 0 || !strcmp(name, links->current))
		return;
	links->folder = name;
	if (!links->fn)
		folder_remove(links->pins, name);
	else if (!str_format(&path, "%s/%s", links->pins->path, name))
		entries_each(path, link_each, links);
}

static void old_links(const struct pins *pins, uint32_t generation, pins_link_fn fn, void *ctx)
{
	struct links links = {.pins = pins, .fn = fn, .ctx = ctx};

	snprintf(links.current, sizeof(links.current), LINKS "%" PRIu32, generation);
	entries_each(pins->path, links_each, &links);
}

void pins_each_old_link(const struct pins *pins, uint32_t generation, pins_link_fn fn, void *ctx)
{
	old_links(pins, generation, fn, ctx);
}

void pins_drop_old_links(const struct pins *pins, uint32_t generation)
{
	old_links(pins, generation, NULL, NULL);
}

/* --- layouts ------------------------------------------------------------------------------ */

struct layouts {
	const char *own;
	pins_layout_fn fn;
	void *ctx;
};

static void layout_each(void *ctx, const char *name)
{
	const struct layouts *layouts = ctx;

	if (strncmp(name, LINKS, strlen(LINKS)) != 0 && strcmp(name, layouts->own) != 0)
		layouts->fn(layouts->ctx, name);
}

void pins_each_other_layout(const struct pins *pins, const char *layout, pins_layout_fn fn,
			    void *ctx)
{
	struct layouts layouts = {layout, fn, ctx};

	entries_each(pins->path, layout_each, &layouts);
}

void pins_drop_layout(const struct pins *pins, const char *layout)
{
	folder_remove(pins, layout);
}
