// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "user/container/cgroup.h"
#include "user/util/cleanup.h"

#define A "03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691661"
#define B "45bcdb8b83eb00dedd2909a5a6f021f65e14ecffe17f6bea3a3afc018c698371"
#define C "85384050507cc6c00e2e940ff28ffed8ca2af8ff9c1680dfb49fb3b2840ea015"

#define UID	   "8c0e1d5b-7f0a-4c39-9a2e-6d4b1f0a2c3d"
#define UID_	   "8c0e1d5b_7f0a_4c39_9a2e_6d4b1f0a2c3d"
#define UID_STATIC "c1a9e7bb4b2f4a0f9d8e7c6b5a493827"

#define USER "/user.slice/user-1000.slice/user@1000.service"

#define BK "rtqm4rq0vbp7ivk3uobd4wnxy"

struct cgroup_case {
	const char *path;
	enum runtime runtime;
	const char *id;
	const char *outer_id;
	const char *pod_uid;
	const char *ns;
	bool candidate;
};

#define IS(path_, runtime_, ...)                                                                   \
	{                                                                                          \
		.path = (path_), .runtime = (runtime_), .id = __VA_ARGS__                          \
	}
#define NONE(path_)                                                                                \
	{                                                                                          \
		.path = (path_)                                                                    \
	}

static void check(const struct cgroup_case *c)
{
	struct cgroup_owner owner;
	bool same = false;

	memset(&owner, 0xa5, sizeof(owner));
	cgroup_parse(c->path, &owner);
	same = owner.runtime == c->runtime && strcmp(owner.id, c->id ? c->id : "") == 0 &&
	       strcmp(owner.outer_id, c->outer_id ? c->outer_id : "") == 0 &&
	       strcmp(owner.pod_uid, c->pod_uid ? c->pod_uid : "") == 0 &&
	       strcmp(owner.ns, c->ns ? c->ns : "") == 0 && owner.candidate == c->candidate;
	if (!same)
		print_error("%s\n  runtime %d id '%s' outer '%s' pod '%s' ns '%s' candidate %d\n",
			    c->path, owner.runtime, owner.id, owner.outer_id, owner.pod_uid,
			    owner.ns, owner.candidate);
	assert_true(same);
}

static void check_all(const struct cgroup_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&cases[i]);
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof((cases)[0]))

/* clang-format off */

