// SPDX-License-Identifier: Apache-2.0
/* What "docker inspect" prints: moby's api/types/container, InspectResponse. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/lead.h"
#include "user/audit/manifest.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

static bool container_is(const struct yaml_node *object)
{
	return yaml_kind(yaml_get(object, "HostConfig")) == YAML_MAP &&
	       yaml_text(yaml_get(object, "Id"));
}

bool inspect_is(const struct yaml_node *root)
{
	return container_is(root) || container_is(yaml_first(root));
}

static int labels_take(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	json_t *labels = ctx;

	if (yaml_text(value))
		json_object_set_new(labels, yaml_text(key), json_string(yaml_text(value)));
	return 0;
}

static int container_read(const struct yaml_node *object, struct container **out)
{
	const struct yaml_node *config = yaml_get(object, "Config");
	const char *id = yaml_text(yaml_get(object, "Id"));
	const char *name = yaml_text(yaml_get(object, "Name"));
	AUTO_CONTAINER struct container *c = container_new(RUNTIME_UNKNOWN, id ? id : "");
	json_t *labels CLEANUP(json_decrefp) = json_object();

	if (!c)
		return -ENOMEM;
	if (!labels || container_set(&c->name, name && *name == '/' ? name + 1 : name) ||
	    container_set(&c->image, yaml_text(yaml_get(config, "Image"))) ||
	    container_set(&c->image_hash, yaml_text(yaml_get(object, "Image"))))
		return -ENOMEM;
	yaml_each_own(yaml_get(config, "Labels"), labels_take, labels);
	if (container_set_labels(c, labels, NULL))
		return -ENOMEM;
	*out = take_ptr(c);
	return 0;
}

/* --- mounts ------------------------------------------------------------------------------------- */

struct look {
	const struct report *report;
	const struct yaml_node
		*all; /* the list that it is of; "docker volume inspect" may be too */
	const struct yaml_node *object;
	const struct container *container;
};

static int tell(const struct look *l, const struct yaml_node *node, struct finding finding)
{
	finding.file = l->report->file;
	finding.line = yaml_line(node);
	finding.container = l->container;
	return l->report->fn(l->report->ctx, &finding);
}

static int mount_report(const struct look *l, const struct yaml_node *node, const char *spelling,
			const char *source, bool volume, bool read_only)
{
	const struct lead lead = lead_find(source);
	struct finding finding = lead_finding(&lead, volume);

	finding.spelling = spelling;
	finding.read_only = read_only;
	return lead.kind == LEAD_NOWHERE ? 0 : tell(l, node, finding);
}

/* More than anybody has; of one that is not compared it is rather told twice than never. */
#define MOUNTS_COMPARED 1024

/* What a volume of the local driver is mounted from, when it is told here as well. */
static const char *volume_device(const struct look *l, const char *name)
{
	size_t left = MOUNTS_COMPARED;

	for (struct yaml_walk at = {.list = l->all}; name && left && yaml_step(&at); left--) {
		const struct yaml_node *options = yaml_get(at.item, "Options");
		const char *o = yaml_text(yaml_get(options, "o"));
		const char *other = yaml_text(yaml_get(at.item, "Name"));

		if (o && strstr(o, "bind") && other && !strcmp(other, name))
			return yaml_text(yaml_get(options, "device"));
	}
	return NULL;
}

static bool destination_is_mounted(const struct look *l, const char *destination)
{
	const struct yaml_node *mounts = yaml_get(l->object, "Mounts");
	size_t left = MOUNTS_COMPARED;

	for (struct yaml_walk at = {.list = mounts}; destination && left && yaml_step(&at);
	     left--) {
		const char *other = yaml_text(yaml_get(at.item, "Destination"));

		if (other && !strcmp(other, destination))
			return true;
	}
	return false;
}

static int mounts_look(const struct look *l)
{
	const struct yaml_node *mounts = yaml_get(l->object, "Mounts");
	int err = 0;

	for (struct yaml_walk at = {.list = mounts}; !err && yaml_step(&at);) {
		const struct yaml_node *mount = at.item;
		const struct yaml_node *source = yaml_get(mount, "Source");
		const char *type = yaml_text(yaml_get(mount, "Type"));
		const char *rw = yaml_text(yaml_get(mount, "RW"));
		bool volume = type && !strcmp(type, "volume");
		const char *device =
			volume ? volume_device(l, yaml_text(yaml_get(mount, "Name"))) : NULL;

		if (yaml_text(source))
			err = mount_report(l, source, yaml_text(source),
					   device ? device : yaml_text(source), volume,
					   rw && !yaml_is_true(rw));
	}
	return err;
}

