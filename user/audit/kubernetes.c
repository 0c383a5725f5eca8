// SPDX-License-Identifier: Apache-2.0
/* Kubernetes: core/v1 PodSpec (k8s.io/api/core/v1/types.go), wherever it is in an object. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/lead.h"
#include "user/audit/manifest.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

bool kubernetes_is(const struct yaml_node *root)
{
	return yaml_text(yaml_get(root, "apiVersion")) && yaml_text(yaml_get(root, "kind"));
}

int path_report(const struct report *report, const struct yaml_node *node,
		const struct container *container, const char *service, const char *spelling,
		const char *path, bool read_only)
{
	const struct lead lead = lead_find(path);
	struct finding finding = lead_finding(&lead, false);

	finding.file = report->file;
	finding.line = yaml_line(node);
	finding.container = container;
	finding.service = service;
	finding.spelling = spelling;
	finding.read_only = read_only;
	return lead.kind == LEAD_NOWHERE ? 0 : report->fn(report->ctx, &finding);
}

struct walk {
	const struct report *report;
	const char *service;
	struct container *container;
};

static int power_report(const struct walk *w, const struct yaml_node *node, enum finding_way way,
			const char *spelling)
{
	const struct finding finding = {
		.way = way,
		.file = w->report->file,
		.line = yaml_line(node),
		.container = w->container,
		.service = w->service,
		.spelling = spelling,
		.via = VIA_PROC_ROOT,
		.daemon = DAEMON_CONTAINERD,
	};

	return w->report->fn(w->report->ctx, &finding);
}

static int node_walk(const struct walk *w, const struct yaml_node *node);

static int host_path(const struct walk *w, const struct yaml_node *value)
{
	const struct yaml_node *node = yaml_get(value, "path");
	AUTO_FREE char *spelling = NULL;

	if (!yaml_text(node))
		return 0;
	if (str_format(&spelling, "hostPath: %s", yaml_text(node)))
		return -ENOMEM;
	return path_report(w->report, node, w->container, w->service, spelling, yaml_text(node),
			   false);
}

/* A variable of a container's: {name: DOCKER_HOST, value: tcp://…} */
static int variable_look(const struct walk *w, const struct yaml_node *map)
{
	const char *name = yaml_text(yaml_get(map, "name"));
	const struct yaml_node *node = yaml_get(map, "value");
	const char *value = yaml_text(node);
	AUTO_FREE char *spelling = NULL;
	struct finding finding = {
		.way = WAY_TCP,
		.file = w->report->file,
		.line = yaml_line(node),
		.container = w->container,
		.service = w->service,
		.daemon = DAEMON_DOCKER,
		.socket = value,
	};

	if (!name || !value || strcmp(name, "DOCKER_HOST") != 0 || !lead_is_address(value))
		return 0;
	if (str_format(&spelling, "DOCKER_HOST=%s", value))
		return -ENOMEM;
	finding.spelling = spelling;
	return w->report->fn(w->report->ctx, &finding);
}

static int entry_walk(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	const struct walk *w = ctx;
	const char *name = yaml_text(key);

	if (!strcmp(name, "hostPath"))
		return host_path(w, value);
	if (!strcmp(name, "hostPID") && yaml_is_true(yaml_text(value)))
		return power_report(w, value, WAY_HOST_PID, "hostPID: true");
	if (!strcmp(name, "privileged") && yaml_is_true(yaml_text(value)))
		return power_report(w, value, WAY_PRIVILEGED, "privileged: true");
	return node_walk(w, value);
}

/* Each entry where it is written: what an alias stands for is written in the same document. */
static int node_walk(const struct walk *w, const struct yaml_node *node)
{
	int err = 0;

	if (yaml_is_alias(node))
		return 0;
	if (yaml_kind(node) == YAML_MAP) {
		err = variable_look(w, node);
		return err ? err : yaml_each_own(node, entry_walk, (void *)(uintptr_t)w);
	}
	for (struct yaml_walk at = {.list = node}; !err && yaml_step(&at);)
		err = node_walk(w, at.item);
	return err;
}

static int object_audit(const struct yaml_node *object, const struct report *report)
{
	const struct yaml_node *metadata = yaml_get(object, "metadata");
	const char *name = yaml_text(yaml_get(metadata, "name"));
	AUTO_CONTAINER struct container *c = container_new(RUNTIME_CONTAINERD, "");
	const struct walk w = {
		.report = report,
		.service = name ? name : yaml_text(yaml_get(metadata, "generateName")),
		.container = c,
	};

	if (!c || container_set(&c->pod_namespace, yaml_text(yaml_get(metadata, "namespace"))))
		return -ENOMEM;
	return node_walk(&w, object);
}

int kubernetes_audit(const struct yaml_node *root, const struct report *report)
{
	const struct yaml_node *items = yaml_get(root, "items");
	int err = 0;

	if (yaml_kind(items) != YAML_LIST)
		return object_audit(root, report);
	for (struct yaml_walk at = {.list = items}; !err && yaml_step(&at);)
		err = object_audit(at.item, report);
	return err;
}
