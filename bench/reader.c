// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 *   reader TEXT NEEDLE...
 *
 * Reads events as JSON lines from stdin. Of each that holds the text and one of the needles
 * it keeps how long after its @timestamp it arrived, which is when the read(2) returned that
 * brought its end. At the end of stdin, so as not to be busy with it before, it prints them,
 * a line each: the needle's number, and nanoseconds.
 */

struct delay {
	int needle;
	int64_t ns;
};

static struct delay *delays;
static size_t count, room;

static int64_t now_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* "2026-11-26T23:23:13.506651867Z" */
static bool timestamp_of(const char *line, int64_t *out)
{
	static const char key[] = "\"@timestamp\":\"";
	const char *at = strstr(line, key);
	struct tm tm = {0};
	long ns = 0;

	at = at ? strptime(at + sizeof(key) - 1, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (!at || sscanf(at, ".%9ldZ", &ns) != 1)
		return false;
	*out = (int64_t)timegm(&tm) * 1000000000 + ns;
	return true;
}

static void line_take(const char *line, int64_t arrived, const char *all, char **needles)
{
	int64_t happened = 0;
	int i = 0;

	if (!strstr(line, all))
		return;
	while (needles[i] && !strstr(line, needles[i]))
		i++;
	if (!needles[i])
		return;
	if (!timestamp_of(line, &happened)) {
		fprintf(stderr, "reader: not an event: %s\n", line);
		exit(1);
	}
	if (count == room) {
		room = room ? 2 * room : 4096;
		delays = realloc(delays, room * sizeof(*delays));
		if (!delays)
			abort();
	}
	delays[count++] = (struct delay){i, arrived - happened};
}

int main(int argc, char **argv)
{
	static char text[1 << 20];
	size_t held = 0;
	ssize_t n;

	if (argc < 3)
		return 2;
	while ((n = read(STDIN_FILENO, text + held, sizeof(text) - held)) > 0) {
		int64_t arrived = now_ns();
		char *line = text, *end = NULL;

		held += (size_t)n;
		while ((end = memchr(line, '\n', held - (size_t)(line - text)))) {
			*end = '\0';
			line_take(line, arrived, argv[1], argv + 2);
			line = end + 1;
		}
		held -= (size_t)(line - text);
		memmove(text, line, held);
	}
	for (size_t i = 0; i < count; i++)
		printf("%d %" PRId64 "\n", delays[i].needle, delays[i].ns);
	return n < 0;
}
