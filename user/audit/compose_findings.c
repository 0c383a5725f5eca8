// SPDX-License-Identifier: Apache-2.0
/* What a service gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/compose_impl.h"
#include "user/audit/lead.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

static int tell(const struct compose_look *l, const struct compose_file *file,
		const struct yaml_node *node, struct finding *finding)
{
	return compose_tell(l->c, l->s, l->container, file, node, finding);
}

/* --- mounts ------------------------------------------------------------------------------------- */

/* Where a source leads: a path, or relative to its file's folder. */
static int source_lead(const struct compose_mount *m, struct lead *out, char **path)
{
	const char *source = m->source;
	int err = 0;

	*path = NULL;
	if (*source == '/' || *source == LEAD_UNKNOWN) {
		*path = strdup(source);
	} else if (daemon_by_path(source) != DAEMON_NONE) {
		*path = strdup(source); /* "./docker.sock", "~/.docker/run/docker.sock" */
		*out = (struct lead){
			.kind = LEAD_SOCKET, .daemon = daemon_by_path(source), .socket = *path};
		return *path ? 0 : -ENOMEM;
	} else if (strstr(source, "..")) {
		/* "../../../run": only where the file lies decides, and that is known here. */
		AUTO_FREE char *folder = realpath(*m->file->folder ? m->file->folder : ".", NULL);

		err = folder ? str_format(path, "%s/%s", folder, source) : 0;
	}
	if (err)
		return err;
	*out = *path ? lead_find(*path) : (struct lead){.kind = LEAD_NOWHERE};
	return 0;
}

static int mount_finding(const struct compose_look *l, const struct compose_mount *m,
			 const struct lead *lead, bool volume, const char *spelling,
			 const struct compose_file *file, const struct yaml_node *node)
{
	struct finding finding = lead_finding(lead, volume);

	finding.spelling = spelling;
	finding.read_only = m->read_only;
	return lead->kind == LEAD_NOWHERE ? 0 : tell(l, file, node, &finding);
}

/* A mount, told as @spelling at @node: its own, or that of a volumes_from. */
static int mount_look(const struct compose_look *l, const struct compose_mount *m,
		      const char *spelling, const struct compose_file *file,
		      const struct yaml_node *node)
{
	AUTO_FREE char *device = NULL;
	AUTO_FREE char *path = NULL;
	struct lead lead = {.kind = LEAD_NOWHERE};
	bool volume = false;
	int err = 0;

	if (!m->source || !*m->source)
		return 0;
	if (!strcmp(m->type, "volume")) {
		err = compose_volume_device(l->c, m->source, &device);
		volume = true;
		if (!err && device)
			lead = lead_find(device);
		if (lead.kind == LEAD_PERHAPS && !device)
			lead.kind = LEAD_NOWHERE;
	} else if (!strcmp(m->type, "bind") || strchr(m->type, LEAD_UNKNOWN)) {
		err = source_lead(m, &lead, &path);
	}
	return err ? err : mount_finding(l, m, &lead, volume, spelling, file, node);
}

static int mounts_look(const struct compose_look *l)
{
	CLEANUP(compose_mounts_clear) struct compose_mounts mounts = {0};
	int err = compose_mounts_read(l->s, &mounts);

	for (size_t i = 0; !err && i < mounts.count; i++) {
		const struct compose_mount *m = &mounts.list[i];

		err = mount_look(l, m, m->spelling, m->file, m->node);
	}
	return err;
}

/* --- volumes_from --------------------------------------------------------------------------------- */

static int service_find(const struct compose_look *l, const char *name, struct service *out)
{
	struct compose beside = *l->c;
	int err = compose_service(l->c, name, out);

	if (err != -ENOENT || !l->c->beside)
		return err;
	beside.main[0] = l->c->beside;
	beside.main_count = 1;
	return compose_service(&beside, name, out);
}

