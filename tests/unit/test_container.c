// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/container/container.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* The containers of data/container: see the README there. */
#define VOLS	 "03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691661"
#define PRIV	 "79d201a00427b94232648f9cfeb74ba99fdf128de44aa2b0b33532d9060bf712"
#define LABELS	 "45bcdb8b83eb00dedd2909a5a6f021f65e14ecffe17f6bea3a3afc018c698371"
#define COMPOSE	 "85384050507cc6c00e2e940ff28ffed8ca2af8ff9c1680dfb49fb3b2840ea015"
#define HOSTILE	 "865e95f85fedc7ef2e57e2ba7a2fc8287e36f1fb1b8cd06f95a5409a407d7523"
#define PIDHOST	 "1d281099ecbd1a73c163bace45b24e2a0a31a61973a99f6d13584955deb0cc7e"
#define PARENTED "c166c36b540d64dfa813136c8f5499bb32f32ff27abc2b2eb754be743d45ca15"
#define NERDCTL	 "6f1c9a0e2b7d4c58a3f0e1d2c3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f70"
#define PODWEB	 "53150978a4610793f6c8e7edf1cdc3768b27f6e85bd28965062aa7be4bfe627d"
#define PODRM	 "307304360a4b381fdb6f6fc0d3e7b2ece500e4c2ddd6a689b5b660f6cedb11f3"
#define PODPRIV	 "cbfc3a2d612f9bf96edc61c9cb4cb876d822123f79893bb54683088afece2844"
#define CRIO	 "134b58ab2e0cfd7432a9db818b1b4ec52fdc747333f0ba2c9342860dc2ea7c50"
#define CRIO_POD "c8bd7c0f3406c10e0c426118abba864f92f05dbe24c829d32bf09ccae15386df"

#define TASKS "/run/containerd/io.containerd.runtime.v2.task"

static void cleanup_dirs(struct runtime_dirs **dirs)
{
	runtime_dirs_free(*dirs);
}
#define AUTO_DIRS CLEANUP(cleanup_dirs)

static struct container *load(const char *root, enum runtime runtime, const char *id, int want)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
	struct container *c = NULL;
	int err = 0;

	assert_non_null(dirs);
	err = container_load(dirs, runtime, id, &c);
	if (err != want)
		print_error("%s: %d, want %d\n", id, err, want);
	assert_int_equal(err, want);
	assert_int_equal(c == NULL, want && want != -EINVAL);
	if (c) {
		assert_true(c->described);
		assert_string_equal(c->id, id);
	}
	return c;
}

static struct container *recorded(enum runtime runtime, const char *id)
{
	return load(TEST_DATA "/container/root", runtime, id, 0);
}

static const struct container_mount *mount_at(const struct container *c, const char *destination)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (strcmp(c->mounts[i].destination, destination) == 0)
			return &c->mounts[i];
	fail_msg("no mount at %s", destination);
	return NULL;
}

static void check_mount(const struct container *c, const char *destination, const char *type,
			const char *source, const char *volume, bool read_only)
{
	const struct container_mount *m = mount_at(c, destination);

	assert_string_equal(m->type, type);
	if (source)
		assert_string_equal(m->source, source);
	else
		assert_null(m->source);
	if (volume)
		assert_string_equal(m->volume, volume);
	else
		assert_null(m->volume);
	assert_int_equal(m->read_only, read_only);
}

/* --- a root of our own ---------------------------------------------------------------- */

static char root[] = "/tmp/test_container.XXXXXX";

