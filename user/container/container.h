/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CONTAINER_H
#define DOCKSNOOP_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/container/cgroup.h"

/* A mount that the container was configured with. */
struct container_mount {
	char *type; /* "bind", "volume", "tmpfs", …; never NULL */
	/*
	 * On the host, as configured; for a volume of Docker's that is a bind mount
	 * what lies behind it. NULL where the files do not tell (tmpfs, a volume
	 * that is not mounted yet).
	 */
	char *source;
	char *destination; /* in the container; never NULL */
	char *volume;	   /* the named volume, or NULL */
	bool read_only;
};

/*
 * What the runtime's files said of a container when it was first seen.
 * Shared: container_ref() and container_unref(). Any string may be NULL when
 * the files do not tell; none is ever made up.
 */
struct container {
	unsigned int refs;
	enum runtime runtime;
	char *id;
	char *name;
	char *image;	  /* as the user named it, "traefik:v2" */
	char *image_hash; /* "sha256:…" */
	/*
	 * container_label(), container_labels_next(): of at most CONTAINER_LABELS_MAX
	 * bytes in all, Compose's first. An image can bring labels, any of them: whoever
	 * made the image may have chosen them, not only who started the container. Each
	 * key and each value is followed by a NUL; in one piece, as there are thousands of
	 * containers.
	 */
	char *labels;
	size_t labels_size;
	char *pod_name;
	char *pod_namespace;
	char *pod_uid;
	struct container_mount *mounts;
	size_t mount_count;
	bool privileged;
	bool host_pid;
	bool described; /* a runtime's files were found for this id */
};

#define CONTAINER_LABELS_MAX (64 << 10)

/* NULL: no memory. */
struct container *container_new(enum runtime runtime, const char *id);
struct container *container_ref(struct container *container);
void container_unref(struct container *container); /* NULL is allowed */

/* Set one of its strings, while nobody else has a reference; NULL leaves it. -ENOMEM. */
int container_set(char **field, const char *value);

/*
 * Strings of @labels, within CONTAINER_LABELS_MAX; instead of what it had. NULL and an empty
 * object leave that. *damaged (NULL is allowed) is set where one is no string. -ENOMEM.
 */
int container_set_labels(struct container *container, json_t *labels, bool *damaged);

/* The value of a label, or NULL. Compose: com.docker.compose.{project,service}. */
const char *container_label(const struct container *container, const char *key);
/* The next label; false: there is none. *at is 0 in the beginning, and its own afterwards. */
bool container_labels_next(const struct container *container, size_t *at, const char **key,
			   const char **value);

static inline void cleanup_container(struct container **c)
{
	container_unref(*c);
}
#define AUTO_CONTAINER __attribute__((cleanup(cleanup_container)))

/*
 * The folders in which runtimes keep their files. Added to as daemons are
 * found; a folder added twice is kept once. Paths are of the host; @root
 * (normally "/") is put before every one, which is how tests bring their own.
 */
struct runtime_dirs;

/* With the usual places. NULL: errno tells, no memory or no such @root. */
struct runtime_dirs *runtime_dirs_new(const char *root);
struct runtime_dirs *runtime_dirs_ref(struct runtime_dirs *dirs);
void runtime_dirs_free(struct runtime_dirs *dirs); /* when it was the last reference */

enum runtime_dir {
	RUNTIME_DIR_DOCKER_DATA, /* /var/lib/docker: holds containers/<id>/config.v2.json */
	RUNTIME_DIR_CONTAINERD, /* …/io.containerd.runtime.v2.task: <namespace>/<id>/config.json */
	RUNTIME_DIR_STORAGE, /* /var/lib/containers/storage: overlay-containers/containers.json */
};
/* @path is absolute, else -EINVAL; -ENOSPC beyond 64 folders, -ENOMEM. */
int runtime_dirs_add(struct runtime_dirs *dirs, enum runtime_dir kind, const char *path);

/*
 * Read what the runtimes' files say of @id, never asking a daemon. The runtime
 * is a hint (RUNTIME_UNKNOWN: try all). 0 and a new reference in *out; -ENOENT
 * when no runtime knows this exact id, or when containerd has it in several
 * namespaces; -EINVAL when a file was there and could not be understood (*out
 * is then a new reference as well, to what could be read of it: see
 * docs/detection.md, "names"); -ENOMEM.
 * At most 4 MiB of a file are read, 64 MiB of a storage's list of containers.
 */
int container_load(struct runtime_dirs *dirs, enum runtime runtime, const char *id,
		   struct container **out);

/* The same from one folder of @kind only, which is not added to @dirs. */
int container_load_from(struct runtime_dirs *dirs, enum runtime_dir kind, const char *folder,
			enum runtime runtime, const char *id, struct container **out);

/*
 * The id of every container that the runtimes keep files of, stopped ones included
 * (containerd's stopped ones are only in its database, which is not read). One can
 * come several times, and an id can be none. Not 0 stops, and is returned.
 */
typedef int (*container_id_fn)(void *ctx, enum runtime runtime, const char *id);
int containers_each(const struct runtime_dirs *dirs, container_id_fn fn, void *ctx);

/* Does containerd hold what a candidate's path names, in that very namespace? */
bool container_candidate_real(struct runtime_dirs *dirs, const struct cgroup_owner *owner);

#endif
