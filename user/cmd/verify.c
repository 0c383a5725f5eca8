// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cmd/cmd.h"
#include "user/cmd/verify_words.h"
#include "user/output/chain_check.h"
#include "user/output/event.h"
#include "user/util/cleanup.h"
#include "user/util/lines.h"
#include "user/util/log.h"
#include "user/util/text.h"

static const char help[] =
	"usage: docksnoop verify [OPTION]... FILE...\n"
	"\n"
	"Whether the records that 'docksnoop watch --file' has written are all there, in\n"
	"their order and unchanged: each has the hash of the one before it. FILEs are\n"
	"those of one chain, the oldest first, plain or compressed by gzip; '-' is\n"
	"standard input.\n"
	"\n"
	"  --json          a JSON object a line for each trouble, and one at the end\n"
	"  --expect HASH   this hash, noted elsewhere, has to occur: tells also whether the\n"
	"                  end was cut, or the whole chain computed anew\n"
	"  -h, --help      this\n"
	"\n"
	"Exit codes: 0 all well; 1 something was changed, removed, reordered, inserted or\n"
	"cut; 2 bad usage, a file that cannot be read, or no record of a chain in any;\n"
	"4 it broke while running.\n";

enum {
	OPT_JSON = 256,
	OPT_EXPECT,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct verify {
	bool json;
	bool expects;
	char expected[CHAIN_HASH_SIZE];
	char **paths; /* argv's; ended by NULL */
	char **names; /* the same, fit to be shown; ended by NULL */
	struct chain_check *check;
	size_t unread;
};

static void verify_clear(struct verify *v)
{
	for (size_t i = 0; v->names && v->names[i]; i++)
		free(v->names[i]);
	free(v->names);
	chain_check_free(v->check);
}
#define AUTO_VERIFY __attribute__((cleanup(verify_clear)))

/* 0; 1 when there is nothing to do; -EINVAL, which has been said. */
static int options_parse(int argc, char **argv, struct verify *v)
{
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (opt == OPT_JSON) {
			v->json = true;
		} else if (opt == OPT_EXPECT) {
			if (chain_hash_parse(optarg, v->expected)) {
				log_error("--expect takes a hash: 64 of 0-9 and a-f");
				return -EINVAL;
			}
			v->expects = true;
		} else {
			return -EINVAL; /* getopt has said what is wrong */
		}
	}
	v->paths = argv + optind;
	if (*v->paths)
		return 0;
	log_error("verify takes the files to look at (docksnoop verify --help)");
	return -EINVAL;
}

/* A copy that can be shown, malloc'd. */
static char *shown(const char *text)
{
	size_t len = strlen(text);
	size_t size = text_escape(NULL, 0, text, len) + 1;
	char *out = malloc(size);

	if (out)
		text_escape(out, size, text, len);
	return out;
}

static int names_make(struct verify *v)
{
	size_t count = 0;

	while (v->paths[count])
		count++;
	v->names = calloc(count + 1, sizeof(*v->names));
	for (size_t i = 0; v->names && i < count; i++) {
		v->names[i] = shown(v->paths[i]);
		if (!v->names[i])
			return -ENOMEM;
	}
	return v->names ? 0 : -ENOMEM;
}

/* --- reading ----------------------------------------------------------------------------------- */

/* 0; -ENOMEM; another -errno: the file cannot be read. */
static int file_check(struct verify *v, const char *path)
{
	AUTO_LINES struct lines *lines = NULL;
	int err = lines_open(path, CHAIN_LINE_MAX, &lines);
	struct line line = {0};

	chain_check_file(v->check);
	if (err)
		return err;
	while ((err = lines_next(lines, &line)) > 0) {
		err = chain_check_line(v->check, line.text, line.len, line.whole, line.too_long);
		if (err)
			return err;
	}
	return err == -ENODATA || err == -EBADMSG ? chain_check_damaged(v->check) : err;
}

static int files_check(struct verify *v)
{
	for (size_t i = 0; v->paths[i]; i++) {
		int err = file_check(v, v->paths[i]);

		if (err == -ENOMEM)
			return err;
		if (err) {
			log_error("%s: %s", v->names[i],
				  err == -EINVAL ? "not a regular file" : strerror(-err));
			v->unread++;
		}
	}
	return chain_check_end(v->check);
}

/* --- what is said ------------------------------------------------------------------------------- */

static int json_print(json_t *object)
{
	int err = -ENOMEM;

	if (object)
		err = json_dumpf(object, stdout, EVENT_JSON_FLAGS) || putchar('\n') == EOF ? -EIO
											   : 0;
	json_decref(object);
	return err;
}

