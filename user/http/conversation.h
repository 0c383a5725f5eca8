/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CONVERSATION_H
#define DOCKSNOOP_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One connection to a container daemon, both directions: what bytes the daemon
 * read and wrote goes in, what it was asked and how it answered comes out.
 *
 * It reads as the daemons' HTTP server does, Go's net/http (server.go,
 * request.go, transfer.go, internal/chunked.go, net/textproto/reader.go,
 * net/url/url.go; measured with Go 1.19, which Debian 12 builds dockerd with).
 * Where versions are known to differ it reads as the most lenient: what it then
 * takes for a request too many, Go has refused and closed the connection, and
 * the answer tells. Only 1.19 was measured.
 *
 * One thing at a time is asked and answered in order (Go starts on a request
 * after the answer before). So an answer also tells what became of the bytes
 * behind its request: they are dropped when it says that the connection was
 * taken over (101, Docker's older hijack) or ends.
 *
 * What Go 1.19 refuses and this takes, so that it may say a request too many until
 * the answer tells: a trailer without CR LF CR LF in the 4096 bytes behind the last
 * chunk; in a target longer than HTTP_TARGET_MAX, bad escapes beyond that; escapes
 * of bytes above ASCII in an IPv6 zone.
 *
 * All bytes are hostile. Bounds of one conversation: HTTP_KEPT_MAX bytes of
 * bodies, HTTP_PENDING_MAX requests, for each of them HTTP_TARGET_MAX and some
 * hundred bytes; time linear in the bytes fed.
 */

#define HTTP_METHOD_MAX 64
#define HTTP_TARGET_MAX 8192
#define HTTP_BODY_MAX	(256u << 10)
#define HTTP_KEPT_MAX	(1u << 20)
/* Go buffers 4096 bytes; the shortest request is 21 bytes long, so 195 of them. */
#define HTTP_PENDING_MAX 256

enum http_side {
	HTTP_REQUESTS, /* what the daemon read */
	HTTP_ANSWERS,  /* what it wrote */
};

/* Why a request is not, or not wholly, known. */
enum http_trouble {
	HTTP_UNDERSTOOD,
	HTTP_IS_HTTP2,	/* the preface of HTTP/2 (RFC 9113, 3.4), or what looks like it */
	HTTP_MALFORMED, /* Go refuses it and closes: nothing was executed */
	HTTP_BAD_BODY,	/* chunks that are none: a handler had it, and the body up to there */
	HTTP_GAP,	/* bytes were not captured: there may have been several requests */
	HTTP_TOO_BIG,	/* a header of more than Go's DefaultMaxHeaderBytes: refused as well */
};

/* A body, after chunks were put together. Valid during the call that hands it over. */
struct http_content {
	const uint8_t *data; /* NULL when size is 0 */
	size_t size;	     /* how much was kept: its beginning */
	uint64_t sent; /* how long it is, as far as it was seen; what was skipped is counted */
	bool whole;    /* it has ended, and all of it is in @data */
};

struct http_exchange {
	uint32_t number; /* on this connection, from 1; 0 while it is not handed over */
	enum http_trouble trouble;
	const char *method; /* "" when it is not known; cut after HTTP_METHOD_MAX bytes */
	const char *target; /* as it was sent; a NUL follows, there may be others in it */
	size_t target_size;
	bool target_cut;
	unsigned int version; /* 10 for HTTP/1.0, 11, ...; 0 when it is not known */
	uint64_t time_ns;     /* when its first byte was read */
	uint64_t answer_ns;   /* when its final answer began; 0 when that was not seen */
	/* First header of this name, "" without; cut after 127 and 31 bytes. No others are kept. */
	const char *content_type;
	const char *upgrade;
	struct http_content body;
	struct http_content answer;
	unsigned int status; /* of the final answer, 101 or 200 to 999; 0 when it was not seen */
	/* Every byte of the header and of the body that was wanted was seen and understood. */
	bool complete;
	bool hijacked; /* the connection is the request's own from here on */
	/*
	 * Bytes were missing before, and where this request begins is a guess: any
	 * valid header in what the daemon read counts, be it within a body.
	 */
	bool resumed;
};

struct http_ops {
	/*
	 * How many bytes of the body to keep, at most HTTP_BODY_MAX; 0 counts
	 * only. Asked once, when the header is complete; and of the answer's body,
	 * when the final answer's header is. Not asked when there is no body.
	 */
	size_t (*body_room)(void *ctx, const struct http_exchange *exchange);
	size_t (*answer_room)(void *ctx, const struct http_exchange *exchange);
	/*
	 * A request with its answer: once for each, in their order. Pointers are
	 * valid during the call. 0 or -errno, which the call in progress returns.
	 */
	int (*exchange)(void *ctx, const struct http_exchange *exchange);
};

struct http_conversation;

/* Of a conversation in which nothing is under way, all that there is to be known. */
struct http_rest {
	uint32_t count; /* requests so far */
	unsigned int blanks;
};

/*
 * 0 or -ENOMEM. @ops must outlive it. Of a connection that is older than what is
 * known of it, call http_conversation_lost() for both sides first. @rest: go on with one
 * that was freed while it rested; NULL: it begins.
 */
int http_conversation_new(const struct http_ops *ops, void *ctx, const struct http_rest *rest,
			  struct http_conversation **out);
/*
 * Is nothing under way? Then it can be freed until the next bytes come: connections are
 * kept open for long, and most of the time nothing is asked.
 */
bool http_conversation_rests(const struct http_conversation *conversation, struct http_rest *out);
/* Hands nothing over: http_conversation_close() does. NULL is fine. */
void http_conversation_free(struct http_conversation *conversation);

/*
 * All these return 0, the first error of ops->exchange, or -ENOMEM, after which
 * the conversation knows that bytes are missing. Times are nanoseconds of any
 * one clock. One call is what one read or write of the daemon moved, in the order
 * in which these ended.
 */
int http_conversation_feed(struct http_conversation *conversation, enum http_side side,
			   uint64_t time_ns, const void *data, size_t size);
/* So many bytes went by and were not captured. Within a body of known length nothing is lost. */
int http_conversation_gap(struct http_conversation *conversation, enum http_side side,
			  uint64_t time_ns, uint64_t size);
/* Nobody knows how many. */
int http_conversation_lost(struct http_conversation *conversation, enum http_side side,
			   uint64_t time_ns);
/* The connection has ended: hand over what is pending. Nothing is fed after that. */
int http_conversation_close(struct http_conversation *conversation);
/*
 * Hand over the request that the daemon has been at since @now_ns - @age_ns or
 * longer, with what is known of it; its answer, when it comes, is recognised and
 * dropped. Those behind it stay: the daemon has not begun with them.
 */
int http_conversation_overdue(struct http_conversation *conversation, uint64_t now_ns,
			      uint64_t age_ns);

/*
 * Need the next bytes of this side no capture? Then true, and how many; UINT64_MAX
 * for all to the end. They are to be told with http_conversation_gap().
 */
bool http_conversation_skippable(const struct http_conversation *conversation, enum http_side side,
				 uint64_t *bytes);

#endif
