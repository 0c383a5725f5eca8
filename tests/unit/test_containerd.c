// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container_data.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_bundles),
		cmocka_unit_test(reads_cri_annotations),
		cmocka_unit_test(reads_nerdctl_annotations),
		WITH_ROOT(takes_annotations_of_known_clients),
		cmocka_unit_test(tells_candidates_by_namespace),
		WITH_ROOT(refuses_names_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