static int remark_print_json(const struct verify *v, const struct chain_remark *r,
			     const char *words)
{
	json_t *o = json_pack("{s:s,s:b,s:s}", "kind", verify_kind_name(r->kind), "trouble",
			      r->trouble, "message", words);

	/* that a member is not there is no reason to be silent: out of memory is found above */
	if (r->place.line) {
		json_object_set_new(o, "file", json_string(v->names[r->place.file]));
		json_object_set_new(o, "line", json_integer((json_int_t)r->place.line));
		json_object_set_new(o, "last_line", json_integer((json_int_t)r->last_line));
	}
	if (r->counted)
		json_object_set_new(o, "missing", json_integer((json_int_t)r->missing));
	if (r->other.line)
		json_object_set_new(o, "other",
				    json_pack("{s:s,s:I}", "file", v->names[r->other.file], "line",
					      (json_int_t)r->other.line));
	return json_print(o);
}

static int remark_print(const struct verify *v, const struct chain_remark *r)
{
	AUTO_FREE char *words = verify_words(r, v->names);

	if (!words)
		return -ENOMEM;
	if (v->json)
		return remark_print_json(v, r, words);
	if (!r->place.line)
		printf("%s\n", words);
	else if (r->last_line > r->place.line)
		printf("%s:%" PRIu64 ": %s%s (and so to line %" PRIu64 ")\n",
		       v->names[r->place.file], r->place.line, r->trouble ? "" : "note: ", words,
		       r->last_line);
	else
		printf("%s:%" PRIu64 ": %s%s\n", v->names[r->place.file], r->place.line,
		       r->trouble ? "" : "note: ", words);
	return 0;
}

/* What has a hash that is right can still have been written by anybody. */
static json_t *end_json(const struct chain_end *end)
{
	char time[sizeof(end->time) * 4] = "";

	text_escape(time, sizeof(time), end->time, strlen(end->time));
	return json_pack("{s:I,s:s,s:s}", "sequence", (json_int_t)end->sequence, "time", time,
			 "hash", end->hash);
}

static void end_print(const char *which, const struct chain_end *end)
{
	char time[sizeof(end->time) * 4] = "";

	text_escape(time, sizeof(time), end->time, strlen(end->time));
	printf("%s: event.sequence %" PRIu64 ", %s\n", which, end->sequence, time);
}

static int summary_print(const struct verify *v, const struct chain_summary *s)
{
	if (v->json)
		return json_print(
			json_pack("{s:s,s:I,s:I,s:I,s:b,s:o,s:o}", "kind", "summary", "records",
				  (json_int_t)s->records, "troubles", (json_int_t)s->troubles,
				  "unlisted", (json_int_t)s->unlisted, "stopped", s->last.stopped,
				  "first", end_json(&s->first), "last", end_json(&s->last)));
	if (s->unlisted)
		printf("%" PRIu64 " more are not listed\n", s->unlisted);
	if (s->unsearched && s->troubles)
		puts("there are too many records to look for all: a missing one may have been "
		     "moved");
	printf("%" PRIu64 " record%s, %" PRIu64 " trouble%s\n", s->records,
	       s->records == 1 ? "" : "s", s->troubles, s->troubles == 1 ? "" : "s");
	end_print("first", &s->first);
	end_print("last", &s->last);
	printf("last hash: %s\n", s->last.hash);
	puts(s->last.stopped ? "the last record is a monitor-stopped: docksnoop ended there"
			     : "the last record is no monitor-stopped: docksnoop is running, was "
			       "killed, or the end was cut");
	if (!v->expects)
		puts("what was cut from the end cannot be seen here: compare the last hash with "
		     "one "
		     "noted elsewhere (--expect)");
	return 0;
}

static int all_print(const struct verify *v, const struct chain_summary *summary)
{
	size_t count = 0;
	const struct chain_remark *remarks = chain_check_remarks(v->check, &count);
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = remark_print(v, &remarks[i]);
	if (!err && summary->records)
		err = summary_print(v, summary);
	if (fflush(stdout) || ferror(stdout))
		err = -EIO;
	return err;
}

int cmd_verify(int argc, char **argv)
{
	AUTO_VERIFY struct verify v = {0};
	struct chain_summary summary = {0};
	int err = options_parse(argc, argv, &v);

	if (err)
		return err == 1 ? EXIT_DONE : EXIT_USAGE;
	v.check = chain_check_new(v.expects ? v.expected : NULL);
	err = v.check ? names_make(&v) : -ENOMEM;
	if (!err)
		err = files_check(&v);
	if (!err) {
		chain_check_summary(v.check, &summary);
		err = all_print(&v, &summary);
	}
	if (err) {
		log_error("%s",
			  err == -ENOMEM ? "out of memory" : "standard output does not take it");
		return EXIT_BROKE;
	}
	if (!summary.records)
		log_error(
			"no record of a chain: empty, or not what --file of this docksnoop wrote");
	if (!summary.records || v.unread)
		return EXIT_USAGE;
	return summary.troubles ? EXIT_FINDING : EXIT_DONE;
}
