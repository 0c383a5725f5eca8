// SPDX-License-Identifier: Apache-2.0
/*
 * What user/http makes of bytes: records on stdin, requests on stdout.
 *
 *     http_reader BYTES <records
 *
 * A record is one byte of kind, four of size (little endian), and so many bytes:
 * '>' what the daemon read, '<' what it wrote, '.' the end of a connection. They
 * are fed in pieces of BYTES. A request is a line of JSON; texts are in hex, as
 * they may be anything.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/http/conversation.h"

static const char *const troubles[] = {
	[HTTP_UNDERSTOOD] = "",	      [HTTP_IS_HTTP2] = "http2", [HTTP_MALFORMED] = "malformed",
	[HTTP_BAD_BODY] = "bad-body", [HTTP_GAP] = "gap",	 [HTTP_TOO_BIG] = "too-big",
};

static unsigned int connection;

static size_t keep_all(void *ctx, const struct http_exchange *x)
{
	(void)ctx;
	(void)x;
	return HTTP_BODY_MAX;
}

static size_t keep_none(void *ctx, const struct http_exchange *x)
{
	(void)ctx;
	(void)x;
	return 0;
}

static void print_hex(const char *name, const void *data, size_t size)
{
	printf(", \"%s\": \"", name);
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
	putchar('"');
}

static int print(void *ctx, const struct http_exchange *x)
{
	size_t method_size = 0;

	(void)ctx;
	while (x->method[method_size])
		method_size++;
	printf("{\"connection\": %u, \"number\": %u, \"status\": %u, \"version\": %u", connection,
	       x->number, x->status, x->version);
	printf(", \"trouble\": \"%s\", \"complete\": %s, \"hijacked\": %s, \"whole\": %s",
	       troubles[x->trouble], x->complete ? "true" : "false", x->hijacked ? "true" : "false",
	       x->body.whole ? "true" : "false");
	print_hex("method", x->method, method_size);
	print_hex("target", x->target, x->target_size);
	print_hex("body", x->body.data, x->body.size);
	printf("}\n");
	return 0;
}

static const struct http_ops ops = {keep_all, keep_none, print};

static int feed(struct http_conversation *conversation, enum http_side side, const uint8_t *data,
		size_t size, size_t piece)
{
	static uint64_t now;

	for (size_t i = 0; i < size; i += piece) {
		size_t n = size - i < piece ? size - i : piece;
		int err = http_conversation_feed(conversation, side, ++now, data + i, n);

		if (err)
			return err;
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t piece = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct http_conversation *conversation = NULL;
	uint8_t head[5];
	int err = 0;

	if (piece == 0 || http_conversation_new(&ops, NULL, NULL, &conversation))
		return 2;
	while (!err && fread(head, sizeof(head), 1, stdin) == 1) {
		size_t size = (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 |
			      (size_t)head[4] << 24;
		uint8_t *data = malloc(size + 1);

		if (!data || fread(data, 1, size, stdin) != size)
			return 2;
		if (head[0] == '.') {
			err = http_conversation_close(conversation);
			http_conversation_free(conversation);
			connection++;
			if (http_conversation_new(&ops, NULL, NULL, &conversation))
				return 2;
		} else {
			err = feed(conversation, head[0] == '<' ? HTTP_ANSWERS : HTTP_REQUESTS,
				   data, size, piece);
		}
		free(data);
	}
	http_conversation_free(conversation);
	return err || ferror(stdin) ? 1 : 0;
}
