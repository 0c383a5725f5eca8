// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/container/container.h"
#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* --- containers ---------------------------------------------------------------- */

struct container *container_new(enum runtime runtime, const char *id)
{
	struct container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	container->refs = 1;
	container->runtime = runtime;
	container->id = strdup(id);
	if (!container->id) {
		container_unref(container);
		return NULL;
	}
	return container;
}

struct container *container_ref(struct container *container)
{
	container->refs++;
	return container;
}

void container_unref(struct container *container)
{
	if (!container || --container->refs)
		return;
	for (size_t i = 0; i < container->mount_count; i++) {
		free(container->mounts[i].type);
		free(container->mounts[i].source);
		free(container->mounts[i].destination);
		free(container->mounts[i].volume);
	}
	free(container->mounts);
	free(container->labels);
	free(container->id);
	free(container->name);
	free(container->image);
	free(container->image_hash);
	free(container->pod_name);
	free(container->pod_namespace);
	free(container->pod_uid);
	free(container);
}

bool container_labels_next(const struct container *container, size_t *at, const char **key,
			   const char **value)
{
	if (*at >= container->labels_size)
		return false;
	*key = container->labels + *at;
	*value = *key + strlen(*key) + 1;
	*at += (size_t)(*value - *key) + strlen(*value) + 1;
	return true;
}

const char *container_label(const struct container *container, const char *key)
{
	const char *name = NULL;
	const char *value = NULL;
	size_t at = 0;

	while (container_labels_next(container, &at, &name, &value))
		if (!strcmp(name, key))
			return value;
	return NULL;
}

int container_set(char **field, const char *value)
{
	char *copy = NULL;

	if (!value)
		return 0;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/*
 * Those that begin with @prefix, or the others, while there is room. No string holds a NUL:
 * json_text_parse() has seen to that.
 */
static void labels_put(FILE *out, json_t *labels, const char *prefix, bool with_prefix,
		       size_t *room, bool *damaged)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach (labels, key, value) {
		size_t size = 0;

		if ((strncmp(key, prefix, strlen(prefix)) == 0) != with_prefix)
			continue;
		if (!json_is_string(value)) {
			if (damaged)
				*damaged = true;
			continue;
		}
		size = strlen(key) + json_string_length(value);
		if (size > *room)
			continue;
		*room -= size;
		fwrite(key, 1, strlen(key) + 1, out);
		fwrite(json_string_value(value), 1, strlen(json_string_value(value)) + 1, out);
	}
}

int container_set_labels(struct container *container, json_t *labels, bool *damaged)
{
	static const char compose[] = "com.docker.compose.";
	size_t room = CONTAINER_LABELS_MAX;
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = NULL;

	if (!labels || !json_object_size(labels))
		return 0;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	labels_put(out, labels, compose, true, &room, damaged);
	labels_put(out, labels, compose, false, &room, damaged);
	if (ferror(out) | fclose(out))
		return -ENOMEM;
	free(container->labels);
	container->labels = take_ptr(text);
	container->labels_size = size;
	return 0;
}

int container_add_mount(struct container *container, const char *type, const char *source,
			const char *destination, const char *volume, bool read_only)
{
	struct container_mount *mounts = NULL;
	struct container_mount *m = NULL;
	int err = 0;

	mounts = reallocarray(container->mounts, container->mount_count + 1, sizeof(*mounts));
	if (!mounts)
		return -ENOMEM;
	container->mounts = mounts;
	m = &mounts[container->mount_count];
	*m = (struct container_mount){.read_only = read_only};
	err = container_set(&m->type, type);
	err = err ? err : container_set(&m->source, source);
	err = err ? err : container_set(&m->destination, destination);
	err = err ? err : container_set(&m->volume, volume);
	/* Counted also when half made: container_unref() frees it. */
	container->mount_count++;
	return err;
}

/* --- where their files are ------------------------------------------------------- */

static const struct {
	enum runtime_dir kind;
	const char *path;
} usual[] = {
	{RUNTIME_DIR_DOCKER_DATA, "/var/lib/docker"},
	{RUNTIME_DIR_CONTAINERD, "/run/containerd/io.containerd.runtime.v2.task"},
	{RUNTIME_DIR_CONTAINERD, "/run/docker/containerd/daemon/io.containerd.runtime.v2.task"},
	{RUNTIME_DIR_CONTAINERD, "/run/k3s/containerd/io.containerd.runtime.v2.task"},
	{RUNTIME_DIR_STORAGE, "/var/lib/containers/storage"},
	{RUNTIME_DIR_STORAGE, "/run/containers/storage"},
};

struct runtime_dirs *runtime_dirs_new(const char *root)
{
	struct runtime_dirs *dirs = calloc(1, sizeof(*dirs));
	int err = 0;

