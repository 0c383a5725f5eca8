// SPDX-License-Identifier: Apache-2.0
/* "METHOD TARGET", a NUL, and the request's body, for what it gives away. */
#include "input.h"
#include "user/http/go_json.h"
#include "user/http/grade.h"
#include "user/util/cleanup.h"

static void check_grade(const struct grade *grade)
{
	CHECK(grade->reason_count <= GRADE_REASONS_MAX);
	CHECK(grade_name(grade->level));
	for (size_t i = 0; i < grade->reason_count; i++)
		check_printable(grade->reasons[i], 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sockets[] = {"/run/docker.sock", "/srv/podman.sock", NULL};
	static const char *const secrets[] = {"password", "auth", NULL};
	const struct grade_context context = {.sockets = sockets};
	struct input in = {data, size};
	AUTO_FREE char *method = input_part(&in, ' ', NULL);
	AUTO_FREE char *text = input_part(&in, '\0', NULL);
	size_t len = 0;
	AUTO_FREE char *body = malloc(in.size + 1);
	struct target target = {0};
	struct go_json json = {0};
	struct grade grade = {0};

	CHECK(body && !target_parse(text, strlen(text), &target));
	len = in.size;
	memcpy(body, in.data, len);
	for (int whole = 0; whole < 2; whole++) {
		const struct grade_input request = {method, &target, body, len, whole, !whole};

		CHECK(!grade_request(&request, &context, &grade));
		check_grade(&grade);
	}
	target_clear(&target);
	CHECK(!go_json_read(body, len, secrets, &json));
	CHECK(!json.root || !go_json_get(json.root, "password"));
	go_json_clear(&json);
	return 0;
}
