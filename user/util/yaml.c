// SPDX-License-Identifier: Apache-2.0
#include "user/util/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "user/util/cleanup.h"
#include "user/util/text.h"

/* Of merged maps within merged maps, and of aliases for aliases. */
#define FOLLOW_MAX 16
/* A map with more entries gets an index. */
#define INDEX_MIN 16
/* That are merged into one. */
#define MAPS_MAX 256

struct yaml {
	char *text; /* what the nodes point into */
	struct fy_diag *diag;
	struct fy_parser *parser;
	struct fy_document **documents;
	size_t count;
};

static struct fy_node *node_of(const struct yaml_node *node)
{
	return (struct fy_node *)(uintptr_t)node;
}

static const struct yaml_node *node_from(struct fy_node *node)
{
	return (const struct yaml_node *)node;
}

void yaml_free(struct yaml *yaml)
{
	if (!yaml)
		return;
	for (size_t i = 0; i < yaml->count; i++)
		fy_parse_document_destroy(yaml->parser, yaml->documents[i]);
	free(yaml->documents);
	fy_parser_destroy(yaml->parser);
	fy_diag_destroy(yaml->diag);
	free(yaml->text);
	free(yaml);
}

static void error_take(const struct yaml *yaml, struct yaml_error *out)
{
	struct yaml_error error = {.text = "it is no YAML"};
	struct fy_diag_error *first = NULL;
	void *pos = NULL;

	first = fy_diag_errors_iterate(yaml->diag, &pos);
	if (first) {
		error.line = first->line > 0 ? (unsigned int)first->line : 0;
		error.column = first->column > 0 ? (unsigned int)first->column : 0;
		snprintf(error.text, sizeof(error.text), "%s", first->msg);
		error.text[strcspn(error.text, "\n")] = '\0';
	}
	*out = error;
}

struct key {
	const char *text;
	struct fy_node *value;
	UT_hash_handle hh;
};

/* Of a large map: the library looks at one key after the other. */
struct index {
	struct key *first;
	struct key *keys; /* all, as one piece */
};

static void index_free(struct index *index)
{
	if (!index)
		return;
	HASH_CLEAR(hh, index->first);
	free(index->keys);
	free(index);
}

static void cleanup_index(struct index **index)
{
	index_free(*index);
}

static void index_clear(struct fy_node *map, void *index, void *user)
{
	(void)map;
	(void)user;
	index_free(index);
}

static int document_add(struct yaml *yaml, struct fy_document *document)
{
	struct fy_document **more = reallocarray(yaml->documents, yaml->count + 1, sizeof(*more));

	if (!more) {
		fy_parse_document_destroy(yaml->parser, document);
		return -ENOMEM;
	}
	yaml->documents = more;
	yaml->documents[yaml->count++] = document;
	return fy_document_register_meta(document, index_clear, NULL) ? -ENOMEM : 0;
}

static int documents_load(struct yaml *yaml, struct yaml_error *error)
{
	struct fy_document *document = NULL;
	int err = 0;

	while (!err && (document = fy_parse_load_document(yaml->parser)))
		err = document_add(yaml, document);
	if (!err && fy_parser_get_stream_error(yaml->parser)) {
		error_take(yaml, error);
		err = -EINVAL;
	}
	return err;
}

/* What an alias stands for; NULL: nothing. The library takes more than names for one. */
static struct fy_node *alias_target(struct fy_node *alias)
{
	size_t len = 0;
	const char *name = fy_node_get_scalar(alias, &len);

	if (!name || !len || *name == '.')
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (strchr("/*^()[]{},%", name[i]))
			return NULL;
	return fy_node_resolve_alias(alias);
}

static int error_at(struct yaml_error *error, struct fy_node *text, const char *why)
{
	const struct fy_mark *mark = fy_token_start_mark(fy_node_get_scalar_token(text));

	*error = (struct yaml_error){
		.line = mark ? (unsigned int)mark->line + 1 : 0,
		.column = mark ? (unsigned int)mark->column + 1 : 0,
	};
	snprintf(error->text, sizeof(error->text), "%s", why);
	return -EINVAL;
}

/* Of a key that comes again JSON takes the last, and YAML neither. */
static int index_add(struct index *index, struct key *place, struct fy_node_pair *pair, bool json,
		     struct yaml_error *error)
{
	struct fy_node *node = fy_node_pair_key(pair);
	struct key *same = NULL;
	size_t len = 0;

