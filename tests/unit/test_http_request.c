// SPDX-License-Identifier: Apache-2.0
/* What is a request, where it ends, and what Go refuses. */
#include "tests/unit/http_talk.h"

#define H  "Host: d\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BAD                                                                                        \
	"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 "    \
	"Bad Request"
#define NEXT "GET /next HTTP/1.1\r\n" H "\r\n"
#define GOOD(text, line)                                                                           \
	{                                                                                          \
		.name = text, .steps = {ASK(text NEXT), ANSWER(OK OK)},                            \
		.want = "1 " line "\n2 GET /next 11 200\n", .body_room = 512                       \
	}
/* Refused: nothing behind it is a request. */
#define REFUSED(text, line)                                                                        \
	{                                                                                          \
		.name = text, .steps = {ASK(text NEXT), ANSWER(BAD)}, .want = "1 " line "\n"       \
	}
/* The last one that Go serves on its connection. */
#define LAST(text, line)                                                                           \
	{                                                                                          \
		.name = text, .steps = {ASK(text NEXT), ANSWER(OK)}, .want = "1 " line "\n",       \
		.body_room = 512                                                                   \
	}

static void reads_request_lines(void **state)
{
	static const struct talk talks[] = {
		GOOD("GET /_ping HTTP/1.1\r\n" H "\r\n", "GET /_ping 11 200"),
		GOOD("GET /_ping HTTP/1.1\n"
		     "Host: d\n\n",
		     "GET /_ping 11 200"),
		GOOD("GET /_ping HTTP/1.1\r\nHost: d\n\r\n", "GET /_ping 11 200"),
		GOOD("GET /_ping HTTP/1.7\r\n" H "\r\n", "GET /_ping 17 200"),
		GOOD("GET /a%2Fb%00?x=%zz&y HTTP/1.1\r\n" H "\r\n", "GET /a%2Fb%00?x=%zz&y 11 200"),
		GOOD("get /x HTTP/1.1\r\n" H "\r\n", "get /x 11 200"),
		GOOD("M-SEARCH!#$%&'*+.^_`|~9 /x HTTP/1.1\r\n" H "\r\n",
		     "M-SEARCH!#$%&'*+.^_`|~9 /x 11 200"),
		GOOD("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * 11 200"),
		GOOD("GET http://any:80/x HTTP/1.1\r\n" H "\r\n", "GET http://any:80/x 11 200"),
		GOOD("GET ftp://y/_ping HTTP/1.1\r\n" H "\r\n", "GET ftp://y/_ping 11 200"),
		GOOD("GET ftp+x.1-y://u:p@[::1%25eth0]:1/_ping HTTP/1.1\r\n" H "\r\n",
		     "GET ftp+x.1-y://u:p@[::1%25eth0]:1/_ping 11 200"),
		GOOD("GET urn:x%zz HTTP/1.1\r\n" H "\r\n", "GET urn:x%zz 11 200"),
		GOOD("GET //x HTTP/1.1\r\n" H "\r\n", "GET //x 11 200"),
		GOOD("GET /\xc3\xa4\"<>\\^`{} HTTP/1.1\r\n" H "\r\n",
		     "GET /\xc3\xa4\"<>\\^`{} 11 200"),
		GOOD("CONNECT d:1 HTTP/1.1\r\n\r\n", "CONNECT d:1 11 200"),
		GOOD("GET /# HTTP/1.1\r\n" H "\r\n", "GET /# 11 200"),

		REFUSED("\r\n", "- - 0 400 malformed incomplete"),
		REFUSED("\n", "- - 0 400 malformed incomplete"),
		REFUSED("GET\r\n", "GET - 0 400 malformed incomplete"),
		REFUSED("GET /x\r\n", "GET /x 0 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1 \r\n" H "\r\n", "GET /x 0 400 malformed incomplete"),
		REFUSED("GET  /x HTTP/1.1\r\n" H "\r\n", "GET - 0 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\r\n" H "\r\n", "GET /x 0 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.11\r\n" H "\r\n", "GET /x 0 400 malformed incomplete"),
		REFUSED("GET /x http/1.1\r\n" H "\r\n", "GET /x 0 400 malformed incomplete"),
		REFUSED("GET /x HTTP/2.0\r\n" H "\r\n", "GET /x 20 400 malformed incomplete"),
		REFUSED("GET /x HTTP/0.9\r\n" H "\r\n", "GET /x 9 400 malformed incomplete"),
		REFUSED("G@T /x HTTP/1.1\r\n" H "\r\n", "G@T /x 0 400 malformed incomplete"),
		REFUSED("GET\t/x HTTP/1.1\r\n" H "\r\n",
			"GET\t/x HTTP/1.1 0 400 malformed incomplete"),
		REFUSED("GET x HTTP/1.1\r\n" H "\r\n", "GET x 11 400 malformed incomplete"),
		REFUSED("GET 1x:/y HTTP/1.1\r\n" H "\r\n", "GET 1x:/y 11 400 malformed incomplete"),
		REFUSED("GET :/y HTTP/1.1\r\n" H "\r\n", "GET :/y 11 400 malformed incomplete"),
		REFUSED("GET /x%2 HTTP/1.1\r\n" H "\r\n", "GET /x%2 11 400 malformed incomplete"),
		REFUSED("GET /x%g0 HTTP/1.1\r\n" H "\r\n", "GET /x%g0 11 400 malformed incomplete"),
		REFUSED("GET /x\x7f HTTP/1.1\r\n" H "\r\n",
			"GET /x\x7f 11 400 malformed incomplete"),
		REFUSED("GET /x\ty HTTP/1.1\r\n" H "\r\n", "GET /x\ty 11 400 malformed incomplete"),
		REFUSED("GET /x\0y HTTP/1.1\r\n" H "\r\n", "GET /x 11 400 malformed incomplete"),
		REFUSED("GET http://a:b/x HTTP/1.1\r\n" H "\r\n",
			"GET http://a:b/x 11 400 malformed incomplete"),
		REFUSED("GET http://a^/x HTTP/1.1\r\n" H "\r\n",
			"GET http://a^/x 11 400 malformed incomplete"),
		REFUSED("GET http://a%41/x HTTP/1.1\r\n" H "\r\n",
			"GET http://a%41/x 11 400 malformed incomplete"),
		REFUSED("GET http://[::1/x HTTP/1.1\r\n" H "\r\n",
			"GET http://[::1/x 11 400 malformed incomplete"),
		REFUSED("GET http://\"@a/x HTTP/1.1\r\n" H "\r\n",
			"GET http://\"@a/x 11 400 malformed incomplete"),
	};

	(void)state;
	talk_check_all(talks);
}

