// SPDX-License-Identifier: Apache-2.0
/* The OCI runtime spec, config.json of a bundle: github.com/opencontainers/runtime-spec. */
#include <errno.h>
#include <string.h>

#include "user/container/runtime_files.h"

static bool array_has(const json_t *array, const char *word)
{
	json_t *value = NULL;
	size_t i = 0;

	json_array_foreach (array, i, value)
		if (json_is_string(value) && strcmp(json_string_value(value), word) == 0)
			return true;
	return false;
}

/* proc, sysfs, tmpfs and their like show nothing of the host's files. */
static int mounts_read(struct container *container, const json_t *mounts, bool *damaged)
{
	json_t *mount = NULL;
	size_t i = 0;

	json_array_foreach (mounts, i, mount) {
		const char *type = json_member_text(mount, "type", damaged);
		const char *source = json_member_text(mount, "source", damaged);
		const char *destination = json_member_text(mount, "destination", damaged);
		const json_t *options = json_member_array(mount, "options", damaged);
		bool bind = (type && strcmp(type, "bind") == 0) || array_has(options, "bind") ||
			    array_has(options, "rbind");
		int err = 0;

		if (!bind)
			continue;
		if (!destination) {
			*damaged = true;
			continue;
		}
		err = container_add_mount(container, "bind", source, destination, NULL,
					  array_has(options, "ro"));
		if (err)
			return err;
	}
	return 0;
}

/* No pid namespace of its own in the list: the host's. */
static bool pid_is_host(const json_t *linux_part, bool *damaged)
{
	const json_t *namespaces = json_member_array(linux_part, "namespaces", damaged);
	json_t *namespace = NULL;
	size_t i = 0;

	json_array_foreach (namespaces, i, namespace) {
		const char *type = json_member_text(namespace, "type", damaged);

		if (type && strcmp(type, "pid") == 0)
			return false;
	}
	return namespaces != NULL;
}

/*
 * A spec has no word for "privileged". Every runtime's --privileged comes out as
 * all of these: any device, nothing of /proc masked, CAP_SYS_ADMIN.
 */
static bool is_privileged(const json_t *spec, const json_t *linux_part, bool *damaged)
{
	const json_t *process = json_member_object(spec, "process", damaged);
	const json_t *caps = json_member_object(process, "capabilities", damaged);
	const json_t *resources = json_member_object(linux_part, "resources", damaged);
	const json_t *devices = json_member_array(resources, "devices", damaged);
	json_t *rule = NULL;
	bool any_device = false;
	size_t i = 0;

	json_array_foreach (devices, i, rule) {
		const char *type = json_member_text(rule, "type", damaged);
		const char *access = json_member_text(rule, "access", damaged);

		/* A rule for all devices settles what those before it said. */
		if (!type || strcmp(type, "a") == 0)
			any_device = json_member_true(rule, "allow", damaged) && access &&
				     strcmp(access, "rwm") == 0;
	}
	return any_device &&
	       !json_array_size(json_member_array(linux_part, "maskedPaths", damaged)) &&
	       array_has(json_member_array(caps, "bounding", damaged), "CAP_SYS_ADMIN");
}

int container_read_spec(struct container *container, const json_t *spec, bool *damaged)
{
	const json_t *linux_part = json_member_object(spec, "linux", damaged);

	container->host_pid = pid_is_host(linux_part, damaged);
	container->privileged = is_privileged(spec, linux_part, damaged);
	return mounts_read(container, json_member_array(spec, "mounts", damaged), damaged);
}
