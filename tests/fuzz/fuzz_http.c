// SPDX-License-Identifier: Apache-2.0
/*
 * A connection to a daemon. The input is steps with 0xff between them, each a letter and
 * what belongs to it: > and < for bytes read and written at once, ) and ( for the same byte
 * by byte, g and h for a gap of a decimal size, l and m for a loss, o for waiting long.
 */
#include "output.h"
#include "user/http/conversation.h"

static size_t body_room(void *ctx, const struct http_exchange *x)
{
	(void)ctx;
	return api_request_body_room(x);
}

static size_t answer_room(void *ctx, const struct http_exchange *x)
{
	(void)ctx;
	return api_request_answer_room(x);
}

/* Those that begin with "me" are known. */
static const struct container *container_named(void *ctx, const char *object)
{
	return strncmp(object, "me", 2) ? NULL : ctx;
}

static int exchange_take(void *ctx, const struct http_exchange *x)
{
	static const char *const sockets[] = {"/run/docker.sock", "/srv/podman.sock", NULL};
	struct container me = {.runtime = RUNTIME_DOCKER, .id = (char *)"me", .privileged = true};
	const struct grade_context context = {sockets, container_named, &me};
	static const struct event_host host = {.mode = "trampoline"};
	AUTO_API_REQUEST struct api_request *request = NULL;
	struct event event = {.action = EVENT_API_REQUEST, .host = &host};
	uint32_t *number = ctx;

	CHECK(x->number == ++*number);
	CHECK(x->target[x->target_size] == '\0');
	CHECK(x->body.size <= HTTP_BODY_MAX && x->answer.size <= HTTP_BODY_MAX);
	CHECK(x->body.size <= x->body.sent && x->answer.size <= x->answer.sent);
	CHECK(!api_request_new(x, &context, &request));
	event.request = request;
	event.container = &me;
	event.verdict = VERDICT_FLAGGED;
	free(check_event(&event));
	return 0;
}

static const struct http_ops ops = {body_room, answer_room, exchange_take};

static void feed(struct http_conversation *c, enum http_side side, uint64_t now, const char *text,
		 size_t len, size_t piece)
{
	for (size_t i = 0; i < len; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		AUTO_FREE char *copy = malloc(n);

		CHECK(copy);
		memcpy(copy, text + i, n);
		CHECK(!http_conversation_feed(c, side, now, copy, n));
	}
}

static void step(struct http_conversation *c, uint64_t now, char kind, const char *text, size_t len)
{
	enum http_side side = strchr("<(hm", kind) ? HTTP_ANSWERS : HTTP_REQUESTS;
	uint64_t bytes = 0;

	(void)http_conversation_skippable(c, side, &bytes);
	if (strchr("><", kind))
		feed(c, side, now, text, len, len);
	else if (strchr(")(", kind))
		feed(c, side, now, text, len, 1);
	else if (strchr("gh", kind))
		CHECK(!http_conversation_gap(c, side, now, strtoull(text, NULL, 10)));
	else if (strchr("lm", kind))
		CHECK(!http_conversation_lost(c, side, now));
	else if (kind == 'o')
		CHECK(!http_conversation_overdue(c, now, 1));
}

/* Whether it is freed while nothing is under way must make no difference. */
static uint32_t play(struct input in, bool rests)
{
	struct http_conversation *c = NULL;
	struct http_rest rest = {0};
	uint32_t number = 0;

	CHECK(!http_conversation_new(&ops, &number, NULL, &c));
	for (uint64_t now = 1000; in.size; now += 1000) {
		size_t len = 0;
		AUTO_FREE char *text = input_part(&in, 0xff, &len);

		if (len)
			step(c, now, text[0], text + 1, len - 1);
		if (rests && http_conversation_rests(c, &rest)) {
			http_conversation_free(c);
			CHECK(!http_conversation_new(&ops, &number, &rest, &c));
		}
	}
	CHECK(!http_conversation_close(c));
	http_conversation_free(c);
	return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	CHECK(play(in, false) == play(in, true));
	return 0;
}
