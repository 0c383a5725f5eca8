/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_YAML_H
#define DOCKSNOOP_YAML_H

#include <stdbool.h>
#include <stddef.h>

/*
 * YAML 1.2, and JSON, which is read by the same library because that keeps the
 * place of everything; of names that JSON has several times the last counts. Aliases and merge keys ("<<", yaml.org/type/merge.html) are
 * followed where they are asked for and never copied out, so that a short text
 * cannot grow without bounds.
 */
struct yaml;
/* Belongs to its struct yaml. Every function takes NULL for a node that is not there. */
struct yaml_node;

struct yaml_error {
	unsigned int line; /* from 1; 0: the text as a whole */
	unsigned int column;
	char text[256]; /* for people; may hold bytes of the text: text_escape() */
};

/*
 * Read all documents of a text, of which @first_line is the first line's number. 0;
 * -EINVAL when it is no YAML, with *error filled in; -ENOMEM. An empty text has no
 * documents.
 */
int yaml_read(const char *text, size_t len, unsigned int first_line, struct yaml **out,
	      struct yaml_error *error);
void yaml_free(struct yaml *yaml); /* NULL is allowed */

static inline void cleanup_yaml(struct yaml **yaml)
{
	yaml_free(*yaml);
}
#define AUTO_YAML __attribute__((cleanup(cleanup_yaml)))

size_t yaml_count(const struct yaml *yaml);
/* The n-th document; NULL when it is empty. */
const struct yaml_node *yaml_root(const struct yaml *yaml, size_t n);

enum yaml_kind {
	YAML_NONE, /* not there, null, "~", or an alias that leads nowhere */
	YAML_TEXT,
	YAML_LIST,
	YAML_MAP,
};
enum yaml_kind yaml_kind(const struct yaml_node *node);

/* Is it an alias, for what is written elsewhere in the document? */
bool yaml_is_alias(const struct yaml_node *node);

/* A text's bytes, ended by NUL. NULL: it is no text, or has a NUL within. */
const char *yaml_text(const struct yaml_node *node);
/* "true", "yes", "on", "1", whatever their case, quoted or not: what Compose takes for it. */
bool yaml_is_true(const char *text);
/* "!reset", as written; "" without. */
bool yaml_has_tag(const struct yaml_node *node, const char *tag);
/* Where it begins; 0: not known (an empty one). Of a map or list that of its first entry. */
unsigned int yaml_line(const struct yaml_node *node);
unsigned int yaml_column(const struct yaml_node *node);

size_t yaml_size(const struct yaml_node *list);
/*
 * Each item of a list, one after the other:
 * for (struct yaml_walk at = {.list = list}; yaml_step(&at);) use(at.item);
 */
struct yaml_walk {
	const struct yaml_node *list;
	const struct yaml_node *item;
	void *pos; /* yaml.c's own */
};
bool yaml_step(struct yaml_walk *walk);
/* The first one. */
const struct yaml_node *yaml_first(const struct yaml_node *list);

/* What a map has under @key, by its own entry or a merged one. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/*
 * Each entry of a map: its own, then those merged in, but for the keys that came
 * before. Keys that are no text are left out. Not 0 stops, and is returned; -E2BIG when more
 * than 256 maps are merged.
 */
typedef int (*yaml_entry_fn)(void *ctx, const struct yaml_node *key, const struct yaml_node *value);
int yaml_each(const struct yaml_node *map, yaml_entry_fn fn, void *ctx);
/* Each of a map's own entries, as they are written. */
int yaml_each_own(const struct yaml_node *map, yaml_entry_fn fn, void *ctx);

#endif
