// SPDX-License-Identifier: Apache-2.0
/*
 * The files of a container "a", as its runtime keeps them. A letter says which runtime, and
 * then come the files, with NULs between them.
 */
#include "folder.h"
#include "output.h"
#include "user/container/runtime_files.h"

#define TASKS	"io.containerd.runtime.v2.task"
#define STORAGE "var/lib/containers/storage/overlay-containers"

static const struct layout {
	const char *root;
	enum runtime runtime;
	const char *files[5];
} layouts[] = {
	{
		"docker",
		RUNTIME_DOCKER,
		{
			"docker/var/lib/docker/containers/a/config.v2.json",
			"docker/var/lib/docker/containers/a/hostconfig.json",
			"docker/var/lib/docker/volumes/v/opts.json",
			"docker/run/docker/containerd/daemon/" TASKS "/moby/a/config.json",
		},
	},
	{
		"containerd",
		RUNTIME_CONTAINERD,
		{
			"containerd/run/containerd/" TASKS "/k8s.io/a/config.json",
		},
	},
	{
		"storage",
		RUNTIME_PODMAN,
		{
			"storage/" STORAGE "/containers.json",
			"storage/" STORAGE "/volatile-containers.json",
			"storage/" STORAGE "/a/userdata/config.json",
			"storage/var/lib/containers/storage/vfs-containers/containers.json",
		},
	},
	{
		"unknown",
		RUNTIME_UNKNOWN,
		{
			"unknown/run/containerd/" TASKS "/moby/a/config.json",
			"unknown/var/lib/docker/containers/a/config.v2.json",
			"unknown/" STORAGE "/a/userdata/config.json",
		},
	},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static struct runtime_dirs *dirs[LAYOUTS];

/* A root is opened once: the files within are written anew for each input. */
static struct runtime_dirs *dirs_of(size_t layout)
{
	char root[sizeof(folder) + 64];

	folder_make();
	if (!dirs[layout]) {
		snprintf(root, sizeof(root), "%s/%s", folder, layouts[layout].root);
		CHECK(!mkdir(root, 0700));
		dirs[layout] = runtime_dirs_new(root);
		CHECK(dirs[layout]);
	}
	return dirs[layout];
}

static int id_take(void *ctx, enum runtime runtime, const char *id)
{
	(void)ctx;
	(void)runtime;
	CHECK(id);
	return 0;
}

static void container_look(struct container *c)
{
	static const struct event_host host = {.mode = "trampoline"};
	struct event event = {
		.action = EVENT_SOCKET_EXPOSED,
		.host = &host,
		.container = c,
		.verdict = VERDICT_FLAGGED,
	};

	CHECK(!strcmp(c->id, "a") && c->described);
	for (size_t i = 0; i < c->mount_count; i++)
		CHECK(c->mounts[i].type && c->mounts[i].destination);
	(void)container_label(c, "com.docker.compose.project");
	free(check_event(&event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	size_t n = input_byte(&in) % LAYOUTS;
	struct runtime_dirs *d = dirs_of(n);
	AUTO_CONTAINER struct container *c = NULL;
	int err;

	for (size_t i = 0; layouts[n].files[i]; i++)
		folder_put_part(layouts[n].files[i], &in);
	err = container_load(d, layouts[n].runtime, "a", &c);
	CHECK(!c == (err && err != -EINVAL));
	if (c)
		container_look(c);
	CHECK(!containers_each(d, id_take, NULL));
	return 0;
}
