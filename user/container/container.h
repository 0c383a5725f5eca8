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
	char *type;	   /* "bind", "volume", "tmpfs", …; never NULL */
	char *source;	   /* on the host, as configured; for a bind-backed volume what lies behind it; may be NULL */
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
	char *image;	   /* as the user named it, "traefik:v2" */
	char *image_hash;  /* "sha256:…" */
	json_t *labels;	   /* object of strings, or NULL */
	char *pod_name;
	char *pod_namespace;
	char *pod_uid;
	struct container_mount *mounts;
	size_t mount_count;
	bool privileged;
	bool host_pid;
	bool described; /* a runtime's files were found for this id */
};

struct container *container_new(enum runtime runtime, const char *id);
struct container *container_ref(struct container *container);
void container_unref(struct container *container); /* NULL is allowed */

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

struct runtime_dirs *runtime_dirs_new(const char *root); /* with the usual places; NULL: no memory */
void runtime_dirs_free(struct runtime_dirs *dirs);

enum runtime_dir {
	RUNTIME_DIR_DOCKER_DATA,  /* /var/lib/docker: holds containers/<id>/config.v2.json */
	RUNTIME_DIR_CONTAINERD,	  /* …/io.containerd.runtime.v2.task: <namespace>/<id>/config.json */
	RUNTIME_DIR_STORAGE,	  /* /var/lib/containers/storage: overlay-containers/containers.json */
};
int runtime_dirs_add(struct runtime_dirs *dirs, enum runtime_dir kind, const char *path);

/*
 * Read what the runtimes' files say of @id, never asking a daemon. The runtime
 * is a hint (RUNTIME_UNKNOWN: try all). 0 and a new reference in *out; -ENOENT
 * when no runtime knows this exact id; -EINVAL when a file was there and could
 * not be understood (the container is then what could be read of it: see
 * docs/detection.md, "names").
 */
int container_load(struct runtime_dirs *dirs, enum runtime runtime, const char *id,
		   struct container **out);

#endif
