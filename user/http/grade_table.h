/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_GRADE_TABLE_H
#define DOCKSNOOP_GRADE_TABLE_H

#include "user/http/grade.h"

/* What has to be looked at besides method and route. */
enum grade_look {
	LOOK_NOTHING,
	LOOK_CREATE, /* a container's configuration */
	LOOK_SERVICE,
	LOOK_VOLUME,
	LOOK_EXEC,    /* an exec's configuration, and its container */
	LOOK_ARCHIVE, /* the container */
	LOOK_BUILD,   /* the query */
};

struct grade_row {
	const char *method; /* "GET" stands for HEAD, too; "*" for any */
	const char *route;
	enum grade_level level;
	enum grade_look look;
	const char *reason; /* or NULL */
};

/* The first that matches counts; the last matches all that is left of its method. */
extern const struct grade_row grade_rows[];
extern const size_t grade_row_count;

#endif
