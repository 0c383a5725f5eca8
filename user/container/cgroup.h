/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CGROUP_H
#define DOCKSNOOP_CGROUP_H

#include <stdbool.h>

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
/* containerd's own limit for namespaces and ids (pkg/identifiers). */
#define CONTAINERD_NAME_MAX 76

struct cgroup_owner {
	enum runtime runtime;		     /* RUNTIME_NONE: no form of a container */
	char id[CONTAINER_ID_MAX + 1];	     /* of the innermost container */
	char outer_id[CONTAINER_ID_MAX + 1]; /* of the outermost, "" when it is the same */
	char pod_uid[64];		     /* with dashes; "" where there is no pod */
	char ns[CONTAINERD_NAME_MAX +
		1]; /* containerd namespace where the path tells it, else "" */

	/*
	 * "/<ns>/<id>" with names of anybody's choice, as ctr makes them, and as a
	 * host's own cgroups can look: it is a container only if a runtime knows it
	 * (container_candidate_real()), and the host's otherwise.
	 */
	bool candidate;
};

/*
 * Parse a path relative to the hierarchy's root, as the kernel shows it
 * ("/docker/<id>"), all forms of several nested runtimes in one path included.
 * Paths of helper processes of a runtime (conmon, lxc.monitor, nspawn's
 * supervisor, a quadlet's "runtime") and everything else give RUNTIME_NONE;
 * within a container they are that container's.
 *
 * What lies below a container's own cgroup is named by whoever may write there:
 * an id that is not the outermost one is a claim of the container @outer_id.
 * Never fails: bytes of any kind are text that matches no form.
 */
void cgroup_parse(const char *path, struct cgroup_owner *out);

#endif
