/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HTTP_PENDING_H
#define DOCKSNOOP_HTTP_PENDING_H

#include "user/http/body.h"
#include "user/http/conversation.h"
#include "user/http/request.h"

/* A request that is not done with: being read, not answered, or not handed over. */
struct http_pending {
	struct http_pending *prev, *next;
	struct http_exchange exchange; /* pointers are set when it is handed over */
	struct http_kept body, answer;
	char *text; /* method and target, each with a NUL */
	char content_type[HTTP_TYPE_MAX + 1];
	char upgrade[HTTP_UPGRADE_MAX + 1];
	bool header_read;  /* its header was read and is valid */
	bool reading;	   /* more of it is to come */
	bool answered;	   /* the header of the final answer was read */
	bool answering;	   /* more of the answer's body is to come */
	bool unanswerable; /* which answer is its own will not be known */
	bool given;	   /* it was handed over, and keeps its place for the answer */
	bool unasked;	   /* not a request: bytes that were missed, or an answer to what was */
};

/* Where the daemon's reading is. */
struct http_in {
	enum {
		HTTP_IN_REQUEST,
		HTTP_IN_BODY,
		HTTP_IN_ENDED,	/* what comes is not read as requests any more */
		HTTP_IN_OPAQUE, /* hijacked, or HTTP/2 */
	} at;
	struct http_request request;
	struct http_body body;
	struct http_pending *current; /* what is being read */
	uint64_t feeds;
	unsigned int blanks; /* how many CR and LF may stand in front of the next one */
	bool first, last;
	bool resumed;	/* for good: where requests begin is guessed */
	bool searching; /* since bytes were missed nothing was found */
};

/* Where its writing is. */
struct http_out {
	enum {
		HTTP_OUT_LINE,
		HTTP_OUT_HEADER,
		HTTP_OUT_BODY,
		HTTP_OUT_LOST,
		HTTP_OUT_OPAQUE,
	} at;
	char line[16];
	size_t line_size;
	uint64_t time_ns;
	unsigned int version, status;
	struct http_header header;
	struct http_body body;
	struct http_pending *current; /* whose answer's body is kept */
	struct http_pending *early;   /* an answer that its request may follow yet */
	uint64_t lost_feed;	      /* requests read up to then have no answer of their own */
	bool lost;		      /* ever */
};

struct http_conversation {
	const struct http_ops *ops;
	void *ctx;
	struct http_pending *queue; /* in the order of the requests; utlist.h */
	unsigned int queued;
	uint32_t count;
	size_t budget;
	int error; /* the first of this call */
	struct http_in in;
	struct http_out out;
};

/* At the end of the queue; NULL when there is no memory, conversation->error tells. */
struct http_pending *http_pending_new(struct http_conversation *c, uint64_t time_ns);
/* What the reader of requests has: nothing more, nothing less. */
void http_pending_name(struct http_conversation *c, struct http_pending *p,
		       const struct http_request *request);
/* The first that waits for its answer. */
struct http_pending *http_pending_waiting(const struct http_conversation *c);
/* What is behind @p, NULL for all, was no request, or nobody read it. */
void http_pending_drop_after(struct http_conversation *c, struct http_pending *p);
/* Hand over what is ready, all of it when @all, and let go what is done with. */
void http_pending_settle(struct http_conversation *c, bool all);
void http_pending_overdue(struct http_conversation *c, uint64_t now_ns, uint64_t age_ns);
/* How much of a body to keep. */
size_t http_pending_room(struct http_conversation *c, struct http_pending *p,
			 size_t (*room)(void *ctx, const struct http_exchange *exchange));

void http_requests_feed(struct http_conversation *c, uint64_t time_ns, const uint8_t *data,
			size_t size);
void http_requests_gap(struct http_conversation *c, uint64_t time_ns, uint64_t size);
void http_requests_lost(struct http_conversation *c, uint64_t time_ns);
/* What is being read ends here, refused. */
void http_requests_cut(struct http_conversation *c, enum http_trouble trouble);
void http_requests_end(struct http_conversation *c);
void http_requests_hijack(struct http_conversation *c);

void http_answers_feed(struct http_conversation *c, uint64_t time_ns, const uint8_t *data,
		       size_t size);
void http_answers_gap(struct http_conversation *c, uint64_t size);
void http_answers_lost(struct http_conversation *c);

#endif
