// SPDX-License-Identifier: Apache-2.0
/* Bytes that were missed: nothing is hidden by them, and no answer goes to the wrong one. */
#include "tests/unit/http_talk.h"

#define H    "Host: d\r\n"
#define A    "GET /a HTTP/1.1\r\n" H "\r\n"
#define B    "GET /b HTTP/1.1\r\n" H "\r\n"
#define POST "POST /p HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n"
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define GONE "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"

static void loses_nothing_in_a_body_of_known_length(void **state)
{
	static const struct talk talks[] = {
		{"of a length",
		 {ASK(POST "12"), ASK_GAP(5), ASK("890" B), ANSWER(OK GONE)},
		 .want = "1 POST /p 11 200 body-size=0/10 body-cut\n2 GET /b 11 404\n"},
		{"to its end",
		 {ASK(POST), ASK_GAP(10), ASK(B), ANSWER(OK GONE)},
		 .want = "1 POST /p 11 200 body-size=0/10 body-cut\n2 GET /b 11 404\n"},
		{"that was wanted",
		 {ASK(POST "12"), ASK_GAP(5), ASK("890" B), ANSWER(OK GONE)},
		 .want = "1 POST /p 11 200 incomplete body=12 body-size=2/10 body-cut\n2 GET /b 11 "
			 "404\n",
		 .body_room = 64},
		{"within a chunk",
		 {ASK("POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n8\r\n1"),
		  ASK_GAP(7), ASK("\r\n0\r\n\r\n" B), ANSWER(OK GONE)},
		 .want = "1 POST /p 11 200 body-size=0/8 body-cut\n2 GET /b 11 404\n"},
		{"of an answer",
		 {ASK(A B), ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), ANSWER_GAP(9),
		  ANSWER(GONE)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 404\n"},
		{"of an answer that was wanted",
		 {ASK(A B), ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), ANSWER_GAP(7),
		  ANSWER(GONE)},
		 .want = "1 GET /a 11 200 answer=ab answer-size=2/9 answer-cut\n2 GET /b 11 404 "
			 "answer={}\n",
		 .answer_room = 64},
		{"of an answer to the connection's end",
		 {ASK(A), ANSWER("HTTP/1.0 200 OK\r\n\r\n"), ANSWER_GAP(1u << 30)},
		 .want = "1 GET /a 11 200\n"},
		{"longer than can be counted",
		 {ASK("POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
		      "ffffffffffffffff\r\n12"),
		  ASK_GAP(UINT64_MAX - 2), ASK("\r\n1\r\n3\r\n0\r\n\r\n" B), ANSWER(OK GONE)},
		 .want = "1 POST /p 11 200 incomplete body=12 body-size=2/18446744073709551615 "
			 "body-cut\n2 GET /b 11 404\n",
		 .body_room = 64},
	};

	(void)state;
	talk_check_all(talks);
}

