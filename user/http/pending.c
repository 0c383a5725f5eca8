// SPDX-License-Identifier: Apache-2.0
#include "user/http/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

struct http_pending *http_pending_new(struct http_conversation *c, uint64_t time_ns)
{
	struct http_pending *p = calloc(1, sizeof(*p));

	if (!p) {
		c->error = c->error ? c->error : -ENOMEM;
		return NULL;
	}
	p->exchange.time_ns = time_ns;
	p->exchange.resumed = c->in.resumed;
	p->body.budget = p->answer.budget = &c->budget;
	DL_APPEND(c->queue, p);
	c->queued++;
	return p;
}

static void pending_free(struct http_conversation *c, struct http_pending *p)
{
	DL_DELETE(c->queue, p);
	c->queued--;
	if (c->in.current == p)
		c->in.current = NULL;
	if (c->out.current == p)
		c->out.current = NULL;
	if (c->out.early == p)
		c->out.early = NULL;
	http_kept_free(&p->body);
	http_kept_free(&p->answer);
	free(p->text);
	free(p);
}

void http_pending_name(struct http_conversation *c, struct http_pending *p,
		       const struct http_request *request)
{
	const struct http_line *line = &request->line;
	const struct http_word *target = http_line_target(line);
	size_t method_size = strlen(line->method);

	p->text = malloc(method_size + 1 + target->size + 1);
	if (!p->text) {
		c->error = c->error ? c->error : -ENOMEM;
		p->exchange.trouble = HTTP_GAP;
		return;
	}
	memcpy(p->text, line->method, method_size + 1);
	if (target->size > 0)
		memcpy(p->text + method_size + 1, target->data, target->size);
	p->text[method_size + 1 + target->size] = '\0';
	p->exchange.target_size = target->size;
	p->exchange.target_cut = target->cut;
	p->exchange.version = line->version;
}

struct http_pending *http_pending_waiting(const struct http_conversation *c)
{
	struct http_pending *p = NULL;

	DL_FOREACH(c->queue, p)
	if (!p->answered && !p->unanswerable)
		return p;
	return NULL;
}

void http_pending_drop_after(struct http_conversation *c, struct http_pending *p)
{
	struct http_pending *next = NULL;

	for (p = p ? p->next : c->queue; p; p = next) {
		next = p->next;
		pending_free(c, p);
	}
}

static void exchange_fill(struct http_pending *p)
{
	struct http_exchange *x = &p->exchange;

	x->method = p->text ? p->text : "";
	x->target = p->text ? p->text + strlen(p->text) + 1 : "";
	x->content_type = p->content_type;
	x->upgrade = p->upgrade;
	x->body.data = p->body.data;
	x->body.size = p->body.size;
	x->body.sent = p->body.sent;
	x->body.whole = p->header_read && !p->reading && !p->body.cut &&
			p->body.size == p->body.sent && x->trouble == HTTP_UNDERSTOOD;
	x->answer.data = p->answer.data;
	x->answer.size = p->answer.size;
	x->answer.sent = p->answer.sent;
	x->answer.whole =
		p->answered && !p->answering && !p->answer.cut && p->answer.size == p->answer.sent;
	x->complete = p->header_read && x->trouble == HTTP_UNDERSTOOD && !p->body.cut &&
		      !(p->reading && http_kept_wants(&p->body));
}

size_t http_pending_room(struct http_conversation *c, struct http_pending *p,
			 size_t (*room)(void *ctx, const struct http_exchange *exchange))
{
	size_t size = 0;

	exchange_fill(p);
	size = room(c->ctx, &p->exchange);
	return size < HTTP_BODY_MAX ? size : HTTP_BODY_MAX;
}

static void pending_give(struct http_conversation *c, struct http_pending *p)
{
	int err = 0;

	exchange_fill(p);
	p->exchange.number = ++c->count;
	p->given = true;
	err = c->ops->exchange(c->ctx, &p->exchange);
	if (err && !c->error)
		c->error = err;
	http_kept_free(&p->body);
	http_kept_free(&p->answer);
	if (c->out.early == p)
		c->out.early = NULL;
}

static bool is_ready(const struct http_conversation *c, const struct http_pending *p)
{
	if (p == c->out.early)
		return false;
	if (p->reading && !(p->header_read && !http_kept_wants(&p->body)))
		return false;
	if (p->unanswerable)
		return true;
	return p->answered && !(p->answering && http_kept_wants(&p->answer));
}

static bool is_done(const struct http_conversation *c, const struct http_pending *p)
{
	return p->given && (p->answered || p->unanswerable) && c->in.current != p &&
	       c->out.current != p;
}

void http_pending_settle(struct http_conversation *c, bool all)
{
	struct http_pending *p = NULL, *next = NULL;

	DL_FOREACH(c->queue, p)
	{
		if (p->given)
			continue;
		if (!all && !is_ready(c, p))
			break;
		pending_give(c, p);
	}
	DL_FOREACH_SAFE(c->queue, p, next)
	if (is_done(c, p))
		pending_free(c, p);
}

static bool answer_in_progress(const struct http_conversation *c)
{
	return c->out.at == HTTP_OUT_HEADER || c->out.at == HTTP_OUT_BODY;
}

void http_pending_overdue(struct http_conversation *c, uint64_t now_ns, uint64_t age_ns)
{
	struct http_pending *p = NULL;

	DL_FOREACH(c->queue, p)
	{
		uint64_t began =
			p->unasked && p->answered ? p->exchange.answer_ns : p->exchange.time_ns;

		if (!p->given) {
			if (p->reading && !p->header_read)
				break;
			if (!p->answered && answer_in_progress(c))
				break;
			if (now_ns < began || now_ns - began < age_ns)
				break;
			pending_give(c, p);
		}
		/* The daemon has not begun with those behind it. */
		if (!p->answered && !p->unanswerable)
			break;
	}
	http_pending_settle(c, false);
}
