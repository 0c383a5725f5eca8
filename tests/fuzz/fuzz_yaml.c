// SPDX-License-Identifier: Apache-2.0
/* YAML, walked through with all its aliases and merges as far as a reader would go. */
#include "input.h"
#include "user/util/cleanup.h"
#include "user/util/yaml.h"

#define DEPTH_MAX 16
#define NODES_MAX 2000

struct walk {
	unsigned int depth;
	unsigned int nodes;
};

static void node_look(struct walk *walk, const struct yaml_node *node);

static int entry_take(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	CHECK(yaml_kind(key) == YAML_TEXT);
	node_look(ctx, value);
	return 0;
}

static void node_look(struct walk *walk, const struct yaml_node *node)
{
	(void)yaml_line(node);
	(void)yaml_column(node);
	(void)yaml_has_tag(node, "!reset");
	(void)yaml_is_alias(node);
	if (walk->depth == DEPTH_MAX || walk->nodes++ > NODES_MAX)
		return;
	walk->depth++;
	switch (yaml_kind(node)) {
	case YAML_NONE:
		break;
	case YAML_TEXT:
		if (yaml_text(node))
			(void)yaml_is_true(yaml_text(node));
		break;
	case YAML_LIST:
		(void)yaml_size(node);
		(void)yaml_first(node);
		for (struct yaml_walk at = {.list = node}; yaml_step(&at);)
			node_look(walk, at.item);
		break;
	case YAML_MAP:
		(void)yaml_get(node, "services");
		(void)yaml_each(node, entry_take, walk);
		break;
	}
	walk->depth--;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	AUTO_FREE char *text = malloc(in.size + 1);
	AUTO_YAML struct yaml *yaml = NULL;
	struct yaml_error error = {0};
	struct walk walk = {0};

	CHECK(text);
	memcpy(text, in.data, in.size);
	text[in.size] = '\0';
	if (yaml_read(text, in.size, 1, &yaml, &error)) {
		CHECK(error.text[0]);
		return 0;
	}
	for (size_t i = 0; i < yaml_count(yaml); i++)
		node_look(&walk, yaml_root(yaml, i));
	return 0;
}
