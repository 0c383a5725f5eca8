// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/util/text.h"

typedef size_t (*text_fn)(char *out, size_t size, const char *in, size_t len);

struct text_case {
	const char *in;
	size_t len;
	const char *out;
	size_t out_len;
};

#define CASE(in, out)                                                                              \
	{                                                                                          \
		in, sizeof(in) - 1, out, sizeof(out) - 1                                           \
	}

/* Every size of buffer, so that each way of cutting is seen; byte @size must stay untouched. */
static void check(text_fn fn, const struct text_case *c)
{
	char out[256];
	size_t last = 0;

	for (size_t size = 0; size < sizeof(out) - 1; size++) {
		size_t n = 0;

		memset(out, 'Z', sizeof(out));
		n = fn(out, size, c->in, c->len);
		if (n != c->out_len)
			print_error("%s: length %zu, want %zu\n", c->in, n, c->out_len);
		assert_int_equal(n, c->out_len);
		assert_int_equal(out[size], 'Z');
		if (size == 0)
			continue;
		if (size > n) {
			assert_memory_equal(out, c->out, n + 1);
			continue;
		}
		/* A cut result is a prefix, ends in NUL, and never shrinks as room grows. */
		n = strnlen(out, size);
		assert_true(n < size);
		if (memchr(c->out, '\0', c->out_len))
			continue;
		assert_true(n >= last);
		assert_memory_equal(out, c->out, n);
		last = n;
	}
}

static void escapes_what_a_terminal_obeys(void **state)
{
	static const struct text_case cases[] = {
		CASE("", ""),
		CASE("plain text", "plain text"),
		CASE("a\nb\tc\rd\\e", "a\\nb\\tc\\rd\\\\e"),
		CASE("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
		CASE("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
		CASE("a\0b", "a\\x00b"),
		CASE("\x7f\x08\x01", "\\x7f\\x08\\x01"),
		/* C1: CSI as one byte, and as the character U+009B */
		CASE("\x9b"
		     "31m",
		     "\\x9b31m"),
		CASE("\xc2\x9b"
		     "31m",
		     "\\xc2\\x9b31m"),
		CASE("\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0"),
		CASE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xb3",
		     "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xb3"),
		CASE("\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}"),
		CASE("\xe2\x80\x8e\xe2\x80\x8f", "\\u{200E}\\u{200F}"),
		CASE("\xe2\x80\xaa\xe2\x80\xae", "\\u{202A}\\u{202E}"),
		CASE("\xe2\x81\xa6\xe2\x81\xa9", "\\u{2066}\\u{2069}"),
		CASE("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
		     "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
		/* not UTF-8: alone, too long, surrogate, above U+10FFFF, cut short */
		CASE("\xff\xfe", "\\xff\\xfe"),
		CASE("\xc0\xaf", "\\xc0\\xaf"),
		CASE("\xe0\x80\xaf", "\\xe0\\x80\\xaf"),
		CASE("\xed\xa0\x80", "\\xed\\xa0\\x80"),
		CASE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"),
		CASE("\xe2\x82", "\\xe2\\x82"),
		CASE("\xe2\n", "\\xe2\\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(text_escape, &cases[i]);
}

#define FFFD "\xef\xbf\xbd"

static void replaces_what_is_not_utf8(void **state)
{
	static const struct text_case cases[] = {
		CASE("", ""),
		CASE("plain \x1b[0m \\ \n", "plain \x1b[0m \\ \n"),
		CASE("a\0b", "a\0b"),
		CASE("\xe2\x80\xae \xf0\x9f\x90\xb3", "\xe2\x80\xae \xf0\x9f\x90\xb3"),
		CASE("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80",
		     "\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"),
		/* Unicode 15, tables 3-8 to 3-11 */
		CASE("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
		     FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "\x41"),
		CASE("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
		     FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "\x41"),
		CASE("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
		     FFFD FFFD FFFD FFFD FFFD "\x41" FFFD FFFD "\x42"),
		CASE("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", FFFD FFFD FFFD FFFD "\x41"),
		CASE("\xf0\x9f\x90", FFFD),
		CASE("x\xc3", "x" FFFD),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(text_utf8, &cases[i]);
}

static void cuts_between_characters(void **state)
{
	char out[8] = "";

	(void)state;
	assert_int_equal(text_utf8(out, 4, "ab\xe2\x82\xac", 5), 5);
	assert_string_equal(out, "ab");
	assert_int_equal(text_escape(out, 4, "ab\nc", 4), 5);
	assert_string_equal(out, "ab");
	/* What comes after a cut is not taken though it would fit. */
	assert_int_equal(text_escape(out, 4, "ab\x01\x63", 4), 7);
	assert_string_equal(out, "ab");
	/* No room is not the caller's buffer to touch: NULL is fine. */
	assert_int_equal(text_escape(NULL, 0, "ab\n", 3), 4);
	assert_int_equal(text_utf8(NULL, 0, "ab\xff", 3), 5);
}

/* Whatever the bytes: what comes out is well-formed, and escaping it changes no byte but '\\'. */
static void any_bytes_come_out_well_formed(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char in[24], out[256], again[256];
		size_t len = (size_t)round % sizeof(in);
		size_t n = 0;

		for (size_t i = 0; i < len; i++) {
			static const char often[] = "\xe2\x80\xa8\xf0\x9f\xed\xc2\x9b\x80\n\\a";

			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
			if (seed & 0x100000)
				in[i] = often[(seed >> 24) % (sizeof(often) - 1)];
		}
		n = text_utf8(out, sizeof(out), in, len);
		assert_true(n < sizeof(out));
		assert_int_equal(text_utf8(again, sizeof(again), out, n), n);
		assert_memory_equal(out, again, n);

		n = text_escape(out, sizeof(out), in, len);
		assert_true(n < sizeof(out));
		assert_int_equal(text_utf8(again, sizeof(again), out, n), n);
		assert_memory_equal(out, again, n);
		for (size_t i = 0; i < n; i++)
			assert_true((uint8_t)out[i] >= 0x20 && out[i] != 0x7f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_what_a_terminal_obeys),
		cmocka_unit_test(replaces_what_is_not_utf8),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(any_bytes_come_out_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
