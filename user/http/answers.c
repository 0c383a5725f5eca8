// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <strings.h>

#include <utlist.h>

#include "user/http/pending.h"

static const char http1[] = "HTTP/1.";
#define HTTP1_SIZE (sizeof(http1) - 1)
/* Docker's streams: raw-stream, multiplexed-stream (moby, api/types/types.go) */
static const char docker_type[] = "application/vnd.docker.";

void http_answers_lost(struct http_conversation *c)
{
	struct http_pending *p = NULL;

	if (c->out.at == HTTP_OUT_OPAQUE)
		return;
	/* Go reads no request before it has answered the last: later ones are known again. */
	DL_FOREACH(c->queue, p)
	if (!p->answered && (p->header_read || !p->reading))
		p->unanswerable = true;
	if (c->out.current) {
		c->out.current->answer.cut = true;
		c->out.current->answering = false;
	}
	c->out.current = NULL;
	c->out.at = HTTP_OUT_LOST;
	c->out.lost = true;
	c->out.lost_feed = c->in.feeds;
}

static void answer_next(struct http_conversation *c)
{
	if (c->out.current)
		c->out.current->answering = false;
	c->out.current = NULL;
	c->out.at = HTTP_OUT_LINE;
	c->out.line_size = 0;
}

static bool is_hijack(const struct http_out *out, enum http_framing framing)
{
	const struct http_header *header = &out->header;

	if (out->status == 101)
		return true;
	/*
	 * Docker's older way, written by the handler itself: always as HTTP/1.1, for which
	 * Go would have chunked what has no length.
	 */
	return out->status == 200 && out->version > 10 && framing == HTTP_TO_CLOSE &&
	       !header->close_first &&
	       strncasecmp(header->content_type, docker_type, sizeof(docker_type) - 1) == 0;
}

/* An answer that nobody is known to have asked for. */
static struct http_pending *answer_unasked(struct http_conversation *c)
{
	struct http_pending *p = NULL;

	if (c->out.lost || c->in.resumed)
		return NULL;
	p = http_pending_new(c, c->out.time_ns);
	if (!p)
		return NULL;
	p->unasked = true;
	p->exchange.trouble = HTTP_GAP;
	c->out.early = p;
	return p;
}

/* @p: which it answers. What does it say of the bytes behind the request? */
static void answer_judge(struct http_conversation *c, struct http_pending *p,
			 enum http_framing framing)
{
	const struct http_header *header = &c->out.header;
	bool hijack = is_hijack(&c->out, framing);
	bool last = header->close_first || header->close_any || framing == HTTP_TO_CLOSE ||
		    (c->out.version == 10 && !header->keep_alive_first);

	if (!hijack && !last)
		return;
	/* Where requests begin was guessed, the answer may be another's. */
	if (!c->in.resumed && !p->unasked)
		http_pending_drop_after(c, p);
	if (hijack) {
		p->exchange.hijacked = true;
		http_requests_hijack(c);
		c->out.at = HTTP_OUT_OPAQUE;
	} else if (!c->in.resumed && !p->unasked) {
		http_requests_end(c);
	}
}

static void answer_begin(struct http_conversation *c)
{
	struct http_out *out = &c->out;
	const struct http_header *header = &out->header;
	struct http_pending *p = http_pending_waiting(c);
	enum http_framing framing = HTTP_TO_CLOSE;
	bool has_body = out->status != 101 && out->status != 204 && out->status != 304;

	answer_next(c);
	if (out->status < 200 && out->status != 101)
		return;
	if (!p)
		p = answer_unasked(c);
	if (header->chunked && out->version > 10)
		framing = HTTP_CHUNKED;
	else if (!has_body || (header->length_digits > 0 && !header->length_bad))
		framing = HTTP_LENGTH;
	if (p && p->text && strcmp(p->text, "HEAD") == 0) {
		framing = HTTP_LENGTH;
		has_body = false;
	}
	if (framing == HTTP_LENGTH && header->length == 0)
		has_body = false;

	if (p) {
		p->answered = true;
		p->exchange.status = out->status;
		p->exchange.answer_ns = out->time_ns;
		answer_judge(c, p, framing);
	}
	if (!has_body || out->at == HTTP_OUT_OPAQUE)
		return;
	out->at = HTTP_OUT_BODY;
	http_body_begin(&out->body, framing, header->length);
	if (!p || p->given)
		return;
	out->current = p;
	p->answering = true;
	p->answer.room = http_pending_room(c, p, c->ops->answer_room);
}

