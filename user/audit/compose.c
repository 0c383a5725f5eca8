// SPDX-License-Identifier: Apache-2.0
/* A Compose project: its files, and what they lead to. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/audit/compose_impl.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* compose-go: cli/options.go, DefaultFileNames and DefaultOverrideFileNames, in that order. */
static const char *const base_names[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
					 "docker-compose.yaml"};
static const char *const override_names[] = {"compose.override.yml", "compose.override.yaml",
					     "docker-compose.override.yml",
					     "docker-compose.override.yaml"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *base_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static bool is_one_of(const char *file, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(base_of(file), names[i]))
			return true;
	return false;
}

bool compose_is_base(const char *file)
{
	return is_one_of(file, base_names, COUNT(base_names));
}

bool compose_is_override(const char *file)
{
	return is_one_of(file, override_names, COUNT(override_names));
}

bool compose_is_named(const char *file)
{
	const char *base = base_of(file);

	return !fnmatch("*compose*.y*ml", base, FNM_CASEFOLD) ||
	       !fnmatch("*stack*.y*ml", base, FNM_CASEFOLD);
}

bool compose_is(const struct yaml_node *root)
{
	return yaml_kind(yaml_get(root, "services")) == YAML_MAP;
}

/* --- files ---------------------------------------------------------------------------------- */

bool compose_is_remote(const char *name)
{
	return strstr(name, "://") || !strncmp(name, "git@", 4) ||
	       !strncmp(name, "github.com/", 11);
}

static char *folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? strndup(file, slash == file ? 1 : (size_t)(slash - file)) : strdup("");
}

/* Without "x/../", so that a file has one name however it was come to. */
static char *path_join(const char *folder, const char *name)
{
	AUTO_FREE char *joined = NULL;
	char clean[PATH_MAX];

	while (!strncmp(name, "./", 2))
		name += 2 + strspn(name + 2, "/");
	if (*name == '/' || !*folder)
		return strdup(name);
	if (str_format(&joined, "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", name))
		return NULL;
	if (!strstr(joined, "../") || !strncmp(joined, "../", 3))
		return take_ptr(joined);
	path_clean(joined, clean, sizeof(clean));
	return strdup(*joined == '/' ? clean : clean + 1);
}

char *compose_path(const struct compose_file *file, const char *name)
{
	return path_join(file->folder, name);
}

static int file_new(struct compose *c, const char *name, struct compose_file **out)
{
	struct compose_file *file = NULL;

	if (c->files->count == FILES_MAX)
		return -ENFILE;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	c->files->list[c->files->count++] = file;
	file->file = strdup(name);
	file->folder = folder_of(name);
	file->vars = c->vars;
	*out = file;
	return file->file && file->folder ? 0 : -ENOMEM;
}

int compose_file_open(struct compose *c, const char *name, struct compose_file **out)
{
	AUTO_FREE char *text = NULL;
	struct compose_file *file = NULL;
	struct yaml_error error = {0};
	size_t len = 0;
	int err;

	for (size_t i = 0; i < c->files->count; i++) {
		if (strcmp(c->files->list[i]->file, name) != 0)
			continue;
		*out = c->files->list[i];
		return (*out)->root ? 0 : -EINVAL;
	}
	if (c->input->alone || compose_is_remote(name) ||
	    file_read(AT_FDCWD, name, COMPOSE_FILE_MAX, &text, &len))
		return -ENOENT;
	err = file_new(c, name, &file);
	err = err ? err : yaml_read(text, len, 1, &file->yaml, &error);
	if (err == -EINVAL)
		c->input->error(c->input->ctx, name, error.line, error.column, error.text);
	if (err)
		return err;
	file->root = yaml_root(file->yaml, 0);
	*out = file;
	return 0;
}

static void compose_files_clear(struct compose_files **all)
{
	struct compose_files *files = *all;

	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++) {
		yaml_free(files->list[i]->yaml);
		free(files->list[i]->file);
		free(files->list[i]->folder);
		free(files->list[i]);
	}
	for (size_t i = 0; i < files->scope_count; i++)
		variables_clear(&files->scopes[i]);
	free(files);
}

/* --- findings ---------------------------------------------------------------------------------- */

int compose_tell(struct compose *c, const struct service *s, const struct container *container,
		 const struct compose_file *file, const struct yaml_node *node,
		 struct finding *finding)
{
	finding->file = file->file;
	finding->line = yaml_line(node);
	finding->service = s ? s->name : NULL;
	finding->container = container;
	return c->input->fn(c->input->ctx, finding);
}

int compose_tell_undecided(struct compose *c, const struct service *s,
			   const struct container *container, const struct compose_file *file,
			   const struct yaml_node *node, const char *spelling, const char *unknown)
{
	struct finding finding = {.way = WAY_UNDECIDED, .spelling = spelling, .unknown = unknown};

	return compose_tell(c, s, container, file, node, &finding);
}

