// SPDX-License-Identifier: Apache-2.0
/*
 * containerd's bundles, <state>/io.containerd.runtime.v2.task/<namespace>/<id>/
 * (runtime/v2/bundle.go): there while the container's task is. Names, images and
 * labels are in containerd's database, which is not read; what its clients copied
 * into the annotations is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define NAMESPACES_MAX 1024

/* internal/cri/annotations, of containerd's CRI plugin */
static const struct {
	const char *key;
	size_t field;
} cri[] = {
	{"io.kubernetes.cri.container-name", offsetof(struct container, name)},
	{"io.kubernetes.cri.image-name", offsetof(struct container, image)},
	{"io.kubernetes.cri.sandbox-name", offsetof(struct container, pod_name)},
	{"io.kubernetes.cri.sandbox-namespace", offsetof(struct container, pod_namespace)},
	{"io.kubernetes.cri.sandbox-uid", offsetof(struct container, pod_uid)},
};

struct bundle {
	char *path; /* "<namespace>/<id>/config.json", below dirfd */
	char *ns;
	int dirfd;
	dev_t dev;
	ino_t ino;
};

static void bundle_clear(struct bundle *bundle)
{
	free(bundle->path);
	free(bundle->ns);
	if (bundle->dirfd >= 0)
		close(bundle->dirfd);
	*bundle = (struct bundle){.dirfd = -1};
}

static int bundle_open(int dirfd, const char *ns, const char *id, struct bundle *out)
{
	struct bundle bundle CLEANUP(bundle_clear) = {.dirfd = -1};
	AUTO_CLOSE int fd = -1;
	struct stat st = {};
	int err = str_format(&bundle.path, "%s/%s/config.json", ns, id);

	if (err)
		return err;
	fd = file_open_in_root(dirfd, bundle.path, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -ENOENT;
	bundle.dev = st.st_dev;
	bundle.ino = st.st_ino;
	bundle.ns = strdup(ns);
	if (!bundle.ns)
		return -ENOMEM;
	bundle.dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (bundle.dirfd < 0)
		return -errno;
	*out = bundle;
	bundle = (struct bundle){.dirfd = -1};
	return 0;
}

/*
 * Look through all namespaces of one folder. An id that several have is nobody's:
 * names of one's own choice repeat. The same file by two ways is one.
 */
static int bundle_find(int dirfd, const char *id, struct bundle *found)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	struct dirent *entry = NULL;
	int fd = file_open_in_root(dirfd, ".", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return -ENOENT;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	for (size_t n = 0; n < NAMESPACES_MAX && (entry = readdir(dir)); n++) {
		struct bundle bundle CLEANUP(bundle_clear) = {.dirfd = -1};
		int err = -ENOENT;

		if (path_component_valid(entry->d_name))
			err = bundle_open(dirfd, entry->d_name, id, &bundle);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		if (!found->path) {
			*found = bundle;
			bundle = (struct bundle){.dirfd = -1};
		} else if (found->dev != bundle.dev || found->ino != bundle.ino) {
			return -ENOTUNIQ;
		}
	}
	return 0;
}

static int annotations_read(struct container *container, json_t *annotations, const char *ns,
			    bool *damaged)
{
	bool kubernetes = strcmp(ns, "k8s.io") == 0 &&
			  json_object_get(annotations, "io.kubernetes.cri.container-type");
	const char *name = NULL;
	int err = 0;

	for (size_t i = 0; kubernetes && !err && i < sizeof(cri) / sizeof(cri[0]); i++)
		err = container_set((char **)((char *)container + cri[i].field),
				    json_member_text(annotations, cri[i].key, damaged));
	if (err || kubernetes)
		return err;
	/* nerdctl copies all labels of a container, its own ones last (pkg/labels). */
	if (!json_object_get(annotations, "nerdctl/namespace"))
		return 0;
	name = json_member_text(annotations, "nerdctl/name", damaged);
	err = container_set(&container->name, name);
	return err ? err : container_set_labels(container, annotations, damaged);
}

int containerd_load(const struct runtime_dirs *dirs, struct container *container)
{
	struct bundle bundle CLEANUP(bundle_clear) = {.dirfd = -1};
	json_t *spec CLEANUP(json_decrefp) = NULL;
	bool damaged = false;
	size_t pos = 0;
	int err = 0;

	for (;;) {
		AUTO_CLOSE int fd = runtime_dirs_next(dirs, RUNTIME_DIR_CONTAINERD, &pos);

		if (fd < 0)
			break;
		err = bundle_find(fd, container->id, &bundle);
		if (err == -ENOTUNIQ)
			return -ENOENT;
		if (err && err != -ENOENT)
			return err;
	}
	if (!bundle.path)
		return -ENOENT;
	err = json_file_load(bundle.dirfd, bundle.path, RUNTIME_FILE_MAX, &spec, &damaged);
	if (err == -ENOENT || err == -ENOMEM)
		return err;
	if (strcmp(bundle.ns, "moby") == 0)
		container->runtime = RUNTIME_DOCKER; /* dockerd's own namespace */
	else if (container->runtime != RUNTIME_BUILDKIT)
		container->runtime = RUNTIME_CONTAINERD;
	if (err)
		return -EINVAL;
	err = container_read_spec(container, spec, &damaged);
	err = err ? err
		  : annotations_read(container, json_member_object(spec, "annotations", &damaged),
				     bundle.ns, &damaged);
	return err ? err : damaged ? -EINVAL : 0;
}

bool containerd_bundle_exists(const struct runtime_dirs *dirs, const char *ns, const char *id)
{
	if (!path_component_valid(ns) || !path_component_valid(id))
		return false;
	for (size_t pos = 0;;) {
		struct bundle bundle CLEANUP(bundle_clear) = {.dirfd = -1};
		AUTO_CLOSE int fd = runtime_dirs_next(dirs, RUNTIME_DIR_CONTAINERD, &pos);

		if (fd < 0)
			return false;
		if (!bundle_open(fd, ns, id, &bundle))
			return true;
	}
}