static bool line_parse(struct http_out *out)
{
	const char *line = out->line;

	if (out->line_size < HTTP1_SIZE + 5)
		return false;
	for (size_t i = HTTP1_SIZE; i < HTTP1_SIZE + 5; i++)
		if (i != HTTP1_SIZE + 1 ? line[i] < '0' || line[i] > '9' : line[i] != ' ')
			return false;
	if (out->line_size > HTTP1_SIZE + 5 && !strchr(" \r", line[HTTP1_SIZE + 5]))
		return false;
	out->version = 10 + (unsigned int)(line[HTTP1_SIZE] - '0');
	out->status = (unsigned int)(line[HTTP1_SIZE + 2] - '0') * 100 +
		      (unsigned int)(line[HTTP1_SIZE + 3] - '0') * 10 +
		      (unsigned int)(line[HTTP1_SIZE + 4] - '0');
	return out->status >= 100;
}

static void line_byte(struct http_conversation *c, uint64_t time_ns, uint8_t byte)
{
	struct http_out *out = &c->out;

	if (out->line_size == 0)
		out->time_ns = time_ns;
	if (out->line_size < HTTP1_SIZE && byte != http1[out->line_size]) {
		http_answers_lost(c);
		/* HTTP/2, where it was asked for. */
		if (c->in.at == HTTP_IN_OPAQUE)
			out->at = HTTP_OUT_OPAQUE;
		return;
	}
	if (byte != '\n') {
		if (out->line_size < sizeof(out->line))
			out->line[out->line_size++] = (char)byte;
		return;
	}
	if (!line_parse(out)) {
		http_answers_lost(c);
		return;
	}
	out->at = HTTP_OUT_HEADER;
	http_header_begin(&out->header);
}

/* After a loss: a write that begins as an answer does, while there is something to answer. */
static bool is_found(const struct http_conversation *c, const uint8_t *data, size_t size)
{
	const struct http_pending *p = http_pending_waiting(c);

	return p && (p->header_read || !p->reading) && size >= HTTP1_SIZE &&
	       memcmp(data, http1, HTTP1_SIZE) == 0;
}

void http_answers_feed(struct http_conversation *c, uint64_t time_ns, const uint8_t *data,
		       size_t size)
{
	struct http_out *out = &c->out;
	enum http_progress progress = HTTP_MORE;

	if (out->at == HTTP_OUT_LOST && is_found(c, data, size))
		answer_next(c);
	while (size > 0) {
		size_t used = 1;

		switch (out->at) {
		case HTTP_OUT_OPAQUE:
		case HTTP_OUT_LOST:
			return;
		case HTTP_OUT_LINE:
			line_byte(c, time_ns, *data);
			break;
		case HTTP_OUT_HEADER:
			progress = http_header_feed(&out->header, data, size, &used);
			if (progress == HTTP_END)
				answer_begin(c);
			break;
		case HTTP_OUT_BODY:
			progress = http_body_feed(
				&out->body,
				out->current && !out->current->given ? &out->current->answer : NULL,
				data, size, &used);
			if (progress == HTTP_END)
				answer_next(c);
			break;
		}
		if (progress == HTTP_BAD)
			http_answers_lost(c);
		progress = HTTP_MORE;
		data += used;
		size -= used;
	}
}

void http_answers_gap(struct http_conversation *c, uint64_t size)
{
	struct http_out *out = &c->out;

	if (out->at == HTTP_OUT_BODY) {
		uint64_t ahead = http_body_ahead(&out->body);
		uint64_t skip = size < ahead ? size : ahead;
		struct http_kept *kept =
			out->current && !out->current->given ? &out->current->answer : NULL;

		if (skip > 0 && http_body_skip(&out->body, kept, skip) == HTTP_END)
			answer_next(c);
		size -= skip;
	}
	if (size > 0)
		http_answers_lost(c);
}