static int make_root(void **state)
{
	(void)state;
	strcpy(strrchr(root, '.'), ".XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_root(void **state)
{
	(void)state;
	return nftw(root, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static char *path_in_root(const char *path)
{
	char *full = NULL;

	assert_int_equal(str_format(&full, "%s%s", root, path), 0);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	return full;
}

static void put_bytes(const char *path, const char *data, size_t len)
{
	AUTO_FREE char *full = path_in_root(path);
	AUTO_CLOSE int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static void put_docker(const char *id, const char *config, const char *host)
{
	AUTO_FREE char *config_path = NULL;
	AUTO_FREE char *host_path = NULL;

	assert_int_equal(
		str_format(&config_path, "/var/lib/docker/containers/%s/config.v2.json", id), 0);
	assert_int_equal(
		str_format(&host_path, "/var/lib/docker/containers/%s/hostconfig.json", id), 0);
	put(config_path, config);
	if (host)
		put(host_path, host);
}

/* --- Docker --------------------------------------------------------------------------------- */

static void reads_docker_mounts(void **state)
{
	AUTO_CONTAINER struct container *c = recorded(RUNTIME_DOCKER, VOLS);

	(void)state;
	assert_int_equal(c->runtime, RUNTIME_DOCKER);
	assert_string_equal(c->name, "vols");
	assert_string_equal(c->image, "busybox:test");
	assert_string_equal(
		c->image_hash,
		"sha256:11ccf2ec7272928c778d60ed622c59899760cbdfe0ab08444ce18d96dc310f7c");
	assert_null(c->labels);
	assert_null(c->pod_name);
	assert_false(c->privileged);
	assert_false(c->host_pid);
	assert_int_equal(c->mount_count, 6);
	check_mount(c, "/host/run", "volume", "/run", "bindvol", true);
	check_mount(c, "/data", "volume", "/var/lib/docker/volumes/plainvol/_data", "plainvol",
		    false);
	check_mount(c, "/hostrun", "bind", "/run", NULL, false);
	check_mount(c, "/host-root", "bind", "/", NULL, true);
	check_mount(c, "/scratch", "tmpfs", NULL, NULL, false);
	check_mount(c, "/var/tmp", "volume", NULL,
		    "3eaf394dbd95cbdd25ac6bfbf54017765fb5b7ed259b803e029df44e884a61d4", false);
}

static void reads_docker_privileges(void **state)
{
	AUTO_CONTAINER struct container *priv = recorded(RUNTIME_DOCKER, PRIV);
	AUTO_CONTAINER struct container *pidhost = recorded(RUNTIME_UNKNOWN, PIDHOST);

	(void)state;
	assert_true(priv->privileged);
	assert_true(priv->host_pid);
	check_mount(priv, "/tmp/x.sock", "bind", "/run/docker.sock", NULL, false);
	assert_int_equal(pidhost->runtime, RUNTIME_DOCKER);
	assert_string_equal(pidhost->name, "pidhost");
	assert_false(pidhost->privileged);
	assert_true(pidhost->host_pid);
	assert_int_equal(pidhost->mount_count, 0);
}

static void reads_labels(void **state)
{
	AUTO_CONTAINER struct container *c = recorded(RUNTIME_DOCKER, LABELS);
	AUTO_CONTAINER struct container *compose = recorded(RUNTIME_ACTIONS, COMPOSE);

	(void)state;
	assert_int_equal(json_object_size(c->labels), 5);
	assert_string_equal(container_label(c, "multi"), "line one\nline two");
	assert_string_equal(container_label(c, "quote"), "\"q\" \\ back");
	assert_string_equal(container_label(c, "ansi"), "\x1b[31mred\x1b[0m");
	assert_string_equal(container_label(c, "empty"), "");
	assert_string_equal(container_label(c, "wide"), "caf\xc3\xa9 \xe2\x80\xae");
	assert_null(container_label(c, "mult"));

	assert_string_equal(compose->name, "edge-traefik-1");
	assert_string_equal(container_label(compose, "com.docker.compose.project"), "edge");
	assert_string_equal(container_label(compose, "com.docker.compose.service"), "traefik");
	check_mount(compose, "/var/run/docker.sock", "bind", "/run/docker.sock", NULL, true);
}

/* An image can bring such labels: they must not cost the container its name. */
static void reads_labels_with_nul(void **state)
{
	AUTO_CONTAINER struct container *c = recorded(RUNTIME_DOCKER, HOSTILE);

	(void)state;
	assert_string_equal(c->name, "hostile");
	assert_string_equal(container_label(c, "ok"), "1");
	assert_string_equal(container_label(c, "nul\xef\xbf\xbdkey"), "a\xef\xbf\xbd"
								      "b");
}

static void reads_pods_of_cri_dockerd(void **state)
{
	static const char labels[] = "\"io.kubernetes.pod.name\":\"web-0\","
				     "\"io.kubernetes.pod.namespace\":\"prod\","
				     "\"io.kubernetes.pod.uid\":\"u-1\"";
	AUTO_FREE char *pod = NULL;
	AUTO_FREE char *image = NULL;

	(void)state;
	assert_int_equal(str_format(&pod,
				    "{\"ID\":\"p\",\"Name\":\"/k8s_web_web-0_prod_u-1_0\","
				    "\"Config\":{\"Labels\":{%s}}}",
				    labels),
			 0);
	assert_int_equal(str_format(&image,
				    "{\"ID\":\"i\",\"Name\":\"/i\",\"Config\":{\"Labels\":{%s}}}",
				    labels),
			 0);
	put_docker("p", pod, "{}");
	put_docker("i", image, "{}");
	{
		AUTO_CONTAINER struct container *c = load(root, RUNTIME_DOCKER, "p", 0);
		AUTO_CONTAINER struct container *by_image = load(root, RUNTIME_DOCKER, "i", 0);

		assert_string_equal(c->pod_name, "web-0");
		assert_string_equal(c->pod_namespace, "prod");
		assert_string_equal(c->pod_uid, "u-1");
		assert_null(by_image->pod_name);
	}
}

static void looks_behind_volumes(void **state)
{
	static const struct {
		const char *opts;
		const char *source;
		bool read_only;
		int err;
	} cases[] = {
		{"{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"/run\"}", "/run",
		 false, 0},
		{"{\"MountOpts\":\"ro,rbind,nosuid\",\"MountDevice\":\"/run\"}", "/run", true, 0},
		{"{\"MountType\":\"nfs\",\"MountOpts\":\"addr=10.0.0.1,rebind,binder\","
		 "\"MountDevice\":\":/export\"}",
		 "/s", false, 0},
		{"{\"MountOpts\":\"bind\"}", "/s", false, 0},
		{"{}", "/s", false, 0},
		{NULL, "/s", false, 0},
		{"{\"MountOpts\":[\"bind\"],\"MountDevice\":\"/run\"}", "/s", false, -EINVAL},
		{"{\"MountOpts\":\"bind\",", "/s", false, -EINVAL},
	};

	(void)state;
	put_docker("a",
		   "{\"ID\":\"a\",\"Name\":\"/a\",\"MountPoints\":{\"/v\":{\"Source\":\"/s\","
		   "\"Destination\":\"/v\",\"RW\":true,\"Name\":\"vol\",\"Type\":\"volume\"}}}",
		   "{}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_CONTAINER struct container *c = NULL;
		AUTO_FREE char *opts = path_in_root("/var/lib/docker/volumes/vol/opts.json");

		if (cases[i].opts)
			put("/var/lib/docker/volumes/vol/opts.json", cases[i].opts);
		else
			unlink(opts);
		c = load(root, RUNTIME_DOCKER, "a", cases[i].err);
		check_mount(c, "/v", "volume", cases[i].source, "vol", cases[i].read_only);
	}
}

/* --- the others ------------------------------------------------------------------------------- */

static void reads_bundles(void **state)
{
	AUTO_CONTAINER struct container *parented = recorded(RUNTIME_UNKNOWN, PARENTED);
	AUTO_CONTAINER struct container *web = recorded(RUNTIME_CONTAINERD, "web");
	AUTO_CONTAINER struct container *priv = recorded(RUNTIME_CONTAINERD, "priv");

	(void)state;
	/* Docker's own files gone, or somewhere else */
	assert_int_equal(parented->runtime, RUNTIME_DOCKER);
	assert_null(parented->name);
	check_mount(parented, "/etc/hostname", "bind",
		    "/var/lib/docker/containers/" PARENTED "/hostname", NULL, false);

	assert_int_equal(web->runtime, RUNTIME_CONTAINERD);
	assert_null(web->name);
	assert_null(web->image);
	assert_int_equal(web->mount_count, 0);
	assert_false(web->privileged);
	assert_false(web->host_pid);

	assert_true(priv->privileged);
}

static void reads_cri_annotations(void **state)
{
	AUTO_CONTAINER struct container *c = recorded(RUNTIME_CONTAINERD, "cri1");

	(void)state;
	assert_string_equal(c->name, "app");
	assert_string_equal(c->image, "registry.k8s.io/pause:3.9");
	assert_string_equal(c->pod_name, "app-7d9");
	assert_string_equal(c->pod_namespace, "prod");
	assert_string_equal(c->pod_uid, "7a1d0f6e-0b3a-4d6c-9f63-0d1f6f5a7a11");
	assert_null(c->labels);
	assert_int_equal(c->mount_count, 1);
	check_mount(c, "/hr", "bind", "/run", NULL, true);
}

static void reads_nerdctl_annotations(void **state)
{
	AUTO_CONTAINER struct container *c = recorded(RUNTIME_UNKNOWN, NERDCTL);

	(void)state;
	assert_int_equal(c->runtime, RUNTIME_CONTAINERD);
	assert_string_equal(c->name, "edge-web-1");
	assert_string_equal(container_label(c, "com.docker.compose.project"), "edge");
	assert_null(c->pod_name);
}

/* Annotations are anybody's, but for those of the clients whose way to set them is known. */
static void takes_annotations_of_known_clients(void **state)
{
	AUTO_CONTAINER struct container *ctr = NULL;
	AUTO_CONTAINER struct container *cri = NULL;

	(void)state;
	put(TASKS "/default/x/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\","
	    "\"io.kubernetes.cri.container-name\":\"n\",\"nerdctl/name\":\"n\",\"a\":\"b\"}}");
	ctr = load(root, RUNTIME_CONTAINERD, "x", 0);
	assert_null(ctr->name);
	assert_null(ctr->labels);

	put(TASKS "/k8s.io/y/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\","
	    "\"io.kubernetes.cri.container-name\":\"n\",\"nerdctl/namespace\":\"k8s.io\","
	    "\"nerdctl/name\":\"by-a-pod\"}}");
	cri = load(root, RUNTIME_CONTAINERD, "y", 0);
	assert_string_equal(cri->name, "n");
	assert_null(cri->labels);
}

static void reads_podman(void **state)
{
	AUTO_CONTAINER struct container *web = recorded(RUNTIME_PODMAN, PODWEB);
	AUTO_CONTAINER struct container *rm = recorded(RUNTIME_UNKNOWN, PODRM);
	AUTO_CONTAINER struct container *priv = recorded(RUNTIME_PODMAN, PODPRIV);

	(void)state;
	assert_int_equal(web->runtime, RUNTIME_PODMAN);
	assert_string_equal(web->name, "podweb");
	assert_string_equal(web->image, "localhost/busybox:test");
	assert_string_equal(
		web->image_hash,
		"sha256:a6dc999244d08362fa46c01826233f04746ec07730cbe2b58b1b6d460925d0fa");
	assert_null(web->labels);
	assert_false(web->privileged);
	assert_false(web->host_pid);
	check_mount(web, "/hr", "bind", "/run", NULL, true);
	check_mount(web, "/vol", "volume", "/var/lib/containers/storage/volumes/pbind/_data",
		    "pbind", false);

	assert_int_equal(rm->runtime, RUNTIME_PODMAN);
	assert_string_equal(rm->name, "podrm");
	assert_true(rm->host_pid);

	assert_string_equal(priv->name, "podpriv");
	assert_true(priv->privileged);
}

static void reads_crio(void **state)
{
	static const char data[] = TEST_DATA "/container/crio";
	AUTO_CONTAINER struct container *c = load(data, RUNTIME_UNKNOWN, CRIO, 0);
	AUTO_CONTAINER struct container *pod = load(data, RUNTIME_CRIO, CRIO_POD, 0);

	(void)state;
	assert_int_equal(c->runtime, RUNTIME_CRIO);
	assert_string_equal(c->name, "app");
	assert_string_equal(c->image, "quay.io/team/app:1.2");
	assert_string_equal(c->pod_name, "app-0");
	assert_string_equal(c->pod_namespace, "prod");
	assert_string_equal(c->pod_uid, "8c0e1d5b-7f0a-4c39-9a2e-6d4b1f0a2c3d");
	assert_string_equal(container_label(c, "app"), "demo");
	check_mount(c, "/run/crio", "bind", "/var/run/crio", NULL, false);

	assert_int_equal(pod->runtime, RUNTIME_CRIO);
	assert_string_equal(pod->image, "registry.k8s.io/pause:3.9");
}

/* The entry is in the permanent storage, the spec in the one of /run. */
static void reads_both_storages(void **state)
{
	(void)state;
	put("/var/lib/containers/storage/vfs-containers/containers.json",
	    "[{\"id\":\"x\",\"names\":[\"n\"],\"image\":\"short\",\"metadata\":\"{}\"}]");
	put("/run/containers/storage/vfs-containers/x/userdata/config.json",
	    "{\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}");
	{
		AUTO_CONTAINER struct container *c = load(root, RUNTIME_PODMAN, "x", 0);

		assert_string_equal(c->name, "n");
		assert_string_equal(c->image_hash, "short");
		assert_true(c->host_pid);
	}
	/* What CRI-O's spec says stays, in whatever order the two are found. */
	put("/var/lib/containers/storage/vfs-containers/z/userdata/config.json",
	    "{\"annotations\":{\"io.container.manager\":\"cri-o\","
	    "\"io.kubernetes.container.name\":\"app\","
	    "\"io.kubernetes.cri-o.ImageName\":\"app:1\"}}");
	put("/run/containers/storage/vfs-containers/containers.json",
	    "[{\"id\":\"z\",\"names\":[\"k8s_app\"],\"image\":\"i\","
	    "\"metadata\":\"{\\\"image-name\\\":\\\"other\\\"}\"}]");
	{
		AUTO_CONTAINER struct container *c = load(root, RUNTIME_CRIO, "z", 0);

		assert_string_equal(c->name, "app");
		assert_string_equal(c->image, "app:1");
		assert_string_equal(c->image_hash, "i");
	}
	/* A torn list is no answer, a spec beside it is half of one. */
	put("/var/lib/containers/storage/vfs-containers/containers.json", "[{\"id\":\"x\",");
	{
		AUTO_CONTAINER struct container *c = load(root, RUNTIME_PODMAN, "x", -EINVAL);

		assert_null(c->name);
		assert_true(c->host_pid);
	}
	load(root, RUNTIME_PODMAN, "y", -ENOENT);
}

/* --- who is who -------------------------------------------------------------------------------- */

static void matches_ids_exactly(void **state)
{
	static const char *const ids[] = {
		"",
		".",
		"..",
		"/",
		"03a270ad3b1e",
		"03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d669166",
		VOLS "0",
		VOLS "/",
		"../containers/" VOLS,
		"./" VOLS,
		"default/web",
		"../default/web",
		"moby/" PARENTED,
		"vols",
		"podweb",
		"531509",
	};
	static const enum runtime runtimes[] = {RUNTIME_UNKNOWN, RUNTIME_DOCKER, RUNTIME_CONTAINERD,
						RUNTIME_PODMAN};
	char longest[CONTAINER_ID_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		for (size_t r = 0; r < sizeof(runtimes) / sizeof(runtimes[0]); r++)
			load(TEST_DATA "/container/root", runtimes[r], ids[i], -ENOENT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	load(TEST_DATA "/container/root", RUNTIME_UNKNOWN, longest, -ENOENT);
}

static void asks_only_the_runtimes_that_can_know(void **state)
{
	static const char data[] = TEST_DATA "/container/root";

	(void)state;
	/* "web" is a name of containerd's, and of an LXC container's perhaps */
	load(data, RUNTIME_LXC, "web", -ENOENT);
	load(data, RUNTIME_NSPAWN, "web", -ENOENT);
	load(data, RUNTIME_LIBVIRT_LXC, "web", -ENOENT);
	load(data, RUNTIME_NONE, "web", -ENOENT);
	load(data, RUNTIME_PODMAN, VOLS, -ENOENT);
	load(data, RUNTIME_DOCKER, PODWEB, -ENOENT);
	load(data, (enum runtime)99, VOLS, -ENOENT);
}

static void tells_candidates_by_namespace(void **state)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(TEST_DATA "/container/root");
	struct cgroup_owner owner = {};

	(void)state;
	assert_true(container_candidate_real(dirs,
					     &(struct cgroup_owner){.ns = "k8s.io", .id = "cri1"}));
	cgroup_parse("/staging/web", &owner);
	assert_true(owner.candidate);
	assert_false(container_candidate_real(dirs, &owner));
	assert_false(container_candidate_real(dirs, &(struct cgroup_owner){.ns = "", .id = "web"}));
	assert_false(container_candidate_real(
		dirs, &(struct cgroup_owner){.ns = "..", .id = "default/web"}));
	assert_false(container_candidate_real(dirs,
					      &(struct cgroup_owner){.ns = "default", .id = ".."}));
}

/* A name that two namespaces have is nobody's; the same folder by two ways is one. */
static void refuses_names_of_several(void **state)
{
	AUTO_FREE char *link = path_in_root("/run/link");

	(void)state;
	put(TASKS "/a/web/config.json", "{}");
	{
		struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
		AUTO_CONTAINER struct container *c = NULL;

		assert_int_equal(symlink("/run/containerd", link), 0);
		assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_CONTAINERD,
						  "/run/link/io.containerd.runtime.v2.task"),
				 0);
		assert_int_equal(container_load(dirs, RUNTIME_CONTAINERD, "web", &c), 0);
	}
	put(TASKS "/b/web/config.json", "{}");
	load(root, RUNTIME_CONTAINERD, "web", -ENOENT);
}

/* --- folders ----------------------------------------------------------------------------------- */

static void looks_where_it_is_told(void **state)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
	AUTO_CONTAINER struct container *c = NULL;
	struct container *none = NULL;

	(void)state;
	put("/data/docker/containers/a/config.v2.json", "{\"ID\":\"a\",\"Name\":\"/there\"}");
	put("/data/docker/containers/a/hostconfig.json", "{}");
	assert_int_equal(container_load(dirs, RUNTIME_DOCKER, "a", &none), -ENOENT);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, "data/docker"), -EINVAL);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, ""), -EINVAL);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, "/none"), 0);
	assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, "/data/docker/"), 0);
	assert_int_equal(container_load(dirs, RUNTIME_DOCKER, "a", &c), 0);
	assert_string_equal(c->name, "there");
	assert_null(none);
}