static int from_look(const struct compose_look *l, const struct compose_file *file,
		     const struct yaml_node *node, const char *name, const char *spelling,
		     int depth)
{
	CLEANUP(compose_mounts_clear) struct compose_mounts mounts = {0};
	struct service other;
	const struct yaml_node *more = NULL;
	int err = service_find(l, name, &other);

	if (err == -ENOENT)
		return compose_tell_undecided(l->c, l->s, l->container, file, node, spelling,
					      "the container that it takes volumes from is not of "
					      "these files");
	err = err ? err : compose_mounts_read(&other, &mounts);
	for (size_t i = 0; !err && i < mounts.count; i++)
		err = mount_look(l, &mounts.list[i], spelling, file, node);
	more = service_get(&other, "volumes_from", NULL);
	for (struct yaml_walk at = {.list = more}; !err && depth < EXTENDS_MAX && yaml_step(&at);) {
		const char *text = yaml_text(at.item);
		AUTO_FREE char *next = text ? strndup(text, strcspn(text, ":")) : NULL;

		if (next && strncmp(text, "container:", 10) != 0)
			err = from_look(l, file, node, next, spelling, depth + 1);
	}
	return err;
}

static int volumes_from_look(const struct compose_look *l)
{
	int err = 0;

	for (size_t layer = 0; layer < l->s->count; layer++) {
		const struct compose_file *file = l->s->layers[layer].file;
		const struct yaml_node *list = yaml_get(l->s->layers[layer].node, "volumes_from");

		for (struct yaml_walk at = {.list = list}; !err && yaml_step(&at);) {
			const struct yaml_node *node = at.item;
			const char *text = yaml_text(node);
			AUTO_FREE char *spelling = NULL;
			AUTO_FREE char *name = NULL;

			if (!text)
				continue;
			if (str_format(&spelling, "volumes_from: %s", text))
				return -ENOMEM;
			if (!strncmp(text, "container:", 10)) {
				err = compose_tell_undecided(
					l->c, l->s, l->container, file, node, spelling,
					"the container that it takes volumes from is not of these "
					"files");
				continue;
			}
			name = strndup(text, strcspn(text, ":"));
			err = name ? from_look(l, file, node, name, spelling, 0) : -ENOMEM;
		}
	}
	return err;
}

/* --- configs and secrets ---------------------------------------------------------------------- */

static int file_of(struct compose *c, const char *kind, const char *name,
		   const struct compose_file **file, const char **out)
{
	*out = NULL;
	for (size_t i = 0; i < c->files->count; i++) {
		const struct yaml_node *one =
			yaml_get(yaml_get(yaml_get(c->files->list[i]->root, kind), name), "file");

		if (!yaml_text(one))
			continue;
		*out = yaml_text(one);
		*file = c->files->list[i];
	}
	return *out ? 0 : -ENOENT;
}

static int content_look(const struct compose_look *l, const char *kind,
			const struct compose_file *file, const struct yaml_node *node)
{
	const char *name = yaml_text(node) ? yaml_text(node) : yaml_text(yaml_get(node, "source"));
	const struct compose_file *from = NULL;
	const char *written = NULL;
	AUTO_FREE char *spelling = NULL;
	AUTO_FREE char *source = NULL;
	AUTO_FREE char *path = NULL;
	struct compose_mount m = {0};
	struct lead lead;

	if (!name || file_of(l->c, kind, name, &from, &written))
		return 0;
	if (variables_expand(from->vars, written, &source) ||
	    str_format(&spelling, "%s: %s", kind, name))
		return -ENOMEM;
	m.source = source;
	m.file = from;
	if (source_lead(&m, &lead, &path))
		return -ENOMEM;
	return mount_finding(l, &m, &lead, false, spelling, file, node);
}

static int contents_look(const struct compose_look *l)
{
	static const char *const kinds[] = {"configs", "secrets"};
	int err = 0;

	for (size_t k = 0; k < 2; k++)
		for (size_t layer = 0; layer < l->s->count; layer++) {
			const struct yaml_node *list = yaml_get(l->s->layers[layer].node, kinds[k]);

			for (struct yaml_walk at = {.list = list}; !err && yaml_step(&at);)
				err = content_look(l, kinds[k], l->s->layers[layer].file, at.item);
		}
	return err;
}

/* --- powers ------------------------------------------------------------------------------------------ */