int compose_tell_missing(struct compose *c, const struct service *s,
			 const struct container *container, const struct compose_file *file,
			 const struct yaml_node *node, const char *spelling, const char *unknown)
{
	/* Documentation shows a file without those around it. */
	return c->input->fragment
		       ? 0
		       : compose_tell_undecided(c, s, container, file, node, spelling, unknown);
}

/* --- a project ------------------------------------------------------------------------------------ */

static int env_read(struct variables *vars, const char *folder)
{
	AUTO_FREE char *name = path_join(folder, ".env");
	AUTO_FREE char *text = NULL;

	if (!name)
		return -ENOMEM;
	if (file_read(AT_FDCWD, name, COMPOSE_FILE_MAX, &text, NULL))
		return 0;
	return variables_read(vars, text, NULL, NULL);
}

static struct variables *scope_add(struct compose *c)
{
	struct compose_files *files = c->files;
	struct variables *vars = NULL;

	if (files->scope_count == FILES_MAX)
		return NULL;
	vars = &files->scopes[files->scope_count++];
	vars->above = c->vars;
	return vars;
}

/* As Compose makes it of the folder's name: compose-go, loader/loader.go, NormalizeProjectName. */
static int project_name(struct compose *c, const struct compose_file *file)
{
	const char *given = variables_get(c->vars, "COMPOSE_PROJECT_NAME");
	const char *name = yaml_text(yaml_get(file->root, "name"));
	AUTO_FREE char *folder = NULL;
	const char *base = NULL;
	size_t n = 0;

	if (given || name)
		return given ? ((c->project = strdup(given)) ? 0 : -ENOMEM)
			     : variables_expand(c->vars, name, &c->project);
	folder = realpath(*file->folder ? file->folder : ".", NULL);
	base = folder && !c->input->alone ? base_of(folder) : "";
	c->project = calloc(1, strlen(base) + 1);
	if (!c->project)
		return -ENOMEM;
	for (const char *p = base; *p; p++) {
		char lower = (char)tolower((unsigned char)*p);

		if (isalnum((unsigned char)lower) || (n && strchr("_-", lower)))
			c->project[n++] = lower;
	}
	return 0;
}

/* The first of a folder's files with one of these names. */
static int folder_find(struct compose *c, const char *folder, const char *const *names,
		       size_t count, struct compose_file **out)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *name = path_join(folder, names[i]);

		if (!name)
			return -ENOMEM;
		if (access(name, F_OK))
			continue;
		return compose_file_open(c, name, out);
	}
	return -ENOENT;
}

/* What is wrong with files beside is their own affair. */
static int not_there(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -ENFILE ? 0 : err;
}

bool compose_may_look(struct compose *c)
{
	struct compose_files *files = c->files;

	if (files->lookups++ < LOOKUPS_MAX)
		return true;
	if (!files->told)
		c->input->error(c->input->ctx, c->input->file, 0, 0,
				"it has more services and volumes than are looked at");
	files->told = true;
	return false;
}

/* --- its services ------------------------------------------------------------------------------- */

const struct yaml_node *compose_services(const struct compose_file *file)
{
	const struct yaml_node *services = yaml_get(file->root, "services");

	/* The first version had them at the top. Another file may only include, or name volumes. */
	return yaml_kind(services) != YAML_NONE || yaml_size(yaml_get(file->root, "include"))
		       ? services
		       : file->root;
}

struct walk {
	struct compose *c;
	size_t main; /* of which file */
};

static int service_walk(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	const struct walk *w = ctx;
	const char *name = yaml_text(key);
	struct service service;
	int err;

	for (size_t i = 0; i < w->main; i++)
		if (yaml_kind(yaml_get(compose_services(w->c->main[i]), name)) != YAML_NONE)
			return 0; /* with the file below */
	if (yaml_kind(value) != YAML_MAP)
		return 0;
	err = compose_service(w->c, name, &service);
	return err ? not_there(err) : compose_service_audit(w->c, &service);
}

static int volume_count(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct compose *c = ctx;
	const char *external = yaml_text(yaml_get(value, "external"));

	(void)key;
	if (yaml_is_true(external) || yaml_kind(yaml_get(value, "external")) == YAML_MAP)
		++*c->input->external_volumes;
	return 0;
}

/* --- other files that are part of it ------------------------------------------------------------- */

static int project_audit(struct compose *c);

static bool is_including(const struct compose *c, const struct compose_file *file)
{
	for (; c; c = c->parent)
		for (size_t i = 0; i < c->main_count; i++)
			if (c->main[i] == file)
				return true;
	return false;
}

/* The folder of its first file has a .env of its own, which counts less than ours. */
static int include_scope(struct compose *sub, const char *path)
{
	AUTO_FREE char *folder = folder_of(path);
	struct variables *vars = folder ? scope_add(sub) : NULL;

	if (!folder)
		return -ENOMEM;
	if (!vars)
		return -ENFILE;
	sub->vars = vars;
	return env_read(vars, folder);
}

