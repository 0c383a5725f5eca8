// SPDX-License-Identifier: Apache-2.0
#include "user/http/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* url.unescape(): malloc'd. *bad: there was a '%' without two digits; it stays as it is. */
static char *percent_decode(const char *text, size_t size, bool query, bool *bad)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *out = malloc(size * (sizeof(replacement) - 1) + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 2 < size ? hex_value(text[i + 1]) : -1;
			int low = i + 2 < size ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0) {
				*bad = true;
			} else {
				c = (unsigned char)(high << 4 | low);
				i += 2;
			}
		} else if (c == '+' && query) {
			c = ' ';
		}
		if (c)
			out[n++] = (char)c;
		else
			n = (size_t)(stpcpy(out + n, replacement) - out);
	}
	out[n] = '\0';
	return out;
}

/* "v1.41" of "/v1.41/containers/json"; what is behind it, or NULL. */
static const char *version_end(const char *path)
{
	size_t digits;

	if (strncmp(path, "/v", 2) != 0)
		return NULL;
	digits = strspn(path + 2, "0123456789.");
	return digits && path[2 + digits] == '/' ? path + 2 + digits : NULL;
}

static void path_read(struct target *t)
{
	const char *end = version_end(t->path);
	size_t len;

	t->route = t->path;
	if (end) {
		len = (size_t)(end - t->path) - 2;
		if (len < sizeof(t->version)) {
			memcpy(t->version, t->path + 2, len);
			t->version[len] = '\0';
		}
		t->route = end;
	}
	if (!strncmp(t->route, "/libpod/", 8)) {
		t->libpod = true;
		t->route += 7;
	}
}

int target_parse(const char *text, size_t size, struct target *out)
{
	struct target t = {.valid = true};
	const char *mark = memchr(text, '?', size);
	size_t path_size = mark ? (size_t)(mark - text) : size;
	const char *query = mark ? mark + 1 : text + size;
	size_t query_size = (size_t)(text + size - query);
	const char *authority = NULL;
	bool bad = false;

	/* An absolute one: scheme, "://", and who is meant, which the daemon passes over. */
	if (path_size && *text != '/') {
		authority = memmem(text, path_size, "://", 3);
		if (authority) {
			const char *path;

			authority += 3;
			path = memchr(authority, '/', path_size - (size_t)(authority - text));
			path_size = path ? path_size - (size_t)(path - text) : 0;
			text = path ? path : text;
		} else {
			t.valid = path_size == 1 && *text == '*';
		}
	}
	t.path = percent_decode(text, path_size, false, &bad);
	t.query = strndup(query, query_size);
	if (!t.path || !t.query) {
		target_clear(&t);
		return -ENOMEM;
	}
	t.valid &= !bad;
	path_read(&t);
	*out = t;
	return 0;
}

void target_clear(struct target *t)
{
	free(t->path);
	free(t->query);
	*t = (struct target){0};
}

/* --- the query ------------------------------------------------------------------------------ */

struct pair {
	const char *key, *value;
	size_t key_size, value_size;
};

/* url.parseQuery(): one with a ';' does not count. */
static const char *pair_next(const char *query, struct pair *out)
{
	size_t size = strcspn(query, "&");
	const char *equals = memchr(query, '=', size);

	out->key = query;
	out->key_size = equals ? (size_t)(equals - query) : size;
	out->value = equals ? equals + 1 : query + size;
	out->value_size = (size_t)(query + size - out->value);
	return query[size] ? query + size + 1 : NULL;
}

int query_get(const char *query, const char *key, char **out)
{
	struct pair pair;

	while (query && *query) {
		AUTO_FREE char *name = NULL;
		bool bad = false;

		query = pair_next(query, &pair);
		name = percent_decode(pair.key, pair.key_size, true, &bad);
		if (!name)
			return -ENOMEM;
		if (bad || strcmp(name, key) != 0 || memchr(pair.value, ';', pair.value_size))
			continue;
		*out = percent_decode(pair.value, pair.value_size, true, &bad);
		if (!*out)
			return -ENOMEM;
		if (!bad)
			return 0;
		free(*out);
		*out = NULL;
	}
	return -ENOENT;
}

/* Build arguments are values, not names; the others are what clients put there. */
static bool key_is_secret(const char *key)
{
	static const char *const words[] = {"buildargs", "password", "passwd",	   "token",
					    "secret",	 "auth",     "credential", "apikey"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(key, words[i]))
			return true;
	return false;
}

/* "https://user:password@host" */
static bool value_has_login(const char *value, size_t size)
{
	bool bad = false;
	AUTO_FREE char *text = percent_decode(value, size, true, &bad);
	const char *slashes = text ? strstr(text, "//") : NULL;
	const char *at = slashes ? strchr(slashes + 2, '@') : NULL;

	return at && (size_t)(at - slashes - 2) <= strcspn(slashes + 2, "/?#");
}

char *query_redact(const char *query)
{
	char *out = malloc(strlen(query) + 1);
	char *to = out;
	struct pair pair;

	if (!out)
		return NULL;
	while (query && *query) {
		AUTO_FREE char *name = NULL;
		bool bad = false;

		query = pair_next(query, &pair);
		name = percent_decode(pair.key, pair.key_size, true, &bad);
		if (!name) {
			free(out);
			return NULL;
		}
		to = mempcpy(to, pair.key, (size_t)(pair.value - pair.key));
		if (pair.value_size &&
		    (key_is_secret(name) || value_has_login(pair.value, pair.value_size)))
			*to++ = '*';
		else
			to = mempcpy(to, pair.value, pair.value_size);
		if (query)
			*to++ = '&';
	}
	*to = '\0';
	return out;
}

/* --- routes --------------------------------------------------------------------------------- */

bool route_matches(const char *route, const char *pattern, const char **object, size_t *size)
{
	while (*pattern) {
		const char *rest;
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *route++)
				return false;
			continue;
		}
		if (pattern[1] == '}') {
			len = strcspn(route, "/");
			pattern += 2;
			if (!len)
				return false;
			*object = route;
			*size = len;
			route += len;
			continue;
		}
		/* {*}: the rest of the pattern is plain, and at the end */
		pattern += 3;
		rest = route + strlen(route) -
		       (strlen(route) < strlen(pattern) ? 0 : strlen(pattern));
		if (rest <= route || strcmp(rest, pattern) != 0)
			return false;
		*object = route;
		*size = (size_t)(rest - route);
		return true;
	}
	return !*route;
}
