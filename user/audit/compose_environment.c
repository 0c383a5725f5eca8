// SPDX-License-Identifier: Apache-2.0
/* A service's DOCKER_HOST: of its environment, or of its env_file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/compose_impl.h"
#include "user/audit/lead.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

struct host_variable {
	const struct compose_look *look;
	const struct compose_file *reading; /* whose layer it is */
	const struct compose_file *file;    /* of the one that counts so far */
	const struct yaml_node *node;	    /* NULL: in an env_file… */
	char *env_file;			    /* …this one */
	unsigned int line;
	char *written; /* NULL: handed on from where Compose runs */
	bool set;
};

static void host_clear(struct host_variable *h)
{
	free(h->env_file);
	free(h->written);
}

static int host_set(struct host_variable *h, const struct compose_file *file,
		    const struct yaml_node *node, const char *written)
{
	host_clear(h);
	h->env_file = NULL;
	h->file = file;
	h->node = node;
	h->set = true;
	h->written = written ? strdup(written) : NULL;
	return written && !h->written ? -ENOMEM : 0;
}

static int env_file_variable(void *ctx, const char *name, const char *value, unsigned int line)
{
	struct host_variable *h = ctx;
	char *file = h->env_file;
	int err;

	if (strcmp(name, "DOCKER_HOST") != 0)
		return 0;
	h->env_file = NULL;
	err = host_set(h, h->file, NULL, value);
	h->env_file = file;
	h->line = line;
	return err;
}

static int env_file_read(struct host_variable *h, const struct compose_file *file,
			 const struct yaml_node *node)
{
	const struct compose_look *l = h->look;
	const struct yaml_node *path_node =
		yaml_kind(node) == YAML_MAP ? yaml_get(node, "path") : node;
	const char *required = yaml_text(yaml_get(node, "required"));
	const char *written = yaml_text(path_node);
	CLEANUP(variables_clear) struct variables vars = {.above = file->vars};
	struct host_variable mine = {.look = l, .file = file};
	AUTO_FREE char *spelling = NULL;
	AUTO_FREE char *expanded = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	int err;

	if (!written)
		return 0;
	err = variables_expand(file->vars, written, &expanded);
	path = err ? NULL : compose_path(file, expanded);
	if (!path || str_format(&spelling, "env_file: %s", written))
		return -ENOMEM;
	if (l->c->input->alone || file_read(AT_FDCWD, path, COMPOSE_FILE_MAX, &text, NULL)) {
		if (required && !yaml_is_true(required))
			return 0;
		return compose_tell_missing(l->c, l->s, l->container, file, path_node, spelling,
					    "the file, which can name a daemon, is not there");
	}
	mine.env_file = take_ptr(path);
	err = variables_read(&vars, text, env_file_variable, &mine);
	if (!err && mine.set) {
		host_clear(h);
		*h = mine;
	} else {
		host_clear(&mine);
	}
	return err;
}

static int env_files_look(struct host_variable *h, const struct layer *layer)
{
	const struct yaml_node *files = yaml_get(layer->node, "env_file");
	int err = 0;

	if (yaml_kind(files) == YAML_TEXT)
		return env_file_read(h, layer->file, files);
	for (struct yaml_walk at = {.list = files}; !err && yaml_step(&at);)
		err = env_file_read(h, layer->file, at.item);
	return err;
}

static int environment_entry(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct host_variable *h = ctx;

	if (strcmp(yaml_text(key), "DOCKER_HOST") != 0)
		return 0;
	return host_set(h, h->reading, key,
			yaml_text(value) && yaml_kind(value) ? yaml_text(value) : NULL);
}

static int environment_read(struct host_variable *h, const struct layer *layer)
{
	const struct yaml_node *environment = yaml_get(layer->node, "environment");
	int err = 0;

	h->reading = layer->file;
	if (yaml_kind(environment) == YAML_MAP)
		return yaml_each(environment, environment_entry, h);
	for (struct yaml_walk at = {.list = environment}; !err && yaml_step(&at);) {
		const struct yaml_node *node = at.item;
		const char *text = yaml_text(node);

		if (!text || strncmp(text, "DOCKER_HOST", 11) != 0)
			continue;
		if (text[11] == '=')
			err = host_set(h, layer->file, node, text + 12);
		else if (!text[11])
			err = host_set(h, layer->file, node, NULL);
	}
	return err;
}

static int host_tell(const struct compose_look *l, const struct host_variable *h)
{
	AUTO_FREE char *value = NULL;
	AUTO_FREE char *spelling = NULL;
	struct finding finding = {.daemon = DAEMON_DOCKER, .way = WAY_TCP};

	if (str_format(&spelling, "DOCKER_HOST%s%s", h->written ? "=" : "",
		       h->written ? h->written : ""))
		return -ENOMEM;
	if (h->written ? variables_expand(h->file->vars, h->written, &value)
		       : !(value = strdup("\001")))
		return -ENOMEM;
	finding.spelling = spelling;
	finding.socket = value;
	if (*value == LEAD_UNKNOWN) {
		finding.way = WAY_UNDECIDED;
		finding.socket = NULL;
		finding.unknown = "the variable decides which daemon it is";
	} else if (!lead_is_address(value)) {
		return 0; /* a path within the container: what leads there is a mount */
	}
	if (!h->env_file)
		return compose_tell(l->c, l->s, l->container, h->file, h->node, &finding);
	finding.file = h->env_file;
	finding.line = h->line;
	finding.service = l->s->name;
	finding.container = l->container;
	return l->c->input->fn(l->c->input->ctx, &finding);
}

int compose_environment_look(const struct compose_look *l)
{
	CLEANUP(host_clear) struct host_variable h = {.look = l};
	int err = 0;

	for (size_t i = 0; !err && i < l->s->count; i++)
		err = env_files_look(&h, &l->s->layers[i]);
	for (size_t i = 0; !err && i < l->s->count; i++)
		err = environment_read(&h, &l->s->layers[i]);
	return err || !h.set ? err : host_tell(l, &h);
}