/* Relative paths of an included file begin where its include says. */
static int folder_move(struct compose_file *file, const struct compose_file *from,
		       const char *directory)
{
	AUTO_FREE char *expanded = NULL;
	char *folder = NULL;

	if (!directory)
		return 0;
	if (variables_expand(from->vars, directory, &expanded))
		return -ENOMEM;
	folder = compose_path(from, expanded);
	if (!folder)
		return -ENOMEM;
	free(file->folder);
	file->folder = folder;
	return 0;
}

static int include_add(struct compose *sub, const struct compose_file *from,
		       const struct yaml_node *node, const char *directory)
{
	const char *written = yaml_text(node);
	struct compose_file *file = NULL;
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *spelling = NULL;
	const char *unknown = "the file is not there, or not here";
	int err;

	if (!written)
		return 0;
	err = variables_expand(from->vars, written, &name);
	path = err ? NULL : compose_path(from, name);
	if (!path || str_format(&spelling, "include: %s", written))
		return -ENOMEM;
	err = sub->main_count || sub->input->alone ? 0 : include_scope(sub, path);
	err = err ? err : compose_file_open(sub, path, &file);
	if (!err && is_including(sub->parent, file)) {
		err = -ELOOP;
		unknown = "it is included by itself";
	}
	if (err == -EINVAL)
		unknown = "the file is malformed";
	if (err && err != -ENOMEM)
		return compose_tell_missing(sub, NULL, NULL, from, node, spelling, unknown);
	if (!err && sub->main_count < MAIN_MAX) {
		sub->main[sub->main_count++] = file;
		err = folder_move(file, from, directory);
	}
	return err;
}

/* A text, or a map with one path or several, which are merged. */
static int include_audit(struct compose *c, const struct compose_file *from,
			 const struct yaml_node *node)
{
	struct compose sub = {.input = c->input,
			      .files = c->files,
			      .vars = from->vars,
			      .parent = c,
			      .project = c->project,
			      .depth = c->depth + 1};
	const struct yaml_node *path = yaml_kind(node) == YAML_MAP ? yaml_get(node, "path") : node;
	const char *directory = yaml_text(yaml_get(node, "project_directory"));
	int err = 0;

	if (c->depth > EXTENDS_MAX)
		return 0; /* the loop was told of */
	if (yaml_kind(path) == YAML_TEXT)
		err = include_add(&sub, from, path, directory);
	for (struct yaml_walk at = {.list = path}; !err && yaml_step(&at);)
		err = include_add(&sub, from, at.item, directory);
	return err ? err : project_audit(&sub);
}

static int project_audit(struct compose *c)
{
	struct walk w = {.c = c};
	int err = 0;

	for (w.main = 0; !err && w.main < c->main_count; w.main++) {
		const struct compose_file *file = c->main[w.main];
		const struct yaml_node *include = yaml_get(file->root, "include");

		for (struct yaml_walk at = {.list = include}; !err && yaml_step(&at);)
			err = include_audit(c, file, at.item);
	}
	for (w.main = 0; !err && w.main < c->main_count; w.main++) {
		err = yaml_each(compose_services(c->main[w.main]), service_walk, &w);
		if (!err)
			err = yaml_each(yaml_get(c->main[w.main]->root, "volumes"), volume_count,
					c);
	}
	if (err != -E2BIG)
		return err;
	c->input->error(c->input->ctx, c->main[0]->file, 0, 0,
			"it has more entries than are looked at");
	return 0;
}

/* --- all of it ---------------------------------------------------------------------------------- */

/* What of its folder belongs to a file. */
static int beside_find(struct compose *c, struct compose_file *file)
{
	int err = 0;

	if (compose_is_base(file->file))
		err = folder_find(c, file->folder, override_names, COUNT(override_names),
				  &c->main[c->main_count]);
	else
		return not_there(
			folder_find(c, file->folder, base_names, COUNT(base_names), &c->beside));
	c->main_count += !err;
	return not_there(err);
}

int compose_audit(const struct compose_input *input)
{
	CLEANUP(compose_files_clear) struct compose_files *files = calloc(1, sizeof(*files));
	struct compose c = {.input = input, .files = files};
	struct compose_file *file = NULL;
	struct variables *vars = NULL;
	int err;

	if (!files)
		return -ENOMEM;
	vars = scope_add(&c);
	c.vars = vars;
	err = file_new(&c, input->file, &file);
	if (err)
		return err;
	file->root = input->root;
	c.main[c.main_count++] = file;
	if (!input->alone) {
		err = env_read(vars, file->folder);
		err = err ? err : beside_find(&c, file);
	}
	err = err ? err : project_name(&c, file);
	err = err ? err : project_audit(&c);
	free(c.project);
	return err;
}
