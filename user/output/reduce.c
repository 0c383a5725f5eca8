// SPDX-License-Identifier: Apache-2.0
#include "user/output/reduce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/output/event.h"
#include "user/output/json_build.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static void drop(struct build *b, json_t *root, const char *const path[], const char *field)
{
	json_t *object = root;

	for (; path[1]; path++)
		object = json_object_get(object, path[0]);
	if (json_object_del(object, path[0]) == 0)
		build_truncated(b, field);
}

static void cut(struct build *b, json_t *string, const char *field, size_t limit)
{
	size_t kept = limit;

	if (json_string_length(string) <= limit)
		return;
	/* never within a character */
	while (kept && (json_string_value(string)[kept] & 0xc0) == 0x80)
		kept--;
	if (json_string_setn(string, json_string_value(string), kept))
		b->failed = true;
	build_truncated(b, field);
}

/* Every string in @value, known as @field; an event is some five levels deep. */
static void shorten(struct build *b, json_t *value, const char *field, size_t limit)
{
	const char *key = NULL;
	json_t *part = NULL;
	size_t i = 0;

	if (json_is_string(value))
		cut(b, value, field, limit);
	json_array_foreach (value, i, part)
		shorten(b, part, field, limit);
	json_object_foreach (value, key, part) {
		AUTO_FREE char *name = NULL;

		if (str_format(&name, "%s%s%s", field, *field ? "." : "", key) < 0)
			b->failed = true;
		else
			shorten(b, part, name, limit);
	}
}

/* Does it fit now? 1 with *out, 0, or -ENOMEM. */
static int dump(const struct build *b, const json_t *root, size_t max, char **out)
{
	AUTO_FREE char *text = b->failed ? NULL : json_dumps(root, EVENT_JSON_FLAGS);

	if (!text)
		return -ENOMEM;
	if (strlen(text) > max)
		return 0;
	*out = take_ptr(text);
	return 1;
}

int event_reduce(const char *json, size_t max, char **out)
{
	static const struct {
		const char *path[4];
		const char *field;
	} lists[] = {
		{{"container", "labels"}, "container.labels"},
		{{"process", "args"}, "process.args"},
		{{"docksnoop", "monitor", "sockets"}, "docksnoop.monitor.sockets"},
	};
	/* the last one leaves every id and hash whole */
	static const size_t limits[] = {1024, 256, 96};
	__attribute__((cleanup(cleanup_json))) json_t *root =
		json_loads(json, JSON_ALLOW_NUL, NULL);
	json_t *docksnoop = json_object_get(root, "docksnoop");
	struct build b = {.truncated = json_object_get(docksnoop, "truncated")};
	int fits = 0;

	if (!root)
		return -ENOMEM;
	if (!b.truncated) {
		build_set(&b, docksnoop, "truncated", json_array());
		b.truncated = json_object_get(docksnoop, "truncated");
	}
	for (size_t i = 0; !fits && i < sizeof(lists) / sizeof(lists[0]); i++) {
		drop(&b, root, lists[i].path, lists[i].field);
		fits = dump(&b, root, max, out);
	}
	for (size_t i = 0; !fits && i < sizeof(limits) / sizeof(limits[0]); i++) {
		shorten(&b, root, "", limits[i]);
		fits = dump(&b, root, max, out);
	}
	if (fits < 0)
		return fits;
	return fits ? 0 : -EMSGSIZE;
}
