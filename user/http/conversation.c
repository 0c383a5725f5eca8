// SPDX-License-Identifier: Apache-2.0
#include "user/http/conversation.h"

#include <errno.h>
#include <stdlib.h>

#include "user/http/pending.h"

int http_conversation_new(const struct http_ops *ops, void *ctx, const struct http_rest *rest,
			  struct http_conversation **out)
{
	struct http_conversation *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ops = ops;
	c->ctx = ctx;
	c->budget = HTTP_KEPT_MAX;
	c->in.first = !rest;
	if (rest) {
		c->count = rest->count;
		c->in.blanks = rest->blanks;
	}
	http_request_begin(&c->in.request, c->in.first, false);
	*out = c;
	return 0;
}

void http_conversation_free(struct http_conversation *c)
{
	if (!c)
		return;
	http_pending_drop_after(c, NULL);
	http_request_free(&c->in.request);
	free(c);
}

bool http_conversation_rests(const struct http_conversation *c, struct http_rest *out)
{
	const struct http_in *in = &c->in;
	const struct http_out *o = &c->out;

	/* What was guessed once, because bytes were missing, is to be remembered. */
	if (c->queue || in->at != HTTP_IN_REQUEST || in->first || in->resumed || in->request.size ||
	    o->at != HTTP_OUT_LINE || o->line_size || o->early || o->lost)
		return false;
	*out = (struct http_rest){.count = c->count, .blanks = in->blanks};
	return true;
}

static int call_end(struct http_conversation *c)
{
	int err = 0;

	http_pending_settle(c, false);
	err = c->error;
	c->error = 0;
	return err;
}

int http_conversation_feed(struct http_conversation *c, enum http_side side, uint64_t time_ns,
			   const void *data, size_t size)
{
	if (size > 0 && side == HTTP_REQUESTS)
		http_requests_feed(c, time_ns, data, size);
	else if (size > 0)
		http_answers_feed(c, time_ns, data, size);
	return call_end(c);
}

int http_conversation_gap(struct http_conversation *c, enum http_side side, uint64_t time_ns,
			  uint64_t size)
{
	if (size > 0 && side == HTTP_REQUESTS)
		http_requests_gap(c, time_ns, size);
	else if (size > 0)
		http_answers_gap(c, size);
	return call_end(c);
}

int http_conversation_lost(struct http_conversation *c, enum http_side side, uint64_t time_ns)
{
	if (side == HTTP_REQUESTS)
		http_requests_lost(c, time_ns);
	else
		http_answers_lost(c);
	return call_end(c);
}

int http_conversation_close(struct http_conversation *c)
{
	/* Where the end is the answer's end, it is whole. */
	if (c->out.at == HTTP_OUT_BODY && c->out.current && c->out.body.framing == HTTP_TO_CLOSE)
		c->out.current->answering = false;
	/* Go answers a header that breaks off with 400; of a body that does, it had a part. */
	if (c->in.current && !c->in.current->header_read)
		http_requests_cut(c, HTTP_MALFORMED);
	http_pending_settle(c, true);
	return call_end(c);
}

int http_conversation_overdue(struct http_conversation *c, uint64_t now_ns, uint64_t age_ns)
{
	http_pending_overdue(c, now_ns, age_ns);
	return call_end(c);
}

static bool wants_body(const struct http_pending *p)
{
	return p && !p->given && http_kept_wants(&p->body);
}

static bool wants_answer(const struct http_pending *p)
{
	return p && !p->given && http_kept_wants(&p->answer);
}

bool http_conversation_skippable(const struct http_conversation *c, enum http_side side,
				 uint64_t *bytes)
{
	const struct http_in *in = &c->in;
	const struct http_out *out = &c->out;
	uint64_t ahead = 0;

	if (side == HTTP_REQUESTS) {
		if (in->at == HTTP_IN_OPAQUE)
			ahead = UINT64_MAX;
		/* A body whose length is a guess is looked through for requests. */
		else if (in->at == HTTP_IN_BODY && !in->resumed && !wants_body(in->current))
			ahead = http_body_ahead(&in->body);
	} else {
		if (out->at == HTTP_OUT_OPAQUE)
			ahead = UINT64_MAX;
		else if (out->at == HTTP_OUT_BODY && !wants_answer(out->current))
			ahead = http_body_ahead(&out->body);
	}
	if (ahead > 0)
		*bytes = ahead;
	return ahead > 0;
}
