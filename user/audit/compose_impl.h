/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_COMPOSE_IMPL_H
#define DOCKSNOOP_AUDIT_COMPOSE_IMPL_H

/* What the parts of reading Compose files share; nobody else's. */

#include "user/audit/compose.h"
#include "user/audit/variables.h"

#define COMPOSE_FILE_MAX (4 << 20)
#define LAYERS_MAX	 64
#define EXTENDS_MAX	 16 /* of one by another by another… */
#define FILES_MAX	 256
#define MAIN_MAX	 16
#define LOOKUPS_MAX	 200000
#define MOUNTS_MAX	 4096 /* of one service */

/* A file that was read. */
struct compose_file {
	char *file;
	char *folder;	   /* "" for the working directory; relative paths begin there */
	struct yaml *yaml; /* NULL: the caller's */
	const struct yaml_node *root;
	const struct variables *vars;
};

/* A project: files merged over each other, the first one below. */
struct compose {
	const struct compose_input *input;
	const struct compose *parent;	     /* that includes it; or NULL */
	struct compose_file *main[MAIN_MAX]; /* a file and its override, or those of one include */
	size_t main_count;
	struct compose_file *beside; /* the folder's base file, when this is another; or NULL */
	const struct variables *vars;
	char *project;		     /* its name */
	struct compose_files *files; /* all that were read */
	int depth;		     /* of includes */
};

/* All files that one run has read, so that each is read once. */
struct compose_files {
	struct compose_file *list[FILES_MAX];
	size_t count;
	struct variables scopes[FILES_MAX]; /* the project's own first, then those of includes */
	size_t scope_count;
	size_t lookups; /* of names of services and volumes, each of which walks through a map */
	bool told;	/* that they are too many */
};

/*
 * A file by its name. 0; -ENOENT when there is none; -EINVAL, which was told to
 * input->error; -ENFILE: there are too many; -ENOMEM.
 */
int compose_file_open(struct compose *c, const char *file, struct compose_file **out);
/* @name as it is meant in @file; malloc'd, NULL without memory. */
char *compose_path(const struct compose_file *file, const char *name);
/*
 * May another name be looked up? A few bytes of a hostile file can ask for any number of
 * them; what is left then is told to input->error.
 */
bool compose_may_look(struct compose *c);
/* The map of a file's services. */
const struct yaml_node *compose_services(const struct compose_file *file);
/* "https://…", "oci://…", "git@…": nothing that could be opened here. */
bool compose_is_remote(const char *name);

/* --- a service, of all layers that make it up: the lowest first ------------------------- */

struct layer {
	const struct compose_file *file;
	const struct yaml_node *node;
};

struct service {
	const char *name;
	struct layer layers[LAYERS_MAX];
	size_t count;
};

/* 0; -ENOENT: there is none of that name; -ENOMEM, or what input->fn returned. */
int compose_service(struct compose *c, const char *name, struct service *out);

/* What counts of a key that has one value: the highest layer's. NULL: none. */
const struct yaml_node *service_get(const struct service *s, const char *key,
				    const struct compose_file **file);
/* The same as text, with values put in; NULL: none. *out malloc'd or NULL. -ENOMEM. */
int service_text(const struct service *s, const char *key, char **out);

/* --- volumes ------------------------------------------------------------------------------ */

/* An entry of a service's volumes. Texts are malloc'd, with values put in. */
struct compose_mount {
	const struct compose_file *file;
	const struct yaml_node *node;
	char *spelling; /* as it was written */
	char *type;	/* "bind", "volume", … */
	char *source;	/* NULL: none */
	char *target;
	bool read_only;
};

struct compose_mounts {
	struct compose_mount *list;
	size_t count;
};

void compose_mounts_clear(struct compose_mounts *mounts);
/* All that count, merged by target. 0, -ENOMEM, or -E2BIG: there are more than MOUNTS_MAX. */
int compose_mounts_read(const struct service *s, struct compose_mounts *out);

/* What a named volume leads to: its device as written, with values put in; NULL: nothing. */
int compose_volume_device(struct compose *c, const char *name, char **out);

/* --- findings ------------------------------------------------------------------------------ */

/* Say it, of this service (NULL: none) and node. */
int compose_tell(struct compose *c, const struct service *s, const struct container *container,
		 const struct compose_file *file, const struct yaml_node *node,
		 struct finding *finding);
/* An undecided one. */
int compose_tell_undecided(struct compose *c, const struct service *s,
			   const struct container *container, const struct compose_file *file,
			   const struct yaml_node *node, const char *spelling, const char *unknown);

/* The same of what is in a file that is not there. */
int compose_tell_missing(struct compose *c, const struct service *s,
			 const struct container *container, const struct compose_file *file,
			 const struct yaml_node *node, const char *spelling, const char *unknown);

/* A service that is looked at, and the container that it will be. */
struct compose_look {
	struct compose *c;
	const struct service *s;
	struct container *container;
};

/* compose_environment.c: which daemon its clients are sent to. */
int compose_environment_look(const struct compose_look *look);

/* All of a service. */
int compose_service_audit(struct compose *c, const struct service *s);

#endif