static void keeps_each_folder_once(void **state)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
	int err = 0;
	int count = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_int_equal(runtime_dirs_add(dirs, RUNTIME_DIR_STORAGE, i % 2 ? "/s" : "/s/"),
				 0);
	for (count = 0; !err && count < 200; count++) {
		AUTO_FREE char *path = NULL;

		assert_int_equal(str_format(&path, "/d%d", count), 0);
		err = runtime_dirs_add(dirs, RUNTIME_DIR_STORAGE, path);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(count > 50);
	errno = 0;
	assert_null(runtime_dirs_new("/nonexistent"));
	assert_int_equal(errno, ENOENT);
}

/* --- what else can be in the files --------------------------------------------------------------- */

static void survives_damaged_files(void **state)
{
	static const struct {
		const char *config;
		const char *name; /* what can still be read */
		int err;
	} cases[] = {
		{"{\"ID\":\"a\",\"Name\":\"/n\"}", "n", 0},
		/* as the daemon reads them: the last one of a key, no bound on numbers */
		{"{\"ID\":\"a\",\"Name\":\"/m\",\"Name\":\"/n\"}", "n", 0},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"X\":18446744073709551615}", "n", 0},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":null,\"MountPoints\":null}", "n", 0},
		{"{\"ID\":\"a\",\"Name\":\"/\\\\u0000\"}", "\\u0000", 0},
		{"{\"ID\":\"a\",\"Name\":\"/\\\\\\u0000\"}", "\\\xef\xbf\xbd", 0},
		/* of another type */
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":[]}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Image\":7}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":{\"Labels\":[1]}}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"Config\":{\"Labels\":{\"a\":1}}}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"MountPoints\":{\"/x\":1}}", "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\",\"MountPoints\":{\"/x\":{\"Name\":\"../../etc\"}}}",
		 "n", -EINVAL},
		{"{\"ID\":\"a\",\"Name\":[\"/n\"]}", NULL, -EINVAL},
		/* not UTF-8 */
		{"{\"ID\":\"a\",\"Name\":\"/n\xff\"}", "n\xef\xbf\xbd", -EINVAL},
		/* another container's */
		{"{\"ID\":\"ab\",\"Name\":\"/n\"}", NULL, -EINVAL},
		{"{\"Name\":\"/n\"}", NULL, -EINVAL},
		/* torn, empty, no object */
		{"{\"ID\":\"a\",\"Name\":\"/n\"", NULL, -EINVAL},
		{"", NULL, -EINVAL},
		{"[]", NULL, -EINVAL},
		{"null", NULL, -EINVAL},
		{"\"", NULL, -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\\", NULL, -EINVAL},
		{"{\"ID\":\"a\",\"Name\":\"/n\\u00", NULL, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_CONTAINER struct container *c = NULL;

		put_docker("a", cases[i].config, "{\"Privileged\":true}");
		c = load(root, RUNTIME_DOCKER, "a", cases[i].err);
		assert_int_equal(c->runtime, RUNTIME_DOCKER);
		/* The other file is still good. */
		assert_true(c->privileged);
		if (cases[i].name)
			assert_string_equal(c->name, cases[i].name);
		else
			assert_null(c->name);
	}
	{
		AUTO_CONTAINER struct container *c = NULL;

		put_bytes("/var/lib/docker/containers/a/config.v2.json",
			  "{\"ID\":\"a\",\"Name\":\"/n\"}\0", 24);
		c = load(root, RUNTIME_DOCKER, "a", -EINVAL);
	}
	{
		AUTO_CONTAINER struct container *c = NULL;

		put_docker("b", "{\"ID\":\"b\",\"Name\":\"/n\"}", NULL);
		c = load(root, RUNTIME_DOCKER, "b", -EINVAL);
		assert_string_equal(c->name, "n");
	}
}

