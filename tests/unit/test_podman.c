// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container_data.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_podman),
		cmocka_unit_test(reads_crio),
		WITH_ROOT(reads_both_storages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
