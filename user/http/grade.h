/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_GRADE_H
#define DOCKSNOOP_GRADE_H

#include <stdbool.h>
#include <stddef.h>

#include "user/container/container.h"
#include "user/http/endpoint.h"

/* What a request to a daemon's API means for the host (docs/requests.md). */

enum grade_level {
	GRADE_PROBE,
	GRADE_READ,
	GRADE_SENSITIVE_READ,
	GRADE_WRITE,
	GRADE_EXEC,
	GRADE_TAKEOVER,
	GRADE_OPAQUE,  /* it cannot be followed, and can take the host over */
	GRADE_UNKNOWN, /* it could not be read: a write at least */
};

const char *grade_name(enum grade_level level);		  /* "probe", "sensitive-read", … */
int grade_parse(const char *name, enum grade_level *out); /* -EINVAL */
/* event.severity of a flagged one: 21, 47, 73, 99 */
int grade_severity(enum grade_level level);

#define GRADE_REASONS_MAX 16
#define GRADE_REASON_SIZE 128

struct grade {
	enum grade_level level;
	size_t reason_count;
	/* For people: fixed words, and bounded bytes of the request, escaped (text_escape()). */
	char reasons[GRADE_REASONS_MAX][GRADE_REASON_SIZE];
};

/* What is known besides the request; all may be NULL. */
struct grade_context {
	/* Paths of watched sockets on the host, ended by NULL. */
	const char *const *sockets;
	/* A container of this daemon by its id, a part of it, or its name; NULL: not known. */
	const struct container *(*container)(void *ctx, const char *object);
	void *ctx;
};

struct grade_input {
	const char *method;
	const struct target *target;
	const void *body;
	size_t body_size;
	bool body_whole; /* nothing of it is missing */
	bool body_cut;	 /* it is larger than grade_body_room() */
};

/* How the route of a request is called ("/containers/{}/json"), and what it is about. */
struct route {
	const char *endpoint; /* "" when it is none that is known; static */
	const char *object;   /* within the target; NULL without */
	size_t object_size;
};
void route_find(const char *method, const struct target *target, struct route *out);

/* How many bytes of its body grading has use for. */
size_t grade_body_room(const char *method, const struct target *target);

/* 0, or -ENOMEM. */
int grade_request(const struct grade_input *in, const struct grade_context *context,
		  struct grade *out);

#endif
