// SPDX-License-Identifier: Apache-2.0
/* A service, of what it extends, its file, and the override: compose-spec, 13-merge.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/compose_impl.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

struct collect {
	struct compose *c;
	struct service *out;
	int depth;
};

static int layer_add(struct collect *collect, const struct compose_file *file,
		     const struct yaml_node *node);

static int extends_tell(struct collect *k, const struct compose_file *file,
			const struct yaml_node *node, const char *written, const char *unknown)
{
	AUTO_FREE char *spelling = NULL;

	if (str_format(&spelling, "extends: %s", written))
		return -ENOMEM;
	return compose_tell_missing(k->c, k->out, NULL, file, node, spelling, unknown);
}

/* Layers of the service that another one extends; below its own. */
static int extends_add(struct collect *k, const struct compose_file *file,
		       const struct yaml_node *extends)
{
	bool map = yaml_kind(extends) == YAML_MAP;
	const struct yaml_node *file_node = map ? yaml_get(extends, "file") : NULL;
	const struct yaml_node *name_node = map ? yaml_get(extends, "service") : extends;
	const char *file_written = yaml_text(file_node);
	const char *name = yaml_text(name_node);
	const struct yaml_node *node = NULL;
	const struct compose_file *from = file;
	int err = 0;

	if (!name)
		return 0;
	if (file_written) {
		AUTO_FREE char *expanded = NULL;
		AUTO_FREE char *path = NULL;
		struct compose_file *other = NULL;

		err = variables_expand(file->vars, file_written, &expanded);
		path = err ? NULL : compose_path(file, expanded);
		if (!path)
			return -ENOMEM;
		err = compose_file_open(k->c, path, &other);
		if (err == -ENOMEM)
			return err;
		if (err)
			return extends_tell(k, file, file_node, file_written,
					    err == -EINVAL ? "the file is malformed"
							   : "the file is not there, or not here");
		from = other;
	}
	node = yaml_get(compose_services(from), name);
	/* The files of one project are merged before. */
	for (size_t i = 0; !file_written && yaml_kind(node) != YAML_MAP && i < k->c->main_count;
	     i++) {
		from = k->c->main[i];
		node = yaml_get(compose_services(from), name);
	}
	if (yaml_kind(node) != YAML_MAP)
		return extends_tell(k, file, file_written ? file_node : name_node,
				    file_written ? file_written : name,
				    "there is no service of that name");
	if (k->depth == EXTENDS_MAX)
		return extends_tell(k, file, file_written ? file_node : name_node,
				    file_written ? file_written : name, "it extends itself");
	k->depth++;
	err = layer_add(k, from, node);
	k->depth--;
	return err;
}

static int layer_add(struct collect *k, const struct compose_file *file,
		     const struct yaml_node *node)
{
	const struct yaml_node *extends = yaml_get(node, "extends");
	bool loop = false;
	int err = 0;

	for (size_t i = 0; i < k->out->count; i++)
		loop = loop || k->out->layers[i].node == node;
	if (yaml_kind(extends) != YAML_NONE && !loop)
		err = extends_add(k, file, extends);
	if (!err && k->out->count < LAYERS_MAX)
		k->out->layers[k->out->count++] = (struct layer){file, node};
	return err;
}

int compose_service(struct compose *c, const char *name, struct service *out)
{
	struct collect k = {.c = c, .out = out};
	int err = 0;

	*out = (struct service){.name = name};
	if (!compose_may_look(c))
		return -ENOENT;
	for (size_t i = 0; !err && i < c->main_count; i++) {
		const struct yaml_node *node = yaml_get(compose_services(c->main[i]), name);

		if (yaml_kind(node) == YAML_MAP)
			err = layer_add(&k, c->main[i], node);
	}
	return err || out->count ? err : -ENOENT;
}

const struct yaml_node *service_get(const struct service *s, const char *key,
				    const struct compose_file **file)
{
	for (size_t i = s->count; i-- > 0;) {
		const struct yaml_node *node = yaml_get(s->layers[i].node, key);

		if (yaml_has_tag(node, "!reset"))
			return NULL;
		if (yaml_kind(node) == YAML_NONE)
			continue;
		if (file)
			*file = s->layers[i].file;
		return node;
	}
	return NULL;
}

int service_text(const struct service *s, const char *key, char **out)
{
	const struct compose_file *file = NULL;
	const char *text = yaml_text(service_get(s, key, &file));

	*out = NULL;
	return text ? variables_expand(file->vars, text, out) : 0;
}

/* --- mounts ----------------------------------------------------------------------------------- */

static void mount_clear(struct compose_mount *m)
{
	free(m->spelling);
	free(m->type);
	free(m->source);
	free(m->target);
}

void compose_mounts_clear(struct compose_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		mount_clear(&mounts->list[i]);
	free(mounts->list);
	*mounts = (struct compose_mounts){0};
}

static int set(char **out, const char *text, size_t len)
{
	*out = strndup(text, len);
	return *out ? 0 : -ENOMEM;
}

