// SPDX-License-Identifier: Apache-2.0
#include "user/audit/advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *finding_gives(const struct finding *finding)
{
	switch (finding->way) {
	case WAY_MOUNT:
		if (finding->stale)
			return "the mount is stale: the daemon has made its socket anew, and "
			       "this one leads nowhere until the container is started again";
		switch (finding->via) {
		case VIA_DIRECTORY_BIND:
			return "the directory holds the daemon's socket, and that is root on the "
			       "host";
		case VIA_HOST_ROOT:
			return "the host's root directory holds the daemon's socket and all else: "
			       "that is root on the host";
		case VIA_VOLUME:
			return "what lies behind the volume holds the daemon's socket, and that "
			       "is root on the host";
		default:
			return "the daemon's socket is root on the host; a read-only mount does "
			       "not change that";
		}
	case WAY_API_SOCKET:
		return "it gets the daemon's socket, which is root on the host, and the "
		       "credentials for registries as well";
	case WAY_TCP:
		return "whoever reaches the address is the daemon's client, and can be root on "
		       "its host";
	case WAY_PRIVILEGED:
		return "a privileged container can mount the host's disks, and so reach the "
		       "daemon's socket";
	case WAY_HOST_PID:
		return "with the host's processes in sight the socket is in reach by "
		       "/proc/1/root";
	case WAY_UNDECIDED:
		return "whether it gives the daemon away cannot be told from here";
	}
	return "";
}

/* The daemons that can be run by a user who is not root. */
static const char *rootless(enum daemon daemon)
{
	return daemon == DAEMON_PODMAN ? "run the containers under a user's own podman"
				       : "use a rootless daemon";
}

/* tecnativa/docker-socket-proxy, linuxserver/socket-proxy, wollomatic/socket-proxy, … */
static bool is_socket_proxy(const struct finding *f)
{
	const char *image = f->container ? f->container->image : NULL;

	return image && (strstr(image, "socket-proxy") || strstr(image, "docker-proxy") ||
			 strstr(image, "dockerproxy"));
}

static void advise_use(FILE *out, const struct finding *f, const struct usage *usage)
{
	if (!usage->connects && !usage->requests)
		fputs("it was never used while docksnoop watched: remove it", out);
	else if (!usage->requests)
		fputs("it was connected to, and no request was seen: find out what for, or remove "
		      "it",
		      out);
	else if (usage->highest <= GRADE_SENSITIVE_READ)
		fprintf(out,
			"it was only read from: put a socket proxy in front that allows GET of "
			"%s and nothing else",
			*usage->sections ? usage->sections : "what it needs");
	else
		fprintf(out,
			"it was used for requests up to '%s' (%s): justify it in a policy with "
			"just these, or %s",
			grade_name(usage->highest), *usage->sections ? usage->sections : "unknown",
			rootless(f->daemon));
}

static void advise(FILE *out, const struct finding *f)
{
	switch (f->way) {
	case WAY_MOUNT:
		if (f->stale)
			fputs("remove the mount, or mount what the program really needs", out);
		else if (is_socket_proxy(f))
			fputs("it looks like a socket proxy, which has to have it: allow in it "
			      "only "
			      "what its clients need, keep others off its network, and justify it "
			      "in "
			      "a policy",
			      out);
		else if (f->via == VIA_SOCKET_BIND)
			fprintf(out,
				"put a socket proxy in front that allows only the requests that it "
				"needs, or %s; if it has to be, justify it in a policy",
				rootless(f->daemon));
		else
			fputs("mount just the files that it needs, none of which is a daemon's "
			      "socket or above one",
			      out);
		return;
	case WAY_API_SOCKET:
		fputs("take use_api_socket away: put a socket proxy in front, and give it "
		      "credentials of its own for the registry that it needs",
		      out);
		return;
	case WAY_TCP:
		fputs("let it be a proxy that allows only what is needed, on a network that "
		      "nobody else is in; a daemon itself needs TLS with client certificates",
		      out);
		return;
	case WAY_PRIVILEGED:
		fputs("give the single capabilities and devices that it needs instead", out);
		return;
	case WAY_HOST_PID:
		fputs("leave it its own processes; to watch the host's, give it an exporter's "
		      "data instead",
		      out);
		return;
	case WAY_UNDECIDED:
		fprintf(out, "settle it: %s", f->unknown ? f->unknown : "write it out");
		return;
	}
}

char *finding_advice(const struct finding *finding, const struct usage *usage)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (usage && (finding->way == WAY_MOUNT || finding->way == WAY_API_SOCKET) &&
	    !finding->stale)
		advise_use(out, finding, usage);
	else
		advise(out, finding);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
