// SPDX-License-Identifier: Apache-2.0
#include "user/output/json_build.h"

#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/text.h"

json_t *build_text(struct build *b, const char *field, const char *s, size_t len)
{
	AUTO_FREE char *text = NULL;
	char none = '\0';
	size_t whole = text_utf8(&none, 0, s, len);
	size_t kept = whole < JSON_TEXT_MAX ? whole : JSON_TEXT_MAX;

	text = malloc(kept + 1);
	if (!text)
		return NULL;
	text_utf8(text, kept + 1, s, len);
	if (whole > kept) {
		/* it ends after a whole character, which may be before the last byte */
		kept = strnlen(text, kept);
		build_truncated(b, field);
	}
	return json_stringn(text, kept);
}

void build_set(struct build *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		b->failed = true;
}

void build_append(struct build *b, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		b->failed = true;
}

void build_set_text(struct build *b, json_t *object, const char *key, const char *field,
		    const char *s)
{
	if (s && *s)
		build_set(b, object, key, build_text(b, field, s, strlen(s)));
}

void build_set_known(struct build *b, json_t *object, const char *key, uint64_t number)
{
	if (number && number <= INT64_MAX)
		build_set(b, object, key, json_integer((json_int_t)number));
}

void build_set_count(struct build *b, json_t *object, const char *key, uint64_t number)
{
	if (number > INT64_MAX)
		number = INT64_MAX;
	build_set(b, object, key, json_integer((json_int_t)number));
}

void build_set_object(struct build *b, json_t *object, const char *key, json_t *child)
{
	if (child && !json_object_size(child))
		json_decref(child);
	else
		build_set(b, object, key, child);
}

void build_truncated(struct build *b, const char *field)
{
	size_t i = 0;
	json_t *name = NULL;

	json_array_foreach (b->truncated, i, name) {
		if (strcmp(json_string_value(name), field) == 0)
			return;
	}
	build_append(b, b->truncated, json_string(field));
}
