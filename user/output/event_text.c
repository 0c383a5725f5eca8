// SPDX-License-Identifier: Apache-2.0
#include "user/output/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/output/event_request.h"
#include "user/output/words.h"
#include "user/util/cleanup.h"

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

/* Select Graphic Rendition, ECMA-48 8.3.117 */
#define SGR_RESET    "\033[0m"
#define SGR_RED_BOLD "\033[1;31m"
#define SGR_YELLOW   "\033[33m"
#define SGR_DIM	     "\033[2m"

/* Columns that most names fit; a longer one pushes the rest to the right, none is cut. */
#define WORD_WIDTH    7
#define WHO_WIDTH     28
#define PROCESS_WIDTH 22

struct word {
	const char *text;
	const char *sgr;
	bool whole_line; /* what it colours */
};

static struct word event_word(const struct event *event)
{
	switch (event->action) {
	case EVENT_SOCKET_CONNECT:
	case EVENT_SOCKET_HANDOFF:
	case EVENT_API_REQUEST:
		if (event->verdict == VERDICT_FLAGGED)
			return (struct word){"FLAGGED", SGR_RED_BOLD, false};
		if (event->verdict == VERDICT_EXPIRED)
			return (struct word){"EXPIRED", SGR_RED_BOLD, false};
		if (event->verdict == VERDICT_JUSTIFIED)
			return (struct word){"granted", NULL, false};
		if (event->verdict == VERDICT_HOST)
			return (struct word){"host", SGR_DIM, true};
		if (event->listener && event->listener->scope == SCOPE_NESTED)
			return (struct word){"nested", NULL, false};
		if (event->action == EVENT_API_REQUEST)
			return (struct word){"request", NULL, false};
		return (struct word){event->action == EVENT_SOCKET_HANDOFF ? "handoff" : "connect",
				     NULL, false};
	case EVENT_SOCKET_EXPOSED:
		return (struct word){"exposed", SGR_YELLOW, false};
	case EVENT_EVENTS_LOST:
		return (struct word){"LOST", SGR_YELLOW, false};
	case EVENT_MONITOR_STARTED:
		return (struct word){"started", NULL, false};
	case EVENT_POLICY_LOADED:
		return (struct word){"policy", event->policy.error ? SGR_YELLOW : NULL, false};
	case EVENT_MONITOR_STOPPED:
		return (struct word){"stopped", NULL, false};
	}
	return (struct word){"", NULL, false};
}

static void put_time(FILE *out, uint64_t epoch_ns)
{
	time_t seconds = (time_t)(epoch_ns / NS_PER_S);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	fprintf(out, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned int)(epoch_ns % NS_PER_S / NS_PER_MS));
}

static size_t text_width(const char *s)
{
	size_t width = 0;

	/* a character a column: all bytes but those that continue one */
	for (; *s; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	return width;
}

static void put_column(FILE *out, const char *text, size_t width)
{
	size_t used = text_width(text);

	fprintf(out, "%s%*s", text, used < width ? (int)(width - used) : 0, "");
}

static void put_who(FILE *out, const struct event *event)
{
	if (event->verdict == VERDICT_HOST)
		return;
	if (event->action == EVENT_SOCKET_EXPOSED && event->address && !event->mount) {
		fputs("the daemon itself", out);
		return;
	}
	/* said in full, lest it be taken for a container of that name */
	if (!event->container)
		fputs("container ", out);
	put_container(out, event);
}

static void put_process(FILE *out, const struct event *event)
{
	const struct ds_record *raw = event->record ? &event->record->raw : NULL;

	if (!raw)
		return;
	put_escaped(out, raw->comm);
	fprintf(out, "[%" PRIu32 "]", raw->tgid);
	if (!(raw->flags & DS_F_KTHREAD))
		fprintf(out, " uid %" PRIu32, raw->uid);
}

static int put_written(FILE *out, const struct event *event, size_t width,
		       void (*write)(FILE *out, const struct event *event))
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *cell = open_memstream(&text, &len);

	if (!cell)
		return -1;
	write(cell, event);
	if (memstream_close(cell))
		return -1;
	put_column(out, text, width);
	fputs("  ", out);
	return 0;
}

/* "directory-bind /run:/hostrun:ro", the mount as docker's -v spells it */
static void put_mount(FILE *out, const struct mount_use *mount)
{
	fprintf(out, "  %s", mount_via_name(mount->via));
	if (!mount->known)
		return;
	fputc(' ', out);
	put_escaped(out, mount->source ? mount->source : "?");
	fputc(':', out);
	put_escaped(out, mount->target ? mount->target : "?");
	fputs(mount->read_only ? ":ro" : ":rw", out);
	if (mount->stale)
		fputs(" stale", out);
}

