// SPDX-License-Identifier: Apache-2.0
/*
 * YAML and JSON of other tools: CI, Ansible, ECS, dev containers, Nomad. They name host paths
 * by the same few words, wherever they put them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/audit/lead.h"
#include "user/audit/manifest.h"
#include "user/audit/shell.h"
#include "user/util/cleanup.h"

/* Lists of "SOURCE:TARGET", or of mounts. */
static const char *const volume_keys[] = {"volumes", "volume", "binds", "mounts", "bind_mounts"};
/* A path of the host, or a map with one under "path". */
static const char *const path_keys[] = {"hostPath", "host_path", "sourcePath", "source_path"};
/* Options of "docker run". */
static const char *const option_keys[] = {"options",	   "docker_args",    "dockerArgs",
					  "createOptions", "runArgs",	     "run_args",
					  "containerArgs", "extra_run_args", "dockerRunArgs"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool is_one_of(const char *key, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(key, keys[i]))
			return true;
	return false;
}

static int node_walk(const struct report *report, const struct yaml_node *node);

/* "/var/run/docker.sock:/var/run/docker.sock:ro", "type=bind,source=/run,target=/x" */
static int volume_text(const struct report *report, const struct yaml_node *node)
{
	const char *text = yaml_text(node);
	const char *colon = strchr(text, ':');
	const char *equals = strstr(text, "source=");
	AUTO_FREE char *source = NULL;

	if (!equals)
		equals = strstr(text, "src=");
	if (equals && strstr(text, "type=bind")) {
		equals = strchr(equals, '=') + 1;
		source = strndup(equals, strcspn(equals, ","));
	} else if (colon && *text == '/') {
		source = strndup(text, (size_t)(colon - text));
	} else {
		return 0;
	}
	if (!source)
		return -ENOMEM;
	/* What other tools put in by their own templates. */
	if (strpbrk(source, "${"))
		return 0;
	return path_report(report, node, NULL, NULL, text, source, strstr(text, ":ro"));
}

static int volumes_walk(const struct report *report, const struct yaml_node *node)
{
	int err = 0;

	if (yaml_text(node))
		return volume_text(report, node);
	for (struct yaml_walk at = {.list = node}; !err && yaml_step(&at);) {
		const struct yaml_node *item = at.item;
		const struct yaml_node *source = yaml_get(item, "source");

		if (yaml_text(item))
			err = volume_text(report, item);
		else if (yaml_text(source) && *yaml_text(source) == '/')
			err = path_report(report, source, NULL, NULL, yaml_text(source),
					  yaml_text(source), false);
		else
			err = node_walk(report, item);
	}
	return yaml_kind(node) == YAML_MAP ? node_walk(report, node) : err;
}

static int path_look(const struct report *report, const struct yaml_node *value)
{
	const struct yaml_node *node =
		yaml_kind(value) == YAML_MAP ? yaml_get(value, "path") : value;
	const char *text = yaml_text(node);

	return text ? path_report(report, node, NULL, NULL, text, text, false) : 0;
}

static int options_look(const struct report *report, const struct yaml_node *value)
{
	const char *text = yaml_text(value);
	AUTO_FREE char *joined = NULL;
	size_t len = 0;
	FILE *out = NULL;
	int err;

	if (text)
		return shell_read_options(text, strlen(text), yaml_line(value), report);
	/* A list: each a word of its own. */
	out = open_memstream(&joined, &len);
	if (!out)
		return -ENOMEM;
	for (struct yaml_walk at = {.list = value}; yaml_step(&at);)
		if (yaml_text(at.item))
			fprintf(out, "%s ", yaml_text(at.item));
	if (fclose(out))
		return -ENOMEM;
	err = shell_read_options(joined, len, yaml_line(value), report);
	return err;
}

struct entry_walk {
	const struct report *report;
	bool image; /* the map is of something that has an image */
};

static int power_look(const struct entry_walk *w, const struct yaml_node *key,
		      const struct yaml_node *value)
{
	const struct report *report = w->report;
	const char *name = yaml_text(key);
	const char *text = yaml_text(value);
	struct finding finding = {
		.file = report->file,
		.line = yaml_line(key),
		.daemon = DAEMON_DOCKER,
	};

	/* Others have privileges of their own: what has none is no container. */
	if (!strcmp(name, "privileged") && yaml_is_true(text) && w->image) {
		finding.way = WAY_PRIVILEGED;
		finding.via = VIA_PROC_ROOT;
		finding.spelling = "privileged: true";
	} else if (!strcmp(name, "DOCKER_HOST") && text && lead_is_address(text)) {
		AUTO_FREE char *spelling = NULL;

		if (asprintf(&spelling, "DOCKER_HOST=%s", text) < 0)
			return -ENOMEM;
		finding.way = WAY_TCP;
		finding.socket = text;
		finding.spelling = spelling;
		return report->fn(report->ctx, &finding);
	} else {
		return 0;
	}
	return report->fn(report->ctx, &finding);
}

static int entry_walk(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	const struct entry_walk *w = ctx;
	const struct report *report = w->report;
	const char *name = yaml_text(key);
	int err = power_look(w, key, value);

	if (err || yaml_is_alias(value))
		return err;
	if (is_one_of(name, volume_keys, COUNT(volume_keys)))
		return volumes_walk(report, value);
	if (is_one_of(name, path_keys, COUNT(path_keys)))
		return path_look(report, value);
	/* Drone: "volumes: [{name: x, host: {path: /run}}]" */
	if (!strcmp(name, "host") && yaml_text(yaml_get(value, "path")))
		return path_look(report, value);
	if (is_one_of(name, option_keys, COUNT(option_keys)) && yaml_kind(value) != YAML_MAP)
		return options_look(report, value);
	return node_walk(report, value);
}

static bool names_a_client(const char *text)
{
	return strstr(text, "docker") || strstr(text, "podman") || strstr(text, "nerdctl");
}

/* A block of a script begins in the line below its '|'. */
static int script_read(const struct report *report, const struct yaml_node *node)
{
	const char *text = yaml_text(node);

	return names_a_client(text) ? shell_read(text, strlen(text), yaml_line(node), report) : 0;
}

static int node_walk(const struct report *report, const struct yaml_node *node)
{
	struct entry_walk w = {.report = report};
	int err = 0;

	if (yaml_is_alias(node))
		return 0;
	if (yaml_text(node))
		return script_read(report, node);
	if (yaml_kind(node) == YAML_MAP) {
		w.image = yaml_text(yaml_get(node, "image")) || yaml_text(yaml_get(node, "Image"));
		return yaml_each_own(node, entry_walk, &w);
	}
	for (struct yaml_walk at = {.list = node}; !err && yaml_step(&at);)
		err = node_walk(report, at.item);
	return err;
}

int generic_audit(const struct yaml_node *root, const struct report *report)
{
	return node_walk(report, root);
}
