/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_MANIFEST_H
#define DOCKSNOOP_AUDIT_MANIFEST_H

#include "user/audit/report.h"
#include "user/util/yaml.h"

/* What is YAML or JSON and no Compose file. All: 0, -ENOMEM, or what the report's fn returned. */

/* An object of Kubernetes, or a List of them. */
bool kubernetes_is(const struct yaml_node *root);
int kubernetes_audit(const struct yaml_node *root, const struct report *report);

/* What "docker inspect" or "podman inspect" printed of containers. */
bool inspect_is(const struct yaml_node *root);
int inspect_audit(const struct yaml_node *root, const struct report *report);

/*
 * Anything else, as CI files, playbooks and task definitions: lists of volumes, paths of
 * hosts, options and commands, wherever they are.
 */
int generic_audit(const struct yaml_node *root, const struct report *report);

/* A path that something mounts from the host, said at @node. For these readers. */
int path_report(const struct report *report, const struct yaml_node *node,
		const struct container *container, const char *service, const char *spelling,
		const char *path, bool read_only);

#endif
