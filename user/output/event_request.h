/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_EVENT_REQUEST_H
#define DOCKSNOOP_OUTPUT_EVENT_REQUEST_H

/* What of an event is about a request to a daemon. For this folder only. */

#include <stdio.h>

#include "user/output/event.h"
#include "user/output/json_build.h"

json_t *http_object(struct build *b, const struct api_request *request);
json_t *url_object(struct build *b, const struct api_request *request);
json_t *request_object(struct build *b, const struct api_request *request);
/* Each has the one that made it within; @creators ends with NULL, or after @max. */
json_t *creators_object(struct build *b, const struct container *const *creators, size_t max);

/* "POST /containers/create web 201 takeover: privileged, binds /", for people */
void put_request(FILE *out, const struct api_request *request);

#endif