/* Every way to cut a real file short: some answer, never a crash. */
static void survives_any_cut(void **state)
{
	static const char *const files[] = {
		"/var/lib/docker/containers/" VOLS "/config.v2.json",
		TASKS "/k8s.io/cri1/config.json",
		"/var/lib/containers/storage/overlay-containers/" PODWEB "/userdata/config.json",
	};
	static const char *const ids[] = {VOLS, "cri1", PODWEB};

	(void)state;
	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		AUTO_FREE char *from = NULL;
		AUTO_FREE char *text = NULL;
		size_t len = 0;

		assert_int_equal(str_format(&from, "%s%s", TEST_DATA "/container/root", files[f]),
				 0);
		assert_int_equal(file_read(AT_FDCWD, from, 1 << 20, &text, &len), 0);
		for (size_t cut = 0; cut < len; cut += 37) {
			AUTO_CONTAINER struct container *c = NULL;

			put_bytes(files[f], text, cut);
			c = load(root, RUNTIME_UNKNOWN, ids[f], -EINVAL);
			assert_null(c->name);
		}
	}
}

static void survives_deep_and_large_files(void **state)
{
	size_t size = (4 << 20) + 1;
	AUTO_FREE char *text = malloc(size + 1);
	AUTO_CONTAINER struct container *deep = NULL;
	AUTO_CONTAINER struct container *large = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '[', 1 << 20);
	text[1 << 20] = '\0';
	put_docker("a", text, "{}");
	deep = load(root, RUNTIME_DOCKER, "a", -EINVAL);

	memset(text, ' ', size);
	memcpy(text, "{\"ID\":\"b\"}", 10);
	text[size] = '\0';
	put_docker("b", text, "{}");
	large = load(root, RUNTIME_DOCKER, "b", -EINVAL);
	text[size - 1] = '\0';
	put_docker("b", text, "{}");
	container_unref(large);
	large = load(root, RUNTIME_DOCKER, "b", 0);
}