/* What a request leaves behind is not the next one's. */
static void refuses_the_second(void **state)
{
#define SECOND(text, first, second)                                                                \
	{                                                                                          \
		.name = text, .steps = {ASK(text NEXT), ANSWER(OK BAD)},                           \
		.want = "1 " first " 11 200\n2 " second " 400 malformed incomplete\n"              \
	}
	static const struct talk talks[] = {
		SECOND(NEXT "GET /xx%2 HTTP/1.1\r\n" H "\r\n", "GET /next", "GET /xx%2 11"),
		SECOND(NEXT "GET /x HTTP/1.1\r\n\r\n", "GET /next", "GET /x 11"),
		SECOND(NEXT "\r\n", "GET /next", "- - 0"),
		SECOND("POST /p HTTP/1.1\r\n" H "\r\n"
		       "\n\n\n\n\n",
		       "POST /p", "- - 0"),
	};

	(void)state;
	talk_check_all(talks);
}

static void reads_headers(void **state)
{
	static const struct talk talks[] = {
		GOOD("GET /x HTTP/1.1\r\nhOST:d\r\nA:\r\nB:  c \t\r\n\r\n", "GET /x 11 200"),
		GOOD("GET /x HTTP/1.1\r\nHost:\r\n\r\n", "GET /x 11 200"),
		GOOD("GET /x HTTP/1.1\r\n: nameless\r\n" H "\r\n", "GET /x 11 200"),
		GOOD("GET /x HTTP/1.1\r\n" H "Content-Type:\r\n text/\r\n\t\tplain\r\n\r\n",
		     "GET /x 11 200 type=text/ plain"),
		GOOD("GET /x HTTP/1.1\r\n" H "Content-Type: text/ \t\r\n plain \r\n\r\n",
		     "GET /x 11 200 type=text/ plain"),
		GOOD("GET /x HTTP/1.1\r\n" H "Content-type: a  b\r\nContent-Type: c\r\n\r\n",
		     "GET /x 11 200 type=a  b"),
		GOOD("GET /x HTTP/1.1\r\n" H
		     "X-Registry-Auth: c2VjcmV0\r\nAuthorization: Basic x\r\n\r\n",
		     "GET /x 11 200"),
		GOOD("GET /x HTTP/1.1\r\nHost:\r\n d\r\n\r\n", "GET /x 11 200"),
		/* A blank alone continues the line before. */
		GOOD("GET /x HTTP/1.1\r\n" H "A: b\r\n \r\n\r\n", "GET /x 11 200"),
		GOOD("GET /x HTTP/1.1\r\n" H "Connection: x\r\nConnection: foo close\r\n\r\n",
		     "GET /x 11 200"),
		LAST("GET /x HTTP/1.1\r\n" H "Connection: foo close\r\n\r\n", "GET /x 11 200"),

		LAST("GET /x HTTP/1.1\r\n" H "Connection: keep-alive, CLOSE\r\n\r\n",
		     "GET /x 11 200"),
		LAST("GET /x HTTP/1.1\r\n" H "Connection: foo\r\nConnection: a,close\r\n\r\n",
		     "GET /x 11 200"),
		LAST("GET /x HTTP/1.0\r\n\r\n", "GET /x 10 200"),
		LAST("GET /x HTTP/1.0\r\nConnection: upgrade\r\n\r\n", "GET /x 10 200"),

		REFUSED("GET /x HTTP/1.1\r\n\r\n", "GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H H "\r\n", "GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.0\r\nHost: a/b\r\n\r\n",
			"GET /x 10 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "\td\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n " H "\r\n", "GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "colonless\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "a : b\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "a\xff: b\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "a: b\0c\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "a: b\x01\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "a: b\r\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "a: b\rc: d\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "\r\r\n\r\n", "GET /x 11 400 malformed incomplete"),
		REFUSED("GET /x HTTP/1.1\r\n" H "Expect: more\r\n\r\n",
			"GET /x 11 400 malformed incomplete"),
	};

	(void)state;
	talk_check_all(talks);
}

#define POST "POST /p HTTP/1.1\r\n" H

static void reads_lengths(void **state)
{
	static const struct talk talks[] = {
		GOOD(POST "Content-Length: 3\r\n\r\nabc", "POST /p 11 200 body=abc"),
		GOOD(POST "Content-Length: \t 003 \r\n\r\nabc", "POST /p 11 200 body=abc"),
		GOOD(POST "Content-Length:\r\n 3\r\n\r\nabc", "POST /p 11 200 body=abc"),
		GOOD(POST "Content-Length: 3\r\ncontent-length:3\r\n\r\nabc",
		     "POST /p 11 200 body=abc"),
		GOOD(POST "Content-Length: 0\r\n\r\n", "POST /p 11 200"),
		GOOD(POST "Content-Length:\r\n\r\n", "POST /p 11 200"),
		GOOD(POST "\r\n", "POST /p 11 200"),
		GOOD("GET /g HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
		     "GET /g 11 200 body=abc"),
		GOOD(POST "Content-Length: 35\r\n\r\nGET /inside HTTP/1.1\r\nHost: d\r\n\r\nxx",
		     "POST /p 11 200 body=GET /inside HTTP/1.1\r\nHost: d\r\n\r\nxx"),
		/* Go lets up to four of CR and LF pass after a POST. */
		GOOD(POST "Content-Length: 1\r\n\r\na\r\n\r\n", "POST /p 11 200 body=a"),
		GOOD(POST "\r\n\n\n\n\n", "POST /p 11 200"),

		REFUSED(POST "Content-Length: +3\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: -3\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 3,3\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 3 3\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 0x3\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 3\r\nContent-Length: 03\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 3\r\nContent-Length:\r\n\r\nabc",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 9223372036854775808\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Content-Length: 1\r\n 0\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
	};

	(void)state;
	talk_check_all(talks);
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static void reads_chunks(void **state)
{
	static const struct talk talks[] = {
		GOOD(CHUNKED "3\r\nabc\r\n0\r\n\r\n", "POST /p 11 200 body=abc"),
		GOOD(CHUNKED "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "POST /p 11 200 body=abc"),
		GOOD(CHUNKED "0\r\n\r\n", "POST /p 11 200"),
		GOOD(CHUNKED "0003;x=\"y\" \r\nabc\r\n00;z\r\n\r\n", "POST /p 11 200 body=abc"),
		GOOD(CHUNKED "3 \t\r\nabc\r\n0\r\n\r\n", "POST /p 11 200 body=abc"),
		GOOD(CHUNKED "3\nabc\r\n0\n\r\n", "POST /p 11 200 body=abc"),
		GOOD(CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
		     "POST /p 11 200 body=01234567890123456789"),
		GOOD(CHUNKED "1f\r\nGET /inside HTTP/1.1\r\nHost: d\r\n\r\n0\r\n\r\n",
		     "POST /p 11 200 body=GET /inside HTTP/1.1\r\nHost: d\r\n"),
		GOOD(CHUNKED "1\r\na\r\n0\r\nX: y\r\n z\r\nGET /t HTTP/1.1: 1\r\n\r\n",
		     "POST /p 11 200 body=a"),
		GOOD(POST
		     "Transfer-Encoding: CHUNKED\r\nContent-Length: 99\r\n\r\n1\r\na\r\n0\r\n\r\n",
		     "POST /p 11 200 body=a"),
		GOOD(POST "Content-Length: nonsense\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		     "POST /p 11 200"),
		GOOD(POST "Transfer-Encoding:  chunked \r\nTrailer: X, Y\r\n\r\n0\r\nX: 1\r\n\r\n",
		     "POST /p 11 200"),
		/* Go knows no chunks in HTTP/1.0. */
		LAST("POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: "
		     "5\r\n\r\n0\r\n\r\n",
		     "POST /p 10 200 body=0\r\n\r\n"),

		REFUSED(POST "Transfer-Encoding: identity\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding: chunked, gzip\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding: xchunked\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding: chunked\r\n \r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding:\r\n\r\n", "POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding : chunked\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
		REFUSED(POST "Transfer-Encoding: chunked\r\nTrailer: x,content-LENGTH\r\n\r\n",
			"POST /p 11 400 malformed incomplete"),
	};

	(void)state;
	talk_check_all(talks);
}

/* The handler has had what came before: a JSON decoder does not read to the end. */
static void keeps_what_came_before_a_bad_chunk(void **state)
{
#define BROKEN(text, body)                                                                         \
	{                                                                                          \
		.name = text, .steps = {ASK(CHUNKED "3\r\nabc\r\n" text NEXT), ANSWER(BAD)},       \
		.want = "1 POST /p 11 400 bad-body incomplete body=abc" body " body-cut\n",        \
		.body_room = 512                                                                   \
	}
	static const struct talk talks[] = {
		BROKEN("g\r\n", ""),
		BROKEN(" 1\r\n", ""),
		BROKEN("1 ;x\r\n", ""),
		BROKEN("-1\r\n", ""),
		BROKEN("0x1\r\n", ""),
		BROKEN("00000000000000001\r\n", ""),
		BROKEN("1\r\ndd\r\n", "d"),
		BROKEN("1\r\nd\n", "d"),
		BROKEN("1\r\ndx\n0\r\n\r\n", "d"),
		BROKEN("0\r\ncolonless\r\n\r\n", ""),
		BROKEN("0\r\n folded\r\n\r\n", ""),
	};

	(void)state;
	talk_check_all(talks);
}

static char *repeat(const char *before, size_t n, const char *after, size_t *size)
{
	size_t a = strlen(before), b = strlen(after);
	char *text = malloc(a + n + b + 1);

	assert_non_null(text);
	memcpy(text, before, a);
	memset(text + a, 'x', n);
	memcpy(text + a + n, after, b + 1);
	*size = a + n + b;
	return text;
}

static void check_long(const char *before, size_t n, const char *after, const char *answer,
		       const char *want)
{
	size_t size = 0;
	AUTO_FREE char *text = repeat(before, n, after, &size);
	struct talk talk = {.name = before, .want = want, .body_room = 16};
	static struct talk_log log;

	talk.steps[0] = (struct talk_step){'>', text, size};
	talk.steps[1] = (struct talk_step){'<', answer, strlen(answer)};
	for (size_t cut = 997; cut; cut = cut == SIZE_MAX ? 0 : SIZE_MAX) {
		talk_play(&talk, cut, false, &log);
		assert_string_equal(log.text, want);
	}
}

static void bounds_what_it_keeps(void **state)
{
	static char line[HTTP_TARGET_MAX + 64];
	const size_t limit = (1 << 20) + 4096;
	const char end[] = "\r\n" H "\r\n", start[] = "GET /x HTTP/1.1\r\nA: ";

	(void)state;
	/* As much header as Go takes, and one byte more. */
	check_long(start, limit - strlen(start) - strlen(end), "\r\n" H "\r\n" NEXT, OK OK,
		   "1 GET /x 11 200\n2 GET /next 11 200\n");
	check_long(start, limit - strlen(start) - strlen(end) + 1, "\r\n" H "\r\n" NEXT,
		   "HTTP/1.1 431 Too Large\r\nConnection: close\r\n\r\n",
		   "1 GET /x 11 431 too-big incomplete\n");

	/* Bytes that Go had in its buffer before do not count. */
	check_long(NEXT "GET /x HTTP/1.1\r\nA: ", limit + 4096 - strlen(start) - strlen(end),
		   "\r\n" H "\r\n" NEXT, OK OK OK,
		   "1 GET /next 11 200\n2 GET /x 11 200\n3 GET /next 11 200\n");

	memset(line, 'x', sizeof(line));
	memcpy(line, "1 GET /", 7);
	snprintf(line + 6 + HTTP_TARGET_MAX, sizeof(line) - 6 - HTTP_TARGET_MAX,
		 " 11 200 target-cut=%d\n2 GET /next 11 200\n", HTTP_TARGET_MAX);
	check_long("GET /", HTTP_TARGET_MAX - 1, "% HTTP/1.1\r\n" H "\r\n" NEXT, OK OK, line);
	check_long("GET /", 100000, " HTTP/1.1\r\n" H "\r\n" NEXT, OK OK, line);

	check_long("", HTTP_METHOD_MAX + 1, " /x HTTP/1.1\r\n" H "\r\n" NEXT, OK OK,
		   "1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   " /x 11 200\n2 GET /next 11 200\n");
	check_long(POST "Content-Length: 100000\r\n\r\n", 100000, NEXT, OK OK,
		   "1 POST /p 11 200 body=xxxxxxxxxxxxxxxx body-size=16/100000 body-cut\n"
		   "2 GET /next 11 200\n");
	/* A chunk's line has an end in Go's buffer, and so has a trailer. */
	check_long(CHUNKED "1;", 4091, "\r\na\r\n0\r\n\r\n" NEXT, OK OK,
		   "1 POST /p 11 200 body=a\n2 GET /next 11 200\n");
	check_long(CHUNKED "1;", 4092, "\r\na\r\n0\r\n\r\n" NEXT, BAD,
		   "1 POST /p 11 400 bad-body incomplete\n");
	check_long(CHUNKED "0\r\nA:", 4096 - 6, "\r\n\r\n" NEXT, OK OK,
		   "1 POST /p 11 200\n2 GET /next 11 200\n");
	check_long(CHUNKED "0\r\nA:", 4096 - 5, "\r\n\r\n" NEXT, BAD,
		   "1 POST /p 11 400 bad-body incomplete\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_request_lines),
		cmocka_unit_test(refuses_the_second),
		cmocka_unit_test(reads_headers),
		cmocka_unit_test(reads_lengths),
		cmocka_unit_test(reads_chunks),
		cmocka_unit_test(keeps_what_came_before_a_bad_chunk),
		cmocka_unit_test(bounds_what_it_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