static void finds_requests_again(void **state)
{
	static const struct talk talks[] = {
		{"between requests",
		 {ASK(A), ANSWER(OK), ASK_LOST, ANSWER(OK), ASK(B), ANSWER(GONE)},
		 .want = "1 GET /a 11 200\n2 - - 0 200 gap incomplete\n3 GET /b 11 404 resumed\n"},
		{"several requests",
		 {ASK_LOST, ANSWER(OK OK GONE), ASK(B), ANSWER(GONE)},
		 .want = "1 - - 0 200 gap incomplete\n2 GET /b 11 404 resumed\n"},
		{"nothing was missed after all",
		 {ASK(A), ANSWER(OK), ASK_LOST, ASK(B), ANSWER(GONE)},
		 .want = "1 GET /a 11 200\n2 - - 0 0 gap incomplete\n3 GET /b 11 404 resumed\n"},
		{"in a header",
		 {ASK("POST /p HTTP/1.1\r\nHo"), ASK_GAP(100), ANSWER(OK), ASK(B), ANSWER(GONE)},
		 .want = "1 POST /p 11 200 gap incomplete\n2 GET /b 11 404 resumed\n"},
		{"in a request line",
		 {ASK("POST /p"), ASK_GAP(100), ANSWER(OK), ASK(B), ANSWER(GONE)},
		 .want = "1 POST /p 0 200 gap incomplete\n2 GET /b 11 404 resumed\n"},
		{"in chunks",
		 {ASK("POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n8\r\n1"),
		  ASK_GAP(8), ANSWER(OK), ASK("\n0\r\n\r\n" B), ANSWER(GONE)},
		 .want = "1 POST /p 11 200 gap incomplete body-size=0/8 body-cut\n2 GET /b 11 404 "
			 "resumed\n"},
		{"beyond a body",
		 {ASK(POST "123"), ASK_GAP(8), ANSWER(OK), ASK("ET /x HTTP/1.1\r\n" H "\r\n"),
		  ANSWER(GONE)},
		 .want = "1 POST /p 11 200 body-size=0/10 body-cut\n2 - - 0 0 gap incomplete\n"
			 "3 ET /x 11 404 resumed\n"},
		{"a long loss is one",
		 {ASK_LOST, ASK("x"), ASK_LOST, ASK("GET /"), ASK_LOST, ASK(B), ANSWER(OK)},
		 .want = "1 - - 0 0 gap incomplete\n2 GET /b 11 200 resumed\n"},
		{"a connection that was there before",
		 {ASK_LOST, ANSWER_LOST, ANSWER("xx" OK), ASK("xx}"), ASK(B), ANSWER(GONE)},
		 .want = "1 - - 0 0 gap incomplete\n2 GET /b 11 404 resumed\n",
		 .whole_only = true},
		{"in what a request took for its body",
		 {ASK(POST), ASK_LOST,
		  ASK("GET /fake HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n"), ASK(B),
		  ANSWER(OK)},
		 .want = "1 POST /p 11 200 gap incomplete\n2 GET /fake 11 0 gap incomplete "
			 "resumed body-size=0/28 body-cut\n"
			 "3 GET /b 11 0 resumed\n"},
	};

	(void)state;
	talk_check_all(talks);
}

/* After a loss an attacker may put anything in front, and cut it anywhere. */
static void is_not_led_past_a_request(void **state)
{
#define HIDDEN(text, method)                                                                       \
	{                                                                                          \
		.name = text,                                                                      \
		.steps = {ASK_LOST, ASK(text "POST /x HTTP/1.1\r\n" H "\r\n"), ANSWER(OK)},        \
		.want = "1 - - 0 0 gap incomplete\n2 " method " /x 11 200 resumed\n",              \
	}
#define HIDDEN_BEHIND(text)                                                                        \
	{                                                                                          \
		.name = text,                                                                      \
		.steps = {ASK_LOST, ASK(text "POST /x HTTP/1.1\r\n" H "\r\n"), ANSWER(OK)},        \
		.want = "1 - - 0 0 gap incomplete\n2 GET /y 11 0 gap incomplete resumed\n"         \
			"3 POST /x 11 200 resumed\n",                                              \
	}
	static const struct talk talks[] = {
		HIDDEN("", "POST"),
		HIDDEN("\r\n", "POST"),
		HIDDEN("{\"a\": 1}", "POST"),
		HIDDEN("a", "POST"),
		HIDDEN("abc def ghi", "POST"),
		HIDDEN("GET /", "POST"),
		HIDDEN("GET /y HTTP/1.1\r\n\r\n", "POST"),
		HIDDEN("PRI * HTTP/2.0\r\n\r\n", "POST"),
		HIDDEN("\0\0 \xff  ", "POST"),
		HIDDEN("123456789012345678901234567890123456789012345678901234567890123456789012345"
		       "67890",
		       "POST"),
		/* Which letters are its own nobody knows. */
		HIDDEN("X", "XPOST"),
		/* Two headers, or one with a line that looks like a request: both are told. */
		HIDDEN_BEHIND("GET /y HTTP/1.1\r\nhalf: "),
		HIDDEN_BEHIND("GET /y HTTP/1.1\r\nhalf"),
		HIDDEN_BEHIND("GET /y HTTP/1.1\r\n" H "half: b\r\n "),
	};

	(void)state;
	talk_check_all(talks);
}