static void finds_docker(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/docker/" A, RUNTIME_DOCKER, A),
		IS("/system.slice/docker-" A ".scope", RUNTIME_DOCKER, A),
		IS(USER "/user.slice/docker-" A ".scope", RUNTIME_DOCKER, A),
		IS("/foo.slice/docker-" A ".scope", RUNTIME_DOCKER, A),
		IS("/foo.slice/foo-bar.slice/docker-" A ".scope", RUNTIME_DOCKER, A),
		IS("/foo/" A, RUNTIME_UNKNOWN, A),
		IS("/" A, RUNTIME_UNKNOWN, A),
		/* seen from another cgroup namespace */
		IS("/../" A, RUNTIME_UNKNOWN, A),
		IS("/../../docker/" A, RUNTIME_DOCKER, A),
		/* systemd inside, and what else a container makes below itself */
		IS("/docker/" A "/init.scope", RUNTIME_DOCKER, A),
		IS("/docker/" A "/system.slice/cron.service", RUNTIME_DOCKER, A),
		IS("/system.slice/docker-" A ".scope/init", RUNTIME_DOCKER, A),
		/* the process outlived the cgroup's removal */
		IS("/docker/" A " (deleted)", RUNTIME_DOCKER, A),
		IS("/system.slice/docker-" A ".scope (deleted)", RUNTIME_DOCKER, A),
		/* runc given systemd's form and the cgroupfs driver */
		IS("/system.slice:docker:" A, RUNTIME_DOCKER, A),
		IS("/system.slice/containerd.service/system.slice:docker:" A, RUNTIME_DOCKER, A),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void finds_podman_and_crio(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/machine.slice/libpod-" A ".scope", RUNTIME_PODMAN, A),
		IS("/machine.slice/libpod-" A ".scope/container", RUNTIME_PODMAN, A),
		IS("/machine.slice/libpod-" A ".scope/container/init.scope", RUNTIME_PODMAN, A),
		IS("/libpod_parent/libpod-" A, RUNTIME_PODMAN, A),
		IS("/libpod_parent/" B "/libpod-" A, RUNTIME_PODMAN, A),
		IS("/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope", RUNTIME_PODMAN, A),
		IS("/system.slice/web.service/libpod-payload-" A, RUNTIME_PODMAN, A),
		IS("/system.slice/web.service/libpod-payload-" A "/init.scope", RUNTIME_PODMAN, A),
		IS(USER "/user.slice/libpod-" A ".scope/container", RUNTIME_PODMAN, A),
		IS(USER "/app.slice/web.service/libpod-payload-" A, RUNTIME_PODMAN, A),
		IS("/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" A ".scope", RUNTIME_CRIO, A, .pod_uid = UID),
		IS("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/crio-" A ".scope/container", RUNTIME_CRIO, A, .pod_uid = UID),
		IS("/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" A, RUNTIME_CRIO, A, .pod_uid = UID),
		IS("/kubepods/besteffort/pod" UID "/crio-" A, RUNTIME_CRIO, A, .pod_uid = UID),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void finds_kubernetes(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/cri-containerd-" A ".scope", RUNTIME_CONTAINERD, A, .pod_uid = UID, .ns = "k8s.io"),
		IS("/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" A, RUNTIME_CONTAINERD, A, .pod_uid = UID, .ns = "k8s.io"),
		IS("/kubepods-besteffort-pod" UID_ ".slice:crio:" A, RUNTIME_CRIO, A, .pod_uid = UID),
		IS("/kubepods/burstable/pod" UID "/" A, RUNTIME_UNKNOWN, A, .pod_uid = UID),
		IS("/kubepods/pod" UID "/" A "/init.scope", RUNTIME_UNKNOWN, A, .pod_uid = UID),
		IS("/kubepods/burstable/pod" UID_STATIC "/" A, RUNTIME_UNKNOWN, A, .pod_uid = UID_STATIC),
		IS("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_STATIC ".slice/cri-containerd-" A ".scope", RUNTIME_CONTAINERD, A, .pod_uid = UID_STATIC, .ns = "k8s.io"),
		IS("/kubepods.slice/kubepods-pod" UID_ ".slice/docker-" A ".scope", RUNTIME_DOCKER, A, .pod_uid = UID),
		/* guaranteed, burstable, best effort; the pod's sandbox is a container like its others */
		IS("/kubepods/pod" UID "/" A, RUNTIME_UNKNOWN, A, .pod_uid = UID),
		IS("/kubepods/besteffort/pod" UID "/" B, RUNTIME_UNKNOWN, B, .pod_uid = UID),
		IS("/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" B ".scope", RUNTIME_CONTAINERD, B, .pod_uid = UID, .ns = "k8s.io"),
		IS("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" A ".scope/init.scope", RUNTIME_CONTAINERD, A, .pod_uid = UID, .ns = "k8s.io"),
		/* CRI-O with systemd and with cgroupfs; its sandbox has no ".scope" with either */
		IS("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/crio-" A ".scope/container", RUNTIME_CRIO, A, .pod_uid = UID),
		IS("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/crio-" B, RUNTIME_CRIO, B, .pod_uid = UID),
		IS("/kubepods/burstable/pod" UID "/crio-" A, RUNTIME_CRIO, A, .pod_uid = UID),
		/* no uid of a pod: too short, no hex, another letter */
		IS("/kubepods/pod1234/" A, RUNTIME_UNKNOWN, A),
		IS("/kubepods/podxc0e1d5b-7f0a-4c39-9a2e-6d4b1f0a2c3d/" A, RUNTIME_UNKNOWN, A),
		IS("/kubepods/xpod" UID "/" A, RUNTIME_UNKNOWN, A),
		IS("/x/" UID "/" A, RUNTIME_UNKNOWN, A),
		/* the pod itself, and the shim in it, are no container; nor is where shims run otherwise */
		NONE("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice"),
		NONE("/system.slice/containerd.service"),
		NONE("/system.slice/crio.service"),
		NONE("/runtime.slice/containerd.service"),
		NONE("/kubepods.slice/kubepods-pod" UID_ ".slice"),
		NONE("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void finds_containerd(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/system.slice/nerdctl-" A ".scope", RUNTIME_CONTAINERD, A),
		IS(USER "/user.slice/nerdctl-" A ".scope", RUNTIME_CONTAINERD, A),
		IS("/default/" A, RUNTIME_CONTAINERD, A, .ns = "default"),
		IS("/default/web", RUNTIME_CONTAINERD, "web", .ns = "default"),
		IS("/default/web/init.scope", RUNTIME_CONTAINERD, "web", .ns = "default"),
		IS("/moby/web_1.x", RUNTIME_CONTAINERD, "web_1.x", .ns = "moby"),
		IS("/k8s.io/" A, RUNTIME_CONTAINERD, A, .ns = "k8s.io"),
		IS("/buildkit/job", RUNTIME_CONTAINERD, "job", .ns = "buildkit"),
		/* anybody's names: to be confirmed */
		IS("/staging/web", RUNTIME_CONTAINERD, "web", .ns = "staging", .candidate = true),
		IS("/staging/web/child", RUNTIME_CONTAINERD, "web", .ns = "staging", .candidate = true),
		IS("/A.b-C_9/x", RUNTIME_CONTAINERD, "x", .ns = "A.b-C_9", .candidate = true),
		/* no names of containerd's */
		NONE("/staging"),
		NONE("/.staging/web"),
		NONE("/staging/-web"),
		NONE("/staging/web."),
		NONE("/staging/we..b"),
		NONE("/staging/we b"),
		NONE("/staging/.."),
		NONE("/../web"),
		NONE("/default/a b"),
		NONE("/default/cron.service"),
		/* only from the root: a unit can have any folder below it */
		NONE("/system.slice/x.service/default/web"),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void finds_machines(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/lxc.payload.web", RUNTIME_LXC, "web"),
		IS("/lxc.payload.web/init.scope", RUNTIME_LXC, "web"),
		IS("/lxc.payload.web.2/system.slice/ssh.service", RUNTIME_LXC, "web.2"),
		IS("/lxc.payload/web", RUNTIME_LXC, "web"),
		IS("/lxc/web", RUNTIME_LXC, "web"),
		IS("/lxc/101/ns/system.slice", RUNTIME_LXC, "101"),
		IS(USER "/lxc.payload.web", RUNTIME_LXC, "web"),
		IS("/machine.slice/machine-lxc\\x2d4711\\x2dmy\\x2dbox.scope", RUNTIME_LIBVIRT_LXC, "my-box"),
		IS("/machine.slice/machine-lxc\\x2d4711\\x2dbox.scope/libvirt", RUNTIME_LIBVIRT_LXC, "box"),
		IS("/machine.slice/machine-lxc\\x2dbox.scope", RUNTIME_LIBVIRT_LXC, "box"),
		IS("/machine.slice/machine-lxc\\x2d42.scope", RUNTIME_LIBVIRT_LXC, "42"),
		IS("/machine/box.libvirt-lxc", RUNTIME_LIBVIRT_LXC, "box"),
		IS("/machine.slice/systemd-nspawn@my\\x2dbox.service/payload", RUNTIME_NSPAWN, "my-box"),
		IS("/machine.slice/systemd-nspawn@box.service/payload/system.slice/x.service", RUNTIME_NSPAWN, "box"),
		IS("/machine.slice/systemd-nspawn@box.service", RUNTIME_NSPAWN, "box"),
		IS("/machine.slice/machine-box.scope", RUNTIME_NSPAWN, "box"),
		IS("/machine.slice/machine-my\\x2dbox.scope/payload", RUNTIME_NSPAWN, "my-box"),
		/* within the container the word means nothing */
		IS("/machine.slice/machine-box.scope/payload/supervisor", RUNTIME_NSPAWN, "box"),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void finds_the_others(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/ecs/0f9c2b7d5e6a4b1c8d3e2f1a0b9c8d7e/" A, RUNTIME_ECS, A),
		IS("/ecs/cluster/0f9c2b7d5e6a4b1c8d3e2f1a0b9c8d7e/" A, RUNTIME_ECS, A),
		IS("/ecstasks.slice/ecstasks-0f9c2b7d5e6a4b1c8d3e2f1a0b9c8d7e.slice/docker-" A ".scope", RUNTIME_DOCKER, A),
		IS("/ecstasks.slice/ecstasks-0f9c2b7d5e6a4b1c8d3e2f1a0b9c8d7e.slice/" A, RUNTIME_ECS, A),
		IS("/docker/buildkit/" BK, RUNTIME_BUILDKIT, BK),
		IS("/buildkit/" BK, RUNTIME_BUILDKIT, BK),
		IS("/system.slice:docker:" BK, RUNTIME_BUILDKIT, BK),
		IS("/system.slice/docker-" BK ".scope", RUNTIME_BUILDKIT, BK),
		IS("/actions_job/" A, RUNTIME_ACTIONS, A),
		/* runtimes that nobody told us of */
		IS("/system.slice/newruntime-" A ".scope", RUNTIME_UNKNOWN, A),
		IS("/system.slice/new-runtime-" A ".scope/x", RUNTIME_UNKNOWN, A),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void keeps_both_ends_of_a_nest(void **state)
{
	static const struct cgroup_case cases[] = {
		IS("/docker/" A "/docker/" B, RUNTIME_DOCKER, B, .outer_id = A),
		IS("/docker/" A "/docker/" B "/docker/" C, RUNTIME_DOCKER, C, .outer_id = A),
		IS("/docker/" A "/docker/" B "/init.scope", RUNTIME_DOCKER, B, .outer_id = A),
		IS("/system.slice/docker-" A ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		  "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" B ".scope", RUNTIME_CONTAINERD, B, .outer_id = A, .pod_uid = UID, .ns = "k8s.io"),
		IS("/docker/" A "/kubelet/kubepods/burstable/pod" UID "/" B, RUNTIME_UNKNOWN, B, .outer_id = A, .pod_uid = UID),
		/* kind and k3d on each driver and runtime of the host, the node's containers by systemd and by cgroupfs */
		IS("/docker/" A "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" B ".scope", RUNTIME_CONTAINERD, B, .outer_id = A, .pod_uid = UID, .ns = "k8s.io"),
		IS("/machine.slice/libpod-" A ".scope/container/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
		  "kubelet-kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" B ".scope", RUNTIME_CONTAINERD, B, .outer_id = A, .pod_uid = UID, .ns = "k8s.io"),
		IS("/system.slice/docker-" A ".scope/kubepods/besteffort/pod" UID "/" B, RUNTIME_UNKNOWN, B, .outer_id = A, .pod_uid = UID),
		IS("/docker/" A "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		  "kubelet-kubepods-burstable-pod" UID_ ".slice/crio-" B ".scope", RUNTIME_CRIO, B, .outer_id = A, .pod_uid = UID),
		IS("/docker/" A "/kubelet.slice/kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" B ".scope/docker/" C, RUNTIME_DOCKER, C, .outer_id = A, .pod_uid = UID),
		/* the node's own processes, a pod's folder included */
		IS("/system.slice/docker-" A ".scope/init.scope", RUNTIME_DOCKER, A),
		IS("/docker/" A "/kubelet.slice/kubelet-kubepods-pod" UID_ ".slice", RUNTIME_DOCKER, A),
		/* a pod that runs Docker */
		IS("/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" A ".scope/docker/" B, RUNTIME_DOCKER, B, .outer_id = A, .pod_uid = UID),
		IS("/docker/" A "/buildkit/" BK, RUNTIME_BUILDKIT, BK, .outer_id = A),
		IS("/lxc.payload.vm/docker/" B, RUNTIME_DOCKER, B, .outer_id = "vm"),
		IS("/lxc.payload.vm/system.slice/docker-" B ".scope", RUNTIME_DOCKER, B, .outer_id = "vm"),
		IS("/machine.slice/libpod-" A ".scope/container/libpod_parent/libpod-" B, RUNTIME_PODMAN, B, .outer_id = A),
		/* ids that begin alike */
		IS("/docker/03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691660/docker/" A, RUNTIME_DOCKER, A, .outer_id = "03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691660"),
		/* the same one twice is not nested */
		IS("/docker/" A "/docker/" A, RUNTIME_DOCKER, A),
		/* an inner runtime's helpers are processes of the outer container */
		IS("/docker/" A "/machine.slice/libpod-conmon-" B ".scope", RUNTIME_DOCKER, A),
		IS("/docker/" A "/lxc.monitor.web", RUNTIME_DOCKER, A),
		IS("/docker/" A "/machine.slice/systemd-nspawn@x.service/supervisor", RUNTIME_DOCKER, A),
		/* ECS's word holds only up to its container */
		IS("/ecs/x/" A "/foo/" B, RUNTIME_UNKNOWN, B, .outer_id = A),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void leaves_the_host_alone(void **state)
{
	static const struct cgroup_case cases[] = {
		NONE(""),
		NONE("/"),
		NONE("///"),
		NONE("/init.scope"),
		NONE("/system.slice/ssh.service"),
		NONE("/system.slice/docker.service"),
		NONE("/system.slice/docker.socket"),
		NONE("/system.slice/containerd.service"),
		NONE("/user.slice/user-1000.slice/session-3.scope"),
		NONE(USER "/app.slice/app-gnome-docker\\x2ddesktop-1234.scope"),
		NONE("/machine.slice"),
		/* helpers that carry an id */
		NONE("/machine.slice/libpod-conmon-" A ".scope"),
		NONE("/libpod_parent/libpod-conmon-" A),
		NONE("/libpod_parent/conmon"),
		NONE("/libpod_parent/" B "/conmon"),
		NONE("/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" A ".scope"),
		NONE("/crio-conmon-" A),
		NONE("/lxc.monitor.web"),
		NONE("/lxc.monitor/web"),
		NONE("/kata_overhead/" A),
		NONE("/machine.slice/systemd-nspawn@box.service/supervisor"),
		NONE("/machine.slice/machine-box.scope/supervisor"),
		NONE("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope"),
		NONE("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator"),
		NONE("/system.slice/web.service/runtime"),
		NONE(USER "/app.slice/web.service/runtime"),
		NONE("/system.slice/var-lib-docker-containers-" A "-mounts-shm.mount"),
		NONE("/system.slice/docker-" A ".mount"),
		NONE("/system.slice/" A ".mount"),
		NONE("/machine.slice/machine-libpod_pod_" B ".slice"),
		NONE("/docker"),
	};

	(void)state;
	CHECK_ALL(cases);
}

static void is_exact_about_ids(void **state)
{
	static const struct cgroup_case cases[] = {
		/* 63 and 65 digits, upper case, no hex, bytes around it */
		NONE("/docker.slice/3a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691661"),
		NONE("/x.slice/0" A),
		NONE("/x.slice/docker-0" A ".scope"),
		NONE("/x.slice/docker-3a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691661.scope"),
		NONE("/x.slice/03A270AD3B1E531416BD7BC3343EF1517208099A0C6CC68472FF96A6D6691661"),
		NONE("/x.slice/docker-03A270AD3B1E531416BD7BC3343EF1517208099A0C6CC68472FF96A6D6691661.scope"),
		NONE("/x.slice/g3a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691661"),
		NONE("/x.slice/" A "\n"),
		NONE("/x.slice/ " A),
		NONE("/x.slice/docker-" A ".scope\x1b[0m"),
		NONE("/x.slice/docker-" A),
		NONE("/x.slice/docker-.scope"),
		NONE("/x.slice/.scope"),
		IS("/docker/buildkit/rtqm4rq0vbp7ivk3uobd4wnx", RUNTIME_CONTAINERD, "buildkit", .ns = "docker", .candidate = true),
		NONE("/x.slice/buildkit/RTQM4RQ0VBP7IVK3UOBD4WNXY"),
		/* names that would be paths, or that a terminal would obey */
		NONE("/lxc.payload./x"),
		NONE("/lxc/.."),
		NONE("/lxc/."),
		NONE("/lxc.payload..."),
		NONE("/lxc/a\x1b[31m"),
		NONE("/lxc/a\x7f"),
		NONE("/machine.slice/machine-a\\x2fb.scope"),
		NONE("/machine.slice/machine-a\\x00b.scope"),
		NONE("/machine.slice/machine-a\\x1bb.scope"),
		NONE("/machine.slice/machine-\\x2e\\x2e.scope"),
		/* half an escape is no escape */
		IS("/machine.slice/machine-a\\x2.scope", RUNTIME_NSPAWN, "a\\x2"),
		IS("/machine.slice/machine-a\\x2G.scope", RUNTIME_NSPAWN, "a\\x2G"),
		IS("/machine.slice/machine-a\\.scope", RUNTIME_NSPAWN, "a\\"),
		/* slashes, and what is not two colons */
		IS("//docker//" A "//", RUNTIME_DOCKER, A),
		IS("docker/" A, RUNTIME_DOCKER, A),
		NONE("/a.slice:docker:" A ":x"),
		NONE("/docker:" A),
		NONE("/::"),
		IS("/:docker:" A, RUNTIME_DOCKER, A),
		IS("/\xff\xfe\x80/" A, RUNTIME_UNKNOWN, A),
	};

	(void)state;
	CHECK_ALL(cases);
}

/* clang-format on */

static void takes_the_longest_name_and_no_longer(void **state)
{
	char path[512] = "/lxc/";
	char name[CONTAINER_ID_MAX + 2];
	char ns[CONTAINERD_NAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[CONTAINER_ID_MAX + 1] = '\0';
	strcat(path, name);
	check(&(struct cgroup_case)NONE(path));

	name[CONTAINER_ID_MAX] = '\0';
	path[strlen("/lxc/") + CONTAINER_ID_MAX] = '\0';
	check(&(struct cgroup_case)IS(path, RUNTIME_LXC, name));

	memset(ns, 'n', sizeof(ns) - 1);
	ns[CONTAINERD_NAME_MAX + 1] = '\0';
	strcpy(path, "/");
	strcat(path, ns);
	strcat(path, "/web");
	check(&(struct cgroup_case)NONE(path));

	ns[CONTAINERD_NAME_MAX] = '\0';
	strcpy(path, "/");
	strcat(path, ns);
	strcat(path, "/web");
	check(&(struct cgroup_case)IS(path, RUNTIME_CONTAINERD, "web", .ns = ns,
				      .candidate = true));
}

static void survives_paths_of_any_length(void **state)
{
	size_t size = 1 << 20;
	AUTO_FREE char *path = malloc(size + 80);

	(void)state;
	assert_non_null(path);
	memset(path, '/', size);
	strcpy(path + size, "docker/" A);
	check(&(struct cgroup_case)IS(path, RUNTIME_DOCKER, A));

	memset(path, 'a', size);
	path[0] = '/';
	strcpy(path + size, "/docker/" A);
	check(&(struct cgroup_case)IS(path, RUNTIME_DOCKER, A));

	for (size_t i = 0; i < size; i += 2)
		memcpy(path + i, "/a", 2);
	path[size] = '\0';
	check(&(struct cgroup_case)IS(path, RUNTIME_CONTAINERD, "a", .ns = "a", .candidate = true));

	memset(path, ':', size);
	path[size] = '\0';
	check(&(struct cgroup_case)NONE(path));
}

/* Whatever the bytes: the strings end, and an id is printable and no path. */
static void any_bytes_are_only_text(void **state)
{
	static const char *const words[] = {"docker", A,      "docker-" A ".scope",
					    "/",      "/",    "lxc.payload.",
					    "lxc",    "\\x2", "machine-",
					    ".scope", ":",    "pod" UID,
					    "..",     "\x1b", " (deleted)",
					    "ecs",    "",     "kubepods-pod" UID_ ".slice"};
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		struct cgroup_owner owner;
		char path[1024] = "";

		for (int i = 0; i < 10; i++) {
			seed = seed * 1664525 + 1013904223;
			strcat(path, words[(seed >> 16) % (sizeof(words) / sizeof(words[0]))]);
		}
		memset(&owner, 0xa5, sizeof(owner));
		cgroup_parse(path, &owner);
		assert_non_null(memchr(owner.id, '\0', sizeof(owner.id)));
		assert_non_null(memchr(owner.outer_id, '\0', sizeof(owner.outer_id)));
		assert_int_equal(owner.runtime == RUNTIME_NONE, owner.id[0] == '\0');
		assert_null(strchr(owner.id, '/'));
		assert_null(strchr(owner.id, '\x1b'));
		assert_string_not_equal(owner.id, "..");
		assert_true(!owner.outer_id[0] || strcmp(owner.outer_id, owner.id) != 0);
	}
}

static void names_runtimes(void **state)
{
	(void)state;
	assert_null(runtime_name(RUNTIME_NONE));
	assert_null(runtime_name(RUNTIME_UNKNOWN));
	assert_string_equal(runtime_name(RUNTIME_DOCKER), "docker");
	for (int i = RUNTIME_DOCKER; i <= RUNTIME_ACTIONS; i++)
		assert_non_null(runtime_name((enum runtime)i));
	assert_null(runtime_name((enum runtime)(RUNTIME_ACTIONS + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_docker),
		cmocka_unit_test(finds_podman_and_crio),
		cmocka_unit_test(finds_kubernetes),
		cmocka_unit_test(finds_containerd),
		cmocka_unit_test(finds_machines),
		cmocka_unit_test(finds_the_others),
		cmocka_unit_test(keeps_both_ends_of_a_nest),
		cmocka_unit_test(leaves_the_host_alone),
		cmocka_unit_test(is_exact_about_ids),
		cmocka_unit_test(takes_the_longest_name_and_no_longer),
		cmocka_unit_test(survives_paths_of_any_length),
		cmocka_unit_test(any_bytes_are_only_text),
		cmocka_unit_test(names_runtimes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
