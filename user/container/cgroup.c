// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "user/container/cgroup.h"

enum id_kind {
	ID_HEX64,	 /* 64 lower-case hex digits */
	ID_HEX64_TAIL,	 /* the same after "<anything>-" */
	ID_BUILDKIT,	 /* 25 lower-case letters and digits: BuildKit's identity.NewID() */
	ID_CONTAINERD,	 /* a name by containerd's rules */
	ID_NAME,	 /* anything printable */
	ID_UNIT_NAME,	 /* a name with systemd's escapes */
	ID_LIBVIRT_NAME, /* the same, "<pid>-" before it since libvirt 1.3.3 */
	ID_ANY,		 /* not looked at */
};

enum form_means {
	FORM_CONTAINER,
	FORM_GROUP,  /* a group of containers: the id in it is no container's */
	FORM_HELPER, /* a process of the host, whatever is below */
};

/* clang-format off */
/*
 * The forms of one component of a path, tried from the top, the more telling
 * ones first. The path is read from its root to its end, so that a container is
 * found however far below it its processes sit. "slice:prefix:id", which runc
 * leaves when it is given systemd's form and the cgroupfs driver, is read as
 * "prefix-id.scope".
 */
static const struct form {
	enum form_means means;
	enum runtime runtime;
	enum id_kind id;
	const char *parent;	/* the component just above, NULL: any */
	const char *ancestor;	/* one between here and the container above, NULL: any */
	const char *prefix;	/* before the id */
	const char *suffix;	/* after it */
	const char *supervisor;	/* the component below that holds the runtime's own processes */
	const char *ns;		/* the containerd namespace that this form stands for */
	bool at_root;		/* only as the second component of the path */
} forms[] = {
	/* the host's own helpers */
	{ FORM_HELPER, .id = ID_ANY, .prefix = "libpod-conmon-" },
	{ FORM_HELPER, .id = ID_ANY, .parent = "libpod_parent", .prefix = "conmon" },
	{ FORM_HELPER, .id = ID_ANY, .prefix = "crio-conmon-" },
	{ FORM_HELPER, .id = ID_ANY, .prefix = "lxc.monitor" },
	{ FORM_HELPER, .id = ID_ANY, .prefix = "kata_overhead" },
	{ FORM_HELPER, .id = ID_ANY, .prefix = "machine-qemu\\x2d", .suffix = ".scope" },
	{ FORM_GROUP, .id = ID_HEX64, .parent = "libpod_parent" },

	/* Docker; with systemd the name is the same in any slice of --cgroup-parent */
	{ .runtime = RUNTIME_DOCKER, .parent = "docker" },
	{ .runtime = RUNTIME_DOCKER, .prefix = "docker-", .suffix = ".scope" },

	/* BuildKit, standalone or in dockerd with either cgroup driver */
	{ .runtime = RUNTIME_BUILDKIT, .id = ID_BUILDKIT, .parent = "buildkit" },
	{ .runtime = RUNTIME_BUILDKIT, .id = ID_BUILDKIT, .prefix = "docker-", .suffix = ".scope" },

	/* Podman: quadlets and --cgroups=split, systemd, cgroupfs */
	{ .runtime = RUNTIME_PODMAN, .prefix = "libpod-payload-" },
	{ .runtime = RUNTIME_PODMAN, .prefix = "libpod-", .suffix = ".scope" },
	{ .runtime = RUNTIME_PODMAN, .prefix = "libpod-" },

	/* CRI-O; a pod's sandbox has no ".scope" */
	{ .runtime = RUNTIME_CRIO, .prefix = "crio-", .suffix = ".scope" },
	{ .runtime = RUNTIME_CRIO, .prefix = "crio-" },

	/* containerd: CRI, nerdctl, and ctr in the namespaces that are always its own */
	{ .runtime = RUNTIME_CONTAINERD, .prefix = "cri-containerd-", .suffix = ".scope", .ns = "k8s.io" },
	{ .runtime = RUNTIME_CONTAINERD, .prefix = "nerdctl-", .suffix = ".scope" },
	{ .runtime = RUNTIME_CONTAINERD, .id = ID_CONTAINERD, .parent = "default", .at_root = true, .ns = "default" },
	{ .runtime = RUNTIME_CONTAINERD, .id = ID_CONTAINERD, .parent = "moby", .at_root = true, .ns = "moby" },
	{ .runtime = RUNTIME_CONTAINERD, .id = ID_CONTAINERD, .parent = "k8s.io", .at_root = true, .ns = "k8s.io" },
	{ .runtime = RUNTIME_CONTAINERD, .id = ID_CONTAINERD, .parent = "buildkit", .at_root = true, .ns = "buildkit" },

	/* LXC, Incus */
	{ .runtime = RUNTIME_LXC, .id = ID_NAME, .prefix = "lxc.payload." },
	{ .runtime = RUNTIME_LXC, .id = ID_NAME, .parent = "lxc.payload" },
	{ .runtime = RUNTIME_LXC, .id = ID_NAME, .parent = "lxc" },

	/* machined's machines; libvirt registers its own with it */
	{ .runtime = RUNTIME_LIBVIRT_LXC, .id = ID_LIBVIRT_NAME, .prefix = "machine-lxc\\x2d", .suffix = ".scope" },
	{ .runtime = RUNTIME_LIBVIRT_LXC, .id = ID_NAME, .suffix = ".libvirt-lxc" },
	{ .runtime = RUNTIME_NSPAWN, .id = ID_UNIT_NAME, .prefix = "systemd-nspawn@", .suffix = ".service", .supervisor = "supervisor" },
	{ .runtime = RUNTIME_NSPAWN, .id = ID_UNIT_NAME, .prefix = "machine-", .suffix = ".scope", .supervisor = "supervisor" },

	/* --cgroup-parent of those who run Docker for others */
	{ .runtime = RUNTIME_ACTIONS, .parent = "actions_job" },
	{ .runtime = RUNTIME_ECS, .ancestor = "ecs" },
	{ .runtime = RUNTIME_ECS, .ancestor = "ecstasks.slice" },

	/* an id, and no word of whose: --cgroup-parent, kubelet with cgroupfs, runtimes to come */
	{ .runtime = RUNTIME_UNKNOWN },
	{ .runtime = RUNTIME_UNKNOWN, .id = ID_HEX64_TAIL, .suffix = ".scope" },
};
/* clang-format on */

