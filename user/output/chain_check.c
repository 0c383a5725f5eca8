// SPDX-License-Identifier: Apache-2.0
#include "user/output/chain_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"

struct chain_check {
	struct chain_index *index;
	struct chain_remark *remarks;
	size_t count, size;
	bool latest_listed; /* the last remark that was made is the last one in the list */
	uint64_t troubles, unlisted;

	struct chain_place at;
	bool foreign; /* something that is no record came after the last record */
	bool torn;    /* that has no newline */

	uint64_t records;
	struct chain_end first, last;
	char last_computed[CHAIN_HASH_SIZE]; /* last.hash, unless that one was changed */

	const char *expected;
	struct chain_place expected_at;
	uint64_t expected_number;
};

/* What is asked of a line's JSON. */
struct content {
	const char *action;
	bool resumed;
	json_int_t sequence;  /* 0: none */
	json_int_t unwritten; /* events-lost of a sink: lines that the gap before it is made of */
	const char *time;
};

struct chain_check *chain_check_new(const char *expected)
{
	AUTO_CHAIN_CHECK struct chain_check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	check->index = chain_index_new();
	if (!check->index)
		return NULL;
	check->expected = expected;
	check->at.file = UINT32_MAX; /* before the first */
	return take_ptr(check);
}

void chain_check_free(struct chain_check *check)
{
	if (!check)
		return;
	chain_index_free(check->index);
	free(check->remarks);
	free(check);
}

void chain_check_file(struct chain_check *check)
{
	check->at.file++;
	check->at.line = 0;
}

/* --- remarks ----------------------------------------------------------------------------------- */

/* The last remark, when it is one of @kind. */
static struct chain_remark *remark_latest(struct chain_check *check, enum chain_kind kind)
{
	struct chain_remark *latest = NULL;

	if (!check->latest_listed || !check->count)
		return NULL;
	latest = &check->remarks[check->count - 1];
	return latest->kind == kind ? latest : NULL;
}

static int remark_add(struct chain_check *check, const struct chain_remark *remark)
{
	check->latest_listed = false;
	check->troubles += remark->trouble;
	if (check->count == CHAIN_REMARKS_MAX) {
		check->unlisted++;
		return 0;
	}
	if (check->count == check->size) {
		size_t size = check->size ? check->size * 2 : 16;
		struct chain_remark *more =
			reallocarray(check->remarks, size, sizeof(*check->remarks));

		if (!more)
			return -ENOMEM;
		check->remarks = more;
		check->size = size;
	}
	check->remarks[check->count++] = *remark;
	check->latest_listed = true;
	return 0;
}

/* A trouble here; lines that follow each other and are of one kind are one trouble. */
static int trouble_add(struct chain_check *check, enum chain_kind kind, struct chain_place other)
{
	struct chain_remark *latest = remark_latest(check, kind);
	const struct chain_remark remark = {
		.kind = kind,
		.trouble = true,
		.place = check->at,
		.last_line = check->at.line,
		.other = other,
	};

	if (latest && latest->place.file == check->at.file &&
	    latest->last_line + 1 == check->at.line && latest->other.file == other.file &&
	    (!other.line ||
	     other.line == latest->other.line + check->at.line - latest->place.line)) {
		latest->last_line++;
		return 0;
	}
	return remark_add(check, &remark);
}

/* --- one record ------------------------------------------------------------------------------- */

static struct content content_of(const struct chain_record *record)
{
	json_t *event = json_object_get(record->json, "event");
	json_t *ours = json_object_get(record->json, "docksnoop");
	json_t *lost = json_object_get(ours, "lost");
	const char *place = json_string_value(json_object_get(lost, "place"));
	struct content content = {
		.action = json_string_value(json_object_get(event, "action")),
		.sequence = json_integer_value(json_object_get(event, "sequence")),
		.time = json_string_value(json_object_get(record->json, "@timestamp")),
	};

	if (!content.action)
		content.action = "";
	if (!content.time)
		content.time = "";
	if (content.sequence < 0)
		content.sequence = 0;
	content.resumed =
		json_is_true(json_object_get(json_object_get(ours, "monitor"), "resumed"));
	if (!strcmp(content.action, "events-lost") && place &&
	    (!strcmp(place, "sink:file") || !strcmp(place, "restart:file")))
		content.unwritten = json_integer_value(json_object_get(lost, "count"));
	return content;
}

static bool run_begins(const struct chain_check *check, const struct content *content)
{
	/* One that goes on where one that was killed ended goes on with its numbers. */
	return (!strcmp(content->action, "monitor-started") && !content->resumed) ||
	       (uint64_t)content->sequence <= check->last.sequence;
}