static void opens_nothing_but_files_of_its_folder(void **state)
{
	AUTO_FREE char *config = path_in_root("/var/lib/docker/containers/a/config.v2.json");
	AUTO_CONTAINER struct container *fifo = NULL;
	AUTO_CONTAINER struct container *folder = NULL;
	AUTO_FREE char *outside = NULL;

	(void)state;
	put("/outside.json", "{\"ID\":\"a\",\"Name\":\"/outside\"}");
	assert_int_equal(str_format(&outside, "%s/outside.json", root), 0);
	assert_int_equal(symlink(outside, config), 0);
	load(root, RUNTIME_DOCKER, "a", -ENOENT);
	unlink(config);
	assert_int_equal(symlink("../../../../../outside.json", config), 0);
	load(root, RUNTIME_DOCKER, "a", -ENOENT);
	unlink(config);
	assert_int_equal(mkfifo(config, 0600), 0);
	fifo = load(root, RUNTIME_DOCKER, "a", -EINVAL);
	unlink(config);
	assert_int_equal(mkdir(config, 0700), 0);
	folder = load(root, RUNTIME_DOCKER, "a", -EINVAL);
}

static void bounds_labels(void **state)
{
	AUTO_FREE char *long_value = malloc(CONTAINER_LABELS_MAX + 1);
	AUTO_FREE char *config = NULL;
	AUTO_CONTAINER struct container *c = NULL;

	(void)state;
	memset(long_value, 'x', CONTAINER_LABELS_MAX);
	long_value[CONTAINER_LABELS_MAX - 20] = '\0';
	assert_int_equal(
		str_format(&config,
			   "{\"ID\":\"a\",\"Name\":\"/a\",\"Config\":{\"Labels\":{\"big\":\"%s\","
			   "\"bigger\":\"%s%s\",\"z\":\"1\","
			   "\"com.docker.compose.project\":\"edge\"}}}",
			   long_value, long_value, long_value),
		0);
	put_docker("a", config, "{}");
	c = load(root, RUNTIME_DOCKER, "a", 0);
	assert_string_equal(container_label(c, "com.docker.compose.project"), "edge");
	assert_string_equal(container_label(c, "z"), "1");
	assert_null(container_label(c, "big"));
	assert_null(container_label(c, "bigger"));
}

