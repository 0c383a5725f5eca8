/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_RUNTIME_FILES_H
#define DOCKSNOOP_RUNTIME_FILES_H

/* Shared by the readers of the runtimes' files; nobody outside this folder needs it. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "user/container/container.h"

#define RUNTIME_FILE_MAX (4 << 20)
#define RUNTIME_LIST_MAX (64 << 20) /* containers.json names every container of a storage */

struct runtime_dirs {
	unsigned int refs; /* atomic: a thread that reads from a disk that hangs has one */
	int rootfd;
	size_t count;
	struct {
		enum runtime_dir kind;
		char *path;
	} dir[64];
};

/*
 * Open the next folder of a kind; *pos counts through them from 0. A descriptor
 * that the caller closes, or -ENOENT behind the last one. Those that are not
 * there are passed over.
 */
int runtime_dirs_next(const struct runtime_dirs *dirs, enum runtime_dir kind, size_t *pos);

/*
 * JSON as the runtimes write it, read as they would read it: of a key that comes
 * twice the last one counts. Numbers are not kept exact: a limit of 2^64-1 is
 * none of ours and must not fail the file. \u0000, which Go writes and jansson
 * takes in no key, becomes U+FFFD, and so does what is not UTF-8, with *damaged
 * set. *damaged is only ever set. -EINVAL when it is no JSON.
 */
int json_text_parse(const char *text, size_t len, json_t **out, bool *damaged);

/* The same from a file below @dirfd, which no link leads out of. -ENOENT, -EINVAL, -ENOMEM. */
int json_file_load(int dirfd, const char *path, size_t max, json_t **out, bool *damaged);

/*
 * Members of an object by type: NULL when there is none (null and "" are none),
 * and when it is of another type, with *damaged set.
 */
const char *json_member_text(const json_t *object, const char *key, bool *damaged);
json_t *json_member_object(const json_t *object, const char *key, bool *damaged);
json_t *json_member_array(const json_t *object, const char *key, bool *damaged);
bool json_member_true(const json_t *object, const char *key, bool *damaged);

/* Copies; @source and @volume may be NULL. -ENOMEM. */
int container_add_mount(struct container *container, const char *type, const char *source,
			const char *destination, const char *volume, bool read_only);

/*
 * What an OCI runtime spec (config.json) says whoever wrote it: bind mounts, the
 * host's pid namespace, privileges. -ENOMEM.
 */
int container_read_spec(struct container *container, const json_t *spec, bool *damaged);

/*
 * Fill @container by its id. 0; -ENOENT: this runtime does not know it, and
 * nothing was changed; -EINVAL: what could be read is in it; -ENOMEM.
 */
int docker_load(const struct runtime_dirs *dirs, struct container *container);
int containerd_load(const struct runtime_dirs *dirs, struct container *container);
int storage_load(const struct runtime_dirs *dirs, struct container *container);

/* Is there a bundle <ns>/<id>? Both are checked to be names. */
bool containerd_bundle_exists(const struct runtime_dirs *dirs, const char *ns, const char *id);

/* A name that stays one component of a path. */
bool path_component_valid(const char *name);

#endif