/*
 * The numbers between the last record and this one that are not there. Those of
 * lines that the file never got are accounted for by the events-lost that is the
 * first line after them.
 */
static void gap_look(const struct content *content, uint64_t base, struct chain_remark *remark)
{
	uint64_t sequence = (uint64_t)content->sequence;
	uint64_t gap = sequence > base ? sequence - base - 1 : 0;
	uint64_t unwritten = content->unwritten > 0 ? (uint64_t)content->unwritten : 0;

	remark->from = base + 1;
	remark->to = sequence - 1;
	remark->missing = gap > unwritten ? gap - unwritten : 0;
}

/* What was before it is not there: was that taken out, or changed with its hash? */
static int break_add(struct chain_check *check, const struct chain_record *record,
		     const struct content *content)
{
	struct chain_remark remark = {
		.kind = CHAIN_IS_REMOVED,
		.trouble = true,
		.place = check->at,
		.last_line = check->at.line,
		.foreign_before = check->foreign,
	};

	memcpy(remark.hash, record->previous, CHAIN_HASH_SIZE);
	if (check->last.sequence && content->sequence && !run_begins(check, content)) {
		gap_look(content, check->last.sequence, &remark);
		remark.counted = remark.missing > 0;
		if (!remark.missing)
			remark.kind = CHAIN_IS_REWRITTEN;
	}
	return remark_add(check, &remark);
}

/* It follows what it should: do the numbers do so too? */
static int sequence_check(struct chain_check *check, const struct content *content)
{
	struct chain_remark remark = {
		.kind = CHAIN_IS_SEQUENCE,
		.trouble = true,
		.place = check->at,
		.last_line = check->at.line,
		.counted = true,
	};

	if (!check->last.sequence || !content->sequence)
		return 0;
	gap_look(content, run_begins(check, content) ? 0 : check->last.sequence, &remark);
	return remark.missing ? remark_add(check, &remark) : 0;
}

/*
 * A piece of a line is what docksnoop leaves when a disk is full or when it dies,
 * and then the first record after it says so, and is tied to the one before it.
 */
static void piece_account(struct chain_check *check, const struct content *content)
{
	struct chain_remark *piece = remark_latest(check, CHAIN_IS_PIECE);

	if (!piece)
		piece = remark_latest(check, CHAIN_IS_CUT);
	if (!piece || !piece->trouble || (!check->foreign && !check->torn))
		return;
	if (content->unwritten <= 0 && strcmp(content->action, "monitor-started") != 0)
		return;
	piece->trouble = false;
	check->troubles--;
}

static bool is_zeros(const char *hash)
{
	return hash[strspn(hash, "0")] == '\0';
}

static bool fits(const struct chain_check *check, const struct chain_record *record)
{
	/* of a line that was changed, the content may be, or the hash */
	return !strcmp(record->previous, check->last.hash) ||
	       !strcmp(record->previous, check->last_computed);
}

static int link_check(struct chain_check *check, const struct chain_record *record,
		      const struct content *content)
{
	struct chain_remark remark = {.place = check->at, .last_line = check->at.line};

	if (check->records && fits(check, record)) {
		piece_account(check, content);
		return sequence_check(check, content);
	}
	if (is_zeros(record->previous)) {
		if (!check->records) {
			piece_account(check, content);
			return 0;
		}
		remark.kind = CHAIN_IS_NEW;
		remark.trouble = true;
		memcpy(remark.hash, check->last.hash, CHAIN_HASH_SIZE);
		return remark_add(check, &remark);
	}
	if (check->records)
		return break_add(check, record, content);
	remark.kind = CHAIN_IS_WITHIN;
	memcpy(remark.hash, record->previous, CHAIN_HASH_SIZE);
	return remark_add(check, &remark);
}

static int changed_add(struct chain_check *check, const struct chain_record *record)
{
	const struct chain_remark remark = {
		.kind = CHAIN_IS_CHANGED,
		.trouble = true,
		.place = check->at,
		.last_line = check->at.line,
		.unlinked = check->records && !fits(check, record),
	};

	return remark_add(check, &remark);
}

