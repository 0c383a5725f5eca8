/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_DOCKER_COMMAND_IMPL_H
#define DOCKSNOOP_AUDIT_DOCKER_COMMAND_IMPL_H

/* What docker_client.c and docker_command.c share; nobody else's. */

#include "user/audit/docker_command.h"
#include "user/audit/lead.h"

#define NAMED_MAX 256

/* A volume that was made on a device, or a container that was given a socket. */
struct named {
	char *name;
	char *device; /* of a volume */
	struct lead lead;
	enum mount_via via;
};

struct docker_text {
	const struct report *report;
	struct named named[NAMED_MAX];
	size_t named_count;
};

/* NULL: there is none of that name. */
const struct named *docker_named_find(const struct docker_text *text, const char *name);
/* -ENOMEM; beyond NAMED_MAX it is forgotten. */
int docker_named_add(struct docker_text *text, const char *name, const char *device);

#endif