	if (!node || !fy_node_is_scalar(node) || fy_node_is_alias(node))
		return 0;
	place->text = fy_node_get_scalar(node, &len);
	place->value = fy_node_pair_value(pair);
	if (!place->text)
		return 0;
	HASH_FIND(hh, index->first, place->text, len, same);
	if (same && !json)
		return error_at(error, node, "the same key again");
	if (same)
		same->value = place->value;
	else
		HASH_ADD_KEYPTR(hh, index->first, place->text, len, place);
	return 0;
}

/* The library compares every key with every other, which takes a large map for ever. */
static int keys_check(struct fy_node *map, bool json, struct yaml_error *error)
{
	CLEANUP(cleanup_index) struct index *index = calloc(1, sizeof(*index));
	struct fy_node_pair *pair = NULL;
	void *pos = NULL;
	int count = fy_node_mapping_item_count(map);
	int err = 0;

	if (count <= 0)
		return 0;
	if (index)
		index->keys = calloc((size_t)count, sizeof(*index->keys));
	if (!index || !index->keys)
		return -ENOMEM;
	for (int i = 0; !err && i < count && (pair = fy_node_mapping_iterate(map, &pos)); i++)
		err = index_add(index, &index->keys[i], pair, json, error);
	if (!err && count > INDEX_MIN && !fy_node_set_meta(map, index))
		index = NULL;
	return err;
}

/* What the library would only mind later: aliases for nothing, and a key twice in YAML. */
static int tree_check(struct fy_node *n, bool json, struct yaml_error *error)
{
	struct fy_node_pair *pair = NULL;
	struct fy_node *item = NULL;
	void *pos = NULL;
	int err = 0;

	if (fy_node_is_alias(n))
		return alias_target(n)
			       ? 0
			       : error_at(error, n, "an alias for an anchor that there is not");
	if (fy_node_is_sequence(n)) {
		while (!err && (item = fy_node_sequence_iterate(n, &pos)))
			err = tree_check(item, json, error);
	} else if (fy_node_is_mapping(n)) {
		err = keys_check(n, json, error);
		while (!err && (pair = fy_node_mapping_iterate(n, &pos))) {
			item = fy_node_pair_value(pair);
			err = item ? tree_check(item, json, error) : 0;
		}
	}
	return err;
}

/* Its own way with tabs and long keys makes JSON something else than YAML. */
static bool looks_like_json(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]))
		i++;
	return i < len && (text[i] == '{' || text[i] == '[');
}

static int read_as(const char *text, size_t len, unsigned int first_line, bool json,
		   struct yaml **out, struct yaml_error *error)
{
	const struct fy_diag_cfg dc = {.level = FYET_ERROR, .module_mask = ~0U};
	AUTO_YAML struct yaml *yaml = calloc(1, sizeof(*yaml));
	struct fy_parse_cfg pc = {
		.flags =
			FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS |
			(json ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE | FYPCF_SLOPPY_FLOW_INDENTATION),
	};
	size_t before = first_line - 1;
	int err = 0;

	if (!yaml)
		return -ENOMEM;
	/* Lines before it, so that the library counts as is wanted. */
	yaml->text = malloc(before + len + 1);
	yaml->diag = fy_diag_create(&dc);
	if (!yaml->text || !yaml->diag)
		return -ENOMEM;
	memset(yaml->text, '\n', before);
	memcpy(yaml->text + before, text, len);
	yaml->text[before + len] = '\0';
	fy_diag_set_collect_errors(yaml->diag, true);
	pc.diag = yaml->diag;
	yaml->parser = fy_parser_create(&pc);
	if (!yaml->parser)
		return -ENOMEM;
	if (len && fy_parser_set_string(yaml->parser, yaml->text, before + len))
		return -ENOMEM;
	if (len)
		err = documents_load(yaml, error);
	for (size_t i = 0; !err && i < yaml->count; i++) {
		struct fy_node *root = fy_document_root(yaml->documents[i]);

		err = root ? tree_check(root, json, error) : 0;
	}
	if (!err)
		*out = take_ptr(yaml);
	return err;
}

static int byte_refuse(const char *text, const char *at, unsigned int first_line, const char *why,
		       struct yaml_error *error)
{
	*error = (struct yaml_error){.line = first_line, .column = 1};
	snprintf(error->text, sizeof(error->text), "%s", why);
	for (const char *p = text; p < at; p++) {
		error->line += *p == '\n';
		error->column = *p == '\n' ? 1 : error->column + 1;
	}
	return -EINVAL;
}

int yaml_read(const char *text, size_t len, unsigned int first_line, struct yaml **out,
	      struct yaml_error *error)
{
	const char *nul = memchr(text, '\0', len);
	size_t valid = text_utf8_span(text, len);
	struct yaml_error json_error;
	int err = -EINVAL;

