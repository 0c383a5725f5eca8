// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container_data.h"

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
	const char *key = NULL, *value = NULL;
	size_t count = 0;

	(void)state;
	for (size_t at = 0; container_labels_next(c, &at, &key, &value);)
		count++;
	assert_int_equal(count, 5);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_docker_mounts),
		cmocka_unit_test(reads_docker_privileges),
		cmocka_unit_test(reads_labels),
		cmocka_unit_test(reads_labels_with_nul),
		WITH_ROOT(reads_pods_of_cri_dockerd),
		WITH_ROOT(looks_behind_volumes),
		WITH_ROOT(bounds_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
