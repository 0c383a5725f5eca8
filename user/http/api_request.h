/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_API_REQUEST_H
#define DOCKSNOOP_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "user/http/conversation.h"
#include "user/http/grade.h"

/*
 * What was asked of a daemon, and what that means: an exchange of a
 * conversation, read and graded. Nothing in it is a secret. Strings hold what the
 * client sent, any byte but NUL, and are not UTF-8 by promise.
 */
struct api_request {
	char *method;	   /* "" when not known */
	char *path;	   /* decoded; "" when not known */
	const char *route; /* within path: after version and libpod, as struct target has it */
	char *query;	   /* as sent, without secrets; "" without */
	char *endpoint;	   /* "/containers/{}/json"; "" when not known */
	char *api_version; /* "1.41", "" without */
	char *object;	   /* the id or name that it is about; "" without */
	char *created_id;  /* of the container that it has made, else NULL */
	unsigned int status;
	bool complete;
	enum http_trouble trouble;
	bool resumed; /* bytes were missing before: where it begins is a guess */
	struct grade grade;
};

/* Of the body of a request, of its answer: how many bytes api_request_new() has use for. */
size_t api_request_body_room(const struct http_exchange *exchange);
size_t api_request_answer_room(const struct http_exchange *exchange);

/* 0 and *out, to be freed; -ENOMEM. */
int api_request_new(const struct http_exchange *exchange, const struct grade_context *context,
		    struct api_request **out);
void api_request_free(struct api_request *request); /* NULL is allowed */

static inline void cleanup_api_request(struct api_request **request)
{
	api_request_free(*request);
}
#define AUTO_API_REQUEST __attribute__((cleanup(cleanup_api_request)))

#endif
