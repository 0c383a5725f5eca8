// SPDX-License-Identifier: Apache-2.0
/* Which answer is whose, and what it says of the bytes behind its request. */
#include "tests/unit/http_talk.h"

#define H     "Host: d\r\n"
#define A     "GET /a HTTP/1.1\r\n" H "\r\n"
#define B     "GET /b HTTP/1.1\r\n" H "\r\n"
#define POST  "POST /p HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n"
#define OK    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define GONE  "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
#define CLOSE "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request"

static void pairs_in_order(void **state)
{
	static const struct talk talks[] = {
		{"pipelined",
		 {ASK(A B), ANSWER(OK GONE)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 404\n"},
		{"one after the other",
		 {ASK(A), ANSWER(OK), ASK(B), ANSWER(GONE)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 404\n"},
		{"not answered",
		 {ASK(A B), ANSWER(OK)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 0\n"},
		{"an answer that never ends",
		 {ASK(A), ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n")},
		 .want = "1 GET /a 11 200\n"},
		{"chunks with a trailer",
		 {ASK(A B),
		  ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
			 "11\r\nHTTP/1.1 500 No\r\n\r\n0\r\nX: y\r\n\r\n" GONE)},
		 .want = "1 GET /a 11 200 answer=HTTP/1.1 500 No\r\n\n2 GET /b 11 404 answer={}\n",
		 .answer_room = 64},
		{"no body to a HEAD",
		 {ASK("HEAD /a HTTP/1.1\r\n" H "\r\n" B),
		  ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" GONE)},
		 .want = "1 HEAD /a 11 200\n2 GET /b 11 404 answer={}\n",
		 .answer_room = 64},
		{"no body of 204 and 304",
		 {ASK(A A B), ANSWER("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 No\r\nContent-Length: "
				     "7\r\n\r\n" GONE)},
		 .want = "1 GET /a 11 204\n2 GET /a 11 304\n3 GET /b 11 404\n"},
		{"100 is not the answer",
		 {ASK("POST /p HTTP/1.1\r\n" H "Content-Length: 4\r\nExpect: 100-Continue\r\n\r\n"),
		  ANSWER("HTTP/1.1 100 Continue\r\n\r\n"), ASK("body" B),
		  ANSWER("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK GONE)},
		 .want = "1 POST /p 11 200 body=body\n2 GET /b 11 404\n",
		 .body_room = 64},
		{"part of an answer's body",
		 {ASK(A B), ANSWER("HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nabcdef" GONE)},
		 .want = "1 GET /a 11 201 answer=abc answer-size=3/6 answer-cut\n2 GET /b 11 404 "
			 "answer={}\n",
		 .answer_room = 3,
		 .whole_only = true},
		{"a body that ends with the connection",
		 {ASK(A), ANSWER("HTTP/1.1 200 OK\r\n\r\nall of it")},
		 .want = "1 GET /a 11 200 answer=all of it\n",
		 .answer_room = 64},
		{"LF alone, no reason",
		 {ASK(A), ANSWER("HTTP/1.1 200\nContent-Length: 0\n\n")},
		 .want = "1 GET /a 11 200\n"},
		{"kept alive in 1.0",
		 {ASK("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" B),
		  ANSWER("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: "
			 "0\r\n\r\n" GONE)},
		 .want = "1 GET /a 10 200\n2 GET /b 11 404\n"},
	};

	(void)state;
	talk_check_all(talks);
}

static void hands_over_early_answers(void **state)
{
	static const struct talk talks[] = {
		/* Go answers and goes on to read: what is left of the body is no request. */
		{"before a body that nobody keeps",
		 {ASK(POST "bo"), ANSWER(GONE), ASK("dy" B), ANSWER(OK)},
		 .want = "1 POST /p 11 404 body-size=0/2 body-cut\n2 GET /b 11 200\n",
		 .whole_only = true},
		{"before a body that is wanted",
		 {ASK(POST "bo"), ANSWER(GONE), ASK("dy" B), ANSWER(OK)},
		 .want = "1 POST /p 11 404 body=body\n2 GET /b 11 200\n",
		 .body_room = 64},
		{"and the body never comes",
		 {ASK(POST "bo"), ANSWER(GONE)},
		 .want = "1 POST /p 11 404 incomplete body=bo body-cut\n",
		 .body_room = 64},
		{"before the header is whole",
		 {ASK("GET /a HTTP/1.1\r\nX"), ANSWER(CLOSE), ASK("\r\n\r\n" B)},
		 .want = "1 GET /a 11 400 malformed incomplete\n"},
		{"the body of one that ends the connection is still its body",
		 {ASK(POST "bo"), ANSWER("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
		  ASK("dy" B)},
		 .want = "1 POST /p 11 200 body=body\n",
		 .body_room = 64},
		{"closing: what is behind was not read",
		 {ASK(A B),
		  ANSWER("HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")},
		 .want = "1 GET /a 11 500\n"},
		{"a request nobody saw",
		 {ASK(A), ANSWER(OK OK), ASK(B), ANSWER(GONE)},
		 .want = "1 GET /a 11 200\n2 - - 0 200 gap incomplete\n3 GET /b 11 404\n"},
		{"a daemon that goes on after what Go refuses",
		 {ASK("GET /a HTTP/1.1\r\n\r\n"), ANSWER(OK), ASK(B), ANSWER(OK)},
		 .want = "1 GET /a 11 200 malformed incomplete\n2 - - 0 0 malformed incomplete\n"
			 "3 GET /b 11 200 resumed\n"},
	};

	(void)state;
	talk_check_all(talks);
}

#define ATTACH                                                                                     \
	"POST /v1.41/containers/c/attach?stream=1 HTTP/1.1\r\n" H                                  \
	"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SWITCH                                                                                     \
	"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"             \
	"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define RAW "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
#define EXEC                                                                                       \
	"POST /exec/e/start HTTP/1.1\r\n" H                                                        \
	"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
#define ATTACHED "1 POST /v1.41/containers/c/attach?stream=1 11 101 hijacked upgrade=tcp\n"

static void lets_go_of_what_was_hijacked(void **state)
{
	static const struct talk talks[] = {
		{"what follows is the stream's",
		 {ASK(ATTACH), ANSWER(SWITCH), ASK(B), ANSWER(OK), ASK(B)},
		 .want = ATTACHED},
		{"also what was there before the answer",
		 {ASK(ATTACH B "\x01"), ANSWER(SWITCH)},
		 .want = ATTACHED},
		{"with gaps and losses",
		 {ASK(ATTACH), ANSWER(SWITCH), ASK_GAP(1u << 30), ANSWER_LOST, ASK_LOST, ASK(B)},
		 .want = ATTACHED},
		{"the older way",
		 {ASK(EXEC B), ANSWER(RAW "\x01" OK), ASK(B)},
		 .want = "1 POST /exec/e/start 11 200 hijacked type=application/json body={}\n",
		 .body_room = 64},
		{"in the middle of a body that was wanted",
		 {ASK("POST /x HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n{}"), ANSWER(SWITCH),
		  ASK(B)},
		 .want = "1 POST /x 11 101 incomplete hijacked body={} body-cut\n",
		 .body_room = 64},
		{"the older way, asked in 1.0",
		 {ASK("POST /exec/e/start HTTP/1.0\r\n\r\n" B), ANSWER(RAW), ASK(B)},
		 .want = "1 POST /exec/e/start 10 200 hijacked\n"},
		{"refused: what follows are requests",
		 {ASK(ATTACH B), ANSWER(GONE OK)},
		 .want = "1 POST /v1.41/containers/c/attach?stream=1 11 404 upgrade=tcp\n2 GET /b "
			 "11 200\n"},
		{"refused, without a length",
		 {ASK(EXEC B), ANSWER("HTTP/1.1 409 No\r\nContent-Type: "
				      "application/vnd.docker.raw-stream\r\n\r\nno")},
		 .want = "1 POST /exec/e/start 11 409 type=application/json body={}\n",
		 .body_room = 64},
		{"logs are a stream, and not hijacked",
		 {ASK(A B),
		  ANSWER("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
			 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" OK)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 200\n"},
		{"nor in 1.0",
		 {ASK("GET /logs HTTP/1.0\r\n\r\n"),
		  ANSWER("HTTP/1.0 200 OK\r\nContent-Type: "
			 "application/vnd.docker.raw-stream\r\n\r\nx")},
		 .want = "1 GET /logs 10 200\n"},
		{"BuildKit's session",
		 {ASK("POST /session HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
		  ANSWER("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
		  ANSWER("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ASK(B)},
		 .want = "1 POST /session 11 101 hijacked upgrade=h2c\n"},
		{"a websocket",
		 {ASK("GET /containers/c/attach/ws HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n"),
		  ANSWER("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05"), ASK(B)},
		 .want = "1 GET /containers/c/attach/ws 11 101 hijacked upgrade=websocket\n"},
		{"HTTP/2",
		 {ASK("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0" B), ANSWER("\0\0\0\4\0\0\0\0\0"),
		  ANSWER(OK), ASK(B)},
		 .want = "1 PRI * 20 0 http2 incomplete\n"},
		{"HTTP/2 that is not spoken",
		 {ASK("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" B), ANSWER(CLOSE)},
		 .want = "1 PRI * 20 400 http2 incomplete\n"},
		{"a preface later on",
		 {ASK(A "PRI * HTTP/2.0\r\n\r\n" B), ANSWER(OK CLOSE)},
		 .want = "1 GET /a 11 200\n2 PRI * 20 400 http2 incomplete\n"},
	};

	(void)state;
	talk_check_all(talks);
}

static void hands_over_what_is_overdue(void **state)
{
	static const struct talk talks[] = {
		/* The daemon is at one at a time, so the second is not late. */
		{"without its status, and its answer is not the next one's",
		 {ASK(A B), OVERDUE, OVERDUE, ANSWER(OK GONE)},
		 .want = "1 GET /a 11 0\n2 GET /b 11 404\n"},
		{"its HEAD is remembered",
		 {ASK("HEAD /a HTTP/1.1\r\n" H "\r\n" B), OVERDUE,
		  ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" GONE)},
		 .want = "1 HEAD /a 11 0\n2 GET /b 11 404\n"},
		{"in the middle of its body",
		 {ASK(POST "bo"), OVERDUE, ASK("dy" B), ANSWER(OK GONE)},
		 .want = "1 POST /p 11 0 incomplete body=bo body-cut\n2 GET /b 11 404\n",
		 .body_room = 64},
		{"not in its header",
		 {ASK("GET /a HTTP/1.1\r\n"), OVERDUE, ASK(H "\r\n"), ANSWER(OK)},
		 .want = "1 GET /a 11 200\n"},
		{"an answer's body that does not end",
		 {ASK(A B), ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"), OVERDUE,
		  ANSWER("cd" GONE)},
		 .want = "1 GET /a 11 200 answer=ab answer-cut\n2 GET /b 11 404 "
			 "answer={}\n",
		 .answer_room = 64},
	};

	(void)state;
	talk_check_all(talks);
}

static void bounds_what_waits(void **state)
{
	enum {
		MANY = HTTP_PENDING_MAX + 50
	};
	static struct talk_log log;
	struct http_conversation *c = NULL;
	unsigned int lines = 0;

	(void)state;
	log = (struct talk_log){.text = ""};
	assert_int_equal(http_conversation_new(&talk_ops, &log, NULL, &c), 0);
	{
		size_t size = sizeof(A) - 1;
		AUTO_FREE char *text = malloc(MANY * size);

		assert_non_null(text);
		for (size_t i = 0; i < MANY; i++)
			memcpy(text + i * size, A, size);
		assert_int_equal(http_conversation_feed(c, HTTP_REQUESTS, 1, text, MANY * size), 0);
	}
	/* Handed over without a status, rather than with another's; afterwards it is known again. */
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(http_conversation_feed(c, HTTP_ANSWERS, 2, GONE, sizeof(GONE) - 1),
				 0);
	assert_int_equal(http_conversation_feed(c, HTTP_REQUESTS, 3, B, sizeof(B) - 1), 0);
	assert_int_equal(http_conversation_feed(c, HTTP_ANSWERS, 4, OK, sizeof(OK) - 1), 0);
	assert_int_equal(http_conversation_close(c), 0);
	http_conversation_free(c);
	for (const char *line = log.text; *line; line = strchr(line, '\n') + 1)
		lines++;
	assert_int_equal(lines, MANY + 1);
	assert_null(strstr(log.text, "404"));
	assert_non_null(strstr(log.text, " GET /b 11 200\n"));
}

static size_t room_all(void *ctx, const struct http_exchange *x)
{
	(void)ctx;
	(void)x;
	return SIZE_MAX;
}

static int count_kept(void *ctx, const struct http_exchange *x)
{
	size_t *kept = ctx;

	assert_true(x->body.size <= HTTP_BODY_MAX);
	assert_true(x->complete == (x->body.size == HTTP_BODY_MAX));
	*kept += x->body.size;
	return -42;
}

static void bounds_what_it_keeps_of_all(void **state)
{
	const struct http_ops ops = {room_all, room_all, count_kept};
	const char start[] = "POST /p HTTP/1.1\r\n" H "Content-Length: 300000\r\n\r\n";
	struct http_conversation *c = NULL;
	AUTO_FREE char *body = calloc(1, 300000);
	size_t kept = 0;

	(void)state;
	assert_non_null(body);
	assert_int_equal(http_conversation_new(&ops, &kept, NULL, &c), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(
			http_conversation_feed(c, HTTP_REQUESTS, 1, start, sizeof(start) - 1), 0);
		assert_int_equal(http_conversation_feed(c, HTTP_REQUESTS, 1, body, 300000), 0);
	}
	assert_int_equal(kept, 0);
	/* What the taker says is passed on; everything is handed over all the same. */
	assert_int_equal(http_conversation_close(c), -42);
	assert_in_range(kept, 4 * HTTP_BODY_MAX, HTTP_KEPT_MAX);
	http_conversation_free(c);
}

static void says_what_needs_no_capture(void **state)
{
	static struct talk_log log;
	struct http_conversation *c = NULL;
	uint64_t n = 0;
#define FEED(side, s) assert_int_equal(http_conversation_feed(c, side, 1, s, sizeof(s) - 1), 0)

	(void)state;
	log = (struct talk_log){.text = "", .body_room = 2};
	assert_int_equal(http_conversation_new(&talk_ops, &log, NULL, &c), 0);
	assert_false(http_conversation_skippable(c, HTTP_REQUESTS, &n));
	assert_false(http_conversation_skippable(c, HTTP_ANSWERS, &n));
	FEED(HTTP_REQUESTS, "POST /p HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n1");
	assert_false(http_conversation_skippable(c, HTTP_REQUESTS, &n));
	FEED(HTTP_REQUESTS, "2");
	assert_true(http_conversation_skippable(c, HTTP_REQUESTS, &n));
	assert_int_equal(n, 998);
	assert_int_equal(http_conversation_gap(c, HTTP_REQUESTS, 1, 998), 0);
	assert_false(http_conversation_skippable(c, HTTP_REQUESTS, &n));
	FEED(HTTP_ANSWERS, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n");
	assert_true(http_conversation_skippable(c, HTTP_ANSWERS, &n));
	assert_int_equal(n, 0x100);
	assert_int_equal(http_conversation_gap(c, HTTP_ANSWERS, 1, 0x100), 0);
	assert_false(http_conversation_skippable(c, HTTP_ANSWERS, &n));
	FEED(HTTP_ANSWERS, "\r\n0\r\n\r\n");
	FEED(HTTP_REQUESTS, ATTACH);
	FEED(HTTP_ANSWERS, SWITCH);
	assert_true(http_conversation_skippable(c, HTTP_REQUESTS, &n));
	assert_true(n == UINT64_MAX);
	n = 0;
	assert_true(http_conversation_skippable(c, HTTP_ANSWERS, &n));
	assert_true(n == UINT64_MAX);
	assert_int_equal(http_conversation_close(c), 0);
	http_conversation_free(c);
	assert_string_equal(log.text, "1 POST /p 11 200 body=12 body-size=2/1000 body-cut\n"
				      "2 POST /v1.41/containers/c/attach?stream=1 11 101 hijacked"
				      " upgrade=tcp\n");

	/* Where a length may be made up, what it covers is looked at. */
	assert_int_equal(http_conversation_new(&talk_ops, &log, NULL, &c), 0);
	assert_int_equal(http_conversation_lost(c, HTTP_REQUESTS, 1), 0);
	FEED(HTTP_REQUESTS, "POST /p HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n12");
	assert_false(http_conversation_skippable(c, HTTP_REQUESTS, &n));
	http_conversation_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_in_order),
		cmocka_unit_test(hands_over_early_answers),
		cmocka_unit_test(lets_go_of_what_was_hijacked),
		cmocka_unit_test(hands_over_what_is_overdue),
		cmocka_unit_test(bounds_what_waits),
		cmocka_unit_test(bounds_what_it_keeps_of_all),
		cmocka_unit_test(says_what_needs_no_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