/* Ids are compared whole, in whatever order a folder lists them. */
static void ids_that_begin_alike_are_told_apart(void **state)
{
	static const size_t alike[] = {12, 32, 63};
	char ids[4][65];
	char config[256];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		memset(ids[i], 'a', 64);
		ids[i][64] = '\0';
		if (i < 3)
			memset(ids[i] + alike[i], 'b', 64 - alike[i]);
		snprintf(config, sizeof(config), "{\"ID\":\"%s\",\"Name\":\"/name%zu\"}", ids[i],
			 i);
		put_docker(ids[i], config, "{}");
	}
	for (size_t i = 0; i < 4; i++) {
		AUTO_CONTAINER struct container *c = load(root, RUNTIME_DOCKER, ids[i], 0);

		snprintf(config, sizeof(config), "name%zu", i);
		assert_string_equal(c->name, config);
	}
	ids[0][63] = 'c';
	assert_null(load(root, RUNTIME_DOCKER, ids[0], -ENOENT));
	ids[1][12] = '\0';
	assert_null(load(root, RUNTIME_DOCKER, ids[1], -ENOENT));
}

static void reads_specs_strictly(void **state)
{
	static const struct {
		const char *spec;
		bool host_pid, privileged;
		size_t mounts;
		int err;
	} cases[] = {
		{"{}", false, false, 0, 0},
		{"{\"linux\":{\"namespaces\":[]}}", true, false, 0, 0},
		{"{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/7/ns/pid\"}]}}",
		 false, false, 0, 0},
		{"{\"linux\":{\"namespaces\":{}}}", false, false, 0, -EINVAL},
		{"{\"linux\":7}", false, false, 0, -EINVAL},
		{"{\"mounts\":[{\"destination\":\"/a\",\"type\":\"none\",\"source\":\"/b\","
		 "\"options\":[\"rbind\"]}]}",
		 false, false, 1, 0},
		{"{\"mounts\":[{\"type\":\"bind\",\"source\":\"/b\"}]}", false, false, 0, -EINVAL},
		{"{\"mounts\":[7,{\"destination\":\"/a\",\"type\":\"bind\"}]}", false, false, 1, 0},
		{"{\"mounts\":[{\"destination\":\"/a\",\"type\":\"proc\"}]}", false, false, 0, 0},
		/* all three, or it is not */
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}}}",
		 false, true, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"maskedPaths\":[\"/proc/kcore\"],"
		 "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"},"
		 "{\"allow\":false,\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":"
		 "{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":1,"
		 "\"access\":\"rwm\"}]}}}",
		 false, false, 0, 0},
		{"{\"annotations\":[]}", false, false, 0, -EINVAL},
		{"{", false, false, 0, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_CONTAINER struct container *c = NULL;

		put(TASKS "/default/x/config.json", cases[i].spec);
		c = load(root, RUNTIME_CONTAINERD, "x", cases[i].err);
		assert_int_equal(c->host_pid, cases[i].host_pid);
		assert_int_equal(c->privileged, cases[i].privileged);
		assert_int_equal(c->mount_count, cases[i].mounts);
	}
}