	if (nul)
		return byte_refuse(text, nul, first_line, "it has a NUL in it", error);
	/* libfyaml 0.7 takes such a byte in a comment for the end, and never leaves a directive. */
	if (valid < len)
		return byte_refuse(text, text + valid, first_line, "it is not UTF-8", error);
	if (looks_like_json(text, len))
		err = read_as(text, len, first_line, true, out, &json_error);
	if (err == -EINVAL)
		err = read_as(text, len, first_line, false, out, error);
	return err;
}

size_t yaml_count(const struct yaml *yaml)
{
	return yaml->count;
}

const struct yaml_node *yaml_root(const struct yaml *yaml, size_t n)
{
	return n < yaml->count ? node_from(fy_document_root(yaml->documents[n])) : NULL;
}

/* --- nodes -------------------------------------------------------------------------------- */

static struct fy_node *follow(const struct yaml_node *node)
{
	struct fy_node *n = node_of(node);

	for (int i = 0; n && fy_node_is_alias(n); i++) {
		if (i == FOLLOW_MAX)
			return NULL;
		n = alias_target(n);
	}
	return n;
}

/* The core schema's, YAML 1.2, 10.3.2; in quotes it is a text. */
static bool is_null(struct fy_node *n)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	size_t len = 0;
	const char *text = NULL;

	if (fy_node_is_null(n))
		return true;
	if (!fy_node_is_scalar(n) || fy_node_get_style(n) != FYNS_PLAIN)
		return false;
	text = fy_node_get_scalar(n, &len);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len == strlen(words[i]) && !memcmp(text, words[i], len))
			return true;
	return false;
}

enum yaml_kind yaml_kind(const struct yaml_node *node)
{
	struct fy_node *n = follow(node);

	if (!n || is_null(n))
		return YAML_NONE;
	switch (fy_node_get_type(n)) {
	case FYNT_SCALAR:
		return YAML_TEXT;
	case FYNT_SEQUENCE:
		return YAML_LIST;
	case FYNT_MAPPING:
		return YAML_MAP;
	}
	return YAML_NONE;
}

bool yaml_is_alias(const struct yaml_node *node)
{
	return node && fy_node_is_alias(node_of(node));
}

const char *yaml_text(const struct yaml_node *node)
{
	struct fy_node *n = follow(node);
	const char *text = NULL;
	size_t len = 0;

	if (yaml_kind(node) != YAML_TEXT || !fy_node_get_scalar(n, &len))
		return NULL;
	text = fy_node_get_scalar0(n);
	return text && strlen(text) == len ? text : NULL;
}

