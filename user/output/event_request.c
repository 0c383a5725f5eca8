// SPDX-License-Identifier: Apache-2.0
#include "user/output/event_request.h"

#include <string.h>

#include "user/output/words.h"

json_t *http_object(struct build *b, const struct api_request *request)
{
	json_t *asked = json_object();
	json_t *answered = json_object();
	json_t *o = json_object();

	build_set_text(b, asked, "method", "http.request.method", request->method);
	build_set_object(b, o, "request", asked);
	build_set_known(b, answered, "status_code", request->status);
	build_set_object(b, o, "response", answered);
	return o;
}

json_t *url_object(struct build *b, const struct api_request *request)
{
	json_t *o = json_object();

	build_set_text(b, o, "path", "url.path", request->path);
	build_set_text(b, o, "query", "url.query", request->query);
	return o;
}

static const char *trouble_name(const struct api_request *request)
{
	switch (request->trouble) {
	case HTTP_UNDERSTOOD:
		return request->resumed ? "resumed" : NULL;
	case HTTP_IS_HTTP2:
		return "http2";
	case HTTP_MALFORMED:
		return "malformed";
	case HTTP_BAD_BODY:
		return "bad-body";
	case HTTP_GAP:
		return "gap";
	case HTTP_TOO_BIG:
		return "too-big";
	}
	return NULL;
}

json_t *request_object(struct build *b, const struct api_request *request)
{
	json_t *reasons = json_array();
	json_t *o = json_object();

	build_set(b, o, "grade", json_string(grade_name(request->grade.level)));
	for (size_t i = 0; i < request->grade.reason_count; i++) {
		const char *reason = request->grade.reasons[i];

		build_append(b, reasons,
			     build_text(b, "docksnoop.request.reasons", reason, strlen(reason)));
	}
	build_set(b, o, "reasons", reasons);
	build_set_text(b, o, "endpoint", "docksnoop.request.endpoint", request->endpoint);
	build_set_text(b, o, "api_version", "docksnoop.request.api_version", request->api_version);
	build_set_text(b, o, "object", "docksnoop.request.object", request->object);
	build_set_text(b, o, "created_container_id", "docksnoop.request.created_container_id",
		       request->created_id);
	build_set(b, o, "complete", json_boolean(request->complete));
	build_set_text(b, o, "trouble", "docksnoop.request.trouble", trouble_name(request));
	return o;
}

json_t *creators_object(struct build *b, const struct container *const *creators, size_t max)
{
	json_t *outer = NULL;
	size_t n = 0;

	while (n < max && creators[n])
		n++;
	while (n--) {
		json_t *o = json_object();

		build_set_text(b, o, "id", "docksnoop.created_by.id", creators[n]->id);
		build_set_text(b, o, "name", "docksnoop.created_by.name", creators[n]->name);
		if (outer)
			build_set(b, o, "created_by", outer);
		outer = o;
	}
	return outer;
}

void put_request(FILE *out, const struct api_request *request)
{
	const char *path = *request->endpoint ? request->endpoint : request->path;
	const char *trouble = trouble_name(request);

	if (*request->method || *path) {
		put_escaped(out, request->method);
		fputc(' ', out);
		put_escaped(out, path);
	} else {
		fputs("unreadable", out);
	}
	if (*request->object) {
		fputc(' ', out);
		put_id(out, request->object);
	}
	if (request->created_id) {
		fputs(" -> ", out);
		put_id(out, request->created_id);
	}
	if (request->status)
		fprintf(out, " %u", request->status);
	else
		fputs(" (no answer seen)", out);
	fprintf(out, " %s", grade_name(request->grade.level));
	for (size_t i = 0; i < request->grade.reason_count; i++) {
		fputs(i ? ", " : ": ", out);
		put_escaped(out, request->grade.reasons[i]);
	}
	if (trouble)
		fprintf(out, " (%s)", trouble);
	else if (!request->complete)
		fputs(" (not all of it was seen)", out);
}
