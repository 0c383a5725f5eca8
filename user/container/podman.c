// SPDX-License-Identifier: Apache-2.0
/*
 * containers/storage, as Podman and CRI-O use it: <driver>-containers/ holds the
 * list of all containers (containers.go) and each one's userdata/config.json.
 * Podman keeps labels and the options of volumes in its database only, which is
 * not read.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

static const char *const drivers[] = {"overlay", "vfs", "btrfs", "zfs"};
/* The second one: --rm since containers/storage 1.44, and all with transient_store. */
static const char *const lists[] = {"containers.json", "volatile-containers.json"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* kubelet's labels, as CRI-O copies them: k8s.io/kubernetes/pkg/kubelet/types/labels.go */
static const struct {
	const char *key;
	size_t field;
} crio[] = {
	{"io.kubernetes.container.name", offsetof(struct container, name)},
	{"io.kubernetes.cri-o.ImageName", offsetof(struct container, image)},
	{"io.kubernetes.pod.name", offsetof(struct container, pod_name)},
	{"io.kubernetes.pod.namespace", offsetof(struct container, pod_namespace)},
	{"io.kubernetes.pod.uid", offsetof(struct container, pod_uid)},
};

/* The list only fills in: what the spec of a CRI-O container says goes before it. */
static int set_missing(char **field, const char *value)
{
	return *field ? 0 : container_set(field, value);
}

static int entry_read(struct container *container, const json_t *entry, bool *damaged)
{
	const json_t *names = json_member_array(entry, "names", damaged);
	const char *image = json_member_text(entry, "image", damaged);
	/* JSON in a string */
	const char *text = json_member_text(entry, "metadata", damaged);
	json_t *metadata CLEANUP(json_decrefp) = NULL;
	AUTO_FREE char *hash = NULL;
	int err = text ? json_text_parse(text, strlen(text), &metadata, damaged) : 0;

	if (err == -ENOMEM)
		return err;
	if (err)
		*damaged = true;
	err = set_missing(&container->name, json_string_value(json_array_get(names, 0)));
	err = err ? err
		  : set_missing(&container->name, json_member_text(metadata, "name", damaged));
	err = err ? err
		  : set_missing(&container->image,
				json_member_text(metadata, "image-name", damaged));
	if (err || !image)
		return err;
	/* An image's id is the digest of its configuration, as Docker's is. */
	err = str_format(&hash, "%s%s", strlen(image) == 64 ? "sha256:" : "", image);
	return err ? err : container_set(&container->image_hash, hash);
}

static int list_read(int dirfd, const char *path, struct container *container, bool *damaged)
{
	json_t *list CLEANUP(json_decrefp) = NULL;
	bool torn = false;
	json_t *entry = NULL;
	size_t i = 0;
	int err = json_file_load(dirfd, path, RUNTIME_LIST_MAX, &list, &torn);

	if (err)
		return err;
	json_array_foreach (list, i, entry) {
		const char *id = json_string_value(json_object_get(entry, "id"));

		if (!id || strcmp(id, container->id) != 0)
			continue;
		*damaged = *damaged || torn;
		return entry_read(container, entry, damaged);
	}
	return -ENOENT;
}

static int annotations_read(struct container *container, json_t *annotations, bool *damaged)
{
	/* Podman too leaves annotations that begin with io.kubernetes.cri-o. */
	const char *manager = json_member_text(annotations, "io.container.manager", damaged);
	const char *privileged =
		json_member_text(annotations, "io.podman.annotations.privileged", damaged);
	json_t *labels CLEANUP(json_decrefp) = NULL;
	const char *text = NULL;
	int err = 0;

	if (!manager || strcmp(manager, "cri-o") != 0) {
		if (privileged && strcmp(privileged, "TRUE") == 0)
			container->privileged = true;
		return 0;
	}
	container->runtime = RUNTIME_CRIO;
	for (size_t i = 0; !err && i < COUNT(crio); i++)
		err = container_set((char **)((char *)container + crio[i].field),
				    json_member_text(annotations, crio[i].key, damaged));
	text = json_member_text(annotations, "io.kubernetes.cri-o.Labels", damaged);
	if (err || !text)
		return err;
	err = json_text_parse(text, strlen(text), &labels, damaged);
	if (err == -ENOMEM)
		return err;
	if (err || !json_is_object(labels)) {
		*damaged = true;
		return 0;
	}
	return container_set_labels(container, labels, damaged);
}

/* A named volume is mounted from <storage>/volumes/<name>/_data. */
static int volumes_name(struct container *container)
{
	static const char before[] = "/storage/volumes/";
	static const char after[] = "/_data";

	for (size_t i = 0; i < container->mount_count; i++) {
		struct container_mount *m = &container->mounts[i];
		const char *name = m->source ? strstr(m->source, before) : NULL;
		const char *end = NULL;

		if (!name)
			continue;
		name += strlen(before);
		end = strchr(name, '/');
		if (!end || end == name || strcmp(end, after) != 0)
			continue;
		m->volume = strndup(name, (size_t)(end - name));
		if (!m->volume || container_set(&m->type, "volume"))
			return -ENOMEM;
	}
	return 0;
}

static int spec_read(int dirfd, const char *path, struct container *container, bool *damaged)
{
	json_t *spec CLEANUP(json_decrefp) = NULL;
	bool torn = false;
	int err = json_file_load(dirfd, path, RUNTIME_FILE_MAX, &spec, &torn);

	if (err == -ENOENT || err == -ENOMEM)
		return err;
	if (err || torn)
		*damaged = true;
	if (err)
		return 0;
	err = container_read_spec(container, spec, damaged);
	err = err ? err : volumes_name(container);
	return err ? err
		   : annotations_read(container, json_member_object(spec, "annotations", damaged),
				      damaged);
}

/*
 * The list and the spec of one container can be in two storages, the permanent
 * one and that of /run. Every one is looked at until both are found.
 */
struct search {
	bool listed;
	bool specified;
	bool damaged; /* what was found */
	bool torn;    /* a list in which it may be */
};

static int driver_search(int dirfd, const char *driver, struct container *container,
			 struct search *search)
{
	AUTO_FREE char *spec = NULL;
	int err = 0;

	for (size_t i = 0; !search->listed && i < COUNT(lists); i++) {
		AUTO_FREE char *path = NULL;

		err = str_format(&path, "%s-containers/%s", driver, lists[i]);
		err = err ? err : list_read(dirfd, path, container, &search->damaged);
		if (err == -ENOMEM)
			return err;
		search->listed = !err;
		search->torn = search->torn || err == -EINVAL;
	}
	if (search->specified)
		return 0;
	err = str_format(&spec, "%s-containers/%s/userdata/config.json", driver, container->id);
	err = err ? err : spec_read(dirfd, spec, container, &search->damaged);
	search->specified = !err;
	return err == -ENOENT ? 0 : err;
}

int storage_load(const struct runtime_dirs *dirs, struct container *container)
{
	struct search search = {};
	size_t pos = 0;

	for (;;) {
		AUTO_CLOSE int fd = runtime_dirs_next(dirs, RUNTIME_DIR_STORAGE, &pos);

		if (fd < 0)
			break;
		for (size_t i = 0; i < COUNT(drivers); i++) {
			int err = driver_search(fd, drivers[i], container, &search);

			if (err)
				return err;
		}
	}
	if (!search.listed && !search.specified)
		return -ENOENT;
	if (container->runtime != RUNTIME_CRIO)
		container->runtime = RUNTIME_PODMAN;
	return search.damaged || (search.torn && !search.listed) ? -EINVAL : 0;
}
