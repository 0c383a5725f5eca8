// SPDX-License-Identifier: Apache-2.0
#include "user/http/api_request.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/http/grade_body.h"
#include "user/util/cleanup.h"

#define ANSWER_ROOM 4096 /* {"Id":"…","Warnings":[…]} */

static bool creates_container(const struct http_exchange *e, const struct target *target)
{
	return !strcmp(e->method, "POST") && !strcmp(target->route, "/containers/create");
}

static void cleanup_target(struct target *target)
{
	target_clear(target);
}
#define AUTO_TARGET __attribute__((cleanup(cleanup_target)))

size_t api_request_body_room(const struct http_exchange *e)
{
	AUTO_TARGET struct target target = {0};

	/* Without memory it is graded by what is there: not lower for it. */
	if (target_parse(e->target, e->target_size, &target))
		return 0;
	return grade_body_room(e->method, &target);
}

size_t api_request_answer_room(const struct http_exchange *e)
{
	AUTO_TARGET struct target target = {0};

	if (e->status / 100 != 2 || target_parse(e->target, e->target_size, &target))
		return 0;
	return creates_container(e, &target) ? ANSWER_ROOM : 0;
}

/* What the daemon itself has written. NULL: it does not say. */
static char *created_id_read(const struct http_content *answer)
{
	json_t *root =
		json_loadb((const char *)answer->data, answer->size, JSON_DISABLE_EOF_CHECK, NULL);
	const char *id = json_string_value(json_object_get(root, "Id"));
	char *copy = id && *id && strlen(id) <= CONTAINER_ID_MAX ? strdup(id) : NULL;

	json_decref(root);
	return copy;
}

/* What could not be read is not said to be harmless. */
static void trouble_grade(const struct http_exchange *e, struct grade *grade)
{
	switch (e->trouble) {
	case HTTP_UNDERSTOOD:
	case HTTP_BAD_BODY: /* the body says so itself */
		return;
	case HTTP_IS_HTTP2:
		grade->level = GRADE_OPAQUE;
		return;
	case HTTP_MALFORMED:
	case HTTP_GAP:
	case HTTP_TOO_BIG:
		if (!*e->method || grade->level < GRADE_EXEC)
			grade->level = GRADE_UNKNOWN;
		return;
	}
}

static char *endpoint_show(const char *endpoint)
{
	char *shown = strdup(endpoint);
	char *star = shown ? strstr(shown, "{*}") : NULL;

	if (star)
		memmove(star + 1, star + 2, strlen(star + 2) + 1);
	return shown;
}

static int object_find(const struct target *target, const struct route *route, char **out)
{
	static const char *const keys[] = {"name", "fromImage", "repo", "t"};
	int err = -ENOENT;

	if (route->object) {
		*out = strndup(route->object, route->object_size);
		return *out ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && err == -ENOENT; i++)
		err = query_get(target->query, keys[i], out);
	if (err != -ENOENT)
		return err;
	*out = strdup("");
	return *out ? 0 : -ENOMEM;
}

static int request_fill(struct api_request *r, const struct http_exchange *e,
			const struct target *target, const struct grade_context *context)
{
	const struct grade_input in = {
		.method = e->method,
		.target = target,
		.body = e->body.data ? (const char *)e->body.data : "",
		.body_size = e->body.size,
		.body_whole = e->body.whole,
		.body_cut = e->body.sent > HTTP_BODY_MAX,
	};
	struct route route = {0};
	int err = grade_request(&in, context, &r->grade);

	if (err)
		return err;
	route_find(e->method, target, &route);
	trouble_grade(e, &r->grade);
	/* Its path goes on beyond what was kept: it may be any. */
	if (e->target_cut && !memchr(e->target, '?', e->target_size)) {
		grade_raise(&r->grade, GRADE_UNKNOWN);
		grade_because(&r->grade, "the path is longer than what is looked at");
	}
	r->method = strdup(e->method);
	r->path = strdup(target->path);
	r->query = query_redact(target->query);
	r->endpoint = endpoint_show(route.endpoint);
	r->api_version = strdup(target->version);
	r->status = e->status;
	r->complete = e->complete && !e->target_cut;
	r->trouble = e->trouble;
	r->resumed = e->resumed;
	if (e->answer.data && creates_container(e, target))
		r->created_id = created_id_read(&e->answer);
	if (!r->method || !r->path || !r->query || !r->endpoint || !r->api_version)
		return -ENOMEM;
	r->route = r->path + (target->route - target->path);
	return object_find(target, &route, &r->object);
}

int api_request_new(const struct http_exchange *e, const struct grade_context *context,
		    struct api_request **out)
{
	AUTO_API_REQUEST struct api_request *r = calloc(1, sizeof(*r));
	AUTO_TARGET struct target target = {0};
	int err = r ? target_parse(e->target, e->target_size, &target) : -ENOMEM;

	err = err ? err : request_fill(r, e, &target, context);
	if (!err)
		*out = take_ptr(r);
	return err;
}

void api_request_free(struct api_request *r)
{
	if (!r)
		return;
	free(r->method);
	free(r->path);
	free(r->query);
	free(r->endpoint);
	free(r->api_version);
	free(r->object);
	free(r->created_id);
	free(r);
}
