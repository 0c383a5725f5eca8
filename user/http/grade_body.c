// SPDX-License-Identifier: Apache-2.0
#include "user/http/grade_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/http/go_json.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define SOURCE_MAX 4096

static void takeover(struct grade *out, const char *what, const char *value)
{
	grade_raise(out, GRADE_TAKEOVER);
	grade_because(out, *value ? "%s %s" : "%s%s", what, value);
}

/* --- what is bound into it ------------------------------------------------------------------ */

/* Whoever has one of these, or what is below, or a folder above, has the host. */
static const char *const host_paths[] = {
	"/etc",
	"/root",
	"/proc",
	"/sys",
	"/dev",
	"/boot",
	"/run",
	"/var/run",
	"/var/lib/docker",
	"/var/lib/containerd",
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/var/lib/containers",
	"/var/lib/kubelet",
	"/etc/kubernetes",
	"/var/spool/cron",
};
/* Below one of them, and read by every other image's programs. */
static const char *const harmless_paths[] = {"/etc/localtime", "/etc/timezone"};

static bool path_is_hosts(const char *path)
{
	for (size_t i = 0; i < sizeof(harmless_paths) / sizeof(harmless_paths[0]); i++)
		if (!strcmp(path, harmless_paths[i]))
			return false;
	for (size_t i = 0; i < sizeof(host_paths) / sizeof(host_paths[0]); i++)
		if (path_after(path, host_paths[i]) || path_after(host_paths[i], path))
			return true;
	return !strcmp(path, "/home");
}

static void look_at_source(const char *source, const struct grade_context *context,
			   struct grade *out)
{
	const char *const *socket = context->sockets;
	char path[SOURCE_MAX];

	if (*source != '/')
		return;
	path_clean(source, path, sizeof(path));
	for (; socket && *socket; socket++) {
		if (!path_after(*socket, path))
			continue;
		grade_raise(out, GRADE_TAKEOVER);
		grade_because(out, "binds %s, which holds the socket", path);
		return;
	}
	if (path_is_hosts(path))
		takeover(out, "binds", path);
}

/* "source:target:options" */
static void look_at_bind(const char *bind, const struct grade_context *context, struct grade *out)
{
	const char *colon = strchr(bind, ':');
	AUTO_FREE char *source = strndup(bind, colon ? (size_t)(colon - bind) : strlen(bind));
	const char *options = colon ? strchr(colon + 1, ':') : NULL;

	if (!source) {
		takeover(out, "a bind that there was no memory to look at", "");
		return;
	}
	look_at_source(source, context, out);
	if (options && strstr(options, "shared"))
		takeover(out, "shared propagation", "");
}

static void look_at_driver_options(const json_t *options, struct grade *out)
{
	const char *o = go_json_text(go_json_get(options, "o"));
	const char *device = go_json_text(go_json_get(options, "device"));

	/* "bind" and "rbind" */
	if (strstr(o, "bind"))
		takeover(out, "volume binds", device);
	else if (*device && strcmp(device, "tmpfs") != 0)
		takeover(out, "volume on device", device);
}

static void look_at_mount(const json_t *mount, const struct grade_context *context,
			  struct grade *out)
{
	const char *propagation =
		go_json_text(go_json_get(go_json_get(mount, "bindoptions"), "propagation"));
	const json_t *driver = go_json_get(go_json_get(mount, "volumeoptions"), "driverconfig");

	if (!strcasecmp(go_json_text(go_json_get(mount, "type")), "bind"))
		look_at_source(go_json_text(go_json_get(mount, "source")), context, out);
	if (strstr(propagation, "shared"))
		takeover(out, "shared propagation", "");
	look_at_driver_options(go_json_get(driver, "options"), out);
}

static void look_at_mounts(const json_t *mounts, const struct grade_context *context,
			   struct grade *out)
{
	for (size_t i = 0; i < go_json_size(mounts); i++)
		look_at_mount(go_json_at(mounts, i), context, out);
}

/* --- single fields -------------------------------------------------------------------------- */

static void look_at_capability(const char *name, struct grade *out)
{
	static const char *const strong[] = {
		"ALL",	  "SYS_ADMIN", "SYS_MODULE",   "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH",
		"BPF",	  "NET_ADMIN", "DAC_OVERRIDE", "SYS_BOOT",   "MAC_ADMIN", "MAC_OVERRIDE",
		"SYSLOG", "PERFMON"};

	if (!strncasecmp(name, "CAP_", 4))
		name += 4;
	for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++)
		if (!strcasecmp(name, strong[i]))
			takeover(out, "capability", strong[i]);
}

static void look_at_capabilities(const json_t *list, struct grade *out)
{
	for (size_t i = 0; i < go_json_size(list); i++)
		look_at_capability(go_json_text(go_json_at(list, i)), out);
}

static void look_at_mode(const char *what, const char *mode, struct grade *out)
{
	if (!strcmp(mode, "host") || !strncmp(mode, "container:", 10) || !strncmp(mode, "ns:", 3))
		takeover(out, what, mode);
}

static void look_at_security(const char *option, struct grade *out)
{
	if (strcasestr(option, "unconfined") || strcasestr(option, "disable"))
		takeover(out, "security option", option);
}

/* A field that is not empty, whatever it holds. */
static void look_if_any(const json_t *object, const char *key, const char *what, struct grade *out)
{
	const json_t *value = go_json_get(object, key);

	if (*go_json_text(value))
		takeover(out, what, go_json_text(value));
	else if (go_json_is_list(value) ? go_json_size(value) : json_object_size(value))
		takeover(out, what, "");
}

