// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include <utlist.h>

#include "user/http/pending.h"

static void request_next(struct http_conversation *c)
{
	struct http_in *in = &c->in;
	/* conn.readRequest() lets go up to four of CR and LF after a POST. */
	bool post = !in->resumed && strcmp(in->request.line.method, "POST") == 0;

	in->current = NULL;
	in->blanks = post ? 4 : 0;
	in->at = in->last && !in->resumed ? HTTP_IN_ENDED : HTTP_IN_REQUEST;
	http_request_begin(&in->request, in->first, in->resumed);
}

void http_requests_cut(struct http_conversation *c, enum http_trouble trouble)
{
	struct http_pending *p = c->in.current;

	if (!p)
		return;
	if (!p->header_read)
		http_pending_name(c, p, &c->in.request);
	if (p->exchange.trouble == HTTP_UNDERSTOOD)
		p->exchange.trouble = trouble;
	p->reading = false;
	c->in.current = NULL;
}

void http_requests_end(struct http_conversation *c)
{
	if (c->in.current && c->in.current->header_read) {
		c->in.last = true;
		return;
	}
	http_requests_cut(c, HTTP_MALFORMED);
	c->in.at = HTTP_IN_ENDED;
}

void http_requests_hijack(struct http_conversation *c)
{
	struct http_pending *p = c->in.current;

	if (p) {
		p->body.cut |= p->reading && http_kept_wants(&p->body);
		p->reading = false;
	}
	c->in.current = NULL;
	c->in.at = HTTP_IN_OPAQUE;
}

/* From here on a request may begin at any byte. */
static void request_search(struct http_conversation *c)
{
	c->in.resumed = true;
	c->in.searching = true;
	c->in.at = HTTP_IN_REQUEST;
	http_request_begin(&c->in.request, false, true);
}

/* Something was asked, or not, and nobody knows what. */
static void request_unknown(struct http_conversation *c, uint64_t time_ns,
			    enum http_trouble trouble)
{
	struct http_pending *p = http_pending_new(c, time_ns);

	if (!p)
		return;
	p->unasked = true;
	p->exchange.trouble = trouble;
}

/* After its last request Go reads no more. Has that one been answered, this is not Go. */
static bool goes_on(const struct http_conversation *c)
{
	return c->out.at == HTTP_OUT_LINE && c->out.line_size == 0 && !http_pending_waiting(c);
}

/* What was missed before a request that was found is not waited for any more. */
static void search_end(struct http_conversation *c)
{
	struct http_pending *p = NULL;

	c->in.searching = false;
	DL_FOREACH(c->queue, p)
	if (p->unasked && !p->answered)
		p->unanswerable = true;
}

/* An answer that came before its request: only when that is what the times say. */
static void answer_early(struct http_conversation *c, struct http_pending *p)
{
	struct http_pending *early = c->out.early;

	c->out.early = NULL;
	if (!early || p->exchange.time_ns > early->exchange.answer_ns)
		return;
	p->answered = true;
	p->exchange.status = early->exchange.status;
	p->exchange.answer_ns = early->exchange.answer_ns;
	p->answer.cut = true;
	/* It is done with, and says nothing. */
	early->given = true;
}

/* The queue is full of what waits: give up to tell whose answer is whose. */
static void queue_bound(struct http_conversation *c)
{
	if (c->queued > HTTP_PENDING_MAX) {
		http_answers_lost(c);
		http_pending_settle(c, false);
	}
}

static void request_read(struct http_conversation *c)
{
	struct http_in *in = &c->in;
	struct http_request *request = &in->request;
	struct http_pending *p = in->current;
	bool has_body = request->framing == HTTP_CHUNKED || request->length > 0;

	http_pending_name(c, p, request);
	if (request->doubtful) {
		/* Whether it was one, only an answer could tell, and that may be the next one's. */
		p->exchange.trouble = HTTP_GAP;
		p->unanswerable = true;
		request_next(c);
		return;
	}
	p->header_read = true;
	memcpy(p->content_type, request->header.content_type, sizeof(p->content_type));
	memcpy(p->upgrade, request->header.upgrade, sizeof(p->upgrade));
	answer_early(c, p);
	if (c->out.at == HTTP_OUT_LOST && c->out.lost_feed == in->feeds)
		p->unanswerable = true;
	in->last = request->last;
	in->first = false;
	if (request->line.http2) {
		p->exchange.trouble = HTTP_IS_HTTP2;
		http_requests_hijack(c);
		return;
	}
	p->reading = has_body;
	if (!has_body) {
		request_next(c);
		return;
	}
	p->body.room = http_pending_room(c, p, c->ops->body_room);
	in->at = HTTP_IN_BODY;
	http_body_begin(&in->body, request->framing, request->length);
	if (in->resumed)
		http_request_begin(request, false, true);
}