static const char *const names[] = {
	[RUNTIME_DOCKER] = "docker",
	[RUNTIME_PODMAN] = "podman",
	[RUNTIME_CONTAINERD] = "containerd",
	[RUNTIME_CRIO] = "cri-o",
	[RUNTIME_LXC] = "lxc",
	[RUNTIME_LIBVIRT_LXC] = "libvirt-lxc",
	[RUNTIME_NSPAWN] = "systemd-nspawn",
	[RUNTIME_ECS] = "ecs",
	[RUNTIME_BUILDKIT] = "buildkit",
	[RUNTIME_ACTIONS] = "github-actions",
};

const char *runtime_name(enum runtime runtime)
{
	return (unsigned int)runtime < sizeof(names) / sizeof(names[0]) ? names[runtime] : NULL;
}

/* A piece of the path, not ended by NUL. */
struct span {
	const char *at;
	size_t len;
};

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool span_skip(struct span *s, const char *prefix)
{
	size_t len = strlen(prefix);

	if (s->len < len || memcmp(s->at, prefix, len) != 0)
		return false;
	s->at += len;
	s->len -= len;
	return true;
}

static bool span_cut(struct span *s, const char *suffix)
{
	size_t len = strlen(suffix);

	if (s->len < len || memcmp(s->at + s->len - len, suffix, len) != 0)
		return false;
	s->len -= len;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_lower_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool span_all(struct span s, bool (*is)(char c))
{
	for (size_t i = 0; i < s.len; i++)
		if (!is(s.at[i]))
			return false;
	return true;
}

static struct span span_next(const char **path)
{
	struct span s = {.at = *path + strspn(*path, "/")};

	s.len = strcspn(s.at, "/");
	*path = s.at + s.len;
	return s;
}

static unsigned int hex_value(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Undo unit_name_escape() of systemd: \xNN is a byte. Another backslash stands for itself. */
static struct span unit_unescape(struct span in, char *out, size_t size)
{
	struct span s = {.at = out};

	for (size_t i = 0; i < in.len && s.len < size; i++) {
		const char *c = in.at + i;

		if (in.len - i >= 4 && c[0] == '\\' && c[1] == 'x' && is_hex(c[2]) &&
		    is_hex(c[3])) {
			out[s.len++] = (char)(hex_value(c[2]) << 4 | hex_value(c[3]));
			i += 3;
		} else {
			out[s.len++] = *c;
		}
	}
	return s;
}

/* A name that is fit to be an id: no path, nothing that a terminal obeys. */
static bool name_is_valid(struct span s)
{
	if (!s.len || s.len > CONTAINER_ID_MAX || span_is(s, ".") || span_is(s, ".."))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f || s.at[i] == '/')
			return false;
	return true;
}

static void span_copy(struct span s, char *out)
{
	memcpy(out, s.at, s.len);
	out[s.len] = '\0';
}

/*
 * The names that containerd allows (pkg/identifiers): letters and digits, with
 * single '.', '_', '-' between. What is named like a unit of systemd is the host's.
 */
static bool containerd_name(struct span s)
{
	static const char *const units[] = {".slice", ".service", ".scope", ".mount", ".socket",
					    ".swap",  ".timer",	  ".path",  ".target"};
	bool separator = true;

	if (s.len > CONTAINERD_NAME_MAX)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct span cut = s;

		if (span_cut(&cut, units[i]))
			return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		bool was = separator;

		separator = s.at[i] == '.' || s.at[i] == '_' || s.at[i] == '-';
		if (separator && was)
			return false;
		if (!separator && !isalnum((unsigned char)s.at[i]))
			return false;
	}
	return !separator;
}

