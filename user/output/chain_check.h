/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_CHAIN_CHECK_H
#define DOCKSNOOP_OUTPUT_CHAIN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/output/chain_index.h"

/*
 * Whether the lines of some files, which were written one after the other, are
 * one chain, and what was done to them where they are not.
 */
struct chain_check;

enum chain_kind {
	CHAIN_IS_CHANGED,   /* the hash does not match the content */
	CHAIN_IS_FORGED,    /* it does, and docksnoop does not write this */
	CHAIN_IS_FOREIGN,   /* no record at all */
	CHAIN_IS_PIECE,	    /* the beginning of a line, and then the next line */
	CHAIN_IS_CUT,	    /* the file's last line has no newline */
	CHAIN_IS_TOO_LONG,  /* more than CHAIN_LINE_MAX */
	CHAIN_IS_DAMAGED,   /* the compressed file is, from here on */
	CHAIN_IS_DUPLICATE, /* the same line as .other */
	CHAIN_IS_REORDERED, /* belongs right behind .other */
	CHAIN_IS_REMOVED,   /* the line that was before it is in none of the files */
	CHAIN_IS_REWRITTEN, /* the same, and its number is that of the line that is there */
	CHAIN_IS_SEQUENCE,  /* in the chain, but a number is left out and nothing accounts for it */
	CHAIN_IS_NEW,	    /* a chain begins, and there was one before */
	CHAIN_IS_WITHIN,    /* the first record is not the first of its chain */
	CHAIN_IS_NOT_FOUND, /* what was expected; it has no place */
	CHAIN_IS_FOLLOWED,  /* the expected record, and it is not the last one */
};

struct chain_remark {
	enum chain_kind kind;
	bool trouble; /* and not only a note: a piece may be accounted for, for example */
	struct chain_place place;
	uint64_t last_line;	    /* of several such lines, one behind the other */
	struct chain_place other;   /* of the kinds that name one; where line is not 0 */
	char hash[CHAIN_HASH_SIZE]; /* of the record that is not there: removed, new, within, … */
	bool counted;		    /* removed, sequence: numbers from .from to .to are not there */
	uint64_t from, to;
	uint64_t
		missing; /* and so many of them were written, at most; followed: records after it */
	bool foreign_before; /* removed: lines that are no records are there in their place */
	bool unlinked;	     /* changed: what should be before it is not */
	bool record;	     /* cut: nothing but the newline is missing */
};

struct chain_end {
	uint64_t sequence; /* 0: unknown */
	char time[64];	   /* @timestamp, which anybody can have written */
	char hash[CHAIN_HASH_SIZE];
	bool stopped; /* it is a monitor-stopped */
};

struct chain_summary {
	uint64_t records; /* duplicates do not count */
	uint64_t troubles;
	uint64_t unlisted;	      /* remarks beyond CHAIN_REMARKS_MAX */
	bool unsearched;	      /* more than CHAIN_INDEX_MAX: moved lines look removed */
	struct chain_end first, last; /* when there are records */
};

/* What a hostile file can make of them has to end somewhere. */
#define CHAIN_REMARKS_MAX 10000

/* @expected: a hash that has to occur, or NULL. NULL: no memory. */
struct chain_check *chain_check_new(const char *expected);
void chain_check_free(struct chain_check *check); /* NULL is allowed */

/* The next file begins; they are counted from 0 on. */
void chain_check_file(struct chain_check *check);
/* Its next line. -ENOMEM. */
int chain_check_line(struct chain_check *check, const char *text, size_t len, bool whole,
		     bool too_long);
/* The rest of it cannot be decompressed. -ENOMEM. */
int chain_check_damaged(struct chain_check *check);
/* After the last line: what can be said only now. -ENOMEM. */
int chain_check_end(struct chain_check *check);

/* In the order of the lines; valid until the check is freed. */
const struct chain_remark *chain_check_remarks(const struct chain_check *check, size_t *count);
void chain_check_summary(const struct chain_check *check, struct chain_summary *out);

static inline void cleanup_chain_check(struct chain_check **check)
{
	chain_check_free(*check);
}
#define AUTO_CHAIN_CHECK __attribute__((cleanup(cleanup_chain_check)))

#endif
