/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_ENDPOINT_H
#define DOCKSNOOP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A request's target, taken apart as the daemons do: Go's url.ParseRequestURI(),
 * then the version in front that moby's router strips ("/v1.41", api/server/
 * server.go) and Podman's "/libpod" (pkg/api/server/register_*.go).
 */
struct target {
	char *path; /* decoded, whole; a NUL in it is shown as U+FFFD. "" when there is none */
	const char *route; /* within path: after version and libpod */
	char *query;	   /* as sent, after the '?'; "" without */
	char version[16];  /* "1.41", "" without */
	bool libpod;
	bool valid; /* Go takes it */
};

/* 0 and *out, to be cleared; -ENOMEM. @target is as it was sent. */
int target_parse(const char *target, size_t size, struct target *out);
void target_clear(struct target *target);

/*
 * The value of @key in a query, decoded, as url.Values.Get() gives it: the first. 0 and
 * *out malloc'd, -ENOENT, -ENOMEM. A NUL in it ends it.
 */
int query_get(const char *query, const char *key, char **out);

/*
 * The query without secrets: values of keys that hold them, and names and
 * passwords within addresses, are "*". malloc'd; NULL without memory.
 */
char *query_redact(const char *query);

/*
 * Does @route look like @pattern, as "/containers/{}/json"? {} is one part of a path,
 * {*} one or more (names of images). What the last of them stands for goes to
 * *object (within @route) and *size.
 */
bool route_matches(const char *route, const char *pattern, const char **object, size_t *size);

#endif
