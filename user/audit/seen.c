// SPDX-License-Identifier: Apache-2.0
#include "user/audit/seen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "user/util/cleanup.h"

/* Of the API's sections there are some thirty. */
#define SECTIONS_MAX 64
#define SECTION_SIZE 24

/* A container that was seen, under its id, and once more under its name. */
struct user {
	char *key;
	uint64_t connects;
	uint64_t requests;
	enum grade_level highest;
	char sections[SECTIONS_MAX][SECTION_SIZE];
	size_t section_count;
	UT_hash_handle hh;
};

struct seen {
	struct user *users;
};

static struct user *user_get(struct seen *seen, char prefix, const char *name)
{
	char key[CONTAINER_ID_MAX + 2];
	struct user *user = NULL;

	if (!name || snprintf(key, sizeof(key), "%c%s", prefix, name) >= (int)sizeof(key))
		return NULL;
	HASH_FIND_STR(seen->users, key, user);
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (user)
		user->key = strdup(key);
	if (!user || !user->key) {
		free(user);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, seen->users, user->key, strlen(user->key), user);
	return user;
}

/* "/containers/{}/json" is of the section CONTAINERS, as socket proxies call them. */
static void section_add(struct user *user, const char *endpoint)
{
	char section[SECTION_SIZE] = "";
	size_t n = 0;

	if (!endpoint || *endpoint != '/')
		return;
	for (const char *p = endpoint + 1; *p && *p != '/' && n + 1 < sizeof(section); p++)
		if (*p != '_')
			section[n++] = (char)toupper((unsigned char)*p);
	for (size_t i = 0; i < user->section_count; i++)
		if (!strcmp(user->sections[i], section))
			return;
	if (n && user->section_count < SECTIONS_MAX)
		strcpy(user->sections[user->section_count++], section);
}

static const char *text_at(const json_t *object, const char *a, const char *b)
{
	const json_t *o = json_object_get(object, a);

	return json_string_value(b ? json_object_get(o, b) : o);
}

/* What could not be graded counts as a write. */
static enum grade_level grade_at_least(const char *name)
{
	enum grade_level level = GRADE_WRITE;

	if (!name || grade_parse(name, &level) || level > GRADE_TAKEOVER)
		level = GRADE_WRITE;
	return level;
}

static void event_count(struct user *user, const char *action, const json_t *docksnoop)
{
	enum grade_level level;

	if (!user)
		return;
	if (!strcmp(action, "api-request")) {
		level = grade_at_least(text_at(docksnoop, "request", "grade"));
		user->requests++;
		user->highest = level > user->highest ? level : user->highest;
		section_add(user, text_at(docksnoop, "request", "endpoint"));
	} else {
		user->connects++;
	}
}

static void event_take(struct seen *seen, const json_t *event)
{
	const char *action = text_at(event, "event", "action");
	const json_t *container = json_object_get(event, "container");
	const json_t *docksnoop = json_object_get(event, "docksnoop");

	if (!action || (strcmp(action, "api-request") != 0 && strcmp(action, "socket-connect") &&
			strcmp(action, "socket-handoff") != 0))
		return;
	event_count(user_get(seen, 'i', text_at(container, "id", NULL)), action, docksnoop);
	event_count(user_get(seen, 'n', text_at(container, "name", NULL)), action, docksnoop);
}

int seen_load(const char *file, seen_complain_fn complain, void *ctx, struct seen **out)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	AUTO_FCLOSE FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct seen *seen = NULL;
	struct stat st;
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!in)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	for (unsigned int n = 1; (len = getline(&line, &size, in)) >= 0; n++) {
		json_error_t error;
		json_t *event = json_loadb(line, (size_t)len, 0, &error);

		if (json_is_object(event))
			event_take(seen, event);
		else
			complain(ctx, n, event ? "this is no event" : error.text);
		json_decref(event);
	}
	*out = seen;
	return 0;
}

void seen_free(struct seen *seen)
{
	struct user *user = NULL, *tmp = NULL;

	if (!seen)
		return;
	HASH_ITER(hh, seen->users, user, tmp)
	{
		HASH_DEL(seen->users, user);
		free(user->key);
		free(user);
	}
	free(seen);
}

static const struct user *user_find(const struct seen *seen, char prefix, const char *name)
{
	char key[CONTAINER_ID_MAX + 2];
	struct user *user = NULL;

	if (!name || !*name || snprintf(key, sizeof(key), "%c%s", prefix, name) >= (int)sizeof(key))
		return NULL;
	HASH_FIND_STR(seen->users, key, user);
	return user;
}

static int section_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

int seen_find(const struct seen *seen, const struct container *container, struct usage *out)
{
	const struct user *user = user_find(seen, 'i', container->id);
	char sections[SECTIONS_MAX][SECTION_SIZE];
	struct usage usage = {0};

	user = user ? user : user_find(seen, 'n', container->name);
	usage.sections = calloc(SECTIONS_MAX, SECTION_SIZE);
	if (!usage.sections)
		return -ENOMEM;
	if (user) {
		usage.connects = user->connects;
		usage.requests = user->requests;
		usage.highest = user->highest;
		memcpy(sections, user->sections, sizeof(sections));
		qsort(sections, user->section_count, SECTION_SIZE, section_order);
		for (size_t i = 0; i < user->section_count; i++) {
			strcat(usage.sections, i ? " " : "");
			strcat(usage.sections, sections[i]);
		}
	}
	*out = usage;
	return 0;
}

void usage_clear(struct usage *usage)
{
	free(usage->sections);
	usage->sections = NULL;
}
