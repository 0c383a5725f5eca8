// SPDX-License-Identifier: Apache-2.0
#include "user/audit/lead.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/util/file.h"

/* /var/run is taken for /run. A user's runtime directory is /run/user/<uid>. */
static const struct {
	const char *path;
	enum daemon daemon;
} places[] = {
	{"/run/docker.sock", DAEMON_DOCKER},
	{"/run/balena-engine.sock", DAEMON_DOCKER},
	{"/run/podman/podman.sock", DAEMON_PODMAN},
	{"/run/containerd/containerd.sock", DAEMON_CONTAINERD},
	{"/run/docker/containerd/containerd.sock", DAEMON_CONTAINERD},
	{"/run/k3s/containerd/containerd.sock", DAEMON_CONTAINERD},
	{"/run/crio/crio.sock", DAEMON_CRIO},
	{"/run/cri-dockerd.sock", DAEMON_OTHER},
	{"/run/buildkit/buildkitd.sock", DAEMON_BUILDKIT},
	{"/run/user/*/docker.sock", DAEMON_DOCKER},
	{"/run/user/*/podman/podman.sock", DAEMON_PODMAN},
	{"/run/user/*/buildkit/buildkitd.sock", DAEMON_BUILDKIT},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const unset = "what stands for it decides whether it leads to a daemon's socket";

/* Is @path one of a place's own directories? With '*' for one part of it. */
static bool is_above(const char *place, const char *path)
{
	while (*path) {
		if (*place == '*') {
			path += strcspn(path, "/");
			place++;
		} else if (*place++ != *path++) {
			return false;
		}
	}
	return *place == '/';
}

static struct lead known_find(const char *path)
{
	struct lead lead = {.kind = LEAD_NOWHERE};
	enum daemon daemon = daemon_by_path(path);

	if (daemon != DAEMON_NONE)
		return (struct lead){.kind = LEAD_SOCKET, .daemon = daemon};
	if (!strcmp(path, "/"))
		return (struct lead){.kind = LEAD_ROOT, .socket = places[0].path};
	if (!strcmp(path, "/var"))
		return (struct lead){
			.kind = LEAD_PERHAPS,
			.socket = places[0].path,
			.unknown = "/var holds the daemons' sockets where /var/run is a directory "
				   "of its own, and no link to /run",
		};
	for (size_t i = 0; i < COUNT(places); i++) {
		if (!is_above(places[i].path, path))
			continue;
		if (lead.kind == LEAD_NOWHERE)
			lead = (struct lead){LEAD_DIRECTORY, places[i].daemon, places[i].path,
					     NULL};
		else if (lead.daemon != places[i].daemon)
			lead.daemon = DAEMON_NONE;
	}
	return lead;
}

/* --- with parts that are not known ------------------------------------------------------ */

/* A glob in which only what is not known is open. */
static void glob_make(const char *path, char *out, size_t size)
{
	size_t n = 0;

	for (; *path && n + 3 < size; path++) {
		if (*path == LEAD_UNKNOWN) {
			out[n++] = '*';
			continue;
		}
		out[n++] = '\\';
		out[n++] = *path;
	}
	out[n] = '\0';
}

/* Could it be @place, or a directory above? */
static bool could_be(const char *glob, const char *place)
{
	char path[128];
	char *slash = NULL;

	snprintf(path, sizeof(path), "%s", place);
	while ((slash = strrchr(path, '/'))) {
		if (!fnmatch(glob, path, 0))
			return true;
		*slash = '\0';
	}
	return !fnmatch(glob, "/", 0);
}

static struct lead open_find(const char *path)
{
	const char *base = strrchr(path, '/');
	enum daemon daemon = daemon_by_path(path);
	char glob[2 * PATH_MAX];

	if (base && daemon != DAEMON_NONE)
		return (struct lead){.kind = LEAD_SOCKET, .daemon = daemon};
	glob_make(path, glob, sizeof(glob));
	for (size_t i = 0; i < COUNT(places); i++) {
		char var[128];

		snprintf(var, sizeof(var), "/var%s", places[i].path);
		if (could_be(glob, places[i].path) || could_be(glob, var))
			return (struct lead){.kind = LEAD_PERHAPS, .unknown = unset};
	}
	return (struct lead){.kind = LEAD_NOWHERE};
}

struct lead lead_find(const char *path)
{
	struct lead lead = {.kind = LEAD_NOWHERE};
	char clean[PATH_MAX];

	if (*path != '/' && *path != LEAD_UNKNOWN)
		return lead;
	if (strchr(path, LEAD_UNKNOWN)) {
		lead = open_find(path);
	} else {
		const char *rest = NULL;

		path_clean(path, clean, sizeof(clean));
		rest = path_after(clean, "/var/run");
		lead = known_find(rest ? clean + strlen("/var") : clean);
	}
	if (lead.kind == LEAD_SOCKET && !strchr(path, LEAD_UNKNOWN))
		lead.socket = path;
	return lead;
}

bool lead_is_address(const char *text)
{
	return !strncasecmp(text, "tcp://", 6) || !strncasecmp(text, "http://", 7) ||
	       !strncasecmp(text, "https://", 8);
}

static enum mount_via via_of(enum lead_kind kind)
{
	switch (kind) {
	case LEAD_SOCKET:
		return VIA_SOCKET_BIND;
	case LEAD_DIRECTORY:
		return VIA_DIRECTORY_BIND;
	case LEAD_ROOT:
		return VIA_HOST_ROOT;
	case LEAD_NOWHERE:
	case LEAD_PERHAPS:
		break;
	}
	return VIA_UNKNOWN;
}

struct finding lead_finding(const struct lead *lead, bool volume)
{
	bool perhaps = lead->kind == LEAD_PERHAPS;

	return (struct finding){
		.way = perhaps ? WAY_UNDECIDED : WAY_MOUNT,
		.via = volume && !perhaps ? VIA_VOLUME : via_of(lead->kind),
		.daemon = lead->daemon,
		.socket = lead->socket,
		.unknown = lead->unknown,
	};
}
