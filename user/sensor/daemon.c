// SPDX-License-Identifier: Apache-2.0

/* Which programs are container daemons, and where their sockets lie. */

#include <fnmatch.h>
#include <string.h>

#include "user/sensor/listener.h"

static const char *const names[] = {
	[DAEMON_DOCKER] = "docker",	    [DAEMON_PODMAN] = "podman",
	[DAEMON_CONTAINERD] = "containerd", [DAEMON_CRIO] = "crio",
	[DAEMON_BUILDKIT] = "buildkit",	    [DAEMON_OTHER] = "other",
};

/* As comm has them: at most 15 bytes. */
static const char *const programs[] = {
	"dockerd", "balenad", "balena-engine-d", "podman", "containerd", "crio", "buildkitd", NULL,
};

static const enum daemon program_daemons[] = {
	DAEMON_DOCKER,	   DAEMON_DOCKER, DAEMON_DOCKER,   DAEMON_PODMAN,
	DAEMON_CONTAINERD, DAEMON_CRIO,	  DAEMON_BUILDKIT,
};

static const struct {
	const char *base;
	enum daemon daemon;
} sockets[] = {
	{"docker.sock", DAEMON_DOCKER},	    {"balena-engine.sock", DAEMON_DOCKER},
	{"podman.sock", DAEMON_PODMAN},	    {"containerd.sock", DAEMON_CONTAINERD},
	{"crio.sock", DAEMON_CRIO},	    {"buildkitd.sock", DAEMON_BUILDKIT},
	{"cri-dockerd.sock", DAEMON_OTHER},
};

/*
 * dockerd serves its metrics to plugins (daemon/metrics_unix.go) and gets
 * sandbox keys from runc's hook (libnetwork/sandbox_externalkey_unix.go).
 */
static const struct {
	enum daemon daemon;
	const char *pattern;
} private_sockets[] = {
	{DAEMON_DOCKER, "*/metrics.sock"},
	{DAEMON_DOCKER, "*/libnetwork/*.sock"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *daemon_name(enum daemon daemon)
{
	return names[daemon];
}

const char *daemon_socket_name(size_t n)
{
	return n < COUNT(sockets) ? sockets[n].base : NULL;
}

const char *const *daemon_programs(void)
{
	return programs;
}

enum daemon daemon_by_program(const char *name)
{
	for (size_t i = 0; i < COUNT(program_daemons); i++)
		if (!strncmp(name, programs[i], 15))
			return program_daemons[i];
	return DAEMON_NONE;
}

enum daemon daemon_by_path(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; i < COUNT(sockets); i++)
		if (!strcmp(base, sockets[i].base))
			return sockets[i].daemon;
	return DAEMON_NONE;
}

bool daemon_private_socket(enum daemon daemon, const char *path)
{
	for (size_t i = 0; i < COUNT(private_sockets); i++)
		if (private_sockets[i].daemon == daemon &&
		    !fnmatch(private_sockets[i].pattern, path, 0))
			return true;
	return false;
}
