// SPDX-License-Identifier: Apache-2.0
#include "user/output/chain.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/output/event.h"
#include "user/util/cleanup.h"

#define DIGITS (CHAIN_HASH_SIZE - 1)

/* The end of a line: CHAIN previous QUOTE HASH hash END; what is hashed ends with QUOTE. */
#define CHAIN ",\"chain\":{\"previous\":\""
#define QUOTE "\""
#define HASH  ",\"hash\":\""
#define END   "\"}}}"

#define LEN(literal) (sizeof(literal) - 1)
#define TAIL_LEN     (LEN(CHAIN) + DIGITS + LEN(QUOTE) + LEN(HASH) + DIGITS + LEN(END))

#define BEGINNING "{\"@timestamp\":\""

/*
 * No sodium_init(): this hash is plain C that needs none, and that call waits
 * for the kernel's random numbers, which early at boot are not there yet.
 */
static void hash_of(const char *bytes, size_t len, char out[CHAIN_HASH_SIZE])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)bytes, len);
	sodium_bin2hex(out, CHAIN_HASH_SIZE, hash, sizeof(hash));
}

void chain_begin(struct chain *chain)
{
	*chain = (struct chain){0};
	memset(chain->hash, '0', DIGITS);
}

static char *put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

int chain_seal(const struct chain *chain, const char *json, char **line, char hash[CHAIN_HASH_SIZE])
{
	size_t len = strlen(json);
	AUTO_FREE char *out = NULL;
	char *at = NULL;

	if (len < 3 || memcmp(json + len - 2, "}}", 2) != 0 || json[len - 3] == '{')
		return -EINVAL;
	out = malloc(len - 2 + TAIL_LEN + 1);
	if (!out)
		return -ENOMEM;
	at = put(out, json, len - 2);
	at = put(at, CHAIN, LEN(CHAIN));
	at = put(at, chain->hash, DIGITS);
	at = put(at, QUOTE, LEN(QUOTE));
	hash_of(out, (size_t)(at - out), hash);
	at = put(at, HASH, LEN(HASH));
	at = put(at, hash, DIGITS);
	at = put(at, END, sizeof(END)); /* with its NUL */
	*line = take_ptr(out);
	return 0;
}

void chain_advance(struct chain *chain, const char hash[CHAIN_HASH_SIZE])
{
	memcpy(chain->hash, hash, CHAIN_HASH_SIZE);
	chain->records++;
}

/* --- reading ----------------------------------------------------------------------------------- */

