/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TEST_HTTP_TALK_H
#define DOCKSNOOP_TEST_HTTP_TALK_H

/*
 * A connection as a list of steps, and the exchanges that come of it as text, one
 * a line: number, method, target, version, status, then what is out of the
 * ordinary. Each is played with its steps in one piece, byte by byte, and cut at
 * random: always the same must come out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/http/conversation.h"
#include "user/util/cleanup.h"

struct talk_step {
	/* > and < for bytes read and written; g and h for a gap, l and m for a loss, on each */
	char kind;
	const char *data;
	size_t size;
};

#define ASK(s)                                                                                     \
	{                                                                                          \
		'>', s, sizeof(s) - 1                                                              \
	}
#define ANSWER(s)                                                                                  \
	{                                                                                          \
		'<', s, sizeof(s) - 1                                                              \
	}
#define ASK_GAP(n)                                                                                 \
	{                                                                                          \
		'g', NULL, n                                                                       \
	}
#define ANSWER_GAP(n)                                                                              \
	{                                                                                          \
		'h', NULL, n                                                                       \
	}
#define ASK_LOST                                                                                   \
	{                                                                                          \
		'l', NULL, 0                                                                       \
	}
#define ANSWER_LOST                                                                                \
	{                                                                                          \
		'm', NULL, 0                                                                       \
	}
#define OVERDUE                                                                                    \
	{                                                                                          \
		'o', NULL, 0                                                                       \
	}

#define TALK_STEPS 12

struct talk {
	const char *name;
	struct talk_step steps[TALK_STEPS];
	const char *want;
	size_t body_room, answer_room;
	/* What comes out depends on what one read brought, so it is not cut. */
	bool whole_only;
};

struct talk_log {
	char text[16384];
	size_t size;
	size_t body_room, answer_room;
};

static const char *const talk_trouble[] = {"",		" http2", " malformed",
					   " bad-body", " gap",	  " too-big"};

static void __attribute__((format(printf, 2, 3)))
talk_print(struct talk_log *log, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log->size += (size_t)vsnprintf(log->text + log->size, sizeof(log->text) - log->size, format,
				       arguments);
	va_end(arguments);
	assert_true(log->size < sizeof(log->text));
}

static void talk_content(struct talk_log *log, const char *name, const struct http_content *content)
{
	if (content->size > 0 && content->size <= 512)
		talk_print(log, " %s=%.*s", name, (int)content->size, (const char *)content->data);
	if (content->size != content->sent || content->size > 512)
		talk_print(log, " %s-size=%zu/%llu", name, content->size,
			   (unsigned long long)content->sent);
	if (!content->whole)
		talk_print(log, " %s-cut", name);
}

static int talk_exchange(void *ctx, const struct http_exchange *x)
{
	struct talk_log *log = ctx;

	assert_int_equal(x->target[x->target_size], '\0');
	talk_print(log, "%u %s %s %u %u", x->number, *x->method ? x->method : "-",
		   *x->target ? x->target : "-", x->version, x->status);
	talk_print(log, "%s", talk_trouble[x->trouble]);
	talk_print(log, "%s%s%s", x->complete ? "" : " incomplete", x->hijacked ? " hijacked" : "",
		   x->resumed ? " resumed" : "");
	if (x->target_cut)
		talk_print(log, " target-cut=%zu", x->target_size);
	if (*x->content_type)
		talk_print(log, " type=%s", x->content_type);
	if (*x->upgrade)
		talk_print(log, " upgrade=%s", x->upgrade);
	if (x->complete || x->body.sent > 0)
		talk_content(log, "body", &x->body);
	if (log->answer_room > 0 && x->status)
		talk_content(log, "answer", &x->answer);
	talk_print(log, "\n");
	return 0;
}

static size_t talk_body_room(void *ctx, const struct http_exchange *x)
{
	(void)x;
	return ((struct talk_log *)ctx)->body_room;
}

static size_t talk_answer_room(void *ctx, const struct http_exchange *x)
{
	assert_true(x->status >= 101);
	return ((struct talk_log *)ctx)->answer_room;
}

static const struct http_ops talk_ops = {talk_body_room, talk_answer_room, talk_exchange};

/* @rests: it is freed whenever it can be, and what comes out must be the same. */
static void talk_rest(struct http_conversation **c, struct talk_log *log, bool rests)
{
	struct http_rest rest = {0};

	if (!rests || !http_conversation_rests(*c, &rest))
		return;
	http_conversation_free(*c);
	assert_int_equal(http_conversation_new(&talk_ops, log, &rest, c), 0);
}

static void talk_step(struct http_conversation **conversation, const struct talk_step *step,
		      uint64_t *now, size_t cut, struct talk_log *log, bool rests)
{
	struct http_conversation *c = *conversation;

	enum http_side side = strchr("<hm", step->kind) ? HTTP_ANSWERS : HTTP_REQUESTS;

	++*now;
	switch (step->kind) {
	case 'g':
	case 'h':
		assert_int_equal(http_conversation_gap(c, side, *now, step->size), 0);
		return;
	case 'l':
	case 'm':
		assert_int_equal(http_conversation_lost(c, side, *now), 0);
		return;
	case 'o':
		*now += 1000;
		assert_int_equal(http_conversation_overdue(c, *now, 1000), 0);
		return;
	default:
		break;
	}
	for (size_t i = 0; i < step->size;) {
		size_t n = cut == SIZE_MAX ? step->size : cut == 0 ? 1 + (size_t)rand() % 40 : cut;
		char *copy = NULL;

		if (n > step->size - i)
			n = step->size - i;
		/* Of its own size, so that reading beyond it is seen. */
		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, step->data + i, n);
		assert_int_equal(http_conversation_feed(*conversation, side, *now, copy, n), 0);
		free(copy);
		talk_rest(conversation, log, rests);
		i += n;
	}
}

/* @cut: bytes a feed, 0 for random ones. */
static void talk_play(const struct talk *talk, size_t cut, bool rests, struct talk_log *log)
{
	struct http_conversation *c = NULL;
	uint64_t now = 1000;

	log->size = 0;
	log->text[0] = '\0';
	log->body_room = talk->body_room;
	log->answer_room = talk->answer_room;
	assert_int_equal(http_conversation_new(&talk_ops, log, NULL, &c), 0);
	for (size_t i = 0; i < TALK_STEPS && talk->steps[i].kind; i++)
		talk_step(&c, &talk->steps[i], &now, cut, log, rests);
	assert_int_equal(http_conversation_close(c), 0);
	http_conversation_free(c);
}

static void talk_check(const struct talk *talk)
{
	static struct talk_log log;

	for (int i = 0; i < (talk->whole_only ? 2 : 44); i++) {
		talk_play(talk, i < 2 ? SIZE_MAX : i < 4 ? 1 : 0, i % 2, &log);
		if (strcmp(log.text, talk->want) == 0)
			continue;
		print_error("%s (cut %d):\n%swant:\n%s", talk->name, i, log.text, talk->want);
		fail();
	}
}

#define talk_check_all(talks)                                                                      \
	do {                                                                                       \
		for (size_t __i = 0; __i < sizeof(talks) / sizeof((talks)[0]); __i++)              \
			talk_check(&(talks)[__i]);                                                 \
	} while (0)

#endif