static void gives_no_answer_to_the_wrong_one(void **state)
{
	static const struct talk talks[] = {
		{"lost between answers",
		 {ASK(A B), ANSWER_LOST, ANSWER(GONE), ASK("GET /c HTTP/1.1\r\n" H "\r\n"),
		  ANSWER(OK)},
		 .want = "1 GET /a 11 0\n2 GET /b 11 0\n3 GET /c 11 200\n",
		 .whole_only = true},
		{"lost in chunks, and a container prints an answer",
		 {ASK(A), ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
		  ANSWER_GAP(100), ANSWER(GONE), ASK("G"), ANSWER(GONE),
		  ASK("ET /b HTTP/1.1\r\n" H "\r\n"), ANSWER(OK)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 200\n",
		 .whole_only = true},
		{"not an answer at all",
		 {ASK(A B), ANSWER("HTTP/2.0 200 OK\r\n\r\n" OK),
		  ASK("GET /c HTTP/1.1\r\n" H "\r\n"), ANSWER(OK)},
		 .want = "1 GET /a 11 0\n2 GET /b 11 0\n3 GET /c 11 200\n",
		 .whole_only = true},
		{"a header that is none",
		 {ASK(A), ANSWER("HTTP/1.1 200 OK\r\ncolonless\r\n\r\n"), ASK(B), ANSWER(GONE)},
		 .want = "1 GET /a 11 0\n2 GET /b 11 404\n",
		 .whole_only = true},
		{"chunks that are none",
		 {ASK(A), ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx"), ASK(B),
		  ANSWER(GONE)},
		 .want = "1 GET /a 11 200\n2 GET /b 11 404\n",
		 .whole_only = true},
	};

	(void)state;
	talk_check_all(talks);
}

/* Where the times say that the answer was first, the two ways only met each other late. */
static void pairs_an_answer_that_came_first(void **state)
{
	static struct talk_log log;
	struct http_conversation *c = NULL;

	(void)state;
	for (uint64_t asked = 5; asked <= 15; asked += 10) {
		log = (struct talk_log){.text = ""};
		assert_int_equal(http_conversation_new(&talk_ops, &log, NULL, &c), 0);
		assert_int_equal(
			http_conversation_feed(c, HTTP_ANSWERS, 10, GONE, sizeof(GONE) - 1), 0);
		assert_int_equal(http_conversation_feed(c, HTTP_REQUESTS, asked, A, sizeof(A) - 1),
				 0);
		assert_int_equal(http_conversation_close(c), 0);
		http_conversation_free(c);
		assert_string_equal(log.text,
				    asked < 10 ? "1 GET /a 11 404\n"
					       : "1 - - 0 404 gap incomplete\n2 GET /a 11 0\n");
	}
}

/* No bytes, in whatever pieces and with whatever losses, do harm; each conversation ends. */
static void survives_anything(void **state)
{
	static const char *const pieces[] = {
		A,
		B,
		POST,
		OK,
		GONE,
		"0123456789",
		"\r\n",
		"\n",
		" ",
		"HTTP/1.1",
		"HTTP/1.1 101 x\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n",
		"Content-Length: 18446744073709551615\r\n\r\n",
		"GET ",
		"/x%",
		" HTTP/1.0\r\n",
		"ffffffffffffffff\r\n",
		"0\r\n\r\n",
		"5\r\nabcde\r\n",
		"POST /p HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\n",
		"\0\xff\x80:",
		"Connection: close\r\n",
		"Expect: 100-continue\r\n",
	};
	static struct talk_log log;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct http_conversation *c = NULL;

		log = (struct talk_log){.body_room = (size_t)rand() % 50,
					.answer_room = (size_t)rand() % 9};
		assert_int_equal(http_conversation_new(&talk_ops, &log, NULL, &c), 0);
		for (int i = 0; i < 30; i++) {
			const char *piece =
				pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))];
			enum http_side side = rand() % 3 ? HTTP_REQUESTS : HTTP_ANSWERS;
			uint64_t skip = 0;

			switch (rand() % 24) {
			case 0:
				http_conversation_gap(c, side, (uint64_t)i, (uint64_t)rand() % 40);
				break;
			case 1:
				http_conversation_lost(c, side, (uint64_t)i);
				break;
			case 2:
				http_conversation_overdue(c, (uint64_t)i, 5);
				break;
			case 3:
				if (http_conversation_skippable(c, side, &skip))
					http_conversation_gap(c, side, (uint64_t)i, skip);
				break;
			default:
				http_conversation_feed(c, side, (uint64_t)i, piece, strlen(piece));
				break;
			}
		}
		if (rand() % 2)
			http_conversation_close(c);
		http_conversation_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loses_nothing_in_a_body_of_known_length),
		cmocka_unit_test(finds_requests_again),
		cmocka_unit_test(is_not_led_past_a_request),
		cmocka_unit_test(gives_no_answer_to_the_wrong_one),
		cmocka_unit_test(pairs_an_answer_that_came_first),
		cmocka_unit_test(survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