/* "systempaths=unconfined" is an empty list on the wire; null and none are the safe default. */
static void look_if_empty_list(const json_t *object, const char *key, const char *what,
			       struct grade *out)
{
	const json_t *value = go_json_get(object, key);

	if (go_json_is_list(value) && !go_json_size(value))
		takeover(out, what, "");
}

void grade_create_body(const json_t *root, const struct grade_context *context, struct grade *out)
{
	static const char *const modes[][2] = {
		{"pidmode", "pid"}, {"networkmode", "network"}, {"ipcmode", "ipc"},
		{"utsmode", "uts"}, {"usernsmode", "user"},	{"cgroupnsmode", "cgroup"},
	};
	const json_t *host = go_json_get(root, "hostconfig");
	const json_t *list = go_json_get(host, "binds");
	const char *runtime = go_json_text(go_json_get(host, "runtime"));

	if (json_is_true(go_json_get(host, "privileged")))
		takeover(out, "privileged", "");
	for (size_t i = 0; i < go_json_size(list); i++)
		look_at_bind(go_json_text(go_json_at(list, i)), context, out);
	look_at_mounts(go_json_get(host, "mounts"), context, out);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		look_at_mode(modes[i][1], go_json_text(go_json_get(host, modes[i][0])), out);
	look_at_capabilities(go_json_get(host, "capadd"), out);
	look_at_capabilities(go_json_get(host, "capabilities"), out);
	list = go_json_get(host, "devices");
	for (size_t i = 0; i < go_json_size(list); i++)
		takeover(out, "device",
			 go_json_text(go_json_get(go_json_at(list, i), "pathonhost")));
	look_if_any(host, "devicecgrouprules", "device rules", out);
	look_if_any(host, "devicerequests", "device requests", out);
	look_if_any(host, "volumesfrom", "volumes of another container", out);
	list = go_json_get(host, "securityopt");
	for (size_t i = 0; i < go_json_size(list); i++)
		look_at_security(go_json_text(go_json_at(list, i)), out);
	look_if_empty_list(host, "maskedpaths", "no masked paths", out);
	look_if_empty_list(host, "readonlypaths", "no read-only paths", out);
	look_if_any(host, "cgroupparent", "cgroup parent", out);
	if (*runtime && strcmp(runtime, "runc") != 0 && strcmp(runtime, "io.containerd.runc.v2"))
		takeover(out, "runtime", runtime);
	look_if_any(host, "groupadd", "groups", out);
	look_if_any(host, "annotations", "annotations", out);
}

/* --- Podman's own, services, volumes -------------------------------------------------------- */

void grade_spec_body(const json_t *root, const struct grade_context *context, struct grade *out)
{
	static const char *const modes[][2] = {
		{"pidns", "pid"}, {"netns", "network"}, {"ipcns", "ipc"},
		{"utsns", "uts"}, {"userns", "user"},	{"cgroupns", "cgroup"},
	};
	const json_t *list = go_json_get(root, "mounts");

	if (json_is_true(go_json_get(root, "privileged")))
		takeover(out, "privileged", "");
	for (size_t i = 0; i < go_json_size(list); i++)
		look_at_source(go_json_text(go_json_get(go_json_at(list, i), "source")), context,
			       out);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *mode =
			go_json_text(go_json_get(go_json_get(root, modes[i][0]), "nsmode"));

		if (!strcmp(mode, "host") || !strcmp(mode, "container") || !strcmp(mode, "path"))
			takeover(out, modes[i][1], mode);
	}
	look_at_capabilities(go_json_get(root, "cap_add"), out);
	list = go_json_get(root, "devices");
	for (size_t i = 0; i < go_json_size(list); i++)
		takeover(out, "device", go_json_text(go_json_get(go_json_at(list, i), "path")));
	look_if_any(root, "host_device_list", "devices", out);
	look_if_any(root, "device_cgroup_rule", "device rules", out);
	look_if_any(root, "volumes_from", "volumes of another container", out);
	look_at_security(go_json_text(go_json_get(root, "apparmor_profile")), out);
	look_at_security(go_json_text(go_json_get(root, "seccomp_profile_path")), out);
	list = go_json_get(root, "selinux_opts");
	for (size_t i = 0; i < go_json_size(list); i++)
		look_at_security(go_json_text(go_json_at(list, i)), out);
	look_if_any(root, "unmask", "unmasked paths", out);
	look_if_any(root, "cgroup_parent", "cgroup parent", out);
	look_if_any(root, "oci_runtime", "runtime", out);
	look_if_any(root, "rootfs", "a root of the host's", out);
}

void grade_service_body(const json_t *root, const struct grade_context *context, struct grade *out)
{
	const json_t *spec = go_json_get(go_json_get(root, "tasktemplate"), "containerspec");
	const json_t *privileges = go_json_get(spec, "privileges");
	const char *const seccomp =
		go_json_text(go_json_get(go_json_get(privileges, "seccomp"), "mode"));
	const char *const apparmor =
		go_json_text(go_json_get(go_json_get(privileges, "apparmor"), "mode"));

	look_at_mounts(go_json_get(spec, "mounts"), context, out);
	look_at_capabilities(go_json_get(spec, "capabilityadd"), out);
	if (json_is_true(go_json_get(go_json_get(privileges, "selinuxcontext"), "disable")))
		takeover(out, "SELinux disabled", "");
	look_at_security(seccomp, out);
	look_at_security(apparmor, out);
}

void grade_volume_body(const json_t *root, struct grade *out)
{
	look_at_driver_options(go_json_get(root, "driveropts"), out);
	look_at_driver_options(go_json_get(root, "options"), out); /* Podman's */
}
