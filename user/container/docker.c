// SPDX-License-Identifier: Apache-2.0
/*
 * dockerd's own files below its data root, as moby's container/container.go and
 * volume/local/local.go write them: containers/<id>/{config.v2,hostconfig}.json,
 * volumes/<name>/opts.json.
 */
#include <errno.h>
#include <string.h>

#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

static int file_load(int dirfd, const char *folder, const char *name, const char *file,
		     json_t **out, bool *damaged)
{
	AUTO_FREE char *path = NULL;
	int err = str_format(&path, "%s/%s/%s", folder, name, file);

	return err ? err : json_file_load(dirfd, path, RUNTIME_FILE_MAX, out, damaged);
}

/* Is @word one of the words of a list with commas between? */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at && *at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, word, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	return false;
}

/*
 * What lies behind a named volume of the local driver that was made with
 * "-o o=bind -o device=…"; the mount itself shows an innocent folder of Docker's.
 */
static int volume_resolve(int dirfd, const char *name, char **source, bool *read_only,
			  bool *damaged)
{
	json_t *opts CLEANUP(json_decrefp) = NULL;
	const char *options = NULL;
	int err = 0;

	if (!path_component_valid(name)) {
		*damaged = true;
		return 0;
	}
	err = file_load(dirfd, "volumes", name, "opts.json", &opts, damaged);
	if (err == -ENOENT || err == -ENOMEM)
		return err == -ENOENT ? 0 : err;
	if (err) {
		*damaged = true;
		return 0;
	}
	options = json_member_text(opts, "MountOpts", damaged);
	if (!options)
		return 0;
	if (list_has(options, "ro"))
		*read_only = true;
	if (!list_has(options, "bind") && !list_has(options, "rbind"))
		return 0;
	return container_set(source, json_member_text(opts, "MountDevice", damaged));
}

static int mount_read(int dirfd, struct container *container, const char *target,
		      const json_t *point, bool *damaged)
{
	const char *type = json_member_text(point, "Type", damaged);
	const char *volume = json_member_text(point, "Name", damaged);
	const char *destination = json_member_text(point, "Destination", damaged);
	bool read_only = json_is_false(json_object_get(point, "RW"));
	AUTO_FREE char *source = NULL;
	int err = container_set(&source, json_member_text(point, "Source", damaged));

	if (!err && volume)
		err = volume_resolve(dirfd, volume, &source, &read_only, damaged);
	if (err)
		return err;
	/* "bind" had no name of its own before Docker 1.12. */
	if (!type)
		type = volume ? "volume" : "bind";
	return container_add_mount(container, type, source, destination ? destination : target,
				   volume, read_only);
}

static int mounts_read(int dirfd, struct container *container, json_t *points, bool *damaged)
{
	const char *target = NULL;
	json_t *point = NULL;
	int err = 0;

	json_object_foreach (points, target, point) {
		if (!json_is_object(point))
			*damaged = true;
		else
			err = mount_read(dirfd, container, target, point, damaged);
		if (err)
			return err;
	}
	return 0;
}

/*
 * The kubelet's containers, made through cri-dockerd, are told by their name:
 * labels alone could have come with an image.
 */
static int pod_read(struct container *container, const json_t *labels, bool *damaged)
{
	int err = 0;

	if (!container->name || strncmp(container->name, "k8s_", 4) != 0)
		return 0;
	err = container_set(&container->pod_name,
			    json_member_text(labels, "io.kubernetes.pod.name", damaged));
	err = err ? err
		  : container_set(&container->pod_namespace,
				  json_member_text(labels, "io.kubernetes.pod.namespace", damaged));
	return err ? err
		   : container_set(&container->pod_uid,
				   json_member_text(labels, "io.kubernetes.pod.uid", damaged));
}

static int config_read(int dirfd, struct container *container, const json_t *config, bool *damaged)
{
	const json_t *user = json_member_object(config, "Config", damaged);
	json_t *labels = json_member_object(user, "Labels", damaged);
	const char *id = json_member_text(config, "ID", damaged);
	const char *name = json_member_text(config, "Name", damaged);
	int err = 0;

	/* Somebody else's file tells nothing of this container. */
	if (!id || strcmp(id, container->id) != 0) {
		*damaged = true;
		return 0;
	}
	if (name && *name == '/')
		name++;
	err = container_set(&container->name, name && *name ? name : NULL);
	err = err ? err
		  : container_set(&container->image, json_member_text(user, "Image", damaged));
	err = err ? err
		  : container_set(&container->image_hash,
				  json_member_text(config, "Image", damaged));
	err = err ? err : container_set_labels(container, labels, damaged);
	err = err ? err : pod_read(container, labels, damaged);
	return err ? err
		   : mounts_read(dirfd, container,
				 json_member_object(config, "MountPoints", damaged), damaged);
}

static int load_from(int dirfd, struct container *container)
{
	json_t *config CLEANUP(json_decrefp) = NULL;
	json_t *host CLEANUP(json_decrefp) = NULL;
	const char *pid_mode = NULL;
	bool damaged = false;
	int err =
		file_load(dirfd, "containers", container->id, "config.v2.json", &config, &damaged);

	if (err == -ENOENT || err == -ENOMEM)
		return err;
	container->runtime = RUNTIME_DOCKER;
	if (err)
		damaged = true;
	else
		err = config_read(dirfd, container, config, &damaged);
	if (err == -ENOMEM)
		return err;
	err = file_load(dirfd, "containers", container->id, "hostconfig.json", &host, &damaged);
	if (err == -ENOMEM)
		return err;
	if (err)
		damaged = true;
	container->privileged = json_member_true(host, "Privileged", &damaged);
	pid_mode = json_member_text(host, "PidMode", &damaged);
	container->host_pid = pid_mode && strcmp(pid_mode, "host") == 0;
	return damaged ? -EINVAL : 0;
}

int docker_load(const struct runtime_dirs *dirs, struct container *container)
{
	int err = -ENOENT;

	for (size_t pos = 0; err == -ENOENT;) {
		AUTO_CLOSE int fd = runtime_dirs_next(dirs, RUNTIME_DIR_DOCKER_DATA, &pos);

		if (fd < 0)
			return fd;
		err = load_from(fd, container);
	}
	return err;
}
