// SPDX-License-Identifier: Apache-2.0
#include "user/http/line.h"

#include <ctype.h>
#include <string.h>

struct span {
	const char *at;
	size_t size;
};

static bool span_begins(struct span s, const char *with)
{
	size_t size = strlen(with);

	return s.size >= size && memcmp(s.at, with, size) == 0;
}

static struct span span_from(struct span s, size_t from)
{
	return (struct span){s.at + from, s.size - from};
}

/* The number of bytes before @c, all of them without it. */
static size_t span_until(struct span s, char c)
{
	const char *at = s.size ? memchr(s.at, c, s.size) : NULL;

	return at ? (size_t)(at - s.at) : s.size;
}

/* Its last @c, or its size. */
static size_t span_last(struct span s, char c)
{
	const char *at = s.size ? memrchr(s.at, c, s.size) : NULL;

	return at ? (size_t)(at - s.at) : s.size;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* unescape(): each percent sign has two hex digits behind it. */
static bool escapes_valid(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.at[i] != '%')
			continue;
		if (i + 2 >= s.size || !isxdigit((unsigned char)s.at[i + 1]) ||
		    !isxdigit((unsigned char)s.at[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

/* What shouldEscape() lets through in a host; bytes above ASCII pass as well. */
static bool host_byte_valid(char c)
{
	return (unsigned char)c >= 0x80 || is_letter(c) || is_digit(c) ||
	       (c && strchr("!$&'()*+,;=:[]<>\"-_.~", c));
}

/* unescape() of a host: %25, and what is not ASCII; of a zone also blanks and host bytes. */
static bool host_bytes_valid(struct span s, bool zone)
{
	if (!escapes_valid(s))
		return false;
	for (size_t i = 0; i < s.size; i++) {
		int high = 0;
		char c = s.at[i];

		if (c != '%') {
			if (!host_byte_valid(c))
				return false;
			continue;
		}
		high = is_digit(s.at[i + 1]) ? s.at[i + 1] - '0' : 8;
		if (memcmp(s.at + i, "%25", 3) != 0 && high < 8) {
			int low = is_digit(s.at[i + 2]) ? s.at[i + 2] - '0'
							: (s.at[i + 2] | 0x20) - 'a' + 10;

			c = (char)(high << 4 | low);
			if (!zone || (c != ' ' && !host_byte_valid(c)))
				return false;
		}
		i += 2;
	}
	return true;
}

/* validOptionalPort() */
static bool port_valid(struct span s)
{
	if (s.size > 0 && s.at[0] != ':')
		return false;
	for (size_t i = 1; i < s.size; i++)
		if (!is_digit(s.at[i]))
			return false;
	return true;
}

/* parseHost() */
static bool host_valid(struct span s)
{
	size_t end = 0;
	const char *zone = NULL;

	if (!span_begins(s, "[")) {
		end = span_last(s, ':');
		return port_valid(span_from(s, end)) && host_bytes_valid(s, false);
	}
	end = span_last(s, ']');
	if (end == s.size || !port_valid(span_from(s, end + 1)))
		return false;
	zone = memmem(s.at, end, "%25", 3);
	if (!zone)
		return host_bytes_valid(s, false);
	return host_bytes_valid((struct span){s.at, (size_t)(zone - s.at)}, false) &&
	       host_bytes_valid((struct span){zone, end - (size_t)(zone - s.at)}, true) &&
	       host_bytes_valid(span_from(s, end), false);
}

/* validUserinfo(), and its unescape() */
static bool userinfo_valid(struct span s)
{
	size_t colon = span_until(s, ':');

	for (size_t i = 0; i < s.size; i++)
		if (!is_letter(s.at[i]) && !is_digit(s.at[i]) &&
		    (!s.at[i] || !strchr("-._:~!$&'()*+,;=%@", s.at[i])))
			return false;
	return escapes_valid((struct span){s.at, colon}) && escapes_valid(span_from(s, colon));
}

static bool authority_valid(struct span s)
{
	size_t at = span_last(s, '@');

	if (at == s.size)
		return host_valid(s);
	return userinfo_valid((struct span){s.at, at}) && host_valid(span_from(s, at + 1));
}

/* getScheme(): its length, 0 without one. */
static size_t scheme_size(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.at[i];

		if (is_letter(c) || (i > 0 && (is_digit(c) || c == '+' || c == '-' || c == '.')))
			continue;
		if (c == ':')
			return i;
		return 0;
	}
	return 0;
}

static bool path_valid(struct span s, bool has_authority)
{
	if (has_authority && span_begins(s, "//")) {
		size_t end = 0;

		s = span_from(s, 2);
		end = span_until(s, '/');
		if (!authority_valid((struct span){s.at, end}))
			return false;
		s = span_from(s, end);
	}
	return escapes_valid(s);
}

bool http_target_valid(const char *method, const char *target, size_t size)
{
	struct span s = {target, size};
	size_t scheme = 0;

	for (size_t i = 0; i < size; i++)
		if ((unsigned char)target[i] < ' ' || target[i] == 0x7f)
			return false;
	/* The authority alone: readRequest() puts "http://" in front. */
	if (strcmp(method, "CONNECT") == 0 && !span_begins(s, "/")) {
		size_t end = span_until((struct span){s.at, span_until(s, '?')}, '/');

		return authority_valid((struct span){s.at, end}) &&
		       escapes_valid(span_from((struct span){s.at, span_until(s, '?')}, end));
	}
	if (size == 1 && target[0] == '*')
		return true;
	scheme = scheme_size(s);
	if (scheme > 0)
		s = span_from(s, scheme + 1);
	s.size = span_until(s, '?');
	if (!span_begins(s, "/"))
		return scheme > 0;
	return path_valid(s, scheme > 0);
}