static int truth_look(const struct compose_look *l, const char *key, enum finding_way way)
{
	const struct compose_file *file = NULL;
	const struct yaml_node *node = service_get(l->s, key, &file);
	AUTO_FREE char *value = NULL;
	AUTO_FREE char *spelling = NULL;
	struct finding finding = {
		.way = way,
		.via = way == WAY_API_SOCKET ? VIA_SOCKET_BIND : VIA_PROC_ROOT,
		.daemon = DAEMON_DOCKER,
		.socket = way == WAY_API_SOCKET ? "/var/run/docker.sock" : NULL,
	};

	if (!yaml_text(node))
		return 0;
	if (variables_expand(file->vars, yaml_text(node), &value) ||
	    str_format(&spelling, "%s: %s", key, yaml_text(node)))
		return -ENOMEM;
	finding.spelling = spelling;
	if (yaml_is_true(value))
		return tell(l, file, node, &finding);
	return strchr(value, LEAD_UNKNOWN)
		       ? compose_tell_undecided(l->c, l->s, l->container, file, node, spelling,
						"the variable decides it")
		       : 0;
}

static int pid_look(const struct compose_look *l)
{
	const struct compose_file *file = NULL;
	const struct yaml_node *node = service_get(l->s, "pid", &file);
	AUTO_FREE char *value = NULL;
	struct finding finding = {
		.way = WAY_HOST_PID,
		.via = VIA_PROC_ROOT,
		.daemon = DAEMON_DOCKER,
		.spelling = "pid: host",
	};

	if (!yaml_text(node))
		return 0;
	if (variables_expand(file->vars, yaml_text(node), &value))
		return -ENOMEM;
	if (!strcmp(value, "host"))
		return tell(l, file, node, &finding);
	return *value == LEAD_UNKNOWN
		       ? compose_tell_undecided(l->c, l->s, l->container, file, node, "pid",
						"the variable decides whose processes it sees")
		       : 0;
}

/* --- the container that it will be ------------------------------------------------------------------ */

static int label_set(json_t *labels, const char *key, const char *value)
{
	return json_object_set_new(labels, key, json_string(value)) ? -ENOMEM : 0;
}

struct labels {
	json_t *out;
	const struct compose_file *file;
};

static int label_entry(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	const struct labels *l = ctx;
	const char *text = yaml_text(value);
	AUTO_FREE char *expanded = NULL;

	if (variables_expand(l->file->vars, text ? text : "", &expanded))
		return -ENOMEM;
	/* One that is no UTF-8 is left out. */
	(void)label_set(l->out, yaml_text(key), expanded);
	return 0;
}

static int labels_read(const struct compose_look *l)
{
	json_t *labels CLEANUP(json_decrefp) = json_object();
	int err = labels ? 0 : -ENOMEM;

	for (size_t layer = 0; !err && layer < l->s->count; layer++) {
		const struct yaml_node *node = yaml_get(l->s->layers[layer].node, "labels");
		const struct labels ls = {labels, l->s->layers[layer].file};

		err = yaml_each(node, label_entry, (void *)(uintptr_t)&ls);
		for (struct yaml_walk at = {.list = node}; !err && yaml_step(&at);) {
			const char *text = yaml_text(at.item);
			AUTO_FREE char *key = text ? strndup(text, strcspn(text, "=")) : NULL;

			if (key && strlen(key) < strlen(text))
				(void)label_set(labels, key, text + strlen(key) + 1);
		}
	}
	(void)label_set(labels, "com.docker.compose.project", l->c->project);
	(void)label_set(labels, "com.docker.compose.service", l->s->name);
	return err ? err : container_set_labels(l->container, labels, NULL);
}

static int container_make(struct compose_look *l)
{
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *image = NULL;
	int err;

	l->container = container_new(RUNTIME_DOCKER, "");
	if (!l->container)
		return -ENOMEM;
	err = service_text(l->s, "container_name", &name);
	err = err ? err : service_text(l->s, "image", &image);
	/* compose: pkg/compose/compose.go, getContainerName */
	if (!err && !name && *l->c->project)
		err = str_format(&name, "%s-%s-1", l->c->project, l->s->name);
	err = err ? err : container_set(&l->container->name, name);
	err = err ? err : container_set(&l->container->image, image);
	return err ? err : labels_read(l);
}

int compose_service_audit(struct compose *c, const struct service *s)
{
	struct compose_look l = {.c = c, .s = s};
	int err = container_make(&l);

	err = err ? err : mounts_look(&l);
	err = err ? err : volumes_from_look(&l);
	err = err ? err : contents_look(&l);
	err = err ? err : truth_look(&l, "use_api_socket", WAY_API_SOCKET);
	err = err ? err : truth_look(&l, "privileged", WAY_PRIVILEGED);
	err = err ? err : pid_look(&l);
	err = err ? err : compose_environment_look(&l);
	container_unref(l.container);
	return err;
}