/* Where the container has never run, its Mounts can lack what it was configured with. */
static int binds_look(const struct look *l, const struct yaml_node *host)
{
	const struct yaml_node *binds = yaml_get(host, "Binds");
	int err = 0;

	for (struct yaml_walk at = {.list = binds}; !err && yaml_step(&at);) {
		const struct yaml_node *node = at.item;
		const char *text = yaml_text(node);
		const char *colon = text ? strchr(text, ':') : NULL;
		AUTO_FREE char *source = colon ? strndup(text, (size_t)(colon - text)) : NULL;
		AUTO_FREE char *target = colon ? strndup(colon + 1, strcspn(colon + 1, ":")) : NULL;

		if (source && target && !destination_is_mounted(l, target))
			err = mount_report(l, node, source, source, false,
					   strstr(colon + 1 + strlen(target), "ro"));
	}
	return err;
}

/* "Mounts" of HostConfig: binds, and volumes with the local driver's options. */
static int host_mounts_look(const struct look *l, const struct yaml_node *host)
{
	const struct yaml_node *mounts = yaml_get(host, "Mounts");
	int err = 0;

	for (struct yaml_walk at = {.list = mounts}; !err && yaml_step(&at);) {
		const struct yaml_node *mount = at.item;
		const struct yaml_node *source = yaml_get(mount, "Source");
		const struct yaml_node *options = yaml_get(
			yaml_get(yaml_get(mount, "VolumeOptions"), "DriverConfig"), "Options");
		const struct yaml_node *device = yaml_get(options, "device");
		const char *type = yaml_text(yaml_get(mount, "Type"));
		bool read_only = yaml_is_true(yaml_text(yaml_get(mount, "ReadOnly")));

		if (yaml_text(device))
			err = mount_report(l, device, yaml_text(device), yaml_text(device), true,
					   read_only);
		else if (type && !strcmp(type, "bind") && yaml_text(source) &&
			 !destination_is_mounted(l, yaml_text(yaml_get(mount, "Target"))))
			err = mount_report(l, source, yaml_text(source), yaml_text(source), false,
					   read_only);
	}
	return err;
}

/* --- the rest ------------------------------------------------------------------------------------ */

static int powers_look(const struct look *l, const struct yaml_node *host)
{
	const struct yaml_node *privileged = yaml_get(host, "Privileged");
	const struct yaml_node *pid = yaml_get(host, "PidMode");
	struct finding finding = {
		.way = WAY_PRIVILEGED,
		.via = VIA_PROC_ROOT,
		.daemon = DAEMON_DOCKER,
		.spelling = "privileged: true",
	};
	int err = 0;

	if (yaml_is_true(yaml_text(privileged)))
		err = tell(l, privileged, finding);
	finding.way = WAY_HOST_PID;
	finding.spelling = "pid: host";
	if (!err && yaml_text(pid) && !strcmp(yaml_text(pid), "host"))
		err = tell(l, pid, finding);
	return err;
}

static int volumes_from_look(const struct look *l, const struct yaml_node *host)
{
	const struct yaml_node *list = yaml_get(host, "VolumesFrom");
	int err = 0;

	/* What came of it is in Mounts, unless the container has none. */
	if (yaml_size(yaml_get(l->object, "Mounts")))
		return 0;
	for (struct yaml_walk at = {.list = list}; !err && yaml_step(&at);) {
		struct finding finding = {
			.way = WAY_UNDECIDED,
			.spelling = yaml_text(at.item),
			.unknown = "look at the container that it takes volumes from",
		};

		if (finding.spelling)
			err = tell(l, at.item, finding);
	}
	return err;
}

/* Nothing else of the environment is looked at: it holds secrets. */
static int environment_look(const struct look *l)
{
	const struct yaml_node *list = yaml_get(yaml_get(l->object, "Config"), "Env");
	int err = 0;

	for (struct yaml_walk at = {.list = list}; !err && yaml_step(&at);) {
		const char *text = yaml_text(at.item);
		struct finding finding = {
			.way = WAY_TCP, .daemon = DAEMON_DOCKER, .spelling = text};

		if (!text || strncmp(text, "DOCKER_HOST=", 12) != 0 || !lead_is_address(text + 12))
			continue;
		finding.socket = text + 12;
		err = tell(l, at.item, finding);
	}
	return err;
}

static int container_audit(const struct yaml_node *object, const struct yaml_node *all,
			   const struct report *report)
{
	const struct yaml_node *host = yaml_get(object, "HostConfig");
	AUTO_CONTAINER struct container *c = NULL;
	struct look l = {.report = report, .all = all, .object = object};
	int err = container_read(object, &c);

	l.container = c;
	err = err ? err : mounts_look(&l);
	err = err ? err : binds_look(&l, host);
	err = err ? err : host_mounts_look(&l, host);
	err = err ? err : volumes_from_look(&l, host);
	err = err ? err : powers_look(&l, host);
	return err ? err : environment_look(&l);
}

int inspect_audit(const struct yaml_node *root, const struct report *report)
{
	int err = 0;

	if (container_is(root))
		return container_audit(root, NULL, report);
	for (struct yaml_walk at = {.list = root}; !err && yaml_step(&at);)
		if (container_is(at.item))
			err = container_audit(at.item, root, report);
	return err;
}