/* "connection of host curl[123]" */
static void put_opener(FILE *out, const struct event *event)
{
	const struct opener *opener = event->opener;
	const struct event theirs = {
		.container = opener ? opener->sighting.container : NULL,
		.attribution = opener ? opener->sighting.attribution : (struct attribution){0},
	};

	fputs("connection of ", out);
	if (opener && opener->sighting.host)
		fputs("host", out);
	else
		put_container(out, &theirs);
	fputc(' ', out);
	put_escaped(out, opener ? opener->comm : "");
	fprintf(out, "[%" PRIu32 "]", event->record->raw.from_tgid);
}

/* "  beyond the rule 'x'" */
static void put_rule(FILE *out, const struct event *event)
{
	if (!event->rule)
		return;
	fputs(event->verdict == VERDICT_JUSTIFIED ? "  by the rule '"
	      : event->verdict == VERDICT_EXPIRED ? "  expired: the rule '"
	      : event->but == BUT_BEYOND	  ? "  beyond the rule '"
						  : "  not by the rule '",
	      out);
	put_escaped(out, event->rule->name);
	fputc('\'', out);
}

static int put_access(FILE *out, const struct event *event)
{
	AUTO_FREE char *path = socket_path_inside(event);
	char number[ERROR_NAME_SIZE] = "";

	if (!path)
		return -1;
	if (put_written(out, event, WHO_WIDTH, put_who) ||
	    put_written(out, event, PROCESS_WIDTH, put_process))
		return -1;
	if (event->action == EVENT_SOCKET_HANDOFF)
		put_opener(out, event);
	else if (event->address)
		fputs(event->address, out);
	else
		put_escaped(out, *path ? path : "?");
	if (event->proxied) {
		fputs(" -> proxy ", out);
		put_container(out, &(struct event){.container = event->proxy});
	}
	fprintf(out, " -> %s", socket_daemon(event));
	if (*socket_path(event)) {
		fputc(' ', out);
		put_escaped(out, socket_path(event));
	}
	if (event->mount)
		put_mount(out, event->mount);
	if (event->error)
		fprintf(out, "  failed %s", error_name(event->error, number));
	else if (event_failed(event))
		fputs("  failed", out);
	if (event_by_name(event))
		fputs("  by name only", out);
	if (event->outcome_unknown)
		fputs("  no answer yet", out);
	if (event->already_open)
		fputs("  already open", out);
	if (event->count)
		fprintf(out, "  %" PRIu64 " times", event->count);
	if (event->attribution.anomaly) {
		fputs("  ", out);
		put_escaped(out, event->attribution.anomaly);
	}
	put_rule(out, event);
	return 0;
}

static int put_asked(FILE *out, const struct event *event)
{
	if (put_written(out, event, WHO_WIDTH, put_who) ||
	    put_written(out, event, PROCESS_WIDTH, put_process))
		return -1;
	put_request(out, event->request);
	put_rule(out, event);
	return 0;
}

static int put_event(FILE *out, const struct event *event)
{
	AUTO_FREE char *reason = NULL;

	if (event->action == EVENT_SOCKET_CONNECT || event->action == EVENT_SOCKET_HANDOFF ||
	    event->action == EVENT_SOCKET_EXPOSED)
		return put_access(out, event);
	if (event->action == EVENT_API_REQUEST)
		return put_asked(out, event);
	reason = event_reason(event);
	if (!reason)
		return -1;
	fputs(reason, out);
	return 0;
}

char *event_to_text(const struct event *event, bool color)
{
	struct word word = event_word(event);
	const char *sgr = color ? word.sgr : NULL;
	char *text = NULL;
	size_t len = 0;
	int err = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (sgr && word.whole_line)
		fputs(sgr, out);
	put_time(out, event->time_ns);
	fputs("  ", out);
	if (sgr && !word.whole_line)
		fputs(sgr, out);
	put_column(out, word.text, WORD_WIDTH);
	if (sgr && !word.whole_line)
		fputs(SGR_RESET, out);
	fputs("  ", out);
	err = put_event(out, event);
	if (sgr && word.whole_line)
		fputs(SGR_RESET, out);
	fputc('\n', out);
	if (memstream_close(out) || err) {
		free(text);
		return NULL;
	}
	return text;
}
