/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CGROUP_H
#define DOCKSNOOP_CGROUP_H

/* From a cgroup's path to the container that it belongs to; text only, no I/O. */

enum runtime {
	RUNTIME_NONE = 0,
	RUNTIME_UNKNOWN, /* the form holds an id but does not tell whose */
	RUNTIME_DOCKER,
	RUNTIME_PODMAN,
	RUNTIME_CONTAINERD,
	RUNTIME_CRIO,
	RUNTIME_LXC,
	RUNTIME_LIBVIRT_LXC,
	RUNTIME_NSPAWN,
	RUNTIME_ECS,
	RUNTIME_BUILDKIT,
	RUNTIME_ACTIONS,
};

/* "docker", "containerd", …; NULL for RUNTIME_NONE and RUNTIME_UNKNOWN. */
const char *runtime_name(enum runtime runtime);

#define CONTAINER_ID_MAX 255

struct cgroup_owner {
	enum runtime runtime;		   /* RUNTIME_NONE: no form of a container */
	char id[CONTAINER_ID_MAX + 1];	   /* of the innermost container */
	char outer_id[CONTAINER_ID_MAX + 1]; /* of the outermost, "" when it is the same */
	char pod_uid[64];		   /* with dashes; "" where there is no pod */
	char ns[64];			   /* containerd namespace where the path tells it, else "" */
};

/*
 * Parse a path relative to the hierarchy's root, as the kernel shows it
 * ("/docker/<id>"), all forms of several nested runtimes in one path included.
 * Paths of helper processes of a runtime (conmon, lxc.monitor, nspawn's
 * supervisor, a quadlet's "runtime") and everything else give RUNTIME_NONE.
 * Never fails: bytes of any kind are text that matches no form.
 */
void cgroup_parse(const char *path, struct cgroup_owner *out);

#endif
