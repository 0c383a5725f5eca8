/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_VARIABLES_H
#define DOCKSNOOP_AUDIT_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Variables as Compose has them: of .env files, never of our own environment, which is
 * not the one that the file will be used in.
 */
struct variables {
	const struct variables *above; /* counts more; or NULL */
	struct variable *list;
};

void variables_clear(struct variables *vars);
/* An earlier value stays, as Compose has it. -ENOMEM. */
int variables_add(struct variables *vars, const char *name, size_t name_len, const char *value);
/* The same, but that the last value counts. */
int variables_set(struct variables *vars, const char *name, const char *value);
/* NULL: not set. */
const char *variables_get(const struct variables *vars, const char *name);
/* The same of a name that is the first @len bytes of @name. */
const char *variables_find(const struct variables *vars, const char *name, size_t len);

/*
 * A file of NAME=value lines, as compose-go/dotenv reads it: comments, "export", quotes,
 * $NAME of what came before. @each, which may be NULL, is told every line's name and value.
 */
typedef int (*variable_fn)(void *ctx, const char *name, const char *value, unsigned int line);
int variables_read(struct variables *vars, const char *text, variable_fn each, void *ctx);

/*
 * Put values in for $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:?text},
 * ${NAME?text}, ${NAME:+other}, ${NAME+other}, within defaults too, and "$" for "$$"
 * (compose-spec, 12-interpolation.md). What is not set and has no default becomes
 * LEAD_UNKNOWN, and so does what Compose would refuse. *out is malloc'd; -ENOMEM.
 */
int variables_expand(const struct variables *vars, const char *text, char **out);

#endif