static void pid_skip(struct span *s)
{
	struct span rest = *s;

	while (rest.len && isdigit((unsigned char)*rest.at)) {
		rest.at++;
		rest.len--;
	}
	if (rest.len < s->len && span_skip(&rest, "-"))
		*s = rest;
}

static bool id_match(enum id_kind kind, struct span s, char id[CONTAINER_ID_MAX + 1])
{
	char decoded[CONTAINER_ID_MAX + 1] = "";
	bool matches = true;

	switch (kind) {
	case ID_ANY:
		return true;
	case ID_HEX64:
		matches = s.len == 64 && span_all(s, is_hex);
		break;
	case ID_HEX64_TAIL:
		if (s.len < 66 || s.at[s.len - 65] != '-')
			return false;
		s = (struct span){s.at + s.len - 64, 64};
		matches = span_all(s, is_hex);
		break;
	case ID_BUILDKIT:
		matches = s.len == 25 && span_all(s, is_lower_or_digit);
		break;
	case ID_CONTAINERD:
		matches = containerd_name(s);
		break;
	case ID_NAME:
		break;
	case ID_UNIT_NAME:
		s = unit_unescape(s, decoded, sizeof(decoded));
		break;
	case ID_LIBVIRT_NAME:
		s = unit_unescape(s, decoded, sizeof(decoded));
		pid_skip(&s);
		break;
	}
	if (!matches || !name_is_valid(s))
		return false;
	span_copy(s, id);
	return true;
}

/* Where a component stands. */
struct place {
	struct span parent;
	const char *ancestor; /* of forms[].ancestor, NULL: none */
	size_t depth;
};

static const struct form *form_find(struct span component, const struct place *place,
				    char id[CONTAINER_ID_MAX + 1])
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];
		struct span s = component;

		if (f->parent && !span_is(place->parent, f->parent))
			continue;
		if (f->ancestor && (!place->ancestor || strcmp(f->ancestor, place->ancestor) != 0))
			continue;
		if (f->at_root && place->depth != 1)
			continue;
		if (f->prefix && !span_skip(&s, f->prefix))
			continue;
		if (f->suffix && !span_cut(&s, f->suffix))
			continue;
		if (id_match(f->id, s, id))
			return f;
	}
	return NULL;
}

static const char *ancestor_find(struct span component)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].ancestor && span_is(component, forms[i].ancestor))
			return forms[i].ancestor;
	return NULL;
}

static bool is_uid_char(char c)
{
	return is_hex(c) || c == '-' || c == '_';
}