bool yaml_is_true(const char *text)
{
	static const char *const words[] = {"true", "yes", "on", "1", "y", "t"};

	for (size_t i = 0; text && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

bool yaml_has_tag(const struct yaml_node *node, const char *tag)
{
	size_t len = 0;
	const char *have = node ? fy_node_get_tag(node_of(node), &len) : NULL;

	return have && len == strlen(tag) && !memcmp(have, tag, len);
}

/* The text that a node begins with: of a map its first key. */
static struct fy_node *first_text(struct fy_node *n)
{
	for (int depth = 0; n && depth < FOLLOW_MAX; depth++) {
		void *pos = NULL;

		switch (fy_node_get_type(n)) {
		case FYNT_SCALAR:
			return n;
		case FYNT_SEQUENCE:
			n = fy_node_sequence_iterate(n, &pos);
			break;
		case FYNT_MAPPING: {
			struct fy_node_pair *pair = fy_node_mapping_iterate(n, &pos);

			n = pair ? fy_node_pair_key(pair) : NULL;
			break;
		}
		}
	}
	return NULL;
}

static const struct fy_mark *mark_of(const struct yaml_node *node)
{
	struct fy_node *text = first_text(follow(node));

	return text ? fy_token_start_mark(fy_node_get_scalar_token(text)) : NULL;
}

unsigned int yaml_line(const struct yaml_node *node)
{
	const struct fy_mark *mark = mark_of(node);

	return mark && mark->line >= 0 ? (unsigned int)mark->line + 1 : 0;
}

unsigned int yaml_column(const struct yaml_node *node)
{
	struct fy_node *text = first_text(follow(node));
	const struct fy_mark *mark = mark_of(node);
	bool quoted = text && (fy_node_get_style(text) == FYNS_SINGLE_QUOTED ||
			       fy_node_get_style(text) == FYNS_DOUBLE_QUOTED);

	/* The library's mark of a text in quotes is behind them. */
	return mark && mark->column >= quoted ? (unsigned int)mark->column + 1 - quoted : 0;
}

size_t yaml_size(const struct yaml_node *list)
{
	struct fy_node *n = yaml_kind(list) == YAML_LIST ? follow(list) : NULL;
	int count = n ? fy_node_sequence_item_count(n) : 0;

	return count > 0 ? (size_t)count : 0;
}

bool yaml_step(struct yaml_walk *walk)
{
	struct fy_node *l = yaml_kind(walk->list) == YAML_LIST ? follow(walk->list) : NULL;

	walk->item = l ? node_from(fy_node_sequence_iterate(l, &walk->pos)) : NULL;
	return walk->item;
}

const struct yaml_node *yaml_first(const struct yaml_node *list)
{
	struct yaml_walk at = {.list = list};

	return yaml_step(&at) ? at.item : NULL;
}

int yaml_each_own(const struct yaml_node *map, yaml_entry_fn fn, void *ctx)
{
	struct fy_node *m = yaml_kind(map) == YAML_MAP ? follow(map) : NULL;
	struct fy_node_pair *pair = NULL;
	void *pos = NULL;
	int err = 0;

	while (!err && m && (pair = fy_node_mapping_iterate(m, &pos))) {
		const struct yaml_node *key = node_from(fy_node_pair_key(pair));

		if (yaml_text(key))
			err = fn(ctx, key, node_from(fy_node_pair_value(pair)));
	}
	return err;
}

/* --- merges --------------------------------------------------------------------------------- */

static bool is_merge(const struct yaml_node *key)
{
	const char *text = yaml_text(key);

	return text && !strcmp(text, "<<");
}

/* A map's own entry; false: it has none. *out is the last: JSON can have several. */
static bool own_find(const struct yaml_node *map, const char *key, const struct yaml_node **out)
{
	struct fy_node *m = yaml_kind(map) == YAML_MAP ? follow(map) : NULL;
	const struct index *index = m ? fy_node_get_meta(m) : NULL;
	struct fy_node_pair *pair = NULL;
	struct key *found = NULL;
	bool any = false;
	void *pos = NULL;

	if (index) {
		HASH_FIND(hh, index->first, key, strlen(key), found);
		if (found)
			*out = node_from(found->value);
		return found;
	}
	while (m && (pair = fy_node_mapping_iterate(m, &pos))) {
		const char *text = yaml_text(node_from(fy_node_pair_key(pair)));

		if (!text || strcmp(text, key) != 0)
			continue;
		*out = node_from(fy_node_pair_value(pair));
		any = true;
	}
	return any;
}

/* false: there is no entry; one that is empty is one. */
static bool get_deep(const struct yaml_node *map, const char *key, int depth,
		     const struct yaml_node **out)
{
	const struct yaml_node *merged = NULL;
	bool found = own_find(map, key, out);

	if (found || depth == FOLLOW_MAX || !own_find(map, "<<", &merged))
		return found;
	if (yaml_kind(merged) == YAML_MAP)
		return get_deep(merged, key, depth + 1, out);
	for (struct yaml_walk at = {.list = merged}; !found && yaml_step(&at);)
		found = get_deep(at.item, key, depth + 1, out);
	return found;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *out = NULL;

	get_deep(map, key, 0, &out);
	return out;
}

struct merge {
	const struct yaml_node *map; /* the whole */
	yaml_entry_fn fn;
	void *ctx;
	struct fy_node *done[MAPS_MAX]; /* that were gone through */
	size_t done_count;
};

static int merge_entry(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct merge *m = ctx;

	if (is_merge(key))
		return 0;
	/* Only the entry that counts for its key. */
	return yaml_get(m->map, yaml_text(key)) == value ? m->fn(m->ctx, key, value) : 0;
}

static int merge_each(struct merge *m, const struct yaml_node *map, int depth)
{
	const struct yaml_node *merged = NULL;
	int err = 0;

	for (size_t i = 0; i < m->done_count; i++)
		if (m->done[i] == follow(map))
			return 0;
	if (m->done_count == MAPS_MAX)
		return -E2BIG;
	m->done[m->done_count++] = follow(map);
	err = yaml_each_own(map, merge_entry, m);
	if (err || depth == FOLLOW_MAX || !own_find(map, "<<", &merged))
		return err;
	if (yaml_kind(merged) == YAML_MAP)
		return merge_each(m, merged, depth + 1);
	for (struct yaml_walk at = {.list = merged}; !err && yaml_step(&at);)
		err = merge_each(m, at.item, depth + 1);
	return err;
}

int yaml_each(const struct yaml_node *map, yaml_entry_fn fn, void *ctx)
{
	struct merge m = {.map = map, .fn = fn, .ctx = ctx};

	return merge_each(&m, map, 0);
}
