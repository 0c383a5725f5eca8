/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_CHAIN_H
#define DOCKSNOOP_OUTPUT_CHAIN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Lines that are tied to each other, so that one that is changed, removed or
 * moved is noticed (docs/events.md, "The chain"). The last member of a line's
 * last object, "docksnoop", is
 *
 *	"chain":{"previous":"<64 hex>","hash":"<64 hex>"}
 *
 * hash: SHA-256 of all bytes of the line before the ',"hash":"' at its end.
 * previous: the hash of the record before it, which may be in the file that was
 * rotated away; 64 zeros where a chain begins.
 */

#define CHAIN_HASH_SIZE 65 /* 64 hex digits and a NUL */

/*
 * No line is longer than this: a string in it has 12288 bytes at most
 * (JSON_TEXT_MAX), each six as \uXXXX, and the labels 32 KiB.
 */
#define CHAIN_LINE_MAX ((size_t)4 << 20)

struct chain {
	char hash[CHAIN_HASH_SIZE]; /* of the last record; 64 zeros: there is none yet */
	uint64_t records;	    /* advanced over since chain_begin(), chain_resume() */
};

/* A new chain: 64 zeros. */
void chain_begin(struct chain *chain);

/*
 * Make a line of @json, which is event_to_json() dumped with EVENT_JSON_FLAGS:
 * *line is malloc'd, without a newline, and @hash is its hash. @chain stays as
 * it is: a line that could not be written is none of its records.
 * -EINVAL: @json does not end with a "docksnoop" object that has a member.
 */
int chain_seal(const struct chain *chain, const char *json, char **line,
	       char hash[CHAIN_HASH_SIZE]);

/*
 * The line with @hash has been written. That is so when all of it but its
 * newline was: with the newline before the next line it is a record.
 */
void chain_advance(struct chain *chain, const char hash[CHAIN_HASH_SIZE]);

/*
 * Go on with the chain of the file @fd (open for reading, its offset is left
 * alone; an empty one begins a chain). Pieces of lines behind the last record,
 * left by writes that were cut short, are passed over. *torn: how many bytes
 * follow the last newline (at least so many, when they are more than a line can
 * have); when there are any, the next line has to begin with a newline.
 *
 * -EBADMSG: the last line is no record, or one that was changed. *chain is a new
 * chain then, and *torn is written all the same.
 */
int chain_resume(int fd, struct chain *chain, size_t *torn);

enum chain_state {
	CHAIN_WHOLE,   /* a record, as it was written */
	CHAIN_CHANGED, /* its hash is not that of its content, of which any part may be wrong */
	CHAIN_FORGED,  /* its hash is right, but these are not bytes that docksnoop writes */
	CHAIN_PIECE,   /* begins as a record does, and is no JSON: the rest is missing */
	CHAIN_NONE,    /* JSON without a chain of the exact form */
	CHAIN_NO_JSON,
};

struct chain_record {
	enum chain_state state;
	/* of the first three states */
	char previous[CHAIN_HASH_SIZE];
	char hash[CHAIN_HASH_SIZE];	/* as the line says */
	char computed[CHAIN_HASH_SIZE]; /* of its content */
	json_t *json;			/* NULL: it is no JSON object */
};

/*
 * What a line is, which may hold any bytes; @len is without its newline. The
 * result is to be cleared. -ENOMEM.
 */
int chain_read(const char *line, size_t len, struct chain_record *out);
void chain_record_clear(struct chain_record *record);
#define AUTO_CHAIN_RECORD __attribute__((cleanup(chain_record_clear)))

/* 64 lower-case hex digits, and nothing else. */
int chain_hash_parse(const char *text, char out[CHAIN_HASH_SIZE]);

#endif