static void counts_references(void **state)
{
	struct container *c = container_new(RUNTIME_LXC, "web");

	(void)state;
	assert_ptr_equal(container_ref(c), c);
	container_unref(c);
	assert_string_equal(c->id, "web");
	assert_int_equal(c->runtime, RUNTIME_LXC);
	assert_false(c->described);
	assert_null(container_label(c, "x"));
	container_unref(c);
	container_unref(NULL);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_docker_mounts),
		cmocka_unit_test(reads_docker_privileges),
		cmocka_unit_test(reads_labels),
		cmocka_unit_test(reads_labels_with_nul),
		WITH_ROOT(takes_annotations_of_known_clients),
		WITH_ROOT(reads_pods_of_cri_dockerd),
		WITH_ROOT(looks_behind_volumes),
		cmocka_unit_test(reads_bundles),
		cmocka_unit_test(reads_cri_annotations),
		cmocka_unit_test(reads_nerdctl_annotations),
		cmocka_unit_test(reads_podman),
		cmocka_unit_test(reads_crio),
		WITH_ROOT(reads_both_storages),
		cmocka_unit_test(matches_ids_exactly),
		cmocka_unit_test(asks_only_the_runtimes_that_can_know),
		cmocka_unit_test(tells_candidates_by_namespace),
		WITH_ROOT(refuses_names_of_several),
		WITH_ROOT(looks_where_it_is_told),
		WITH_ROOT(keeps_each_folder_once),
		WITH_ROOT(survives_damaged_files),
		WITH_ROOT(survives_any_cut),
		WITH_ROOT(survives_deep_and_large_files),
		WITH_ROOT(opens_nothing_but_files_of_its_folder),
		WITH_ROOT(bounds_labels),
		WITH_ROOT(ids_that_begin_alike_are_told_apart),
		WITH_ROOT(reads_specs_strictly),
		cmocka_unit_test(counts_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