/* "SOURCE:TARGET[:MODE]"; without a ':' an anonymous volume: compose-go, format/volume.go. */
static int short_read(const struct compose_file *file, const char *text, struct compose_mount *out)
{
	AUTO_FREE char *whole = NULL;
	const char *colon = NULL;
	const char *target = NULL;
	size_t len;
	int err = variables_expand(file->vars, text, &whole);

	if (err)
		return err;
	err = set(&out->spelling, text, strlen(text));
	colon = strchr(whole, ':');
	target = colon ? colon + 1 : whole;
	len = strcspn(target, ":");
	err = err ? err : set(&out->target, target, len);
	if (!err && colon)
		err = set(&out->source, whole, (size_t)(colon - whole));
	if (!err)
		err = set(&out->type,
			  out->source && strchr("/.~\001", *out->source) && *out->source ? "bind"
											 : "volume",
			  6);
	if (target[len])
		out->read_only = !strncmp(target + len, ":ro", 3) || strstr(target + len, ",ro");
	return err;
}

static int member_text(const struct compose_file *file, const struct yaml_node *map,
		       const char *key, char **out)
{
	const char *text = yaml_text(yaml_get(map, key));

	return text ? variables_expand(file->vars, text, out) : 0;
}

static int long_read(const struct compose_file *file, const struct yaml_node *map,
		     struct compose_mount *out)
{
	const char *type = yaml_text(yaml_get(map, "type"));
	const char *source = yaml_text(yaml_get(map, "source"));
	const char *target = yaml_text(yaml_get(map, "target"));
	AUTO_FREE char *read_only = NULL;
	int err = member_text(file, map, "read_only", &read_only);

	/* Other tools' files have the short words. */
	if (!source)
		source = yaml_text(yaml_get(map, "src"));
	out->read_only = yaml_is_true(read_only);
	if (!err && source)
		err = variables_expand(file->vars, source, &out->source);
	err = err ? err : member_text(file, map, "type", &out->type);
	if (!err && !out->type)
		err = set(&out->type, "volume", 6);
	if (!err && target)
		err = variables_expand(file->vars, target, &out->target);
	if (!err && !target)
		err = set(&out->target, "", 0);
	return err ? err
		   : str_format(&out->spelling, "type=%s,source=%s,target=%s%s", type ? type : "",
				source ? source : "", target ? target : "",
				out->read_only ? ",read_only" : "");
}

/* The same target again: what is above counts. */
static int mount_put(struct compose_mounts *mounts, struct compose_mount *m)
{
	struct compose_mount *more = NULL;

	for (size_t i = 0; i < mounts->count; i++) {
		if (strcmp(mounts->list[i].target, m->target) != 0 || !*m->target)
			continue;
		mount_clear(&mounts->list[i]);
		mounts->list[i] = *m;
		return 0;
	}
	if (mounts->count == MOUNTS_MAX)
		return -E2BIG;
	more = reallocarray(mounts->list, mounts->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	mounts->list = more;
	more[mounts->count++] = *m;
	return 0;
}

static int mounts_add(const struct compose_file *file, const struct yaml_node *list,
		      struct compose_mounts *out)
{
	int err = 0;

	for (struct yaml_walk at = {.list = list}; !err && yaml_step(&at);) {
		const struct yaml_node *node = at.item;
		struct compose_mount m = {.file = file, .node = node};

		if (yaml_text(node))
			err = short_read(file, yaml_text(node), &m);
		else if (yaml_kind(node) == YAML_MAP)
			err = long_read(file, node, &m);
		else
			continue;
		err = err ? err : mount_put(out, &m);
		if (err)
			mount_clear(&m);
	}
	return err;
}

int compose_mounts_read(const struct service *s, struct compose_mounts *out)
{
	struct compose_mounts mounts = {0};
	int err = 0;

	for (size_t i = 0; !err && i < s->count; i++) {
		const struct yaml_node *list = yaml_get(s->layers[i].node, "volumes");

		if (yaml_has_tag(list, "!reset") || yaml_has_tag(list, "!override"))
			compose_mounts_clear(&mounts);
		if (!yaml_has_tag(list, "!reset"))
			err = mounts_add(s->layers[i].file, list, &mounts);
	}
	if (err)
		compose_mounts_clear(&mounts);
	else
		*out = mounts;
	return err;
}

/* --- named volumes ------------------------------------------------------------------------------ */

/* "driver_opts: {type: none, o: bind, device: /run}", of the local driver. */
static int device_read(const struct compose_file *file, const struct yaml_node *volume, char **out)
{
	const struct yaml_node *options = yaml_get(volume, "driver_opts");
	AUTO_FREE char *o = NULL;
	int err = member_text(file, options, "o", &o);

	if (err || !o || (!strstr(o, "bind") && !strchr(o, '\001')))
		return err;
	return member_text(file, options, "device", out);
}

int compose_volume_device(struct compose *c, const char *name, char **out)
{
	char *device = NULL;
	int err = 0;

	if (!compose_may_look(c)) {
		*out = NULL;
		return 0;
	}

	/* The main files are in it, an override after its base. */
	for (size_t i = 0; !err && i < c->files->count; i++) {
		const struct compose_file *file = c->files->list[i];
		const struct yaml_node *volume = yaml_get(yaml_get(file->root, "volumes"), name);
		char *one = NULL;

		err = device_read(file, volume, &one);
		if (one) {
			free(device);
			device = one;
		}
	}
	if (err)
		free(device);
	else
		*out = device;
	return err;
}