static void record_note(struct chain_check *check, const struct chain_record *record,
			const struct content *content)
{
	struct chain_end *last = &check->last;
	uint64_t sequence = (uint64_t)content->sequence;

	/* of a line that was changed, a number that would be the next one may be believed */
	if (record->state == CHAIN_CHANGED && sequence != last->sequence + 1)
		sequence = 0;
	last->sequence = sequence;
	last->stopped = !strcmp(content->action, "monitor-stopped");
	snprintf(last->time, sizeof(last->time), "%s", content->time);
	memcpy(last->hash, record->hash, CHAIN_HASH_SIZE);
	memcpy(check->last_computed, record->computed, CHAIN_HASH_SIZE);
	if (!check->records++)
		check->first = *last;
	check->foreign = false;
	check->torn = false;
	if (record->state != CHAIN_CHANGED && check->expected &&
	    !strcmp(check->expected, record->hash)) {
		check->expected_at = check->at;
		check->expected_number = check->records;
	}
}

static int record_check(struct chain_check *check, struct chain_record *record)
{
	const struct content content = content_of(record);
	struct chain_place same = {0};
	int err = 0;

	if (record->state == CHAIN_CHANGED) {
		err = changed_add(check, record);
	} else {
		same = chain_index_find(check->index, record->hash);
		if (same.line)
			return trouble_add(check, CHAIN_IS_DUPLICATE, same);
		err = chain_index_add(check->index, record->hash, check->at);
		/* a hash that is right makes no event of it */
		if (!err &&
		    (record->state == CHAIN_FORGED || !content.sequence || !*content.action))
			err = trouble_add(check, CHAIN_IS_FORGED, same);
		if (!err)
			err = link_check(check, record, &content);
	}
	if (!err)
		record_note(check, record, &content);
	return err;
}

static int foreign_add(struct chain_check *check, enum chain_kind kind)
{
	int err = trouble_add(check, kind, (struct chain_place){0});

	check->foreign = true;
	return err;
}

int chain_check_line(struct chain_check *check, const char *text, size_t len, bool whole,
		     bool too_long)
{
	AUTO_CHAIN_RECORD struct chain_record record = {0};
	struct chain_remark *cut = NULL;
	int err = 0;

	check->at.line++;
	if (too_long)
		return foreign_add(check, CHAIN_IS_TOO_LONG);
	err = chain_read(text, len, &record);
	if (err)
		return err;
	if (record.state > CHAIN_FORGED) {
		if (!whole)
			return foreign_add(check, CHAIN_IS_CUT);
		return foreign_add(check,
				   record.state == CHAIN_PIECE ? CHAIN_IS_PIECE : CHAIN_IS_FOREIGN);
	}
	err = record_check(check, &record);
	if (err || whole)
		return err;
	check->torn = true;
	err = trouble_add(check, CHAIN_IS_CUT, (struct chain_place){0});
	cut = err ? NULL : remark_latest(check, CHAIN_IS_CUT);
	if (cut)
		cut->record = true;
	return err;
}

int chain_check_damaged(struct chain_check *check)
{
	check->at.line++;
	return foreign_add(check, CHAIN_IS_DAMAGED);
}

/* --- the end ----------------------------------------------------------------------------------- */

/* What was missed where it should be may have come up elsewhere. */
static void moved_look(struct chain_check *check, struct chain_remark *remark)
{
	if (remark->kind != CHAIN_IS_REMOVED && remark->kind != CHAIN_IS_REWRITTEN &&
	    remark->kind != CHAIN_IS_WITHIN)
		return;
	remark->other = chain_index_find(check->index, remark->hash);
	if (!remark->other.line)
		return;
	remark->kind = CHAIN_IS_REORDERED;
	remark->counted = false;
	check->troubles += !remark->trouble;
	remark->trouble = true;
}

int chain_check_end(struct chain_check *check)
{
	struct chain_remark remark = {.place = check->expected_at};

	for (size_t i = 0; i < check->count; i++)
		moved_look(check, &check->remarks[i]);
	if (!check->expected || !check->records)
		return 0;
	remark.last_line = remark.place.line;
	remark.missing = check->records - check->expected_number;
	memcpy(remark.hash, check->expected, CHAIN_HASH_SIZE);
	remark.kind = remark.place.line ? CHAIN_IS_FOLLOWED : CHAIN_IS_NOT_FOUND;
	remark.trouble = !remark.place.line;
	return remark.missing ? remark_add(check, &remark) : 0;
}

const struct chain_remark *chain_check_remarks(const struct chain_check *check, size_t *count)
{
	*count = check->count;
	return check->remarks;
}

void chain_check_summary(const struct chain_check *check, struct chain_summary *out)
{
	*out = (struct chain_summary){
		.records = check->records,
		.troubles = check->troubles,
		.unlisted = check->unlisted,
		.unsearched = chain_index_full(check->index),
		.first = check->first,
		.last = check->last,
	};
}