static size_t request_step(struct http_conversation *c, uint64_t time_ns, const uint8_t *data,
			   size_t size)
{
	struct http_in *in = &c->in;
	enum http_progress progress = HTTP_MORE;
	bool too_big = false;
	size_t used = 0;

	if (!in->resumed && !in->current) {
		if (in->blanks > 0 && (*data == '\r' || *data == '\n')) {
			in->blanks--;
			return 1;
		}
		in->blanks = 0;
		queue_bound(c);
		in->current = http_pending_new(c, time_ns);
		if (!in->current) {
			request_search(c);
			return size;
		}
		in->current->reading = true;
	}
	progress = http_request_feed(&in->request, time_ns, data, size, &used, &too_big);
	if (progress == HTTP_END && in->resumed) {
		search_end(c);
		queue_bound(c);
		in->current = http_pending_new(c, in->request.line.time_ns);
		if (!in->current) {
			request_search(c);
			return used;
		}
	}
	if (progress == HTTP_END)
		request_read(c);
	if (progress == HTTP_BAD) {
		http_requests_cut(c, too_big ? HTTP_TOO_BIG : HTTP_MALFORMED);
		in->at = HTTP_IN_ENDED;
	}
	return used;
}

static size_t body_step(struct http_conversation *c, uint64_t time_ns, const uint8_t *data,
			size_t size)
{
	struct http_in *in = &c->in;
	struct http_pending *p = in->current;
	enum http_progress progress = HTTP_MORE;
	size_t used = 0;

	progress = http_body_feed(&in->body, p->given ? NULL : &p->body, data, size, &used);
	if (in->resumed) {
		bool too_big = false;
		size_t found = 0;

		/* A length that was guessed must not hide the next request. */
		if (http_request_feed(&in->request, time_ns, data, used, &found, &too_big) ==
		    HTTP_END) {
			http_requests_cut(c, HTTP_GAP);
			in->current = http_pending_new(c, in->request.line.time_ns);
			if (in->current)
				request_read(c);
			else
				request_search(c);
			return found;
		}
	}
	if (progress == HTTP_BAD) {
		http_requests_cut(c, HTTP_BAD_BODY);
		in->last = true;
	}
	if (progress != HTTP_MORE) {
		p->reading = false;
		request_next(c);
	}
	return used;
}

void http_requests_feed(struct http_conversation *c, uint64_t time_ns, const uint8_t *data,
			size_t size)
{
	c->in.feeds++;
	while (size > 0) {
		size_t used = 0;

		switch (c->in.at) {
		case HTTP_IN_OPAQUE:
			return;
		case HTTP_IN_ENDED:
			if (!goes_on(c))
				return;
			request_unknown(c, time_ns, HTTP_MALFORMED);
			request_search(c);
			break;
		case HTTP_IN_BODY:
			used = body_step(c, time_ns, data, size);
			break;
		default:
			used = request_step(c, time_ns, data, size);
			break;
		}
		data += used;
		size -= used;
	}
}

void http_requests_lost(struct http_conversation *c, uint64_t time_ns)
{
	struct http_in *in = &c->in;

	if (in->at == HTTP_IN_OPAQUE || (in->at == HTTP_IN_ENDED && !goes_on(c)))
		return;
	/* One request stands for all that may have been lost with its rest. */
	if (in->current && !in->current->given) {
		http_requests_cut(c, HTTP_GAP);
	} else {
		in->current = NULL;
		if (!in->searching)
			request_unknown(c, time_ns, HTTP_GAP);
	}
	request_search(c);
}

void http_requests_gap(struct http_conversation *c, uint64_t time_ns, uint64_t size)
{
	struct http_in *in = &c->in;

	if (in->at == HTTP_IN_BODY) {
		struct http_pending *p = in->current;
		uint64_t ahead = http_body_ahead(&in->body);
		uint64_t skip = size < ahead ? size : ahead;

		if (skip > 0 &&
		    http_body_skip(&in->body, p->given ? NULL : &p->body, skip) == HTTP_END) {
			p->reading = false;
			request_next(c);
		}
		size -= skip;
	}
	if (size > 0)
		http_requests_lost(c, time_ns);
}