	if (!dirs)
		return NULL;
	dirs->refs = 1;
	dirs->rootfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirs->rootfd < 0)
		err = -errno;
	for (size_t i = 0; !err && i < sizeof(usual) / sizeof(usual[0]); i++)
		err = runtime_dirs_add(dirs, usual[i].kind, usual[i].path);
	if (err) {
		runtime_dirs_free(dirs);
		errno = -err;
		return NULL;
	}
	return dirs;
}

struct runtime_dirs *runtime_dirs_ref(struct runtime_dirs *dirs)
{
	__atomic_fetch_add(&dirs->refs, 1, __ATOMIC_ACQ_REL);
	return dirs;
}

void runtime_dirs_free(struct runtime_dirs *dirs)
{
	if (!dirs || __atomic_sub_fetch(&dirs->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (size_t i = 0; i < dirs->count; i++)
		free(dirs->dir[i].path);
	if (dirs->rootfd >= 0)
		close(dirs->rootfd);
	free(dirs);
}

int runtime_dirs_add(struct runtime_dirs *dirs, enum runtime_dir kind, const char *path)
{
	AUTO_FREE char *copy = NULL;
	size_t len = strlen(path);

	if (*path != '/')
		return -EINVAL;
	while (len > 1 && path[len - 1] == '/')
		len--;
	copy = strndup(path, len);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < dirs->count; i++)
		if (dirs->dir[i].kind == kind && strcmp(dirs->dir[i].path, copy) == 0)
			return 0;
	if (dirs->count == sizeof(dirs->dir) / sizeof(dirs->dir[0]))
		return -ENOSPC;
	dirs->dir[dirs->count].kind = kind;
	dirs->dir[dirs->count].path = take_ptr(copy);
	/* Another thread may be reading: it sees the entry, or does not. */
	__atomic_store_n(&dirs->count, dirs->count + 1, __ATOMIC_RELEASE);
	return 0;
}

int runtime_dirs_next(const struct runtime_dirs *dirs, enum runtime_dir kind, size_t *pos)
{
	while (*pos < dirs->count) {
		size_t i = (*pos)++;
		int fd = -1;

		if (dirs->dir[i].kind != kind)
			continue;
		fd = file_open_in_root(dirs->rootfd, dirs->dir[i].path, O_RDONLY | O_DIRECTORY);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

/* --- who is asked ------------------------------------------------------------------ */

typedef int (*load_fn)(const struct runtime_dirs *dirs, struct container *container);

/*
 * Whose files can know a container whose cgroup has this form, best first.
 * Docker before containerd: dockerd keeps its bundles there too, without names.
 * LXC, libvirt and nspawn have none that we read, and their names must not be
 * looked up where others have chosen theirs.
 */
static const load_fn readers[][3] = {
	[RUNTIME_UNKNOWN] = {docker_load, containerd_load, storage_load},
	[RUNTIME_DOCKER] = {docker_load, containerd_load},
	[RUNTIME_ECS] = {docker_load, containerd_load},
	[RUNTIME_ACTIONS] = {docker_load, containerd_load},
	[RUNTIME_CONTAINERD] = {docker_load, containerd_load},
	[RUNTIME_BUILDKIT] = {containerd_load},
	[RUNTIME_PODMAN] = {storage_load},
	[RUNTIME_CRIO] = {storage_load},
};

bool path_component_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len <= CONTAINER_ID_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

int container_load(struct runtime_dirs *dirs, enum runtime runtime, const char *id,
		   struct container **out)
{
	AUTO_CONTAINER struct container *container = NULL;
	int err = -ENOENT;

	if (!path_component_valid(id) ||
	    (unsigned int)runtime >= sizeof(readers) / sizeof(readers[0]))
		return -ENOENT;
	container = container_new(runtime, id);
	if (!container)
		return -ENOMEM;
	for (size_t i = 0; i < 3 && readers[runtime][i] && err == -ENOENT; i++)
		err = readers[runtime][i](dirs, container);
	if (err && err != -EINVAL)
		return err;
	container->described = true;
	*out = take_ptr(container);
	return err;
}

int container_load_from(struct runtime_dirs *dirs, enum runtime_dir kind, const char *folder,
			enum runtime runtime, const char *id, struct container **out)
{
	struct runtime_dirs one = {.rootfd = dirs->rootfd, .count = 1};

	one.dir[0].kind = kind;
	one.dir[0].path = (char *)folder;
	return container_load(&one, runtime, id, out);
}

bool container_candidate_real(struct runtime_dirs *dirs, const struct cgroup_owner *owner)
{
	return containerd_bundle_exists(dirs, owner->ns, owner->id);
}
