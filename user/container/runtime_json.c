// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/text.h"

/* Within JSON a backslash can only be the first half of an escape. */
static void nul_escapes_replace(char *text)
{
	for (char *c = text; (c = strchr(c, '\\')) && c[1];) {
		if (strncmp(c, "\\u0000", 6) == 0)
			memcpy(c, "\\ufffd", 6);
		c += 2;
	}
}

int json_text_parse(const char *text, size_t len, json_t **out, bool *damaged)
{
	size_t size = text_utf8(NULL, 0, text, len) + 1;
	AUTO_FREE char *copy = malloc(size);
	json_t *json = NULL;

	if (!copy)
		return -ENOMEM;
	text_utf8(copy, size, text, len);
	if (size - 1 != len || memcmp(copy, text, len) != 0)
		*damaged = true;
	/* No JSON holds a NUL as it is: jansson fails at the first one. */
	nul_escapes_replace(copy);
	json = json_loadb(copy, size - 1, JSON_DECODE_INT_AS_REAL, NULL);
	if (!json)
		return -EINVAL;
	*out = json;
	return 0;
}

int json_file_load(int dirfd, const char *path, size_t max, json_t **out, bool *damaged)
{
	AUTO_CLOSE int fd = file_open_in_root(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int err = 0;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0)
		return fd == -ENOMEM ? -ENOMEM : -EINVAL;
	err = file_read_fd(fd, max, &text, &len);
	if (err)
		return err == -ENOMEM ? -ENOMEM : -EINVAL;
	return json_text_parse(text, len, out, damaged);
}

static json_t *member(const json_t *object, const char *key, bool (*is)(const json_t *),
		      bool *damaged)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return NULL;
	if (is(value))
		return value;
	*damaged = true;
	return NULL;
}

/* jansson has these as macros only. */
static bool is_string(const json_t *value)
{
	return json_is_string(value);
}

static bool is_object(const json_t *value)
{
	return json_is_object(value);
}

static bool is_array(const json_t *value)
{
	return json_is_array(value);
}

static bool is_boolean(const json_t *value)
{
	return json_is_boolean(value);
}

const char *json_member_text(const json_t *object, const char *key, bool *damaged)
{
	const char *text = json_string_value(member(object, key, is_string, damaged));

	return text && *text ? text : NULL;
}

json_t *json_member_object(const json_t *object, const char *key, bool *damaged)
{
	return member(object, key, is_object, damaged);
}

json_t *json_member_array(const json_t *object, const char *key, bool *damaged)
{
	return member(object, key, is_array, damaged);
}

bool json_member_true(const json_t *object, const char *key, bool *damaged)
{
	return json_is_true(member(object, key, is_boolean, damaged));
}