/*
 * "pod<uid>" of the kubelet's cgroupfs driver, "…-pod<uid>.slice" of systemd's,
 * whose uid has '_' for '-'. A static pod's uid is a hash of 32 digits.
 */
static void pod_match(struct span s, char pod_uid[64])
{
	static const size_t lengths[] = {36, 32};
	const char *mark = span_cut(&s, ".slice") ? "-pod" : "pod";

	for (size_t i = 0; i < 2; i++) {
		struct span uid = {.len = lengths[i]};

		if (s.len < uid.len)
			continue;
		uid.at = s.at + s.len - uid.len;
		if (!span_all(uid, is_uid_char))
			continue;
		s.len -= uid.len;
		if (!span_cut(&s, mark) || (s.len && *mark != '-'))
			return;
		span_copy(uid, pod_uid);
		for (char *c = pod_uid; *c; c++)
			if (*c == '_')
				*c = '-';
		return;
	}
}

static void candidate_find(const char *path, struct cgroup_owner *out)
{
	struct span ns = span_next(&path);
	struct span id = span_next(&path);

	if (!containerd_name(ns) || !containerd_name(id))
		return;
	out->runtime = RUNTIME_CONTAINERD;
	out->candidate = true;
	span_copy(ns, out->ns);
	span_copy(id, out->id);
}

/* "slice:prefix:id" as systemd would have made it; an empty span if it is not that. */
static struct span unit_expand(struct span s, char *buf, size_t size, char pod_uid[64])
{
	const char *prefix = memchr(s.at, ':', s.len);
	const char *end = s.at + s.len;
	const char *id = NULL;
	int n = 0;

	if (!prefix || s.len + sizeof(".scope") > size)
		return (struct span){};
	prefix++;
	id = memchr(prefix, ':', (size_t)(end - prefix));
	if (!id)
		return (struct span){};
	id++;
	pod_match((struct span){s.at, (size_t)(prefix - 1 - s.at)}, pod_uid);
	n = snprintf(buf, size, "%.*s-%.*s.scope", (int)(id - 1 - prefix), prefix, (int)(end - id),
		     id);
	return (struct span){buf, (size_t)n};
}

static void owner_descend(struct cgroup_owner *owner, const struct form *form, const char *id,
			  const char *pod_uid)
{
	if (owner->runtime != RUNTIME_NONE && !owner->outer_id[0])
		memcpy(owner->outer_id, owner->id, sizeof(owner->outer_id));
	owner->runtime = form->runtime;
	snprintf(owner->id, sizeof(owner->id), "%s", id);
	snprintf(owner->pod_uid, sizeof(owner->pod_uid), "%s", pod_uid);
	snprintf(owner->ns, sizeof(owner->ns), "%s", form->ns ? form->ns : "");
}

void cgroup_parse(const char *path, struct cgroup_owner *out)
{
	struct cgroup_owner owner = {};
	struct place place = {};
	char pod_uid[64] = "";
	const char *rest = path;
	struct span next = span_next(&rest);
	bool known = false;

	while (next.len) {
		char unit[CONTAINER_ID_MAX + 64] = "";
		char id[CONTAINER_ID_MAX + 1] = "";
		const struct form *form = NULL;
		struct span s = next;

		next = span_next(&rest);
		/* cgroup_path_ns() of a removed cgroup, as /proc/PID/cgroup shows it */
		if (!next.len)
			span_cut(&s, " (deleted)");
		pod_match(s, pod_uid);
		form = form_find(s, &place, id);
		if (!form)
			form = form_find(unit_expand(s, unit, sizeof(unit), pod_uid), &place, id);
		known = known || form;
		if (form && (form->means == FORM_HELPER ||
			     (form->supervisor && span_is(next, form->supervisor))))
			break;
		if (form && form->means == FORM_CONTAINER) {
			owner_descend(&owner, form, id, pod_uid);
			place.ancestor = NULL;
		} else if (ancestor_find(s)) {
			place.ancestor = ancestor_find(s);
		}
		place.parent = s;
		place.depth++;
	}
	if (strcmp(owner.id, owner.outer_id) == 0)
		owner.outer_id[0] = '\0';
	if (!known)
		candidate_find(path, &owner);
	*out = owner;
}