static bool hash_take(const char *text, char out[CHAIN_HASH_SIZE])
{
	for (size_t i = 0; i < DIGITS; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	memcpy(out, text, DIGITS);
	out[DIGITS] = '\0';
	return true;
}

int chain_hash_parse(const char *text, char out[CHAIN_HASH_SIZE])
{
	return strlen(text) == DIGITS && hash_take(text, out) ? 0 : -EINVAL;
}

static bool expect(const char **at, const char *literal, size_t len)
{
	bool same = memcmp(*at, literal, len) == 0;

	*at += len;
	return same;
}

/* From the end, where its form is fixed: further up a string may look the same. */
static bool tail_read(const char *line, size_t len, struct chain_record *record)
{
	const char *at = line;
	const char *previous = NULL;
	const char *hash = NULL;

	if (len < TAIL_LEN)
		return false;
	at += len - TAIL_LEN;
	if (!expect(&at, CHAIN, LEN(CHAIN)))
		return false;
	previous = at;
	at += DIGITS;
	if (!expect(&at, QUOTE HASH, LEN(QUOTE HASH)))
		return false;
	hash = at;
	at += DIGITS;
	if (!expect(&at, END, LEN(END)) || !hash_take(previous, record->previous) ||
	    !hash_take(hash, record->hash))
		return false;
	hash_of(line, (size_t)(previous + DIGITS + LEN(QUOTE) - line), record->computed);
	return true;
}

/* A line of docksnoop's is ASCII, and what was cut off leaves what was before as it was. */
static bool is_piece(const char *line, size_t len)
{
	size_t known = len < LEN(BEGINNING) ? len : LEN(BEGINNING);

	if (!len || memcmp(line, BEGINNING, known) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			return false;
	return true;
}

/* Is it, byte for byte, what docksnoop writes of such an object? 0, or -ENOMEM. */
static int form_check(const struct chain_record *record, const char *line, size_t len, bool *same)
{
	const json_t *chain = json_object_get(json_object_get(record->json, "docksnoop"), "chain");
	const char *hash = json_string_value(json_object_get(chain, "hash"));
	AUTO_FREE char *dump = NULL;

	*same = false;
	/*
	 * As it is JSON, the tail ends an object, but that can be another one than
	 * "docksnoop". Nobody can have the same hash there too: it is part of itself then.
	 */
	if (!hash || strcmp(hash, record->hash) != 0)
		return 0;
	dump = json_dumps(record->json, EVENT_JSON_FLAGS);
	if (!dump)
		return -ENOMEM;
	*same = strlen(dump) == len && memcmp(dump, line, len) == 0;
	return 0;
}

int chain_read(const char *line, size_t len, struct chain_record *out)
{
	AUTO_CHAIN_RECORD struct chain_record record = {0};
	bool same = false;
	bool tail = tail_read(line, len, &record);
	json_error_t error;

	record.json = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!record.json && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!json_is_object(record.json)) {
		json_decref(record.json);
		record.json = NULL;
	}
	if (tail && strcmp(record.hash, record.computed) != 0) {
		record.state = CHAIN_CHANGED;
	} else if (tail) {
		if (record.json && form_check(&record, line, len, &same))
			return -ENOMEM;
		record.state = same ? CHAIN_WHOLE : CHAIN_FORGED;
	} else if (record.json) {
		record.state = CHAIN_NONE;
	} else {
		record.state = is_piece(line, len) ? CHAIN_PIECE : CHAIN_NO_JSON;
	}
	*out = record;
	record.json = NULL;
	return 0;
}

void chain_record_clear(struct chain_record *record)
{
	json_decref(record->json);
	record->json = NULL;
}

/* --- going on with a file ------------------------------------------------------------------- */

/* More pieces one behind the other than full disks leave. */
#define PIECES_MAX 64

/* The end of a file, as much of it as was read. */
struct ending {
	char *bytes;
	size_t len;
	bool from_start; /* that is all of the file */
};

static int ending_read(int fd, off_t size, size_t max, struct ending *out)
{
	size_t want = (uint64_t)size < max ? (size_t)size : max;
	AUTO_FREE char *bytes = malloc(want + 1);
	size_t have = 0;

	if (!bytes)
		return -ENOMEM;
	while (have < want) {
		ssize_t n = pread(fd, bytes + have, want - have, size - (off_t)want + (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break; /* it was made shorter meanwhile */
		have += (size_t)n;
	}
	*out = (struct ending){take_ptr(bytes), have, (uint64_t)size == want};
	return 0;
}

/* The length of the line that ends at @end; -EAGAIN: it begins before what was read. */
static int line_before(const struct ending *e, size_t end, size_t *len)
{
	const char *newline = end ? memrchr(e->bytes, '\n', end) : NULL;

	if (!newline && !e->from_start)
		return -EAGAIN;
	*len = end - (newline ? (size_t)(newline + 1 - e->bytes) : 0);
	return 0;
}

/* 0; -EBADMSG; -EAGAIN: more of the file is needed; *torn is always written. */
static int ending_look(const struct ending *e, struct chain *chain, size_t *torn)
{
	size_t end = e->len;
	size_t len = 0;
	int err = line_before(e, end, &len);

	*torn = err ? e->len : len;
	for (int pieces = 0; !err && pieces < PIECES_MAX; pieces++) {
		AUTO_CHAIN_RECORD struct chain_record record = {0};

		/* all that can be without its newline: what is torn, when it is a whole record */
		if (len || pieces) {
			err = chain_read(e->bytes + end - len, len, &record);
			if (err)
				return err;
			if (record.state == CHAIN_WHOLE) {
				memcpy(chain->hash, record.hash, CHAIN_HASH_SIZE);
				return 0;
			}
			/* of what is torn nothing is known: the rest of it is not there */
			if (record.state != CHAIN_PIECE && pieces)
				return -EBADMSG;
		}
		if (end == len)
			return 0; /* the file has no record yet */
		end -= len + 1;
		err = line_before(e, end, &len);
	}
	return err ? err : -EBADMSG;
}

int chain_resume(int fd, struct chain *chain, size_t *torn)
{
	struct stat st = {0};
	struct chain found;
	size_t rest = 0;
	int err = -EAGAIN;

	if (fstat(fd, &st))
		return -errno;
	chain_begin(&found);
	/* the last line is short as a rule; what is torn may lie behind one of full length */
	for (size_t max = (size_t)64 << 10; err == -EAGAIN && max <= 2 * CHAIN_LINE_MAX; max *= 2) {
		struct ending ending = {0};

		err = ending_read(fd, st.st_size, max, &ending);
		if (!err)
			err = ending_look(&ending, &found, &rest);
		free(ending.bytes);
	}
	if (err == -EAGAIN)
		err = -EBADMSG;
	if (err && err != -EBADMSG)
		return err;
	*chain = found;
	*torn = rest;
	return err;
}
