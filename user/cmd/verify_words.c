// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/verify_words.h"

#include <inttypes.h>
#include <stdio.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

const char *verify_kind_name(enum chain_kind kind)
{
	static const char *const names[] = {
		[CHAIN_IS_CHANGED] = "changed",
		[CHAIN_IS_FORGED] = "forged",
		[CHAIN_IS_FOREIGN] = "foreign",
		[CHAIN_IS_PIECE] = "piece",
		[CHAIN_IS_CUT] = "cut",
		[CHAIN_IS_TOO_LONG] = "too-long",
		[CHAIN_IS_DAMAGED] = "damaged",
		[CHAIN_IS_DUPLICATE] = "duplicate",
		[CHAIN_IS_REORDERED] = "reordered",
		[CHAIN_IS_REMOVED] = "removed",
		[CHAIN_IS_REWRITTEN] = "rewritten",
		[CHAIN_IS_SEQUENCE] = "sequence",
		[CHAIN_IS_NEW] = "new-chain",
		[CHAIN_IS_WITHIN] = "begins-within",
		[CHAIN_IS_NOT_FOUND] = "not-found",
		[CHAIN_IS_FOLLOWED] = "followed",
	};

	return names[kind];
}

static char *removed_words(const struct chain_remark *r)
{
	AUTO_FREE char *count = NULL;
	char *out = NULL;
	int err = 0;

	if (!r->counted)
		err = str_format(&count, "records are missing before it, how many cannot be told");
	else if (r->from == r->to)
		err = str_format(&count,
				 "1 record is missing before it (event.sequence %" PRIu64 ")",
				 r->from);
	else
		err = str_format(&count,
				 "%" PRIu64 " record%s missing before it, at most (event.sequence "
				 "%" PRIu64 " to %" PRIu64 ")",
				 r->missing, r->missing == 1 ? " is" : "s are", r->from, r->to);
	if (!err)
		err = str_format(
			&out, "%s; the last of them has the hash %s%s", count, r->hash,
			r->foreign_before ? "; what stands there in their place is no record" : "");
	return err ? NULL : out;
}

static char *sequence_words(const struct chain_remark *r)
{
	char *out = NULL;

	if (str_format(
		    &out,
		    "event.sequence leaves out %" PRIu64 " to %" PRIu64
		    " and no events-lost says why, though the chain is whole: docksnoop does not "
		    "write this, the chain was computed anew after lines were removed",
		    r->from, r->to) < 0)
		return NULL;
	return out;
}

static char *other_words(const struct chain_remark *r, char *const *files)
{
	char *out = NULL;
	const char *what = r->kind == CHAIN_IS_DUPLICATE ? "the same record as"
							 : "reordered: it belongs right behind";

	if (str_format(&out, "%s %s:%" PRIu64, what, files[r->other.file], r->other.line) < 0)
		return NULL;
	return out;
}

static char *hash_words(const struct chain_remark *r)
{
	char *out = NULL;
	int err = 0;

	if (r->kind == CHAIN_IS_NEW)
		err = str_format(
			&out,
			"a new chain begins, and nothing ties it to what is before it, which "
			"ended with the hash %s: docksnoop found no record to go on from here, "
			"and what was between them may have been removed",
			r->hash);
	else if (r->kind == CHAIN_IS_WITHIN)
		err = str_format(
			&out,
			"the records begin within a chain: the one before has the hash %s, "
			"and may be in the file that was rotated away",
			r->hash);
	else if (r->kind == CHAIN_IS_REWRITTEN)
		err = str_format(
			&out,
			"it was written behind a record with the hash %s, and that is in none "
			"of the files, though event.sequence leaves none out: the line before "
			"was changed and its hash computed anew",
			r->hash);
	else if (r->kind == CHAIN_IS_NOT_FOUND)
		err = str_format(
			&out,
			"no record has the expected hash %s: the end was cut, or from some "
			"changed line on the chain was computed anew",
			r->hash);
	else
		err = str_format(&out, "the expected record; %" PRIu64 " record%s it", r->missing,
				 r->missing == 1 ? " follows" : "s follow");
	return err ? NULL : out;
}

static const char *plain_words(const struct chain_remark *r)
{
	switch (r->kind) {
	case CHAIN_IS_CHANGED:
		return r->unlinked ? "changed: the hash does not match the line; nor does what is "
				     "before it: that was changed too, removed or moved"
				   : "changed: the hash does not match the line";
	case CHAIN_IS_FORGED:
		return "not written by docksnoop: the hash matches, but the line has not the form "
		       "of an event";
	case CHAIN_IS_FOREIGN:
		return "no record of a chain: inserted, or changed beyond recognition";
	case CHAIN_IS_PIECE:
		return r->trouble ? "the rest of the line is missing"
				  : "a piece of a line, from when a write was cut short: the next "
				    "record says so, and the chain goes on there";
	case CHAIN_IS_CUT:
		if (!r->trouble)
			return "the line has no end, from when a write was cut short: the next "
			       "record says so, and the chain goes on there";
		return r->record
			       ? "the record's newline is missing: the file was cut there"
			       : "cut in the middle of a line: the file has no newline at its end";
	case CHAIN_IS_TOO_LONG:
		return "no record: the line is longer than 4 MiB";
	default:
		return "the compressed file is cut or damaged: what follows cannot be read";
	}
}

char *verify_words(const struct chain_remark *remark, char *const *files)
{
	char *out = NULL;

	switch (remark->kind) {
	case CHAIN_IS_REMOVED:
		return removed_words(remark);
	case CHAIN_IS_SEQUENCE:
		return sequence_words(remark);
	case CHAIN_IS_DUPLICATE:
	case CHAIN_IS_REORDERED:
		return other_words(remark, files);
	case CHAIN_IS_NEW:
	case CHAIN_IS_WITHIN:
	case CHAIN_IS_REWRITTEN:
	case CHAIN_IS_NOT_FOUND:
	case CHAIN_IS_FOLLOWED:
		return hash_words(remark);
	default:
		return str_format(&out, "%s", plain_words(remark)) ? NULL : out;
	}
}
