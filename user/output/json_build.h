/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_JSON_BUILD_H
#define DOCKSNOOP_OUTPUT_JSON_BUILD_H

/*
 * Filling in JSON objects without a test after every line: a call that ran out
 * of memory is remembered in the build, and the ones after it do no harm. For
 * this folder only.
 */

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct build {
	json_t *truncated; /* names of the fields that are not whole; owned */
	bool failed;
};

/* A longer string is cut, and said to be; no path is, be it of bytes that U+FFFD stands for. */
#define JSON_TEXT_MAX (3 * PATH_MAX)

/* The text as valid UTF-8, a new reference; NULL without memory. @field: its name if it is cut. */
json_t *build_text(struct build *b, const char *field, const char *s, size_t len);

/* Each takes what it is given (a NULL is memory that ran out) and leaves out what is not known. */
void build_set(struct build *b, json_t *object, const char *key, json_t *value);
void build_append(struct build *b, json_t *array, json_t *value);
/* NULL and "" are not known. */
void build_set_text(struct build *b, json_t *object, const char *key, const char *field,
		    const char *s);
/* 0 is not known; JSON's integers are signed here, so neither is what is above INT64_MAX. */
void build_set_known(struct build *b, json_t *object, const char *key, uint64_t number);
/* A count: 0 is one, and what is above INT64_MAX counts as that. */
void build_set_count(struct build *b, json_t *object, const char *key, uint64_t number);
/* @child, unless nothing was put into it. */
void build_set_object(struct build *b, json_t *object, const char *key, json_t *child);
/* Say that the field is not whole; once for each. */
void build_truncated(struct build *b, const char *field);

#endif
